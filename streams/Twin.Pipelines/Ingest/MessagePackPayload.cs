using System.Buffers;
using System.Text.Json;
using MessagePack;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>Reads MessagePack payloads into samples; the shapes are those of <see cref="JsonPayload"/>. Hot, with the same allocation rule.</summary>
internal sealed class MessagePackPayload(NameTables names, int maxSamples)
{
    private const int MaxDepth = 64;

    /// <summary>Appends the samples of a map of properties, or an array of such maps.</summary>
    public void ReadProperties(ReadOnlyMemory<byte> payload, string twinId, Flight flight, int message)
    {
        var reader = new MessagePackReader(payload);
        var first = flight.Count;
        if (reader.NextMessagePackType == MessagePackType.Map)
        {
            ReadEntry(ref reader, twinId, flight, message, first);
        }
        else
        {
            Expect(ref reader, MessagePackType.Array, "a map or an array of maps");
            var entries = reader.ReadArrayHeader();
            for (var i = 0; i < entries; i++) ReadEntry(ref reader, twinId, flight, message, first);
        }
        Close(ref reader);
    }

    /// <summary>Appends the samples of an array of maps with <c>id</c>, <c>t</c> and <c>p</c>.</summary>
    public void ReadMany(ReadOnlyMemory<byte> payload, Flight flight, int message)
    {
        var reader = new MessagePackReader(payload);
        Expect(ref reader, MessagePackType.Array, "an array of {id, t, p}");
        var entries = reader.ReadArrayHeader();
        var first = flight.Count;
        for (var i = 0; i < entries; i++) ReadTwin(ref reader, flight, message, first);
        Close(ref reader);
    }

    private static void Close(ref MessagePackReader reader)
    {
        if (!reader.End) PayloadException.Throw("Nothing may follow the value", reader.Consumed);
    }

    private void ReadTwin(ref MessagePackReader reader, Flight flight, int message, int firstOfMessage)
    {
        var start = flight.Count;
        var position = reader.Consumed;
        Expect(ref reader, MessagePackType.Map, "a map {id, t, p}");
        string? id = null;
        var time = WallTime.None;
        var sawProperties = false;
        for (var keys = reader.ReadMapHeader(); keys > 0; keys--)
        {
            var keyAt = reader.Consumed;
            var key = ReadText(ref reader, "a text key");
            if (key.SequenceEqual("id"u8))
            {
                id = names.TwinId(ReadText(ref reader, "a text as id"));
            }
            else if (key.SequenceEqual("t"u8))
            {
                time = ReadTime(ref reader);
            }
            else if (key.SequenceEqual("p"u8))
            {
                Expect(ref reader, MessagePackType.Map, "a map as p");
                for (var left = reader.ReadMapHeader(); left > 0; left--)
                    ReadSample(ref reader, names.Path(ReadText(ref reader, "a text key")), flight, message, firstOfMessage);
                sawProperties = true;
            }
            else
            {
                PayloadException.Throw($"Only id, t and p are known, not '{SampleSyntax.Shorten(names.Path(key))}'", keyAt);
            }
        }
        if (id is null) PayloadException.Throw("An entry has no id", position);
        if (!sawProperties) PayloadException.Throw("An entry has no p", position);
        JsonPayload.Complete(flight, start, id!, time);
    }

    private void ReadEntry(ref MessagePackReader reader, string twinId, Flight flight, int message, int firstOfMessage)
    {
        var start = flight.Count;
        var time = WallTime.None;
        Expect(ref reader, MessagePackType.Map, "a map of properties");
        for (var left = reader.ReadMapHeader(); left > 0; left--)
        {
            var key = ReadText(ref reader, "a text key");
            if (key.SequenceEqual("$time"u8)) time = ReadTime(ref reader);
            else ReadSample(ref reader, names.Path(key), flight, message, firstOfMessage);
        }
        JsonPayload.Complete(flight, start, twinId, time);
    }

    private void ReadSample(ref MessagePackReader reader, string path, Flight flight, int message, int firstOfMessage)
    {
        if (flight.Count - firstOfMessage >= maxSamples)
            PayloadException.Throw($"A message may hold at most {maxSamples} samples", reader.Consumed);
        flight.Add(new Sample("", path, ReadValue(ref reader), default), message);
    }

