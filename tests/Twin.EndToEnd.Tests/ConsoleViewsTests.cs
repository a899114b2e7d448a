using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Twin.EndToEnd.Tests.HeadlessChromium;

namespace Twin.EndToEnd.Tests;

/// <summary>A real silo with the factory, and a headless browser; one for all tests of the views.</summary>
public sealed class ConsoleViewsFixture : IAsyncLifetime
{
    private readonly string _folder = SiloProcess.NewFolder();
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private SiloProcess? _silo;

    public HttpClient Http => _silo!.Http;

    public async ValueTask InitializeAsync()
    {
        if (!HeadlessChromium.IsThere) return;
        _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "factory");
        _playwright = await Playwright.CreateAsync();
        _browser = await HeadlessChromium.LaunchAsync(_playwright, drawsMap: false);
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        if (_silo is not null) await _silo.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A page at an address of the console, with what fails in it.</summary>
    public async Task<(IPage Page, List<string> Failures)> OpenAsync(string hash)
    {
        var page = await _browser!.NewPageAsync(new() { ViewportSize = new() { Width = 1280, Height = 760 } });
        var failures = new List<string>();
        page.PageError += (_, error) => failures.Add(error);
        await page.GotoAsync($"http://localhost:{_silo!.Port}/#{hash}", new() { WaitUntil = WaitUntilState.DOMContentLoaded, Timeout = 60_000 });
        return (page, failures);
    }
}

