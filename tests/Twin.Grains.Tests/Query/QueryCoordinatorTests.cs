using System.Globalization;
using System.Text;
using System.Text.Json;
using Twin.Grains.Query;
using Twin.Graph.Tests.Query;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Tests.Query;

public class QueryCoordinatorTests
{
    [Fact]
    public async Task Pages_of_several_shards_together_are_what_the_obvious_evaluation_finds_over_all()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, random.Next(1, 6), random.Next(1, 120));
            world.Populate();
            var twins = world.Twins();
            var coordinator = Coordinator(new PlainShards(world), random);
            for (var i = 0; i < 15; i++)
            {
                var condition = new QueryOracle(random, ["T"], null, world.AnyId).Condition(random.Next(4));
                var where = $"FROM DIGITALTWINS T WHERE {condition.Text}";
                var expected = twins.Where(t => condition.Holds(Row(t))).Select(t => t.GetRawText()).Order(StringComparer.Ordinal).ToList();
                var found = await AllAsync(coordinator, "SELECT * " + where, random.Next(1, 50));
                Assert.Equal(expected, found.Order(StringComparer.Ordinal));
                Assert.Equal($"{{\"COUNT\":{expected.Count}}}", Assert.Single(await AllAsync(coordinator, "SELECT COUNT() " + where, 10)));
                var top = random.Next(1, 30);
                var first = await AllAsync(coordinator, $"SELECT TOP({top}) * {where}", random.Next(1, 50));
                Assert.Equal(Math.Min(top, expected.Count), first.Count);
                Assert.Subset(expected.ToHashSet(), first.ToHashSet());
            }
        }
    }

    [Fact]
    public async Task Ordered_pages_together_are_the_whole_result_in_order()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, random.Next(1, 6), random.Next(1, 120));
            world.Populate();
            var coordinator = Coordinator(new PlainShards(world), random);
            for (var i = 0; i < 10; i++)
            {
                var condition = new QueryOracle(random, ["T"], null, world.AnyId).Condition(random.Next(3));
                var key = ((string[])["count", "level", "thermostat.target", "mode", "$dtId", "on"])[random.Next(6)];
                var isDescending = random.Next(2) == 0;
                var twins = world.Twins().Where(t => condition.Holds(Row(t)));
                var id = Comparer<JsonElement>.Create((a, b) => string.CompareOrdinal(a.GetProperty("$dtId").GetString(), b.GetProperty("$dtId").GetString()));
                var byKey = Comparer<JsonElement>.Create((a, b) => CompareKeys(QueryOracle.Get(Row(a), "T", key), QueryOracle.Get(Row(b), "T", key)));
                var ordered = (isDescending ? twins.OrderDescending(byKey) : twins.Order(byKey)).ThenBy(t => t, id).Select(t => t.GetRawText()).ToList();
                var text = $"SELECT * FROM DIGITALTWINS T WHERE {condition.Text} ORDER BY T.{key} {(isDescending ? "DESC" : "")}";
                Assert.Equal(ordered, await AllAsync(coordinator, text, random.Next(1, 40)));
                Assert.Equal(ordered.Take(7), await AllAsync(coordinator, text.Replace("SELECT", "SELECT TOP(7)", StringComparison.Ordinal), random.Next(1, 10)));
            }
        }
    }

    [Fact]
    public async Task Joins_across_shards_are_what_nested_loops_over_the_documents_find()
    {
        var joined = 0;
        var crossed = 0;
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, random.Next(1, 5), random.Next(1, 60));
            world.Populate();
            world.Relate(200);
            var twins = world.Twins().ToDictionary(t => t.GetProperty("$dtId").GetString()!);
            var links = world.Relationships();
            var coordinator = Coordinator(new PlainShards(world), random);
            for (var i = 0; i < 15; i++)
            {
                var name = ((string[])["near", "near", "in", "contains"])[random.Next(4)];
                var condition = new QueryOracle(random, ["T", "C"], "R", world.AnyId).Condition(random.Next(4));
                var expected = new List<string>();
                foreach (var link in links.Where(l => l.GetProperty("$relationshipName").GetString() == name))
                {
                    if (!twins.TryGetValue(link.GetProperty("$targetId").GetString()!, out var target)) continue;
                    var source = twins[link.GetProperty("$sourceId").GetString()!];
                    if (!condition.Holds(new Dictionary<string, JsonElement> { ["T"] = source, ["C"] = target, ["R"] = link })) continue;
                    if (ShardMap.ShardOf(source.GetProperty("$dtId").GetString(), world.Shards.Length) != ShardMap.ShardOf(target.GetProperty("$dtId").GetString(), world.Shards.Length)) crossed++;
                    expected.Add($"{{\"T\":{source.GetRawText()},\"R\":{link.GetRawText()},\"C\":{target.GetRawText()}}}");
                }
                joined += expected.Count;
                var from = $"FROM DIGITALTWINS T JOIN C RELATED T.{name} R WHERE {condition.Text}";
                var found = await AllAsync(coordinator, "SELECT T, R, C " + from, random.Next(1, 30));
                Assert.Equal(expected.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
                Assert.Equal($"{{\"COUNT\":{expected.Count}}}", Assert.Single(await AllAsync(coordinator, "SELECT COUNT() " + from, 10)));
                var byTarget = await AllAsync(coordinator, $"SELECT C.$dtId AS c, T.$dtId AS t {from} ORDER BY C.$dtId DESC, T.$dtId", random.Next(1, 30));
                Assert.Equal(expected.Count, byTarget.Count);
                var keys = byTarget.ConvertAll(r => JsonDocument.Parse(r).RootElement);
                Assert.Equal(keys.OrderByDescending(k => k.GetProperty("c").GetString(), StringComparer.Ordinal).ThenBy(k => k.GetProperty("t").GetString(), StringComparer.Ordinal)
                    .Select(k => k.GetRawText()), keys.Select(k => k.GetRawText()));
            }
        }
        Assert.InRange(joined, 2_000, int.MaxValue);
        Assert.InRange(crossed, 1_000, int.MaxValue);
    }

    [Fact]
    public async Task While_others_write_no_row_comes_twice_and_rows_that_stay_all_come()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, 3, 300);
            for (var i = 0; i < 200; i++) world.Execute(new PutTwin("stays" + i, i % 2 == 0 ? QueryWorld.Lamp : QueryWorld.Room, []));
            for (var i = 0; i < 200; i++) world.Execute(new PutTwin("goes" + i, QueryWorld.Lamp, []));
            var next = 0;
            var shards = new PlainShards(world)
            {
                BeforeSlice = () =>
                {
                    for (var i = 0; i < 5; i++)
                    {
                        world.Execute(new DeleteTwin("goes" + random.Next(200)) { Cascade = true });
                        world.Execute(new PutTwin("new" + next++, QueryWorld.Lamp, []));
                        world.Execute(new PatchTwin("stays" + random.Next(200), [new PatchOperation(PatchVerb.Add, "on", PropertyValue.From(true))]));
                    }
                },
            };
            var found = await AllAsync(new QueryCoordinator(shards, TimeProvider.System), "SELECT $dtId FROM DIGITALTWINS WHERE NOT IS_DEFINED(nonsense)", 17);
            Assert.Equal(found.Count, found.Distinct().Count());
            Assert.Equal(200, found.Count(f => f.Contains("stays", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task A_query_that_would_look_at_more_rows_than_allowed_is_refused_with_its_cost()
    {
        using var world = new QueryWorld(1, 2, 50);
        for (var i = 0; i < 1_000; i++) world.Execute(new PutTwin("x" + i, QueryWorld.Lamp, []));
        var coordinator = new QueryCoordinator(new PlainShards(world), TimeProvider.System, new QueryBounds(MaxRowsExamined: 300, SliceRows: 100));
        foreach (var text in (string[])["SELECT * FROM DIGITALTWINS WHERE label = 'none'", "SELECT COUNT() FROM DIGITALTWINS WHERE NOT label = 'none'", "SELECT * FROM DIGITALTWINS ORDER BY label"])
        {
            var page = await coordinator.RunAsync(new QueryRequest(text), TestContext.Current.CancellationToken);
            Assert.Equal(TwinStatus.TooMuch, page.Status);
            Assert.Equal("QueryTooCostly", page.Problem!.Code);
            Assert.InRange(page.RowsExamined, 300, 600);
        }
    }

    [Fact]
    public async Task A_query_that_takes_too_long_is_refused()
    {
        using var world = new QueryWorld(1, 4, 50);
        world.Populate();
        var clock = new StepClock(TimeSpan.FromSeconds(1));
        var coordinator = new QueryCoordinator(new PlainShards(world), clock, new QueryBounds(MaxTime: TimeSpan.FromSeconds(3)));
        var page = await coordinator.RunAsync(new QueryRequest("SELECT * FROM DIGITALTWINS WHERE nonsense = 1"), TestContext.Current.CancellationToken);
        Assert.Equal(TwinStatus.TooMuch, page.Status);
        Assert.Contains("3 s", page.Problem!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_of_another_query_or_a_changed_one_is_refused()
    {
        using var world = new QueryWorld(1, 2, 100);
        world.Populate();
        var coordinator = new QueryCoordinator(new PlainShards(world), TimeProvider.System);
        var page = await coordinator.RunAsync(new QueryRequest("SELECT * FROM DIGITALTWINS", PageSize: 3), TestContext.Current.CancellationToken);
        var token = Assert.IsType<string>(page.Continuation);
        var other = await coordinator.RunAsync(new QueryRequest("SELECT $dtId FROM DIGITALTWINS", PageSize: 3, Continuation: token), TestContext.Current.CancellationToken);
        Assert.Equal((TwinStatus.Invalid, "ContinuationInvalid"), (other.Status, other.Problem!.Code));
        for (var i = 0; i < token.Length; i++)
        {
            var changed = token[..i] + (token[i] == 'A' ? 'B' : 'A') + token[(i + 1)..];
            var answer = await coordinator.RunAsync(new QueryRequest("SELECT * FROM DIGITALTWINS", PageSize: 3, Continuation: changed), TestContext.Current.CancellationToken);
            Assert.Equal((TwinStatus.Invalid, "ContinuationInvalid"), (answer.Status, answer.Problem!.Code));
        }
    }

    [Fact]
    public async Task After_a_shard_was_recovered_its_positions_are_refused_rather_than_guessed()
    {
        using var world = new QueryWorld(1, 1, 100);
        world.Populate();
        var coordinator = new QueryCoordinator(new PlainShards(world), TimeProvider.System);
        var page = await coordinator.RunAsync(new QueryRequest("SELECT * FROM DIGITALTWINS", PageSize: 3), TestContext.Current.CancellationToken);
        world.Shards[0].StartEpoch(7, new WallTime(DateTime.UnixEpoch.Ticks), new Twin.Graph.ChangeBuffer());
        page = await coordinator.RunAsync(new QueryRequest("SELECT * FROM DIGITALTWINS", PageSize: 3, Continuation: page.Continuation), TestContext.Current.CancellationToken);
        Assert.Equal((TwinStatus.Invalid, "ContinuationExpired"), (page.Status, page.Problem!.Code));
    }

    [Fact]
    public async Task Parameters_take_the_place_of_values_and_a_missing_one_is_named()
    {
        using var world = new QueryWorld(1, 2, 10);
        for (var i = 0; i < 10; i++)
        {
            world.Execute(new PutTwin("p" + i, QueryWorld.Lamp, []));
            world.Execute(new PatchTwin("p" + i, [new PatchOperation(PatchVerb.Add, "count", PropertyValue.From((long)i))]));
        }
        var coordinator = new QueryCoordinator(new PlainShards(world), TimeProvider.System);
        const string text = "SELECT COUNT() AS n FROM DIGITALTWINS WHERE count >= $least AND $dtId != $not";
        for (var least = 0; least < 10; least++)
        {
            var page = await coordinator.RunAsync(
                new QueryRequest(text, new Dictionary<string, PropertyValue> { ["least"] = PropertyValue.From((long)least), ["not"] = PropertyValue.From("p9") }), TestContext.Current.CancellationToken);
            Assert.Equal($"{{\"n\":{9 - least}}}", Encoding.UTF8.GetString(Assert.Single(page.Rows).Span));
        }
        var missing = await coordinator.RunAsync(new QueryRequest(text, new Dictionary<string, PropertyValue> { ["least"] = PropertyValue.From(1L) }), TestContext.Current.CancellationToken);
        Assert.Equal(("QueryParameterMissing", "not"), (missing.Problem!.Code, missing.Problem.Where));
    }

    [Fact]
    public async Task Explain_tells_how_each_shard_would_read()
    {
        using var world = new QueryWorld(1, 2, 10);
        for (var i = 0; i < 2_000; i++)
        {
            world.Execute(new PutTwin("p" + i, i % 2 == 0 ? QueryWorld.Lamp : QueryWorld.Room, []));
            world.Execute(new PatchTwin("p" + i, [new PatchOperation(PatchVerb.Add, "count", PropertyValue.From((long)i))]));
        }
        foreach (var shard in world.Shards) shard.DeclareIndex("count");
        var coordinator = new QueryCoordinator(new PlainShards(world), TimeProvider.System);
        var page = await coordinator.RunAsync(new QueryRequest("EXPLAIN SELECT * FROM DIGITALTWINS WHERE count = 1990 AND power > 0"), TestContext.Current.CancellationToken);
        var plan = JsonDocument.Parse(Assert.Single(page.Rows)).RootElement.GetProperty("shards");
        Assert.Equal(2, plan.GetArrayLength());
        foreach (var shard in plan.EnumerateArray())
        {
            Assert.Equal(["index count", "skipped"], shard.GetProperty("tables").EnumerateArray()
                .OrderBy(t => t.GetProperty("model").GetString(), StringComparer.Ordinal).Select(t => t.GetProperty("access").GetString()));
        }
    }

    private static QueryCoordinator Coordinator(PlainShards shards, Random random) =>
        new(shards, TimeProvider.System, new QueryBounds(SliceRows: random.Next(3) == 0 ? random.Next(1, 100) : 500_000, JoinBatch: random.Next(1, 60)));

    private static Dictionary<string, JsonElement> Row(JsonElement twin) => new() { ["T"] = twin };

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

    // Missing, then booleans, numbers, texts.
    private static int CompareKeys(JsonElement? a, JsonElement? b)
    {
        static int Rank(JsonElement? value) => value?.ValueKind switch
        {
            null => 0,
            JsonValueKind.True or JsonValueKind.False => 2,
            JsonValueKind.Number => 3,
            _ => 4,
        };
        int x = Rank(a), y = Rank(b);
        if (x != y) return x.CompareTo(y);
        return x switch
        {
            0 => 0,
            2 => a!.Value.GetBoolean().CompareTo(b!.Value.GetBoolean()),
            3 => a!.Value.GetDecimal().CompareTo(b!.Value.GetDecimal()),
            _ => string.CompareOrdinal(a!.Value.GetString(), b!.Value.GetString()),
        };
    }

    /// <summary>A clock that goes one step at each look.</summary>
    private sealed class StepClock(TimeSpan step) : TimeProvider
    {
        private long _looks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Increment(ref _looks) * step.Ticks;

        public override string ToString() => _looks.ToString(CultureInfo.InvariantCulture);
    }
}
