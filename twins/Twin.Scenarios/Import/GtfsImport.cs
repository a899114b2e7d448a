using System.Globalization;
using System.Text;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>
/// Imports a GTFS feed (folder or zip): agencies, routes, stops, shapes and trips with their frequencies, and which stops
/// each trip serves. Places are longitude and latitude (WGS 84) and x, y in metres from the stops' middle.
/// Stop times become relationships from trips to stops, one a stop; arrival seconds are not kept.
/// </summary>
public static class GtfsImport
{
    private const string Agency = "dtmi:twin:gtfs:Agency;1";
    private const string Route = "dtmi:twin:gtfs:Route;1";
    private const string Stop = "dtmi:twin:gtfs:Stop;1";
    private const string Trip = "dtmi:twin:gtfs:Trip;1";
    private const string Shape = "dtmi:twin:gtfs:Shape;1";
    private static readonly string[] Files = ["agency.txt", "routes.txt", "stops.txt", "trips.txt", "shapes.txt", "stop_times.txt", "frequencies.txt"];

    /// <summary>Reads a feed.</summary>
    /// <exception cref="ImportRefusedException">A required file or column is missing, or a file is malformed.</exception>
    public static ImportResult Read(string path)
    {
        var feed = Open(path);
        var builder = new ImportBuilder();
        builder.Models.AddRange(Models());
        var stops = ReadStops(feed, builder, out var middle);
        ReadAgencies(feed, builder);
        ReadRoutes(feed, builder);
        var roads = ReadShapes(feed, builder, middle);
        ReadTrips(feed, builder);
        ReadStopTimes(feed, builder, stops);
        return builder.Build(new ScenePicture(middle.Longitude, middle.Latitude, [], roads, [], []));
    }

    private static IEnumerable<ModelSketch> Models() =>
    [
        new ModelSketch(Agency, "Agency").Text("name").Text("timezone").Text("url").Related("operates", Route),
        new ModelSketch(Route, "Route").Text("shortName", indexed: true).Text("longName").Number("type", schema: "integer").Text("color").Related("hasTrip", Trip),
        new ModelSketch(Stop, "Stop").Text("name", indexed: true).Text("code").Number("longitude", "Longitude", "degreeOfArc").Number("latitude", "Latitude", "degreeOfArc")
            .Number("x", "Length", "metre").Number("y", "Length", "metre").Number("z", "Length", "metre").Number("heading", "Angle", "degreeOfArc").Related("partOf", Stop),
        new ModelSketch(Trip, "Trip").Text("service", indexed: true).Text("headsign").Number("direction", schema: "integer").Number("headway", "TimeSpan", "second", 0, 3600)
            .Text("frequencies").Related("serves", Stop).Related("along", Shape),
        new ModelSketch(Shape, "Shape").Number("length", "Length", "metre").Number("points", schema: "integer"),
    ];

    private static Dictionary<string, byte[]> Open(string path)
    {
        var feed = new Dictionary<string, byte[]>(StringComparer.OrdinalIgnoreCase);
        if (Directory.Exists(path))
        {
            foreach (var name in Files)
            {
                var file = Path.Combine(path, name);
                if (File.Exists(file)) feed[name] = ImportRules.ReadFile(file);
            }
        }
        else
        {
            foreach (var (name, bytes) in ZipFolder.Read(path, n => Files.Contains(Path.GetFileName(n), StringComparer.OrdinalIgnoreCase))) feed[Path.GetFileName(name)] = bytes;
        }

        foreach (var required in new[] { "agency.txt", "routes.txt", "stops.txt", "trips.txt" })
        {
            if (!feed.ContainsKey(required)) throw new ImportRefusedException(path, "", $"a GTFS feed has a file {required}.");
        }

        return feed;
    }

    /// <summary>A table row by column name.</summary>
    private sealed record Row(Dictionary<string, int> Columns, List<string> Fields, string Where)
    {
        public string this[string column] => Columns.TryGetValue(column, out var i) && i < Fields.Count ? Fields[i].Trim() : "";