/// <summary>The console's views in headless Chromium on the real silo: what each shows is what the API says.</summary>
public sealed class ConsoleViewsTests(ConsoleViewsFixture world) : IClassFixture<ConsoleViewsFixture>
{
    private const string Station = "dtmi:twin:factory:Station;1";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_query_views_table_map_and_count_are_the_APIs_answer()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var query = $"SELECT T.$dtId, T.good FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '{Station}') ORDER BY T.$dtId";
        var expected = (await AskAsync(query)).Select(r => (string)r!["$dtId"]!).ToArray();
        Assert.Equal(20, expected.Length);
        var (page, failures) = await world.OpenAsync($"/query?q={Uri.EscapeDataString(query)}");
        await Eventually.TrueAsync(async () => (await AllAsync(page, "[data-test=query] tr[data-key] td:first-child")).SequenceEqual(expected), "the table to list the 20 stations in order", Cancel);
        Assert.StartsWith("20 rows", await TextAsync(page, "query-status"), StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => await page.EvaluateAsync<string>("document.querySelector('[data-test=query-map]')?.dataset.marks ?? ''") == "20", "20 marks on the map", Cancel);
        var bars = await page.EvaluateAsync<int>("[...document.querySelectorAll('[data-test=chart] rect[data-count]')].reduce((sum, r) => sum + Number(r.dataset.count), 0)");
        Assert.Equal(20, bars);
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    [Fact]
    public async Task A_query_that_is_wrong_is_underlined_where_the_API_says_and_a_selected_row_is_in_the_address()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var (page, failures) = await world.OpenAsync($"/query?q={Uri.EscapeDataString("SELECT T.power FRM DIGITALTWINS T")}");
        await Eventually.TrueAsync(async () => (await AllAsync(page, ".query-editor mark")).SequenceEqual(["FRM"]), "the wrong word to be underlined", Cancel);
        Assert.Contains("Character 16", await TextAsync(page, "query-error"), StringComparison.Ordinal);
        await page.EvaluateAsync("""
            () => {
              const field = document.querySelector('[data-test=query-text]');
              field.value = "SELECT * FROM DIGITALTWINS T WHERE T.$dtId = 'station-1-03'";
              field.dispatchEvent(new InputEvent('input'));
              document.querySelector('[data-test=query-run]').click();
            }
            """);
        await Eventually.TrueAsync(async () => (await AllAsync(page, "[data-test=query] tr[data-key] td:first-child")).SequenceEqual(["station-1-03"]), "the one row", Cancel);
        await page.EvaluateAsync("document.querySelector('[data-test=query] tr[data-key]').click()");
        await Eventually.TrueAsync(() => Task.FromResult(page.Url.Contains("sel=station-1-03", StringComparison.Ordinal)), "the selection to be in the address", Cancel);
        Assert.Contains("q=SELECT", page.Url, StringComparison.Ordinal);
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    [Fact]
    public async Task The_factory_shows_each_stations_state_counts_and_effectiveness_and_each_buffers_level()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var (page, failures) = await world.OpenAsync("/factory");
        await Eventually.TrueAsync(async () => (await AllAsync(page, "[data-test=factory] .station")).Length == 20, "20 stations on the floor", Cancel, 60);
        // The line lives on while we look: a figure must be the twin's just before or just after the twins were asked.
        await Eventually.TrueAsync(async () =>
        {
            var before = await FiguresAsync(page);
            var twins = await AskAsync($"SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '{Station}')");
            var after = await FiguresAsync(page);
            bool Shows(JsonNode twin, string path, string expected) => before.GetValueOrDefault($"{twin["$dtId"]}/{path}") == expected || after.GetValueOrDefault($"{twin["$dtId"]}/{path}") == expected;
            return twins.Count == 20 && twins.All(t => Shows(t!, "good", Text(Number(t!, "good"), 0)) && Shows(t!, "scrap", Text(Number(t!, "scrap"), 0))
                && Shows(t!, "oee", Text(Number(t!, "availability") * Number(t!, "performance") * Number(t!, "quality") / 10_000, 1))
                && Shows(t!, "state", (string)t!["state"]! == "down" ? "failed" : (string)t["state"]!));
        }, "the stations' figures to be the twins'", Cancel, 60);
        await Eventually.TrueAsync(async () =>
        {
            var before = await FiguresAsync(page);
            var buffers = await AskAsync("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:twin:factory:Buffer;1')");
            var after = await FiguresAsync(page);
            return buffers.Count == 18 && buffers.All(b => Text(Number(b!, "level"), 0) is var level && (before.GetValueOrDefault($"{b!["$dtId"]}/level") == level || after.GetValueOrDefault($"{b["$dtId"]}/level") == level));
        }, "the buffers' levels to be the twins'", Cancel, 60);
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    [Fact]
    public async Task The_system_view_shows_the_shards_and_rates_of_the_API_and_says_that_nothing_is_at_a_bound()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var (page, failures) = await world.OpenAsync("/system");
        var system = JsonNode.Parse(await world.Http.GetStringAsync("/system", Cancel))!;
        var shards = system["shards"]!.AsArray().Select(s => (long)s!["twins"]!).ToArray();
        await Eventually.TrueAsync(async () => (await AllAsync(page, "[data-test=system-silos] tr[data-shard] td:nth-child(2)")).Select(DigitsOf).SequenceEqual(shards), "the shards' twins", Cancel, 60);
        await Eventually.TrueAsync(async () => DigitsOf(await TextAsync(page, "now-applied")) > 0, "a rate of applied values", Cancel, 60);
        await Eventually.TrueAsync(async () => (await TextAsync(page, "now-commit")) is not ("–" or ""), "the group commit's mean", Cancel, 60);
        Assert.Equal("ready", await page.EvaluateAsync<string>("document.querySelector('[data-test=ready]')?.dataset.state ?? ''"));
        Assert.NotEqual("Reading…", await TextAsync(page, "system-words"));
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    [Fact]
    public async Task A_device_is_listed_with_its_standing_what_is_pending_and_why_a_command_was_not_sent()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        using var registered = await world.Http.PutAsync(new Uri("/devices/station-1-01", UriKind.Relative), Json("{}"), Cancel);
        Assert.True(registered.IsSuccessStatusCode);
        using var desired = await world.Http.PatchAsync(new Uri("/devices/station-1-01/desired", UriKind.Relative), Json("""{"interval":10,"limits":{"power":22}}"""), Cancel);
        Assert.True(desired.IsSuccessStatusCode);
        var (page, failures) = await world.OpenAsync("/devices?prefix=station-1-01&device=station-1-01");
        await Eventually.TrueAsync(async () => (await AllAsync(page, "[data-test=device-diff] tr[data-kind=pending] td:first-child")).SequenceEqual(["interval", "limits/power"]), "two pending values", Cancel, 60);
        Assert.Equal("disconnected", await TextAsync(page, "device-standing"));
        await Eventually.TrueAsync(async () => (await AllAsync(page, "[data-test=devices] tr[data-key] td:nth-child(-n+2)")).SequenceEqual(["station-1-01", "disconnected"]), "the device in the list", Cancel);
        await page.EvaluateAsync("""
            () => {
              const select = document.querySelector('[data-test=command-name]');
              if (![...select.options].some(o => o.value === 'stop')) { select.value = ''; select.dispatchEvent(new Event('change')); document.querySelector('[data-test=command-other]').value = 'stop'; }
              document.querySelector('[data-test=command-send]').click();
            }
            """);
        await Eventually.TrueAsync(async () => (await TextAsync(page, "command-result")).Contains("Not sent", StringComparison.Ordinal), "the refusal of the command", Cancel);
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    [Fact]
    public async Task A_models_count_and_contents_are_the_APIs_and_a_DTDL_file_is_taken_or_refused_with_reasons()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var (page, failures) = await world.OpenAsync($"/models?model={Station}");
        var count = (long)(await AskAsync($"SELECT COUNT() FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '{Station}')"))[0]!["COUNT"]!;
        await Eventually.TrueAsync(async () => await page.EvaluateAsync<string>("document.querySelector('[data-test=model-count]')?.dataset.count ?? ''") == count.ToString(CultureInfo.InvariantCulture), $"the count {count}", Cancel, 60);
        var definition = JsonNode.Parse(await world.Http.GetStringAsync($"/models/{Uri.EscapeDataString(Station)}", Cancel))!["model"]!;
        var own = definition["contents"]!.AsArray().Where(c => IsOf(c!, "Property")).Select(c => (string)c!["name"]!).ToArray();
        var shown = await AllAsync(page, "[data-test=model-detail] [data-kind=property] tbody td:first-child");
        Assert.Superset(own.ToHashSet(), shown.ToHashSet());
        Assert.Contains("name", shown);

