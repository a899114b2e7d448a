using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Twin.EndToEnd.Tests.HeadlessChromium;

namespace Twin.EndToEnd.Tests;

/// <summary>The graph, the query workbench, the model editor and the health sign in headless Chromium on a real silo.</summary>
public sealed class ConsoleWorkbenchTests(ConsoleViewsFixture world) : IClassFixture<ConsoleViewsFixture>
{
    private const string Node = "dtmi:workbench:Node;1";
    private const string Station = "dtmi:twin:factory:Station;1";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_graph_shows_a_twins_neighbours_says_what_it_leaves_out_opens_by_key_and_follows_the_stream()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        await MakeHubAsync(20);
        var (page, failures) = await world.OpenAsync("/graph?root=hub&hops=1");
        await ShowsAsync(page, "graph-count", "13 twins, 12 relationships");
        Assert.Equal("8 neighbours left out", await TextAsync(page, "graph-left"));
        Assert.Equal("Hub", await TextAsync(page, "graph-root"));

        // From the hub in the middle to the right, and open what stands there: each spoke has a leaf of its own.
        await page.EvaluateAsync("document.querySelector('[data-test=graph-canvas]').focus()");
        await page.Keyboard.PressAsync("ArrowRight");
        await Eventually.TrueAsync(async () => (await TextAsync(page, "graph-told")).StartsWith("spoke-", StringComparison.Ordinal), "a spoke to be told of", Cancel);
        var spoke = (await TextAsync(page, "graph-told")).Split(' ')[0];
        await page.Keyboard.PressAsync("Enter");
        await ShowsAsync(page, "graph-count", "14 twins, 13 relationships");
        Assert.Contains($"sel={spoke}", page.Url, StringComparison.Ordinal);
        Assert.Contains($"open={spoke}", page.Url, StringComparison.Ordinal);
        await ShowsAsync(page, "inspected", spoke);

        await page.Keyboard.PressAsync("ArrowLeft");
        await page.Keyboard.PressAsync("ArrowRight");
        var told = (await TextAsync(page, "graph-told")).Split(' ')[0];
        await PatchAsync(told, """[{"op":"replace","path":"/power","value":77}]""");
        await Eventually.TrueAsync(async () => (await TextAsync(page, "graph-told")).Contains("77 W", StringComparison.Ordinal), $"the new power of {told}", Cancel);

        await PutAsync("/digitaltwins/spoke-99", $$$"""{"$metadata":{"$model":"{{{Node}}}"},"power":1}""");
        await PutAsync("/digitaltwins/hub/relationships/r99", """{"$targetId":"spoke-99","$relationshipName":"feeds"}""");
        await ShowsAsync(page, "graph-left", "9 neighbours left out");
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    [Fact]
    public async Task A_graph_address_opens_the_same_twins_again_and_an_unknown_twin_is_said_to_be_none()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        await MakeHubAsync(3);
        var (page, failures) = await world.OpenAsync("/graph?root=spoke-02&hops=1&open=hub");
        await ShowsAsync(page, "graph-root", "spoke-02");
        await Eventually.TrueAsync(async () => DigitsOf((await TextAsync(page, "graph-count")).Split(' ')[0]) >= 5, "the hub to be open", Cancel);
        await page.EvaluateAsync("location.hash = '#/graph?root=nobody'");
        await Eventually.TrueAsync(async () => (await TextAsync(page, "graph-cover")).Contains("There is no twin 'nobody'", StringComparison.Ordinal), "the refusal", Cancel);
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    [Fact]
    public async Task A_query_is_explained_as_a_tree_kept_under_a_name_and_drawn_by_its_groups()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var query = $"SELECT T.state, COUNT() AS twins FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '{Station}') GROUP BY T.state";
        var (page, failures) = await world.OpenAsync($"/query?q={Uri.EscapeDataString(query)}");
        await Eventually.TrueAsync(async () => await page.EvaluateAsync<int>("[...document.querySelectorAll('[data-test=chart] rect[data-count]')].reduce((sum, r) => sum + Number(r.dataset.count), 0)") == 20, "bars of 20 stations in all", Cancel, 60);
        await page.EvaluateAsync("document.querySelector('[data-test=query-explain]').click()");
        await Eventually.TrueAsync(async () => (await TextAsync(page, "query-plan")).Contains("8 shards, added up", StringComparison.Ordinal), "the plan", Cancel);
        var plan = await TextAsync(page, "query-plan");
        Assert.Contains("Station", plan, StringComparison.Ordinal);
        Assert.Contains("twins 20", plan, StringComparison.Ordinal);
        Assert.Contains("plan=1", page.Url, StringComparison.Ordinal);

