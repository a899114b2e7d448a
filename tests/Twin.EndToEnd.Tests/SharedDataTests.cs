using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary>Other people's files through the <c>twin</c> command into a running silo, counted against the files themselves.</summary>
public sealed class SharedDataTests : IAsyncLifetime
{
    private readonly string _folder = SiloProcess.NewFolder();
    private SiloProcess _silo = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _silo = await SiloProcess.StartAsync(Directory.CreateDirectory(Path.Combine(_folder, "silo")).FullName, false, "--scenario", "none", "--history", "false");

    public async ValueTask DisposeAsync()
    {
        await _silo.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Delft_arrives_with_every_object_its_height_and_its_place_on_earth()
    {
        var file = SharedFiles.Require("cityjson/delft.json");
        var objects = JsonNode.Parse(await File.ReadAllTextAsync(file, Cancel))!["CityObjects"]!.AsObject();
        var answer = await ImportTwiceAsync("cityjson", file);
        Assert.StartsWith("EPSG:7415", answer["place"]!.GetValue<string>(), StringComparison.Ordinal);
        await CountsAreAsync(objects.GroupBy(o => $"dtmi:twin:cityjson:{o.Value!["type"]};1").ToDictionary(g => g.Key, g => g.Count()),
            objects.Sum(o => o.Value!["children"]?.AsArray().Count ?? 0));
        await ArePlacedAsync(objects.Where(o => o.Value!["type"]!.GetValue<string>() == "Building").Select(o => o.Key).ToHashSet(), (4.30, 4.42), (51.95, 52.05), (0.5, 110));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_made_city_arrives_whole_from_one_object_and_from_lines(bool asLines)
    {
        var file = Path.Combine(_folder, "made.city.json");
        var heights = MadeInputs.WriteCity(file, 7, 40, asLines);
        await ImportTwiceAsync("cityjson", file);
        await CountsAreAsync(new() { ["dtmi:twin:cityjson:Building;1"] = 40, ["dtmi:twin:cityjson:BuildingPart;1"] = heights.Count }, heights.Count);
        await ArePlacedAsync(heights.Keys.ToHashSet(), (4.35, 4.40), (51.99, 52.03), (2, 40));
        foreach (var (part, height) in heights.Take(10))
            Assert.Equal(height, JsonNode.Parse(await _silo.Http.GetStringAsync($"/digitaltwins/{part}", Cancel))!["height"]!.GetValue<double>(), 1e-9);
    }

    [Fact]
    public async Task Rio_Grande_arrives_with_every_stop_route_trip_and_service()
    {
        var folder = SharedFiles.Require("gtfs/rio-grande");
        await ImportTwiceAsync("gtfs", folder);
        int Rows(string file) => File.ReadLines(Path.Combine(folder, file)).Count(l => l.Length > 0) - 1;
        var services = File.ReadLines(Path.Combine(folder, "calendar.txt")).Concat(File.ReadLines(Path.Combine(folder, "calendar_dates.txt"))).Select(l => l.Split(',')[0]).Where(s => s is not ("service_id" or "")).Distinct().Count();
        await CountsAreAsync(new()
        {
            ["dtmi:twin:gtfs:Stop;1"] = Rows("stops.txt"), ["dtmi:twin:gtfs:Route;1"] = Rows("routes.txt"), ["dtmi:twin:gtfs:Trip;1"] = Rows("trips.txt"),
            ["dtmi:twin:gtfs:Agency;1"] = Rows("agency.txt"), ["dtmi:twin:gtfs:Service;1"] = services,
        }, null);
        var trip = JsonNode.Parse(await _silo.Http.GetStringAsync("/digitaltwins/trip-a_weekdays_vacations", Cancel))!;
        Assert.Contains("21:00:00-25:00:00/1800", trip["frequencies"]!.GetValue<string>(), StringComparison.Ordinal); // beyond midnight
        var removed = JsonNode.Parse(await _silo.Http.GetStringAsync("/digitaltwins/service-weekdays", Cancel))!["removed"]!.GetValue<string>();
        Assert.Contains("2018-08-20", removed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_made_feed_arrives_from_its_folder_and_as_a_zip_alike()
    {
        var folder = Path.Combine(_folder, "feed");
        MadeInputs.WriteFeed(folder, 3, 12, 30);
        System.IO.Compression.ZipFile.CreateFromDirectory(folder, folder + ".zip");
        await ImportTwiceAsync("gtfs", folder, folder + ".zip");
        await CountsAreAsync(new() { ["dtmi:twin:gtfs:Stop;1"] = 30, ["dtmi:twin:gtfs:Route;1"] = 12, ["dtmi:twin:gtfs:Trip;1"] = 12, ["dtmi:twin:gtfs:Service;1"] = 1, ["dtmi:twin:gtfs:Agency;1"] = 1 }, 12 + 12 + 12 + 48);
        var trip = JsonNode.Parse(await _silo.Http.GetStringAsync("/digitaltwins/trip-t3", Cancel))!;
        Assert.Equal((84_600, 95_460), (trip["departure"]!.GetValue<double>(), trip["arrival"]!.GetValue<double>())); // 23:30 to 26:31
    }

    [Theory]
    [InlineData("dtdl/smartcities", 63)]
    [InlineData("dtdl/isa95", 180)]
    public async Task An_ontology_arrives_with_all_its_interfaces(string relative, int expected)
    {
        var folder = SharedFiles.Require(relative);
        var first = await TwinProgram.JsonAsync(_silo, 0, "import", "dtdl", folder);
        Assert.Equal((expected, "succeeded"), (first["models"]!.GetValue<int>(), first["status"]!.GetValue<string>()));
        Assert.Equal(0, (await TwinProgram.JsonAsync(_silo, 0, "import", "dtdl", folder))["models"]!.GetValue<int>());
        var own = Directory.EnumerateFiles(folder, "*.json", SearchOption.AllDirectories).Where(f => !f.EndsWith(".tm.json", StringComparison.Ordinal)).Select(f => JsonNode.Parse(File.ReadAllText(f)))
            .SelectMany(n => n is JsonArray list ? list.AsEnumerable() : [n]).Select(m => m!["@id"]!.GetValue<string>()).Order(StringComparer.Ordinal);
        var kept = new List<string>();
        for (string? next = "/models"; next is not null;)
        {
            var page = JsonNode.Parse(await _silo.Http.GetStringAsync(next, Cancel))!;
            kept.AddRange(page["value"]!.AsArray().Select(m => m!["id"]!.GetValue<string>()));
            next = page["nextLink"]?.GetValue<string>();
        }

        Assert.Equal(own, kept.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_table_of_another_land_arrives_with_its_decimals_and_its_clock()
    {
        var file = Path.Combine(_folder, "pumpen.csv");
        var random = new Random(5);
        var loads = Enumerable.Range(0, 500).Select(_ => Math.Round(random.NextDouble() * 5_000, 2)).ToArray();
        var german = new System.Globalization.NumberFormatInfo { NumberDecimalSeparator = ",", NumberGroupSeparator = "." };
        await File.WriteAllLinesAsync(file, ["id;name;last;gesehen", .. loads.Select((l, i) => $"p{i};\"Pumpe; \"\"{i}\"\"\";{l.ToString("N2", german)};2026-07-01 12:00:00")], Cancel);
        await ImportTwiceAsync("csv", file, file, "--decimal-comma", "--zone", "Europe/Berlin");
        await CountsAreAsync(new() { ["dtmi:twin:csv:pumpen;1"] = 500 }, 0);
        var twin = JsonNode.Parse(await _silo.Http.GetStringAsync("/digitaltwins/p499", Cancel))!;
        Assert.Equal((loads[499], "Pumpe; \"499\""), (twin["last"]!.GetValue<double>(), twin["name"]!.GetValue<string>()));
        Assert.Equal(new DateTime(2026, 7, 1, 10, 0, 0, DateTimeKind.Utc), twin["gesehen"]!.GetValue<DateTime>().ToUniversalTime());
    }

    [Theory]
    [InlineData("cityjson", "{\"type\":\"CityJSON\",\n\"version\":", "line 2")]
    [InlineData("cityjson", "{\"type\":\"CityJSON\",\"version\":\"9.0\"}", "1.0, 1.1 and 2.0")]
    [InlineData("csv", "id,a\nx,1\ny,\"open\n", "line 3")]
    [InlineData("gtfs", "not a zip", "not a zip")]
    [InlineData("dtdl", "{\"@context\":\"dtmi:dtdl:context;3\",\n\"@id\":", "bad.txt")]
    [InlineData("dtdl", "{\"@context\":\"dtmi:dtdl:context;3\",\"@id\":\"dtmi:x:A;1\",\"@type\":\"Interface\",\"contents\":[{\"@type\":\"Property\",\"name\":\"p\",\"schema\":\"dubble\"}]}", "dubble")]
    public async Task A_malformed_file_is_refused_with_its_name_and_place_and_nothing_arrives(string format, string text, string place)
    {
        var file = Path.Combine(_folder, "bad.txt");
        await File.WriteAllTextAsync(file, text, Cancel);
        var (exit, output, errors) = await TwinProgram.RunAsync(_silo, 60, "import", format, file);
        Assert.Equal((1, ""), (exit, output));
        Assert.Contains("bad.txt", errors, StringComparison.Ordinal);
        Assert.Contains(place, errors, StringComparison.Ordinal);
        await CountsAreAsync([], 0);
    }

    /// <summary>Imports, and imports again: the second changes no count.</summary>
    private async Task<JsonNode> ImportTwiceAsync(string format, string path, string? again = null, params string[] options)
    {
        var first = await TwinProgram.JsonAsync(_silo, 0, ["import", format, path, .. options]);
        Assert.Equal("succeeded", first["status"]!.GetValue<string>());
        Assert.Equal(first["read"]!["twins"]!.GetValue<int>(), first["counts"]!["twins"]!.GetValue<int>());
        Assert.Equal(first["read"]!["relationships"]!.GetValue<int>(), first["counts"]!["relationships"]!.GetValue<int>());
        var job = JsonNode.Parse(await _silo.Http.GetStringAsync($"/jobs/imports/{first["job"]}", Cancel))!;
        Assert.Equal("succeeded", job["status"]!.GetValue<string>());
        var before = await SystemAsync();
        var second = await TwinProgram.JsonAsync(_silo, 0, ["import", format, again ?? path, .. options]);
        Assert.Equal(0, second["models"]!.GetValue<int>());
        var after = await SystemAsync();
        Assert.Equal((before["twins"]!.GetValue<int>(), before["relationships"]!.GetValue<int>()), (after["twins"]!.GetValue<int>(), after["relationships"]!.GetValue<int>()));
        return first;
    }

    private async Task<JsonNode> SystemAsync() => JsonNode.Parse(await _silo.Http.GetStringAsync("/system", Cancel))!;

    private async Task CountsAreAsync(Dictionary<string, int> expected, int? relationships)
    {
        var system = await SystemAsync();
        var byModel = system["twinsByModel"]!.AsObject().ToDictionary(m => m.Key, m => m.Value!.GetValue<int>());
        foreach (var (model, count) in expected) Assert.True(byModel.GetValueOrDefault(model) == count, $"{model}: {byModel.GetValueOrDefault(model)}, the file has {count}");
        if (expected.Count == 0) Assert.Equal(0, system["twins"]!.GetValue<int>());
        if (relationships is { } many) Assert.Equal(many, system["relationships"]!.GetValue<int>());
    }

    private async Task ArePlacedAsync(HashSet<string> ids, (double Low, double High) longitude, (double Low, double High) latitude, (double Low, double High) height)
    {
        Assert.NotEmpty(ids);
        foreach (var id in ids)
        {
            var twin = JsonNode.Parse(await _silo.Http.GetStringAsync($"/digitaltwins/{Uri.EscapeDataString(id)}", Cancel))!;
            Assert.InRange(twin["longitude"]!.GetValue<double>(), longitude.Low, longitude.High);
            Assert.InRange(twin["latitude"]!.GetValue<double>(), latitude.Low, latitude.High);
            Assert.InRange(twin["height"]!.GetValue<double>(), height.Low, height.High);
        }
    }
}
