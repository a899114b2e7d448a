using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Twin.EndToEnd.Tests.HeadlessChromium;

namespace Twin.EndToEnd.Tests;

/// <summary>The console in headless Chromium on the real silo with a small city: what it shows is what the API says.</summary>
public sealed class ConsoleTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_city_lives_on_the_map_and_a_lost_connection_is_said_at_once()
    {
        Assert.SkipUnless(HeadlessChromium.IsThere, "chromium is not installed");
        var folder = SiloProcess.NewFolder();
        await using var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "city", "--size", "2000");
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await HeadlessChromium.LaunchAsync(playwright, drawsMap: true);
        var page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 800, Height = 500 } });
        var failures = new List<string>();
        page.PageError += (_, error) => failures.Add(error);
        await page.GotoAsync($"http://localhost:{silo.Port}/?perf=1#/city");
        await page.WaitForSelectorAsync("[data-test=load]", new() { State = WaitForSelectorState.Hidden, Timeout = 60_000 });

        var scene = JsonNode.Parse(await silo.Http.GetStringAsync("/scene", Cancel))!;
        var expected = scene["twins"]!["id"]!.AsArray().Count;
        await Eventually.TrueAsync(async () => DigitsOf(await TextAsync(page, "twin-count")) == expected, $"the bar to count {expected} twins", Cancel);
        await Eventually.TrueAsync(async () => (await TextAsync(page, "connection")).Contains("Live", StringComparison.Ordinal), "the connection to be live", Cancel);
        await Eventually.TrueAsync(async () => DigitsOf(await TextAsync(page, "change-rate")) > 0, "changes to arrive", Cancel);
        Assert.True(await page.Locator("[data-test=legend]").IsVisibleAsync());
        Assert.True(await HasPictureAsync(page), "the map's canvas is one flat colour");

        await silo.KillAsync();
        await Eventually.TrueAsync(async () => !(await TextAsync(page, "connection")).Contains("Live", StringComparison.Ordinal), "the lost connection to be told", Cancel);
        Assert.Empty(failures);
        await browser.CloseAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task The_consoles_own_tests_pass()
    {
        var folder = Path.Combine(Repository.Root, "clients", "console");
        Assert.SkipUnless(Directory.Exists(Path.Combine(folder, "node_modules")), "Node was not found when the console was built");
        using var npm = Process.Start(new ProcessStartInfo("npm", "test --silent") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = npm.StandardOutput.ReadToEndAsync(Cancel);
        var errors = npm.StandardError.ReadToEndAsync(Cancel);
        await npm.WaitForExitAsync(Cancel);
        Assert.True(npm.ExitCode == 0, await output + await errors);
    }

    /// <summary>A screenshot of the map compresses badly when something is drawn on it: a flat one of this size is a few kilobytes.</summary>
    private static async Task<bool> HasPictureAsync(IPage page) => (await page.Locator("[data-test=city]").ScreenshotAsync(new() { Timeout = 60_000 })).Length > 20_000;
}
