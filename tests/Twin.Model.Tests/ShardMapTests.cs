using Twin.Model;

namespace Twin.Model.Tests;

public class ShardMapTests
{
    [Fact]
    public void Ids_spread_evenly_over_shards()
    {
        var counts = new int[8];
        for (var i = 0; i < 80_000; i++) counts[ShardMap.ShardOf($"lamp-{i}", counts.Length)]++;
        Assert.All(counts, c => Assert.InRange(c, 9_500, 10_500));
    }

    [Fact]
    public void A_twin_keeps_its_shard_for_the_life_of_a_data_folder()
    {
        // FNV-1a 64 of "a" is 0xaf63dc4c8601ec8c (published vector); folded: low word 0x8601ec8c ^ 0xaf63dc4c.
        Assert.Equal((int)((0x8601ec8cu ^ 0xaf63dc4cu) % 8), ShardMap.ShardOf("a", 8));
    }
}
