using System.Net;
using System.Text.Json;
using MessagePack;
using Twin.Model;
using Twin.Sdk;

namespace Twin.Clients.Tests;

public class ClientTests
{
    private static TwinClient Client(FakeServer server, TwinClientOptions? options = null) => new(server.Address, (options ?? new()) with { FirstWait = TimeSpan.FromMilliseconds(1) });

    [Fact]
    public async Task A_refusal_is_thrown_with_status_code_detail_and_place()
    {
        await using var server = await FakeServer.StartAsync((c, _) => FakeServer.ProblemAsync(c, 412, "PreconditionFailed", "The twin has changed.", "If-Match"));
        using var client = Client(server);
        var refused = await Assert.ThrowsAsync<TwinException>(() => client.PatchTwinAsync("a", new JsonPatch().Set("/x", 1), "W/\"1\""));
        Assert.Equal((HttpStatusCode.PreconditionFailed, "PreconditionFailed", "The twin has changed.", "If-Match"), (refused.Status, refused.Code, refused.Detail, refused.Where));
        Assert.Single(server.Seen);
    }

    [Fact]
    public async Task A_refusal_that_is_no_problem_document_is_told_as_it_is()
    {
        await using var server = await FakeServer.StartAsync(async (c, _) =>
        {
            c.Response.StatusCode = 502;
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(c.Response, "<h1>proxy</h1>");
        });
        using var client = Client(server);
        var refused = await Assert.ThrowsAsync<TwinException>(() => client.GetTwinAsync("a"));
        Assert.Equal(("Http502", "<h1>proxy</h1>"), (refused.Code, refused.Detail));
    }

    [Theory]
    [InlineData(503)]
    [InlineData(429)]
    public async Task A_read_is_repeated_while_the_server_is_busy(int status)
    {
        var turn = 0;
        await using var server = await FakeServer.StartAsync((c, _) =>
        {
            if (++turn > 2) return FakeServer.JsonAsync(c, """{"$dtId":"a"}""");
            c.Response.Headers.RetryAfter = "0";
            return FakeServer.ProblemAsync(c, status, "Busy", "Later.", "");
        });
        using var client = Client(server);
        Assert.Equal("a", (await client.GetTwinAsync("a")).Json.GetProperty("$dtId").GetString());
        Assert.Equal(3, server.Seen.Count);
    }

    [Fact]
    public async Task Repetition_ends_at_its_bound()
    {
        await using var server = await FakeServer.StartAsync((c, _) => FakeServer.ProblemAsync(c, 503, "StoreUnavailable", "Later.", ""));
        using var client = Client(server, new() { Retries = 2 });
        await Assert.ThrowsAsync<TwinException>(() => client.GetTwinAsync("a"));
        Assert.Equal(3, server.Seen.Count);
    }

    [Fact]
    public async Task A_server_that_asks_for_longer_than_allowed_is_not_asked_again()
    {
        await using var server = await FakeServer.StartAsync((c, _) =>
        {
            c.Response.Headers.RetryAfter = "3600";
            return FakeServer.ProblemAsync(c, 429, "Busy", "Later.", "");
        });
        using var client = Client(server);
        await Assert.ThrowsAsync<TwinException>(() => client.GetTwinAsync("a"));
        Assert.Single(server.Seen);
    }

    [Fact]
    public async Task What_may_not_be_done_twice_is_sent_once()
    {
        await using var server = await FakeServer.StartAsync((c, _) => FakeServer.ProblemAsync(c, 503, "StoreUnavailable", "Later.", ""));
        using var client = Client(server);
        Func<Task>[] calls =
        [
            () => client.PatchTwinAsync("a", new JsonPatch().Set("/x", 1)), () => client.PutTwinAsync("a", new { }, onlyIfAbsent: true), () => client.AddModelsAsync(["{}"]),
            () => client.ExecuteAsync(new TwinBatch().Delete("a")), () => client.RegisterDeviceAsync("d"), () => client.InvokeAsync("d", "go"), () => client.PublishTelemetryAsync("a", "m", 1),
            () => client.IngestAsync(new[] { new Sample("a", "x", PropertyValue.From(1), WallTime.None) }),
        ];
        foreach (var call in calls) await Assert.ThrowsAsync<TwinException>(call);
        Assert.Equal(calls.Length, server.Seen.Count);
    }

