using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Twin.Model;

/// <summary>
/// Tells whether a JSON value conforms to a DTDL schema, by the lexical rules of the language: <c>0.0</c> is no integer,
/// a date is a day of the calendar, an object has only fields of its schema. Unlike <see cref="SchemaValidation"/>, which
/// serves the doors, it looks at the text as written and converts nothing. Pure; thread-safe.
/// </summary>
public static class InstanceValidation
{
    /// <summary>Problems are told up to this many.</summary>
    public const int MostProblems = 100;

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64 };

    /// <summary>Checks JSON text. Empty when it conforms; text that is no JSON, or nests more than 64 deep, is a problem.</summary>
    public static IReadOnlyList<string> Check(Schema schema, string json) => Check(schema, Encoding.UTF8.GetBytes(json));

    /// <summary>Checks JSON text in UTF-8.</summary>
    public static IReadOnlyList<string> Check(Schema schema, ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Options);
            return Check(schema, document.RootElement);
        }
        catch (JsonException fault)
        {
            return [$"The value is not JSON: {fault.Message}"];
        }
    }

    /// <summary>Checks a JSON value.</summary>
    public static IReadOnlyList<string> Check(Schema schema, JsonElement value)
    {
        var problems = new List<string>();
        try
        {
            Check(schema, value, "", problems);
        }
        catch (InvalidOperationException) // half of a surrogate pair as an escape
        {
            problems.Add("The value has an escape that is no character.");
        }

        return problems;
    }

    private static void Check(Schema schema, JsonElement value, string where, List<string> problems)
    {
        if (problems.Count >= MostProblems) return;
        switch (schema.Kind)
        {
            case SchemaKind.Array: CheckArray(schema, value, where, problems); break;
            case SchemaKind.Map: CheckMap(schema, value, where, problems); break;
            case SchemaKind.Object or SchemaKind.Geospatial or SchemaKind.ScaledDecimal: CheckObject(schema, value, where, problems); break;
            default:
                if (!Conforms(schema, value)) problems.Add($"{Place(where)} is {Show(value)}, not {SchemaValidation.Expected(schema)}.");
                break;
        }
    }

    private static void CheckArray(Schema schema, JsonElement value, string where, List<string> problems)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            problems.Add($"{Place(where)} is {Show(value)}, not an array.");
            return;
        }

        var index = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (schema.Element is { } inner) Check(inner, item, $"{where}/{index}", problems);
            index++;
        }
    }

    private static void CheckMap(Schema schema, JsonElement value, string where, List<string> problems)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            problems.Add($"{Place(where)} is {Show(value)}, not an object of keys and values.");
            return;
        }

        foreach (var entry in value.EnumerateObject())
        {
            if (schema.Element is { } inner) Check(inner, entry.Value, $"{where}/{entry.Name}", problems);
        }
    }

    private static void CheckObject(Schema schema, JsonElement value, string where, List<string> problems)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            problems.Add($"{Place(where)} is {Show(value)}, not an object.");
            return;
        }

        foreach (var field in value.EnumerateObject())
        {
            if (schema.Fields.TryGetValue(field.Name, out var inner)) Check(inner, field.Value, $"{where}/{field.Name}", problems);
            else problems.Add($"{where}/{field.Name} is not a field; allowed: {string.Join(", ", schema.Fields.Keys.Order(StringComparer.Ordinal))}.");
        }

        foreach (var required in schema.RequiredFields)
        {
            if (!value.TryGetProperty(required, out _)) problems.Add($"{Place(where)} has no '{required}', which is required.");
        }
    }

    private static bool Conforms(Schema schema, JsonElement value) => schema.Kind switch
    {
        SchemaKind.Boolean => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        SchemaKind.Integer or SchemaKind.Long or SchemaKind.Byte => IsWhole(schema, value),
        SchemaKind.UnsignedLong => value.ValueKind == JsonValueKind.Number && ulong.TryParse(value.GetRawText(), NumberStyles.None, CultureInfo.InvariantCulture, out _),
        SchemaKind.Float => value.ValueKind == JsonValueKind.Number && float.TryParse(value.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out var single) && float.IsFinite(single),
        SchemaKind.Double => value.ValueKind == JsonValueKind.Number && double.TryParse(value.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number),
        SchemaKind.Enum => IsMember(schema, value),
        _ => value.ValueKind == JsonValueKind.String && HasForm(schema.Kind, value.GetString()!),
    };

    private static bool IsWhole(Schema schema, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number) return false;
        var text = value.GetRawText();
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return false;
        var (low, high) = schema.Kind switch
        {
            SchemaKind.Integer => (schema.Minimum ?? int.MinValue, schema.Maximum ?? int.MaxValue),
            SchemaKind.Byte => (schema.Minimum ?? sbyte.MinValue, schema.Maximum ?? sbyte.MaxValue),
            _ => (schema.Minimum ?? long.MinValue, schema.Maximum ?? long.MaxValue),
        };
        return number >= low && number <= high && (low < 0 || text[0] != '-'); // unsigned kinds have no minus, not even of zero
    }

    private static bool IsMember(Schema schema, JsonElement value)
    {
        foreach (var member in schema.Members)
        {
            if (member.Value.Kind == ValueKind.Text ? value.ValueKind == JsonValueKind.String && value.GetString() == member.Value.AsText
                : value.ValueKind == JsonValueKind.Number && long.TryParse(value.GetRawText(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number == member.Value.AsInteger) return true;
        }

        return false;
    }

    private static bool HasForm(SchemaKind kind, string text) => kind switch
    {
        SchemaKind.DateTime => LexicalForms.IsDateTime(text),
        SchemaKind.Date => LexicalForms.IsDate(text),
        SchemaKind.Time => LexicalForms.IsTime(text),
        SchemaKind.Duration => LexicalForms.IsDuration(text),
        SchemaKind.Bytes => LexicalForms.IsBase64(text),
        SchemaKind.Decimal => LexicalForms.IsDecimal(text),
        SchemaKind.Uuid => LexicalForms.IsUuid(text),
        _ => true,
    };

    private static string Show(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 80 ? text : text[..80] + "...";
    }

    private static string Place(string where) => where.Length == 0 ? "The value" : where;
}
