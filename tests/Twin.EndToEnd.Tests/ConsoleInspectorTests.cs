using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Twin.EndToEnd.Tests;

/// <summary>The console's frame in headless Chromium on a real silo: inspector, edits, search, alarms and themes agree with the API.</summary>
public sealed class ConsoleInspectorTests : IAsyncLifetime
{
    private const string Model = "dtmi:twin:test:Post;1";

    private const string Dtdl = """
        [{"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:quantitativeTypes;1"],"@id":"dtmi:twin:test:Post;1","@type":"Interface","displayName":"Post","contents":[
          {"@type":"Property","name":"name","schema":"string"},{"@type":"Property","name":"x","schema":"double"},{"@type":"Property","name":"y","schema":"double"},
          {"@type":["Property","Power"],"name":"power","schema":"double","unit":"watt","writable":true},
          {"@type":"Property","name":"alarm","schema":"string"},
          {"@type":"Relationship","name":"feeds","target":"dtmi:twin:test:Post;1"}]}]
        """;

    private readonly string _folder = SiloProcess.NewFolder();
    private SiloProcess _silo = null!;
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;
    private IPage _page = null!;
    private readonly List<string> _failures = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none");
        await CreateAsync();
        _playwright = await Playwright.CreateAsync();
        _browser = await HeadlessChromium.LaunchAsync(_playwright, drawsMap: true);
        _page = await _browser.NewPageAsync(new() { ViewportSize = new() { Width = 900, Height = 600 } });
        _page.PageError += (_, error) => _failures.Add(error);
        // The query view draws no map: what is asked here has nothing to do with a graphics card.
        await _page.GotoAsync($"http://localhost:{_silo.Port}/#/query?sel=post-1");
        await ShowsAsync("inspected", "North post");
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.CloseAsync();
        _playwright?.Dispose();
        if (_silo is not null) await _silo.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task The_inspector_says_what_the_api_says_and_follows_it_live()
    {
        await ShowsAsync("value-power", "12.5");
        Assert.Equal("Post", await _page.EvaluateAsync<string>("() => document.querySelector('.side-sub .soft').textContent"));
        Assert.Equal("W", await _page.EvaluateAsync<string>("() => document.querySelector('[data-test=value-power]').parentElement.querySelector('.unit').textContent"));
        await ShowsAsync("relation-post-2", "South post");
        await PatchAsync("post-1", "power", "99.25");
        await ShowsAsync("value-power", "99.25");
        await ClickAsync("relation-post-2");
        await ShowsAsync("inspected", "South post");
        await ShowsAsync("value-power", (await PowerAsync("post-2")).ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Contains("sel=post-2", _page.Url, StringComparison.Ordinal);
        Assert.Empty(_failures);
    }

    [Fact]
    public async Task An_edit_changes_the_twin_and_never_overwrites_somebody_elses()
    {
        await ClickAsync("edit-power");
        await SubmitAsync("bright");
        await ShowsAsync("edit-message", "a number");
        Assert.Equal(12.5, await PowerAsync("post-1"));
        await SubmitAsync("31");
        await ShowsAsync("value-power", "31");
        Assert.Equal(31, await PowerAsync("post-1"));
        await Eventually.TrueAsync(async () => await _page.EvaluateAsync<bool>("() => !document.querySelector('[data-test=edit]')"), "the editor to close", Cancel);

        await ClickAsync("edit-power");
        await PatchAsync("post-1", "power", "50");
        await SubmitAsync("32");
        await ShowsAsync("edit-message", "Someone else set power to 50");
        Assert.Equal(50, await PowerAsync("post-1"));
        await ClickAsync("edit-mine");
        await Eventually.TrueAsync(async () => await PowerAsync("post-1") == 32, "the value that was kept to be written", Cancel);
        Assert.Empty(_failures);
    }

    [Fact]
    public async Task The_field_finds_a_twin_by_its_name_and_the_alarms_are_those_of_a_query()
    {
        await _page.EvaluateAsync("""() => { const f = document.querySelector('[data-test=search]'); f.focus(); f.value = 'south'; f.dispatchEvent(new Event('input', { bubbles: true })); }""");
        await ShowsAsync("twin-post-2", "South post");
        await _page.EvaluateAsync("""() => document.querySelector('[data-test=search]').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))""");
        await ShowsAsync("inspected", "South post");

        await PatchAsync("post-2", "alarm", "\"critical\"");
        await PatchAsync("post-3", "alarm", "\"warning\"");
        using var answer = await _silo.Http.PostAsync("/query", Lamp.Json("""{"query":"SELECT COUNT() FROM DIGITALTWINS T WHERE T.alarm != 'none'"}"""), Cancel);
        var count = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!["value"]![0]!["COUNT"]!.GetValue<int>();
        Assert.Equal(2, count);
        await ShowsAsync("alarms-button", "1 alarm · 1 warning");
        await ShowsAsync("twin-state", "Alarm");
        await ClickAsync("alarms-button");
        Assert.Equal(count, await _page.EvaluateAsync<int>("() => document.querySelectorAll('[data-test=alarms] tbody tr[data-test]').length"));
        Assert.Empty(_failures);
    }

    [Fact]
    public async Task The_theme_changes_and_is_kept_over_a_reload()
    {
        const string ground = "() => getComputedStyle(document.body).backgroundColor";
        var dark = await _page.EvaluateAsync<string>(ground);
        await ClickAsync("theme");
        var light = await _page.EvaluateAsync<string>(ground);
        Assert.NotEqual(dark, light);
        await _page.ReloadAsync();
        await ShowsAsync("inspected", "North post");
        Assert.Equal(light, await _page.EvaluateAsync<string>(ground));
        Assert.Empty(_failures);
    }

    private async Task CreateAsync()
    {
        using var models = await _silo.Http.PostAsync("/models", Lamp.Json(Dtdl), Cancel);
        Assert.True(models.IsSuccessStatusCode, await models.Content.ReadAsStringAsync(Cancel));
        (string Name, string Power)[] posts = [("North post", "12.5"), ("South post", "7"), ("West post", "3")];
        for (var i = 0; i < posts.Length; i++)
        {
            var body = $$"""{"$metadata":{"$model":"{{Model}}"},"name":"{{posts[i].Name}}","x":{{i * 40}},"y":0,"power":{{posts[i].Power}},"alarm":"none"}""";
            using var put = await _silo.Http.PutAsync($"/digitaltwins/post-{i + 1}", Lamp.Json(body), Cancel);
            Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(Cancel));
        }

        using var link = await _silo.Http.PutAsync("/digitaltwins/post-1/relationships/r1", Lamp.Json("""{"$targetId":"post-2","$relationshipName":"feeds"}"""), Cancel);
        Assert.True(link.IsSuccessStatusCode, await link.Content.ReadAsStringAsync(Cancel));
    }

    private async Task PatchAsync(string id, string path, string json)
    {
        using var body = new StringContent($$"""[{"op":"replace","path":"/{{path}}","value":{{json}}}]""", System.Text.Encoding.UTF8, "application/json-patch+json");
        using var answer = await _silo.Http.PatchAsync($"/digitaltwins/{id}", body, Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }

    private async Task<double> PowerAsync(string id) => JsonNode.Parse(await _silo.Http.GetStringAsync($"/digitaltwins/{id}", Cancel))!["power"]!.GetValue<double>();

    private Task<string> TextAsync(string name) => HeadlessChromium.TextAsync(_page, name);

    private async Task ShowsAsync(string name, string text) =>
        await Eventually.TrueAsync(async () => (await TextAsync(name)).Contains(text, StringComparison.Ordinal), $"'{name}' to show '{text}'", Cancel);

    private Task ClickAsync(string name) => _page.EvaluateAsync("name => document.querySelector(`[data-test=\"${name}\"]`).click()", name);

    private Task SubmitAsync(string text) => _page.EvaluateAsync("text => { document.querySelector('[data-test=edit-field]').value = text; document.querySelector('[data-test=edit]').requestSubmit(); }", text);
}
