using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Applies samples of one shard; returns after the journal has them. The batch and its array belong to the call: they are
/// reused once it has completed, so the callee must not keep them. A thrown exception counts as Unavailable.
/// </summary>
public delegate ValueTask<IngestOutcome> ShardApply(int shard, SampleBatch batch, CancellationToken cancellationToken);

/// <summary>Bounds of the ingest pipeline. Immutable; <see cref="Validate"/> throws on a value outside its range.</summary>
public sealed record IngestOptions
{
    /// <summary>Bytes (payloads plus 256 a message) between offer and settlement, 64 KiB to 4 GiB. At the bound offers wait.</summary>
    public long MaxBytesInFlight { get; init; } = 64L << 20;

    /// <summary>Decoded samples not yet journaled, 1,000 to 10,000,000. At the bound no further chunk is decoded, so bytes fill up and offers wait. May be passed by one intake.</summary>
    public int MaxSamplesInFlight { get; init; } = 200_000;

    /// <summary>Samples one message may hold, 1 to 100,000. A longer message is Invalid as a whole.</summary>
    public int MaxSamplesPerMessage { get; init; } = 10_000;

    /// <summary>Samples in one call to a shard, 1 to 100,000.</summary>
    public int MaxSamplesPerGroup { get; init; } = 10_000;

    /// <summary>Calls to shards under way at once, 1 to 1,024; at most one a shard. Fewer calls mean larger groups.</summary>
    public int Parallelism { get; init; } = 8;

    /// <summary>How long a shard that answers Unavailable is retried in place (its owner may be moving), 0 to 60 s, counted from the shard's first failure. After it each group has one attempt until one succeeds.</summary>
    public TimeSpan RetryWindow { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>First pause between attempts; doubles up to 16 times this. 1 ms to 1 s.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Longest time one call to a shard may take, 100 ms to 5 min; then it counts as Unavailable.</summary>
    public TimeSpan ApplyTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Longest time to drain on disposal, 0 to 5 min; what is left then is answered Unavailable.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Entries of the table that turns twin ids into strings, 256 to 16,777,216, rounded up to a power of two. Ids beyond it cost an allocation a sample.</summary>
    public int TwinIdTableSize { get; init; } = 1 << 18;

    /// <summary>Checks every bound.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, its value and the allowed range.</exception>
    public IngestOptions Validate()
    {
        Within(MaxBytesInFlight, 64 << 10, 4L << 30, nameof(MaxBytesInFlight));
        Within(MaxSamplesInFlight, 1_000, 10_000_000, nameof(MaxSamplesInFlight));
        Within(MaxSamplesPerMessage, 1, 100_000, nameof(MaxSamplesPerMessage));
        Within(MaxSamplesPerGroup, 1, 100_000, nameof(MaxSamplesPerGroup));
        Within(Parallelism, 1, 1_024, nameof(Parallelism));
        Within(TwinIdTableSize, 256, 1 << 24, nameof(TwinIdTableSize));
        Within(RetryWindow, TimeSpan.Zero, TimeSpan.FromSeconds(60), nameof(RetryWindow));
        Within(RetryPause, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(1), nameof(RetryPause));
        Within(ApplyTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5), nameof(ApplyTimeout));
        Within(DrainTimeout, TimeSpan.Zero, TimeSpan.FromMinutes(5), nameof(DrainTimeout));
        return this;
    }

    private static void Within<T>(T value, T least, T most, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from {least} to {most}.");
    }
}
