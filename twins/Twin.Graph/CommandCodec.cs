using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Twin.Graph;

/// <summary>
/// Commands as JSON, for the prepared-transaction change: exact, since values carry their kind and 64 bits. FORMAT.md, section
/// "Prepared commands". Also usable between grains.
/// </summary>
public static class CommandCodec
{
    /// <summary>Encodes commands and the twins they reserve.</summary>
    public static byte[] Encode(IReadOnlyList<TwinCommand> commands, IReadOnlyList<string> reserved)
    {
        var bytes = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("commands"u8);
            foreach (var command in commands) Write(writer, command);
            writer.WriteEndArray();
            writer.WriteStartArray("reserved"u8);
            foreach (var twin in reserved) writer.WriteStringValue(twin);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>Decodes what <see cref="Encode"/> wrote; false when it is anything else.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> json, [NotNullWhen(true)] out TwinCommand[]? commands, [NotNullWhen(true)] out string[]? reserved)
    {
        commands = null;
        reserved = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            commands = [.. document.RootElement.GetProperty("commands").EnumerateArray().Select(Read)];
            reserved = [.. document.RootElement.GetProperty("reserved").EnumerateArray().Select(Text)];
            return true;
        }
        catch (Exception broken) when (broken is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or InvalidDataException or ArgumentException)
        {
            return false;
        }
    }

    private static void Write(Utf8JsonWriter writer, TwinCommand command)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, command.TwinId);
        if (command.IfMatch is { } seen) writer.WriteNumber("ifMatch"u8, seen);
        if (command.SourceTime.IsKnown) writer.WriteNumber("time"u8, command.SourceTime.UtcTicks);
        switch (command)
        {
            case PutTwin put: Texts(writer, "putTwin", ("model", put.ModelId)); Flag(writer, put.OnlyIfAbsent); Values(writer, put.Values); break;
            case PatchTwin patch: Texts(writer, "patchTwin"); Operations(writer, patch.Operations); break;
            case DeleteTwin delete: Texts(writer, "deleteTwin"); Flag(writer, delete.Cascade); break;
            case PutRelationship put:
                Texts(writer, "putRelationship", ("relationship", put.RelationshipId), ("name", put.Name), ("target", put.TargetId));
                Flag(writer, put.OnlyIfAbsent);
                Values(writer, put.Values);
                break;
            case PatchRelationship patch: Texts(writer, "patchRelationship", ("relationship", patch.RelationshipId)); Operations(writer, patch.Operations); break;
            case DeleteRelationship delete: Texts(writer, "deleteRelationship", ("relationship", delete.RelationshipId)); break;
            case LinkIncoming link:
                Texts(writer, "linkIncoming", ("source", link.SourceId), ("relationship", link.RelationshipId), ("name", link.Name));
                if (link.TargetModel is { } model) writer.WriteString("targetModel"u8, model);
                break;
            case UnlinkIncoming unlink: Texts(writer, "unlinkIncoming", ("source", unlink.SourceId), ("relationship", unlink.RelationshipId)); break;
            case PublishTelemetry telemetry:
                Texts(writer, "publishTelemetry", ("component", telemetry.Component));
                writer.WritePropertyName("value"u8);
                Value(writer, telemetry.Payload);
                break;
            default: throw new ArgumentException($"{command.GetType().Name} cannot be encoded.", nameof(command));
        }
        writer.WriteEndObject();
    }

    private static void Texts(Utf8JsonWriter writer, string kind, params ReadOnlySpan<(string Name, string Text)> fields)
    {
        writer.WriteString("do"u8, kind);
        foreach (var (name, text) in fields) writer.WriteString(name, text);
    }

    private static void Flag(Utf8JsonWriter writer, bool flag)
    {
        if (flag) writer.WriteBoolean("flag"u8, true);
    }

    private static void Values(Utf8JsonWriter writer, Assignment[] values)
    {
        writer.WriteStartArray("values"u8);
        foreach (var (path, value) in values)
        {
            writer.WriteStringValue(path);
            Value(writer, value);
        }
        writer.WriteEndArray();
    }

    private static void Operations(Utf8JsonWriter writer, PatchOperation[] operations)
    {
        writer.WriteStartArray("operations"u8);
        foreach (var (verb, path, value) in operations)
        {
            writer.WriteNumberValue((int)verb);
            writer.WriteStringValue(path);
            Value(writer, value);
        }
        writer.WriteEndArray();
    }

    private static void Value(Utf8JsonWriter writer, PropertyValue value)
    {
        writer.WriteStartArray();
        writer.WriteNumberValue((int)value.Kind);
        if (value.Kind == ValueKind.Text) writer.WriteStringValue(value.AsText);
        else if (value.Kind == ValueKind.Json) writer.WriteBase64StringValue(value.AsJson); // exact bytes, even when they are not JSON
        else writer.WriteNumberValue(value.Bits);
        writer.WriteEndArray();
    }

    private static TwinCommand Read(JsonElement from)
    {
        var id = Field(from, "id");
        TwinCommand command = Field(from, "do") switch
        {
            "putTwin" => new PutTwin(id, Field(from, "model"), Values(from)) { OnlyIfAbsent = Flag(from) },
            "patchTwin" => new PatchTwin(id, Operations(from)),
            "deleteTwin" => new DeleteTwin(id) { Cascade = Flag(from) },
            "putRelationship" => new PutRelationship(id, Field(from, "relationship"), Field(from, "name"), Field(from, "target"), Values(from)) { OnlyIfAbsent = Flag(from) },
            "patchRelationship" => new PatchRelationship(id, Field(from, "relationship"), Operations(from)),
            "deleteRelationship" => new DeleteRelationship(id, Field(from, "relationship")),
            "linkIncoming" => new LinkIncoming(id, Field(from, "source"), Field(from, "relationship"), Field(from, "name")) { TargetModel = from.TryGetProperty("targetModel", out var model) ? Text(model) : null },
            "unlinkIncoming" => new UnlinkIncoming(id, Field(from, "source"), Field(from, "relationship")),
            "publishTelemetry" => new PublishTelemetry(id, Field(from, "component"), Value(from.GetProperty("value"))),
            var unknown => throw new InvalidDataException($"'{unknown}' is not a command."),
        };
        return command with
        {
            IfMatch = from.TryGetProperty("ifMatch", out var seen) ? seen.GetInt64() : null,
            SourceTime = from.TryGetProperty("time", out var time) ? new WallTime(time.GetInt64()) : default,
        };
    }

    private static string Text(JsonElement element) => element.GetString() ?? throw new InvalidDataException("A text is missing.");

    private static string Field(JsonElement from, string name) => Text(from.GetProperty(name));

    private static bool Flag(JsonElement from) => from.TryGetProperty("flag", out var flag) && flag.GetBoolean();

    private static Assignment[] Values(JsonElement from)
    {
        var items = from.GetProperty("values").EnumerateArray().ToArray();
        return [.. items.Chunk(2).Select(pair => new Assignment(Text(pair[0]), Value(pair[1])))];
    }

    private static PatchOperation[] Operations(JsonElement from)
    {
        var items = from.GetProperty("operations").EnumerateArray().ToArray();
        return [.. items.Chunk(3).Select(triple => new PatchOperation((PatchVerb)triple[0].GetByte(), Text(triple[1]), Value(triple[2])))];
    }

    private static PropertyValue Value(JsonElement element) => (ValueKind)element[0].GetByte() switch
    {
        ValueKind.Text => PropertyValue.From(Text(element[1])),
        ValueKind.Json => PropertyValue.FromJson(element[1].GetBytesFromBase64()),
        var kind => PropertyValue.FromBits(kind, element[1].GetInt64()),
    };
}
