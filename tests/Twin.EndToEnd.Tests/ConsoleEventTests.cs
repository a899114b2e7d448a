using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Twin.EndToEnd.Tests;

/// <summary>The concert as people see it: a real silo with the event scenario, two browsers in one space.</summary>
public sealed class ConsoleEventTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_people_come_in_through_the_console_among_the_guests_walk_talk_and_watch_it_again()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var folder = SiloProcess.NewFolder();
        await using (var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "event", "--history", "false")) await VisitAsync(silo);
        Directory.Delete(folder, recursive: true);
    }

    private static async Task VisitAsync(SiloProcess silo)
    {
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await HeadlessChromium.LaunchAsync(playwright, drawsMap: true);
        await Eventually.TrueAsync(async () => (await silo.Http.GetStringAsync("/spaces", Cancel)).Contains("concert", StringComparison.Ordinal), "the concert to open", Cancel);
        var (mira, failures) = await EnterAsync(browser, silo, "Mira");
        await Eventually.TrueAsync(async () => await mira.EvaluateAsync<bool>("/^[34]\\d\\d of 6000|^50\\d of 6000/.test([...document.querySelectorAll('.event-figures dd')][0]?.textContent ?? '')"), "the desk to count the guests", Cancel);

        var before = await PlaceAsync(silo, "Mira");
        await mira.Keyboard.DownAsync("w");
        await Eventually.TrueAsync(async () => Math.Abs(await PlaceAsync(silo, "Mira") - before) > 1, "Mira to walk", Cancel);
        await mira.Keyboard.UpAsync("w");

        var (noa, others) = await EnterAsync(browser, silo, "Noa");
        await noa.Keyboard.PressAsync("c");
        await noa.Keyboard.TypeAsync("hello Mira");
        await noa.EvaluateAsync("document.querySelector('.event-chat select').value = '1'");
        await noa.Keyboard.PressAsync("Enter");
        await Eventually.TrueAsync(async () => (await LinesAsync(mira)).Contains("hello Mira", StringComparison.Ordinal), "Mira to hear Noa", Cancel);

        await Eventually.TrueAsync(async () => await mira.EvaluateAsync<bool>("!!document.querySelector('[data-test=event-replay] button')"), "the last half minute to be offered", Cancel);
        await mira.EvaluateAsync("document.querySelector('[data-test=event-replay] button').click()");
        await Eventually.TrueAsync(async () => await StateAsync(mira) == "watching a recording", "the recording to play", Cancel);
        await mira.EvaluateAsync("document.querySelector('[data-test=event-live]').click()");
        await Eventually.TrueAsync(async () => await StateAsync(mira) == "you are here", "Mira to be back", Cancel);
        Assert.True(failures.Count + others.Count == 0, string.Join(" | ", failures.Concat(others)));
    }

    private static async Task<(IPage Page, List<string> Failures)> EnterAsync(IBrowser browser, SiloProcess silo, string name)
    {
        var context = await browser.NewContextAsync(new() { ViewportSize = new() { Width = 900, Height = 600 } });
        var page = await context.NewPageAsync();
        var failures = new List<string>();
        page.PageError += (_, error) => failures.Add(error);
        await page.GotoAsync($"http://localhost:{silo.Port}/#/event", new() { WaitUntil = WaitUntilState.DOMContentLoaded, Timeout = 60_000 });
        await page.FillAsync("[data-test=event-name]", name, new() { Timeout = 30_000 });
        await page.ClickAsync("[data-test=event-enter]", new() { Timeout = 30_000 });
        await Eventually.TrueAsync(async () => await StateAsync(page) == "you are here", $"{name} to be in", Cancel);
        return (page, failures);
    }

    private static async Task<string> StateAsync(IPage page) => await page.EvaluateAsync<string>("document.querySelector('[data-test=event-state]')?.textContent ?? ''");

    private static async Task<string> LinesAsync(IPage page) => await page.EvaluateAsync<string>("document.querySelector('[data-test=event-lines]')?.textContent ?? ''");

    private static async Task<double> PlaceAsync(SiloProcess silo, string user)
    {
        var people = JsonNode.Parse(await silo.Http.GetStringAsync("/spaces/concert/people", Cancel))!["value"]!.AsArray();
        return people.Single(p => (string)p!["user"]! == user)!["z"]!.GetValue<double>();
    }
}
