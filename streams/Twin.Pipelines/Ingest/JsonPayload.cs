using System.Text.Json;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Reads JSON payloads into samples. Hot: steady state allocates nothing a sample of number, boolean or short text;
/// objects and arrays as values cost their own bytes. Numbers, names and times follow <see cref="PayloadFormat"/>.
/// </summary>
internal sealed class JsonPayload(NameTables names, int maxSamples)
{
    /// <summary>Appends the samples of an object of properties, or an array of such objects.</summary>
    /// <exception cref="PayloadException">A shape the format does not have.</exception>
    /// <exception cref="JsonException">Malformed JSON.</exception>
    public void ReadProperties(ReadOnlySpan<byte> payload, string twinId, Flight flight, int message)
    {
        var reader = Open(payload);
        var first = flight.Count;
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            ReadEntry(ref reader, twinId, flight, message, first);
        }
        else if (reader.TokenType == JsonTokenType.StartArray)
        {
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                Expect(ref reader, JsonTokenType.StartObject, "an object of properties");
                ReadEntry(ref reader, twinId, flight, message, first);
            }
        }
        else
        {
            PayloadException.Throw($"Expected an object or an array of objects, not {reader.TokenType}", reader.TokenStartIndex);
        }
        Close(ref reader);
    }

    /// <summary>Appends the samples of <c>[{"id","t","p":{}}]</c>.</summary>
    /// <exception cref="PayloadException">A shape the format does not have.</exception>
    /// <exception cref="JsonException">Malformed JSON.</exception>
    public void ReadMany(ReadOnlySpan<byte> payload, Flight flight, int message)
    {
        var reader = Open(payload);
        Expect(ref reader, JsonTokenType.StartArray, "an array of {\"id\",\"t\",\"p\"}");
        var first = flight.Count;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Expect(ref reader, JsonTokenType.StartObject, "an object {\"id\",\"t\",\"p\"}");
            ReadTwin(ref reader, flight, message, first);
        }
        Close(ref reader);
    }

    private static Utf8JsonReader Open(ReadOnlySpan<byte> payload)
    {
        if (payload.StartsWith("\uFEFF"u8)) payload = payload[3..];
        var reader = new Utf8JsonReader(payload);
        reader.Read();
        return reader;
    }

    private static void Close(ref Utf8JsonReader reader)
    {
        if (reader.Read()) PayloadException.Throw("Nothing may follow the value", reader.TokenStartIndex);
    }

    private void ReadTwin(ref Utf8JsonReader reader, Flight flight, int message, int firstOfMessage)
    {
        var start = flight.Count;
        var position = reader.TokenStartIndex;
        string? id = null;
        var time = WallTime.None;
        var sawProperties = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("id"u8))
            {
                reader.Read();
                Expect(ref reader, JsonTokenType.String, "a text as id");
                id = names.TwinId(ref reader);
            }
            else if (reader.ValueTextEquals("t"u8))
            {
                reader.Read();
                time = ReadTime(ref reader);
            }
            else if (reader.ValueTextEquals("p"u8))
            {
                reader.Read();
                Expect(ref reader, JsonTokenType.StartObject, "an object as p");
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                    ReadSample(ref reader, names.Path(ref reader), flight, message, firstOfMessage);
                sawProperties = true;
            }
            else
            {
                PayloadException.Throw($"Only id, t and p are known, not '{SampleSyntax.Shorten(reader.GetString()!)}'", reader.TokenStartIndex);
            }
        }
        if (id is null) PayloadException.Throw("An entry has no id", position);
        if (!sawProperties) PayloadException.Throw("An entry has no p", position);
        Complete(flight, start, id!, time);
    }

    private void ReadEntry(ref Utf8JsonReader reader, string twinId, Flight flight, int message, int firstOfMessage)
    {
        var start = flight.Count;
        var time = WallTime.None;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("$time"u8))
            {
                reader.Read();
                time = ReadTime(ref reader);
                continue;
            }
            ReadSample(ref reader, names.Path(ref reader), flight, message, firstOfMessage);
        }
        Complete(flight, start, twinId, time);
    }

    private void ReadSample(ref Utf8JsonReader reader, string path, Flight flight, int message, int firstOfMessage)
    {
        reader.Read();
        if (flight.Count - firstOfMessage >= maxSamples)
            PayloadException.Throw($"A message may hold at most {maxSamples} samples", reader.TokenStartIndex);
        var value = reader.TokenType == JsonTokenType.String ? PropertyValue.From(names.Text(ref reader)) : PropertyValue.ReadJson(ref reader);
        flight.Add(new Sample("", path, value, default), message);
    }

    // Id and time may stand after the properties, so they are written once the entry has been read.
    internal static void Complete(Flight flight, int start, string twinId, WallTime time)
    {
        foreach (ref var sample in flight.Samples[start..]) sample = new Sample(twinId, sample.Path, sample.Value, time);
    }

    private static WallTime ReadTime(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            if (!reader.TryGetInt64(out var milliseconds)) milliseconds = (long)Math.Round(reader.GetDouble());
            if (SampleSyntax.TryTime(milliseconds, out var time)) return time;
            PayloadException.Throw("The time is outside the years 1 to 9999; Unix milliseconds are expected", reader.TokenStartIndex);
        }
        // A time without an offset would be read in the machine's zone, so it is refused.
        if (reader.TokenType == JsonTokenType.String && HasOffset(reader.ValueSpan) && reader.TryGetDateTimeOffset(out var parsed)) return WallTime.From(parsed);
        PayloadException.Throw("The time is neither RFC 3339 with an offset nor Unix milliseconds", reader.TokenStartIndex);
        return default;
    }

    private static bool HasOffset(ReadOnlySpan<byte> text) =>
        text.Length > 11 && (text[^1] == (byte)'Z' || text[11..].IndexOfAny((byte)'+', (byte)'-') >= 0);

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string what)
    {
        if (reader.TokenType != type) PayloadException.Throw($"Expected {what}, not {reader.TokenType}", reader.TokenStartIndex);
    }
}
