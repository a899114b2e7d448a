using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using CsCheck;
using MessagePack;
using Twin.Model;
using Twin.Pipelines.Ingest;

namespace Twin.Pipelines.Tests.Ingest;

public sealed class DecodeTests
{
    private static readonly WallTime Noon = WallTime.From(ManualTime.Start.AddHours(12));

    private static readonly Gen<object> GenValue = Gen.OneOf<object>(
        Gen.Long.Select(v => (object)v),
        Gen.Double[-1e9, 1e9].Where(d => d != Math.Floor(d)).Select(v => (object)v),
        Gen.Bool.Select(v => (object)v),
        Gen.String[Gen.Char["abcÄ€\"\\/ \n€"], 0, 80].Select(v => (object)v));

    private static readonly Gen<(string Id, long? Milliseconds, (string Path, object Value)[] Values)[]> GenEntries =
        Gen.Select(
            Gen.String[Gen.Char["abc-_.:09"], 1, 20],
            Gen.Long[1, 4_000_000_000_000].Nullable(),
            Gen.Select(Gen.String[Gen.Char["abcdefß€\""], 1, 12], GenValue).Array[0, 6],
            (id, time, values) => (id, time, values)).Array[0, 8];

    [Fact]
    public void Json_and_MessagePack_say_the_same_samples_whatever_the_order_of_the_keys() =>
        Gen.Select(GenEntries, Gen.Bool).Sample((entries, timeFirst) =>
        {
            var expected = entries.SelectMany(e => e.Values.Select(v => new Sample(e.Id, v.Path, Value(v.Value), Time(e.Milliseconds)))).ToArray();
            Assert.Equal(expected, Decoded(new IngestMessage("", PayloadFormat.JsonMany, WriteJson(entries, timeFirst), 0)));
            Assert.Equal(expected, Decoded(new IngestMessage("", PayloadFormat.MessagePackMany, WritePacked(entries, timeFirst), 0)));
        });

    [Theory]
    [InlineData("""{"t":1,"$time":"2026-01-01T12:00:00+02:00"}""", 10.0)]
    [InlineData("""{"$time":"2026-01-01T12:00:00.5Z","t":1}""", 12 + (0.5 / 3600))]
    [InlineData("""{"$time":1767268800000,"t":1}""", 12.0)]
    [InlineData("""[{"$time":1767268800000,"t":1}]""", 12.0)]
    public void The_time_is_read_as_rfc_3339_or_unix_milliseconds(string json, double hours)
    {
        var sample = Assert.Single(Decoded(new IngestMessage("a", PayloadFormat.Json, Encoding.UTF8.GetBytes(json), 0)));
        Assert.Equal(WallTime.From(ManualTime.Start.AddHours(hours)), sample.SourceTime);
    }

    [Fact]
    public void Values_keep_their_kind()
    {
        var samples = Decoded(new IngestMessage("a", PayloadFormat.Json, "\uFEFF{\"i\":7,\"d\":7.0,\"e\":1e3,\"big\":18446744073709551615,\"o\":{\"x\": [1, 2]},\"s\":\"\\u0041\"}"u8.ToArray(), 0));
        Assert.Equal(
            [ValueKind.Integer, ValueKind.Double, ValueKind.Double, ValueKind.Double, ValueKind.Json, ValueKind.Text],
            samples.Select(s => s.Value.Kind));
        Assert.Equal("{\"x\":[1,2]}", Encoding.UTF8.GetString(samples[4].Value.AsJson));
        Assert.Equal("A", samples[5].Value.AsText);
    }

    [Theory]
    [InlineData("", "Malformed JSON")]
    [InlineData("{", "Malformed JSON")]
    [InlineData("{\"x\":1}{", "line 1")]
    [InlineData("{\"x\":1,}", "byte 8")]
    [InlineData("7", "Expected an object or an array")]
    [InlineData("[1]", "Expected an object of properties, not Number (at byte 2)")]
    [InlineData("{\"$time\":\"2026-01-01T00:00:00\",\"x\":1}", "RFC 3339 with an offset")]
    [InlineData("{\"$time\":99999999999999999,\"x\":1}", "years 1 to 9999")]
    [InlineData("{\"$time\":true,\"x\":1}", "Unix milliseconds")]
    public async Task A_payload_that_is_not_of_the_format_is_refused_with_the_reason(string json, string reason) =>
        await Refused(new IngestMessage("a", PayloadFormat.Json, Encoding.UTF8.GetBytes(json), 0), reason);

