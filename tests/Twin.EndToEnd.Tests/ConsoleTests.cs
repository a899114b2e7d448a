using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Twin.EndToEnd.Tests;

/// <summary>The console in headless Chromium on the real silo with a small city: what it shows is what the API says.</summary>
public sealed class ConsoleTests
{
    private const string Chromium = "/usr/bin/chromium";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_city_lives_on_the_map_and_a_lost_connection_is_said_at_once()
    {
        Assert.SkipUnless(File.Exists(Chromium), "chromium is not installed");
        var folder = SiloProcess.NewFolder();
        await using var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "city", "--size", "2000");
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Chromium,
            Args = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
        });
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
        var folder = Path.Combine(RepositoryFolder(), "clients", "console");
        Assert.SkipUnless(Directory.Exists(Path.Combine(folder, "node_modules")), "Node was not found when the console was built");
        using var npm = Process.Start(new ProcessStartInfo("npm", "test --silent") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = npm.StandardOutput.ReadToEndAsync(Cancel);
        var errors = npm.StandardError.ReadToEndAsync(Cancel);
        await npm.WaitForExitAsync(Cancel);
        Assert.True(npm.ExitCode == 0, await output + await errors);
    }

    private static string RepositoryFolder()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Twin.sln"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    // Asked of the page at once: without a graphics card a frame takes long, and the driver's own waiting is counted in frames.
    private static Task<string> TextAsync(IPage page, string name) => page.EvaluateAsync<string>("name => document.querySelector(`[data-test=${name}]`)?.textContent ?? ''", name);

    private static long DigitsOf(string text) => long.TryParse(new string([.. text.Where(char.IsAsciiDigit)]), CultureInfo.InvariantCulture, out var number) ? number : -1;

    /// <summary>A screenshot of the map compresses badly when something is drawn on it: a flat one of this size is a few kilobytes.</summary>
    private static async Task<bool> HasPictureAsync(IPage page) => (await page.Locator("[data-test=city]").ScreenshotAsync(new() { Timeout = 60_000 })).Length > 20_000;
}
