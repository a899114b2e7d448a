using Twin.Graph;

namespace Twin.Grains;

/// <summary>How the shards of a silo behave. Immutable.</summary>
public sealed record TwinGrainOptions
{
    /// <summary>Shards in all, 1 to 1,024. The first start of a store fixes it; another number is refused.</summary>
    public int ShardCount { get; init; } = 8;

    /// <summary>The branch everything live is on.</summary>
    public string Branch { get; init; } = "live";

    /// <summary>Fates of samples that are not the newest.</summary>
    public SampleRules SampleRules { get; init; } = SampleRules.Default;

    /// <summary>Changes kept in memory for the feed, 1,024 to 1,048,576, rounded up to a power of two; older ones are read from the journal.</summary>
    public int FeedRing { get; init; } = 32_768;

    /// <summary>Changes after which a snapshot is written, at least 1,000; a larger state waits for four changes a twin.</summary>
    public int SnapshotEvery { get; init; } = 100_000;

    /// <summary>Changes of journal kept behind a snapshot so that feed cursors can resume.</summary>
    public long JournalKept { get; init; } = 1_000_000;

    /// <summary>How books of accounts behave.</summary>
    public Ledger.LedgerGrainOptions Ledger { get; init; } = new();

    /// <summary>A promised transaction older than this asks its coordinator what became of it.</summary>
    public TimeSpan DoubtAfter { get; init; } = TimeSpan.FromSeconds(5);
}
