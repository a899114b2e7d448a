using System.Globalization;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>
/// Imports a GTFS feed (folder or zip): agencies, routes, stops, shapes, services with their days, and trips with their
/// frequencies and which stops each serves. Places are longitude and latitude (WGS 84) and x, y in metres from the stops' middle.
/// A trip has its first departure and last arrival in seconds from the start of its service day: above 86,400 after midnight.
/// Stop times become relationships from trips to stops, one a stop; the seconds between are not kept.
/// </summary>
public static class GtfsImport
{
    private const string Agency = "dtmi:twin:gtfs:Agency;1";
    private const string Route = "dtmi:twin:gtfs:Route;1";
    private const string Stop = "dtmi:twin:gtfs:Stop;1";
    private const string Trip = "dtmi:twin:gtfs:Trip;1";
    private const string Service = GtfsCalendar.Model;
    private const string Shape = "dtmi:twin:gtfs:Shape;1";
    private static readonly string[] Files = ["agency.txt", "routes.txt", "stops.txt", "trips.txt", "shapes.txt", "stop_times.txt", "frequencies.txt", "calendar.txt", "calendar_dates.txt"];

    /// <summary>Reads a feed.</summary>
    /// <exception cref="ImportRefusedException">A required file or column is missing, or a file is malformed.</exception>
    public static ImportResult Read(string path)
    {
        var feed = Open(path);
        var builder = new ImportBuilder();
        builder.Models.AddRange(Models());
        var stops = ReadStops(feed, builder, out var middle);
        ReadRoutes(feed, builder, ReadAgencies(feed, builder));
        var roads = ReadShapes(feed, builder, middle);
        GtfsCalendar.Read(feed, builder);
        ReadTrips(feed, builder, GtfsStopTimes.SpansOf(feed, builder));
        ReadStopTimes(feed, builder, stops);
        return builder.Build(new ScenePicture(middle.Longitude, middle.Latitude, [], roads, [], []), "WGS 84 longitude and latitude; x east and y north in metres from the stops' middle");
    }

    private static IEnumerable<ModelSketch> Models() =>
    [
        new ModelSketch(Agency, "Agency").Text("name").Text("timezone").Text("url").Related("operates", Route),
        new ModelSketch(Route, "Route").Text("shortName", indexed: true).Text("longName").Number("type", schema: "integer").Text("color").Related("hasTrip", Trip),
        new ModelSketch(Stop, "Stop").Text("name", indexed: true).Text("code").Number("longitude", "Longitude", "degreeOfArc").Number("latitude", "Latitude", "degreeOfArc")
            .Number("x", "Length", "metre").Number("y", "Length", "metre").Number("z", "Length", "metre").Number("heading", "Angle", "degreeOfArc").Related("partOf", Stop),
        new ModelSketch(Trip, "Trip").Text("service", indexed: true).Text("headsign").Number("direction", schema: "integer").Number("headway", "TimeSpan", "second", 0, 3600)
            .Text("frequencies").Number("departure", "TimeSpan", "second").Number("arrival", "TimeSpan", "second").Related("serves", Stop).Related("along", Shape).Related("runsOn", Service),
        GtfsCalendar.Sketch(),
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
            if (path.EndsWith(".pb", StringComparison.OrdinalIgnoreCase)) throw new ImportRefusedException(path, "", "a GTFS-realtime message is no timetable: give the feed's zip or folder of .txt files.");
            foreach (var (name, bytes) in ZipFolder.Read(path, n => Files.Contains(Path.GetFileName(n), StringComparer.OrdinalIgnoreCase))) feed[Path.GetFileName(name)] = bytes;
        }

        foreach (var required in new[] { "agency.txt", "routes.txt", "stops.txt", "trips.txt" })
        {
            if (!feed.ContainsKey(required)) throw new ImportRefusedException(path, "", $"a GTFS feed has a file {required}.");
        }

