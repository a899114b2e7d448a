using System.Buffers;
using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using MQTTnet;
using MQTTnet.Protocol;
using Twin.Devices.Mqtt;
using Twin.Devices.Sparkplug;
using Twin.Gateway.Sparkplug;
using Twin.Gateway.Tests.Mqtt;
using Twin.Model;
using Twin.Wire.Sparkplug;
using static Twin.Gateway.Tests.Mqtt.DoorUnderTest;

namespace Twin.Gateway.Tests.Sparkplug;

public sealed class SparkplugHostTests
{
    private sealed class Plant : IAsyncDisposable, ITwinStalenessSink
    {
        public Plant()
        {
            Entrance = new RecordingEntrance();
            Host = new SparkplugHost(Entrance, new SparkplugHostOptions { HostId = "h1" }, Clock, NullLogger<SparkplugHost>.Instance, this);
            Test = new DoorUnderTest(clock: Clock, tap: Host);
        }

        public MovedClock Clock { get; } = new();

        public RecordingEntrance Entrance { get; }

        public SparkplugHost Host { get; }

        public DoorUnderTest Test { get; }

        public ConcurrentQueue<(string Twins, bool Stale)> Marks { get; } = new();

        public SparkplugEdge Edge() => new SparkplugEdge("plant", "line1", new MqttDeviceClientOptions { ClientId = "edge-1", Port = Test.Port }, Clock, new Random(3))
            .Define("", SparkplugMetric.From("uptime", 0L))
            .Define("press", SparkplugMetric.From("temperature", 20.0))
            .Define("press", SparkplugMetric.From("running", true) with { Twin = "motor-7" });

        public ValueTask MarkAsync(IReadOnlyCollection<string> twinIds, bool isStale, WallTime at, CancellationToken cancellationToken)
        {
            Marks.Enqueue((string.Join(",", twinIds.Order()), isStale));
            return default;
        }

        public long Problem(string kind) => Host.Problems.GetValueOrDefault(kind);

        public ValueTask DisposeAsync() => Test.DisposeAsync();
    }

    [Fact]
    public async Task Births_name_the_aliases_that_data_then_uses()
    {
        await using var plant = new Plant();
        await using var edge = plant.Edge();
        await edge.StartAsync();
        await Until(() => plant.Entrance.Samples.Count == 3, "the birth values");
        Assert.Equal([("line1", "uptime"), ("press", "temperature"), ("motor-7", "running")], plant.Entrance.Samples.Select(s => (s.TwinId, s.Path)));
        await edge.SendAsync("press", SparkplugMetric.From("temperature", 31.5, timestampMs: 1_700_000_000_123), SparkplugMetric.From("running", false));
        await Until(() => plant.Entrance.Samples.Count == 5, "the data");
        var last = plant.Entrance.Samples.TakeLast(2).ToArray();
        Assert.Equal(new Sample("press", "temperature", PropertyValue.From(31.5), WallTime.FromUnixMilliseconds(1_700_000_000_123)), last[0]);
        Assert.Equal(("motor-7", PropertyValue.From(false)), (last[1].TwinId, last[1].Value));
        Assert.Equal(0, plant.Host.Rebirths);
        Assert.Equal([("line1", false), ("motor-7,press", false)], plant.Marks);
    }

    [Fact]
    public async Task A_gap_asks_for_a_rebirth_once_an_interval_and_the_edge_gives_it()
    {
        await using var plant = new Plant();
        await using var edge = plant.Edge();
        await edge.StartAsync();
        await Until(() => plant.Entrance.Samples.Count == 3, "birth");
        edge.SkipSequence();
        await edge.SendAsync("press", SparkplugMetric.From("temperature", 1.0));
        await Until(() => edge.Births == 2 && plant.Entrance.Samples.Count == 7, "the reborn values");
        Assert.Equal(1, plant.Problem("gap"));
        edge.SkipSequence();
        await edge.SendAsync("press", SparkplugMetric.From("temperature", 2.0));
        await Until(() => plant.Entrance.Samples.Count == 8, "the data after the second gap");
        Assert.Equal((2, 1), (plant.Problem("gap"), plant.Host.Rebirths));
        plant.Clock.Advance(TimeSpan.FromSeconds(6));
        edge.SkipSequence();
        await edge.SendAsync("press", SparkplugMetric.From("temperature", 3.0));
        await Until(() => edge.Births == 3, "another rebirth after the interval");
    }

    [Fact]
    public async Task The_sequence_wraps_from_255_to_0_without_a_gap()
    {
        await using var plant = new Plant();
        await using var edge = plant.Edge();
        await edge.StartAsync();
        for (var i = 0; i < 600; i++) await edge.SendAsync("press", SparkplugMetric.From("temperature", (double)i));
        await Until(() => plant.Entrance.Samples.Count == 603, "all data");
        Assert.Equal(0, plant.Problem("gap"));
    }

