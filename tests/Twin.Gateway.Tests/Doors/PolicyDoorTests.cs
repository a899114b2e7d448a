using System.Net;
using System.Security.Cryptography;
using System.Text;
using Twin.Grains;
using System.Text.Json;

namespace Twin.Gateway.Tests.Doors;

/// <summary>Two API keys over real sockets: one sees a field, one does not.</summary>
[Collection("doors")]
public sealed class PolicyDoorTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private const string Policy = "tests.hidden-power";
    private DoorWorld _door = null!;
    private string _lamp = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var configuration = new Dictionary<string, string?>();
        foreach (var ((name, role), i) in new[] { ("root", "admin"), ("anna", "write"), ("bert", "write"), ("carl", "read") }.Select((k, i) => (k, i)))
        {
            configuration[$"Twin:Auth:Keys:{i}:Name"] = name;
            configuration[$"Twin:Auth:Keys:{i}:Sha256"] = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(KeyOf(name))));
            configuration[$"Twin:Auth:Keys:{i}:Roles:0"] = role;
        }

        _door = await DoorWorld.OpenAsync(grains, configuration);
        using var models = await SendAsync("root", "POST", "/models", DoorWorld.Models);
        Assert.True(models.StatusCode is HttpStatusCode.Created or HttpStatusCode.Conflict);
        _lamp = "pol-" + Guid.NewGuid().ToString("N")[..12];
        await PutAsync(_lamp, "\"power\":7,\"label\":\"hall\"");
    }

    public async ValueTask DisposeAsync()
    {
        using var gone = await SendAsync("root", "DELETE", $"/policies/{Policy}");
        await _door.DisposeAsync();
    }

    private static string KeyOf(string name) => $"key-of-{name}-0123456789";

    private Task<HttpResponseMessage> SendAsync(string who, string method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, method == "PATCH" ? "application/json-patch+json" : "application/json") };
        request.Headers.Add("X-Api-Key", KeyOf(who));
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return _door.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
    }

    private async Task<(int Status, JsonElement Json)> AskAsync(string who, string method, string path, string? body = null)
    {
        using var answer = await SendAsync(who, method, path, body);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        return ((int)answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }

    private async Task PutAsync(string id, string more)
    {
        using var put = await SendAsync("root", "PUT", $"/digitaltwins/{id}", DoorWorld.Body(more));
        Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(Cancel));
    }

    private async Task StoreAsync(string resources, string subject = "key:bert")
    {
        var (status, json) = await AskAsync("root", "PUT", $"/policies/{Policy}", $$$"""{"entries":{"e":{"subjects":["{{{subject}}}"],"resources":{{{resources}}} } } } """);
        Assert.True(status is 200 or 201, $"{status} {json}");
    }

    private Task HidePowerAsync() => StoreAsync($$$"""{"model:{{{DoorWorld.Lamp}}}/power":{"revoke":["read","write"]} } """);

    [Fact]
    public async Task A_standing_query_is_of_what_its_subscriber_may_read_and_follows_the_policies()
    {
        var query = $"SELECT T.$dtId, T.power FROM DIGITALTWINS T WHERE T.$dtId = '{_lamp}' AND T.power > 1";
        using var anna = await RowReader.OpenAsync(_door, false, query, null, KeyOf("anna"));
        using var bert = await RowReader.OpenAsync(_door, true, query, null, KeyOf("bert"));
        Assert.Equal(anna.Rows, bert.Rows);
        Assert.Single(bert.Rows);
        await HidePowerAsync();
        await bert.UntilAsync(2);
        Assert.Equal($"rowRemoved {_lamp}", bert.Told[^1]);
        await PutAsync(_lamp, "\"power\":9,\"label\":\"hall\"");
        while (!anna.Rows[_lamp].EndsWith(":9}", StringComparison.Ordinal)) Assert.True(await anna.ReadAsync());
        using var gone = await SendAsync("root", "DELETE", $"/policies/{Policy}");
        await bert.UntilAsync(3);
        Assert.Equal(anna.Rows, bert.Rows);
    }

    [Fact]
    public async Task Without_a_policy_coarse_rights_hold()
    {
        Assert.Equal(7, (await AskAsync("bert", "GET", $"/digitaltwins/{_lamp}")).Json.GetProperty("power").GetDouble());
        Assert.Equal(204, (await AskAsync("bert", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":8}]""")).Status);
        Assert.Equal(403, (await AskAsync("carl", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":9}]""")).Status);
    }

    [Fact]
    public async Task A_hidden_field_is_in_no_answer_and_its_change_moves_nothing_one_can_see()
    {
        await HidePowerAsync();
        var seen = (await AskAsync("anna", "GET", $"/digitaltwins/{_lamp}")).Json;
        Assert.Equal(7, seen.GetProperty("power").GetDouble());
        var before = (await AskAsync("bert", "GET", $"/digitaltwins/{_lamp}")).Json;
        Assert.False(before.TryGetProperty("power", out _));
        Assert.False(before.GetProperty("$metadata").TryGetProperty("power", out _));
        Assert.Equal("hall", before.GetProperty("label").GetString());
        Assert.Equal(204, (await AskAsync("anna", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":70}]""")).Status);
        Assert.Equal(before.GetRawText(), (await AskAsync("bert", "GET", $"/digitaltwins/{_lamp}")).Json.GetRawText());
    }

    [Fact]
    public async Task A_query_takes_a_hidden_field_for_undefined()
    {
        await HidePowerAsync();
        async Task<JsonElement> RowsAsync(string who, string query)
        {
            var (status, json) = await AskAsync(who, "POST", "/query", JsonSerializer.Serialize(new { query }));
            Assert.True(status == 200, json.ToString());
            return json.GetProperty("value");
        }

        Assert.Equal(1, (await RowsAsync("anna", $"SELECT * FROM DIGITALTWINS T WHERE T.$dtId = '{_lamp}' AND T.power = 7")).GetArrayLength());
        Assert.Equal(0, (await RowsAsync("bert", $"SELECT * FROM DIGITALTWINS T WHERE T.$dtId = '{_lamp}' AND T.power = 7")).GetArrayLength());
        Assert.Equal(0, (await RowsAsync("bert", $"SELECT * FROM DIGITALTWINS T WHERE T.$dtId = '{_lamp}' AND IS_DEFINED(T.power)")).GetArrayLength());
        var row = Assert.Single((await RowsAsync("bert", $"SELECT T.power, T.label FROM DIGITALTWINS T WHERE T.$dtId = '{_lamp}'")).EnumerateArray().ToArray());
        Assert.False(row.TryGetProperty("power", out _));
        Assert.Equal("hall", row.GetProperty("label").GetString());
    }

    [Fact]
    public async Task A_refused_write_names_permission_and_resource_and_is_audited_without_values()
    {
        await HidePowerAsync();
        var (status, problem) = await AskAsync("bert", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":4711}]""");
        Assert.Equal(403, status);
        Assert.Equal("NotAllowed", problem.GetProperty("code").GetString());
        Assert.Equal($"twin:{_lamp}/power", problem.GetProperty("where").GetString());
        Assert.DoesNotContain("7", problem.GetProperty("detail").GetString()!.Replace(_lamp, "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(403, (await AskAsync("bert", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"test","path":"/power","value":7}]""")).Status);
        Assert.Equal(403, (await AskAsync("bert", "DELETE", $"/digitaltwins/{_lamp}")).Status);
        Assert.Equal(204, (await AskAsync("bert", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"replace","path":"/label","value":"x"}]""")).Status);
        var audit = (await AskAsync("root", "GET", "/audit?subject=key:bert&kind=denied&top=1000")).Json.GetProperty("value").EnumerateArray().ToArray();
        Assert.Contains(audit, e => e.GetProperty("action").GetString() == $"PATCH /digitaltwins/{_lamp}");
        Assert.DoesNotContain("4711", string.Concat(audit.Select(e => e.GetRawText())), StringComparison.Ordinal);
        Assert.Contains((await AskAsync("root", "GET", "/audit?kind=administered&top=1000")).Json.GetProperty("value").EnumerateArray(), e => e.GetProperty("action").GetString() == $"PUT /policies/{Policy}" && e.GetProperty("subject").GetString() == "key:root");
        Assert.True((await AskAsync("root", "GET", "/audit/verify")).Json.GetProperty("whole").GetBoolean());
        Assert.Equal(403, (await AskAsync("bert", "GET", "/audit")).Status);
    }

    [Fact]
    public async Task What_looked_absent_because_it_is_hidden_is_audited_and_what_is_absent_is_not()
    {
        await StoreAsync($$$"""{"twin:{{{_lamp}}}":{"revoke":["read","write"]} } """);
        var absent = _lamp + "-absent";
        var (hidden, hiddenBody) = await AskAsync("bert", "GET", $"/digitaltwins/{_lamp}");
        var (gone, goneBody) = await AskAsync("bert", "GET", $"/digitaltwins/{absent}");
        Assert.Equal((404, 404), (hidden, gone));
        Assert.Equal(goneBody.GetRawText().Replace(absent, _lamp, StringComparison.Ordinal), hiddenBody.GetRawText());
        Assert.Equal(404, (await AskAsync("bert", "GET", $"/things/{_lamp}/properties/power")).Status);
        using (await SendAsync("bert", "GET", $"/stream?twins={_lamp},{absent}"))
        {
        }

        var audit = (await AskAsync("root", "GET", $"/audit?subject=key:bert&kind=denied&act={_lamp}&top=1000")).Json.GetProperty("value").EnumerateArray().ToArray();
        Assert.Equal([$"GET /digitaltwins/{_lamp} 404 hidden", $"GET /stream of {_lamp} filtered", $"GET /things/{_lamp}/properties/power 404 hidden"],
            audit.Select(e => $"{e.GetProperty("action").GetString()} {e.GetProperty("outcome").GetString()}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Samples_a_subject_may_not_write_are_audited_by_their_number()
    {
        await HidePowerAsync();
        var (status, json) = await AskAsync("bert", "POST", "/ingest", $$$"""[{"id":"{{{_lamp}}}","p":{"power":1}},{"id":"{{{_lamp}}}","p":{"power":2,"spare":3}}]""");
        Assert.True(status == 200 && json.GetProperty("invalid").GetInt32() == 2, json.ToString());
        var audit = (await AskAsync("root", "GET", "/audit?subject=key:bert&act=/ingest&top=1000")).Json.GetProperty("value").EnumerateArray().ToArray();
        Assert.Contains(audit, e => e.GetProperty("count").GetInt64() == 2);
    }

    [Fact]
    public async Task An_observed_property_is_seen_as_its_subscriber_may()
    {
        await HidePowerAsync();
        using var none = await SendAsync("bert", "GET", $"/things/{_lamp}/properties/power/observe");
        using var stream = none.IsSuccessStatusCode ? await none.Content.ReadAsStreamAsync(Cancel) : Stream.Null;
        using var label = await SendAsync("bert", "GET", $"/things/{_lamp}/properties/label/observe");
        Assert.Equal(HttpStatusCode.OK, label.StatusCode);
        using var seen = new StreamReader(await label.Content.ReadAsStreamAsync(Cancel));
        var hidden = ReadDataAsync(new StreamReader(stream), "4711");
        await AskAsync("root", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":4711},{"op":"add","path":"/label","value":"seen"}]""");
        Assert.True(await ReadDataAsync(seen, "seen"));
        await AskAsync("root", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/label","value":"later"}]""");
        Assert.True(await ReadDataAsync(seen, "later"));
        Assert.False(hidden.IsCompletedSuccessfully && await hidden, "the hidden value came");
    }

    private static async Task<bool> ReadDataAsync(StreamReader reader, string text)
    {
        try
        {
            while (await reader.ReadLineAsync(Cancel) is { } line)
                if (line.StartsWith("data:", StringComparison.Ordinal) && line.Contains(text, StringComparison.Ordinal)) return true;
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException)
        {
            // The stream was closed at the test's end.
        }

        return false;
    }

    [Fact]
    public async Task A_route_carries_what_its_maker_may_read()
    {
        var id = "pol-" + Guid.NewGuid().ToString("N")[..8];
        await StoreAsync($$$"""{"admin:routes":{"grant":["read","write","administer"]},"model:{{{DoorWorld.Lamp}}}/power":{"revoke":["read","write"]} } """);
        var body = $$$"""{"filter":{"twins":["{{{_lamp}}}"]},"target":{"kind":"file","folder":"{{{id}}}"},"batchSize":1}""";
        Assert.Equal(403, (await AskAsync("anna", "PUT", $"/routes/{id}", body)).Status);
        var (status, json) = await AskAsync("bert", "PUT", $"/routes/{id}", body);
        Assert.True(status == 201, $"{status} {json}");
        Assert.Equal("key:bert", json.GetProperty("owner").GetString());
        Assert.Equal(400, (await AskAsync("bert", "PUT", $"/routes/{id}-x", body.Replace("\"batchSize\"", "\"owner\":{\"name\":\"key:root\",\"roles\":[],\"rights\":15},\"batchSize\"", StringComparison.Ordinal))).Status);
        await AskAsync("root", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":4711}]""");
        await AskAsync("root", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/label","value":"carried"}]""");
        await Eventually.TrueAsync(async () => (await AskAsync("root", "GET", $"/routes/{id}")).Json.GetProperty("status").GetProperty("delivered").GetInt64() > 0, "the label to be carried", Cancel);
        var text = string.Concat(Directory.GetFiles(_door.DataFolder, "*", SearchOption.AllDirectories).Where(f => f.Contains(Path.Combine("outbox", id), StringComparison.Ordinal)).Select(File.ReadAllText));
        Assert.Contains("carried", text, StringComparison.Ordinal);
        Assert.DoesNotContain("4711", text, StringComparison.Ordinal);
        Assert.Equal(204, (await AskAsync("root", "DELETE", $"/routes/{id}")).Status);
    }

    [Fact]
    public async Task A_precondition_holds_over_what_one_sees()
    {
        await HidePowerAsync();
        using var get = await SendAsync("bert", "GET", $"/digitaltwins/{_lamp}");
        var tag = get.Headers.ETag!.ToString();
        await AskAsync("anna", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":71}]""");
        using var kept = await SendAsync("bert", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"replace","path":"/label","value":"mine"}]""", ("If-Match", tag));
        Assert.Equal(HttpStatusCode.NoContent, kept.StatusCode);
        using var stale = await SendAsync("bert", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"replace","path":"/label","value":"again"}]""", ("If-Match", tag));
        Assert.Equal(HttpStatusCode.PreconditionFailed, stale.StatusCode);
    }

    [Fact]
    public async Task A_twin_without_any_read_right_does_not_exist_until_the_policy_goes()
    {
        await StoreAsync($$$"""{"twin:{{{_lamp}}}":{"revoke":["read","write"]} } """);
        Assert.Equal(404, (await AskAsync("bert", "GET", $"/digitaltwins/{_lamp}")).Status);
        Assert.Equal(404, (await AskAsync("bert", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":1}]""")).Status);
        Assert.Equal(404, (await AskAsync("bert", "GET", $"/digitaltwins/{_lamp}/relationships")).Status);
        Assert.Equal(0, (await AskAsync("bert", "POST", "/query", JsonSerializer.Serialize(new { query = $"SELECT COUNT() FROM DIGITALTWINS T WHERE T.$dtId = '{_lamp}'" }))).Json.GetProperty("value")[0].GetProperty("COUNT").GetInt32());
        Assert.Equal(403, (await AskAsync("bert", "GET", $"/history/{_lamp}/power")).Status);
        Assert.Equal(200, (await AskAsync("anna", "GET", $"/digitaltwins/{_lamp}")).Status);
        Assert.Equal(204, (await AskAsync("root", "DELETE", $"/policies/{Policy}")).Status);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(10)); // the owner is another process: within a second, and this machine may be busy
        while ((await AskAsync("bert", "GET", $"/digitaltwins/{_lamp}")).Status != 200) await Task.Delay(20, limit.Token);
    }

    [Fact]
    public async Task The_stream_tells_nothing_of_a_hidden_field()
    {
        await HidePowerAsync();
        async Task<StreamReader> OpenAsync(string who) => new(await (await SendAsync(who, "GET", $"/stream?twins={_lamp}", null, ("Accept", "text/event-stream"))).Content.ReadAsStreamAsync(Cancel));
        using var anna = await OpenAsync("anna");
        using var bert = await OpenAsync("bert");
        await NextAsync(anna, "cursor");
        await NextAsync(bert, "cursor");
        await AskAsync("anna", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":1234}]""");
        await AskAsync("anna", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/label","value":"done"}]""");
        Assert.Contains("1234", await NextAsync(anna, "\"power\""), StringComparison.Ordinal);
        var told = await NextAsync(bert, "\"done\"");
        Assert.DoesNotContain("power", told, StringComparison.Ordinal);
        Assert.DoesNotContain("1234", told, StringComparison.Ordinal);
    }

    // Everything read up to the line that has the text.
    private static async Task<string> NextAsync(StreamReader stream, string until)
    {
        var all = new StringBuilder();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        while (await stream.ReadLineAsync(limit.Token) is { } line)
        {
            all.AppendLine(line);
            if (line.Contains(until, StringComparison.Ordinal)) return all.ToString();
        }

        throw new InvalidOperationException($"The stream ended before {until}: {all}");
    }

    [Fact]
    public async Task A_policy_grants_beyond_a_credential_and_an_administrator_is_never_locked_out()
    {
        await StoreAsync($$$"""{"twin:{{{_lamp}}}/label":{"grant":["write"]} } """, "key:carl");
        Assert.Equal(204, (await AskAsync("carl", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/label","value":"carl"}]""")).Status);
        Assert.Equal(403, (await AskAsync("carl", "PATCH", $"/digitaltwins/{_lamp}", """[{"op":"add","path":"/power","value":1}]""")).Status);
        await StoreAsync("""{"*":{"revoke":["read","write","command","administer"]}}""", "*");
        Assert.Equal(404, (await AskAsync("bert", "GET", $"/digitaltwins/{_lamp}")).Status);
        Assert.Equal(200, (await AskAsync("root", "GET", $"/digitaltwins/{_lamp}")).Status);
    }

    [Fact]
    public async Task Who_sees_what_is_told_with_the_entry_that_decided()
    {
        await HidePowerAsync();
        var (status, rights) = await AskAsync("root", "GET", $"/policies/effective?subject=key:bert&twin={_lamp}");
        Assert.Equal(200, status);
        var paths = rights.GetProperty("paths").EnumerateArray().ToDictionary(p => p.GetProperty("path").GetString()!);
        Assert.False(paths["power"].GetProperty("read").GetProperty("allowed").GetBoolean());
        Assert.StartsWith($"{Policy}/e model:", paths["power"].GetProperty("read").GetProperty("by").GetString(), StringComparison.Ordinal);
        Assert.True(paths["label"].GetProperty("read").GetProperty("allowed").GetBoolean());
        Assert.Equal("credential", paths["label"].GetProperty("read").GetProperty("by").GetString());
    }

    [Fact]
    public async Task Samples_of_a_forbidden_field_are_refused_one_by_one()
    {
        await HidePowerAsync();
        var (status, fates) = await AskAsync("bert", "POST", "/ingest", $$$"""[{"id":"{{{_lamp}}}","p":{"label":"in"} } ,{"id":"{{{_lamp}}}","p":{"power":99} } ]""");
        Assert.Equal(200, status);
        Assert.Equal((1, 1), (fates.GetProperty("applied").GetInt32(), fates.GetProperty("invalid").GetInt32()));
        Assert.Equal(7, (await AskAsync("anna", "GET", $"/digitaltwins/{_lamp}")).Json.GetProperty("power").GetDouble());
    }

    [Fact]
    public async Task A_device_itself_refuses_commands_and_wishes_of_those_whose_policies_do_not_let_them()
    {
        await StoreAsync($$$"""{"device:{{{_lamp}}}/commands/blink":{"grant":["command"]},"device:{{{_lamp}}}/desired":{"revoke":["command"]} } """);
        var device = grains.Client.GetGrain<IDeviceGrain>(_lamp);
        var bert = new Twin.Model.Policies.PolicySubject("key:bert", [], Twin.Model.Policies.Permissions.Read | Twin.Model.Policies.Permissions.Write);
        for (var i = 0; i < 50 && (await device.InvokeAsync("blink", [], TimeSpan.FromSeconds(1), "", bert)).Status == DeviceCommandStatus.NotAllowed; i++) await Task.Delay(100, Cancel); // policies are at most a second old
        Assert.Equal(DeviceCommandStatus.NotRegistered, (await device.InvokeAsync("blink", [], TimeSpan.FromSeconds(1), "", bert)).Status); // it may, but there is no such device
        var refused = await device.InvokeAsync("selfDestruct", [], TimeSpan.FromSeconds(1), "", bert);
        Assert.Equal(DeviceCommandStatus.NotAllowed, refused.Status);
        Assert.Contains($"device:{_lamp}/commands/selfDestruct", refused.Detail, StringComparison.Ordinal);
        Assert.Equal(DeviceUpdateStatus.NotAllowed, (await device.SetDesiredAsync("{}", bert)).Status);
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => device.SetDisabledAsync(true, bert));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => device.RegisterAsync(_lamp, DeviceSecrets.Hash("x"), TimeSpan.FromMinutes(1), bert));
    }
}
