using Twin.Model;

namespace Twin.Devices.Recordings;

/// <summary>How a recording plays.</summary>
public sealed record PlaybackOptions
{
    /// <summary>Recorded seconds a second, 0.01 to 1,000,000.</summary>
    public double Speed { get; init; } = 1;

    /// <summary>
    /// Gives each sample the instant it is due instead of the recorded one: start of play plus recorded elapsed time over
    /// speed. Order and proportions stay; values look as if they happen now.
    /// </summary>
    public bool Restamp { get; init; }

    /// <summary>Samples in one send at most, 1 to 10,000; frames that are due together go together.</summary>
    public int MaxBatch { get; init; } = 1_000;

    /// <summary>Checks the bounds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option and its range.</exception>
    public PlaybackOptions Validate()
    {
        if (!(Speed is >= 0.01 and <= 1_000_000)) throw new ArgumentOutOfRangeException(nameof(Speed), Speed, "Speed must be from 0.01 to 1000000.");
        if (MaxBatch is < 1 or > 10_000) throw new ArgumentOutOfRangeException(nameof(MaxBatch), MaxBatch, "MaxBatch must be from 1 to 10000.");
        return this;
    }
}

/// <summary>How far a playback is.</summary>
/// <param name="Frames">Frames sent.</param>
/// <param name="Samples">Samples sent.</param>
/// <param name="Backward">Frames whose recorded time lies before the one before; sent at once.</param>
/// <param name="Position">Recorded time of the last frame sent.</param>
/// <param name="Behind">How much later than due the last send began: above 0 the receiver cannot keep up with the speed.</param>
public readonly record struct PlaybackProgress(long Frames, long Samples, long Backward, WallTime Position, TimeSpan Behind);

/// <summary>
/// Plays recordings through a delegate in the recording's own rhythm, times a speed. It never drops: a receiver that is slow
/// makes it fall behind, and it catches up when it can. Pacing is by the clock's timestamp against the first frame, so
/// errors do not add up. Thread-safe: each play is its own.
/// </summary>
public sealed class RecordingPlayer(TimeProvider clock)
{
    // Shorter waits than a timer can keep are not worth their timer; such frames go together.
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1);

    /// <summary>Plays to the end or until cancelled; returns the last progress.</summary>
    /// <param name="frames">A recording's frames.</param>
    /// <param name="options">Speed and stamps.</param>
    /// <param name="send">Takes samples; the array is reused once it completes. Awaited: that is the back-pressure.</param>
    /// <param name="progress">Told after each send; null for nobody.</param>
    /// <param name="cancellationToken">Stops before the next send.</param>
    public async Task<PlaybackProgress> PlayAsync(
        IAsyncEnumerable<RecordedFrame> frames, PlaybackOptions options, Func<ArraySegment<Sample>, ValueTask> send, IProgress<PlaybackProgress>? progress, CancellationToken cancellationToken)
    {
        options.Validate();
        var play = new Play(clock, options, send, progress);
        await foreach (var frame in frames.WithCancellation(cancellationToken).ConfigureAwait(false)) await play.TakeAsync(frame, cancellationToken).ConfigureAwait(false);
        await play.SendAsync().ConfigureAwait(false);
        return play.Progress;
    }

    private sealed class Play(TimeProvider clock, PlaybackOptions options, Func<ArraySegment<Sample>, ValueTask> send, IProgress<PlaybackProgress>? listener)
    {
        private readonly Sample[] _batch = new Sample[options.MaxBatch];
        private readonly long _startTimestamp = clock.GetTimestamp();
        private readonly WallTime _startWall = WallTime.Now(clock);
        private WallTime _first;
        private WallTime _last;
        private TimeSpan _due;
        private int _count;
        private long _frames;
        private long _samples;
        private long _backward;

        public PlaybackProgress Progress { get; private set; }

        public async ValueTask TakeAsync(RecordedFrame frame, CancellationToken cancellationToken)
        {
            if (!_first.IsKnown) _first = frame.Time;
            else if (frame.Time < _last) _backward++;
            var due = (frame.Time - _first) / options.Speed;
            await WaitUntilAsync(due, cancellationToken).ConfigureAwait(false);
            var stamp = options.Restamp ? _startWall + due : frame.Time;
            foreach (var sample in frame.Samples)
            {
                if (_count == _batch.Length) await SendAsync().ConfigureAwait(false);
                _batch[_count++] = sample with { SourceTime = stamp };
                _samples++;
            }
            cancellationToken.ThrowIfCancellationRequested();
            (_last, _due) = (frame.Time, due);
            _frames++;
        }

        public async ValueTask SendAsync()
        {
            var behind = clock.GetElapsedTime(_startTimestamp) - _due;
            if (_count > 0) await send(new ArraySegment<Sample>(_batch, 0, _count)).ConfigureAwait(false);
            _count = 0;
            Progress = new PlaybackProgress(_frames, _samples, _backward, _last, behind > TimeSpan.Zero ? behind : TimeSpan.Zero);
            listener?.Report(Progress);
        }

        private async ValueTask WaitUntilAsync(TimeSpan due, CancellationToken cancellationToken)
        {
            var wait = due - clock.GetElapsedTime(_startTimestamp);
            if (wait < ShortestWait) return;
            await SendAsync().ConfigureAwait(false);
            // Timers may be early by a fraction, and one wait is bounded by what a timer takes.
            while ((wait = due - clock.GetElapsedTime(_startTimestamp)) >= ShortestWait)
                await Task.Delay(wait < TimeSpan.FromDays(1) ? wait : TimeSpan.FromDays(1), clock, cancellationToken).ConfigureAwait(false);
        }
    }
}
