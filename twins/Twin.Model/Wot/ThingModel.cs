using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twin.Model.Dtdl;

namespace Twin.Model.Wot;

/// <summary>
/// W3C Thing Models (TM 1.1) as DTDL v3 interfaces: properties, actions as commands, events as telemetries, <c>tm:extends</c> and
/// <c>tm:submodel</c> links to models named by DTMI. What DTDL cannot say and changes what values mean is refused; bounds, patterns and
/// units that DTDL has no word for are kept in the element's <c>comment</c>. Forms and security are a Thing's own and are left out. Pure; thread-safe.
/// </summary>
public static class ThingModel
{
    /// <summary>The media type.</summary>
    public const string MediaType = "application/tm+json";

    /// <summary>Longest Thing Model in bytes.</summary>
    public const int LongestDocument = 1024 * 1024;

    internal const int MostProblems = 50;
    private const string QuantitativeTypes = "dtmi:dtdl:extension:quantitativeTypes;1";
    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    /// <summary>Converts. False leaves <paramref name="dtdl"/> empty; <paramref name="problems"/> then say what cannot be carried over and where (a JSON pointer), at most 50.</summary>
    /// <param name="utf8">The Thing Model.</param>
    /// <param name="dtdl">One DTDL interface as JSON; it has still to be checked against the models there are.</param>
    /// <param name="problems">Why not; empty when done.</param>
    public static bool TryConvert(ReadOnlySpan<byte> utf8, out string dtdl, out IReadOnlyList<Problem> problems)
    {
        dtdl = "";
        var found = new List<Problem>();
        problems = found;
        if (utf8.Length > LongestDocument)
        {
            found.Add(new Problem("ThingModelTooLarge", $"The Thing Model has {utf8.Length} bytes; at most {LongestDocument} are taken.", "/"));
            return false;
        }

        JsonObject? model;
        try
        {
            model = JsonNode.Parse(utf8, documentOptions: Reading) as JsonObject;
        }
        catch (JsonException fault)
        {
            found.Add(new Problem("ThingModelInvalid", $"The Thing Model is not JSON: {fault.Message}", "/"));
            return false;
        }

        try
        {
            if (model is null) found.Add(new Problem("ThingModelInvalid", "A Thing Model is a JSON object.", "/"));
            else dtdl = new Conversion(model, found).Make();
        }
        catch (InvalidOperationException fault) // half of a surrogate pair, or a member of another type than it must have
        {
            found.Add(new Problem("ThingModelInvalid", $"A member has a value it cannot have: {fault.Message}", "/"));
        }

        if (found.Count == 0) return true;
        dtdl = "";
        return false;
    }

    private sealed class Conversion(JsonObject model, List<Problem> problems)
    {
        private readonly DataSchemaReader _schemas = new(problems);
        private readonly JsonArray _contents = [];
        private readonly HashSet<string> _names = new(StringComparer.Ordinal);
        private bool _hasUnits;

        public string Make()
        {
            if (!TypesOf(model).Contains("tm:ThingModel")) Add("ThingModelInvalid", "\"@type\" must be or hold \"tm:ThingModel\"; a Thing Description describes one thing, not a kind.", "/@type");
            FindPlaceholders(model, "");
            var made = new JsonObject { ["@id"] = Id(), ["@type"] = "Interface", ["displayName"] = Short(Text(model, "title"), 512) };
            if (Text(model, "description") is { } description) made["description"] = Short(description, 512);
            ReadLinks(made);
            Each("properties", ReadProperty);
            Each("actions", ReadAction);
            Each("events", ReadEvent);
            made["contents"] = _contents;
            made.Insert(0, "@context", _hasUnits ? new JsonArray("dtmi:dtdl:context;3", QuantitativeTypes) : "dtmi:dtdl:context;3");
            return made.ToJsonString();
        }