        public bool TryNumber(string column, out double value) =>
            double.TryParse(this[column], NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

        public void Text(string column, string property, List<Assignment> values)
        {
            if (this[column] is { Length: > 0 } text) values.Add(new(property, PropertyValue.From(text)));
        }

        public void Integer(string column, string property, List<Assignment> values)
        {
            if (int.TryParse(this[column], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) values.Add(new(property, PropertyValue.From((long)number)));
        }
    }

    private static IEnumerable<Row> Rows(Dictionary<string, byte[]> feed, string file, params string[] required)
    {
        if (!feed.TryGetValue(file, out var bytes)) yield break;
        var reader = new CsvReader(new StreamReader(new MemoryStream(bytes), Encoding.UTF8), file);
        var header = new List<string>();
        if (!reader.Read(header)) throw new ImportRefusedException(file, "line 1", "the file is empty; a header row was expected.");
        var columns = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < header.Count; i++) columns.TryAdd(header[i].Trim(), i);
        foreach (var name in required)
        {
            if (!columns.ContainsKey(name)) throw new ImportRefusedException(file, "line 1", $"there is no column {name}.");
        }

        var row = new List<string>();
        while (reader.Read(row)) yield return new Row(columns, row, $"{file}, line {reader.Line}");
    }

    private static HashSet<string> ReadStops(Dictionary<string, byte[]> feed, ImportBuilder builder, out GeoFrame middle)
    {
        var found = new List<(string Id, double Longitude, double Latitude, List<Assignment> Values, string Parent, string Where)>();
        foreach (var row in Rows(feed, "stops.txt", "stop_id", "stop_lat", "stop_lon"))
        {
            if (!row.TryNumber("stop_lat", out var latitude) || !row.TryNumber("stop_lon", out var longitude) || Math.Abs(latitude) > 90 || Math.Abs(longitude) > 180)
            {
                builder.Skip(row.Where, $"the stop's place '{row["stop_lat"]}', '{row["stop_lon"]}' is not a latitude and longitude.");
                continue;
            }

            var values = new List<Assignment> { new("longitude", PropertyValue.From(longitude)), new("latitude", PropertyValue.From(latitude)) };
            row.Text("stop_name", "name", values);
            row.Text("stop_code", "code", values);
            found.Add((row["stop_id"], longitude, latitude, values, row["parent_station"], row.Where));
        }

        middle = found.Count == 0 ? new GeoFrame(0, 0) : new GeoFrame(found.Average(s => s.Longitude), found.Average(s => s.Latitude));
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var stop in found)
        {
            var place = middle.ToPlan(stop.Longitude, stop.Latitude);
            stop.Values.Add(new("x", PropertyValue.From(Math.Round(place.East, 2))));
            stop.Values.Add(new("y", PropertyValue.From(Math.Round(place.North, 2))));
            stop.Values.Add(new("z", PropertyValue.From(0.0)));
            if (builder.TryAddTwin(Id("stop", stop.Id), Stop, stop.Values, stop.Where)) ids.Add(stop.Id);
        }

        foreach (var stop in found.Where(s => s.Parent.Length > 0)) builder.Relate(Id("stop", stop.Id), "partOf", Id("stop", stop.Parent), stop.Where);
        return ids;
    }

    private static void ReadAgencies(Dictionary<string, byte[]> feed, ImportBuilder builder)
    {
        foreach (var row in Rows(feed, "agency.txt", "agency_name"))
        {
            var values = new List<Assignment>();
            row.Text("agency_name", "name", values);
            row.Text("agency_timezone", "timezone", values);
            row.Text("agency_url", "url", values);
            builder.TryAddTwin(Id("agency", row["agency_id"]), Agency, values, row.Where);
        }
    }

    private static void ReadRoutes(Dictionary<string, byte[]> feed, ImportBuilder builder)
    {
        foreach (var row in Rows(feed, "routes.txt", "route_id", "route_type"))
        {
            var values = new List<Assignment>();
            row.Text("route_short_name", "shortName", values);
            row.Text("route_long_name", "longName", values);
            row.Integer("route_type", "type", values);
            row.Text("route_color", "color", values);
            var id = Id("route", row["route_id"]);
            if (builder.TryAddTwin(id, Route, values, row.Where)) builder.Relate(Id("agency", row["agency_id"]), "operates", id, row.Where);
        }
    }

