using System.Text.Json;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>
/// Imports CityJSON 1.x and 2.0: a twin a city object, with its attributes, height, middle and footprint; <c>contains</c>
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
    /// <param name="utf8">The file's bytes.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <exception cref="ImportRefusedException">Not CityJSON or damaged; the message names file and place.</exception>
    public static ImportResult Read(ReadOnlyMemory<byte> utf8, string file)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(utf8, Options);
        }
        catch (JsonException e)
        {
            throw new ImportRefusedException(file, $"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}", $"it is not JSON: {e.Message}");
        }

        using (document)
        {
            var root = document.RootElement;
            var objects = Check(root, file);
            var geometry = CityJsonGeometry.Open(root, file);
            return Build(root, objects, geometry, file);
        }
    }

    private static JsonElement Check(JsonElement root, string file)
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

    private static ImportResult Build(JsonElement root, JsonElement objects, CityJsonGeometry geometry, string file)
    {
        var builder = new ImportBuilder();
        var attributes = CityJsonAttributes.Infer(objects);
        var place = CityJsonPlace.Of(root, geometry);
        if (place.Note is { } note) builder.Skip($"{file}#/metadata/referenceSystem", note);
        builder.Models.AddRange(attributes.Models(place.System is not null));
        var buildings = new List<SceneBuilding>();
        var areas = new List<SceneArea>();
        var byName = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var entry in objects.EnumerateObject()) byName[entry.Name] = entry.Value;
        foreach (var entry in objects.EnumerateObject())
        {
            var where = $"{file}#/CityObjects/{entry.Name}";
            if (entry.Value.ValueKind != JsonValueKind.Object || !entry.Value.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String)
            {
                builder.Skip(where, "the object has no type.");
                continue;
            }

            var id = ImportRules.ToId(entry.Name);
            var values = new List<Assignment> { new("objectType", PropertyValue.From(type.GetString()!)) };
            CityShape? shape = null;
            try
            {
                shape = geometry.ShapeOf(entry.Value, byName);
            }
            catch (FormatException e)
            {
                builder.Skip(where, $"its geometry is left out: {e.Message}");
            }

            if (shape is not null) place.AddTo(values, shape);
            attributes.AddTo(values, type.GetString()!, entry.Value);
            if (!builder.TryAddTwin(id, CityJsonAttributes.ModelOf(type.GetString()!), values, where) || shape is null) continue;
            var outline = shape.Footprint.Select(place.ToPlan).ToArray();
            if (outline.Length < 3) continue;
            if (type.GetString()!.StartsWith("Building", StringComparison.Ordinal)) buildings.Add(new SceneBuilding(id, outline, Math.Round(shape.Height, 2)));
            else if (AreaKind(type.GetString()!) is { } kind) areas.Add(new SceneArea(id, kind, outline));
        }

        foreach (var entry in objects.EnumerateObject()) AddChildren(builder, entry, file);
        return builder.Build(new ScenePicture(place.Longitude, place.Latitude, buildings, [], areas, []));
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

/// <summary>Where the file's coordinates are on earth and in the plan.</summary>
internal sealed record CityJsonPlace(ReferenceSystem? System, GeoFrame Frame, double CentreX, double CentreY, string? Note)
{
    public double Longitude => Frame.Longitude;

    public double Latitude => Frame.Latitude;

    public static CityJsonPlace Of(JsonElement root, CityJsonGeometry geometry)
    {
        var (x, y) = geometry.Centre();
        var reference = root.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object
            && metadata.TryGetProperty("referenceSystem", out var system) && system.ValueKind == JsonValueKind.String ? system.GetString() : null;
        var found = ReferenceSystem.CodeOf(reference) is { } code ? ReferenceSystem.Find(code) : null;
        if (found is null)
            return new(null, default, x, y, reference is null ? "the file names no reference system: coordinates are taken as local metres." : $"'{reference}' is not a reference system known here: coordinates are taken as local metres.");
        var (longitude, latitude) = found.ToWgs84(x, y);
        return new(found, new GeoFrame(longitude, latitude), x, y, null);
    }

    public PlanPoint ToPlan(PlanPoint p)
    {
        if (System is null) return new(Math.Round(p.East - CentreX, 3), Math.Round(p.North - CentreY, 3));
        var (longitude, latitude) = System.ToWgs84(p.East, p.North);
        var plan = Frame.ToPlan(longitude, latitude);
        return new(Math.Round(plan.East, 3), Math.Round(plan.North, 3));
    }

    public void AddTo(List<Assignment> values, CityShape shape)
    {
        var plan = ToPlan(shape.Centre);
        values.Add(new("x", PropertyValue.From(plan.East)));
        values.Add(new("y", PropertyValue.From(plan.North)));
        values.Add(new("z", PropertyValue.From(Math.Round(shape.Ground, 3))));
        values.Add(new("height", PropertyValue.From(Math.Round(shape.Height, 3))));
        values.Add(new("lod", PropertyValue.From(shape.Lod)));
        if (System is null) return;
        var (longitude, latitude) = System.ToWgs84(shape.Centre.East, shape.Centre.North);
        values.Add(new("longitude", PropertyValue.From(Math.Round(longitude, 8))));
        values.Add(new("latitude", PropertyValue.From(Math.Round(latitude, 8))));
    }
}