        private string Id()
        {
            if (Text(model, "id") is { } id && id.StartsWith("dtmi:", StringComparison.Ordinal))
            {
                if (!Dtmi.IsValid(id, 3)) Add("ThingModelInvalid", $"'{Short(id, 128)}' is no valid DTMI, such as dtmi:example:Lamp;1.", "/id");
                return id;
            }

            var name = DataSchemaReader.NameFrom(Text(model, "title") ?? "");
            if (name.Length == 0) Add("ThingModelInvalid", "Without an id that is a DTMI, the title must have letters to make one of.", "/title");
            var version = (model["version"] as JsonObject)?["model"]?.GetValue<string>() ?? "1";
            if (!int.TryParse(version.Split('.')[0], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var major) || major is < 1 or > 999_999_999)
                Add("ThingModelInvalid", $"The version '{Short(version, 64)}' must begin with a whole number from 1 to 999,999,999.", "/version/model");
            return $"dtmi:wot:{name};{major}";
        }

        private void ReadLinks(JsonObject made)
        {
            if (model["links"] is not JsonArray links) return;
            var bases = new JsonArray();
            for (var i = 0; i < links.Count; i++)
            {
                if (links[i] is not JsonObject link) continue;
                var (rel, href, at) = (Text(link, "rel"), Text(link, "href") ?? "", $"/links/{i}");
                if (rel is not ("tm:extends" or "tm:submodel")) continue; // leads elsewhere; says nothing of the kind
                if (!Dtmi.IsValid(href, 3)) Add("ThingModelLinkInvalid", $"{rel} leads to '{Short(href, 128)}'; only models that are here, named by their DTMI, can be extended or contained.", at + "/href");
                else if (rel == "tm:extends") bases.Add(href);
                else if (Named(Text(link, "instanceName") ?? DataSchemaReader.NameFrom(Dtmi.LastSegment(href)), at + "/instanceName") is { } name)
                    _contents.Add(new JsonObject { ["@type"] = "Component", ["name"] = name, ["schema"] = href });
            }

            if (bases.Count > 0) made["extends"] = bases;
        }

        private void Each(string member, Action<string, JsonObject, string> read)
        {
            if (model[member] is null) return;
            if (model[member] is not JsonObject affordances)
            {
                Add("ThingModelInvalid", $"\"{member}\" must be an object.", "/" + member);
                return;
            }

            foreach (var (name, value) in affordances)
            {
                var at = $"/{member}/{Pointer(name)}";
                if (value is not JsonObject affordance) Add("ThingModelInvalid", "An affordance must be an object.", at);
                else if (Refuse(affordance, at, "tm:ref", "is not followed; write the definition out") | Refuse(affordance, at, "uriVariables", "have no counterpart; make them part of the input")) continue;
                else if (Named(name, at) is { } named) read(named, affordance, at);
            }
        }

        private void ReadProperty(string name, JsonObject property, string at)
        {
            if (property["writeOnly"]?.GetValue<bool>() == true) Add("ThingModelUnsupported", "A twin's property can always be read; writeOnly has no counterpart. An action takes what is only written.", at + "/writeOnly");
            if (_schemas.Read(property, at) is not { } schema) return;
            var made = Describe(new JsonObject { ["@type"] = "Property", ["name"] = name, ["schema"] = schema, ["writable"] = property["readOnly"]?.GetValue<bool>() != true }, property);
            Measure(made, property, schema);
            _contents.Add(made);
        }

        private void ReadAction(string name, JsonObject action, string at)
        {
            var made = Describe(new JsonObject { ["@type"] = "Command", ["name"] = name }, action);
            if (Payload(action, "input", at) is { } request) made["request"] = request;
            if (Payload(action, "output", at) is { } response) made["response"] = response;
            _contents.Add(made);
        }

        private JsonObject? Payload(JsonObject action, string member, string at)
        {
            if (action[member] is not JsonObject payload || _schemas.Read(payload, $"{at}/{member}") is not { } schema) return null;
            return Describe(new JsonObject { ["name"] = member, ["schema"] = schema }, payload);
        }

        private void ReadEvent(string name, JsonObject happening, string at)
        {
            if (Refuse(happening, at, "subscription", "is not sent on; a telemetry is subscribed to at the doors") | Refuse(happening, at, "cancellation", "is not sent on; a telemetry is subscribed to at the doors")) return;
            if (happening["data"] is not JsonObject payload)
            {
                Add("ThingModelUnsupported", "An event without data has no telemetry to become; give it data, such as a boolean.", at + "/data");
                return;
            }

            if (_schemas.Read(payload, at + "/data") is not { } schema) return;
            var made = Describe(Describe(new JsonObject { ["@type"] = "Telemetry", ["name"] = name, ["schema"] = schema }, payload), happening);
            Measure(made, payload, schema);
            _contents.Add(made);
        }