    [Theory]
    [InlineData("{}", "Expected an array")]
    [InlineData("[{\"t\":1,\"p\":{}}]", "no id")]
    [InlineData("[{\"id\":\"a\"}]", "no p")]
    [InlineData("[{\"id\":\"a\",\"p\":{},\"q\":1}]", "not 'q'")]
    [InlineData("[{\"id\":5,\"p\":{}}]", "a text as id")]
    public async Task An_entry_for_many_twins_that_lacks_a_part_is_refused(string json, string reason) =>
        await Refused(new IngestMessage("", PayloadFormat.JsonMany, Encoding.UTF8.GetBytes(json), 0), reason);

    [Theory]
    [InlineData("", "ends too early")]
    [InlineData("81a178", "ends too early")]
    [InlineData("c0", "Expected a map or an array of maps")]
    [InlineData("810101", "a text key")]
    [InlineData("81a178c40100", "no property value")]
    [InlineData("81a17801c0", "Nothing may follow")]
    [InlineData("df7fffffff", "ends too early")]
    [InlineData("81a2fffe01", "not UTF-8")]
    public async Task MessagePack_that_is_not_of_the_format_is_refused(string hex, string reason) =>
        await Refused(new IngestMessage("a", PayloadFormat.MessagePack, Convert.FromHexString(hex), 0), reason);

    [Fact]
    public async Task A_message_with_more_samples_than_allowed_is_refused_whole()
    {
        var json = "{" + string.Join(",", Enumerable.Range(0, 10_001).Select(i => $"\"p{i}\":1")) + "}";
        await Refused(new IngestMessage("a", PayloadFormat.Json, Encoding.UTF8.GetBytes(json), 0), "at most 10000 samples");
    }

    [Fact]
    public async Task Deep_nesting_is_refused_in_both_formats()
    {
        await Refused(new IngestMessage("a", PayloadFormat.Json, Encoding.UTF8.GetBytes("{\"x\":" + new string('[', 1_000_000)), 0), "Malformed JSON");
        var packed = new byte[1_000_000];
        Array.Fill(packed, (byte)0x91);
        (packed[0], packed[1], packed[2]) = (0x81, 0xa1, (byte)'x');
        await Refused(new IngestMessage("a", PayloadFormat.MessagePack, packed, 0), "deeper than 64");
    }

