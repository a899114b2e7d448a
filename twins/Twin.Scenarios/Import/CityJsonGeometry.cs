using System.Text.Json;
using NetTopologySuite.Geometries;
using NetTopologySuite.Operation.OverlayNG;

namespace Twin.Scenarios.Import;

/// <summary>What remains of a city object's geometry, in the file's coordinates.</summary>
/// <param name="Footprint">Outline of its projection on the ground, not closed; empty when it has no area.</param>
/// <param name="Centre">Middle of the footprint, or of the vertices.</param>
/// <param name="Ground">Lowest coordinate.</param>
/// <param name="Height">Highest less lowest.</param>
/// <param name="Lod">The level of detail it comes from.</param>
internal sealed record CityShape(IReadOnlyList<PlanPoint> Footprint, PlanPoint Centre, double Ground, double Height, string Lod);

/// <summary>The box around places in the file's coordinates.</summary>
internal readonly record struct CityBox(double West, double South, double East, double North)
{
    public static CityBox Empty { get; } = new(double.MaxValue, double.MaxValue, double.MinValue, double.MinValue);

    /// <summary>Its middle; zero when it is empty.</summary>
    public (double X, double Y) Centre => West > East ? (0, 0) : ((West + East) / 2, (South + North) / 2);

    public CityBox With(CityBox other) => new(Math.Min(West, other.West), Math.Min(South, other.South), Math.Max(East, other.East), Math.Max(North, other.North));
}

/// <summary>
/// Reads CityJSON boundaries: nested arrays whose innermost are rings of vertex numbers. The footprint is the union of
/// the faces' projections, which gives the true outline for solids and surfaces alike, triangulated or not.
/// </summary>
internal sealed class CityJsonGeometry
{
    private const int MostFaces = 20_000;
    private const int DeepestNesting = 8;
    private static readonly GeometryFactory Factory = new();
    private readonly double[] _vertices;

    private CityJsonGeometry(double[] vertices) => _vertices = vertices;

    /// <summary>Reads the vertices of <paramref name="root"/> with the transform of <paramref name="header"/>; <paramref name="before"/> stands before places in messages.</summary>
    public static CityJsonGeometry Open(JsonElement header, JsonElement root, string file, string before)
    {
        var (scale, translate) = (Triple(1), Triple(0));
        if (header.TryGetProperty("transform", out var transform))
        {
            scale = ReadTriple(transform, "scale", file);
            translate = ReadTriple(transform, "translate", file);
        }

        if (!root.TryGetProperty("vertices", out var list) || list.ValueKind != JsonValueKind.Array) throw new ImportRefusedException(file, before + "/vertices", "there are no vertices.");
        var vertices = new double[list.GetArrayLength() * 3];
        var i = 0;
        foreach (var vertex in list.EnumerateArray())
        {
            if (vertex.ValueKind != JsonValueKind.Array || vertex.GetArrayLength() != 3) throw new ImportRefusedException(file, $"{before}/vertices/{i / 3}", "a vertex is three numbers.");
            for (var axis = 0; axis < 3; axis++, i++)
            {
                if (vertex[axis].ValueKind != JsonValueKind.Number) throw new ImportRefusedException(file, $"{before}/vertices/{i / 3}/{axis}", "a vertex is three numbers.");
                vertices[i] = (vertex[axis].GetDouble() * scale[axis]) + translate[axis];
                if (!double.IsFinite(vertices[i])) throw new ImportRefusedException(file, $"{before}/vertices/{i / 3}/{axis}", "the coordinate is not finite.");
            }
        }

        return new CityJsonGeometry(vertices);
    }

    public CityBox Box()
    {
        var box = CityBox.Empty;
        for (var i = 0; i < _vertices.Length; i += 3) box = box.With(new(_vertices[i], _vertices[i + 1], _vertices[i], _vertices[i + 1]));
        return box;
    }

