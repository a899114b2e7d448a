using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using StackExchange.Redis;
using Twin.Graph;
using Twin.Graph.Journal;
using Twin.Model;

namespace Twin.Grains.Journal;

/// <summary>One shard's list of frames. Frames are numbered from 0 for ever; the base counts those trimmed away.</summary>
internal sealed class RedisShardJournal(IDatabase redis, TimeProvider clock, TimeSpan patience, string prefix) : IShardJournal
{
    private const int ReadFrames = 64;
    private const int ChunkBytes = 1 << 20;

    private readonly RedisKey _epoch = prefix + "epoch";
    private readonly RedisKey _frames = prefix + "frames";
    private readonly RedisKey _last = prefix + "last";
    private readonly RedisKey _base = prefix + "base";
    private readonly RedisKey _bytes = prefix + "bytes";
    private readonly RedisKey _snapshot = prefix + "snapshot";
    private long _kept;
    private long _oldest;
    private long _appends;
    private volatile bool _isClosed;

    public long Epoch { get; private set; }

    public long OldestSequence => Interlocked.Read(ref _oldest);

    public long Bytes => Interlocked.Read(ref _kept);

    private RedisValue EpochText => Epoch.ToString(CultureInfo.InvariantCulture);

    public async Task ClaimAsync(CancellationToken cancellationToken)
    {
        Epoch = await RetryAsync(() => redis.StringIncrementAsync(_epoch), cancellationToken).ConfigureAwait(false);
        _kept = (long)await RetryAsync(() => redis.StringGetAsync(_bytes), cancellationToken).ConfigureAwait(false);
        var (_, frames) = await ReadAsync(0, 1, cancellationToken).ConfigureAwait(false);
        if (frames.Length > 0) _oldest = RangeOf(frames[0], 0).First;
    }

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> frame, long firstSequence, long lastSequence, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        var before = firstSequence - 1;
        var isStart = before == FeedSequence.StartOf(Epoch);
        var tag = string.Create(CultureInfo.InvariantCulture, $"{Epoch}:{++_appends}");
        RedisValue[] values = [EpochText, isStart ? "*" : before.ToString(CultureInfo.InvariantCulture), lastSequence.ToString(CultureInfo.InvariantCulture), tag, frame];
        long outcome;
        try
        {
            // A repeat carries the same tag: a frame whose first try did arrive is not pushed twice.
            outcome = (long)await RetryAsync(() => redis.ScriptEvaluateAsync(RedisScripts.Append, [_epoch, _frames, _last, _bytes], values), cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            JournalMetrics.Failures.Add(1);
            throw;
        }

        if (outcome == RedisScripts.Fenced) throw FencedOut();
        if (outcome == RedisScripts.Misplaced)
        {
            JournalMetrics.Failures.Add(1);
            throw new IOException($"The frame after {before:x} does not follow the journal '{prefix}': an append that was given up arrived late. The state must be read again.");
        }

        JournalMetrics.Frames.Add(1);
        JournalMetrics.Bytes.Add(frame.Length);
        Interlocked.Add(ref _kept, frame.Length);
        Interlocked.CompareExchange(ref _oldest, firstSequence, 0);
    }

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadFramesAsync(long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var number = await FindAsync(after, cancellationToken).ConfigureAwait(false); ;)
        {
            var (start, frames) = await ReadAsync(number, ReadFrames, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < frames.Length; i++)
                if (RangeOf(frames[i], start + i).Last > after) yield return frames[i];
            if (frames.Length < ReadFrames) yield break;
            number = start + frames.Length;
        }
    }

    /// <summary>Number of the first frame whose last sequence is after a position; a binary search, so that a feed far behind does not read everything for each page.</summary>
    private async Task<long> FindAsync(long after, CancellationToken cancellationToken)
    {
        var low = (long)await RetryAsync(() => redis.StringGetAsync(_base), cancellationToken).ConfigureAwait(false);
        var high = low + await RetryAsync(() => redis.ListLengthAsync(_frames), cancellationToken).ConfigureAwait(false);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            var (start, frames) = await ReadAsync(middle, 1, cancellationToken).ConfigureAwait(false);
            if (frames.Length == 0) high = middle;
            else if (RangeOf(frames[0], start).Last <= after) low = start + 1;
            else if (start > middle) return start; // trimmed meanwhile
            else high = middle;
        }

        return low;
    }

    private async Task<(long Start, byte[][] Frames)> ReadAsync(long number, int most, CancellationToken cancellationToken)
    {
        var answer = await RetryAsync(() => redis.ScriptEvaluateAsync(RedisScripts.Read, [_frames, _base], [number, most]), cancellationToken).ConfigureAwait(false);
        var items = (RedisResult[])answer!;
        var frames = new byte[items.Length - 1][];
        for (var i = 0; i < frames.Length; i++) frames[i] = (byte[])items[i + 1]!;
        return ((long)items[0], frames);
    }

    private (long First, long Last) RangeOf(byte[] frame, long number)
    {
        try
        {
            return ChangeCodec.RangeOf(frame);
        }
        catch (InvalidDataException damaged)
        {
            throw new InvalidDataException($"Frame {number} of '{_frames}' is damaged: {damaged.Message}", damaged);
        }
    }

    public async Task<(long Sequence, ReadOnlyMemory<byte> Bytes)?> ReadSnapshotAsync(CancellationToken cancellationToken)
    {
        string? pointer = await RetryAsync(() => redis.StringGetAsync(_snapshot), cancellationToken).ConfigureAwait(false);
        if (pointer is null) return null;
        var parts = pointer.Split(':');
        var (sequence, chunks) = (long.Parse(parts[0], CultureInfo.InvariantCulture), int.Parse(parts[2], CultureInfo.InvariantCulture));
        var bytes = new MemoryStream();
        for (var i = 0; i < chunks; i++)
        {
            byte[]? chunk = await RetryAsync(() => redis.ListGetByIndexAsync(ChunksOf(parts[1]), i), cancellationToken).ConfigureAwait(false);
            if (chunk is null) throw new InvalidDataException($"Chunk {i} of {chunks} of snapshot '{prefix}{pointer}' is missing.");
            bytes.Write(chunk);
        }

        return (sequence, bytes.GetBuffer().AsMemory(0, (int)bytes.Length));
    }

    private RedisKey ChunksOf(string name) => prefix + "chunks:" + name;

    /// <summary>Deletes all that lies under a shard's prefix.</summary>
    public static async Task DropAsync(IDatabase redis, string prefix)
    {
        var pointer = (string?)await redis.StringGetAsync(prefix + "snapshot").ConfigureAwait(false);
        RedisKey[] keys = [prefix + "epoch", prefix + "frames", prefix + "last", prefix + "base", prefix + "bytes", prefix + "snapshot", .. pointer is null ? (RedisKey[])[] : [prefix + "chunks:" + pointer.Split(':')[1]]];
        await redis.KeyDeleteAsync(keys).ConfigureAwait(false);
    }

    public async Task WriteSnapshotAsync(long sequence, ReadOnlySequence<byte> bytes, long keepAfter, CancellationToken cancellationToken)
    {
        if (keepAfter > sequence) throw new ArgumentOutOfRangeException(nameof(keepAfter), keepAfter, $"Frames after the snapshot ({sequence:x}) must be kept.");
        var name = string.Create(CultureInfo.InvariantCulture, $"{Epoch}-{sequence:x}");
        var chunks = ChunksOf(name);
        var count = 0;
        await RetryAsync(() => redis.KeyDeleteAsync(chunks), cancellationToken).ConfigureAwait(false);
        for (var at = 0L; at < bytes.Length; at += ChunkBytes, count++)
        {
            // LSET-like by length: a repeat after an unknown outcome must not add the chunk again.
            var (chunk, expected) = (bytes.Slice(at, Math.Min(ChunkBytes, bytes.Length - at)).ToArray(), count);
            await RetryAsync(() => redis.ScriptEvaluateAsync("if redis.call('LLEN', KEYS[1]) == tonumber(ARGV[1]) then redis.call('RPUSH', KEYS[1], ARGV[2]) end return 0", [chunks], [expected, chunk]), cancellationToken).ConfigureAwait(false);
        }

        var pointer = string.Create(CultureInfo.InvariantCulture, $"{sequence}:{name}:{count}");
        var old = (string?)await RetryAsync(() => redis.ScriptEvaluateAsync(RedisScripts.Point, [_epoch, _snapshot], [EpochText, pointer]), cancellationToken).ConfigureAwait(false);
        if (old == "-1")
        {
            await redis.KeyDeleteAsync(chunks, CommandFlags.FireAndForget).ConfigureAwait(false);
            throw FencedOut();
        }

        if (old is { Length: > 0 } && old != pointer) await RetryAsync(() => redis.KeyDeleteAsync(ChunksOf(old.Split(':')[1])), cancellationToken).ConfigureAwait(false);
        JournalMetrics.Snapshots.Add(1);
        await TrimAsync(keepAfter, cancellationToken).ConfigureAwait(false);
    }

    private async Task TrimAsync(long keepAfter, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (start, frames) = await ReadAsync(0, ReadFrames, cancellationToken).ConfigureAwait(false);
            var (drop, bytes) = (0, 0L);
            while (drop < frames.Length && RangeOf(frames[drop], start + drop).Last <= keepAfter) bytes += frames[drop++].Length;
            if (drop > 0)
            {
                var outcome = (long)await RetryAsync(() => redis.ScriptEvaluateAsync(RedisScripts.Trim, [_epoch, _frames, _base, _bytes], [EpochText, start, drop, bytes]), cancellationToken).ConfigureAwait(false);
                if (outcome == RedisScripts.Fenced) throw FencedOut();
                Interlocked.Add(ref _kept, -bytes);
            }

            if (drop < frames.Length) Interlocked.Exchange(ref _oldest, RangeOf(frames[drop], start + drop).First);
            if (drop < frames.Length || frames.Length == 0) return;
        }
    }

    private JournalFencedException FencedOut() => new($"Journal '{prefix}' was claimed by a later writer; this one had epoch {Epoch}.");

    /// <summary>Tries again, more and more seldom, while the store is gone; then an IOException.</summary>
    private async Task<T> RetryAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        for (var wait = TimeSpan.FromMilliseconds(20); ; wait = wait < TimeSpan.FromSeconds(1) ? wait * 2 : wait)
        {
            try
            {
                return await call().ConfigureAwait(false);
            }
            catch (RedisServerException fault) when (IsLasting(fault))
            {
                throw new IOException($"Redis refuses '{prefix}': {fault.Message}", fault);
            }
            catch (ObjectDisposedException closed)
            {
                throw new IOException($"The connection to Redis of '{prefix}' is closed.", closed);
            }
            catch (Exception fault) when (fault is RedisException or TimeoutException)
            {
                if (clock.GetElapsedTime(started) + wait > patience)
                    throw new IOException($"Redis did not answer for '{prefix}' within {patience.TotalSeconds} s: {fault.Message}", fault);
            }

            await Task.Delay(wait, clock, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Answers that trying again does not mend: out of memory, a script's own error. Loading and failover pass.</summary>
    private static bool IsLasting(RedisServerException fault) =>
        !(fault.Message.StartsWith("LOADING", StringComparison.Ordinal) || fault.Message.StartsWith("BUSY", StringComparison.Ordinal)
          || fault.Message.StartsWith("MASTERDOWN", StringComparison.Ordinal) || fault.Message.StartsWith("READONLY", StringComparison.Ordinal)
          || fault.Message.StartsWith("TRYAGAIN", StringComparison.Ordinal) || fault.Message.StartsWith("CLUSTERDOWN", StringComparison.Ordinal));

    public ValueTask DisposeAsync()
    {
        _isClosed = true;
        return ValueTask.CompletedTask;
    }
}