        /// <summary>A semantic type with its unit where DTDL has them, which its own parser is asked; else the unit goes into the comment.</summary>
        private void Measure(JsonObject made, JsonObject source, JsonNode schema)
        {
            if (Text(source, "unit") is not { } unit) return;
            foreach (var type in TypesOf(source).Select(t => t[(t.LastIndexOf(':') + 1)..]))
            {
                var probe = new JsonObject
                {
                    ["@context"] = new JsonArray("dtmi:dtdl:context;3", QuantitativeTypes), ["@id"] = "dtmi:wot:probe;1", ["@type"] = "Interface",
                    ["contents"] = new JsonArray(new JsonObject { ["@type"] = new JsonArray("Telemetry", type), ["name"] = "probe", ["schema"] = schema.DeepClone(), ["unit"] = unit }),
                };
                if (!DtdlParser.Parse([probe.ToJsonString()], ModelSet.Empty).IsValid) continue;
                (made["@type"], made["unit"], _hasUnits) = (new JsonArray(made["@type"]!.GetValue<string>(), type), unit, true);
                return;
            }

            made["comment"] = Short(made["comment"]?.GetValue<string>() is { } comment ? $"{comment}; unit {unit}" : $"unit {unit}", 512);
        }

        private static JsonObject Describe(JsonObject made, JsonObject source)
        {
            if (Text(source, "title") is { } title) made["displayName"] = Short(title, 512);
            if (Text(source, "description") is { } description) made["description"] = Short(description, 512);
            if (DataSchemaReader.Bounds(source) is { Length: > 0 } bounds) made["comment"] = Short(bounds, 512);
            return made;
        }

        private string? Named(string name, string at)
        {
            if (!DataSchemaReader.IsName(name))
                Add("ThingModelNameInvalid", $"'{Short(name, 64)}' cannot be a name: 1 to 512 ASCII letters, digits and underscores, a letter first and no underscore last.", at);
            else if (!_names.Add(name))
                Add("ThingModelNameInvalid", $"'{name}' names two things; in DTDL properties, commands, telemetries and components share their names.", at);
            else return name;
            return null;
        }

        private bool Refuse(JsonObject from, string at, string member, string why)
        {
            if (from[member] is null) return false;
            Add("ThingModelUnsupported", $"\"{member}\" {why}.", $"{at}/{Pointer(member)}");
            return true;
        }

        private void FindPlaceholders(JsonNode? node, string at)
        {
            if (node is JsonObject members)
            {
                foreach (var (name, value) in members)
                {
                    if (name.Contains("{{", StringComparison.Ordinal)) Add("ThingModelPlaceholder", $"The name '{Short(name, 64)}' is a placeholder; fill it in first.", at);
                    FindPlaceholders(value, $"{at}/{Pointer(name)}");
                }
            }
            else if (node is JsonArray items)
            {
                for (var i = 0; i < items.Count; i++) FindPlaceholders(items[i], $"{at}/{i}");
            }
            else if (node?.GetValueKind() == JsonValueKind.String && node.GetValue<string>() is var text && text.Contains("{{", StringComparison.Ordinal))
            {
                Add("ThingModelPlaceholder", $"'{Short(text, 64)}' is a placeholder; fill it in first.", at);
            }
        }

        private void Add(string code, string detail, string where)
        {
            if (problems.Count < MostProblems) problems.Add(new Problem(code, detail, where));
        }
    }

    internal static string? Text(JsonObject from, string member) => from[member]?.GetValueKind() == JsonValueKind.String ? from[member]!.GetValue<string>() : null;

    internal static IEnumerable<string> TypesOf(JsonObject from) => from["@type"] switch
    {
        JsonArray many => many.Where(t => t?.GetValueKind() == JsonValueKind.String).Select(t => t!.GetValue<string>()),
        { } one when one.GetValueKind() == JsonValueKind.String => [one.GetValue<string>()],
        _ => [],
    };

    internal static string Pointer(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    internal static string? Short(string? text, int most) => text is null || text.Length <= most ? text : text[..(most - 3)] + "...";
}