    [Theory]
    [InlineData("", "x", "Twin id")]
    [InlineData("a b", "x", "Twin id")]
    [InlineData("a/b", "x", "Twin id")]
    [InlineData("a", "/x", "empty segment")]
    [InlineData("a", "x//y", "empty segment")]
    [InlineData("a", "$x", "reserved")]
    [InlineData("a", "x\u0001", "control characters")]
    public async Task A_sample_of_bad_syntax_is_invalid_and_its_neighbour_is_kept(string id, string path, string reason)
    {
        var shards = new TestShards(1);
        await using var host = new IngestHost(new IngestOptions(), 1, shards.ApplyAsync, TimeProvider.System);
        var json = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, int> { [path] = 1, ["good"] = 2 });
        var chunk = new TestChunk([new IngestMessage(id, PayloadFormat.Json, json, 0)], Noon);
        await host.OfferAsync(chunk, default);
        var fate = Assert.Single(await chunk.Fates);
        Assert.Equal(SampleFate.Invalid, fate.Worst);
        Assert.Contains(reason, fate.Detail);
        Assert.Equal(reason == "Twin id" ? 0 : 1, shards.Kept.Count);
    }

    [Fact]
    public async Task Null_and_numbers_beyond_double_are_invalid()
    {
        await Refused(new IngestMessage("a", PayloadFormat.Json, "{\"x\":null}"u8.ToArray(), 0), "null is no reading");
        await Refused(new IngestMessage("a", PayloadFormat.Json, "{\"x\":1e999}"u8.ToArray(), 0), "not a finite number");
    }

    [Fact]
    public void Steady_state_allocates_nothing_a_sample()
    {
        var options = new IngestOptions();
        using var metrics = new IngestMetrics(TimeProvider.System, new InFlightGate(1));
        var names = new NameTables(65_536);
        var decode = new Decode(options, names, metrics);
        var stamp = new Stamp(metrics);
        var entries = Enumerable.Range(0, 500).Select(i => ($"twin-{i}", (long?)5_000, new (string, object)[] { ("a", 1L), ("b", 2.5), ("c", true), ("mode", "auto") })).ToArray();
        IngestMessage[] messages =
        [
            new("", PayloadFormat.JsonMany, WriteJson(entries, true), 0), new("", PayloadFormat.MessagePackMany, WritePacked(entries, true), 0),
        ];
        var chunk = new TestChunk(messages, Noon);
        long Round()
        {
            var flight = new Flight { Chunk = chunk, Arrival = Noon };
            var intake = new ArraySegment<Flight>([flight]);
            var before = GC.GetAllocatedBytesForCurrentThread();
            stamp.Run(decode.Run(intake));
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal(4_000, flight.Count);
            flight.ReleaseSamples();
            flight.ReleaseFates();
            return allocated;
        }

        for (var i = 0; i < 200; i++) Round();
        Assert.InRange(Enumerable.Range(0, 20).Min(_ => Round()), 0, 500);
    }

    [Fact]
    public void The_name_table_gives_the_right_text_at_any_load_and_stays_bounded()
    {
        var table = new Utf8Table(64, 32);
        Gen.String[Gen.Char["abcdeÄ€"], 0, 40].Array[1, 200].Sample(texts =>
        {
            foreach (var text in texts) Assert.Equal(text, table.Get(Encoding.UTF8.GetBytes(text)));
        });
        var bytes = "streetlight-17"u8.ToArray();
        Assert.Same(table.Get(bytes), table.Get(bytes));
    }

    private static async Task Refused(IngestMessage message, string reason)
    {
        var shards = new TestShards(1);
        await using var host = new IngestHost(new IngestOptions(), 1, shards.ApplyAsync, TimeProvider.System);
        var chunk = new TestChunk([message], Noon);
        await host.OfferAsync(chunk, default);
        var fate = Assert.Single(await chunk.Fates);
        Assert.Equal(SampleFate.Invalid, fate.Worst);
        Assert.True(fate.Acknowledge);
        Assert.Contains(reason, fate.Detail);
        Assert.Empty(shards.Kept);
    }

    private static Sample[] Decoded(IngestMessage message)
    {
        using var metrics = new IngestMetrics(TimeProvider.System, new InFlightGate(1));
        var decode = new Decode(new IngestOptions(), new NameTables(1_024), metrics);
        var flight = new Flight { Chunk = new TestChunk([message], Noon), Arrival = Noon };
        decode.Run(new ArraySegment<Flight>([flight]));
        Assert.Null(flight.Fates[0].Detail);
        return flight.Samples.ToArray();
    }

    private static WallTime Time(long? milliseconds) => milliseconds is { } known ? WallTime.FromUnixMilliseconds(known) : WallTime.None;

    private static PropertyValue Value(object value) => value switch
    {
        long integer => PropertyValue.From(integer),
        double number => PropertyValue.From(number),
        bool flag => PropertyValue.From(flag),
        _ => PropertyValue.From((string)value),
    };

    private static byte[] WriteJson((string Id, long? Milliseconds, (string Path, object Value)[] Values)[] entries, bool timeFirst)
    {
        var text = new StringBuilder("[");
        foreach (var entry in entries)
        {
            var time = entry.Milliseconds is { } t ? $"\"t\":{t}" : null;
            var values = "\"p\":{" + string.Join(",", entry.Values.Select(v => $"{JsonSerializer.Serialize(v.Path)}:{Text(v.Value)}")) + "}";
            string?[] parts = timeFirst ? [time, $"\"id\":{JsonSerializer.Serialize(entry.Id)}", values] : [values, time, $"\"id\":{JsonSerializer.Serialize(entry.Id)}"];
            text.Append(text.Length > 1 ? "," : "").Append('{').AppendJoin(",", parts.Where(p => p is not null)).Append('}');
        }
        return Encoding.UTF8.GetBytes(text.Append(']').ToString());

        static string Text(object value) => value is double number ? number.ToString("R", CultureInfo.InvariantCulture) : JsonSerializer.Serialize(value);
    }

    private static byte[] WritePacked((string Id, long? Milliseconds, (string Path, object Value)[] Values)[] entries, bool timeFirst)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(entries.Length);
        foreach (var entry in entries)
        {
            writer.WriteMapHeader(entry.Milliseconds is null ? 2 : 3);
            if (timeFirst) WriteTime(ref writer, entry.Milliseconds);
            writer.Write("p");
            writer.WriteMapHeader(entry.Values.Length);
            foreach (var (path, value) in entry.Values)
            {
                writer.Write(path);
                switch (value)
                {
                    case long integer: writer.Write(integer); break;
                    case double number: writer.Write(number); break;
                    case bool flag: writer.Write(flag); break;
                    default: writer.Write((string)value); break;
                }
            }
            if (!timeFirst) WriteTime(ref writer, entry.Milliseconds);
            writer.Write("id");
            writer.Write(entry.Id);
        }
        writer.Flush();
        return buffer.WrittenSpan.ToArray();

        static void WriteTime(ref MessagePackWriter writer, long? milliseconds)
        {
            if (milliseconds is not { } known) return;
            writer.Write("t");
            if (known % 2 == 0) writer.Write(known);
            else writer.Write(DateTime.UnixEpoch.AddMilliseconds(known));
        }
    }
}