    [Fact]
    public async Task A_deletion_repeated_after_busy_takes_not_found_for_done()
    {
        var turn = 0;
        await using var server = await FakeServer.StartAsync((c, _) => turn++ == 0 ? FakeServer.ProblemAsync(c, 503, "StoreUnavailable", "Later.", "") : FakeServer.ProblemAsync(c, 404, "TwinNotFound", "None.", "id"));
        using var client = Client(server);
        await client.DeleteTwinAsync("a");
        await Assert.ThrowsAsync<TwinException>(() => client.DeleteTwinAsync("a"));
    }

    [Fact]
    public async Task Versions_conditions_keys_and_escaped_ids_reach_the_server()
    {
        await using var server = await FakeServer.StartAsync((c, _) =>
        {
            c.Response.Headers.ETag = "W/\"7\"";
            return FakeServer.JsonAsync(c, """{"$dtId":"a b"}""");
        });
        using var client = Client(server, new() { ApiKey = "k", Token = "t" });
        var put = await client.PutTwinAsync("a b", new Dictionary<string, object> { ["x"] = 1 }, ifMatch: "W/\"6\"");
        Assert.Equal("W/\"7\"", put.ETag);
        Assert.True(server.Seen.TryDequeue(out var seen));
        Assert.Equal(("PUT", "/digitaltwins/a%20b", "W/\"6\"", "k", "Bearer t"), (seen.Method, seen.Path, seen.Headers["If-Match"], seen.Headers["X-Api-Key"], seen.Headers["Authorization"]));
        await client.PatchTwinAsync("a", new JsonPatch().Set("/x", 2.5).Remove("/y"));
        Assert.True(server.Seen.TryDequeue(out seen));
        Assert.Equal("application/json-patch+json", seen.Headers["Content-Type"]);
        Assert.Equal("""[{"op":"add","path":"/x","value":2.5},{"op":"remove","path":"/y"}]""", seen.Text);
    }

    [Fact]
    public async Task A_query_is_read_page_after_page_with_its_parameters()
    {
        await using var server = await FakeServer.StartAsync((c, seen) =>
        {
            using var body = JsonDocument.Parse(seen.Body);
            Assert.Equal(30, body.RootElement.GetProperty("parameters").GetProperty("limit").GetInt32());
            return FakeServer.JsonAsync(c, body.RootElement.GetProperty("continuationToken").ValueKind == JsonValueKind.Null
                ? """{"value":[{"n":1},{"n":2}],"continuationToken":"next"}""" : """{"value":[{"n":3}],"continuationToken":null}""");
        });
        using var client = Client(server);
        var rows = new List<int>();
        await foreach (var row in client.QueryAsync("SELECT n", new Dictionary<string, object?> { ["limit"] = 30 }, 2)) rows.Add(row.GetProperty("n").GetInt32());
        Assert.Equal([1, 2, 3], rows);
    }

    [Fact]
    public async Task Lists_follow_their_next_links()
    {
        await using var server = await FakeServer.StartAsync((c, seen) => FakeServer.JsonAsync(c, seen.Path.Contains("continuationToken")
            ? """{"value":[{"$relationshipId":"r2"}],"nextLink":null}""" : """{"value":[{"$relationshipId":"r1"}],"nextLink":"/digitaltwins/a/relationships?relationshipName=has&continuationToken=x"}"""));
        using var client = Client(server);
        var ids = new List<string?>();
        await foreach (var one in client.ListRelationshipsAsync("a", "has")) ids.Add(one.GetProperty("$relationshipId").GetString());
        Assert.Equal(["r1", "r2"], ids);
    }