        await ChooseAsync(page, "bad.json", """{"@id":"dtmi:views:Bad;1","@type":"Interface","@context":"dtmi:dtdl:context;3","contents":[{"@type":"Property","name":"1bad","schema":"double"}]}""");
        await Eventually.TrueAsync(async () => (await TextAsync(page, "model-note")).Contains("1bad", StringComparison.Ordinal), "the silo's reason to be shown", Cancel);
        await ChooseAsync(page, "good.json", """[{"@id":"dtmi:views:Good;1","@type":"Interface","@context":"dtmi:dtdl:context;3","displayName":"Good","contents":[{"@type":"Property","name":"level","schema":"double"}]}]""");
        await Eventually.TrueAsync(async () => (await TextAsync(page, "model-note")).Contains("1 model is in", StringComparison.Ordinal), "the model to be taken", Cancel);
        Assert.Contains("dtmi:views:Good;1", await page.EvaluateAsync<string[]>("[...document.querySelectorAll('[data-test=model-tree] li')].map(l => l.dataset.model)"));
        Assert.Contains("dtmi:views:Good;1", await world.Http.GetStringAsync("/models", Cancel), StringComparison.Ordinal);
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    private async Task<JsonArray> AskAsync(string query)
    {
        using var answer = await world.Http.PostAsync(new Uri("/query", UriKind.Relative), Json(new JsonObject { ["query"] = query, ["pageSize"] = 1000 }.ToJsonString()), Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!["value"]!.AsArray();
    }

    private static Task ChooseAsync(IPage page, string name, string json) =>
        page.SetInputFilesAsync("[data-test=model-file]", new FilePayload { Name = name, MimeType = "application/json", Buffer = Encoding.UTF8.GetBytes(json) });

    private static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    private static bool IsOf(JsonNode content, string type) => content["@type"] is JsonArray all ? all.Any(t => (string)t! == type) : (string)content["@type"]! == type;

    private static double Number(JsonNode twin, string path) => twin[path]!.GetValue<double>();

    private static string Text(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);

    /// <summary>Every figure on the floor by "twin/property".</summary>
    private static async Task<Dictionary<string, string>> FiguresAsync(IPage page)
    {
        var pairs = await page.EvaluateAsync<string[]>("[...document.querySelectorAll('text[data-id][data-path]')].flatMap(t => [`${t.dataset.id}/${t.dataset.path}`, t.textContent])");
        return pairs.Chunk(2).ToDictionary(p => p[0], p => p[1]);
    }

    private static Task<string[]> AllAsync(IPage page, string selector) => page.EvaluateAsync<string[]>("selector => [...document.querySelectorAll(selector)].map(e => e.textContent)", selector);
}
