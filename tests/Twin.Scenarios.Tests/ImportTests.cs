using System.IO.Compression;
using System.Text;
using CsCheck;
using Twin.Model;
using Twin.Scenarios.Import;

namespace Twin.Scenarios.Tests;

public class ImportTests
{
    /// <summary>Twins and relationships fit the models that came with them.</summary>
    private static void IsConsistent(ImportResult result) => ScenarioChecks.IsConsistent(
        new Scenario("import", result.Models, result.Twins, result.Relationships, [], new ScenePicture(0, 0, [], [], [], [])));

    private static double Number(TwinCommand twin, string path) => ((PutTwin)twin).Values.Single(v => v.Path == path).Value.AsNumber;

    // CityJSON

    [Fact]
    public void Delft_is_570_objects_with_their_places_heights_and_outlines()
    {
        var result = CityJsonImport.Read(SharedFiles.Require("cityjson/delft.json"));
        IsConsistent(result);
        var types = result.Twins.Cast<PutTwin>().CountBy(t => t.ModelId).ToDictionary(p => p.Key, p => p.Value);
        Assert.Equal(570, result.Twins.Count);
        Assert.Equal((160, 143, 3), (types["dtmi:twin:cityjson:Building;1"], types["dtmi:twin:cityjson:Road;1"], types["dtmi:twin:cityjson:Bridge;1"]));
        Assert.Empty(result.Skipped);
        Assert.All(result.Twins, t =>
        {
            Assert.InRange(Number(t, "longitude"), 4.34, 4.39); // Delft
            Assert.InRange(Number(t, "latitude"), 51.99, 52.03);
            Assert.InRange(Math.Abs(Number(t, "x")), 0, 400);
        });
        Assert.Equal(160, result.Scene!.Buildings.Count);
        Assert.All(result.Scene.Buildings, b =>
        {
            Assert.InRange(b.Height, 0.5, 110);
            Assert.InRange(Area(b.Footprint), 0.5, 40_000);
        });
    }

    private static double Area(IReadOnlyList<PlanPoint> ring)
    {
        var twice = 0.0;
        for (var i = 0; i < ring.Count; i++)
        {
            var (a, b) = (ring[i], ring[(i + 1) % ring.Count]);
            twice += (a.East * b.North) - (b.East * a.North);
        }

        return Math.Abs(twice / 2);
    }

    [Fact]
    public void Dutch_coordinates_land_where_the_land_registry_says()
    {
        // Published pair: Amersfoort's tower, RD 155000 463000 = 52.15517440 N, 5.38720621 E.
        var (longitude, latitude) = ReferenceSystem.Find(28992)!.ToWgs84(155_000, 463_000);
        Assert.Equal(5.38720621, longitude, 0.00001);
        Assert.Equal(52.15517440, latitude, 0.00001);
        // UTM zone 31 N: its central meridian at the equator is 500000, 0.
        Assert.Equal((3.0, 0.0), (Math.Round(ReferenceSystem.Find(32631)!.ToWgs84(500_000, 0).Longitude, 7), Math.Round(ReferenceSystem.Find(25831)!.ToWgs84(500_000, 0).Latitude, 7)));
        Assert.Null(ReferenceSystem.Find(3857));
    }

    [Fact]
    public void The_plan_frame_agrees_with_the_projection_it_came_from()
    {
        var rd = ReferenceSystem.Find(7415)!;
        var (longitude, latitude) = rd.ToWgs84(85_000, 447_500);
        var frame = new GeoFrame(longitude, latitude);
        var (otherLongitude, otherLatitude) = rd.ToWgs84(85_300, 447_900);
        Assert.Equal(500, frame.ToPlan(otherLongitude, otherLatitude).DistanceTo(default), 0.5);
    }

