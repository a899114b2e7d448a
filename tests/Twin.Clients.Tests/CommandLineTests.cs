using System.Diagnostics;
using System.Text.Json;

namespace Twin.Clients.Tests;

/// <summary>The built program, run as people and scripts run it.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private static Task<(int Exit, string Output, string Errors)> RunAsync(params string[] words) => ProgramRun.RunAsync(words);

    private static async Task<(int Exit, JsonElement Json)> JsonAsync(params string[] words)
    {
        var (exit, output, errors) = await RunAsync([.. words, "--json"]);
        Assert.Equal("", errors);
        var line = Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        using var document = JsonDocument.Parse(line);
        Assert.Equal(JsonValueKind.Object, document.RootElement.ValueKind);
        return (exit, document.RootElement.Clone());
    }

    private string Save(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    private const string Lamp = """{"@context":"dtmi:dtdl:context;3","@id":"dtmi:test:Lamp;1","@type":"Interface","contents":[{"@type":"Property","name":"power","schema":"double"}]}""";

    private static readonly string BadLamp = Lamp.Replace("\"double\"", "\"dubble\"", StringComparison.Ordinal);

    [Theory]
    [InlineData("quarry")]
    [InlineData("query")]
    [InlineData("query", "SELECT", "--as-of", "now")]
    [InlineData("model", "check", "no-such-file.json")]
    [InlineData("import", "sumo", "net.xml")]
    [InlineData("watch", "--count", "0")]
    [InlineData("history", "a", "b", "--width", "minute")]
    [InlineData("replay", "no-such-file.csv", "--twin", "a", "--column", "x=y")]
    [InlineData("load", "twins", "--connections", "0")]
    [InlineData("load", "events", "--clients", "1")]
    [InlineData("load", "events", "--clients", "10", "--neighbours", "20")]
    [InlineData("load", "events", "--space", "hall", "--neighbours", "5")]
    [InlineData("load", "events", "--rate", "50")]
    [InlineData("load", "events", "--url", "https://localhost:1")]
    [InlineData("query", "SELECT", "--url", "nowhere")]
    [InlineData("policy", "put", "p", "no-such-file.json")]
    [InlineData("policy", "effective", "alice", "lamp")]
    [InlineData("audit", "--since", "yesterday")]
    [InlineData("audit", "--kind", "seen")]
    [InlineData("audit", "--count", "0")]
    [InlineData("audit", "--seconds", "1")]
    public async Task A_wrong_call_ends_with_2_and_says_what_would_be_right(params string[] words)
    {
        var (exit, json) = await JsonAsync(words);
        Assert.Equal(2, exit);
        Assert.NotEqual("", json.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task People_read_of_a_wrong_call_on_stderr()
    {
        var (exit, output, errors) = await RunAsync("import", "sumo", "net.xml");
        Assert.Equal((2, ""), (exit, output));
        Assert.Contains("traffic simulation", errors);
    }

    [Fact]
    public async Task Nobody_there_is_a_no_and_says_how_to_start_a_world()
    {
        var (exit, json) = await JsonAsync("query", "SELECT * FROM DIGITALTWINS", "--url", "http://127.0.0.1:1");
        Assert.Equal(1, exit);
        Assert.Contains("twin up", json.GetProperty("error").GetProperty("hint").GetString());
    }

    [Fact]
    public async Task Policies_are_listed_shown_put_deleted_and_what_they_come_to_is_told()
    {
        await using var server = await FakeServer.StartAsync((c, r) => (r.Method, r.Path) switch
        {
            ("GET", "/policies") => FakeServer.JsonAsync(c, """{"value":[{"id":"p","etag":"W/\"1\"","policy":{"entries":{}}}]}"""),
            ("GET", "/policies/p") => FakeServer.JsonAsync(c, """{"entries":{}}"""),
            ("PUT", "/policies/p") => FakeServer.JsonAsync(c, """{"id":"p","etag":"W/\"2\""}""", 201),
            ("DELETE", "/policies/p") => FakeServer.JsonAsync(c, ""),
            ("GET", "/policies/effective?subject=key%3Abert&twin=lamp&roles=a%2Cb") => FakeServer.JsonAsync(c, """{"paths":[{"path":"","read":{"allowed":true},"write":{"allowed":false}}]}"""),
            _ => FakeServer.ProblemAsync(c, 404, "PolicyNotFound", "There is no such policy.", "id"),
        });
        string[] there = ["--url", server.Address.ToString()];
        var (exit, json) = await JsonAsync(["policy", "list", .. there]);
        Assert.Equal((0, "p", 1), (exit, json.GetProperty("policies")[0].GetProperty("id").GetString(), json.GetProperty("count").GetInt32()));
        (exit, json) = await JsonAsync(["policy", "show", "p", .. there]);
        Assert.Equal((0, JsonValueKind.Object), (exit, json.GetProperty("policy").GetProperty("entries").ValueKind));
        var file = Save("policy.json", """{"entries":{"e":{}}}""");
        Assert.Equal(0, (await JsonAsync(["policy", "put", "p", file, "--create", .. there])).Exit);
        var put = server.Seen.Single(s => s.Method == "PUT");
        Assert.Equal(("""{"entries":{"e":{}}}""", "*"), (put.Text, put.Headers["If-None-Match"]));
        Assert.Equal(0, (await JsonAsync(["policy", "delete", "p", "--if-match", "W/\"2\"", .. there])).Exit);
        Assert.Equal("W/\"2\"", server.Seen.Single(s => s.Method == "DELETE").Headers["If-Match"]);
        (exit, json) = await JsonAsync(["policy", "effective", "key:bert", "lamp", "--roles", "a,b", .. there]);
        Assert.Equal((0, true), (exit, json.GetProperty("paths")[0].GetProperty("read").GetProperty("allowed").GetBoolean()));
        (exit, json) = await JsonAsync(["policy", "show", "q", .. there]);
        Assert.Equal((1, "PolicyNotFound"), (exit, json.GetProperty("error").GetProperty("code").GetString()));
    }

    [Fact]
    public async Task The_audit_log_is_read_to_its_end_followed_and_who_was_not_reached_is_a_no()
    {
        const string Entry = """{"number":1,"at":"2026-11-23T08:00:00.0000000Z","kind":"denied","subject":"key:bert","action":"GET /audit","outcome":"403","count":3,"member":"m","hash":"x"}""";
        var turn = 0;
        await using var server = await FakeServer.StartAsync((c, r) => FakeServer.JsonAsync(c, ++turn switch
        {
            1 => $$"""{"value":[{{Entry}}],"continuationToken":"a","position":"a","unreachable":[]}""",
            2 => """{"value":[],"continuationToken":null,"position":"b","unreachable":[]}""",
            3 => $$"""{"value":[{{Entry}}],"continuationToken":null,"position":"c","unreachable":[]}""",
            _ => """{"value":[],"continuationToken":null,"position":"d","unreachable":["gone-1"]}""",
        }));
        var url = server.Address.ToString();
        var (exit, json) = await JsonAsync("audit", "--since", "2026-11-23T00:00:00Z", "--subject", "key:bert", "--act", "/audit", "--follow", "--count", "2", "--url", url);
        Assert.Equal((0, 2, "c"), (exit, json.GetProperty("count").GetInt32(), json.GetProperty("position").GetString()));
        Assert.Equal(3, json.GetProperty("entries")[0].GetProperty("count").GetInt32());
        Assert.Contains("from=2026-11-23T00%3A00%3A00.0000000Z&subject=key%3Abert&act=%2Faudit", server.Seen.First().Path, StringComparison.Ordinal);
        Assert.Equal(["", "a", "b"], server.Seen.Select(s => System.Web.HttpUtility.ParseQueryString(s.Path.Split('?')[1])["continuationToken"] ?? ""));
        (exit, json) = await JsonAsync("audit", "--url", url);
        Assert.Equal((1, "gone-1"), (exit, json.GetProperty("unreachable")[0].GetString()));
    }

    [Fact]
    public async Task Good_models_are_valid_and_bad_ones_are_told_with_id_element_property_and_value()
    {
        var (exit, json) = await JsonAsync("model", "check", Save("lamp.json", Lamp));
        Assert.Equal((0, true, 1), (exit, json.GetProperty("valid").GetBoolean(), json.GetProperty("interfaces").GetInt32()));
        (exit, json) = await JsonAsync("model", "check", Save("bad.json", BadLamp));
        Assert.Equal((1, false), (exit, json.GetProperty("valid").GetBoolean()));
        var error = json.GetProperty("errors")[0];
        Assert.StartsWith("dtmi:", error.GetProperty("id").GetString());
        Assert.Equal(("schema", "dubble", "bad.json"), (error.GetProperty("property").GetString(), error.GetProperty("value").GetString(), error.GetProperty("file").GetString()));
        Assert.Contains("dtmi:test:Lamp", error.GetProperty("element").GetString());
    }

    [Fact]
    public async Task A_corpus_is_counted_in_files_folders_zips_lists_and_instances()
    {
        Save("corpus/a.json", $$"""{"valid":true,"options":[],"input":[{{Lamp}}],"instances":[{"subject":"dtmi:dtdl:instance:Schema:double;2","conforms":true,"submit":"3.5"},{"subject":"dtmi:dtdl:instance:Schema:double;2","conforms":true,"submit":"\"no\""}]}""");
        Save("corpus/deep/b.json", $$$"""[{"valid":false,"options":[],"input":[{{{BadLamp}}}],"expect":{"parsingErrors":[{"ValidationID":"dtmi:other"}]}},{"valid":true,"options":[],"input":[{{{BadLamp}}}]}]""");
        Save("corpus/notes.json", """{"nothing":"here"}""");
        Save("packed/c.json", $$"""{"valid":true,"options":[],"input":[{{Lamp}}]}""");
        System.IO.Compression.ZipFile.CreateFromDirectory(Path.Combine(_folder, "packed"), Path.Combine(_folder, "corpus", "c.zip"));
        var (exit, json) = await JsonAsync("model", "conformance", Path.Combine(_folder, "corpus"));
        Assert.Equal((1, 4, 1.0), (exit, json.GetProperty("cases").GetInt32(), json.GetProperty("invalidAccuracy").GetDouble()));
        Assert.Equal((2.0 / 3, 0.5, 0.0), (json.GetProperty("validAccuracy").GetDouble(), json.GetProperty("instanceAccuracy").GetDouble(), json.GetProperty("errorIdMatch").GetDouble()));
        var misses = json.GetProperty("misses").EnumerateArray().ToArray();
        Assert.Equal(3, misses.Length); // a value, an error id, a case
        Assert.Equal(("deep/b.json", 1, "valid"), (misses[2].GetProperty("file").GetString()!.Replace('\\', '/'), misses[2].GetProperty("index").GetInt32(), misses[2].GetProperty("expected").GetString()));
        (exit, json) = await JsonAsync("model", "conformance", Path.Combine(_folder, "packed"));
        Assert.Equal((0, JsonValueKind.Null, JsonValueKind.Null), (exit, json.GetProperty("instanceAccuracy").ValueKind, json.GetProperty("invalidAccuracy").ValueKind));
    }

    [Fact]
    public async Task A_query_prints_its_rows_and_no_more_than_asked()
    {
        await using var server = await FakeServer.StartAsync((c, seen) =>
        {
            using var body = JsonDocument.Parse(seen.Body);
            Assert.Equal(30, body.RootElement.GetProperty("parameters").GetProperty("t").GetInt32());
            return FakeServer.JsonAsync(c, """{"value":[{"n":1},{"n":2}],"continuationToken":"more"}""");
        });
        var (exit, json) = await JsonAsync("query", "SELECT n", "--param", "t=30", "--limit", "3", "--url", server.Address.ToString());
        Assert.Equal((0, 3, true), (exit, json.GetProperty("rows").GetArrayLength(), json.GetProperty("more").GetBoolean()));
        var (_, output, _) = await RunAsync("query", "SELECT n", "--param", "t=30", "--limit", "3", "--url", server.Address.ToString());
        Assert.Contains("3 rows", output);
    }

    [Fact]
    public async Task A_bad_query_is_a_wrong_call_and_a_missing_device_is_a_no()
    {
        await using var server = await FakeServer.StartAsync((c, seen) => seen.Path == "/query"
            ? FakeServer.ProblemAsync(c, 400, "QueryInvalid", "SELECT was expected.", "1") : FakeServer.JsonAsync(c, """{"deviceId":"d","registered":false}"""));
        var (exit, json) = await JsonAsync("query", "SELEKT", "--url", server.Address.ToString());
        Assert.Equal((2, "QueryInvalid"), (exit, json.GetProperty("error").GetProperty("code").GetString()));
        (exit, json) = await JsonAsync("device", "status", "d", "--url", server.Address.ToString());
        Assert.Equal((1, "d"), (exit, json.GetProperty("deviceId").GetString()));
    }

    [Fact]
    public async Task A_table_becomes_models_and_an_import_job()
    {
        await using var server = await FakeServer.StartAsync((c, seen) => seen switch
        {
            { Method: "GET", Path: var path } when path.StartsWith("/models", StringComparison.Ordinal) => FakeServer.JsonAsync(c, """{"value":[],"nextLink":null}"""),
            { Method: "PUT" } => FakeServer.JsonAsync(c, """{"id":"j","status":"running","counts":{},"errors":[]}"""),
            _ => FakeServer.JsonAsync(c, """{"id":"j","status":"succeeded","counts":{"twins":2},"errors":[]}"""),
        });
        var (exit, json) = await JsonAsync("import", "csv", Save("lamps.csv", "id,power\nl1,5\nl2,6.5\nl1,7\n"), "--url", server.Address.ToString());
        Assert.Equal((0, 1, 2), (exit, json.GetProperty("models").GetInt32(), json.GetProperty("counts").GetProperty("twins").GetInt32()));
        Assert.Contains("l1", json.GetProperty("skipped")[0].GetProperty("reason").GetString());
        var lines = server.Seen.Single(s => s.Method == "PUT").Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("""{"$dtId":"l2","$metadata":{"$model":"dtmi:twin:csv:lamps;1"},"power":6.5}""", lines);
    }

    [Fact]
    public async Task A_watch_gathers_changes_and_their_cursor()
    {
        await using var server = await FakeServer.StartAsync(async (c, _) =>
        {
            using var socket = await c.WebSockets.AcceptWebSocketAsync();
            await FakeServer.SendAsync(socket, """{"cursor":"c1","changes":[{"seq":1,"kind":"propertyChanged","id":"a","path":"x","value":1}]}""");
            await socket.ReceiveAsync(new byte[16], c.RequestAborted);
        });
        var (exit, json) = await JsonAsync("watch", "x > 0", "--count", "1", "--url", server.Address.ToString());
        Assert.Equal((0, "a", "c1"), (exit, json.GetProperty("changes")[0].GetProperty("id").GetString(), json.GetProperty("cursor").GetString()));
        Assert.Equal("/stream?where=x%20%3E%200", server.Seen.Single().Path);
    }

    [Fact]
    public async Task A_watch_of_a_query_gathers_its_rows()
    {
        await using var server = await FakeServer.StartAsync(async (c, _) =>
        {
            using var socket = await c.WebSockets.AcceptWebSocketAsync();
            await FakeServer.SendAsync(socket, """{"cursor":"","reset":true,"changes":[{"kind":"rowAdded","key":"a","row":{"x":1}}]}""");
            await FakeServer.SendAsync(socket, """{"cursor":"i.1","changes":[{"kind":"rowRemoved","key":"a"}]}""");
            await socket.ReceiveAsync(new byte[16], c.RequestAborted);
        });
        var (exit, json) = await JsonAsync("watch", "SELECT T.x FROM DIGITALTWINS T WHERE T.x > $least", "--param", "least=0", "--count", "3", "--url", server.Address.ToString());
        Assert.Equal((0, "i.1"), (exit, json.GetProperty("cursor").GetString()));
        Assert.Equal(["True", "rowAdded", "rowRemoved"], json.GetProperty("changes").EnumerateArray().Select(c => c.TryGetProperty("kind", out var kind) ? kind.GetString()! : c.GetProperty("reset").ToString()));
        Assert.Equal("/stream?query=SELECT%20T.x%20FROM%20DIGITALTWINS%20T%20WHERE%20T.x%20%3E%20%24least&parameters=%7B%22least%22%3A0%7D", server.Seen.Single().Path);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-1, 1)]
    public async Task A_load_on_twins_reports_rate_and_percentiles_and_reads_back_what_it_wrote(int off, int expected)
    {
        var values = new System.Collections.Concurrent.ConcurrentDictionary<string, double>();
        await using var server = await FakeServer.StartAsync((c, seen) =>
        {
            if (seen is { Method: "GET", Path: var path } && values.TryGetValue(path, out var value)) return FakeServer.JsonAsync(c, string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""{"$dtId":"x","value":{{value + off}}}"""));
            if (seen.Method != "PATCH") return FakeServer.JsonAsync(c, seen.Method == "GET" ? """{"value":[],"nextLink":null}""" : seen.Method == "POST" ? "[]" : "{}");
            using var patch = JsonDocument.Parse(seen.Text);
            values[seen.Path] = patch.RootElement[0].GetProperty("value").GetDouble();
            c.Response.StatusCode = 204;
            return Task.CompletedTask;
        });
        var (exit, json) = await JsonAsync("load", "twins", "--connections", "2", "--seconds", "0.5", "--rate", "40", "--url", server.Address.ToString());
        var patches = server.Seen.Count(s => s.Method == "PATCH");
        Assert.Equal((expected, patches, 0), (exit, json.GetProperty("operations").GetInt32(), json.GetProperty("failed").GetInt32()));
        Assert.Equal(expected * 2, json.GetProperty("wrong").GetArrayLength());
        Assert.InRange(patches, 1, 20);
        Assert.True(json.GetProperty("p50Ms").GetDouble() <= json.GetProperty("p99Ms").GetDouble());
    }
}
