using System.Buffers;
using System.Text.Json;
using Twin.Model;

namespace Twin.Gateway.Mqtt;

/// <summary>A change as JSON, in the shape of the stream door's events.</summary>
public static class MqttChangeText
{
    /// <summary>One change as a UTF-8 JSON object.</summary>
    public static ReadOnlySpan<byte> Write(in Change change, string cursor)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        if (cursor.Length > 0) json.WriteString("cursor"u8, cursor);
        json.WriteNumber("seq"u8, change.Sequence);
        json.WriteString("kind"u8, change.Kind.ToText());
        json.WriteString("id"u8, change.TwinId);
        json.WriteString("model"u8, change.ModelId);
        if (change.Path.Length > 0) json.WriteString("path"u8, change.Path);
        if (change.Value.Kind != ValueKind.None)
        {
            json.WritePropertyName("value"u8);
            change.Value.WriteJson(json);
        }

        json.WriteString("t"u8, change.SourceTime.ToDateTime());
        json.WriteString("committed"u8, change.CommitTime.ToDateTime());
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan;
    }
}
