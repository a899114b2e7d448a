using System.IO.Compression;
using System.Text;
using Twin.Model;
using Twin.Scenarios.Import;

namespace Twin.Scenarios.Tests;

/// <summary>Files as other people's programs write them: taken, or refused with what would be right.</summary>
public sealed class StrangersFilesTests : IDisposable
{
    private const string Block = """[{"type":"MultiSurface","lod":LOD,"boundaries":[[[0,1,2,3]],[[4,5,6,7]]]}]""";
    private const string Corners = "[[0,0,0],[10,0,0],[10,8,0],[0,8,0],[0,0,6],[10,0,6],[10,8,6],[0,8,6]]";
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-strangers-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string House(string name, string lod) => $$"""{ "{{name}}":{"type":"Building","geometry":{{Block.Replace("LOD", lod, StringComparison.Ordinal)}} } }""";

    private static PropertyValue Value(TwinCommand twin, string path) => ((PutTwin)twin).Values.Single(v => v.Path == path).Value;

    private static int Hour(PropertyValue time) => DateTime.Parse(time.ToString(), System.Globalization.CultureInfo.InvariantCulture).ToUniversalTime().Hour;

    private static ImportResult City(string text) => CityJsonImport.Read(Encoding.UTF8.GetBytes(text), "city.json");

    // CityJSON