    private static List<SceneRoad> ReadShapes(Dictionary<string, byte[]> feed, ImportBuilder builder, GeoFrame middle)
    {
        var shapes = new Dictionary<string, List<(double Order, PlanPoint Place)>>(StringComparer.Ordinal);
        foreach (var row in Rows(feed, "shapes.txt", "shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"))
        {
            if (!row.TryNumber("shape_pt_lat", out var latitude) || !row.TryNumber("shape_pt_lon", out var longitude) || !row.TryNumber("shape_pt_sequence", out var order))
            {
                builder.Skip(row.Where, "the shape point's latitude, longitude or sequence is not a number.");
                continue;
            }

            if (!shapes.TryGetValue(row["shape_id"], out var points)) shapes[row["shape_id"]] = points = [];
            points.Add((order, middle.ToPlan(longitude, latitude)));
        }

        var roads = new List<SceneRoad>();
        foreach (var (shape, points) in shapes)
        {
            var line = points.OrderBy(p => p.Order).Select(p => p.Place).ToList();
            var length = 0.0;
            for (var i = 1; i < line.Count; i++) length += line[i].DistanceTo(line[i - 1]);
            var id = Id("shape", shape);
            if (!builder.TryAddTwin(id, Shape, [new("length", PropertyValue.From(Math.Round(length, 1))), new("points", PropertyValue.From((long)line.Count))], "shapes.txt")) continue;
            if (line.Count > 1) roads.Add(new SceneRoad(id, line, 6));
        }

        return roads;
    }

    private static void ReadTrips(Dictionary<string, byte[]> feed, ImportBuilder builder)
    {
        var frequencies = Rows(feed, "frequencies.txt", "trip_id", "start_time", "end_time", "headway_secs")
            .Select(r => (Trip: r["trip_id"], Start: r["start_time"], End: r["end_time"], Seconds: r.TryNumber("headway_secs", out var s) ? s : double.NaN, r.Where)).ToLookup(f => f.Trip);
        foreach (var row in Rows(feed, "trips.txt", "trip_id", "route_id", "service_id"))
        {
            var values = new List<Assignment>();
            row.Text("service_id", "service", values);
            row.Text("trip_headsign", "headsign", values);
            row.Integer("direction_id", "direction", values);
            var told = frequencies[row["trip_id"]].Where(f => f.Seconds > 0).ToList();
            if (told.Count > 0)
            {
                values.Add(new("headway", PropertyValue.From(told.Min(f => f.Seconds))));
                values.Add(new("frequencies", PropertyValue.From(string.Join(';', told.Select(f => $"{f.Start}-{f.End}/{f.Seconds.ToString(CultureInfo.InvariantCulture)}")))));
            }

            var id = Id("trip", row["trip_id"]);
            if (!builder.TryAddTwin(id, Trip, values, row.Where)) continue;
            builder.Relate(Id("route", row["route_id"]), "hasTrip", id, row.Where);
            if (row["shape_id"].Length > 0) builder.Relate(id, "along", Id("shape", row["shape_id"]), row.Where);
        }
    }

    private static void ReadStopTimes(Dictionary<string, byte[]> feed, ImportBuilder builder, HashSet<string> stops)
    {
        foreach (var row in Rows(feed, "stop_times.txt", "trip_id", "stop_id", "stop_sequence"))
        {
            if (stops.Contains(row["stop_id"])) builder.Relate(Id("trip", row["trip_id"]), "serves", Id("stop", row["stop_id"]), row.Where);
            else builder.Skip(row.Where, $"there is no stop '{row["stop_id"]}'.");
        }
    }

    private static string Id(string kind, string id) => ImportRules.ToId(id.Length == 0 ? kind : $"{kind}-{id}");
}
