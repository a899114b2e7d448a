using System.Net;
using System.Text.Json;
using Twin.Devices.Mqtt;
using Twin.Devices.Sparkplug;
using Twin.Wire.Sparkplug;
using static Twin.Gateway.Tests.Mqtt.DoorUnderTest;

namespace Twin.Gateway.Tests.Doors;

public sealed class DeviceDoorTests(GrainsUnderTest grains) : IClassFixture<GrainsUnderTest>, IAsyncLifetime
{
    private DoorWorld _door = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _door = await DoorWorld.OpenAsync(grains);

    public ValueTask DisposeAsync() => _door.DisposeAsync();

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

    private async Task EventuallyAsync(string query, params string[] ids)
    {
        string[] last = [];
        for (var deadline = DateTime.UtcNow.AddSeconds(15); !(last = (await PageAsync(query)).Ids).SequenceEqual(ids); await Task.Delay(10, Cancel))
            if (DateTime.UtcNow > deadline) Assert.Fail($"{query} is [{string.Join(", ", last)}], not [{string.Join(", ", ids)}]");
    }
}