    private PropertyValue ReadValue(ref MessagePackReader reader)
    {
        var position = reader.Consumed;
        switch (reader.NextMessagePackType)
        {
            case MessagePackType.Integer:
                if (reader.NextCode == MessagePackCode.UInt64)
                {
                    var large = reader.ReadUInt64();
                    return large <= long.MaxValue ? PropertyValue.From((long)large) : PropertyValue.From((double)large);
                }
                return PropertyValue.From(reader.ReadInt64());
            case MessagePackType.Float: return PropertyValue.From(reader.ReadDouble());
            case MessagePackType.Boolean: return PropertyValue.From(reader.ReadBoolean());
            case MessagePackType.String: return PropertyValue.From(names.Text(ReadText(ref reader, "a text")));
            case MessagePackType.Nil:
                reader.ReadNil();
                return default;
            case MessagePackType.Extension: return PropertyValue.From(new WallTime(reader.ReadDateTime().Ticks));
            case MessagePackType.Array or MessagePackType.Map: return ReadJson(ref reader);
            default:
                PayloadException.Throw($"{reader.NextMessagePackType} is no property value", position);
                return default;
        }
    }

    private static PropertyValue ReadJson(ref MessagePackReader reader)
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { SkipValidation = true })) Transcode(ref reader, writer, MaxDepth);
        return PropertyValue.FromJson(bytes.WrittenSpan.ToArray());
    }

    private static void Transcode(ref MessagePackReader reader, Utf8JsonWriter writer, int depthLeft)
    {
        if (depthLeft == 0) PayloadException.Throw($"A value is nested deeper than {MaxDepth}", reader.Consumed);
        switch (reader.NextMessagePackType)
        {
            case MessagePackType.Map:
                writer.WriteStartObject();
                for (var left = reader.ReadMapHeader(); left > 0; left--)
                {
                    writer.WritePropertyName(ReadText(ref reader, "a text key"));
                    Transcode(ref reader, writer, depthLeft - 1);
                }
                writer.WriteEndObject();
                break;
            case MessagePackType.Array:
                writer.WriteStartArray();
                for (var left = reader.ReadArrayHeader(); left > 0; left--) Transcode(ref reader, writer, depthLeft - 1);
                writer.WriteEndArray();
                break;
            case MessagePackType.Integer when reader.NextCode == MessagePackCode.UInt64: writer.WriteNumberValue(reader.ReadUInt64()); break;
            case MessagePackType.Integer: writer.WriteNumberValue(reader.ReadInt64()); break;
            case MessagePackType.Float:
                var number = reader.ReadDouble();
                if (!double.IsFinite(number)) PayloadException.Throw("A number is not finite", reader.Consumed);
                writer.WriteNumberValue(number);
                break;
            case MessagePackType.Boolean: writer.WriteBooleanValue(reader.ReadBoolean()); break;
            case MessagePackType.Nil:
                reader.ReadNil();
                writer.WriteNullValue();
                break;
            case MessagePackType.Extension: writer.WriteStringValue(reader.ReadDateTime()); break;
            case MessagePackType.String: writer.WriteStringValue(ReadText(ref reader, "a text")); break;
            default:
                PayloadException.Throw($"{reader.NextMessagePackType} is no property value", reader.Consumed);
                break;
        }
    }

    private static WallTime ReadTime(ref MessagePackReader reader)
    {
        var position = reader.Consumed;
        switch (reader.NextMessagePackType)
        {
            case MessagePackType.Extension: return new WallTime(reader.ReadDateTime().Ticks);
            case MessagePackType.Integer when SampleSyntax.TryTime(reader.ReadInt64(), out var time): return time;
            case MessagePackType.Float when reader.ReadDouble() is var number && double.IsFinite(number) && SampleSyntax.TryTime((long)Math.Round(number), out var time):
                return time;
            default:
                PayloadException.Throw("The time is neither a timestamp nor Unix milliseconds in the years 1 to 9999", position);
                return default;
        }
    }

    private static ReadOnlySpan<byte> ReadText(ref MessagePackReader reader, string what)
    {
        Expect(ref reader, MessagePackType.String, what);
        if (!reader.TryReadStringSpan(out var text)) PayloadException.Throw($"Expected {what}", reader.Consumed);
        return text;
    }

    private static void Expect(ref MessagePackReader reader, MessagePackType type, string what)
    {
        if (reader.End) PayloadException.Throw($"Expected {what}, not the end", reader.Consumed);
        if (reader.NextMessagePackType != type) PayloadException.Throw($"Expected {what}, not {reader.NextMessagePackType}", reader.Consumed);
    }
}