    [Fact]
    public async Task Samples_travel_as_message_pack_and_their_fates_come_back()
    {
        await using var server = await FakeServer.StartAsync((c, _) => FakeServer.JsonAsync(c, """{"applied":3,"duplicate":0,"unknownTwin":1,"refusals":[{"index":3,"fate":"unknownTwin","detail":"none"}]}"""));
        using var client = Client(server);
        var time = WallTime.From(DateTimeOffset.Parse("2026-11-22T08:00:00.1234567Z"));
        var answer = await client.IngestAsync(new[]
        {
            new Sample("a", "x", PropertyValue.From(1.5), time), new Sample("a", "y", PropertyValue.From(true), time), new Sample("b", "o", PropertyValue.FromJson("""{"k":[1,"z"]}"""u8.ToArray()), time), new Sample("c", "s", PropertyValue.From("t"), time),
        });
        Assert.Equal((3, 1, "unknownTwin"), (answer.Fates["applied"], answer.Refused, answer.Refusals.Single().Fate));
        Assert.True(server.Seen.TryDequeue(out var seen));
        Assert.Equal("application/msgpack", seen.Headers["Content-Type"]);
        // The package's own JSON view is the oracle of the bytes.
        Assert.Equal("""[{"id":"a","t":"2026-11-22T08:00:00.1234567Z","p":{"x":1.5,"y":true}},{"id":"b","t":"2026-11-22T08:00:00.1234567Z","p":{"o":{"k":[1,"z"]}}},{"id":"c","t":"2026-11-22T08:00:00.1234567Z","p":{"s":"t"}}]""",
            MessagePackSerializer.ConvertToJson(seen.Body));
    }

    [Fact]
    public async Task A_refused_batch_answers_which_command_was_refused()
    {
        await using var server = await FakeServer.StartAsync((c, _) => FakeServer.JsonAsync(c, """{"results":[{"status":424,"etag":null,"code":"NotDone","detail":"x"},{"status":412,"etag":null,"code":"PreconditionFailed","detail":"y"}]}""", 412));
        using var client = Client(server);
        var outcomes = await client.ExecuteAsync(new TwinBatch().Put("a", new { }).Delete("b", "W/\"1\""));
        Assert.Equal([424, 412], outcomes.Select(o => o.Status));
        Assert.True(server.Seen.TryDequeue(out var seen));
        Assert.Equal("""{"commands":[{"op":"put","id":"a","twin":{}},{"op":"delete","id":"b","ifMatch":"W/\u00221\u0022"}]}""", seen.Text);
    }

    [Fact]
    public async Task History_comes_raw_or_in_buckets()
    {
        await using var server = await FakeServer.StartAsync((c, seen) => FakeServer.JsonAsync(c, seen.Path.Contains("width=PT1M")
            ? """{"buckets":[{"t":"2026-01-01T00:00:00Z","count":2,"min":1,"max":3,"mean":2,"last":3}]}""" : """{"points":[{"t":"2026-01-01T00:00:00Z","v":4.5}]}"""));
        using var client = Client(server);
        Assert.Equal(4.5, (await client.ReadHistoryAsync("a", "motor/speed")).Single().Value.GetDouble());
        Assert.Equal(2.0, (await client.ReadHistoryBucketsAsync("a", "x", TimeSpan.FromMinutes(1), DateTimeOffset.UnixEpoch)).Single().Mean);
        Assert.StartsWith("/history/a/motor/speed?", server.Seen.First().Path);
        Assert.Contains("from=1970-01-01T00%3A00%3A00.0000000%2B00%3A00", server.Seen.Last().Path);
    }