    [Theory]
    [InlineData("1.0", "2", "urn:ogc:def:crs:EPSG::28992")]
    [InlineData("1.1", "\"2.2\"", "https://www.opengis.net/def/crs/EPSG/0/7415")]
    [InlineData("2.0", "\"2.2\"", "https://www.opengis.net/def/crs/EPSG/0/28992")]
    [InlineData("2.0", "\"2.2\"", "EPSG:28992")]
    [InlineData("1.1", "\"2\"", "urn:ogc:def:crs,crs:EPSG::28992,crs:EPSG::5709")]
    [InlineData("1.1", "\"2\"", "EPSG:28992+5709")]
    public void Each_version_and_spelling_of_its_reference_system_is_read(string version, string lod, string system)
    {
        var result = City($$"""{"type":"CityJSON","version":"{{version}}","metadata":{"referenceSystem":"{{system}}"},"transform":{"scale":[1,1,1],"translate":[85000,447500,2]},"CityObjects":{{House("h", lod)}},"vertices":{{Corners}}}""");
        var house = Assert.Single(result.Twins);
        Assert.Empty(result.Skipped);
        Assert.InRange(Value(house, "longitude").AsNumber, 4.36, 4.38); // Delft
        Assert.InRange(Value(house, "latitude").AsNumber, 52.00, 52.02);
        Assert.Equal(6, Value(house, "height").AsNumber);
        Assert.StartsWith("EPSG:", result.Place, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_reference_system_is_told_and_not_guessed()
    {
        var result = City($$"""{"type":"CityJSON","version":"2.0","metadata":{"referenceSystem":"https://www.opengis.net/def/crs/EPSG/0/2056"},"CityObjects":{{House("h", "\"1\"")}},"vertices":{{Corners}}}""");
        Assert.Contains("2056", Assert.Single(result.Skipped).Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(((PutTwin)result.Twins[0]).Values, v => v.Path == "longitude");
        Assert.Contains("local metres", result.Place, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void A_sequence_of_features_is_one_city(string newLine)
    {
        var lines = new[]
        {
            """{"type":"CityJSON","version":"2.0","metadata":{"referenceSystem":"https://www.opengis.net/def/crs/EPSG/0/28992"},"transform":{"scale":[1,1,1],"translate":[85000,447500,0]},"CityObjects":{},"vertices":[]}""",
            $$"""{"type":"CityJSONFeature","id":"a","CityObjects":{{House("a", "\"2.2\"")}},"vertices":{{Corners}}}""",
            $$"""{"type":"CityJSONFeature","id":"b","CityObjects":{"b":{"type":"Building","children":["b1"]},"b1":{"type":"BuildingPart","parents":["b"],"geometry":{{Block.Replace("LOD", "\"1\"", StringComparison.Ordinal)}} } },"vertices":{{Corners.Replace("10,", "30,", StringComparison.Ordinal)}}}""",
            "",
        };
        var result = City(string.Join(newLine, lines));
        Assert.Equal(["a", "b", "b1"], result.Twins.Select(t => t.TwinId));
        Assert.Equal("b1", Assert.Single(result.Relationships.Cast<PutRelationship>()).TargetId);
        Assert.Equal(10, Value(result.Twins[1], "x").AsNumber - Value(result.Twins[0], "x").AsNumber, 0.05); // centres 15 and 5 m east
        Assert.Equal(6, Value(result.Twins[1], "height").AsNumber);
    }

    [Fact]
    public void A_sequence_tells_the_line_of_what_is_wrong()
    {
        const string header = """{"type":"CityJSON","version":"2.0","CityObjects":{},"vertices":[]}""";
        Assert.Equal("line 2, /type", Assert.Throws<ImportRefusedException>(() => City(header + "\n{\"type\":\"Feature\"}\n")).Place);
        Assert.StartsWith("line 3", Assert.Throws<ImportRefusedException>(() => City(header + "\n{\"type\":\"CityJSONFeature\",\"CityObjects\":{},\"vertices\":[]}\n{\"type\":\n")).Place, StringComparison.Ordinal);
        Assert.Equal("line 2, /vertices/0", Assert.Throws<ImportRefusedException>(() => City(header + "\n{\"type\":\"CityJSONFeature\",\"CityObjects\":{},\"vertices\":[[1]]}\n")).Place);
    }

    [Fact]
    public void A_tree_that_is_an_instance_of_a_template_stands_where_its_vertex_is()
    {
        var result = City("""
            {"type":"CityJSON","version":"1.1","CityObjects":{"t":{"type":"SolitaryVegetationObject","geometry":[{"type":"GeometryInstance","template":0,"boundaries":[1],"transformationMatrix":[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]}]}},
            "geometry-templates":{"templates":[],"vertices-templates":[]},"vertices":[[0,0,0],[20,10,3]]}
            """);
        var tree = Assert.Single(result.Twins);
        Assert.Equal((10.0, 5.0, 3.0), (Value(tree, "x").AsNumber, Value(tree, "y").AsNumber, Value(tree, "z").AsNumber));
    }

    [Fact]
    public void A_byte_order_mark_before_a_city_is_passed_over() =>
        Assert.Single(City($$"""{{'\uFEFF'}}{"type":"CityJSON","version":"2.0","CityObjects":{{House("h", "\"1\"")}},"vertices":{{Corners}}}""").Twins);

    // GTFS

    private string Feed(params (string Name, string Text)[] changed)
    {
        var files = new Dictionary<string, string>
        {
            ["agency.txt"] = "\uFEFFagency_id,agency_name,agency_url,agency_timezone\r\nx,\"Night, and\r\nDay\",http://x,Europe/Berlin\r\n",
            ["routes.txt"] = "route_id,route_type\nr,3\n",
            ["stops.txt"] = "stop_id,stop_name,stop_lat,stop_lon\na,\"A \"\"old\"\" stop\",52,13\nb,B,52.01,13\n",
            ["trips.txt"] = "trip_id,route_id,service_id\nt,r,night\n",
            ["stop_times.txt"] = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,23:50:00,23:51:00,a,1\nt,24:10:30, 24:11:00,b,2\n",
            ["calendar_dates.txt"] = "service_id,date,exception_type\nnight,20261224,1\nnight,20261231,1\n",
        };
        foreach (var (name, text) in changed) files[name] = text;
        foreach (var (name, text) in files) File.WriteAllText(Path.Combine(_folder, name), text);
        return _folder;
    }

    [Fact]
    public void A_night_trip_of_a_feed_without_a_weekly_calendar_runs_past_midnight()
    {
        var result = GtfsImport.Read(Feed());
        Assert.Empty(result.Skipped);
        var trip = result.Twins.Single(t => t.TwinId == "trip-t");
        Assert.Equal((85_800.0, 87_060.0), (Value(trip, "departure").AsNumber, Value(trip, "arrival").AsNumber));
        Assert.Equal("2026-12-24 2026-12-31", Value(result.Twins.Single(t => t.TwinId == "service-night"), "added").AsText);
        Assert.Equal("Night, and\r\nDay", Value(result.Twins.Single(t => t.TwinId == "agency-x"), "name").AsText);
        Assert.Equal("A \"old\" stop", Value(result.Twins.Single(t => t.TwinId == "stop-a"), "name").AsText);
        Assert.Contains(result.Relationships.Cast<PutRelationship>(), r => r is { TwinId: "agency-x", Name: "operates", TargetId: "route-r" }); // the only agency need not be named
        Assert.Contains(result.Relationships.Cast<PutRelationship>(), r => r is { TwinId: "trip-t", Name: "runsOn", TargetId: "service-night" });
    }

    [Fact]
    public void A_weekly_calendar_gives_days_and_what_is_wrong_is_told_with_its_line()
    {
        var result = GtfsImport.Read(Feed(
            ("calendar.txt", "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nnight,1,0,0,0,0,0,yes,20260101,20261231\nbad,1,1,1,1,1,1,1,tomorrow,20261231\n"),
            ("calendar_dates.txt", "service_id,date,exception_type\nnight,20260230,1\nnight,20261225,2\n"),
            ("frequencies.txt", "trip_id,start_time,end_time,headway_secs\nt,23:00:00,25:00:00,0\n"),
            ("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,7:00,7:01:00,a,1\nt,,,b,2\n")));
        var service = result.Twins.Single(t => t.TwinId == "service-night");
        Assert.Equal((true, false, "2026-01-01", "2026-12-25"), (Value(service, "monday").AsBoolean, Value(service, "tuesday").AsBoolean, Value(service, "startDate").AsText, Value(service, "removed").AsText));
        Assert.Equal(["calendar.txt, line 2", "calendar.txt, line 3", "calendar_dates.txt, line 2", "frequencies.txt, line 2", "stop_times.txt, line 2"], result.Skipped.Select(s => s.Where).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Empty_optional_files_are_no_fault_and_a_zip_with_a_folder_inside_is_a_feed()
    {
        var folder = Feed(("shapes.txt", ""), ("frequencies.txt", ""));
        var zip = Path.Combine(Path.GetTempPath(), $"twin-gtfs-{Guid.NewGuid():N}.zip");
        try
        {
            ZipFile.CreateFromDirectory(folder, zip, CompressionLevel.Fastest, includeBaseDirectory: true);
            Assert.Equal(GtfsImport.Read(folder).Twins.Select(t => t.TwinId), GtfsImport.Read(zip).Twins.Select(t => t.TwinId));
        }
        finally
        {
            File.Delete(zip);
        }
    }

    [Fact]
    public void A_realtime_message_and_another_encoding_are_refused_with_what_would_be_right()
    {
        var realtime = Path.Combine(_folder, "vehicles.pb");
        File.WriteAllBytes(realtime, [0x0A, 0x0D, 0x0A, 0x03, 0x32, 0x2E, 0x30]);
        Assert.Contains("realtime", Assert.Throws<ImportRefusedException>(() => GtfsImport.Read(realtime)).Message, StringComparison.Ordinal);
        var folder = Feed();
        File.WriteAllBytes(Path.Combine(folder, "stops.txt"), Encoding.Latin1.GetBytes("stop_id,stop_name,stop_lat,stop_lon\na,A,52,13\nb,Brücke,52,13\n"));
        var refused = Assert.Throws<ImportRefusedException>(() => GtfsImport.Read(folder));
        Assert.Equal(("stops.txt", "line 3"), (refused.File, refused.Place));
        Assert.Contains("UTF-8", refused.Message, StringComparison.Ordinal);
    }

    // CSV

    private static ImportResult Csv(string text, CsvMapping? mapping = null) => CsvImport.Read(new StringReader(text), "pumps.csv", mapping);

    [Theory]
    [InlineData("id;name;load\np;\"a;b, \"\"c\"\"\";5\n")]
    [InlineData("id\tname\tload\rp\t\"a;b, \"\"c\"\"\"\t5\r")]
    [InlineData("\uFEFFid|name|load\r\np|\"a;b, \"\"c\"\"\"|5")]
    [InlineData("\"id\",\"name\",\"load\"\np,\"a;b, \"\"c\"\"\",5\n")]
    public void The_separator_is_found_in_the_header(string text)
    {
        var twin = Assert.Single(Csv(text).Twins);
        Assert.Equal(("p", "a;b, \"c\"", 5.0), (twin.TwinId, Value(twin, "name").AsText, Value(twin, "load").AsNumber));
    }

    [Fact]
    public void A_decimal_comma_is_taken_when_stated_and_told_when_not()
    {
        const string table = "id;load;code\np;1.234,5;1,2,3\nq;-7;4\nr;0,25;5\n";
        var stated = Csv(table, new CsvMapping(DecimalComma: true));
        Assert.Equal([1234.5, -7, 0.25], stated.Twins.Select(t => Value(t, "load").AsNumber));
        Assert.Equal("1,2,3", Value(stated.Twins[0], "code").AsText);
        Assert.Empty(stated.Skipped);
        var silent = Csv(table);
        Assert.Equal("1.234,5", Value(silent.Twins[0], "load").AsText);
        Assert.Equal("pumps.csv, line 1, column load", Assert.Single(silent.Skipped).Where);
    }

    [Fact]
    public void With_a_decimal_comma_a_point_stands_between_thousands_only() =>
        Assert.Equal("1.5", Value(Csv("id;load\np;1.5\n", new CsvMapping(DecimalComma: true)).Twins[0], "load").AsText);

    [Fact]
    public void Times_keep_their_offset_and_without_one_are_of_the_stated_zone()
    {
        const string table = "id,seen\na,2026-07-01T12:00:00+02:00\nb,2026-07-01 12:00:00\nc,2026-01-01 12:00:00\nd,2026-07-01 12:00:00Z\n";
        var zoned = Csv(table, new CsvMapping(Zone: TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")));
        Assert.Equal([10, 10, 11, 12], zoned.Twins.Select(t => Hour(Value(t, "seen"))));
        Assert.Equal([10, 12, 12, 12], Csv(table).Twins.Select(t => Hour(Value(t, "seen"))));
    }

    [Fact]
    public void A_table_in_another_encoding_is_refused_with_its_line()
    {
        var file = Path.Combine(_folder, "pumps.csv");
        File.WriteAllBytes(file, Encoding.Latin1.GetBytes("id,name\na,x\nb,Brücke\n"));
        Assert.Equal("line 3", Assert.Throws<ImportRefusedException>(() => CsvImport.ReadFile(file)).Place);
        File.WriteAllText(file, "id,name\na,Brücke\n", Encoding.Unicode);
        Assert.Equal("Brücke", Value(CsvImport.ReadFile(file).Twins[0], "name").AsText);
    }
}