        await page.EvaluateAsync("""
            () => {
              document.querySelector('[data-test=query-save]').click();
              document.querySelector('[data-test=shelf-name]').value = 'Stations by state';
              document.querySelector('[data-test=shelf-save]').click();
            }
            """);
        await page.ReloadAsync(new() { WaitUntil = WaitUntilState.DOMContentLoaded });
        await Eventually.TrueAsync(async () => (await TextAsync(page, "shelf-query")) == "Stations by state", "the query to be kept", Cancel, 60);
        await page.EvaluateAsync("document.querySelector('[data-test=shelf-query]').click()");
        await Eventually.TrueAsync(async () => (await TextAsync(page, "query-status")).Contains("row", StringComparison.Ordinal), "its rows", Cancel);
        await page.EvaluateAsync("document.querySelector('[data-test=shelf-past]').click()");
        await Eventually.TrueAsync(async () => await page.EvaluateAsync<int>("document.querySelectorAll('.shelf-query.is-past').length") == 1, "one text in the history", Cancel);
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    [Fact]
    public async Task A_model_written_as_text_is_refused_at_its_line_then_taken_and_its_twins_are_shown()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var (page, failures) = await world.OpenAsync("/models");
        await Eventually.TrueAsync(async () => await page.EvaluateAsync<bool>("!!document.querySelector('[data-test=model-new]') && document.querySelectorAll('[data-model]').length > 0"), "the models", Cancel, 60);
        await page.EvaluateAsync("document.querySelector('[data-test=model-new]').click()");
        await WriteAsync(page, "[\n{ \"@id\": \"dtmi:workbench:Base;1\", \"@type\": \"Interface\", \"@context\": \"dtmi:dtdl:context;3\" },\n{\n  \"@id\": \"dtmi:workbench:Written;1\", \"@type\": \"Interface\", \"@context\": \"dtmi:dtdl:context;3\",\n  \"extends\": \"dtmi:workbench:Base;1\",\n  \"contents\": [{ \"@type\": \"Property\", \"name\": \"1bad\", \"schema\": \"double\" }]\n}\n]");
        await Eventually.TrueAsync(async () => (await TextAsync(page, "model-faults")).Contains("Line 6", StringComparison.Ordinal), "the error at line 6", Cancel);
        Assert.Contains("1bad", await page.EvaluateAsync<string>("document.querySelector('[data-test=model-editor] .line.wrong')?.textContent ?? ''"), StringComparison.Ordinal);

