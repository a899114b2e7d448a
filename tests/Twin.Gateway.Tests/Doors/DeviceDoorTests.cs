using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Twin.Devices.Mqtt;
using Twin.Devices.Sparkplug;
using Twin.Gateway.Mqtt;
using Twin.Testing;
using Twin.Wire.Sparkplug;
using static Twin.Gateway.Tests.Mqtt.DoorUnderTest;

namespace Twin.Gateway.Tests.Doors;

[Collection("doors")]
public sealed class DeviceDoorTests(GrainsUnderTest grains, SharedDoor shared) : IClassFixture<SharedDoor>
{
    private readonly DoorWorld _door = shared.Door;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task<string> RegisterAsync(string id)
    {
        using var answer = await _door.Http.PutAsync($"/devices/{id}", null, Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, text);
        return JsonDocument.Parse(text).RootElement.GetProperty("secret").GetString()!;
    }

    private async Task<(string[] Ids, string? Next)> PageAsync(string query)
    {
        var page = await _door.GetAsync($"/devices?{query}");
        return ([.. page.GetProperty("value").EnumerateArray().Select(d => d.GetProperty("deviceId").GetString()!)], page.GetProperty("continuationToken").GetString());
    }

    [Fact]
    public async Task Devices_are_listed_in_order_page_by_page_each_once()
    {
        var ids = Enumerable.Range(0, 57).Select(i => $"list-{i * 7919 % 1000:d3}").ToArray();
        await Task.WhenAll(ids.Select(RegisterAsync));
        await RegisterAsync("lisa-1");
        await RegisterAsync("lisu-1");
        var seen = new List<string>();
        string? next = null;
        do
        {
            (var page, next) = await PageAsync($"prefix=list-&top=10&continuationToken={next}");
            Assert.InRange(page.Length, 0, 10);
            seen.AddRange(page);
        }
        while (next is not null);
        Assert.Equal(ids.Order(StringComparer.Ordinal), seen);
        Assert.Equal((57, null), ((await PageAsync("prefix=list-&top=1000")).Ids.Length, (await PageAsync("prefix=list-&top=1000")).Next));
    }

    [Fact]
    public async Task The_state_filter_follows_a_device_that_comes_and_goes()
    {
        var secret = await RegisterAsync("state-1");
        await RegisterAsync("state-2");
        Assert.Equal(["state-1", "state-2"], (await PageAsync("prefix=state-&state=disconnected")).Ids);
        await using (var client = new MqttDeviceClient(new MqttDeviceClientOptions { ClientId = "state-1", Port = _door.Mqtt.Endpoint.Port, UserName = "state-1", Password = secret }, TimeProvider.System, new Random(1)))
        {
            await client.ConnectAsync(Cancel);
            await EventuallyAsync("prefix=state-&state=connected", "state-1");
            Assert.Equal(["state-1"], (await PageAsync("prefix=state-&state=fresh")).Ids);
        }

        await EventuallyAsync("prefix=state-&state=disconnected", "state-1", "state-2");
        using var disabled = await _door.Http.PostAsync("/devices/state-2/disabled?value=true", null, Cancel);
        Assert.Equal(["state-2"], (await PageAsync("prefix=state-&state=disabled")).Ids);
    }

    [Theory]
    [InlineData("top=0", "top")]
    [InlineData("top=1001", "top")]
    [InlineData("state=sleepy", "state")]
    [InlineData("prefix=a/b", "prefix")]
    [InlineData("continuationToken=!", "continuationToken")]
    [InlineData("continuationToken=AAAA", "continuationToken")]
    [InlineData("top=ten", null)]
    public async Task A_listing_that_makes_no_sense_is_refused(string query, string? where)
    {
        var problem = await _door.ProblemAsync(400, HttpMethod.Get, $"/devices?{query}");
        Assert.Equal(where, problem.Where);
    }

    [Theory]
    [InlineData("GET", "/devices/a%20b", "id")]
    [InlineData("PUT", "/devices/a%20b", "id")]
    [InlineData("POST", "/devices/d/commands/a%23b", "name")]
    [InlineData("POST", "/devices/d/commands/+", "name")]
    [InlineData("POST", "/devices/d/commands/go?timeout=NaN", "timeout")]
    public async Task Ids_and_command_names_that_cannot_be_topics_are_refused(string method, string path, string where) =>
        Assert.Equal(where, (await _door.ProblemAsync(400, new HttpMethod(method), path)).Where);

    [Fact]
    public async Task The_listing_is_in_the_description_of_the_doors()
    {
        var get = (await _door.GetAsync("/openapi/v1.json")).GetProperty("paths").GetProperty("/devices").GetProperty("get");
        Assert.Equal(["top", "continuationToken", "state", "prefix"], get.GetProperty("parameters").EnumerateArray().Select(p => p.GetProperty("name").GetString()));
    }

