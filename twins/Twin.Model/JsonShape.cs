using System.Text.Json;

namespace Twin.Model;

/// <summary>Checks the inside of objects, maps, arrays and geometries. Names the place within the value in its errors.</summary>
internal static class JsonShape
{
    private static readonly string[] GeometryTypes = ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"];

    public static string? Check(Schema schema, JsonElement element) => Check(schema, element, "");

    private static string? Check(Schema schema, JsonElement element, string where) => schema.Kind switch
    {
        SchemaKind.Object => CheckObject(schema, element, where),
        SchemaKind.Map => CheckMap(schema, element, where),
        SchemaKind.Array => CheckArray(schema, element, where),
        SchemaKind.Geospatial => schema.Fields.Count > 0 ? CheckObject(schema, element, where) : CheckGeometry(element, where),
        SchemaKind.ScaledDecimal => CheckScaledDecimal(element, where),
        _ => CheckPlain(schema, element, where),
    };

    private static string? CheckObject(Schema schema, JsonElement element, string where)
    {
        if (element.ValueKind != JsonValueKind.Object) return Wrong(schema, element, where);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var field in element.EnumerateObject())
        {
            var place = where + "/" + field.Name;
            if (!seen.Add(field.Name)) return $"{place} is given twice.";
            if (!schema.Fields.TryGetValue(field.Name, out var inner))
                return $"{place} is not a field; allowed: {string.Join(", ", schema.Fields.Keys.Order(StringComparer.Ordinal))}.";
            if (Check(inner, field.Value, place) is { } problem) return problem;
        }
        foreach (var required in schema.RequiredFields)
            if (!seen.Contains(required)) return $"{Place(where)} has no \"{required}\", which is required.";
        return null;
    }

    private static string? CheckMap(Schema schema, JsonElement element, string where)
    {
        if (element.ValueKind != JsonValueKind.Object) return Wrong(schema, element, where);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in element.EnumerateObject())
        {
            var place = where + "/" + entry.Name;
            if (!seen.Add(entry.Name)) return $"{place} is given twice.";
            if (schema.Element is { } inner && Check(inner, entry.Value, place) is { } problem) return problem;
        }
        return null;
    }

    private static string? CheckArray(Schema schema, JsonElement element, string where)
    {
        if (element.ValueKind != JsonValueKind.Array) return Wrong(schema, element, where);
        var index = 0;
        foreach (var item in element.EnumerateArray())
            if (schema.Element is { } inner && Check(inner, item, $"{where}/{index++}") is { } problem) return problem;
        return null;
    }

    private static string? CheckGeometry(JsonElement element, string where)
    {
        if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String
            || Array.IndexOf(GeometryTypes, type.GetString()) < 0)
            return $"{Place(where)} is not a GeoJSON geometry; \"type\" must be one of {string.Join(", ", GeometryTypes)}.";
        return element.TryGetProperty("coordinates", out var coordinates) && coordinates.ValueKind == JsonValueKind.Array && AllNumbers(coordinates)
            ? null
            : $"{Place(where)} has no \"coordinates\" array of numbers.";
    }

    private static bool AllNumbers(JsonElement array)
    {
        foreach (var item in array.EnumerateArray())
            if (item.ValueKind == JsonValueKind.Array ? !AllNumbers(item) : item.ValueKind != JsonValueKind.Number) return false;
        return true;
    }

    private static string? CheckScaledDecimal(JsonElement element, string where) =>
        element.ValueKind == JsonValueKind.Object
        && element.TryGetProperty("scale", out var scale) && scale.ValueKind == JsonValueKind.Number && scale.TryGetInt32(out _)
        && element.TryGetProperty("value", out var value)
        && SchemaValidation.TryConvert(new Schema(SchemaKind.Decimal), Plain(value), out _, out _)
            ? null
            : $"{Place(where)} is not a scaled decimal object with an integer \"scale\" and a decimal \"value\".";

    private static string? CheckPlain(Schema schema, JsonElement element, string where)
    {
        if (element.ValueKind is JsonValueKind.Null or JsonValueKind.Object or JsonValueKind.Array) return Wrong(schema, element, where);
        return SchemaValidation.TryConvert(schema, Plain(element), out _, out var error) ? null : $"{Place(where)}: {error}";
    }

    private static PropertyValue Plain(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.True => PropertyValue.From(true),
        JsonValueKind.False => PropertyValue.From(false),
        JsonValueKind.String => PropertyValue.From(element.GetString()!),
        JsonValueKind.Number => element.TryGetInt64(out var integer) ? PropertyValue.From(integer) : PropertyValue.From(element.GetDouble()),
        _ => default,
    };

    private static string Wrong(Schema schema, JsonElement element, string where) =>
        $"{Place(where)} is {element.ValueKind switch { JsonValueKind.Object => "an object", JsonValueKind.Array => "an array", JsonValueKind.Null => "null", var kind => kind.ToString() }}, not {SchemaValidation.Expected(schema)}.";

    private static string Place(string where) => where.Length == 0 ? "The value" : where;
}
