using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twin.Graph;

/// <summary>One patch operation on one property's value, below it too: the value after it, or why not.</summary>
internal static class PropertyEdit
{
    /// <summary>Applies an operation to <paramref name="current"/> (None = absent); <paramref name="below"/> is the path inside an object or map, empty for the whole.</summary>
    public static bool TryApply(Schema schema, PropertyValue current, ReadOnlySpan<char> below, in PatchOperation operation, out PropertyValue next, out CommandResult refusal)
    {
        next = current;
        refusal = default;
        if (operation.Verb != PatchVerb.Add && current.Kind == ValueKind.None) return Refusals.NoValue(operation.Path, out refusal);
        if (operation.Verb != PatchVerb.Remove && operation.Value.Kind == ValueKind.None)
            return Refusals.Invalid("PropertyInvalid", "null is not a value; use remove to take a value away.", operation.Path, out refusal);
        if (below.Length > 0) return TryEditBelow(schema, current, below, operation, out next, out refusal);
        if (operation.Verb == PatchVerb.Remove)
        {
            next = default;
            return true;
        }
        if (!SchemaValidation.TryConvert(schema, operation.Value, out var stored, out var error))
            return Refusals.Invalid("PropertyInvalid", error!, operation.Path, out refusal);
        if (operation.Verb == PatchVerb.Test) return AreEqual(stored, current) || Refusals.TestFailed(operation, current, out refusal);
        next = stored;
        return true;
    }

    private static bool TryEditBelow(Schema schema, PropertyValue current, ReadOnlySpan<char> below, in PatchOperation operation, out PropertyValue next, out CommandResult refusal)
    {
        if (operation.Value.AsText is { } text && SchemaValidation.TextProblem(text) is { } problem)
        {
            next = current;
            return Refusals.Invalid("PropertyInvalid", problem, operation.Path, out refusal);
        }
        try
        {
            return TryApplyBelow(schema, current, below, operation, out next, out refusal);
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or ArgumentException) // the caller's JSON or text, not the stored one
        {
            next = current;
            return Refusals.Invalid("PropertyInvalid", $"The value is malformed: {malformed.Message}", operation.Path, out refusal);
        }
    }

    private static bool TryApplyBelow(Schema schema, PropertyValue current, ReadOnlySpan<char> below, in PatchOperation operation, out PropertyValue next, out CommandResult refusal)
    {
        next = current;
        if (current.Kind != ValueKind.Json) return Refusals.NoValue(operation.Path, out refusal);
        var root = JsonNode.Parse(current.AsJson)!;
        var node = root;
        var rest = below;
        for (int slash; (slash = rest.IndexOf('/')) >= 0; rest = rest[(slash + 1)..])
            if (node is not JsonObject inner || (node = inner[Unescape(rest[..slash])]) is null) return Refusals.NoValue(operation.Path, out refusal);
        if (node is not JsonObject parent)
            return Refusals.Invalid("JsonPatchInvalid", "Only fields of objects and keys of maps can be addressed below a property; replace an array as a whole.", operation.Path, out refusal);
        var key = Unescape(rest);
        var there = parent[key];
        if (operation.Verb != PatchVerb.Add && there is null) return Refusals.NoValue(operation.Path, out refusal);
        refusal = default;
        if (operation.Verb == PatchVerb.Test)
            return JsonNode.DeepEquals(there, ToNode(operation.Value)) || Refusals.TestFailed(operation, Value(there!), out refusal);
        if (operation.Verb == PatchVerb.Remove) parent.Remove(key);
        else parent[key] = ToNode(operation.Value);
        if (SchemaValidation.TryConvert(schema, Value(root), out next, out var error)) return true;
        next = current;
        return Refusals.Invalid("PropertyInvalid", error!, operation.Path, out refusal);
    }

    private static bool AreEqual(PropertyValue a, PropertyValue b) =>
        a == b
        || (a.Kind == ValueKind.Json && b.Kind == ValueKind.Json && JsonNode.DeepEquals(JsonNode.Parse(a.AsJson), JsonNode.Parse(b.AsJson)))
        || (a.Kind == ValueKind.Double && b.Kind == ValueKind.Double && a.AsNumber == b.AsNumber);

    private static string Unescape(ReadOnlySpan<char> segment) =>
        segment.Contains('~') ? segment.ToString().Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal) : segment.ToString();

    private static JsonNode? ToNode(PropertyValue value)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes)) value.WriteJson(writer);
        return JsonNode.Parse(bytes.WrittenSpan);
    }

    private static PropertyValue Value(JsonNode node)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) node.WriteTo(writer);
        return PropertyValue.FromJson(bytes.WrittenSpan.ToArray());
    }
}