        return feed;
    }

    private static HashSet<string> ReadStops(Dictionary<string, byte[]> feed, ImportBuilder builder, out GeoFrame middle)
    {
        var found = new List<(string Id, double Longitude, double Latitude, List<Assignment> Values, string Parent, string Where)>();
        foreach (var row in GtfsRow.Of(feed, "stops.txt", "stop_id", "stop_lat", "stop_lon"))
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

    /// <summary>The agencies' ids; routes of a feed with one agency need not name it.</summary>
    private static List<string> ReadAgencies(Dictionary<string, byte[]> feed, ImportBuilder builder)
    {
        var ids = new List<string>();
        foreach (var row in GtfsRow.Of(feed, "agency.txt", "agency_name"))
        {
            var values = new List<Assignment>();
            row.Text("agency_name", "name", values);
            row.Text("agency_timezone", "timezone", values);
            row.Text("agency_url", "url", values);
            if (builder.TryAddTwin(Id("agency", row["agency_id"]), Agency, values, row.Where)) ids.Add(row["agency_id"]);
        }

        return ids;
    }

    private static void ReadRoutes(Dictionary<string, byte[]> feed, ImportBuilder builder, List<string> agencies)
    {
        foreach (var row in GtfsRow.Of(feed, "routes.txt", "route_id", "route_type"))
        {
            var values = new List<Assignment>();
            row.Text("route_short_name", "shortName", values);
            row.Text("route_long_name", "longName", values);
            row.Integer("route_type", "type", values);
            row.Text("route_color", "color", values);
            var id = Id("route", row["route_id"]);
            var agency = row["agency_id"].Length == 0 && agencies.Count == 1 ? agencies[0] : row["agency_id"];
            if (builder.TryAddTwin(id, Route, values, row.Where)) builder.Relate(Id("agency", agency), "operates", id, row.Where);
        }
    }

    private static List<SceneRoad> ReadShapes(Dictionary<string, byte[]> feed, ImportBuilder builder, GeoFrame middle)
    {
        var shapes = new Dictionary<string, List<(double Order, PlanPoint Place)>>(StringComparer.Ordinal);
        foreach (var row in GtfsRow.Of(feed, "shapes.txt", "shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"))
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

    private static void ReadTrips(Dictionary<string, byte[]> feed, ImportBuilder builder, Dictionary<string, (int Departure, int Arrival)> spans)
    {
        var frequencies = GtfsRow.Of(feed, "frequencies.txt", "trip_id", "start_time", "end_time", "headway_secs")
            .Select(r => (Trip: r["trip_id"], Start: r["start_time"], End: r["end_time"], Seconds: r.TryNumber("headway_secs", out var s) ? s : double.NaN, r.Where)).ToLookup(f => f.Trip);
        foreach (var row in GtfsRow.Of(feed, "trips.txt", "trip_id", "route_id", "service_id"))
        {
            var values = new List<Assignment>();
            row.Text("service_id", "service", values);
            row.Text("trip_headsign", "headsign", values);
            row.Integer("direction_id", "direction", values);
            foreach (var wrong in frequencies[row["trip_id"]].Where(f => !(f.Seconds > 0))) builder.Skip(wrong.Where, "headway_secs is not a number above 0.");
            var told = frequencies[row["trip_id"]].Where(f => f.Seconds > 0).ToList();
            if (told.Count > 0)
            {
                values.Add(new("headway", PropertyValue.From(told.Min(f => f.Seconds))));
                values.Add(new("frequencies", PropertyValue.From(string.Join(';', told.Select(f => $"{f.Start}-{f.End}/{f.Seconds.ToString(CultureInfo.InvariantCulture)}")))));
            }

            if (spans.TryGetValue(row["trip_id"], out var span))
            {
                values.Add(new("departure", PropertyValue.From((double)span.Departure)));
                values.Add(new("arrival", PropertyValue.From((double)span.Arrival)));
            }

            var id = Id("trip", row["trip_id"]);
            if (!builder.TryAddTwin(id, Trip, values, row.Where)) continue;
            builder.Relate(Id("route", row["route_id"]), "hasTrip", id, row.Where);
            if (feed.ContainsKey("calendar.txt") || feed.ContainsKey("calendar_dates.txt")) builder.Relate(id, "runsOn", Id("service", row["service_id"]), row.Where);
            if (row["shape_id"].Length > 0) builder.Relate(id, "along", Id("shape", row["shape_id"]), row.Where);
        }
    }

    private static void ReadStopTimes(Dictionary<string, byte[]> feed, ImportBuilder builder, HashSet<string> stops)
    {
        foreach (var row in GtfsRow.Of(feed, "stop_times.txt", "trip_id", "stop_id", "stop_sequence"))
        {
            if (stops.Contains(row["stop_id"])) builder.Relate(Id("trip", row["trip_id"]), "serves", Id("stop", row["stop_id"]), row.Where);
            else builder.Skip(row.Where, $"there is no stop '{row["stop_id"]}'.");
        }
    }

    internal static string Id(string kind, string id) => ImportRules.ToId(id.Length == 0 ? kind : $"{kind}-{id}");
}