    /// <summary>The shape of an object, or of its children when it has none itself; null when neither has.</summary>
    /// <exception cref="FormatException">A boundary is malformed.</exception>
    public CityShape? ShapeOf(JsonElement cityObject, IReadOnlyDictionary<string, JsonElement> objects)
    {
        var rings = new List<int[]>();
        var lod = Collect(cityObject, rings);
        if (rings.Count == 0 && cityObject.TryGetProperty("children", out var children) && children.ValueKind == JsonValueKind.Array)
        {
            foreach (var child in children.EnumerateArray())
            {
                if (child.ValueKind == JsonValueKind.String && objects.TryGetValue(child.GetString()!, out var part) && part.ValueKind == JsonValueKind.Object) lod = Collect(part, rings);
            }
        }

        var hasFaces = rings.Count > 0;
        if (!hasFaces) lod = CollectPlaces(cityObject, rings);
        if (rings.Count == 0) return null;
        var (low, high, east, north, count) = (double.MaxValue, double.MinValue, 0.0, 0.0, 0);
        foreach (var ring in rings)
        foreach (var v in ring)
        {
            (low, high) = (Math.Min(low, _vertices[(3 * v) + 2]), Math.Max(high, _vertices[(3 * v) + 2]));
            (east, north, count) = (east + _vertices[3 * v], north + _vertices[(3 * v) + 1], count + 1);
        }

        var outline = hasFaces ? Outline(rings) : null;
        var centre = outline is null ? new PlanPoint(east / count, north / count) : new PlanPoint(outline.Centroid.X, outline.Centroid.Y);
        var footprint = outline is null ? [] : outline.Shell.Coordinates[..^1].Select(c => new PlanPoint(c.X, c.Y)).ToArray();
        return new CityShape(footprint, centre, low, high - low, lod);
    }

    /// <summary>Adds the rings of the geometry of the highest level of detail.</summary>
    private string Collect(JsonElement cityObject, List<int[]> rings)
    {
        if (!cityObject.TryGetProperty("geometry", out var geometries) || geometries.ValueKind != JsonValueKind.Array) return "";
        JsonElement? best = null;
        var bestLod = "";
        foreach (var geometry in geometries.EnumerateArray())
        {
            if (geometry.ValueKind != JsonValueKind.Object || !geometry.TryGetProperty("boundaries", out _)) continue;
            var type = geometry.TryGetProperty("type", out var t) && t.ValueKind == JsonValueKind.String ? t.GetString() : "";
            if (type is "GeometryInstance" or "MultiPoint" or "MultiLineString") continue;
            var lod = geometry.TryGetProperty("lod", out var l) ? l.ToString() : "";
            if (best is not null && string.CompareOrdinal(lod, bestLod) <= 0) continue;
            (best, bestLod) = (geometry, lod);
        }

        if (best is { } chosen) AddRings(chosen.GetProperty("boundaries"), rings, 0, isHole: false);
        return bestLod;
    }

    /// <summary>What has no faces may still have a place: points, lines, and templates, whose one vertex says where they stand.</summary>
    private string CollectPlaces(JsonElement cityObject, List<int[]> rings)
    {
        if (!cityObject.TryGetProperty("geometry", out var geometries) || geometries.ValueKind != JsonValueKind.Array) return "";
        foreach (var geometry in geometries.EnumerateArray())
        {
            if (geometry.ValueKind != JsonValueKind.Object || !geometry.TryGetProperty("boundaries", out var boundaries)) continue;
            var type = geometry.TryGetProperty("type", out var t) && t.ValueKind == JsonValueKind.String ? t.GetString() : "";
            if (type is not ("GeometryInstance" or "MultiPoint" or "MultiLineString")) continue;
            AddPoints(boundaries, rings, 0);
            if (rings.Count > 0) return geometry.TryGetProperty("lod", out var lod) ? lod.ToString() : "";
        }

        return "";
    }

    private void AddPoints(JsonElement boundary, List<int[]> rings, int depth)
    {
        if (boundary.ValueKind != JsonValueKind.Array || depth > DeepestNesting) throw new FormatException("a boundary is not nested arrays of vertex numbers.");
        if (boundary.GetArrayLength() == 0) return;
        if (boundary[0].ValueKind == JsonValueKind.Number) rings.Add(ReadVertices(boundary));
        else foreach (var inner in boundary.EnumerateArray()) AddPoints(inner, rings, depth + 1);
        if (rings.Count > MostFaces) throw new FormatException($"more than {MostFaces} lines.");
    }

