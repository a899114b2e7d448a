using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using MQTTnet;
using MQTTnet.Protocol;

namespace Twin.EndToEnd.Tests;

/// <summary>What the product is for, on the real silo: a reading over MQTT is kept through <c>kill -9</c> and seen by who watches.</summary>
public sealed class FirstMinuteTests : IAsyncLifetime
{
    private readonly string _folder = SiloProcess.NewFolder();
    private SiloProcess _silo = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none");

    public async ValueTask DisposeAsync()
    {
        await _silo.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task An_acknowledged_reading_outlives_the_process_and_reaches_history()
    {
        await Lamp.CreateAsync(_silo.Http, 1, Cancel);
        var client = await ConnectAsync();
        for (var i = 1; i <= 200; i++)
        {
            var answer = await client.PublishAsync(Reading($$"""{"power":{{i}}}"""), Cancel);
            Assert.Equal(MqttClientPublishReasonCode.Success, answer.ReasonCode);
        }

        await _silo.KillAsync();
        await _silo.DisposeAsync();
        _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none");
        Assert.Equal(200, await Lamp.PowerAsync(_silo.Http, 0, Cancel));
        await Eventually.TrueAsync(async () =>
        {
            var points = JsonNode.Parse(await _silo.Http.GetStringAsync("/history/lamp-0/power?limit=1000", Cancel))!["points"]!.AsArray();
            return points.Count == 201 && points[^1]!["v"]!.GetValue<double>() == 200;
        }, "history to hold the first value and 200 readings", Cancel);
    }

    [Fact]
    public async Task A_reading_an_hour_ahead_is_refused_to_its_sender_and_counted()
    {
        await Lamp.CreateAsync(_silo.Http, 1, Cancel);
        var client = await ConnectAsync();
        var ahead = DateTime.UtcNow.AddHours(1).ToString("O");
        var answer = await client.PublishAsync(Reading($$"""{"power":9,"$time":"{{ahead}}"}"""), Cancel);
        Assert.True((int)answer.ReasonCode >= 0x80, $"The answer was {answer.ReasonCode}.");
        Assert.Equal(0, await Lamp.PowerAsync(_silo.Http, 0, Cancel));
        Assert.Contains("fate=\"future\"", await _silo.Http.GetStringAsync("/metrics", Cancel), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_reading_for_an_unknown_twin_and_one_of_the_wrong_type_are_refused()
    {
        await Lamp.CreateAsync(_silo.Http, 1, Cancel);
        var client = await ConnectAsync();
        var unknown = await client.PublishAsync(Reading("""{"power":1}""", "nobody"), Cancel);
        var wrong = await client.PublishAsync(Reading("""{"power":"bright"}"""), Cancel);
        var malformed = await client.PublishAsync(Reading("""{"power":"""), Cancel);
        Assert.All([unknown, wrong, malformed], a => Assert.True((int)a.ReasonCode >= 0x80, $"The answer was {a.ReasonCode}."));
        Assert.Equal(0, await Lamp.PowerAsync(_silo.Http, 0, Cancel));
    }

    [Fact]
    public async Task A_command_reaches_the_device_and_its_reply_the_caller_and_a_retry_gets_it_again_also_after_kill_9()
    {
        await Lamp.CreateAsync(_silo.Http, 1, Cancel);
        using var registered = await _silo.Http.PutAsync("/devices/lamp-0", Lamp.Json("{}"), Cancel);
        Assert.True(registered.IsSuccessStatusCode, await registered.Content.ReadAsStringAsync(Cancel));
        var secret = JsonNode.Parse(await registered.Content.ReadAsStringAsync(Cancel))!["secret"]!.GetValue<string>();
        var client = await ConnectAsync("lamp-0", secret);
        var acted = 0;
        client.ApplicationMessageReceivedAsync += async e =>
        {
            Interlocked.Increment(ref acted);
            var reply = new MqttApplicationMessageBuilder().WithTopic(e.ApplicationMessage.ResponseTopic).WithCorrelationData(e.ApplicationMessage.CorrelationData)
                .WithPayload("""{"was":"off"}""").WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).Build();
            await client.PublishAsync(reply, Cancel);
        };
        await client.SubscribeAsync("twins/lamp-0/commands/#", MqttQualityOfServiceLevel.AtLeastOnce, Cancel);
        await Eventually.TrueAsync(async () => JsonNode.Parse(await _silo.Http.GetStringAsync("/devices/lamp-0", Cancel))!["connected"]!.GetValue<bool>(), "the device's owner knows of the connection", Cancel);
        var text = await SwitchAsync();
        Assert.Contains("\"was\"", text, StringComparison.Ordinal);
        Assert.Equal(text, await SwitchAsync());
        Assert.Equal(1, Volatile.Read(ref acted));
        await _silo.KillAsync();
        await _silo.DisposeAsync();
        _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none");
        Assert.Equal(text, await SwitchAsync()); // the device is not even connected
    }

    private async Task<string> SwitchAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/devices/lamp-0/commands/switch?timeout=10") { Content = Lamp.Json("""{"lit":true}""") };
        request.Headers.Add("Idempotency-Key", "switch-1");
        using var answer = await _silo.Http.SendAsync(request, Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        return text;
    }

    private static MqttApplicationMessage Reading(string json, string twin = "lamp-0") => new MqttApplicationMessageBuilder()
        .WithTopic($"twins/{twin}/properties").WithPayload(Encoding.UTF8.GetBytes(json)).WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).Build();

    private async Task<IMqttClient> ConnectAsync(string id = "test", string? secret = null)
    {
        var client = new MqttClientFactory().CreateMqttClient();
        var options = new MqttClientOptionsBuilder().WithTcpServer("127.0.0.1", _silo.MqttPort).WithClientId(id).WithProtocolVersion(MQTTnet.Formatter.MqttProtocolVersion.V500);
        if (secret is not null) options = options.WithCredentials(id, secret);
        await client.ConnectAsync(options.Build(), Cancel);
        return client;
    }
}
