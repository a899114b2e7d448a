using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Twin.Gateway.Tests.Doors;

/// <summary>The twins' door as strangers use it.</summary>
[Collection("doors")]
public sealed class HttpDoorTests(SharedDoor shared) : IClassFixture<SharedDoor>
{
    private readonly DoorWorld _door = shared.Door;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await _door.Http.SendAsync(request, Cancel);
    }

    private static string Tag(HttpResponseMessage answer) => answer.Headers.TryGetValues("ETag", out var tags) ? tags.Single() : throw new InvalidOperationException($"{(int)answer.StatusCode} has no ETag");

    [Fact]
    public async Task Conditions_are_kept_and_an_answer_that_is_known_is_not_sent_again()
    {
        var lamp = await _door.LampAsync();
        var path = $"/digitaltwins/{lamp}";
        using var first = await SendAsync(HttpMethod.Get, path);
        var old = Tag(first);
        using var known = await SendAsync(HttpMethod.Get, path, null, ("If-None-Match", old));
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        Assert.Empty(await known.Content.ReadAsByteArrayAsync(Cancel));
        using var patch = await SendAsync(HttpMethod.Patch, path, DoorWorld.Patch("""[{"op":"replace","path":"/power","value":1}]"""), ("If-Match", old));
        Assert.Equal(HttpStatusCode.NoContent, patch.StatusCode);
        Assert.NotEqual(old, Tag(patch));
        using var changed = await SendAsync(HttpMethod.Get, path, null, ("If-None-Match", old));
        Assert.Equal((HttpStatusCode.OK, Tag(patch)), (changed.StatusCode, Tag(changed)));
        foreach (var (method, content) in new (HttpMethod, HttpContent?)[] { (HttpMethod.Patch, DoorWorld.Patch("[]")), (HttpMethod.Put, DoorWorld.Json(DoorWorld.Body("\"power\":9"))), (HttpMethod.Delete, null) })
            await _door.ProblemAsync(412, method, path, content, ("If-Match", old));
        await _door.ProblemAsync(412, HttpMethod.Put, path, DoorWorld.Json(DoorWorld.Body("\"power\":9")), ("If-None-Match", "*"));
        foreach (var wrong in new[] { "banana", "\"\"", "W/\"1\", W/\"2\"", "W/\"-1\"", "\"ffffffffffffffffff\"" })
            await _door.ProblemAsync(400, HttpMethod.Delete, path, null, ("If-Match", wrong));
        Assert.Equal(1, (await _door.GetAsync(path)).GetProperty("power").GetDouble());
        using var any = await SendAsync(HttpMethod.Delete, path, null, ("If-Match", "*"));
        Assert.Equal(HttpStatusCode.NoContent, any.StatusCode);
        await _door.ProblemAsync(412, HttpMethod.Put, path, DoorWorld.Json(DoorWorld.Body("\"power\":9")), ("If-Match", "*"));
    }

    [Theory]
    [InlineData("""[{"op":"add","path":"/spare","value":2}]""", 204, "\"spare\":2")]
    [InlineData("""[{"op":"replace","path":"/power","value":2}]""", 204, "\"power\":2")]
    [InlineData("""[{"op":"replace","path":"/spare","value":2}]""", 404, null)]
    [InlineData("""[{"op":"remove","path":"/label"}]""", 204, null)]
    [InlineData("""[{"op":"remove","path":"/spare"}]""", 404, null)]
    [InlineData("""[{"op":"test","path":"/power","value":1},{"op":"replace","path":"/power","value":3}]""", 204, "\"power\":3")]
    [InlineData("""[{"op":"replace","path":"/power","value":3},{"op":"test","path":"/power","value":1}]""", 409, "\"power\":1")]
    [InlineData("""[{"op":"move","from":"/power","path":"/spare"}]""", 400, "\"power\":1")]
    [InlineData("""[{"op":"copy","from":"/power","path":"/spare"}]""", 400, "\"power\":1")]
    [InlineData("""[{"op":"replace","path":"/power","value":2},{"op":"replace","path":"/power","value":"bright"}]""", 400, "\"power\":1")]
    [InlineData("""[{"op":"replace","path":"/nothing","value":2}]""", 400, null)]
    [InlineData("""[{"op":"replace","path":"power","value":2}]""", 400, null)]
    [InlineData("""[{"op":"replace","path":"","value":{}}]""", 400, null)]
    [InlineData("""[{"op":"replace","path":"/$metadata/$model","value":2}]""", 400, null)]
    [InlineData("""[{"op":"add","path":"/bulb/hours","value":7}]""", 204, "\"hours\":7")]
    [InlineData("""[{"op":"replace","path":"/place/floor","value":7}]""", 204, "\"floor\":7")]
    [InlineData("""{"op":"replace","path":"/power","value":2}""", 400, null)]
    [InlineData("""[[]]""", 400, null)]
    [InlineData("""[{"op":"replace","path":"/power","value":1e999}]""", 400, null)]
    [InlineData("""[]""", 204, "\"power\":1")]
    public async Task A_json_patch_is_done_whole_or_refused_whole(string patch, int status, string? then)
    {
        var lamp = await _door.LampAsync("\"power\":1,\"label\":\"a\",\"place\":{\"floor\":1,\"room\":\"x\"}");
        if (status == 204)
        {
            using var answer = await _door.Http.PatchAsync($"/digitaltwins/{lamp}", DoorWorld.Patch(patch), Cancel);
            Assert.True(answer.StatusCode == HttpStatusCode.NoContent, await answer.Content.ReadAsStringAsync(Cancel));
        }
        else
        {
            await _door.ProblemAsync(status, HttpMethod.Patch, $"/digitaltwins/{lamp}", DoorWorld.Patch(patch));
        }

        var text = (await _door.GetAsync($"/digitaltwins/{lamp}")).GetRawText();
        if (then is not null) Assert.Contains(then, text, StringComparison.Ordinal);
        if (patch.Contains("remove\",\"path\":\"/label", StringComparison.Ordinal)) Assert.DoesNotContain("\"label\":\"a\"", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    public async Task Malformed_json_is_refused_at_its_byte(string method)
    {
        var isPut = method == "PUT";
        var text = isPut ? DoorWorld.Body("\"label\":\"\u00e9\",,\"power\":1") : """[{"op":"replace","path":"/label","value":"é"},,]""";
        var bytes = Encoding.UTF8.GetBytes(text);
        var at = bytes.AsSpan().IndexOf(",,"u8) + 1;
        var lamp = await _door.LampAsync();
        var problem = await _door.ProblemAsync(400, new HttpMethod(method), $"/digitaltwins/{lamp}", isPut ? DoorWorld.Json(text) : DoorWorld.Patch(text));
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"line 1, byte {at + 1}"), problem.Where);
    }

    public static TheoryData<string, string> WrongBodies => new()
    {
        { "an unknown model", """{"$metadata":{"$model":"dtmi:no:such;1"}}""" },
        { "the wrong type", DoorWorld.Body("\"power\":\"bright\"") },
        { "an integer with a fraction", DoorWorld.Body("\"place\":{\"floor\":1.5}") },
        { "a property the model lacks", DoorWorld.Body("\"colour\":1") },
        { "a field the object lacks", DoorWorld.Body("\"place\":{\"attic\":1}") },
        { "a map value of the wrong type", DoorWorld.Body("\"tags\":{\"a\":1}") },
        { "a duplicate key", DoorWorld.Body("\"power\":1,\"power\":2") },
        { "another id", DoorWorld.Body("\"$dtId\":\"somebody\",\"power\":1") },
        { "an array", "[]" },
        { "nothing", "" },
        { "two values", DoorWorld.Body("\"power\":1") + "{}" },
        { "half a surrogate", DoorWorld.Body("\"label\":\"\\ud800\"") },
        { "half a surrogate as a name", DoorWorld.Body("\"\\ud800\":1") },
        { "nesting of 10,000", DoorWorld.Body("\"place\":" + string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000)) },
        { "arrays of 10,000", new string('[', 10_000) },
    };

    [Theory]
    [MemberData(nameof(WrongBodies))]
    public async Task A_twin_that_makes_no_sense_is_refused_and_not_created(string what, string body)
    {
        var problem = await _door.ProblemAsync(400, HttpMethod.Put, "/digitaltwins/wrong-1", DoorWorld.Json(body));
        Assert.False(string.IsNullOrEmpty(problem.Detail), what);
        await _door.ProblemAsync(404, HttpMethod.Get, "/digitaltwins/wrong-1");
    }

    [Theory]
    [InlineData("PUT", "/digitaltwins/utf")]
    [InlineData("POST", "/models")]
    [InlineData("POST", "/query")]
    [InlineData("POST", "/batch")]
    [InlineData("POST", "/ingest")]
    [InlineData("PATCH", "/devices/utf/desired")]
    [InlineData("PUT", "/routes/utf")]
    public async Task Bytes_that_are_not_utf8_are_refused(string method, string path)
    {
        byte[] body = [.. "{\"a\":\""u8, 0xC3, 0x28, 0xFF, .. "\"}"u8];
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new("application/json");
        await _door.ProblemAsync(400, new HttpMethod(method), path, content);
    }

    [Theory]
    [InlineData("POST", "/query")]
    [InlineData("POST", "/batch")]
    [InlineData("POST", "/ingest")]
    [InlineData("POST", "/models")]
    [InlineData("PATCH", "/devices/deep/desired")]
    [InlineData("PUT", "/routes/deep")]
    [InlineData("PATCH", "/digitaltwins/deep/relationships/r")]
    [InlineData("PATCH", "/digitaltwins/deep/components/bulb")]
    public async Task Deep_nesting_is_refused_everywhere(string method, string path)
    {
        foreach (var body in new[] { new string('[', 10_000) + new string(']', 10_000), string.Concat(Enumerable.Repeat("{\"query\":", 10_000)) + "1" + new string('}', 10_000) })
            await _door.ProblemAsync(400, new HttpMethod(method), path, DoorWorld.Json(body));
    }

    [Theory]
    [InlineData("/digitaltwins/huge", 1 << 20)]
    [InlineData("/digitaltwins/huge/relationships/r", 1 << 20)]
    public async Task A_body_above_the_bound_is_refused_with_the_bound(string path, int most)
    {
        foreach (var isChunked in new[] { false, true })
        {
            var content = new StreamContent(new MemoryStream(new byte[most + 1]));
            content.Headers.ContentType = new("application/json");
            using var request = new HttpRequestMessage(HttpMethod.Put, path) { Content = content };
            request.Headers.TransferEncodingChunked = isChunked;
            request.Headers.ExpectContinue = true;
            using var answer = await _door.Http.SendAsync(request, Cancel);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
            Assert.Contains(most.ToString(CultureInfo.InvariantCulture), Problem.Of(answer, await answer.Content.ReadAsStringAsync(Cancel)).Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Ids_are_taken_percent_encoded_and_refused_with_slashes_and_controls()
    {
        const string id = "a:b@c!$()*,;='~.d";
        using var put = await _door.Http.PutAsync("/digitaltwins/" + Uri.EscapeDataString(id), DoorWorld.Json(DoorWorld.Body("\"power\":1")), Cancel);
        Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(id, (await _door.GetAsync("/digitaltwins/" + id)).GetProperty("$dtId").GetString());
        foreach (var wrong in new[] { "a%20b", "a%0Ab", "%C3%A9", "a%22b", "a%3Fb", "a%23b", "a%5Cb", new string('x', 129) })
            await _door.ProblemAsync(400, HttpMethod.Get, "/digitaltwins/" + wrong);
        foreach (var method in new[] { "GET", "PUT", "PATCH", "DELETE" })
            await _door.ProblemAsync(404, new HttpMethod(method), "/digitaltwins/a/b", method is "PUT" or "PATCH" ? DoorWorld.Patch("[]") : null);
    }

    [Fact]
    public async Task The_api_version_is_accepted_and_ignored()
    {
        var lamp = await _door.LampAsync();
        foreach (var path in new[] { $"/digitaltwins/{lamp}?api-version=2023-10-31", "/models?api-version=2023-10-31", "/devices?api-version=x" }) await _door.GetAsync(path);
        using var query = await _door.Http.PostAsync("/query?api-version=2023-10-31", DoorWorld.Json("""{"query":"SELECT * FROM DIGITALTWINS"}"""), Cancel);
        Assert.Equal(HttpStatusCode.OK, query.StatusCode);
    }

    [Fact]
    public async Task Twins_with_relationships_stay_until_these_go_or_cascade_takes_them()
    {
        var (a, b) = (await _door.LampAsync(), await _door.LampAsync());
        var relationship = $"/digitaltwins/{a}/relationships/r1";
        await _door.ProblemAsync(404, HttpMethod.Put, relationship, DoorWorld.Json("""{"$relationshipName":"feeds","$targetId":"nobody"}"""));
        await _door.ProblemAsync(400, HttpMethod.Put, relationship, DoorWorld.Json($$"""{"$relationshipName":"eats","$targetId":"{{b}}"}"""));
        await _door.ProblemAsync(400, HttpMethod.Put, relationship, DoorWorld.Json($$"""{"$relationshipName":"feeds","$targetId":"{{b}}","length":"long"}"""));
        await _door.ProblemAsync(404, HttpMethod.Get, relationship);
        using var put = await _door.Http.PutAsync(relationship, DoorWorld.Json($$"""{"$relationshipName":"feeds","$targetId":"{{b}}","length":2}"""), Cancel);
        Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(Cancel));
        foreach (var end in new[] { a, b }) Assert.Contains("relationship", (await _door.ProblemAsync(409, HttpMethod.Delete, $"/digitaltwins/{end}")).Detail, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(1, (await _door.GetAsync($"/digitaltwins/{b}/incomingrelationships")).GetProperty("value").GetArrayLength());
        using var cascade = await _door.Http.DeleteAsync($"/digitaltwins/{b}?cascade=true", Cancel);
        Assert.True(cascade.StatusCode == HttpStatusCode.NoContent, await cascade.Content.ReadAsStringAsync(Cancel));
        await _door.ProblemAsync(404, HttpMethod.Get, relationship);
        Assert.Equal(0, (await _door.GetAsync($"/digitaltwins/{a}/relationships")).GetProperty("value").GetArrayLength());
        using var delete = await _door.Http.DeleteAsync($"/digitaltwins/{a}", Cancel);
        Assert.Equal(HttpStatusCode.NoContent, delete.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/digitaltwins/nobody", 404)]
    [InlineData("DELETE", "/digitaltwins/nobody", 404)]
    [InlineData("GET", "/digitaltwins/nobody/relationships", 404)]
    [InlineData("GET", "/digitaltwins/nobody/relationships/r", 404)]
    [InlineData("DELETE", "/digitaltwins/nobody/relationships/r", 404)]
    [InlineData("GET", "/digitaltwins/nobody/components/bulb", 404)]
    [InlineData("GET", "/models/dtmi:no:such;1", 404)]
    [InlineData("DELETE", "/models/dtmi:no:such;1", 404)]
    [InlineData("GET", "/jobs/imports/nothing", 404)]
    [InlineData("GET", "/routes/nothing", 404)]
    [InlineData("GET", "/snapshot", 400)]
    [InlineData("GET", "/snapshot?path=a..b", 400)]
    [InlineData("GET", "/snapshot?path=a%20OR%201", 400)]
    [InlineData("GET", "/history/x/power?from=yesterday", 400)]
    [InlineData("GET", "/history/x/power?limit=many", 400)]
    [InlineData("GET", "/history/x/power?limit=-1", 400)]
    [InlineData("GET", "/history/x/power?width=P99999999999D", 400)]
    [InlineData("POST", "/digitaltwins/x/telemetry", 400)]
    [InlineData("TRACE", "/digitaltwins/x", 405)]
    [InlineData("POST", "/alarms", 405)]
    [InlineData("GET", "/ingest", 405)]
    [InlineData("GET", "/nowhere", 404)]
    public async Task What_is_not_there_or_not_asked_rightly_is_told_so(string method, string path, int status) => await _door.ProblemAsync(status, new HttpMethod(method), path);

    [Theory]
    [InlineData("""{"commands":[]}""")]
    [InlineData("""{"commands":[1]}""")]
    [InlineData("""{"commands":[{"op":"put","id":5}]}""")]
    [InlineData("""{"commands":[{"op":"fly","id":"a"}]}""")]
    [InlineData("""{"commands":[{"op":"put","id":"a","twin":"\ud800"}]}""")]
    [InlineData("""{"commands":[{"op":"delete","id":"\ud800"}]}""")]
    [InlineData("""{"commands":[{"op":"delete","id":"a","ifMatch":{}}]}""")]
    public async Task A_batch_that_makes_no_sense_is_refused(string body) => await _door.ProblemAsync(400, HttpMethod.Post, "/batch", DoorWorld.Json(body));

    [Fact]
    public async Task A_page_of_another_site_may_not_write_here_and_one_of_this_machine_may()
    {
        var lamp = await _door.LampAsync();
        foreach (var origin in new[] { "https://evil.example", "null", "http://localhost.evil.example", "file://" })
            foreach (var path in new[] { "/ingest", "/query", "/batch", "/models" })
                Assert.Equal("OriginRefused", (await _door.ProblemAsync(403, HttpMethod.Post, path, path == "/models" ? DoorWorld.Json("[]") : new StringContent("[]"), ("Origin", origin))).Code);
        await _door.ProblemAsync(403, HttpMethod.Get, "/stream", null, ("Origin", "null"));
        await _door.ProblemAsync(403, HttpMethod.Get, $"/digitaltwins/{lamp}", null, ("Host", "evil.example"));
        using var own = await SendAsync(HttpMethod.Get, $"/digitaltwins/{lamp}", null, ("Origin", "http://localhost:5173"));
        Assert.Equal(HttpStatusCode.OK, own.StatusCode);
    }
}
