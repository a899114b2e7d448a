using System.Text;
using System.Text.Json;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Graph.Tests.Query;

public class QueryAgainstOracleTests
{
    [Fact]
    public void Every_random_condition_finds_the_twins_the_obvious_evaluation_finds_after_any_edits()
    {
        var cases = 0;
        var matched = 0;
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, shardCount: 1, twins: random.Next(1, 200));
            world.Populate();
            for (var round = 0; round < 5; round++)
            {
                world.Edit(random.Next(30));
                var twins = world.Twins();
                for (var i = 0; i < 20; i++, cases++)
                {
                    var alias = random.Next(2) == 0 ? "T" : "";
                    var condition = new QueryOracle(random, [alias], null, world.AnyId).Condition(random.Next(4));
                    var text = $"SELECT * FROM DIGITALTWINS {alias} WHERE {condition.Text}";
                    var expected = twins.Where(t => condition.Holds(new Dictionary<string, JsonElement> { [alias] = t })).Select(t => t.GetRawText()).Order(StringComparer.Ordinal);
                    var found = Pages(world, text, random).Order(StringComparer.Ordinal).ToList();
                    matched += found.Count;
                    Assert.True(expected.SequenceEqual(found), $"seed {seed}, round {round}: {text}\nexpected {expected.Count()}, found {found.Count}");
                    Assert.Equal(found.Count, Count(world, text.Replace("*", "COUNT()", StringComparison.Ordinal), random));
                }
            }
        }
        Assert.Equal(6_000, cases);
        Assert.InRange(matched, 50_000, int.MaxValue);
    }

    [Fact]
    public void Relationships_are_found_as_the_obvious_evaluation_finds_them()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, shardCount: 1, twins: random.Next(1, 60));
            world.Populate();
            var links = world.Relationships();
            for (var i = 0; i < 20; i++)
            {
                var condition = new QueryOracle(random, [], "R", world.AnyId).Condition(random.Next(3));
                var text = $"SELECT * FROM RELATIONSHIPS R WHERE {condition.Text}";
                var expected = links.Where(t => condition.Holds(new Dictionary<string, JsonElement> { ["R"] = t })).Select(t => t.GetRawText()).Order(StringComparer.Ordinal);
                Assert.Equal(expected, Pages(world, text, random).Order(StringComparer.Ordinal));
                Assert.Equal(expected.Count(), Count(world, text.Replace("*", "COUNT()", StringComparison.Ordinal), random));
            }
        }
    }

    // One shard, in slices of random limits and budgets.
    private static List<string> Pages(QueryWorld world, string text, Random random)
    {
        var rows = new List<string>();
        ShardPosition? position = null;
        do
        {
            var answer = world.Engines[0].Run(
                new ShardQuery(text, [], random.Next(1, 40), random.Next(3) == 0 ? random.Next(1, 200) : 1_000_000, TimeSpan.FromSeconds(100)) { Position = position }, default);
            Assert.True(answer.Status == TwinStatus.Ok, $"{text}: {answer.Problem}");
            rows.AddRange(answer.Rows.Select(r => Encoding.UTF8.GetString(r.Span)));
            position = answer.Next;
        }
        while (position is not null);
        return rows;
    }

    private static long Count(QueryWorld world, string text, Random random)
    {
        var count = 0L;
        ShardPosition? position = null;
        do
        {
            var answer = world.Engines[0].Run(new ShardQuery(text, [], 1, random.Next(1, 300), TimeSpan.FromSeconds(100)) { Position = position }, default);
            count += answer.Count;
            position = answer.Next;
        }
        while (position is not null);
        return count;
    }
}
