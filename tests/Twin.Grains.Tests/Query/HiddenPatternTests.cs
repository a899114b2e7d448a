using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twin.Grains.Query;
using Twin.Graph.Tests.Query;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Grains.Tests.Query;

/// <summary>JOIN and MATCH as a subject sees them against nested loops over the documents without what is hidden. Seeded; TWIN_QUERY_PAIRS sets how many pairs of graph and query are tried.</summary>
public class HiddenPatternTests
{
    private static readonly int Pairs = int.TryParse(Environment.GetEnvironmentVariable("TWIN_QUERY_PAIRS"), CultureInfo.InvariantCulture, out var pairs) ? pairs : 300;
    private static readonly int FirstSeed = int.TryParse(Environment.GetEnvironmentVariable("TWIN_QUERY_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : 0;
    private static readonly PolicySubject Ann = new("key:ann", [], Permissions.Read);

    private static readonly string[] Resources =
    [
        "twins:", "twins:/power", "twins:/on", "prefix:t1", "prefix:t2", "twin:t3", "twin:t4", "twin:t5/power", "twin:t6/mode", "prefix:t1/count",
        $"model:{QueryWorld.Lamp}", $"model:{QueryWorld.SmartLamp}", $"model:{QueryWorld.Room}", $"model:{QueryWorld.Lamp}/mode", $"model:{QueryWorld.SmartLamp}/level", $"model:{QueryWorld.Room}/temperature",
    ];

    [Fact]
    public async Task A_subjects_patterns_find_what_nested_loops_find_without_what_is_hidden()
    {
        var (tried, found, left) = (0, 0L, 0L);
        for (var seed = FirstSeed; tried < Pairs; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, random.Next(1, 4), random.Next(4, 30));
            world.Populate();
            world.Relate(random.Next(80));
            var rules = RulesOf(random);
            var coordinator = new QueryCoordinator(new PlainShards(world) { RulesOf = _ => rules }, TimeProvider.System, new QueryBounds(JoinBatch: random.Next(1, 100), MaxTime: TimeSpan.FromMinutes(5)));
            for (var round = 0; round < 2; round++)
            {
                world.Edit(random.Next(20));
                var all = world.Twins();
                var shown = all.Select(t => Shown(t, rules)).OfType<JsonElement>().ToDictionary(t => t.GetProperty("$dtId").GetString()!);
                left += all.Count - shown.Count;
                var links = world.Relationships().Where(l => shown.ContainsKey(l.GetProperty("$sourceId").GetString()!) && shown.ContainsKey(l.GetProperty("$targetId").GetString()!) && IsShown(l, shown, rules)).ToList();
                for (var i = 0; i < 5; i++, tried++)
                {
                    var pattern = new PatternOracle(random, world.AnyId);
                    if (pattern.Rows(shown, links, 3_000) is not { } rows) continue;
                    string[] names = [.. pattern.Aliases, .. pattern.Links];
                    var expected = rows.ConvertAll(r => Plain("{" + string.Join(',', names.Select(n => $"\"{n}\":{r[n].GetRawText()}")) + "}"));
                    var text = $"SELECT {string.Join(", ", names)} {pattern.Text}";
                    var actual = (await AllAsync(coordinator, text, random.Next(1, 60))).ConvertAll(Plain);
                    Assert.True(expected.Order(StringComparer.Ordinal).SequenceEqual(actual.Order(StringComparer.Ordinal)), $"seed {seed}: {text}\nexpected {expected.Count}, found {actual.Count}\n{string.Join('\n', expected.Except(actual).Take(2))}\n--\n{string.Join('\n', actual.Except(expected).Take(2))}");
                    Assert.Equal([$"{{\"COUNT\":{expected.Count}}}"], await AllAsync(coordinator, "SELECT COUNT() " + pattern.Text, 10));
                    await GroupedAsync(coordinator, pattern, rows, $"seed {seed}");
                    found += rows.Count;
                }
            }
        }

        Assert.True(found > Pairs, $"{found} rows over {tried} pairs");
        Assert.True(left > Pairs / 2, $"{left} twins were hidden");
    }

    private static async Task GroupedAsync(QueryCoordinator coordinator, PatternOracle pattern, List<Dictionary<string, JsonElement>> rows, string context)
    {
        var first = pattern.Aliases[0];
        var expected = rows.GroupBy(r => r[first].GetProperty("$dtId").GetString()!).Select(g => $"{{\"k\":\"{g.Key}\",\"n\":{g.Count()}}}");
        var actual = await AllAsync(coordinator, $"SELECT {first}.$dtId AS k, COUNT() AS n {pattern.Text} GROUP BY {first}.$dtId", 20);
        Assert.True(expected.Order(StringComparer.Ordinal).SequenceEqual(actual.Order(StringComparer.Ordinal)), $"{context}: GROUP BY of {pattern.Text}\n{string.Join('\n', actual.Take(3))}");
    }

    private static SubjectRules RulesOf(Random random)
    {
        var entries = string.Join(',', Resources.Where(_ => random.Next(4) == 0).Select(r => $"\"{r}\":{{\"{(random.Next(3) == 0 ? "grant" : "revoke")}\":[\"read\"]}}"));
        Assert.True(PolicyDocument.TryParse("p", Encoding.UTF8.GetBytes($"{{\"entries\":{{\"e\":{{\"subjects\":[\"key:ann\"],\"resources\":{{{entries}}}}}}}}}"), out var policy, out _));
        Assert.True(CompiledPolicies.TryCompile(1, [policy!], out var compiled, out _));
        return compiled!.For(Ann);
    }

    /// <summary>The document without what the subject may not read; null when it may not know of the twin.</summary>
    private static JsonElement? Shown(JsonElement twin, SubjectRules rules)
    {
        var model = QueryWorld.Models.Find(twin.GetProperty("$metadata").GetProperty("$model").GetString()!)!;
        var view = rules.ViewsOf(model).ViewOf(twin.GetProperty("$dtId").GetString()!);
        if (!view.Exists) return null;
        var node = JsonNode.Parse(twin.GetRawText())!.AsObject();
        foreach (var property in model.Properties)
        {
            if (!view.Hides(property.Ordinal)) continue;
            var parts = property.Path.Split('/');
            var owner = parts.Length == 1 ? node : node[parts[0]] as JsonObject;
            owner?.Remove(parts[^1]);
            (owner?["$metadata"] as JsonObject)?.Remove(parts[^1]);
        }

        return JsonDocument.Parse(node.ToJsonString()).RootElement;
    }

    /// <summary>A relationship is its source's: the source's rules say whether those of its name may be known.</summary>
    private static bool IsShown(JsonElement link, Dictionary<string, JsonElement> shown, SubjectRules rules)
    {
        var source = link.GetProperty("$sourceId").GetString()!;
        var model = QueryWorld.Models.Find(shown[source].GetProperty("$metadata").GetProperty("$model").GetString()!)!;
        return rules.ViewsOf(model).ViewOf(source).Decide(Permissions.Read, $"{PolicyResource.Relationships}/{link.GetProperty("$relationshipName").GetString()}").IsAllowed;
    }

    // Versions count what else happened in a shard; times are of the newest change, hidden or not.
    private static string Plain(string json)
    {
        var node = JsonNode.Parse(json)!;
        Strip(node);
        return node.ToJsonString();
    }

    private static void Strip(JsonNode? node)
    {
        if (node is not JsonObject o) return;
        o.Remove("$etag");
        (o["$metadata"] as JsonObject)?.Remove("$lastUpdateTime");
        foreach (var (_, inner) in o) Strip(inner);
    }

    private static async Task<List<string>> AllAsync(QueryCoordinator coordinator, string text, int pageSize)
    {
        var rows = new List<string>();
        string? continuation = null;
        do
        {
            var page = await coordinator.RunAsync(new QueryRequest(text, null, pageSize, continuation) { Subject = Ann }, TestContext.Current.CancellationToken);
            Assert.True(page.Status == TwinStatus.Ok, $"{text}: {page.Problem}");
            rows.AddRange(page.Rows.Select(r => Encoding.UTF8.GetString(r.Span)));
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return rows;
    }
}
