using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twin.Model.Wot;

/// <summary>Data schemas of a Thing Model as DTDL schemas. What it refuses it adds to the problems.</summary>
internal sealed class DataSchemaReader(List<Problem> problems)
{
    private static readonly string[] Bounding = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "default", "contentEncoding", "contentMediaType"];

    /// <summary>The DTDL schema, or null when there is a problem.</summary>
    public JsonNode? Read(JsonObject schema, string at)
    {
        if (schema["oneOf"] is not null) return Refuse("A value that is one of several schemas has no counterpart.", at + "/oneOf");
        if (schema["tm:ref"] is not null) return Refuse("\"tm:ref\" is not followed; write the definition out.", at + "/tm:ref");
        if (schema["const"] is { } only) return ReadEnum(new JsonArray(only.DeepClone()), at + "/const");
        if (schema["enum"] is JsonArray members) return ReadEnum(members, at + "/enum");
        return ThingModel.Text(schema, "type") switch
        {
            "boolean" => "boolean",
            "integer" => FitsInt32(schema) ? "integer" : "long",
            "number" => "double",
            "string" => ThingModel.Text(schema, "format") switch { "date-time" => "dateTime", "date" => "date", "time" => "time", "duration" => "duration", _ => "string" },
            "array" => ReadArray(schema, at),
            "object" => ReadObject(schema, at),
            "null" => Refuse("null alone is no value that DTDL has.", at + "/type"),
            { } other => Refuse($"'{ThingModel.Short(other, 64)}' is no type; boolean, integer, number, string, array and object are.", at + "/type"),
            null => Refuse("A data schema needs one type: boolean, integer, number, string, array or object.", at + "/type"),
        };
    }

    /// <summary>What bounds a value and DTDL cannot say, for a comment.</summary>
    public static string Bounds(JsonObject schema) =>
        string.Join("; ", Bounding.Where(b => schema[b] is not null).Select(b => $"{b} {schema[b]!.ToJsonString()}"));

    /// <summary>A name DTDL v3 takes: a letter, then letters, digits and underscores, the last no underscore.</summary>
    public static bool IsName(string name) => name.Length is > 0 and <= 512 && char.IsAsciiLetter(name[0]) && name[^1] != '_' && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    /// <summary>A name made of a text, in camel case; empty when it has no letters.</summary>
    public static string NameFrom(string text)
    {
        var made = new StringBuilder();
        var isStart = false;
        foreach (var c in text.Take(256))
        {
            if (!char.IsAsciiLetterOrDigit(c) || (made.Length == 0 && !char.IsAsciiLetter(c)))
            {
                isStart = made.Length > 0;
                continue;
            }

            made.Append(isStart ? char.ToUpperInvariant(c) : c);
            isStart = false;
        }

        return made.ToString();
    }

    private static bool FitsInt32(JsonObject schema) => Within(schema["minimum"]) && Within(schema["maximum"]);

    private static bool Within(JsonNode? bound) => bound is JsonValue value && value.TryGetValue<double>(out var number) && number is >= int.MinValue and <= int.MaxValue;

    private JsonObject? ReadArray(JsonObject schema, string at)
    {
        if (schema["items"] is not JsonObject items) return Refuse("An array needs one schema for all its items; tuples have no counterpart.", at + "/items");
        return Read(items, at + "/items") is { } element ? new JsonObject { ["@type"] = "Array", ["elementSchema"] = element } : null;
    }

    private JsonObject? ReadObject(JsonObject schema, string at)
    {
        if (schema["properties"] is not JsonObject { Count: > 0 } members)
        {
            if (schema["additionalProperties"] is not JsonObject values) return Refuse("An object needs properties, or a schema of additionalProperties to be a map; one of anything has no counterpart.", at + "/properties");
            return Read(values, at + "/additionalProperties") is { } value
                ? new JsonObject { ["@type"] = "Map", ["mapKey"] = new JsonObject { ["name"] = "key", ["schema"] = "string" }, ["mapValue"] = new JsonObject { ["name"] = "value", ["schema"] = value } }
                : null;
        }

        var fields = new JsonArray();
        foreach (var (name, member) in members)
        {
            var place = $"{at}/properties/{ThingModel.Pointer(name)}";
            if (!IsName(name)) Refuse($"'{ThingModel.Short(name, 64)}' cannot be a field's name: ASCII letters, digits and underscores, a letter first and no underscore last.", place);
            else if (member is not JsonObject inner) Refuse("A field must be a data schema.", place);
            else if (Read(inner, place) is { } field) fields.Add(new JsonObject { ["name"] = name, ["schema"] = field });
        }

        return fields.Count == members.Count ? new JsonObject { ["@type"] = "Object", ["fields"] = fields } : null;
    }

    private JsonObject? ReadEnum(JsonArray members, string at)
    {
        var isText = members.Count > 0 && members.All(m => m?.GetValueKind() == JsonValueKind.String);
        var isInteger = members.Count > 0 && members.All(m => m is JsonValue v && v.TryGetValue<int>(out _));
        if (!isText && !isInteger) return Refuse("An enumeration's values must be all strings or all 32-bit integers.", at);
        var values = new JsonArray();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in members)
        {
            var name = isText ? NameFrom(member!.GetValue<string>()) : NameOf(member!.GetValue<int>());
            if (name.Length == 0) name = "value";
            for (var number = 2; !names.Add(name); number++) name = string.Create(CultureInfo.InvariantCulture, $"{name.TrimEnd("0123456789".ToCharArray())}{number}");
            values.Add(new JsonObject { ["name"] = name, ["enumValue"] = member.DeepClone() });
        }

        return new JsonObject { ["@type"] = "Enum", ["valueSchema"] = isText ? "string" : "integer", ["enumValues"] = values };
    }

    private static string NameOf(int value) => value < 0 ? string.Create(CultureInfo.InvariantCulture, $"minus{-(long)value}") : string.Create(CultureInfo.InvariantCulture, $"value{value}");

    private JsonObject? Refuse(string why, string at)
    {
        if (problems.Count < ThingModel.MostProblems) problems.Add(new Problem("ThingModelUnsupported", why, at));
        return null;
    }
}
