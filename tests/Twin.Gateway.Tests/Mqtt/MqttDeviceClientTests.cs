using System.Collections.Concurrent;
using Twin.Devices.Mqtt;
using Twin.Gateway.Mqtt;
using Twin.Model;
using Twin.Pipelines.Ingest;
using Twin.Wire.Mqtt;
using static Twin.Gateway.Tests.Mqtt.DoorUnderTest;

namespace Twin.Gateway.Tests.Mqtt;

public sealed class MqttDeviceClientTests
{
    private static MqttDeviceClientOptions Options(DoorUnderTest test, int window = 100) => new() { ClientId = "pump-1", Port = test.Port, Window = window, FirstReconnect = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public async Task Every_message_of_a_pipelined_flow_arrives_once_and_in_order()
    {
        await using var test = new DoorUnderTest();
        await using var device = new MqttDeviceClient(Options(test), TimeProvider.System, new Random(1));
        await device.ConnectAsync();
        for (var i = 0; i < 20_000; i++) await device.PublishAsync("twins/pump-1/properties", BitConverter.GetBytes(i), tag: i);
        await device.FlushAsync();
        Assert.Equal((20_000, 0), (device.Acknowledged, device.Refused));
        Assert.Equal(20_000, test.Entrance.Messages.Count);
        Assert.True(test.Entrance.Chunks < 20_000, "messages of one read travel together");
    }

    [Fact]
    public async Task The_window_is_never_exceeded_and_a_full_one_waits()
    {
        await using var test = new DoorUnderTest(o => o.ReceiveMaximum = 7);
        test.Entrance.Hold = true;
        await using var device = new MqttDeviceClient(Options(test), TimeProvider.System, new Random(1));
        await device.ConnectAsync();
        for (var i = 0; i < 7; i++) await device.PublishAsync("twins/pump-1/properties", new byte[] { 1 });
        var eighth = device.PublishAsync("twins/pump-1/properties", new byte[] { 1 });
        Assert.False(eighth.IsCompleted);
        await Until(() => test.Entrance.Messages.Count == 7, "seven under way");
        test.Entrance.Hold = false;
        while (test.Entrance.Held.TryDequeue(out var chunk)) test.Entrance.Finish(chunk);
        await eighth;
        await device.FlushAsync();
        Assert.Equal(8, device.Acknowledged);
    }

    [Fact]
    public async Task What_was_not_acknowledged_is_sent_again_after_the_connection_is_lost()
    {
        await using var test = new DoorUnderTest();
        test.Entrance.Hold = true;
        await using var device = new MqttDeviceClient(Options(test), TimeProvider.System, new Random(1));
        await device.ConnectAsync();
        for (byte i = 0; i < 50; i++) await device.PublishAsync("twins/pump-1/properties", new[] { i });
        await Until(() => test.Entrance.Messages.Count == 50, "fifty under way");
        test.Entrance.Hold = false;
        using (await RawClient.ConnectAsync(test.Port, "pump-1")) await Until(() => !device.IsConnected || device.Reconnects > 0, "the connection is taken away");
        await device.FlushAsync(new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token);
        Assert.Equal(50, device.Acknowledged);
        Assert.True(device.Reconnects >= 1);
        Assert.Equal(100, test.Entrance.Messages.Count);
    }

    [Fact]
    public async Task A_message_the_broker_could_not_keep_is_sent_again_and_a_wrong_one_is_not()
    {
        var clock = new MovedClock();
        await using var test = new DoorUnderTest();
        var full = true;
        test.Entrance.Fate = m => m.TwinId == "bad" ? new MessageFate(true, SampleFate.Invalid, "no") : full ? new MessageFate(false, SampleFate.Unavailable, "full") : new MessageFate(true, SampleFate.Applied, null);
        var reasons = new Observer();
        await using var device = new MqttDeviceClient(Options(test), clock, new Random(1), reasons);
        await device.ConnectAsync();
        await device.PublishAsync("twins/bad/properties", new byte[] { 1 }, tag: 1);
        await device.PublishAsync("twins/good/properties", new byte[] { 1 }, tag: 2);
        await Until(() => test.Entrance.Messages.Count == 2 && device.Refused == 1, "both came, one is refused for good");
        full = false;
        await Until(
            () =>
            {
                clock.Advance(TimeSpan.FromSeconds(1));
                return device.Acknowledged == 1;
            },
            "sent again");
        Assert.Equal([(1L, MqttReason.PayloadFormatInvalid), (2L, MqttReason.Success)], reasons.Heard);
    }

    [Fact]
    public async Task A_command_is_answered_with_its_code()
    {
        await using var test = new DoorUnderTest();
        await using var device = new MqttDeviceClient(Options(test), TimeProvider.System, new Random(1));
        await device.ConnectAsync();
        await device.HandleCommandsAsync("pump-1", (name, payload) => new((name == "reset" ? 201 : 404, payload)));
        Assert.True(await test.Door.SendCommandAsync("pump-1", "reset", "c-9", "now"u8.ToArray()));
        await Until(() => test.Owner.Calls.Count == 1, "the reply");
        Assert.Equal(("reply", "pump-1", "c-9", 201, "now"), test.Owner.Calls.Single());
    }

    private sealed class Observer : IMqttPublishObserver
    {
        public ConcurrentQueue<(long, MqttReason)> Heard { get; } = new();

        public void OnAcknowledged(long tag, MqttReason reason) => Heard.Enqueue((tag, reason));
    }
}
