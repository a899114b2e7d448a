using Twin.Model;

namespace Twin.History;

/// <summary>One stored value of one property.</summary>
/// <param name="Time">When it was true.</param>
/// <param name="Value">The value.</param>
public readonly record struct HistoryPoint(WallTime Time, PropertyValue Value);

/// <summary>One bucket of a downsampled read. <see cref="Min"/>, <see cref="Max"/>, <see cref="Mean"/> are NaN where no value was a number.</summary>
/// <param name="Start">Start of the bucket, inclusive; buckets are aligned to 1970-01-01T00:00:00Z.</param>
/// <param name="Count">Values in it.</param>
/// <param name="Min">Least number.</param>
/// <param name="Max">Greatest number.</param>
/// <param name="Mean">Arithmetic mean of the numbers.</param>
/// <param name="Last">The value of greatest source time (the later arrival among equals).</param>
public readonly record struct HistoryBucket(WallTime Start, long Count, double Min, double Max, double Mean, PropertyValue Last);

/// <summary>
/// Keeps every accepted value of every property, in order of the time it was true. Written from the change feed only; each
/// append carries the feed position it brings a shard to and both are stored in one transaction, so a replayed page is
/// not stored twice and none is missed. Thread-safe.
/// </summary>
public interface IHistoryStore : IAsyncDisposable
{
    /// <summary>Creates tables and indexes where they are missing.</summary>
    Task OpenAsync(CancellationToken cancellationToken);

    /// <summary>The feed position each shard has been stored up to (shards never stored are absent).</summary>
    Task<IReadOnlyDictionary<int, long>> ReadPositionsAsync(string branch, CancellationToken cancellationToken);

    /// <summary>Stores the property values (PropertyChanged, SampleHistorical, Telemetry) of a page and its position, atomically. A page at or below the stored position is ignored.</summary>
    Task AppendAsync(string branch, IReadOnlyList<FeedPage> pages, CancellationToken cancellationToken);

    /// <summary>Values of one property in [from, to), oldest first, at most <paramref name="limit"/> (1 to 1,000,000).</summary>
    Task<IReadOnlyList<HistoryPoint>> ReadAsync(string branch, string twinId, string path, WallTime from, WallTime to, int limit, CancellationToken cancellationToken);

    /// <summary>Buckets of <paramref name="width"/> (at least 1 ms) over [from, to); empty buckets are left out; at most 100,000 buckets.</summary>
    Task<IReadOnlyList<HistoryBucket>> ReadBucketsAsync(string branch, string twinId, string path, WallTime from, WallTime to, TimeSpan width, CancellationToken cancellationToken);

    /// <summary>Removes values older than <paramref name="before"/>; returns how many.</summary>
    Task<long> RemoveBeforeAsync(string branch, WallTime before, CancellationToken cancellationToken);

    /// <summary>Stored values in all.</summary>
    Task<long> CountAsync(string branch, CancellationToken cancellationToken);
}
