using System.Globalization;
using System.Text;
using System.Text.Json;
using Twin.Grains.Query;
using Twin.Graph.Tests.Query;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Tests.Query;

/// <summary>JOIN and MATCH over several shards against nested loops over the documents. TWIN_QUERY_PAIRS sets how many pairs of graph and query are tried.</summary>
public class PatternTests
{
    private static readonly int Pairs = int.TryParse(Environment.GetEnvironmentVariable("TWIN_QUERY_PAIRS"), CultureInfo.InvariantCulture, out var pairs) ? pairs : 300;
    private static readonly int FirstSeed = int.TryParse(Environment.GetEnvironmentVariable("TWIN_QUERY_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : 0;

    [Fact]
    public async Task Random_patterns_over_random_graphs_are_what_nested_loops_find_after_any_edits()
    {
        var (tried, found, crossed) = (0, 0L, 0);
        for (var seed = FirstSeed; tried < Pairs; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, random.Next(1, 5), random.Next(2, 30));
            world.Populate();
            world.Relate(random.Next(60));
            for (var round = 0; round < 3; round++)
            {
                world.Edit(random.Next(20));
                var twins = world.Twins().ToDictionary(t => t.GetProperty("$dtId").GetString()!);
                var links = world.Relationships();
                for (var i = 0; i < 5; i++, tried++)
                {
                    var pattern = new PatternOracle(random, world.AnyId);
                    if (pattern.Rows(twins, links, 3_000) is not { } rows) continue;
                    var context = $"seed {seed}, round {round}: {pattern.Text}";
                    string[] names = [.. pattern.Aliases, .. pattern.Links];
                    var expected = rows.ConvertAll(r => "{" + string.Join(',', names.Select(n => $"\"{n}\":{r[n].GetRawText()}")) + "}");
                    await SameAsync(world, random, $"SELECT {string.Join(", ", names)} {pattern.Text}", expected, context);
                    await SameAsync(world, random, "SELECT COUNT() " + pattern.Text, [$"{{\"COUNT\":{expected.Count}}}"], context);
                    await OrderedAsync(world, random, pattern, rows, context);
                    found += rows.Count;
                    if (rows.Count > 0 && world.Shards.Length > 1) crossed++;
                }
            }
        }
        Assert.True(found > Pairs * 5L, $"{found} rows over {tried} pairs");
        Assert.True(crossed > Pairs / 10, $"{crossed} pairs had rows over several shards");
    }

    [Fact]
    public async Task A_page_may_end_anywhere_within_a_hub_with_thousands_of_links()
    {
        using var world = new QueryWorld(1, 3, 1);
        world.Execute(new PutTwin("hub", QueryWorld.Lamp, []));
        for (var i = 0; i < 3_500; i++)
        {
            world.Execute(new PutTwin("leaf" + i, QueryWorld.Lamp, []));
            Assert.True(world.Execute(new PutRelationship(i % 2 == 0 ? "hub" : "leaf" + i, "r" + i, "near", i % 2 == 0 ? "leaf" + i : "hub", [])).IsDone);
        }
        var shards = new PlainShards(world);
        foreach (var (text, count) in new[]
        {
            ("SELECT b.$dtId FROM DIGITALTWINS MATCH (a)-[r:near]-(b) WHERE a.$dtId = 'hub' AND NOT IS_DEFINED(r.distance)", 3_500),
            ("SELECT b.$dtId FROM DIGITALTWINS MATCH (a)<-[]-(b) WHERE a.$dtId = 'hub'", 1_750),
            ("SELECT b.$dtId FROM DIGITALTWINS MATCH (a)-[*..2]-(b) WHERE a.$dtId = 'hub'", 3_501),
            ("SELECT b.$dtId FROM DIGITALTWINS MATCH (a)-[]-(h)-[]-(b) WHERE a.$dtId = 'leaf7'", 3_500),
        })
        {
            var rows = await AllAsync(new QueryCoordinator(shards, TimeProvider.System), text, 333);
            Assert.Equal(count, rows.Count);
            Assert.Equal(count, rows.Distinct().Count());
        }
    }

    [Fact]
    public async Task While_others_write_no_row_of_a_pattern_comes_twice_and_rows_that_stay_all_come()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, 3, 300);
            for (var i = 0; i < 60; i++) world.Execute(new PutTwin("s" + i, QueryWorld.Lamp, []));
            for (var i = 0; i < 60; i++) world.Execute(new PutRelationship("s" + (i % 6), "stays" + i, "near", "s" + i, []));
            var next = 0;
            var shards = new PlainShards(world)
            {
                BeforeSlice = () =>
                {
                    // A writer that adds faster than small pages read would keep the reader busy for ever.
                    if (next == 400) return;
                    world.Execute(new PutRelationship("s" + random.Next(60), "new" + next++, "near", "s" + random.Next(60), []));
                    world.Execute(new DeleteRelationship("s" + random.Next(60), "new" + random.Next(next)));
                },
            };
            var rows = await AllAsync(new QueryCoordinator(shards, TimeProvider.System, new QueryBounds(JoinBatch: 5)), "SELECT r.$relationshipId AS r, a.$dtId AS a FROM DIGITALTWINS MATCH (a)-[r]->(b)", random.Next(1, 9));
            Assert.Equal(rows.Count, rows.Distinct().Count());
            Assert.Equal(60, rows.Count(r => r.Contains("stays", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task A_pattern_that_binds_too_many_rows_is_refused_with_its_cost()
    {
        using var world = new QueryWorld(1, 2, 40);
        for (var i = 0; i < 40; i++) world.Execute(new PutTwin("t" + i, QueryWorld.Lamp, []));
        for (var i = 0; i < 1_600; i++) world.Execute(new PutRelationship("t" + (i % 40), "r" + i, "near", "t" + (i / 40), []));
        var coordinator = new QueryCoordinator(new PlainShards(world), TimeProvider.System, new QueryBounds(MaxRowsJoined: 10_000));
        foreach (var text in (string[])["SELECT COUNT() FROM DIGITALTWINS MATCH (a)-[]->(b)-[]->(c)-[]->(d)", "SELECT COUNT() FROM DIGITALTWINS MATCH (a)-[*9]-(b)"])
        {
            var page = await coordinator.RunAsync(new QueryRequest(text), TestContext.Current.CancellationToken);
            Assert.Equal((TwinStatus.TooMuch, "QueryTooCostly"), (page.Status, page.Problem!.Code));
            Assert.Contains("10000 are allowed", page.Problem.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Explain_names_the_start_and_each_step_and_analyze_what_they_examined()
    {
        using var world = new QueryWorld(1, 2, 10);
        for (var i = 0; i < 20; i++) world.Execute(new PutTwin("t" + i, i == 3 ? QueryWorld.Room : QueryWorld.Lamp, []));
        for (var i = 0; i < 20; i++)
            if (i != 3) world.Execute(new PutRelationship("t" + i, "r", "near", "t3", []));
        var coordinator = new QueryCoordinator(new PlainShards(world), TimeProvider.System);
        const string query = "SELECT a.$dtId FROM DIGITALTWINS MATCH (a)-[:near]->(b) WHERE IS_OF_MODEL(b, 'dtmi:q:Room;1')";
        var plan = await PlanAsync(coordinator, "EXPLAIN " + query);
        Assert.Equal(("b", 1), (plan.GetProperty("start").GetProperty("source").GetString(), plan.GetProperty("start").GetProperty("estimate").GetInt32()));
        var step = Assert.Single(plan.GetProperty("steps").EnumerateArray());
        Assert.Equal(("a", "in"), (step.GetProperty("to").GetString(), step.GetProperty("direction").GetString()));
        Assert.False(plan.TryGetProperty("run", out _));
        plan = await PlanAsync(coordinator, "EXPLAIN ANALYZE " + query);
        Assert.Equal((19, 19), (plan.GetProperty("steps")[0].GetProperty("visited").GetInt32(), plan.GetProperty("steps")[0].GetProperty("kept").GetInt32()));
        Assert.Equal((1, 19), (plan.GetProperty("start").GetProperty("kept").GetInt32(), plan.GetProperty("run").GetProperty("rows").GetInt32()));
    }

    [Fact]
    public async Task Time_travel_and_branches_that_are_not_there_are_refused_by_name()
    {
        using var world = new QueryWorld(1, 1, 1);
        var coordinator = new QueryCoordinator(new PlainShards(world), TimeProvider.System);
        foreach (var (text, code, name) in new[] { ("SELECT * FROM DIGITALTWINS AS OF '2026-01-01T00:00:00Z'", "QueryNotAvailable", "AS OF"), ("SELECT * FROM DIGITALTWINS T IN BRANCH 'b' WHERE T.x = 1", "BranchNotFound", "There is no branch 'b'") })
        {
            var page = await coordinator.RunAsync(new QueryRequest(text), TestContext.Current.CancellationToken);
            Assert.Equal((TwinStatus.Invalid, code), (page.Status, page.Problem!.Code));
            Assert.StartsWith(name, page.Problem.Detail, StringComparison.Ordinal);
        }
    }

    private static async Task<JsonElement> PlanAsync(QueryCoordinator coordinator, string text) =>
        JsonDocument.Parse(Assert.Single((await coordinator.RunAsync(new QueryRequest(text), TestContext.Current.CancellationToken)).Rows)).RootElement;

    private static async Task OrderedAsync(QueryWorld world, Random random, PatternOracle pattern, List<Dictionary<string, JsonElement>> rows, string context)
    {
        var last = pattern.Aliases[^1];
        var found = await AllAsync(Coordinator(world, random), $"SELECT {last}.$dtId AS k {pattern.Text} ORDER BY {last}.$dtId DESC", random.Next(1, 60));
        var expected = rows.Select(r => r[last].GetProperty("$dtId").GetString()!).OrderDescending(StringComparer.Ordinal);
        Assert.True(expected.SequenceEqual(found.Select(f => JsonDocument.Parse(f).RootElement.GetProperty("k").GetString()!)), context);
    }

    private static async Task SameAsync(QueryWorld world, Random random, string text, List<string> expected, string context)
    {
        var found = await AllAsync(Coordinator(world, random), text, random.Next(1, 60));
        Assert.True(expected.Order(StringComparer.Ordinal).SequenceEqual(found.Order(StringComparer.Ordinal)), $"{context}\n{text}\nexpected {expected.Count}, found {found.Count}");
    }

    private static QueryCoordinator Coordinator(QueryWorld world, Random random) => new(
        new PlainShards(world), TimeProvider.System, new QueryBounds(SliceRows: random.Next(3) == 0 ? random.Next(1, 50) : 500_000, JoinBatch: random.Next(1, 200), MaxTime: TimeSpan.FromMinutes(5)));

    private static async Task<List<string>> AllAsync(QueryCoordinator coordinator, string text, int pageSize)
    {
        var rows = new List<string>();
        string? continuation = null;
        do
        {
            var page = await coordinator.RunAsync(new QueryRequest(text, null, pageSize, continuation), TestContext.Current.CancellationToken);
            Assert.True(page.Status == TwinStatus.Ok, $"{text}: {page.Problem}");
            Assert.InRange(page.Rows.Count, 0, pageSize);
            rows.AddRange(page.Rows.Select(r => Encoding.UTF8.GetString(r.Span)));
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return rows;
    }
}
