using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>The shards as the coordinator sees them. Implemented over shard grains, or over plain states in tests. Thread-safe.</summary>
public interface IShardQueries
{
    /// <summary>Number of shards.</summary>
    int ShardCount { get; }

    /// <summary>Runs one slice on one shard.</summary>
    ValueTask<ShardRows> QueryAsync(int shard, ShardQuery request, CancellationToken cancellationToken);
}

/// <summary>Bounds of one page of a query.</summary>
/// <param name="MaxRowsExamined">Rows and relationships looked at, on all shards together.</param>
/// <param name="MaxTime">Time from the call to the answer.</param>
/// <param name="SliceRows">Rows a shard looks at in one call, so that others get their turn.</param>
/// <param name="JoinBatch">Links of a pattern gathered before the twins at their ends are asked.</param>
/// <param name="MaxPageSize">Largest page.</param>
/// <param name="MaxRowsJoined">Rows bound on the way through a pattern, at all its hops together.</param>
public sealed record QueryBounds(
    long MaxRowsExamined = 5_000_000, TimeSpan? MaxTime = null, int SliceRows = 500_000, int JoinBatch = 4_000, int MaxPageSize = 10_000, long MaxRowsJoined = 2_000_000)
{
    /// <summary>The time limit; 10 s by default.</summary>
    public TimeSpan Time => MaxTime ?? TimeSpan.FromSeconds(10);
}