    [Fact]
    public void A_cube_has_its_footprint_height_and_no_known_place()
    {
        const string cube = """
            {"type":"CityJSON","version":"2.0","transform":{"scale":[0.5,0.5,0.5],"translate":[100,200,10]},"CityObjects":{
            "house":{"type":"Building","children":["part"],"attributes":{"storeys":2,"x":"mine","roof":true}},
            "part":{"type":"BuildingPart","parents":["house"],"geometry":[{"type":"Solid","lod":"2","boundaries":[[[[0,3,2,1]],[[4,5,6,7]],[[0,1,5,4]],[[1,2,6,5]],[[2,3,7,6]],[[3,0,4,7]]]]}]}},
            "vertices":[[0,0,0],[20,0,0],[20,10,0],[0,10,0],[0,0,8],[20,0,8],[20,10,8],[0,10,8]]}
            """;
        var result = CityJsonImport.Read(Encoding.UTF8.GetBytes(cube), "cube.json");
        IsConsistent(result);
        var house = result.Twins.Single(t => t.TwinId == "house");
        Assert.Equal((0.0, 0.0, 10.0, 4.0), (Number(house, "x"), Number(house, "y"), Number(house, "z"), Number(house, "height")));
        Assert.Equal(50, Area(result.Scene!.Buildings.Single(b => b.Id == "house").Footprint), 1e-9);
        Assert.Contains(((PutTwin)house).Values, v => v.Path == "a_x" && v.Value.AsText == "mine");
        Assert.Equal("part", Assert.Single(result.Relationships.Cast<PutRelationship>()).TargetId);
        Assert.Contains("no reference system", Assert.Single(result.Skipped).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "line 1")]
    [InlineData("[]", "/type")]
    [InlineData("""{"type":"CityJSON","version":"3.0"}""", "/version")]
    [InlineData("""{"type":"CityJSON","version":"2.0"}""", "/CityObjects")]
    [InlineData("""{"type":"CityJSON","version":"2.0","CityObjects":{}}""", "/vertices")]
    [InlineData("""{"type":"CityJSON","version":"2.0","CityObjects":{},"vertices":[[0,0,0],[1,2]]}""", "/vertices/1")]
    [InlineData("""{"type":"CityJSON","version":"2.0","CityObjects":{},"transform":{"scale":[1]},"vertices":[]}""", "/transform/scale")]
    public void A_damaged_CityJSON_is_refused_with_file_and_place(string text, string place)
    {
        var refused = Assert.Throws<ImportRefusedException>(() => CityJsonImport.Read(Encoding.UTF8.GetBytes(text), "city.json"));
        Assert.StartsWith(place, refused.Place, StringComparison.Ordinal);
        Assert.StartsWith("city.json", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_object_with_a_wrong_boundary_comes_without_geometry_and_is_told()
    {
        const string text = """
            {"type":"CityJSON","version":"1.1","CityObjects":{"a":{"type":"Road","geometry":[{"type":"MultiSurface","lod":"1","boundaries":[[[0,1,9]]]}]},"b":{"type":7}},"vertices":[[0,0,0],[1,0,0]]}
            """;
        var result = CityJsonImport.Read(Encoding.UTF8.GetBytes(text), "f");
        Assert.Equal("a", Assert.Single(result.Twins).TwinId);
        Assert.Equal(["f#/CityObjects/a", "f#/CityObjects/b"], result.Skipped.Select(s => s.Where).Where(w => w.Contains("CityObjects", StringComparison.Ordinal)));
    }

    // GTFS

    [Fact]
    public void The_Rio_Grande_feed_becomes_its_agency_routes_trips_shapes_and_stops()
    {
        var folder = SharedFiles.Require("gtfs/rio-grande");
        var result = GtfsImport.Read(folder);
        IsConsistent(result);
        int Rows(string file) => File.ReadAllText(Path.Combine(folder, file)).TrimEnd().Count(c => c == '\n'); // less the header
        int Count(string model) => result.Twins.Cast<PutTwin>().Count(t => t.ModelId == $"dtmi:twin:gtfs:{model};1");
        Assert.Equal((Rows("agency.txt"), Rows("routes.txt"), Rows("trips.txt"), Rows("stops.txt")), (Count("Agency"), Count("Route"), Count("Trip"), Count("Stop")));
        Assert.Equal(Rows("trips.txt"), result.Relationships.Cast<PutRelationship>().Count(r => r.Name == "hasTrip"));
        Assert.Contains(((PutTwin)result.Twins.Single(t => t.TwinId == "trip-a_weekdays_vacations")).Values, v => v.Path == "headway" && v.Value.AsNumber == 1260);
        Assert.All(result.Twins.Where(t => t.TwinId.StartsWith("stop-", StringComparison.Ordinal)), t => Assert.InRange(Math.Abs(Number(t, "x")), 0, 12_000));
        Assert.True(result.Scene!.Roads.Count > 0);
    }

    [Fact]
    public void A_zipped_feed_is_the_same_feed()
    {
        var folder = SharedFiles.Require("gtfs/rio-grande");
        var zip = Path.Combine(Path.GetTempPath(), $"twin-gtfs-{Guid.NewGuid():N}.zip");
        try
        {
            ZipFile.CreateFromDirectory(folder, zip);
            var (a, b) = (GtfsImport.Read(folder), GtfsImport.Read(zip));
            Assert.Equal(a.Twins.Select(t => t.TwinId), b.Twins.Select(t => t.TwinId));
            Assert.Equal(a.Relationships.Count, b.Relationships.Count);
        }
        finally
        {
            File.Delete(zip);
        }
    }

    [Fact]
    public void A_feed_without_stops_is_refused_and_so_is_what_is_no_feed()
    {
        Assert.Throws<ImportRefusedException>(() => GtfsImport.Read("/nowhere/feed.zip"));
        var folder = Directory.CreateTempSubdirectory("twin-gtfs-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "agency.txt"), "agency_name\nA\n");
            Assert.Contains("routes.txt", Assert.Throws<ImportRefusedException>(() => GtfsImport.Read(folder)).Message, StringComparison.Ordinal);
            File.WriteAllText(Path.Combine(folder, "routes.txt"), "route_id,route_type\nr,3\n");
            File.WriteAllText(Path.Combine(folder, "trips.txt"), "trip_id,route_id,service_id\nt,nowhere,s\n");
            File.WriteAllText(Path.Combine(folder, "stops.txt"), "stop_id,stop_lat\na,1\n");
            Assert.Contains("stop_lon", Assert.Throws<ImportRefusedException>(() => GtfsImport.Read(folder)).Message, StringComparison.Ordinal);
            File.WriteAllText(Path.Combine(folder, "stops.txt"), "stop_id,stop_lat,stop_lon\na,1,2\nb,north,2\n");
            var result = GtfsImport.Read(folder);
            Assert.Equal(["stops.txt, line 3", "trips.txt, line 2"], result.Skipped.Select(s => s.Where).Order());
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    // CSV

    private static ImportResult Csv(string text, CsvMapping? mapping = null) => CsvImport.Read(new StringReader(text), "pumps.csv", mapping);

    [Fact]
    public void Columns_get_the_narrowest_type_all_their_values_fit()
    {
        var result = Csv("id,count,load,on,seen,code,mixed\np1,1,1.5,true,2026-01-02T03:04:05Z,007,1\np2,-2,3,false,2026-01-02 03:04:05,010,x\np3,,,,,,\n");
        IsConsistent(result);
        var p1 = ((PutTwin)result.Twins[0]).Values;
        Assert.Equal([ValueKind.Integer, ValueKind.Double, ValueKind.Boolean, ValueKind.DateTime, ValueKind.Text, ValueKind.Text], p1.Select(v => v.Value.Kind));
        Assert.Equal("2026-01-02T03:04:05.0000000Z", ((PutTwin)result.Twins[1]).Values[3].Value.ToString());
        Assert.Empty(((PutTwin)result.Twins[2]).Values);
        Assert.Equal("dtmi:twin:csv:pumps;1", ((PutTwin)result.Twins[0]).ModelId);
    }

    [Fact]
    public void A_mapping_chooses_id_model_and_properties()
    {
        var mapping = new CsvMapping("tag", ModelColumn: "kind", Properties: new Dictionary<string, string> { ["t"] = "motor/temperature" });
        var result = Csv("t,tag,kind,other\n20.5,m 1,dtmi:x:Pump;1,z\n", mapping);
        var twin = (PutTwin)Assert.Single(result.Twins);
        Assert.Equal(("m_1", "dtmi:x:Pump;1", "motor/temperature"), (twin.TwinId, twin.ModelId, Assert.Single(twin.Values).Path));
        Assert.Empty(result.Models);
    }

    [Fact]
    public void Rows_that_do_not_fit_are_skipped_with_their_line()
    {
        var result = Csv("id,a\nx,1\n,2\ny\nx,3\n\"z\nz\",4\nw,5\n");
        Assert.Equal(["x", "z_z", "w"], result.Twins.Select(t => t.TwinId));
        Assert.Equal(["pumps.csv, line 4", "pumps.csv, line 3", "pumps.csv, line 5"], result.Skipped.Select(s => s.Where));
    }

    [Theory]
    [InlineData("", "line 1")]
    [InlineData("id,id\n", "line 1")]
    [InlineData("id,a\nx,\"open\n", "line 2")]
    [InlineData("id,a\nx,b\"c\n", "line 2")]
    [InlineData("id,a\n\nx,\"b\"c\n", "line 3")]
    public void Malformed_tables_are_refused_with_the_line(string text, string place) => Assert.Equal(place, Assert.Throws<ImportRefusedException>(() => Csv(text)).Place);

    [Fact]
    public void Any_fields_survive_quoting() =>
        Gen.String[Gen.Char["ab,\"\n\r 'é"], 0, 12].Array[2, 6].Array[1, 5].Where(rows => rows.All(r => r.Length == rows[0].Length)).Sample(rows =>
        {
            var text = string.Join("\r\n", rows.Select(r => string.Join(',', r.Select(f => $"\"{f.Replace("\"", "\"\"", StringComparison.Ordinal)}\""))));
            var reader = new CsvReader(new StringReader(text), "f");
            var row = new List<string>();
            foreach (var expected in rows)
            {
                if (!reader.Read(row) || !row.SequenceEqual(expected)) return false;
            }

            return !reader.Read(row);
        });

    // DTDL

    [Fact]
    public void Models_are_read_from_file_folder_and_zip_alike()
    {
        var folder = SharedFiles.Require("dtdl/smartcities");
        var fromFolder = DtdlImport.Read(folder, ModelSet.Empty);
        Assert.True(fromFolder.Parsed.IsValid);
        Assert.Equal(63, fromFolder.Parsed.Models.Interfaces.Count);
        var zip = Path.Combine(Path.GetTempPath(), $"twin-dtdl-{Guid.NewGuid():N}.zip");
        try
        {
            ZipFile.CreateFromDirectory(folder, zip);
            Assert.Equal(fromFolder.Parsed.Models.Interfaces.Keys.Order(), DtdlImport.Read(zip, ModelSet.Empty).Parsed.Models.Interfaces.Keys.Order());
            File.WriteAllText(zip, "no zip");
            Assert.Throws<ImportRefusedException>(() => DtdlImport.Read(zip, ModelSet.Empty));
        }
        finally
        {
            File.Delete(zip);
        }
    }

    [Fact]
    public void A_wrong_model_is_told_with_its_file()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, """{"@context":"dtmi:dtdl:context;3","@type":"Interface"}""");
            var result = DtdlImport.Read(file, ModelSet.Empty);
            Assert.StartsWith(Path.GetFileName(file), result.Describe(Assert.Single(result.Parsed.Errors)), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
