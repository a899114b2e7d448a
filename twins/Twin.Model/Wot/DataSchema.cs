using System.Text.Json;

namespace Twin.Model.Wot;

/// <summary>DTDL schemas as data schemas of a Thing Description. A schema that contains itself is cut off at <see cref="Deepest"/> levels, where anything is allowed.</summary>
internal static class DataSchema
{
    public const int Deepest = 8;

    /// <summary>A schema as a member, with null allowed beside it when it may be null.</summary>
    public static void Write(Utf8JsonWriter json, string member, Schema schema, bool isNullable)
    {
        json.WriteStartObject(member);
        if (isNullable)
        {
            json.WriteStartArray("oneOf"u8);
            json.WriteStartObject();
            Write(json, schema, null);
            json.WriteEndObject();
            json.WriteStartObject();
            json.WriteString("type"u8, "null"u8);
            json.WriteEndObject();
            json.WriteEndArray();
        }
        else
        {
            Write(json, schema, null);
        }

        json.WriteEndObject();
    }

    /// <summary>A schema's members into the present object.</summary>
    public static void Write(Utf8JsonWriter json, Schema schema, string? unit, int depth = 0)
    {
        switch (schema.Kind)
        {
            case SchemaKind.Boolean:
                json.WriteString("type"u8, "boolean"u8);
                break;
            case SchemaKind.Integer or SchemaKind.Long or SchemaKind.Byte or SchemaKind.UnsignedLong:
                WriteInteger(json, schema);
                break;
            case SchemaKind.Float or SchemaKind.Double:
                json.WriteString("type"u8, "number"u8);
                break;
            case SchemaKind.Enum:
                WriteEnum(json, schema);
                break;
            case SchemaKind.Array:
                json.WriteString("type"u8, "array"u8);
                WriteInner(json, "items", schema.Element, depth);
                break;
            case SchemaKind.Map:
                json.WriteString("type"u8, "object"u8);
                WriteInner(json, "additionalProperties", schema.Element, depth);
                break;
            case SchemaKind.Object or SchemaKind.Geospatial or SchemaKind.ScaledDecimal:
                WriteObject(json, schema, depth);
                break;
            default:
                WriteText(json, schema.Kind);
                break;
        }

        if (unit is not null) json.WriteString("unit"u8, unit);
    }

    private static void WriteInteger(Utf8JsonWriter json, Schema schema)
    {
        json.WriteString("type"u8, "integer"u8);
        long? least = schema.Kind switch { SchemaKind.Integer => int.MinValue, SchemaKind.UnsignedLong => 0, SchemaKind.Byte => sbyte.MinValue, _ => null };
        long? most = schema.Kind switch { SchemaKind.Integer => int.MaxValue, SchemaKind.Byte => sbyte.MaxValue, _ => null };
        if ((schema.Minimum ?? least) is { } minimum) json.WriteNumber("minimum"u8, minimum);
        if ((schema.Maximum ?? most) is { } maximum) json.WriteNumber("maximum"u8, maximum);
    }

    private static void WriteEnum(Utf8JsonWriter json, Schema schema)
    {
        json.WriteString("type"u8, schema.Storage == ValueKind.Integer ? "integer"u8 : "string"u8);
        if (schema.Members.Count == 0) return; // a TD's enum has at least one
        json.WriteStartArray("enum"u8);
        foreach (var member in schema.Members) member.Value.WriteJson(json);
        json.WriteEndArray();
    }

    private static void WriteObject(Utf8JsonWriter json, Schema schema, int depth)
    {
        json.WriteString("type"u8, "object"u8);
        if (schema.Fields.Count == 0 || depth >= Deepest) return;
        json.WriteStartObject("properties"u8);
        foreach (var (name, field) in schema.Fields.OrderBy(f => f.Key, StringComparer.Ordinal)) WriteInner(json, name, field, depth);
        json.WriteEndObject();
        if (schema.RequiredFields.Count == 0) return;
        json.WriteStartArray("required"u8);
        foreach (var name in schema.RequiredFields.Order(StringComparer.Ordinal)) json.WriteStringValue(name);
        json.WriteEndArray();
    }

    private static void WriteInner(Utf8JsonWriter json, string member, Schema? schema, int depth)
    {
        if (schema is null || depth >= Deepest) return;
        json.WriteStartObject(member);
        Write(json, schema, null, depth + 1);
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, SchemaKind kind)
    {
        json.WriteString("type"u8, "string"u8);
        var format = kind switch { SchemaKind.DateTime => "date-time", SchemaKind.Date => "date", SchemaKind.Time => "time", SchemaKind.Duration => "duration", SchemaKind.Uuid => "uuid", _ => null };
        if (format is not null) json.WriteString("format"u8, format);
        if (kind == SchemaKind.Bytes) json.WriteString("contentEncoding"u8, "base64"u8);
    }
}
