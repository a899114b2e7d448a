using System.Globalization;
using System.Text;

namespace Twin.EndToEnd.Tests;

/// <summary>Inputs of our own, written anew by a seed: the paths of the real ones where those are not at hand.</summary>
internal static class MadeInputs
{
    /// <summary>Houses of 6 by 8 m in EPSG 28992, each with one to three parts of known height. Returns the parts' heights by id.</summary>
    public static Dictionary<string, double> WriteCity(string path, int seed, int houses, bool asLines)
    {
        var random = new Random(seed);
        var heights = new Dictionary<string, double>();
        const string header = """{"type":"CityJSON","version":"2.0","metadata":{"referenceSystem":"https://www.opengis.net/def/crs/EPSG/0/28992"},"transform":{"scale":[0.001,0.001,0.001],"translate":[85000,447500,0]},""";
        var (objects, vertices, lines) = (new List<string>(), new List<string>(), new List<string> { header + "\"CityObjects\":{},\"vertices\":[]}" });
        for (var house = 0; house < houses; house++)
        {
            if (asLines) (objects, vertices) = ([], []);
            var parts = Enumerable.Range(0, random.Next(1, 4)).Select(p => $"house-{house}-part-{p}").ToArray();
            objects.Add($$"""
                "house-{{house}}":{"type":"Building","attributes":{"storeys":{{random.Next(1, 9)}}},"children":[{{string.Join(',', parts.Select(p => $"\"{p}\""))}}]}
                """);
            foreach (var (part, i) in parts.Select((p, i) => (p, i)))
            {
                var (height, west, south, first) = (random.Next(2_000, 40_000), (house * 20_000) + (i * 6_000), random.Next(0, 200_000), vertices.Count);
                heights[part] = height / 1000.0;
                foreach (var z in new[] { 0, height })
                foreach (var (x, y) in new[] { (0, 0), (6_000, 0), (6_000, 8_000), (0, 8_000) }) vertices.Add($"[{west + x},{south + y},{z}]");
                objects.Add($$"""
                    "{{part}}":{"type":"BuildingPart","parents":["house-{{house}}"],"geometry":[{"type":"MultiSurface","lod":"1.2","boundaries":[[[{{first + 3}},{{first + 2}},{{first + 1}},{{first}}]],[[{{first + 4}},{{first + 5}},{{first + 6}},{{first + 7}}]]]}]}
                    """);
            }

            if (asLines) lines.Add($$"""{"type":"CityJSONFeature","id":"house-{{house}}","CityObjects":{{{string.Join(',', objects.Select(o => o.Trim()))}}},"vertices":[{{string.Join(',', vertices)}}]}""");
        }

        File.WriteAllText(path, asLines ? string.Join('\n', lines) : $"{header}\"CityObjects\":{{{string.Join(',', objects)}}},\"vertices\":[{string.Join(',', vertices)}]}}");
        return heights;
    }

    /// <summary>A feed of lines through the night, with a byte order mark, quoted line breaks and no weekly calendar.</summary>
    public static void WriteFeed(string folder, int seed, int routes, int stops)
    {
        var random = new Random(seed);
        Directory.CreateDirectory(folder);
        void Save(string name, IEnumerable<string> rows) => File.WriteAllText(Path.Combine(folder, name), "\uFEFF" + string.Join("\r\n", rows) + "\r\n", new UTF8Encoding(false));
        Save("agency.txt", ["agency_name,agency_url,agency_timezone", "\"Buses,\r\nby day and night\",http://localhost,Europe/Berlin"]);
        Save("stops.txt", ["stop_id,stop_name,stop_lat,stop_lon", .. Enumerable.Range(0, stops).Select(i => string.Create(CultureInfo.InvariantCulture, $"s{i},\"Stop \"\"{i}\"\"\",{52 + (random.NextDouble() / 10):F5},{13 + (random.NextDouble() / 10):F5}"))]);
        Save("routes.txt", ["route_id,route_short_name,route_type", .. Enumerable.Range(0, routes).Select(i => $"r{i},N{i},3")]);
        Save("trips.txt", ["route_id,service_id,trip_id", .. Enumerable.Range(0, routes).Select(i => $"r{i},nights,t{i}")]);
        Save("calendar_dates.txt", ["service_id,date,exception_type", "nights,20261224,1", "nights,20261231,1", "nights,20270101,2"]);
        Save("stop_times.txt", ["trip_id,arrival_time,departure_time,stop_id,stop_sequence", .. Enumerable.Range(0, routes * 4).Select(i => $"t{i / 4},{23 + (i % 4)}:30:00,{23 + (i % 4)}:31:00,s{((i / 4 * 7) + (i % 4)) % stops},{i % 4}")]);
    }

    /// <summary>Five-minute temperatures of a machine that runs warm, with a failure of <paramref name="failure"/> rows; returns the values.</summary>
    public static double[] WriteRecording(string path, int seed, int rows, Range failure)
    {
        var random = new Random(seed);
        var (from, count) = failure.GetOffsetAndLength(rows);
        var values = new double[rows];
        for (var i = 0; i < rows; i++)
            values[i] = 83 + (8 * Math.Sin(i / 40.0)) + random.NextDouble() + (i >= from && i < from + count ? (i % 2 == 0 ? -45 : 30) : 0);
        var start = new DateTime(2013, 12, 2, 21, 15, 0, DateTimeKind.Utc);
        File.WriteAllLines(path, ["timestamp,value", .. values.Select((v, i) => string.Create(CultureInfo.InvariantCulture, $"{start.AddMinutes(5 * i):yyyy-MM-dd HH:mm:ss},{v:R}"))]);
        return values;
    }
}