        await WriteAsync(page, (await page.EvaluateAsync<string>("document.querySelector('[data-test=model-text]').value")).Replace("1bad", "good", StringComparison.Ordinal));
        await Eventually.TrueAsync(async () => (await TextAsync(page, "model-note")).Contains("2 models are in", StringComparison.Ordinal), "both models to be taken", Cancel);
        await Eventually.TrueAsync(async () => (await TextAsync(page, "model-lineage")).Contains("Written", StringComparison.Ordinal), "what stands under the base", Cancel);
        await PutAsync("/digitaltwins/written-1", """{"$metadata":{"$model":"dtmi:workbench:Written;1"},"good":4}""");
        await page.EvaluateAsync("document.querySelector('[data-test=model-twins]').click()");
        await Eventually.TrueAsync(async () => await page.EvaluateAsync<string>("document.querySelector('[data-test=query] tr[data-key]')?.dataset.key ?? ''") == "written-1", "the twin of the base's subtype", Cancel, 60);
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    [Fact]
    public async Task The_health_sign_is_good_on_a_sound_silo_and_says_why()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var (page, failures) = await world.OpenAsync("/system");
        await Eventually.TrueAsync(async () => await page.EvaluateAsync<string>("document.querySelector('[data-test=health]')?.dataset.state ?? ''") == "good", "the sign to be good", Cancel, 60);
        await page.EvaluateAsync("document.querySelector('[data-test=health]').click()");
        await Eventually.TrueAsync(async () => (await TextAsync(page, "health-why")).Contains("Healthy", StringComparison.Ordinal), "the reasons", Cancel);
        Assert.Contains("1 silo, 8 shards", await TextAsync(page, "health-why"), StringComparison.Ordinal);
        Assert.Empty(failures);
        await page.CloseAsync();
    }

    /// <summary>A hub that feeds spokes, each with a leaf; made again it is the same.</summary>
    private async Task MakeHubAsync(int spokes)
    {
        using var model = await world.Http.PostAsync(new Uri("/models", UriKind.Relative), Json($$"""
            [{"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:quantitativeTypes;1"],"@id":"{{Node}}","@type":"Interface","displayName":"Node","contents":[
              {"@type":"Property","name":"name","schema":"string"},{"@type":["Property","Power"],"name":"power","schema":"double","unit":"watt","writable":true},
              {"@type":"Relationship","name":"feeds","target":"{{Node}}"}]}]
            """), Cancel);
        await PutAsync("/digitaltwins/hub", $$$"""{"$metadata":{"$model":"{{{Node}}}"},"name":"Hub","power":5}""");
        for (var i = 1; i <= spokes; i++)
        {
            await PutAsync($"/digitaltwins/spoke-{i:D2}", $$$"""{"$metadata":{"$model":"{{{Node}}}"},"power":{{{i}}}}""");
            await PutAsync($"/digitaltwins/leaf-{i:D2}", $$$"""{"$metadata":{"$model":"{{{Node}}}"}}""");
            await PutAsync($"/digitaltwins/hub/relationships/r{i:D2}", $$"""{"$targetId":"spoke-{{i:D2}}","$relationshipName":"feeds"}""");
            await PutAsync($"/digitaltwins/spoke-{i:D2}/relationships/l{i:D2}", $$"""{"$targetId":"leaf-{{i:D2}}","$relationshipName":"feeds"}""");
        }
    }

    private async Task PutAsync(string path, string json)
    {
        using var answer = await world.Http.PutAsync(new Uri(path, UriKind.Relative), Json(json), Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }

    private async Task PatchAsync(string id, string patch)
    {
        using var content = new StringContent(patch, Encoding.UTF8, "application/json-patch+json");
        using var answer = await world.Http.PatchAsync(new Uri($"/digitaltwins/{id}", UriKind.Relative), content, Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }

    private static Task WriteAsync(IPage page, string text) => page.EvaluateAsync("""
        text => {
          const field = document.querySelector('[data-test=model-text]');
          field.value = text;
          field.dispatchEvent(new InputEvent('input'));
          document.querySelector('[data-test=model-add]').click();
        }
        """, text);

    private static async Task ShowsAsync(IPage page, string name, string text)
    {
        try
        {
            await Eventually.TrueAsync(async () => await TextAsync(page, name) == text, $"{name} to be '{text}'", Cancel, 60);
        }
        catch (Exception) when (!Cancel.IsCancellationRequested)
        {
            Assert.Equal(text, await TextAsync(page, name));
            throw;
        }
    }

    private static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");
}
