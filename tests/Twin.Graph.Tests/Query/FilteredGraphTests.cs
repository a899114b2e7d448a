using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Twin.Graph.Query;
using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Graph.Tests.Query;

/// <summary>What a subject finds in the graph is what anybody finds in a graph that never had the hidden values. Seeded.</summary>
public sealed class FilteredGraphTests
{
    private static readonly PolicySubject Ann = new("key:ann", [], Permissions.Read);

    private static readonly string[] Resources =
    [
        "twins:", "twins:/power", "twins:/thermostat", "twins:/address/street", $"model:{TestModels.Lamp}", $"model:{TestModels.Lamp}/count", $"model:{TestModels.SmartLamp}/power", $"model:{TestModels.SmartLamp}/thermostat/target",
        $"model:{TestModels.Room}", "prefix:t-1", "prefix:t-2/power", "prefix:t-2/mode", "twin:t-3", "twin:t-4/power", "twin:t-15/count", "twin:t-15",
    ];

    [Fact]
    public void Every_query_and_every_document_is_that_of_the_filtered_graph()
    {
        var (hidden, found, cases) = (0, 0, 0);
        for (var seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            var rules = RulesOf(random);
            var whole = TestModels.NewState();
            var filtered = TestModels.NewState();
            for (var twin = 0; twin < 40; twin++) hidden += Add(random, whole, filtered, rules, twin);
            using var seeing = new ShardQueryEngine(whole, TimeProvider.System);
            using var plain = new ShardQueryEngine(filtered, TimeProvider.System);
            var documents = new TwinDocuments(whole);
            for (var i = 0; i < 40; i++, cases++)
            {
                var text = QueryOf(random);
                var expected = Rows(plain, filtered, null, text);
                var actual = Rows(seeing, whole, rules, text);
                found += expected.Length;
                Assert.True(expected.SequenceEqual(actual), $"seed {seed}: {text}\nexpected {string.Join('\n', expected.Take(5))}\nfound {string.Join('\n', actual.Take(5))}");
            }

            for (var twin = 0; twin < 40; twin++)
                Assert.Equal(Document(new TwinDocuments(filtered), filtered, null, $"t-{twin}"), Document(documents, whole, rules, $"t-{twin}"));
        }

        Assert.Equal(6_000, cases);
        Assert.InRange(hidden, 5_000, int.MaxValue);
        Assert.InRange(found, 20_000, int.MaxValue);
    }

    private static SubjectRules RulesOf(Random random)
    {
        var entries = string.Join(',', Resources.Where(_ => random.Next(4) == 0).Select(r => $"\"{r}\":{{\"{(random.Next(3) == 0 ? "grant" : "revoke")}\":[\"read\"]}}"));
        Assert.True(PolicyDocument.TryParse("p", Encoding.UTF8.GetBytes($"{{\"entries\":{{\"e\":{{\"subjects\":[\"key:ann\"],\"resources\":{{{entries}}}}}}}}}"), out var policy, out _));
        Assert.True(CompiledPolicies.TryCompile(1, [policy!], out var compiled, out _));
        return compiled!.For(Ann);
    }

    // The same twin, once whole and once with what may be seen alone; how much was left out.
    private static int Add(Random random, ShardState whole, ShardState filtered, SubjectRules rules, int number)
    {
        var id = $"t-{number}";
        var model = new[] { TestModels.Lamp, TestModels.SmartLamp, TestModels.Room }[random.Next(3)];
        Assignment[] values = model == TestModels.Room ? [new("temperature", TestModels.Number(random.Next(40)))]
        : [
            new("power", TestModels.Number(random.Next(10))), new("count", PropertyValue.From((long)random.Next(6))), new("on", PropertyValue.From(random.Next(2) == 0)), new("thermostat/target", TestModels.Number(random.Next(10))),
            .. model == TestModels.Lamp ? [new("mode", PropertyValue.From("low")), new("address", TestModels.Json("""{"street":"a","number":1}"""))] : Array.Empty<Assignment>(),
        ];
        var definition = TestModels.Set.Find(model)!;
        var view = rules.ViewsOf(definition).ViewOf(id);
        var shown = values.Where(v => !view.Hides(definition.FindProperty(v.Path)!.Ordinal)).ToArray();
        Assert.True(whole.Execute(new PutTwin(id, model, values), TestModels.At(number), new ChangeBuffer()).IsDone);
        if (view.Exists) Assert.True(filtered.Execute(new PutTwin(id, model, shown), TestModels.At(number), new ChangeBuffer()).IsDone);
        return values.Length - shown.Length;
    }

    private static string QueryOf(Random random)
    {
        string Term() => random.Next(9) switch
        {
            0 => $"T.power > {random.Next(10)}", 1 => $"T.count = {random.Next(6)}", 2 => "IS_DEFINED(T.mode)", 3 => "IS_NUMBER(T.power)", 4 => "T.on = true", 5 => $"T.thermostat.target <= {random.Next(10)}",
            6 => $"T.power IN [1, {random.Next(10)}, 7]", 7 => "T.address.street = 'a'", _ => $"STARTSWITH(T.$dtId, 't-{random.Next(4)}')",
        };
        var where = random.Next(4) switch { 0 => Term(), 1 => $"NOT {Term()}", 2 => $"{Term()} AND {Term()}", _ => $"({Term()} OR NOT {Term()})" };
        return random.Next(4) switch
        {
            0 => $"SELECT COUNT() FROM DIGITALTWINS T WHERE {where}",
            1 => $"SELECT T.power, T.count, T.thermostat FROM DIGITALTWINS T WHERE {where}",
            2 => $"SELECT * FROM DIGITALTWINS T WHERE {where} ORDER BY T.power DESC",
            _ => $"SELECT * FROM DIGITALTWINS T WHERE {where}",
        };
    }

    private static string[] Rows(ShardQueryEngine engine, ShardState state, SubjectRules? rules, string text)
    {
        state.LookAs(rules);
        var rows = engine.Run(new ShardQuery(text, [], 1_000, 1_000_000, TimeSpan.FromMinutes(1)), CancellationToken.None);
        state.LookAs(null);
        Assert.True(rows.Status == TwinStatus.Ok, $"{text}: {rows.Problem}");
        var texts = rows.Rows.Select(r => Plain(r.Span)).Append(rows.Count.ToString(CultureInfo.InvariantCulture));
        return [.. text.Contains("ORDER BY", StringComparison.Ordinal) ? texts : texts.Order(StringComparer.Ordinal)];
    }

    private static string? Document(TwinDocuments documents, ShardState state, SubjectRules? rules, string id)
    {
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        state.LookAs(rules);
        var isThere = documents.TryWriteTwin(id, bytes, out _);
        state.LookAs(null);
        return isThere ? Plain(bytes.WrittenSpan) : null;
    }

    // Versions count what else happened in a shard, and an empty twin's time is that of its making: neither can be equal in two graphs.
    private static string Plain(ReadOnlySpan<byte> json)
    {
        var node = JsonNode.Parse(json)!.AsObject();
        node.Remove("$etag");
        (node["$metadata"] as JsonObject)?.Remove("$lastUpdateTime");
        return node.ToJsonString();
    }
}
