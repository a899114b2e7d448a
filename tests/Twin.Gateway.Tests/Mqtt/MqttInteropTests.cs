using System.Text;
using MQTTnet;
using MQTTnet.Formatter;
using MQTTnet.Packets;
using MQTTnet.Protocol;
using Twin.Gateway.Mqtt;
using Twin.Model;
using Twin.Pipelines.Ingest;
using static Twin.Gateway.Tests.Mqtt.DoorUnderTest;

namespace Twin.Gateway.Tests.Mqtt;

/// <summary>MQTTnet's client is the independent other side.</summary>
public sealed class MqttInteropTests
{
    [Theory]
    [InlineData(MqttProtocolVersion.V500, 0)]
    [InlineData(MqttProtocolVersion.V500, 1)]
    [InlineData(MqttProtocolVersion.V500, 2)]
    [InlineData(MqttProtocolVersion.V311, 0)]
    [InlineData(MqttProtocolVersion.V311, 1)]
    [InlineData(MqttProtocolVersion.V311, 2)]
    public async Task A_reading_published_at_any_QoS_reaches_the_pipeline_and_subscribers_once(MqttProtocolVersion version, int qos)
    {
        await using var test = new DoorUnderTest();
        var (publisher, _) = await test.ConnectAsync("p", o => o.WithProtocolVersion(version));
        var (_, inbox) = await test.ConnectAsync("s", o => o.WithProtocolVersion(version), "twins/#");
        var result = await publisher.PublishStringAsync("twins/lamp-1/properties", """{"power":31}""", (MqttQualityOfServiceLevel)qos);
        Assert.True(result.IsSuccess);
        await Until(() => inbox.Count == 1 && test.Entrance.Messages.Count == 1, "one message on both sides");
        Assert.True(test.Entrance.Messages.TryDequeue(out var taken));
        Assert.Equal(("lamp-1", PayloadFormat.Json, """{"power":31}"""), taken);
        Assert.True(inbox.TryDequeue(out var heard));
        Assert.Equal((qos, "twins/lamp-1/properties"), ((int)heard.QualityOfServiceLevel, heard.Topic));
    }

