using Twin.Grains.Query;
using Twin.Graph.Tests.Query;
using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Grains.Tests.Query;

/// <summary>Shards in process. Calls of one shard never overlap, as in a grain.</summary>
internal sealed class PlainShards(QueryWorld world) : IShardQueries
{
    public int ShardCount => world.Shards.Length;

    public int Calls { get; private set; }

    /// <summary>Runs before each slice: edits between slices.</summary>
    public Action? BeforeSlice { get; set; }

    /// <summary>What a subject may, for queries that carry one; as an owner does.</summary>
    public Func<PolicySubject, SubjectRules>? RulesOf { get; set; }

    public ValueTask<ShardRows> QueryAsync(int shard, ShardQuery request, CancellationToken cancellationToken)
    {
        Calls++;
        BeforeSlice?.Invoke();
        if (request.Subject is null) return new(world.Engines[shard].Run(request, cancellationToken));
        world.Shards[shard].LookAs(RulesOf!(request.Subject));
        try
        {
            return new(world.Engines[shard].Run(request, cancellationToken));
        }
        finally
        {
            world.Shards[shard].LookAs(null);
        }
    }
}
