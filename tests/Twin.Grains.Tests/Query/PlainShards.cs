using Twin.Grains.Query;
using Twin.Graph.Tests.Query;
using Twin.Model.Query;

namespace Twin.Grains.Tests.Query;

/// <summary>Shards in process. Calls of one shard never overlap, as in a grain.</summary>
internal sealed class PlainShards(QueryWorld world) : IShardQueries
{
    public int ShardCount => world.Shards.Length;

    public int Calls { get; private set; }

    /// <summary>Runs before each slice: edits between slices.</summary>
    public Action? BeforeSlice { get; set; }

    public ValueTask<ShardRows> QueryAsync(int shard, ShardQuery request, CancellationToken cancellationToken)
    {
        Calls++;
        BeforeSlice?.Invoke();
        return new(world.Engines[shard].Run(request, cancellationToken));
    }
}
