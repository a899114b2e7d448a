using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MQTTnet;
using MQTTnet.Protocol;

namespace Twin.EndToEnd.Tests;

/// <summary>What becomes of samples that come late, twice, out of order or from a wrong clock: said over HTTP, counted in metrics, right in the state and in history.</summary>
public sealed partial class IngestFateTests : IAsyncLifetime
{
    private readonly string _folder = SiloProcess.NewFolder();
    private SiloProcess _silo = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none");
        using var models = await _silo.Http.PostAsync("/models", Lamp.Json(Lamp.Dtdl), Cancel);
        using var twin = await _silo.Http.PutAsync("/digitaltwins/lamp-0", Lamp.Json("{\"$metadata\":{\"$model\":\"" + Lamp.Model + "\"}}"), Cancel);
        Assert.True(twin.IsSuccessStatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        await _silo.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Each_fate_over_MQTT_is_acknowledged_or_refused_rightly_and_counted_once()
    {
        var client = await ConnectAsync();
        var now = DateTimeOffset.UtcNow.AddMinutes(-2);
        Assert.True(await SendAsync(client, 10, now)); // applied
        Assert.True(await SendAsync(client, 10, now)); // duplicate
        Assert.True(await SendAsync(client, 9, now.AddSeconds(-2))); // reordered: within five seconds
        Assert.True(await SendAsync(client, 8, now.AddMinutes(-10))); // late
        Assert.False(await SendAsync(client, 99, DateTimeOffset.UtcNow.AddHours(1))); // a clock an hour ahead
        Assert.True(await SendAsync(client, 11, now.AddSeconds(1))); // applied
        Assert.Equal(11, await Lamp.PowerAsync(_silo.Http, 0, Cancel));
        var expected = new Dictionary<string, long> { ["applied"] = 2, ["duplicate"] = 1, ["reordered"] = 1, ["late"] = 1, ["future"] = 1 };
        Assert.Equal(expected, await CountedAsync());
        await HistoryIsAsync([8, 9, 10, 11]); // in the order of source time; the duplicate once, the future not at all
    }

    [Fact]
    public async Task The_same_fates_over_HTTP_are_told_in_the_answer()
    {
        var now = DateTimeOffset.UtcNow.AddMinutes(-2);
        var samples = new[] { (10, now), (10, now), (9, now.AddSeconds(-2)), (8, now.AddMinutes(-10)), (99, DateTimeOffset.UtcNow.AddHours(1)), (11, now.AddSeconds(1)) };
        var body = new JsonArray([.. samples.Select(s => new JsonObject { ["id"] = "lamp-0", ["t"] = s.Item2, ["p"] = new JsonObject { ["power"] = s.Item1 } })]).ToJsonString();
        using var answer = await _silo.Http.PostAsync("/ingest", Lamp.Json(body), Cancel);
        var told = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;
        Assert.Equal((2, 1, 1, 1, 1), (told["applied"]!.GetValue<int>(), told["duplicate"]!.GetValue<int>(), told["reordered"]!.GetValue<int>(), told["late"]!.GetValue<int>(), told["future"]!.GetValue<int>()));
        var refusal = Assert.Single(told["refusals"]!.AsArray())!;
        Assert.Equal((4, "future"), (refusal["index"]!.GetValue<int>(), refusal["fate"]!.GetValue<string>()));
        Assert.Equal(11, await Lamp.PowerAsync(_silo.Http, 0, Cancel));
        Assert.Equal(2, (await CountedAsync())["applied"]);
    }

    [Fact]
    public async Task A_device_whose_clock_is_an_hour_ahead_spoils_nothing_for_the_others()
    {
        var (right, wrong) = (await ConnectAsync("right"), await ConnectAsync("wrong"));
        var start = DateTimeOffset.UtcNow.AddMinutes(-2);
        for (var i = 0; i < 50; i++)
        {
            Assert.False(await SendAsync(wrong, 1_000 + i, DateTimeOffset.UtcNow.AddHours(1).AddSeconds(i)));
            Assert.True(await SendAsync(right, i, start.AddSeconds(i)));
        }

        Assert.Equal(49, await Lamp.PowerAsync(_silo.Http, 0, Cancel));
        var counted = await CountedAsync();
        Assert.Equal((50, 50), (counted["applied"], counted["future"]));
        var system = JsonNode.Parse(await _silo.Http.GetStringAsync("/system", Cancel))!["ingest"]!["fates"]!.AsObject();
        Assert.Equal(50, system.Single(f => f.Key.Equals("future", StringComparison.OrdinalIgnoreCase)).Value!.GetValue<int>());
        await HistoryIsAsync([.. Enumerable.Range(0, 50)]);
    }

    [Fact]
    public async Task A_hundred_megabyte_body_to_ingest_is_refused_while_devices_go_on()
    {
        var client = await ConnectAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/ingest") { Content = new ByteArrayContent(new byte[100_000_000]) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.ExpectContinue = true;
        var refused = _silo.Http.SendAsync(request, Cancel);
        Assert.True(await SendAsync(client, 5, DateTimeOffset.UtcNow));
        using var answer = await refused;
        Assert.Equal(413, (int)answer.StatusCode);
        Assert.Equal(5, await Lamp.PowerAsync(_silo.Http, 0, Cancel));
    }

    private async Task HistoryIsAsync(int[] expected)
    {
        int[] kept = [];
        await Eventually.TrueAsync(async () =>
        {
            kept = [.. JsonNode.Parse(await _silo.Http.GetStringAsync("/history/lamp-0/power", Cancel))!["points"]!.AsArray().Select(p => (int)p!["v"]!.GetValue<double>())];
            return kept.Length >= expected.Length;
        }, $"history to hold {expected.Length} values", Cancel);
        Assert.Equal(expected, kept);
    }

    /// <summary>The counters of <c>/metrics</c> that are above zero, by fate.</summary>
    private async Task<Dictionary<string, long>> CountedAsync() =>
        FateLine().Matches(await _silo.Http.GetStringAsync("/metrics", Cancel)).GroupBy(m => m.Groups[1].Value.ToLowerInvariant()).ToDictionary(g => g.Key, g => g.Sum(m => long.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture))).Where(f => f.Value > 0).ToDictionary();

    [GeneratedRegex("^twin_ingest_samples_total\\{[^}]*fate=\"(\\w+)\"[^}]*\\} (\\d+)", RegexOptions.Multiline)]
    private static partial Regex FateLine();

    private static async Task<bool> SendAsync(IMqttClient client, double power, DateTimeOffset time)
    {
        var json = string.Create(CultureInfo.InvariantCulture, $$"""{"power":{{power}},"$time":"{{time:O}}"}""");
        var answer = await client.PublishAsync(new MqttApplicationMessageBuilder().WithTopic("twins/lamp-0/properties").WithPayload(Encoding.UTF8.GetBytes(json)).WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).Build(), Cancel);
        return (int)answer.ReasonCode < 0x80;
    }

    private async Task<IMqttClient> ConnectAsync(string id = "test")
    {
        var client = new MqttClientFactory().CreateMqttClient();
        await client.ConnectAsync(new MqttClientOptionsBuilder().WithTcpServer("127.0.0.1", _silo.MqttPort).WithClientId(id).WithProtocolVersion(MQTTnet.Formatter.MqttProtocolVersion.V500).Build(), Cancel);
        return client;
    }
}