    [Fact]
    public async Task An_unknown_alias_is_counted_and_asks_for_a_rebirth_while_known_ones_pass()
    {
        await using var plant = new Plant();
        await using var edge = plant.Edge();
        await edge.StartAsync();
        await Until(() => plant.Entrance.Samples.Count == 3, "birth");
        await edge.SendAsync("press", SparkplugMetric.From(null, 1.0, alias: 999), SparkplugMetric.From("temperature", 2.0));
        await Until(() => edge.Births == 2, "a rebirth");
        Assert.Equal(1, plant.Problem("unknown alias"));
        Assert.Contains(plant.Entrance.Samples, s => s.Value == PropertyValue.From(2.0));
        Assert.DoesNotContain(plant.Entrance.Samples, s => s.Value == PropertyValue.From(1.0));
    }

    [Fact]
    public async Task Data_before_birth_asks_for_one()
    {
        await using var plant = new Plant();
        var (client, inbox) = await plant.Test.ConnectAsync("stranger", null, "spBv1.0/g/NCMD/n");
        await client.PublishBinaryAsync("spBv1.0/g/NDATA/n", SparkplugCodec.Encode(new SparkplugPayload(1, 4, [SparkplugMetric.From("x", 1.0)])));
        await Until(() => inbox.Count == 1, "the rebirth command");
        var command = SparkplugCodec.Decode(inbox.Single().Payload.ToArray());
        Assert.Equal(("Node Control/Rebirth", 1UL), (command.Metrics.Single().Name, command.Metrics.Single().Bits));
        Assert.Empty(plant.Entrance.Samples);
        Assert.Equal(1, plant.Problem("before birth"));
    }

    [Fact]
    public async Task A_device_death_makes_its_twins_stale_and_a_vanished_node_all_of_them()
    {
        await using var plant = new Plant();
        var edge = plant.Edge();
        await edge.StartAsync();
        await Until(() => plant.Marks.Count == 2, "births");
        await edge.EndDeviceAsync("press");
        await Until(() => plant.Marks.Count == 3, "device death");
        Assert.Equal(("motor-7,press", true), plant.Marks.Last());
        using (await RawClient.ConnectAsync(plant.Test.Port, "edge-1")) await Until(() => plant.Marks.Count == 4, "the will, published because the node's connection was taken away");
        Assert.Equal(("line1,motor-7,press", true), plant.Marks.Last());
        await edge.DisposeAsync();
    }

    [Fact]
    public async Task A_death_of_an_earlier_birth_is_ignored()
    {
        await using var plant = new Plant();
        var (client, _) = await plant.Test.ConnectAsync("n");
        Task Send(string type, params SparkplugMetric[] metrics) =>
            client.PublishBinaryAsync($"spBv1.0/g/{type}/n", SparkplugCodec.Encode(new SparkplugPayload(1, type == "NDEATH" ? null : 0, metrics)), MqttQualityOfServiceLevel.AtLeastOnce);
        await Send("NBIRTH", SparkplugMetric.From("bdSeq", 5L), SparkplugMetric.From("x", 1.0));
        await Send("NDEATH", SparkplugMetric.From("bdSeq", 4L));
        Assert.Equal([("n", false)], plant.Marks);
        Assert.Equal(1, plant.Problem("old death"));
        await Send("NDEATH", SparkplugMetric.From("bdSeq", 5L));
        Assert.Equal([("n", false), ("n", true)], plant.Marks);
    }

    [Fact]
    public async Task The_host_state_is_retained_and_turns_offline_at_the_stop()
    {
        var plant = new Plant();
        var (_, inbox) = await plant.Test.ConnectAsync("s", null, "spBv1.0/STATE/+");
        await Until(() => inbox.Count == 1, "online");
        Assert.Contains("\"online\":true", inbox.Single().ConvertPayloadToString());
        await plant.DisposeAsync();
        Assert.Contains("\"online\":false", System.Text.Encoding.UTF8.GetString(plant.Test.Door.FindRetained("spBv1.0/STATE/h1")!));
    }

    [Fact]
    public async Task A_broken_payload_is_refused_and_counted()
    {
        await using var plant = new Plant();
        var (client, _) = await plant.Test.ConnectAsync("n");
        var answer = await client.PublishBinaryAsync("spBv1.0/g/NBIRTH/n", [0x12, 0x7F, 1], MqttQualityOfServiceLevel.AtLeastOnce);
        Assert.Equal(MqttClientPublishReasonCode.PayloadFormatInvalid, answer.ReasonCode);
        Assert.Equal(1, plant.Problem("bad payload"));
    }

