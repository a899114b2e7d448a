namespace Twin.Model;

/// <summary>Which shard owns a twin: FNV-1a over the id's UTF-16 code units, mixed, modulo the shard count. Fixed for the life of a data folder.</summary>
public static class ShardMap
{
    /// <summary>The shard of a twin, 0 to <paramref name="shardCount"/> - 1. Allocates nothing.</summary>
    public static int ShardOf(ReadOnlySpan<char> twinId, int shardCount)
    {
        var hash = 14695981039346656037UL;
        foreach (var unit in twinId) hash = (hash ^ unit) * 1099511628211UL;
        hash ^= hash >> 32;
        return (int)((uint)hash % (uint)shardCount);
    }
}
