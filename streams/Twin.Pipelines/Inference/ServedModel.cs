namespace Twin.Pipelines.Inference;

/// <summary>Whether a model serves.</summary>
public enum ModelState
{
    /// <summary>It serves.</summary>
    Ready,
    /// <summary>It failed too often in a row; one run will be tried when its pause is over.</summary>
    Disabled,
    /// <summary>It could not be loaded.</summary>
    Refused,
}

/// <summary>
/// A model and how it fares. A run that passes the latency bound is counted and its batch skipped; after
/// <see cref="FailureLimit"/> failures in a row the model pauses, then one run decides (a half-open breaker).
/// Runs come from one stage at a time; the counts may be read by anyone.
/// </summary>
public sealed class ServedModel : IDisposable
{
    private readonly IModelSession? _session;
    private readonly TimeProvider _clock;
    private Task _late = Task.CompletedTask; // a run that passed its bound and has not ended yet
    private int _failuresInARow;
    private long _disabledAt;

    internal ServedModel(ModelCard card, IModelSession? session, TimeProvider clock) => (Card, _session, _clock) = (card, session, clock);

    /// <summary>Failures in a row that disable a model.</summary>
    public const int FailureLimit = 3;

    /// <summary>How long a disabled model pauses before one run is tried.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    /// <summary>Its card.</summary>
    public ModelCard Card { get; }

    /// <summary>Whether it serves.</summary>
    public ModelState State => _session is null ? ModelState.Refused : _failuresInARow >= FailureLimit ? ModelState.Disabled : ModelState.Ready;

    /// <summary>The last failure; null when there was none.</summary>
    public string? LastError { get; private set; }

    /// <summary>Windows scored.</summary>
    public long Scored { get; private set; }

    /// <summary>Runs that threw or gave numbers that are not finite.</summary>
    public long Failures { get; private set; }

    /// <summary>Runs that passed the latency bound.</summary>
    public long Timeouts { get; private set; }

    /// <summary>Windows not scored: failed, late, or while disabled.</summary>
    public long Skipped { get; private set; }

    /// <summary>Length of the last run.</summary>
    public TimeSpan LastRun { get; private set; }

    internal static ServedModel Refused(ModelCard card, string why, TimeProvider clock) => new(card, null, clock) { LastError = why };

    /// <summary>One small and one full run, so that the first device does not pay for allocation and code generation.</summary>
    internal void WarmUp()
    {
        var windows = new float[Card.MaxBatch * Card.Input.Window];
        var scores = new float[Card.MaxBatch];
        try
        {
            _session!.Score(windows, 1, scores, default);
            _session.Score(windows, Card.MaxBatch, scores, default);
        }
        catch (Exception failed)
        {
            throw new InvalidDataException($"{Card.File} failed its warm-up: {failed.Message}", failed);
        }
    }

    /// <summary>Scores a batch; false when it was skipped. Never throws.</summary>
    internal async Task<bool> TryScoreAsync(float[] windows, int count, float[] scores)
    {
        if (!MayRun())
        {
            Skipped += count;
            return false;
        }
        var started = _clock.GetTimestamp();
        var stop = new CancellationTokenSource();
        var run = Task.Run(() => _session!.Score(windows, count, scores, stop.Token));
        try
        {
            await run.WaitAsync(TimeSpan.FromMilliseconds(Card.LatencyBoundMs), _clock).ConfigureAwait(false);
            LastRun = _clock.GetElapsedTime(started);
            if (scores.AsSpan(0, count).ContainsAnyExceptFinite()) throw new InvalidDataException("A score is not a finite number.");
            _failuresInARow = 0;
            Scored += count;
            stop.Dispose();
            return true;
        }
        catch (TimeoutException) when (!run.IsCompleted)
        {
            Timeouts++;
            Fail(count, $"A run of {count} windows took longer than {Card.LatencyBoundMs} ms.");
            await stop.CancelAsync().ConfigureAwait(false);
            _late = EndAsync(run, stop);
            return false;
        }
        catch (Exception failed)
        {
            Failures++;
            Fail(count, failed.Message);
            stop.Dispose();
            return false;
        }
    }

    /// <summary>True while a late run may still read its arrays.</summary>
    internal bool HasLateRun => !_late.IsCompleted;

    /// <inheritdoc/>
    public void Dispose()
    {
        // A late run still uses the session; its memory is then left to the finaliser.
        if (!HasLateRun) _session?.Dispose();
    }

    private static async Task EndAsync(Task late, CancellationTokenSource stop)
    {
        await late.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // its failure was counted when it passed the bound
        stop.Dispose();
    }

    private bool MayRun()
    {
        if (_session is null || HasLateRun) return false;
        return _failuresInARow < FailureLimit || _clock.GetElapsedTime(_disabledAt) >= Pause;
    }

    private void Fail(int count, string why)
    {
        Skipped += count;
        LastError = why;
        if (++_failuresInARow >= FailureLimit) _disabledAt = _clock.GetTimestamp();
    }
}

/// <summary>A check over scores.</summary>
internal static class FiniteScores
{
    /// <summary>True when one of them is NaN or infinite.</summary>
    public static bool ContainsAnyExceptFinite(this Span<float> scores)
    {
        foreach (var score in scores)
        {
            if (!float.IsFinite(score)) return true;
        }
        return false;
    }
}