    [Fact] // the oracle is Google's own writer, field numbers from the public definition
    public void Payloads_written_by_Googles_protobuf_are_read()
    {
        var metric = Proto(o =>
        {
            o.WriteTag(1, WireFormat.WireType.LengthDelimited); o.WriteString("level");
            o.WriteTag(2, WireFormat.WireType.Varint); o.WriteUInt64(70_000);
            o.WriteTag(3, WireFormat.WireType.Varint); o.WriteUInt64(1_700_000_000_000);
            o.WriteTag(4, WireFormat.WireType.Varint); o.WriteUInt32(3);
            o.WriteTag(8, WireFormat.WireType.LengthDelimited); o.WriteBytes(ByteString.CopyFrom(1, 2, 3));
            o.WriteTag(9, WireFormat.WireType.LengthDelimited);
            o.WriteBytes(ByteString.CopyFrom(Proto(p =>
            {
                p.WriteTag(1, WireFormat.WireType.LengthDelimited); p.WriteString("unit");
                p.WriteTag(1, WireFormat.WireType.LengthDelimited); p.WriteString("twin");
                p.WriteTag(2, WireFormat.WireType.LengthDelimited); p.WriteBytes(ByteString.CopyFrom(Proto(v => { v.WriteTag(8, WireFormat.WireType.LengthDelimited); v.WriteString("m"); })));
                p.WriteTag(2, WireFormat.WireType.LengthDelimited); p.WriteBytes(ByteString.CopyFrom(Proto(v => { v.WriteTag(8, WireFormat.WireType.LengthDelimited); v.WriteString("tank-3"); })));
            })));
            o.WriteTag(10, WireFormat.WireType.Varint); o.WriteUInt32(unchecked((uint)-5));
        });
        var real = Proto(o => { o.WriteTag(2, WireFormat.WireType.Varint); o.WriteUInt64(2); o.WriteTag(12, WireFormat.WireType.Fixed32); o.WriteFloat(1.5f); });
        var bytes = Proto(o =>
        {
            o.WriteTag(1, WireFormat.WireType.Varint); o.WriteUInt64(42);
            o.WriteTag(2, WireFormat.WireType.LengthDelimited); o.WriteBytes(ByteString.CopyFrom(metric));
            o.WriteTag(2, WireFormat.WireType.LengthDelimited); o.WriteBytes(ByteString.CopyFrom(real));
            o.WriteTag(3, WireFormat.WireType.Varint); o.WriteUInt64(255);
            o.WriteTag(4, WireFormat.WireType.LengthDelimited); o.WriteString("uuid");
        });
        var payload = SparkplugCodec.Decode(bytes);
        Assert.Equal((42L, 255UL, 2), (payload.TimestampMs!.Value, payload.Sequence!.Value, payload.Metrics.Count));
        var first = payload.Metrics[0];
        Assert.Equal(("level", 70_000UL, 1_700_000_000_000L, SparkplugType.Int32, "tank-3"), (first.Name, first.Alias!.Value, first.TimestampMs!.Value, first.Type, first.Twin));
        Assert.Equal(-5, (int)first.Bits);
        Assert.Equal(1.5, BitConverter.UInt64BitsToDouble(payload.Metrics[1].Bits));
        Assert.Equal(payload.Metrics, SparkplugCodec.Decode(SparkplugCodec.Encode(payload)).Metrics);
    }

    [Fact] // bytes made with the npm package sparkplug-payload 1.x from the values below
    public void A_payload_of_another_implementation_is_read()
    {
        var payload = SparkplugCodec.Decode(Convert.FromHexString(
            "0880d095ffbc3112350a0b74656d706572617475726510051881d095ffbc31200a4a120a047477696e120a080c42066f76656e2d32690000000000803540120f0a05636f756e74200350fdffffff0f"
            + "12080a026f6e200b7001120d0a03626967200858b5b8f0fe2d120e0a056c6162656c200c7a036ec3a9120a0a01662009650000003f1807"));
        Assert.Equal((1_700_000_000_000L, 7UL), (payload.TimestampMs!.Value, payload.Sequence!.Value));
        Assert.Equal(["temperature", "count", "on", "big", "label", "f"], payload.Metrics.Select(m => m.Name));
        Assert.Equal(("oven-2", 5UL, 1_700_000_000_001L), (payload.Metrics[0].Twin, payload.Metrics[0].Alias!.Value, payload.Metrics[0].TimestampMs!.Value));
        PropertyValue[] expected = [PropertyValue.From(21.5), PropertyValue.From(-3L), PropertyValue.From(true), PropertyValue.From(12_345_678_901L), PropertyValue.From("n\u00e9"), PropertyValue.From(0.5)];
        Assert.Equal(expected, payload.Metrics.Select(m => SparkplugHost.TryRead(m, out var value) ? value : default));
    }

    private static byte[] Proto(Action<CodedOutputStream> write)
    {
        using var memory = new MemoryStream();
        using (var output = new CodedOutputStream(memory, leaveOpen: true)) write(output);
        return memory.ToArray();
    }
}
