namespace Twin.Model;

/// <summary>One reading of one property, before the owner has seen it. Hot.</summary>
/// <param name="TwinId">The twin it speaks of.</param>
/// <param name="Path">The property: <c>temperature</c>, or <c>component/temperature</c>.</param>
/// <param name="Value">The value; Text for dateTime and duration properties too (the owner's schema converts it).</param>
/// <param name="SourceTime">When it was true, by the device's clock; <see cref="WallTime.None"/> takes the arrival time.</param>
public readonly record struct Sample(string TwinId, string Path, PropertyValue Value, WallTime SourceTime);

/// <summary>Samples that arrived together and belong to one shard. Owned by the sender until handed to the store, then immutable.</summary>
/// <param name="Samples">The samples, in order of arrival.</param>
/// <param name="ArrivalTime">When this process learned them.</param>
public sealed record SampleBatch(ArraySegment<Sample> Samples, WallTime ArrivalTime);

/// <summary>What became of a sample. Every sample has exactly one fate, and every fate a counter (<c>twin_ingest_samples_total{fate}</c>).</summary>
public enum SampleFate : byte
{
    /// <summary>New state: journaled, in the feed, in history.</summary>
    Applied = 0,
    /// <summary>Same property, source time and value as the present state: acknowledged, not stored again.</summary>
    Duplicate = 1,
    /// <summary>Older than the present state by at most the reorder window: journaled for history, state unchanged.</summary>
    Reordered = 2,
    /// <summary>Older than the reorder window: journaled for history and marked late, state unchanged.</summary>
    Late = 3,
    /// <summary>Further in the future than the allowed clock skew: refused.</summary>
    Future = 4,
    /// <summary>No twin of that id: refused.</summary>
    UnknownTwin = 5,
    /// <summary>The model has no such property: refused.</summary>
    UnknownProperty = 6,
    /// <summary>The value does not fit the property's schema: refused.</summary>
    Invalid = 7,
    /// <summary>The store could not keep it (disk full, owner unreachable): refused, not acknowledged; the sender should retry.</summary>
    Unavailable = 8,
}

/// <summary>One refused sample, for the door's answer and the dead-letter log.</summary>
/// <param name="Index">Position in the batch.</param>
/// <param name="Fate">Why.</param>
/// <param name="Detail">What was wrong, with the value and what was allowed.</param>
public sealed record SampleRefusal(int Index, SampleFate Fate, string Detail);

/// <summary>The owner's answer to a batch, sent after the journal has it.</summary>
/// <param name="Counts">Samples by <see cref="SampleFate"/>, indexed by its number (length 9).</param>
/// <param name="Refusals">Every refused sample, at most 100 a batch; the counts stay exact.</param>
/// <param name="Sequence">Journal sequence after the batch.</param>
public sealed record IngestOutcome(int[] Counts, SampleRefusal[] Refusals, long Sequence)
{
    /// <summary>Number of <see cref="SampleFate"/> values.</summary>
    public const int FateCount = 9;
}