    private int[] ReadVertices(JsonElement boundary)
    {
        var ring = new int[boundary.GetArrayLength()];
        for (var i = 0; i < ring.Length; i++)
        {
            if (boundary[i].ValueKind != JsonValueKind.Number || !boundary[i].TryGetInt32(out ring[i]) || ring[i] < 0 || ring[i] >= _vertices.Length / 3)
                throw new FormatException($"'{boundary[i]}' is not a vertex number below {_vertices.Length / 3}.");
        }

        return ring;
    }

    private void AddRings(JsonElement boundary, List<int[]> rings, int depth, bool isHole)
    {
        if (boundary.ValueKind != JsonValueKind.Array || depth > DeepestNesting) throw new FormatException("a boundary is not nested arrays of vertex numbers.");
        if (boundary.GetArrayLength() == 0) return;
        if (boundary[0].ValueKind == JsonValueKind.Number)
        {
            if (isHole || boundary.GetArrayLength() < 3) return;
            if (rings.Count == MostFaces) throw new FormatException($"more than {MostFaces} faces.");
            rings.Add(ReadVertices(boundary));
            return;
        }

        var index = 0;
        foreach (var inner in boundary.EnumerateArray())
        {
            var isRing = inner.ValueKind == JsonValueKind.Array && inner.GetArrayLength() > 0 && inner[0].ValueKind == JsonValueKind.Number;
            AddRings(inner, rings, depth + 1, isHole: isRing && index++ > 0); // the first ring of a face is its outside
        }
    }

    /// <summary>The biggest polygon of the union of all faces seen from above; null when none has area.</summary>
    private Polygon? Outline(List<int[]> rings)
    {
        var (up, down) = Project(rings);
        var (upArea, downArea) = (up.Sum(f => f.Area), down.Sum(f => f.Area));
        // A closed solid shows the ground the same area from above as from below: its roof alone is its outline.
        var faces = Math.Abs(upArea - downArea) < 0.001 * upArea ? up : [.. up, .. down];
        if (faces.Count == 0) return null;
        try
        {
            if (Biggest(Mesh(faces) ?? OverlayNGRobust.Union(faces)) is { IsEmpty: false } biggest) return biggest;
        }
        catch (TopologyException)
        {
            // faces that cross in ways even snapping cannot mend: the hull is the honest outline left
        }

        return Factory.CreateGeometryCollection([.. faces]).ConvexHull() as Polygon;
    }

    private static Polygon? Biggest(Geometry union) => Enumerable.Range(0, union.NumGeometries).Select(union.GetGeometryN).OfType<Polygon>().MaxBy(p => p.Area);

    /// <summary>The union of faces that share edges and do not overlap, which is quick to find; null when they are not so.</summary>
    private static Geometry? Mesh(List<Geometry> faces)
    {
        try
        {
            var union = CoverageUnion.Union(Factory.CreateGeometryCollection([.. faces]));
            var area = faces.Sum(f => f.Area);
            return Math.Abs(union.Area - area) < 1e-6 * area && union.IsValid ? union : null;
        }
        catch (Exception e) when (e is TopologyException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>The faces seen from above, those that look up and those that look down; upright ones have no area and are left out.</summary>
    private (List<Geometry> Up, List<Geometry> Down) Project(List<int[]> rings)
    {
        var (up, down) = (new List<Geometry>(), new List<Geometry>());
        foreach (var ring in rings)
        {
            var coordinates = new Coordinate[ring.Length + 1];
            for (var i = 0; i < ring.Length; i++) coordinates[i] = new Coordinate(_vertices[3 * ring[i]], _vertices[(3 * ring[i]) + 1]);
            coordinates[^1] = coordinates[0];
            var signed = NetTopologySuite.Algorithm.Area.OfRingSigned(coordinates); // positive when clockwise
            if (Math.Abs(signed) <= 0.01) continue;
            var face = Factory.CreatePolygon(coordinates);
            (signed < 0 ? up : down).Add(face.IsValid ? face : face.Buffer(0));
        }

        return (up, down);
    }

    private static double[] Triple(double value) => [value, value, value];

    private static double[] ReadTriple(JsonElement transform, string name, string file)
    {
        if (transform.ValueKind == JsonValueKind.Object && transform.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() == 3
            && list.EnumerateArray().All(n => n.ValueKind == JsonValueKind.Number)) return [.. list.EnumerateArray().Select(n => n.GetDouble())];
        throw new ImportRefusedException(file, $"/transform/{name}", "three numbers were expected.");
    }
}
