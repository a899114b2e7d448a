using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Twin.Graph;

/// <summary>Relationships and incoming links as the JSON that their changes carry (the public shape, without its ETag).</summary>
internal static class RelationshipJson
{
    public static PropertyValue Write(string sourceId, string id, string name, string targetId, Assignment[] properties)
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteString("$relationshipId"u8, id);
            writer.WriteString("$sourceId"u8, sourceId);
            writer.WriteString("$targetId"u8, targetId);
            writer.WriteString("$relationshipName"u8, name);
            foreach (var property in properties)
            {
                writer.WritePropertyName(property.Path);
                property.Value.WriteJson(writer);
            }
            writer.WriteEndObject();
        }
        return PropertyValue.FromJson(bytes.WrittenSpan.ToArray());
    }

    public static bool TryRead(InterfaceDefinition model, in Change change, [NotNullWhen(true)] out Relationship? relationship)
    {
        relationship = null;
        string? name = null, target = null;
        var raw = new List<Assignment>();
        try
        {
            var reader = new Utf8JsonReader(change.Value.AsJson);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var key = reader.GetString()!;
                reader.Read();
                var value = PropertyValue.ReadJson(ref reader);
                if (key == "$relationshipName") name = value.AsText;
                else if (key == "$targetId") target = value.AsText;
                else if (!key.StartsWith('$')) raw.Add(new Assignment(key, value));
            }
        }
        catch (JsonException)
        {
            return false;
        }
        if (name is null || target is null || !model.Relationships.TryGetValue(name, out var definition)) return false;
        var properties = raw.Count == 0 ? [] : new Assignment[raw.Count];
        for (var i = 0; i < properties.Length; i++)
        {
            if (!definition.Properties.TryGetValue(raw[i].Path, out var schema) || !SchemaValidation.TryConvert(schema, raw[i].Value, out var stored, out _)) return false;
            properties[i] = new Assignment(raw[i].Path, stored);
        }
        relationship = new Relationship(change.Path, definition.Name, target, properties, change.Sequence, change.CommitTime);
        return true;
    }

    public static PropertyValue WriteLink(string sourceId, string name)
    {
        var bytes = new ArrayBufferWriter<byte>(128);
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteString("$sourceId"u8, sourceId);
            writer.WriteString("$relationshipName"u8, name);
            writer.WriteEndObject();
        }
        return PropertyValue.FromJson(bytes.WrittenSpan.ToArray());
    }

    public static bool TryReadLink(in Change change, [NotNullWhen(true)] out IncomingLink? link)
    {
        link = null;
        string? source = null, name = null;
        try
        {
            var reader = new Utf8JsonReader(change.Value.AsJson);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isSource = reader.ValueTextEquals("$sourceId"u8);
                reader.Read();
                if (isSource) source = reader.GetString();
                else name = reader.GetString();
            }
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return false;
        }
        if (source is null || name is null) return false;
        link = new IncomingLink(source, change.Path, name);
        return true;
    }
}