    [Fact]
    public async Task An_import_is_streamed_and_watched_to_its_end()
    {
        var asked = 0;
        await using var server = await FakeServer.StartAsync((c, seen) => FakeServer.JsonAsync(c, seen.Method == "PUT" || ++asked < 3
            ? """{"id":"j","status":"running","counts":{"twins":1},"errors":[]}""" : """{"id":"j","status":"succeeded","counts":{"twins":5},"total":5,"rate":10.5,"errors":[{"line":3}]}"""));
        using var client = Client(server);
        await client.StartImportAsync("j", new MemoryStream("""{"Section":"Header"}"""u8.ToArray()));
        var job = await client.WaitForImportAsync("j", TimeSpan.FromMilliseconds(1));
        Assert.Equal(("succeeded", 5L, 5L, 1), (job.Status, job.Counts["twins"], job.Total!.Value, job.Errors.Count));
        Assert.Equal(4, server.Seen.Count);
        Assert.Equal("""{"Section":"Header"}""", server.Seen.First().Text);
    }

    [Theory]
    [InlineData("ftp://here")]
    [InlineData("relative/path")]
    public void An_address_that_is_no_server_is_refused_at_once(string address) =>
        Assert.Throws<ArgumentException>(() => new TwinClient(new Uri(address, UriKind.RelativeOrAbsolute)));

    [Fact]
    public void Options_out_of_range_are_refused_by_name()
    {
        Assert.Equal("Retries", Assert.Throws<ArgumentOutOfRangeException>(() => new TwinClient(new Uri("http://h"), new() { Retries = 21 })).ParamName);
        Assert.Equal("LongestMessage", Assert.Throws<ArgumentOutOfRangeException>(() => new TwinClient(new Uri("http://h"), new() { LongestMessage = 1 })).ParamName);
    }

    [Fact]
    public async Task A_server_that_says_nothing_is_given_up_at_the_deadline()
    {
        await using var server = await FakeServer.StartAsync((c, _) => Task.Delay(Timeout.Infinite, c.RequestAborted));
        using var client = Client(server, new() { Timeout = TimeSpan.FromMilliseconds(50) });
        await Assert.ThrowsAsync<TimeoutException>(() => client.GetTwinAsync("a"));
    }

    [Fact]
    public async Task Devices_are_read_to_the_last_page_even_past_an_empty_one()
    {
        await using var server = await FakeServer.StartAsync((c, seen) => FakeServer.JsonAsync(c, seen.Path switch
        {
            "/devices?top=2&state=stale&prefix=lamp-" => """{"value":[{"deviceId":"lamp-1"}],"continuationToken":"a_"}""",
            "/devices?top=2&state=stale&prefix=lamp-&continuationToken=a_" => """{"value":[],"continuationToken":"b"}""",
            _ => """{"value":[{"deviceId":"lamp-9"}],"continuationToken":null}""",
        }));
        using var client = Client(server);
        var ids = new List<string?>();
        await foreach (var device in client.ListDevicesAsync("stale", "lamp-", 2)) ids.Add(device.GetProperty("deviceId").GetString());
        Assert.Equal(["lamp-1", "lamp-9"], ids);
        Assert.Equal(3, server.Seen.Count);
    }

    [Fact]
    public async Task A_device_is_registered_told_its_state_and_commanded()
    {
        await using var server = await FakeServer.StartAsync((c, seen) => FakeServer.JsonAsync(c, seen.Method switch
        {
            "PUT" => """{"deviceId":"d","secret":"s"}""",
            "PATCH" => """{"version":4}""",
            _ => """{"code":200,"payload":{"done":true}}""",
        }));
        using var client = Client(server);
        Assert.Equal("s", (await client.RegisterDeviceAsync("d")).Secret);
        Assert.Equal(4, await client.SetDesiredAsync("d", new { level = 3 }));
        var reply = await client.InvokeAsync("d", "go", new { n = 1 }, TimeSpan.FromSeconds(2.5), "key-1");
        Assert.True(reply.Payload.GetProperty("done").GetBoolean());
        var last = server.Seen.Last();
        Assert.Equal(("/devices/d/commands/go?timeout=2.5", "key-1", """{"n":1}"""), (last.Path, last.Headers["Idempotency-Key"], last.Text));
    }
}