    [Fact]
    public async Task Each_twin_topic_has_its_own_format_and_owner()
    {
        await using var test = new DoorUnderTest();
        var (client, _) = await test.ConnectAsync("p");
        foreach (var topic in new[] { "twins/a/properties/mp", "twins/batch", "twins/batch/mp", "twins/a/telemetry", "twins/a/reported" })
            await client.PublishStringAsync(topic, "{}", MqttQualityOfServiceLevel.AtLeastOnce);
        await client.PublishAsync(new MqttApplicationMessageBuilder().WithTopic("twins/a/replies/c-7").WithPayload("done").WithUserProperty("code", Encoding.UTF8.GetBytes("404")).WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).Build());
        Assert.Equal(
            [("a", PayloadFormat.MessagePack), ("", PayloadFormat.JsonMany), ("", PayloadFormat.MessagePackMany)],
            test.Entrance.Messages.Select(m => (m.TwinId, m.Format)));
        Assert.Equal([("telemetry", "a", "", 0), ("reported", "a", "", 0), ("reply", "a", "c-7", 404)], test.Owner.Calls.Select(c => (c.Kind, c.TwinId, c.Leaf, c.Code)));
    }

    [Fact]
    public async Task Refused_samples_are_answered_with_a_reason_code_and_a_text()
    {
        await using var test = new DoorUnderTest();
        test.Entrance.Fate = m => m.TwinId switch
        {
            "bad" => new MessageFate(true, SampleFate.Invalid, "temperature is text"),
            "ghost" => new MessageFate(true, SampleFate.UnknownTwin, "no twin ghost"),
            "full" => new MessageFate(false, SampleFate.Unavailable, "disk full"),
            _ => new MessageFate(true, SampleFate.Late, null),
        };
        var (client, _) = await test.ConnectAsync("p");
        async Task<(MqttClientPublishReasonCode, string)> Ask(string twin)
        {
            var answer = await client.PublishStringAsync($"twins/{twin}/properties", "{}", MqttQualityOfServiceLevel.AtLeastOnce);
            return (answer.ReasonCode, answer.ReasonString);
        }

        Assert.Equal((MqttClientPublishReasonCode.PayloadFormatInvalid, "temperature is text"), await Ask("bad"));
        Assert.Equal((MqttClientPublishReasonCode.ImplementationSpecificError, "no twin ghost"), await Ask("ghost"));
        Assert.Equal((MqttClientPublishReasonCode.QuotaExceeded, "disk full"), await Ask("full"));
        Assert.Equal(MqttClientPublishReasonCode.Success, (await Ask("slow")).Item1);
    }

    [Fact]
    public async Task A_retained_message_greets_new_subscribers_as_their_options_say_until_it_is_cleared()
    {
        await using var test = new DoorUnderTest();
        var (publisher, _) = await test.ConnectAsync("p");
        await publisher.PublishStringAsync("plant/state", "on", MqttQualityOfServiceLevel.AtLeastOnce, retain: true);
        var (_, early) = await test.ConnectAsync("s1", null, "plant/+");
        await Until(() => early.Count == 1, "the retained message");
        Assert.True(early.TryDequeue(out var greeted));
        Assert.True(greeted.Retain);
        var (never, silent) = await test.ConnectAsync("s2");
        await never.SubscribeAsync(new MqttClientSubscribeOptionsBuilder().WithTopicFilter(f => f.WithTopic("plant/#").WithRetainHandling(MqttRetainHandling.DoNotSendOnSubscribe)).Build());
        await publisher.PublishStringAsync("plant/state", "", MqttQualityOfServiceLevel.AtLeastOnce, retain: true);
        await Until(() => silent.Count == 1, "the clearing message");
        Assert.False(silent.Single().Retain);
        var (_, late) = await test.ConnectAsync("s3", null, "plant/#", "end");
        await publisher.PublishStringAsync("end", "x", MqttQualityOfServiceLevel.AtLeastOnce);
        await Until(() => late.Count == 1, "only the end mark");
    }

    [Fact]
    public async Task Retained_messages_survive_a_broker_that_was_never_stopped()
    {
        var folder = Directory.CreateTempSubdirectory("retained").FullName;
        await using (var first = new DoorUnderTest(o => o.RetainedFolder = folder))
        {
            var (client, _) = await first.ConnectAsync("p");
            for (var i = 0; i < 50; i++) await client.PublishStringAsync($"kept/{i}", $"value {i}", MqttQualityOfServiceLevel.AtLeastOnce, retain: true);
            await client.PublishStringAsync("kept/7", "", MqttQualityOfServiceLevel.AtLeastOnce, retain: true);
            var copy = Directory.CreateTempSubdirectory("retained").FullName; // what a killed process leaves, with a torn last record
            var bytes = ReadShared(Path.Combine(folder, "retained.log"));
            File.WriteAllBytes(Path.Combine(copy, "retained.log"), [.. bytes, .. bytes[..20]]);
            folder = copy;
        }

        await using var second = new DoorUnderTest(o => o.RetainedFolder = folder);
        var (_, inbox) = await second.ConnectAsync("s", null, "kept/#");
        await Until(() => inbox.Count == 49, "all but the cleared one");
        Assert.Equal(Enumerable.Range(0, 50).Where(i => i != 7).Select(i => $"value {i}").Order(), inbox.Select(m => m.ConvertPayloadToString()).Order());
    }

    [Fact]
    public async Task A_shared_subscription_gives_each_message_to_one_live_member_in_turn()
    {
        await using var test = new DoorUnderTest();
        var (_, a) = await test.ConnectAsync("a", null, "$share/g/jobs/#");
        var (leaver, b) = await test.ConnectAsync("b", null, "$share/g/jobs/#");
        var (publisher, _) = await test.ConnectAsync("p");
        for (var i = 0; i < 10; i++) await publisher.PublishStringAsync($"jobs/{i}", "x", MqttQualityOfServiceLevel.AtLeastOnce);
        await Until(() => a.Count + b.Count == 10, "ten deliveries");
        Assert.Equal((5, 5), (a.Count, b.Count));
        await leaver.DisconnectAsync();
        await Until(() => test.Door.ConnectionCount == 2, "b gone");
        for (var i = 0; i < 4; i++) await publisher.PublishStringAsync($"jobs/{i}", "x", MqttQualityOfServiceLevel.AtLeastOnce);
        await Until(() => a.Count == 9, "all to the one that is left");
    }

    [Fact]
    public async Task Properties_of_5_0_pass_through_unchanged()
    {
        await using var test = new DoorUnderTest();
        var (subscriber, inbox) = await test.ConnectAsync("s");
        await subscriber.SubscribeAsync(new MqttClientSubscribeOptionsBuilder().WithSubscriptionIdentifier(77).WithTopicFilter("ask/#", MqttQualityOfServiceLevel.AtLeastOnce).Build());
        var (publisher, _) = await test.ConnectAsync("p");
        await publisher.PublishAsync(new MqttApplicationMessageBuilder().WithTopic("ask/me").WithPayload("?").WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce)
            .WithResponseTopic("answers/p").WithCorrelationData([1, 2, 3]).WithContentType("text/plain").WithPayloadFormatIndicator(MqttPayloadFormatIndicator.CharacterData)
            .WithUserProperty("a", "1"u8.ToArray()).WithUserProperty("a", "2"u8.ToArray()).WithMessageExpiryInterval(100).WithTopicAlias(3).Build());
        await Until(() => inbox.Count == 1, "the question");
        var heard = inbox.Single();
        Assert.Equal(("answers/p", "text/plain", MqttPayloadFormatIndicator.CharacterData), (heard.ResponseTopic, heard.ContentType, heard.PayloadFormatIndicator));
        Assert.Equal([1, 2, 3], heard.CorrelationData);
        Assert.Equal(["a=1", "a=2"], heard.UserProperties.Select(u => $"{u.Name}={u.ReadValueAsString()}"));
        Assert.Equal([77u], heard.SubscriptionIdentifiers);
        Assert.InRange(heard.MessageExpiryInterval, 90u, 100u);
    }

    [Fact]
    public async Task A_will_is_published_when_the_client_vanishes_and_not_when_it_says_goodbye()
    {
        await using var test = new DoorUnderTest();
        var (_, inbox) = await test.ConnectAsync("s", null, "wills/#");
        var (polite, _) = await test.ConnectAsync("polite", o => o.WithWillTopic("wills/polite").WithWillPayload("gone"));
        await polite.DisconnectAsync();
        var (rude, _) = await test.ConnectAsync("rude", o => o.WithWillTopic("wills/rude").WithWillPayload("gone").WithWillQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce));
        rude.Dispose();
        await Until(() => !inbox.IsEmpty, "the will");
        Assert.Equal("wills/rude", inbox.Single().Topic);
    }

    [Fact]
    public async Task No_local_keeps_a_clients_own_messages_from_it()
    {
        await using var test = new DoorUnderTest();
        var (self, inbox) = await test.ConnectAsync("self");
        await self.SubscribeAsync(new MqttClientSubscribeOptionsBuilder().WithTopicFilter(f => f.WithTopic("room/#").WithNoLocal()).Build());
        var (other, _) = await test.ConnectAsync("other");
        await self.PublishStringAsync("room/1", "mine", MqttQualityOfServiceLevel.AtLeastOnce);
        await other.PublishStringAsync("room/1", "theirs", MqttQualityOfServiceLevel.AtLeastOnce);
        await Until(() => inbox.Count == 1, "one message");
        Assert.Equal("theirs", inbox.Single().ConvertPayloadToString());
    }

    [Fact]
    public async Task An_absent_client_finds_its_messages_when_it_returns()
    {
        await using var test = new DoorUnderTest();
        var (first, _) = await test.ConnectAsync("s", o => o.WithCleanStart(false).WithSessionExpiryInterval(600), "news/#");
        first.Dispose();
        await Until(() => test.Door.ConnectionCount == 0, "s gone");
        var (publisher, _) = await test.ConnectAsync("p");
        for (var i = 0; i < 20; i++) await publisher.PublishStringAsync("news/x", i.ToString(), MqttQualityOfServiceLevel.AtLeastOnce);
        var (_, inbox) = await test.ConnectAsync("s", o => o.WithCleanStart(false).WithSessionExpiryInterval(600));
        await Until(() => inbox.Count == 20, "all that was missed");
        Assert.Equal(Enumerable.Range(0, 20).Select(i => i.ToString()), inbox.Select(m => m.ConvertPayloadToString()));
    }

    [Fact]
    public async Task A_second_connection_takes_the_session_over()
    {
        await using var test = new DoorUnderTest();
        var (first, _) = await test.ConnectAsync("same");
        var gone = new TaskCompletionSource<MqttClientDisconnectReason>();
        first.DisconnectedAsync += e =>
        {
            gone.TrySetResult(e.Reason);
            return Task.CompletedTask;
        };
        var (second, _) = await test.ConnectAsync("same");
        Assert.Equal(MqttClientDisconnectReason.SessionTakenOver, await gone.Task.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.True(second.IsConnected);
        Assert.True((await second.PublishStringAsync("twins/a/properties", "{}", MqttQualityOfServiceLevel.AtLeastOnce)).IsSuccess);
    }

    [Fact]
    public async Task A_command_carries_response_topic_and_correlation_and_desired_state_its_version()
    {
        await using var test = new DoorUnderTest();
        Assert.False(await test.Door.SendCommandAsync("pump-1", "reset", "c1", []));
        var (_, inbox) = await test.ConnectAsync("pump-1", null, "twins/pump-1/commands/+", "twins/pump-1/desired");
        Assert.True(await test.Door.SendCommandAsync("pump-1", "reset", "c1", "{}"u8.ToArray()));
        Assert.True(await test.Door.SendDesiredAsync("pump-1", """{"speed":3}""", 12));
        await Until(() => inbox.Count == 2, "both");
        var messages = inbox.ToArray();
        Assert.Equal(("twins/pump-1/commands/reset", "twins/pump-1/replies/c1"), (messages[0].Topic, messages[0].ResponseTopic));
        Assert.Equal("c1"u8.ToArray(), messages[0].CorrelationData);
        Assert.Equal(("version", "12"), (messages[1].UserProperties.Single().Name, messages[1].UserProperties.Single().ReadValueAsString()));
    }

    [Fact]
    public async Task Changes_go_out_only_when_somebody_listens()
    {
        await using var test = new DoorUnderTest();
        var change = new Change(5, ChangeKind.PropertyChanged, "lamp-1", "dtmi:x;1", "power", PropertyValue.From(31.5), WallTime.FromUnixMilliseconds(1000), WallTime.FromUnixMilliseconds(2000));
        Assert.False(test.Door.WantsChanges);
        Assert.Equal(0, test.Door.PublishChange(change));
        var (_, inbox) = await test.ConnectAsync("s", null, "twins/+/changes");
        Assert.True(test.Door.WantsChanges);
        Assert.Equal(1, test.Door.PublishChange(change));
        await Until(() => inbox.Count == 1, "the change");
        Assert.Contains("\"value\":31.5", inbox.Single().ConvertPayloadToString());
    }

    [Fact]
    public async Task Mosquittos_own_tools_publish_and_subscribe()
    {
        if (!File.Exists("/usr/bin/mosquitto_pub") || !File.Exists("/usr/bin/mosquitto_sub")) Assert.Skip("mosquitto clients are not installed");
        await using var test = new DoorUnderTest();
        using var listener = Start("mosquitto_sub", "-V", "5", "-q", "1", "-C", "2", "-v", "-t", "twins/#");
        await Until(() => test.Door.SubscriptionCount == 1, "mosquitto_sub has subscribed");
        foreach (var version in new[] { "5", "311" })
        {
            using var publisher = Start("mosquitto_pub", "-V", version, "-q", "2", "-t", "twins/lamp-1/properties", "-m", version);
            await publisher.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10));
            Assert.Equal(0, publisher.ExitCode);
        }

        Assert.Equal("twins/lamp-1/properties 5\ntwins/lamp-1/properties 311\n", await listener.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(["5", "311"], test.Entrance.Messages.Select(m => m.Text));

        System.Diagnostics.Process Start(string tool, params string[] arguments) => System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo(tool, ["-h", "127.0.0.1", "-p", test.Port.ToString(), .. arguments]) { RedirectStandardOutput = true })!;
    }

    [Fact]
    public async Task A_registered_devices_owner_hears_of_it_at_most_once_an_interval_and_never_per_message()
    {
        var clock = new MovedClock();
        var devices = new RecordingDevices();
        await using var test = new DoorUnderTest(clock: clock, devices: devices);
        using var device = await RawClient.ConnectAsync(test.Port, "lamp-1", c => c with { KeepAliveSeconds = 0 });
        using var group = await RawClient.ConnectAsync(test.Port, "group", c => c with { KeepAliveSeconds = 0 });
        await Until(() => devices.Calls.Contains("connected lamp-1"), "the owner knows");
        for (ushort i = 1; i <= 100; i++)
        {
            foreach (var client in new[] { device, group })
            {
                client.Publish($"twins/lamp-{i}/properties", "{}", 1, i);
                await client.ReadAckAsync(Twin.Wire.Mqtt.MqttPacketType.PubAck);
            }

            clock.Advance(TimeSpan.FromSeconds(0.1)); // ten seconds in all, the interval is five
        }

        device.Dispose();
        await Until(() => devices.Calls.Contains("disconnected lamp-1"), "the owner knows that it left");
        Assert.Equal(2, devices.Calls.Count(c => c == "seen lamp-1"));
        Assert.Equal(4, devices.Calls.Count);
    }

    private sealed class RecordingDevices : IMqttDevices
    {
        public System.Collections.Concurrent.ConcurrentQueue<string> Calls { get; } = new();

        public ValueTask<Twin.Grains.DeviceConnection> ConnectedAsync(Twin.Grains.IDeviceLink link, string clientId, string connection, long session)
        {
            if (clientId == "group") return new(new Twin.Grains.DeviceConnection(false, 0));
            Calls.Enqueue($"connected {clientId}");
            return new(new Twin.Grains.DeviceConnection(true, 0));
        }

        public ValueTask DisconnectedAsync(string clientId, long session)
        {
            Calls.Enqueue($"disconnected {clientId}");
            return default;
        }

        public ValueTask<bool> SeenAsync(string clientId, DateTimeOffset at)
        {
            Calls.Enqueue($"seen {clientId}");
            return new(true);
        }
    }

    private static byte[] ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}
