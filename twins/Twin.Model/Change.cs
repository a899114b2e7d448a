namespace Twin.Model;

/// <summary>What happened. The numbers are part of the journal and wire formats: never renumber.</summary>
public enum ChangeKind : byte
{
    /// <summary>A twin came to be; its first values follow as <see cref="PropertyChanged"/> in the same commit.</summary>
    TwinCreated = 1,
    /// <summary>A twin is gone, with its properties.</summary>
    TwinDeleted = 2,
    /// <summary>A property has a new value.</summary>
    PropertyChanged = 3,
    /// <summary>A property was removed.</summary>
    PropertyRemoved = 4,
    /// <summary>A relationship came to be or was replaced; the change's <see cref="Change.Value"/> holds its JSON.</summary>
    RelationshipChanged = 5,
    /// <summary>A relationship is gone.</summary>
    RelationshipDeleted = 6,
    /// <summary>A sample older than the state: kept for history only.</summary>
    SampleHistorical = 7,
    /// <summary>A telemetry message: passed on, not state.</summary>
    Telemetry = 8,
    /// <summary>The shard was recovered: a new epoch starts here.</summary>
    EpochStarted = 9,
    /// <summary>The target's side of a relationship (bookkeeping between shards, not shown to subscribers).</summary>
    IncomingLinked = 10,
    /// <summary>The target's side of a relationship is gone (bookkeeping).</summary>
    IncomingUnlinked = 11,
    /// <summary>A cross-shard commit was prepared here (bookkeeping; the value holds the encoded commands).</summary>
    TransactionPrepared = 12,
    /// <summary>A cross-shard commit was decided (bookkeeping; path "commit" or "abort").</summary>
    TransactionDecided = 13,
}

/// <summary>How kinds of changes are written.</summary>
public static class ChangeKinds
{
    /// <summary>The kind of a public change as subscribers and routes read it: <c>propertyChanged</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Bookkeeping, which does not leave.</exception>
    public static string ToText(this ChangeKind kind) => kind switch
    {
        ChangeKind.TwinCreated => "twinCreated",
        ChangeKind.TwinDeleted => "twinDeleted",
        ChangeKind.PropertyChanged => "propertyChanged",
        ChangeKind.PropertyRemoved => "propertyRemoved",
        ChangeKind.RelationshipChanged => "relationshipChanged",
        ChangeKind.RelationshipDeleted => "relationshipDeleted",
        ChangeKind.Telemetry => "telemetry",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Bookkeeping changes do not leave."),
    };
}

/// <summary>One entry of the change feed; what the journal holds and what subscribers receive. Immutable.</summary>
/// <param name="Sequence">Position in the shard's journal, see <see cref="FeedSequence"/>. Every change has its own.</param>
/// <param name="Kind">What happened.</param>
/// <param name="TwinId">The twin; for relationships the source; for incoming links the target; for transactions the id.</param>
/// <param name="ModelId">The twin's model; empty for bookkeeping.</param>
/// <param name="Path">Property path, or for relationships the relationship's id.</param>
/// <param name="Value">The new value; None where there is none.</param>
/// <param name="SourceTime">When it was true.</param>
/// <param name="CommitTime">When the owner accepted it.</param>
public readonly record struct Change(
    long Sequence, ChangeKind Kind, string TwinId, string ModelId, string Path, PropertyValue Value, WallTime SourceTime, WallTime CommitTime)
{
    /// <summary>True for changes that subscribers may see; bookkeeping between shards is not.</summary>
    public bool IsPublic => Kind is <= ChangeKind.RelationshipDeleted or ChangeKind.Telemetry;
}

/// <summary>
/// A shard's journal position: the epoch in the upper 24 bits, a counter without gaps in the lower 40.
/// The epoch grows at each recovery, so a position that a machine crash took back is never given to another change:
/// an ETag or a cursor from the lost tail is recognised instead of silently matching.
/// </summary>
public static class FeedSequence
{
    /// <summary>Bits of the counter.</summary>
    public const int CounterBits = 40;

    /// <summary>The epoch of a position.</summary>
    public static long EpochOf(long sequence) => sequence >>> CounterBits;

    /// <summary>The position before the first change of an epoch.</summary>
    public static long StartOf(long epoch) => epoch << CounterBits;
}

/// <summary>Changes read from one shard's feed.</summary>
/// <param name="Shard">Shard number, 0 to shard count - 1.</param>
/// <param name="Changes">In order of sequence; whole commits, except that one with more changes than a page may hold comes in several pages.</param>
/// <param name="Next">Read after this position next. Equal to the request's when nothing came.</param>
/// <param name="Reset">True when the asked position was taken back by a crash or has been compacted away: the reader must re-read state and go on from <paramref name="Next"/>.</param>
public sealed record FeedPage(int Shard, ArraySegment<Change> Changes, long Next, bool Reset);
