using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Twin.Gateway.Tests.Mqtt;
using Twin.Wire.Mqtt;
using Twin.Wire.Sparkplug;

namespace Twin.Gateway.Tests.Doors;

/// <summary>
/// Mutated requests, packets and payloads at running doors: no 5xx, no hang, nothing unforeseen in the log, and a valid client is served as before.
/// Together about five seconds; <c>TWIN_FUZZ_SECONDS</c> gives each test its own time, <c>TWIN_FUZZ_SEED</c> another first seed.
/// </summary>
[Collection("doors")]
public sealed class FuzzTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private static readonly int FirstSeed = int.TryParse(Environment.GetEnvironmentVariable("TWIN_FUZZ_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : 20_261_123;
    private static readonly double Seconds = double.TryParse(Environment.GetEnvironmentVariable("TWIN_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 1.6;
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(20);
    private DoorWorld _door = null!;
    private string _lamp = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _door = await DoorWorld.OpenAsync(grains);
        _lamp = await _door.LampAsync();
    }

    public ValueTask DisposeAsync() => _door.DisposeAsync();

    private static IEnumerable<int> Seeds()
    {
        var watch = Stopwatch.StartNew();
        var count = 0;
        for (; watch.Elapsed.TotalSeconds < Seconds || count < 50; count++) yield return FirstSeed + count;
        TestContext.Current.SendDiagnosticMessage($"{count} cases in {watch.Elapsed.TotalSeconds:f1} s");
    }

    private async Task IsServedAsync()
    {
        var lamp = await _door.LampAsync("\"power\":4");
        Assert.Equal(4, (await _door.GetAsync($"/digitaltwins/{lamp}")).GetProperty("power").GetDouble());
        using var client = await RawClient.ConnectAsync(_door.Mqtt.Endpoint.Port, "valid-" + lamp);
        client.Publish($"twins/{lamp}/properties", """{"power":5}""", 1, 1);
        Assert.Equal(MqttReason.Success, (await client.ReadAckAsync(MqttPacketType.PubAck)).Reason);
        Assert.Equal(5, (await _door.GetAsync($"/digitaltwins/{lamp}")).GetProperty("power").GetDouble());
        var faults = _door.Log.Lines.Where(l => l.Level >= LogLevel.Error).Select(l => l.Text).ToArray();
        Assert.True(faults.Length == 0, faults.FirstOrDefault());
    }

    private string[] Requests() =>
    [
        $"GET /digitaltwins/{_lamp}", "GET /devices?top=10&state=stale&prefix=l&continuationToken=bGFtcA", "GET /models?dependenciesFor=dtmi:door:Lamp;1&includeModelDefinition=true", "GET /models/dtmi:door:Lamp;1",
        $"GET /digitaltwins/{_lamp}/relationships?relationshipName=feeds&continuationToken=abc", $"GET /digitaltwins/{_lamp}/components/bulb", "GET /snapshot?path=power&model=dtmi:door:Lamp;1", "GET /alarms", "GET /system",
        $"GET /history/{_lamp}/power?from=2026-01-01T00:00:00Z&to=2026-12-01T00:00:00Z&width=PT1M&limit=10", "GET /routes/r/deadletters?limit=100", "GET /jobs/imports/a", "GET /stream?cursor=AQIA&twins=a,b&prefix=l&path=power&where=power>30",
        $"PUT /digitaltwins/{_lamp}\n{DoorWorld.Body("\"power\":1.5,\"lit\":true,\"label\":\"a\",\"place\":{\"floor\":1,\"room\":\"x\"},\"tags\":{\"k\":\"v\"}")}",
        $$"""PATCH /digitaltwins/{{_lamp}}{{"\n"}}[{"op":"add","path":"/power","value":1.5},{"op":"test","path":"/power","value":1.5},{"op":"remove","path":"/label"}]""",
        $$"""PATCH /digitaltwins/{{_lamp}}/components/bulb{{"\n"}}[{"op":"add","path":"/hours","value":1}]""",
        $$"""PUT /digitaltwins/{{_lamp}}/relationships/r{{"\n"}}{"$relationshipName":"feeds","$targetId":"{{_lamp}}","length":1}""",
        $$"""PATCH /digitaltwins/{{_lamp}}/relationships/r{{"\n"}}[{"op":"replace","path":"/length","value":1}]""",
        $$"""POST /digitaltwins/{{_lamp}}/telemetry{{"\n"}}{"blink":1}""",
        """POST /query{"\n"}{"query":"SELECT T.power, COUNT() FROM DIGITALTWINS T JOIN S RELATED T.feeds WHERE T.$dtId = $id AND IS_DEFINED(T.power) AND T.power > 3.5 ORDER BY T.power","parameters":{"id":"a"},"pageSize":10,"continuationToken":null}""".Replace("{\"\\n\"}", "\n", StringComparison.Ordinal),
        "POST /query\n{\"query\":\"SELECT * FROM DIGITALTWINS WHERE STARTSWITH($dtId, 'lamp') OR NOT (power IN [1, 2]) AS OF '2026-01-01'\"}",
        $$$"""POST /ingest{{{"\n"}}}[{"id":"{{{_lamp}}}","t":"2026-01-01T00:00:00Z","p":{"power":1,"label":"x","bulb/hours":2}},{"id":"nobody","p":{"power":null}}]""",
        $$$"""POST /batch{{{"\n"}}}{"commands":[{"op":"patch","id":"{{{_lamp}}}","patch":[{"op":"add","path":"/power","value":1}],"ifMatch":"*"},{"op":"put","id":"b","twin":{"$metadata":{"$model":"dtmi:door:Lamp;1"},"bulb":{"$metadata":{}} } }]}""",
        "POST /models\n[{\"@context\":\"dtmi:dtdl:context;3\",\"@id\":\"dtmi:fuzz:A;1\",\"@type\":\"Interface\",\"extends\":\"dtmi:door:Bulb;1\",\"contents\":[{\"@type\":[\"Property\",\"Temperature\"],\"name\":\"t\",\"schema\":\"double\",\"unit\":\"degreeCelsius\"},{\"@type\":\"Command\",\"name\":\"c\",\"request\":{\"name\":\"r\",\"schema\":{\"@type\":\"Array\",\"elementSchema\":\"integer\"}}}]}]",
        "PATCH /models/dtmi:fuzz:A;1\n[{\"op\":\"replace\",\"path\":\"/decommissioned\",\"value\":true}]", "PUT /devices/fuzz", "PATCH /devices/fuzz/desired\n{\"a\":{\"b\":[1,2,null]}}", "POST /devices/fuzz/commands/go?timeout=5\n{\"x\":1}", "POST /devices/fuzz/disabled?value=true",
        $"GET /things/{_lamp}", "GET /things?top=5&format=collection&continuationToken=abc", $"GET /things/{_lamp}/properties/bulb.hours", $"PUT /things/{_lamp}/properties/power\n1.5", $"PUT /things/{_lamp}/properties\n{{\"power\":1,\"place\":{{\"floor\":1}}}}", $"POST /things/{_lamp}/actions/dim\n1",
        "GET /eventroutes/r?api-version=2022-05-31", "GET /models?api-version=2022-05-31&continuationToken=ZHRtaTph",
        "PUT /routes/fuzz\n{\"filter\":{\"twins\":[\"a\"],\"where\":\"power > 3\"},\"target\":{\"kind\":\"file\",\"folder\":\"a\"},\"batchSize\":5,\"fromOldest\":false}", "DELETE /routes/fuzz",
        "PUT /jobs/imports/fuzz\n{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n{\"$dtId\":\"i1\",\"$metadata\":{\"$model\":\"dtmi:door:Bulb;1\"}}", "POST /jobs/imports/fuzz/cancel",
    ];

    [Fact]
    public async Task Mutated_http_requests_get_no_5xx_and_no_silence()
    {
        var requests = Requests().Select(Encoding.UTF8.GetBytes).ToArray();
        foreach (var seed in Seeds())
        {
            var mutator = new Mutator(seed);
            var (request, other) = (mutator.Pick(requests), mutator.Pick(requests));
            var end = request.AsSpan().IndexOf((byte)'\n') is var line and >= 0 ? line : request.Length;
            var (head, body) = (request[..end], end < request.Length ? request[(end + 1)..] : []);
            var what = mutator.Below(10);
            if (what >= 3 && body.Length > 0) body = mutator.Mutate(body, other);
            else if (what >= 3) head = Encoding.ASCII.GetBytes(Escaped(mutator.Mutate(head, other), head));
            var type = head.AsSpan().StartsWith("PATCH"u8) ? "application/json-patch+json" : mutator.Below(8) == 0 ? "application/msgpack" : "application/json";
            byte[] bytes = [.. head, .. Encoding.ASCII.GetBytes($" HTTP/1.1\r\nHost: localhost\r\nMessage-Id: 1\r\nContent-Type: {type}\r\nIf-Match: {(mutator.Below(4) == 0 ? "W/\"1\"" : "*")}\r\nContent-Length: {body.Length}\r\n\r\n"), .. body];
            if (what < 3) bytes = mutator.Mutate(bytes, other); // the head as well: it may be no whole request any more
            var answer = await AskAsync(bytes, what >= 3, seed);
            foreach (var status in answer.Split("HTTP/1.1 ").Skip(1)) Assert.False(status.StartsWith('5') && !status.StartsWith("505", StringComparison.Ordinal), $"seed {seed}: {Encoding.Latin1.GetString(bytes)}\n-> {answer}");
        }

        await IsServedAsync();
    }

    /// <summary>A mutated request line that is still one: what a client would send of those bytes.</summary>
    private static string Escaped(byte[] mutated, byte[] original)
    {
        var method = Encoding.ASCII.GetString(original)[..original.AsSpan().IndexOf((byte)' ')];
        var path = new StringBuilder("/");
        foreach (var b in mutated.AsSpan(Math.Min(mutated.Length, method.Length + 2)))
            path.Append(b is > 0x20 and < 0x7F and not ((byte)'#' or (byte)'%') ? ((char)b).ToString() : b == 0 ? "" : $"%{b:X2}");
        return $"{method} {path}";
    }

    private async Task<string> AskAsync(byte[] bytes, bool isWhole, int seed)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _door.Port, Cancel);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(isWhole ? Hang : TimeSpan.FromMilliseconds(50));
        try
        {
            await client.GetStream().WriteAsync(bytes, limit.Token);
            var block = new byte[8 * 1024];
            return Encoding.Latin1.GetString(block, 0, await client.GetStream().ReadAsync(block, limit.Token));
        }
        catch (IOException)
        {
            return ""; // closed on us
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            Assert.False(isWhole, $"seed {seed}: no answer within {Hang} to {Encoding.Latin1.GetString(bytes)}");
            return "";
        }
    }

    private static byte[] Packet(Action<ArrayBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(buffer);
        return buffer.WrittenSpan.ToArray();
    }

    private byte[] Publish(string topic, string payload, byte qos) =>
        Packet(w => MqttWriter.WritePublish(w, MqttVersion.V5, Encoding.UTF8.GetBytes(topic), Encoding.UTF8.GetBytes(payload), new MqttPublishOptions(qos, false, false, 7)));

    [Fact]
    public async Task Mutated_mqtt_packets_end_at_most_their_own_connection()
    {
        byte[][] connects =
        [
            Packet(w => MqttWriter.WriteConnect(w, new MqttConnect { ClientId = "fuzz" })), Packet(w => MqttWriter.WriteConnect(w, new MqttConnect { ClientId = "fuzz", Version = MqttVersion.V311 })),
            Packet(w => MqttWriter.WriteConnect(w, new MqttConnect { ClientId = "", UserName = "u", Password = new byte[] { 1 }, SessionExpirySeconds = 5, Will = new MqttWill("twins/a/properties", [1], 1, false) })),
        ];
        byte[][] packets =
        [
            Publish($"twins/{_lamp}/properties", """{"power":1,"$time":"2026-01-01T00:00:00Z"}""", 1), Publish("twins/batch", """[{"id":"a","p":{"power":1}}]""", 2), Publish($"twins/{_lamp}/properties/mp", "\u0081\u00a5power\u0001", 0),
            Publish($"twins/{_lamp}/telemetry", """{"blink":1}""", 1), Publish($"twins/{_lamp}/reported", """{"a":1}""", 1), Publish($"twins/{_lamp}/replies/x", "1", 1), Publish("any/topic", "x", 2),
            [0x62, 2, 0, 7], [0x40, 2, 0, 7], [0x50, 2, 0, 7], [0x70, 2, 0, 7], [0xC0, 0], [0xE0, 0], [0xF0, 2, 0, 0],
            [0x82, 10, 0, 1, 0, 0, 4, (byte)'a', (byte)'/', (byte)'+', (byte)'#', 1], [0x82, 11, 0, 2, 0, 0, 5, .. "twins"u8, 2], [0xA2, 9, 0, 3, 0, 0, 4, (byte)'a', (byte)'/', (byte)'+', (byte)'#'],
            Packet(w => MqttWriter.WritePublish(w, MqttVersion.V5, "spBv1.0/g/NBIRTH/n"u8, SparkplugCodec.Encode(Birth()), new MqttPublishOptions(1, false, false, 8))),
        ];
        var block = new byte[16 * 1024];
        var count = 0;
        foreach (var seed in Seeds())
        {
            var mutator = new Mutator(seed);
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, _door.Mqtt.Endpoint.Port, Cancel);
            List<byte> bytes = [.. mutator.Below(5) == 0 ? mutator.Mutate(mutator.Pick(connects), mutator.Pick(packets)) : mutator.Pick(connects)];
            for (var i = mutator.Below(6); i >= 0; i--) bytes.AddRange(mutator.Below(3) == 0 ? mutator.Pick(packets) : mutator.Mutate(mutator.Pick(packets), mutator.Pick(packets)));
            try
            {
                await socket.SendAsync(bytes.ToArray(), Cancel);
                socket.Shutdown(SocketShutdown.Send); // the door must close, whatever it made of it
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
                limit.CancelAfter(Hang);
                while (await socket.ReceiveAsync(block, limit.Token) > 0)
                {
                    // Whatever it says.
                }
            }
            catch (SocketException)
            {
                // Reset: closed as well.
            }
            catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
            {
                Assert.Fail($"seed {seed}: the door did not close within {Hang} after {Convert.ToHexString(bytes.ToArray())}");
            }

            if (++count % 100 == 0) await IsServedAsync();
        }

        await IsServedAsync();
        await DoorUnderTest.Until(() => _door.Mqtt.ConnectionCount == 0, "every connection is gone");
    }

    private static SparkplugPayload Birth() => new(1_700_000_000_000, 0,
        [SparkplugMetric.From("bdSeq", 1L), SparkplugMetric.From("power", 1.5, alias: 3) with { Twin = "sp-1" }, SparkplugMetric.From("label", "x", alias: 4), SparkplugMetric.From("lit", true)]);

    [Fact]
    public async Task Mutated_sparkplug_payloads_are_all_answered()
    {
        byte[][] payloads = [SparkplugCodec.Encode(Birth()), SparkplugCodec.Encode(new SparkplugPayload(1, 1, [SparkplugMetric.From(null, 2.5, alias: 3)])), SparkplugCodec.Encode(new SparkplugPayload(1, null, [SparkplugMetric.From("bdSeq", 1L)]))];
        string[] topics = ["NBIRTH/n", "NDATA/n", "NDEATH/n", "DBIRTH/n/d", "DDATA/n/d", "DDEATH/n/d", "NCMD/n", "NBIRTH/m", "STATE"];
        using var client = await RawClient.ConnectAsync(_door.Mqtt.Endpoint.Port, "fuzz-sp");
        foreach (var seed in Seeds())
        {
            var mutator = new Mutator(seed);
            var payload = mutator.Mutate(mutator.Pick(payloads), mutator.Pick(payloads));
            var topic = $"spBv1.0/g/{mutator.Pick(topics)}";
            client.Send(w => MqttWriter.WritePublish(w, MqttVersion.V5, Encoding.UTF8.GetBytes(topic), payload, new MqttPublishOptions(1, false, false, 9)));
            try
            {
                await client.ReadAckAsync(MqttPacketType.PubAck);
            }
            catch (Exception fault) when (!Cancel.IsCancellationRequested)
            {
                Assert.Fail($"seed {seed}: {topic} {Convert.ToHexString(payload)} was not answered: {fault.Message}");
            }
        }

        await IsServedAsync();
    }
}
