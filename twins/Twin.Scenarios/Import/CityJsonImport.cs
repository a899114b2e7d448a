using System.Text.Json;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>
/// Imports CityJSON 1.x and 2.0, as one object or as lines (CityJSONSeq): a twin a city object, with its attributes, height, middle and footprint; <c>contains</c>
/// from parents to children. Attribute types are inferred over all objects of a type (boolean, long, double, else string).
/// </summary>
/// <remarks>
/// Frame: metres east and north of the middle of all vertices, up from the file's own zero. Where the reference system is
/// known (see the README) twins carry longitude and latitude too, and east is true east; else the file's axes are kept.
/// The highest level of detail is taken. A parent without geometry takes its children's.
/// </remarks>
public static class CityJsonImport
{
    private const int MostObjects = 2_000_000;
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64 };

    /// <summary>Reads a file.</summary>
    /// <exception cref="ImportRefusedException">Not CityJSON, damaged, or too big; the message names file and place.</exception>
    public static ImportResult Read(string path)
    {
        var bytes = ImportRules.ReadFile(path);
        return Read(bytes, path);
    }

    /// <summary>Reads a text.</summary>
    /// <param name="utf8">The file's bytes: one CityJSON object, or CityJSONSeq: its first line and a feature a line.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <exception cref="ImportRefusedException">Not CityJSON or damaged; the message names file and place.</exception>
    public static ImportResult Read(ReadOnlyMemory<byte> utf8, string file)
    {
        if (utf8.Span.StartsWith("\uFEFF"u8)) utf8 = utf8[3..];
        var documents = new List<JsonDocument>();
        try
        {
            var parts = CityJsonLines.IsSequence(utf8.Span) ? CityJsonLines.Read(utf8, file, documents) : [Whole(utf8, file, documents)];
            return Build(documents[0].RootElement, parts, file);
        }
        finally
        {
            foreach (var document in documents) document.Dispose();
        }
    }

    private static CityJsonPart Whole(ReadOnlyMemory<byte> utf8, string file, List<JsonDocument> documents)
    {
        var root = Parse(utf8, file, 0, documents);
        var objects = Check(root, file);
        return new CityJsonPart(objects, CityJsonGeometry.Open(root, root, file, ""), "");
    }

    /// <summary>Parses JSON; <paramref name="line"/> is what comes before it in the file.</summary>
    internal static JsonElement Parse(ReadOnlyMemory<byte> utf8, string file, int line, List<JsonDocument> documents)
    {
        try
        {
            documents.Add(JsonDocument.Parse(utf8, Options));
        }
        catch (JsonException e)
        {
            throw new ImportRefusedException(file, $"line {e.LineNumber + 1 + line}, byte {e.BytePositionInLine + 1}", $"it is not JSON: {e.Message}");
        }

        return documents[^1].RootElement;
    }

    internal static JsonElement Check(JsonElement root, string file)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String || type.GetString() != "CityJSON")
            throw new ImportRefusedException(file, "/type", "it is not CityJSON: \"type\" is to be \"CityJSON\".");
        var version = root.TryGetProperty("version", out var v) && v.ValueKind == JsonValueKind.String ? v.GetString()! : "";
        if (!version.StartsWith("1.", StringComparison.Ordinal) && version != "2.0" && !version.StartsWith("2.0.", StringComparison.Ordinal))
            throw new ImportRefusedException(file, "/version", $"version '{version}' is not known: 1.0, 1.1 and 2.0 are.");
        if (!root.TryGetProperty("CityObjects", out var objects) || objects.ValueKind != JsonValueKind.Object)
            throw new ImportRefusedException(file, "/CityObjects", "there are no CityObjects.");
        if (objects.EnumerateObject().Take(MostObjects + 1).Count() > MostObjects)
            throw new ImportRefusedException(file, "/CityObjects", $"more than {MostObjects} objects.");
        return objects;
    }

    private static ImportResult Build(JsonElement root, IReadOnlyList<CityJsonPart> parts, string file)
    {
        var builder = new ImportBuilder();
        var attributes = CityJsonAttributes.Infer(parts.Select(p => p.Objects));
        var place = CityJsonPlace.Of(root, parts);
        if (place.Note is { } note) builder.Skip($"{file}#/metadata/referenceSystem", note);
        builder.Models.AddRange(attributes.Models(place.System is not null));
        var (buildings, areas) = (new List<SceneBuilding>(), new List<SceneArea>());
        foreach (var part in parts)
        {
            var byName = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
            foreach (var entry in part.Objects.EnumerateObject()) byName[entry.Name] = entry.Value;
            foreach (var entry in part.Objects.EnumerateObject()) Add(builder, attributes, place, part, byName, entry, file, buildings, areas);
        }

        foreach (var part in parts)
        foreach (var entry in part.Objects.EnumerateObject()) AddChildren(builder, entry, $"{file}{part.Where}");
        return builder.Build(new ScenePicture(place.Longitude, place.Latitude, buildings, [], areas, []), place.Stated);
    }

    private static void Add(ImportBuilder builder, CityJsonAttributes attributes, CityJsonPlace place, CityJsonPart part, Dictionary<string, JsonElement> byName, JsonProperty entry, string file, List<SceneBuilding> buildings, List<SceneArea> areas)
    {
        var where = $"{file}{part.Where}#/CityObjects/{entry.Name}";
        if (entry.Value.ValueKind != JsonValueKind.Object || !entry.Value.TryGetProperty("type", out var typed) || typed.ValueKind != JsonValueKind.String)
        {
            builder.Skip(where, "the object has no type.");
            return;
        }

        var (id, type) = (ImportRules.ToId(entry.Name), typed.GetString()!);
        var values = new List<Assignment> { new("objectType", PropertyValue.From(type)) };
        CityShape? shape = null;
        try
        {
            shape = part.Geometry.ShapeOf(entry.Value, byName);
        }
        catch (FormatException e)
        {
            builder.Skip(where, $"its geometry is left out: {e.Message}");
        }

        if (shape is not null) place.AddTo(values, shape);
        attributes.AddTo(values, type, entry.Value);
        if (!builder.TryAddTwin(id, CityJsonAttributes.ModelOf(type), values, where) || shape is null) return;
        var outline = shape.Footprint.Select(place.ToPlan).ToArray();
        if (outline.Length < 3) return;
        if (type.StartsWith("Building", StringComparison.Ordinal)) buildings.Add(new SceneBuilding(id, outline, Math.Round(shape.Height, 2)));
        else if (AreaKind(type) is { } kind) areas.Add(new SceneArea(id, kind, outline));
    }

    private static string? AreaKind(string type) => type switch { "WaterBody" => "water", "PlantCover" or "LandUse" => "park", "Road" or "Bridge" or "TransportSquare" => "floor", _ => null };

    private static void AddChildren(ImportBuilder builder, JsonProperty entry, string file)
    {
        if (entry.Value.ValueKind != JsonValueKind.Object || !entry.Value.TryGetProperty("children", out var children) || children.ValueKind != JsonValueKind.Array) return;
        foreach (var child in children.EnumerateArray())
        {
            if (child.ValueKind == JsonValueKind.String)
                builder.Relate(ImportRules.ToId(entry.Name), "contains", ImportRules.ToId(child.GetString()!), $"{file}#/CityObjects/{entry.Name}/children");
        }
    }
}
