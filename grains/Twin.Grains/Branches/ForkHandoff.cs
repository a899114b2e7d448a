using System.Collections.Concurrent;
using Twin.Graph;

namespace Twin.Grains.Branches;

/// <summary>Forked states on their way from a parent's shard to the branch's, in one silo. Each is taken once. Thread-safe.</summary>
internal sealed class ForkHandoff
{
    private readonly ConcurrentDictionary<string, ShardState> _states = new(StringComparer.Ordinal);

    /// <summary>Leaves a state for a branch's shard; one that nobody took before is forgotten.</summary>
    public void Put(string branch, int shard, ShardState state) => _states[$"{branch}/{shard}"] = state;

    /// <summary>Takes it; null when it was left in another silo.</summary>
    public ShardState? Take(string branch, int shard) => _states.TryRemove($"{branch}/{shard}", out var state) ? state : null;
}
