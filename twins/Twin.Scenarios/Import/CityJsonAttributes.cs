using System.Text.Json;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>The attributes of each type of city object: which there are and of what kind, and the models made from them.</summary>
internal sealed class CityJsonAttributes
{
    private const string Base = "dtmi:twin:cityjson:CityObject;1";
    private static readonly HashSet<string> Own = ["objectType", "x", "y", "z", "height", "lod", "longitude", "latitude", "heading", "contains"];
    private readonly SortedDictionary<string, SortedDictionary<string, ValueKind>> _types = new(StringComparer.Ordinal);

    public static string ModelOf(string type) => $"dtmi:twin:cityjson:{ImportRules.ToName(type)};1";

    public static CityJsonAttributes Infer(IEnumerable<JsonElement> parts)
    {
        var found = new CityJsonAttributes();
        foreach (var entry in parts.SelectMany(p => p.EnumerateObject()))
        {
            if (entry.Value.ValueKind != JsonValueKind.Object || !entry.Value.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String) continue;
            var name = ImportRules.ToName(type.GetString()!);
            if (!found._types.TryGetValue(name, out var kinds)) found._types[name] = kinds = new(StringComparer.Ordinal);
            foreach (var (attribute, value) in AttributesOf(entry.Value))
            {
                var kind = KindOf(value);
                if (kind == ValueKind.None) continue;
                kinds[attribute] = kinds.TryGetValue(attribute, out var before) ? Widen(before, kind) : kind;
            }
        }

        return found;
    }

    public IEnumerable<ModelSketch> Models(bool isPlaced)
    {
        var root = new ModelSketch(Base, "City object").Text("objectType", indexed: true).Number("x", "Length", "metre").Number("y", "Length", "metre").Number("z", "Length", "metre")
            .Number("height", "Length", "metre", 0, 60).Text("lod").Related("contains", Base);
        if (isPlaced) root.Number("longitude", "Longitude", "degreeOfArc").Number("latitude", "Latitude", "degreeOfArc");
        yield return root;
        foreach (var (type, kinds) in _types)
        {
            var model = new ModelSketch(ModelOf(type), type, Base);
            foreach (var (attribute, kind) in kinds)
            {
                switch (kind)
                {
                    case ValueKind.Boolean: model.Flag(attribute); break;
                    case ValueKind.Integer: model.Number(attribute, schema: "long"); break;
                    case ValueKind.Double: model.Number(attribute); break;
                    default: model.Text(attribute); break;
                }
            }

            yield return model;
        }
    }

    public void AddTo(List<Assignment> values, string type, JsonElement cityObject)
    {
        var kinds = _types[ImportRules.ToName(type)];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (attribute, value) in AttributesOf(cityObject))
        {
            if (!kinds.TryGetValue(attribute, out var kind) || KindOf(value) == ValueKind.None || !seen.Add(attribute)) continue;
            values.Add(new(attribute, kind switch
            {
                ValueKind.Boolean => PropertyValue.From(value.GetBoolean()),
                ValueKind.Integer => PropertyValue.From(value.GetInt64()),
                ValueKind.Double => PropertyValue.From(value.GetDouble()),
                _ => PropertyValue.From(value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText()),
            }));
        }
    }

    private static IEnumerable<(string Name, JsonElement Value)> AttributesOf(JsonElement cityObject)
    {
        if (!cityObject.TryGetProperty("attributes", out var attributes) || attributes.ValueKind != JsonValueKind.Object) yield break;
        foreach (var attribute in attributes.EnumerateObject())
        {
            var name = ImportRules.ToName(attribute.Name);
            yield return (Own.Contains(name) ? $"a_{name}" : name, attribute.Value);
        }
    }

    private static ValueKind KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => ValueKind.Boolean,
        JsonValueKind.Number => value.TryGetInt64(out _) ? ValueKind.Integer : ValueKind.Double,
        JsonValueKind.Null or JsonValueKind.Undefined => ValueKind.None,
        _ => ValueKind.Text,
    };

    private static ValueKind Widen(ValueKind a, ValueKind b) =>
        a == b ? a : (a, b) is (ValueKind.Integer, ValueKind.Double) or (ValueKind.Double, ValueKind.Integer) ? ValueKind.Double : ValueKind.Text;
}