    private SparkplugEdge Edge(string node) => new SparkplugEdge("plant", node, new MqttDeviceClientOptions { ClientId = "edge-" + node, Port = _door.Mqtt.Endpoint.Port }, TimeProvider.System, new Random(3))
        .Define("", SparkplugMetric.From("uptime", 0L))
        .Define(node + "-press", SparkplugMetric.From("temperature", 20.0))
        .Define(node + "-press", SparkplugMetric.From("running", true) with { Twin = node + "-motor" });

    [Fact]
    public async Task A_dead_device_a_lost_edge_and_their_births_are_seen_in_the_twins_standing()
    {
        using var stale = new Metered("twin_staleness_marks_total", "to", "stale");
        var edge = Edge("n1");
        await edge.StartAsync(Cancel);
        await EventuallyAsync("prefix=n1&state=fresh", "n1", "n1-motor", "n1-press");
        await edge.EndDeviceAsync("n1-press");
        await EventuallyAsync("prefix=n1&state=stale", "n1-motor", "n1-press");
        var standing = await _door.GetAsync("/devices/n1-motor");
        Assert.True(standing.GetProperty("stale").GetBoolean() && standing.GetProperty("behindEdge").GetBoolean() && !standing.GetProperty("registered").GetBoolean());
        Assert.InRange(standing.GetProperty("staleSince").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
        using (await Mqtt.RawClient.ConnectAsync(_door.Mqtt.Endpoint.Port, "edge-n1")) await EventuallyAsync("prefix=n1&state=stale", "n1", "n1-motor", "n1-press"); // the edge's connection is taken away: its will
        await Eventually.TrueAsync(() => Task.FromResult(stale.Sum >= 5), "the marks to be counted, which comes after they are made", Cancel);
        Assert.Equal(5, stale.Sum);
        await edge.DisposeAsync();
        await using var reborn = Edge("n1");
        await reborn.StartAsync(Cancel);
        await EventuallyAsync("prefix=n1&state=fresh", "n1", "n1-motor", "n1-press");
        Assert.Equal(JsonValueKind.Null, (await _door.GetAsync("/devices/n1-press")).GetProperty("staleSince").ValueKind);
    }

    [Fact]
    public async Task A_death_that_is_older_than_the_last_birth_does_not_make_stale()
    {
        var device = grains.Client.GetGrain<Grains.IDeviceGrain>("late-1");
        var noon = new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
        await device.MarkAsync(false, noon);
        await device.MarkAsync(true, noon.AddSeconds(-1));
        Assert.False((await device.GetStatusAsync()).IsStale);
        await device.MarkAsync(true, noon.AddSeconds(1));
        Assert.Equal(noon.AddSeconds(1), (await device.GetStatusAsync()).StaleSince);
    }

    [Fact]
    public async Task What_a_device_refuses_or_cannot_do_has_a_code_of_its_own()
    {
        const string Go = "/devices/codes-1/commands/go?timeout=5";
        foreach (var (method, path) in new[] { (HttpMethod.Post, Go), (HttpMethod.Patch, "/devices/codes-1/desired"), (HttpMethod.Post, "/devices/codes-1/disabled?value=true") })
            Assert.Equal(("DeviceNotFound", "id"), Told(await _door.ProblemAsync(404, method, path, DoorWorld.Json("{}"))));
        Assert.False((await _door.GetAsync("/devices/codes-1")).GetProperty("registered").GetBoolean());
        var secret = await RegisterAsync("codes-1");
        Assert.Equal(("DeviceNotConnected", "id"), Told(await _door.ProblemAsync(409, HttpMethod.Post, Go, DoorWorld.Json("{}"), ("Idempotency-Key", "k"))));
        Assert.Equal(("MergePatchInvalid", "body"), Told(await _door.ProblemAsync(400, HttpMethod.Patch, "/devices/codes-1/desired", DoorWorld.Json("[]"))));
        Assert.Equal(("DeviceStateTooLarge", "body"), Told(await _door.ProblemAsync(413, HttpMethod.Patch, "/devices/codes-1/desired", DoorWorld.Json($$"""{"a":"{{new string('x', Grains.DeviceBounds.StateCharacters)}}"}"""))));
        Assert.Equal(("BodyTooLarge", "body"), Told(await _door.ProblemAsync(413, HttpMethod.Post, Go, new ByteArrayContent(new byte[Grains.DeviceBounds.CommandPayloadBytes + 1]))));
        Assert.Equal(("IdempotencyKeyInvalid", "Idempotency-Key"), Told(await _door.ProblemAsync(400, HttpMethod.Post, Go, null, ("Idempotency-Key", "a b"))));
        using (var off = await _door.Http.PostAsync("/devices/codes-1/disabled?value=true", null, Cancel)) Assert.Equal(HttpStatusCode.NoContent, off.StatusCode);
        Assert.Equal(("DeviceDisabled", "id"), Told(await _door.ProblemAsync(409, HttpMethod.Post, Go)));
        using (await _door.Http.PostAsync("/devices/codes-1/disabled?value=false", null, Cancel))
        await using (var client = await ConnectAsync("codes-1", secret))
        {
            var acted = 0;
            await client.HandleCommandsAsync("codes-1", (name, payload) => new((name == "flood" ? 500 : 200 + ++acted, name == "flood" ? new byte[Grains.DeviceBounds.ReplyPayloadBytes + 1] : payload)), Cancel);
            await EventuallyAsync("prefix=codes-&state=connected", "codes-1");
            for (var i = 0; i < 2; i++) Assert.Equal((201, 7), await InvokeAsync(Go, "k", """{"n":7}""")); // the refusal above was not kept under the key
            Assert.Equal("IdempotencyKeyReused", (await _door.ProblemAsync(422, HttpMethod.Post, Go, DoorWorld.Json("""{"n":8}"""), ("Idempotency-Key", "k"))).Code);
            Assert.Equal("DeviceReplyTooLarge", (await _door.ProblemAsync(502, HttpMethod.Post, "/devices/codes-1/commands/flood")).Code);
            Assert.Equal(1, acted);
        }

        static (string, string?) Told(Problem problem) => (problem.Code, problem.Where);
    }

    [Fact]
    public async Task A_device_that_listens_after_it_connected_still_gets_what_it_should_be()
    {
        var secret = await RegisterAsync("wish-1");
        using (var set = await _door.Http.PatchAsync("/devices/wish-1/desired", DoorWorld.Json("""{"speed":3}"""), Cancel)) Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        await using var client = await ConnectAsync("wish-1", secret);
        await EventuallyAsync("prefix=wish-&state=connected", "wish-1");
        var got = new TaskCompletionSource<string>();
        await client.SubscribeAsync("twins/wish-1/desired", m =>
        {
            got.TrySetResult(System.Text.Encoding.UTF8.GetString(m.Payload));
            return default;
        }, 1, Cancel);
        Assert.Equal("""{"speed":3}""", await got.Task.WaitAsync(TimeSpan.FromSeconds(15), Cancel));
    }

    [Fact]
    public async Task A_device_that_is_disabled_is_cut_off_and_not_let_in_again()
    {
        var secret = await RegisterAsync("off-1");
        await using var door = await DoorWorld.OpenAsync(grains, with: s => s.AddSingleton<IMqttAdmission>(new GrainAdmission(grains.Client, anonymous: false)));
        await using var client = new MqttDeviceClient(new MqttDeviceClientOptions { ClientId = "off-1", Port = door.Mqtt.Endpoint.Port, UserName = "off-1", Password = secret }, TimeProvider.System, new Random(1));
        await client.ConnectAsync(Cancel);
        await EventuallyAsync("prefix=off-&state=connected", "off-1");
        using (var off = await door.Http.PostAsync("/devices/off-1/disabled?value=true", null, Cancel)) Assert.Equal(HttpStatusCode.NoContent, off.StatusCode);
        await EventuallyAsync("prefix=off-&state=disconnected", "off-1");
        await Until(() => door.Mqtt.ConnectionCount == 0, "no connection is left");
        Assert.False(client.IsConnected);
    }

    [Fact]
    public async Task A_device_cannot_come_in_under_the_name_of_another()
    {
        var (mine, theirs) = (await RegisterAsync("name-1"), await RegisterAsync("name-2"));
        await using var door = await DoorWorld.OpenAsync(grains, with: s => s.AddSingleton<IMqttAdmission>(new GrainAdmission(grains.Client, anonymous: false)));
        MqttDeviceClient Client(string id, string user, string secret) => new(new MqttDeviceClientOptions { ClientId = id, Port = door.Mqtt.Endpoint.Port, UserName = user, Password = secret }, TimeProvider.System, new Random(1));
        await using var victim = Client("name-2", "name-2", theirs);
        await victim.ConnectAsync(Cancel);
        await using var thief = Client("name-2", "name-1", mine);
        await Assert.ThrowsAnyAsync<Exception>(() => thief.ConnectAsync(Cancel));
        Assert.True(victim.IsConnected);
        await using var other = Client("anything", "name-1", mine);
        await other.ConnectAsync(Cancel);
    }

    private async Task<MqttDeviceClient> ConnectAsync(string id, string secret)
    {
        var client = new MqttDeviceClient(new MqttDeviceClientOptions { ClientId = id, Port = _door.Mqtt.Endpoint.Port, UserName = id, Password = secret }, TimeProvider.System, new Random(1));
        await client.ConnectAsync(Cancel);
        return client;
    }

    private async Task<(int Code, int N)> InvokeAsync(string path, string key, string json)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = DoorWorld.Json(json) };
        request.Headers.Add("Idempotency-Key", key);
        using var answer = await _door.Http.SendAsync(request, Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        var root = JsonDocument.Parse(text).RootElement;
        return (root.GetProperty("code").GetInt32(), root.GetProperty("payload").GetProperty("n").GetInt32());
    }

    private async Task EventuallyAsync(string query, params string[] ids)
    {
        string[] last = [];
        for (var deadline = DateTime.UtcNow.AddSeconds(15); !(last = (await PageAsync(query)).Ids).SequenceEqual(ids); await Task.Delay(10, Cancel))
            if (DateTime.UtcNow > deadline) Assert.Fail($"{query} is [{string.Join(", ", last)}], not [{string.Join(", ", ids)}]");
    }
}
