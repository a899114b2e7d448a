using System.Globalization;
using Microsoft.Playwright;

namespace Twin.EndToEnd.Tests;

/// <summary>The browser of the console's tests, and what they read from its pages.</summary>
internal static class HeadlessChromium
{
    private const string Executable = "/usr/bin/chromium";

    public static bool IsThere => File.Exists(Executable);

    /// <summary>Starts it; a page with a map needs a graphics card made of software, others are quicker without any.</summary>
    public static Task<IBrowser> LaunchAsync(IPlaywright playwright, bool drawsMap) => playwright.Chromium.LaunchAsync(new()
    {
        ExecutablePath = Executable,
        Args =
        [
            "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run",
            .. drawsMap ? ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"] : (string[])["--disable-gpu"],
        ],
    });

    /// <summary>The text of the element of that test name; empty when there is none. Asked of the page at once: without a graphics card a frame takes long, and the driver's own waiting is counted in frames.</summary>
    public static Task<string> TextAsync(IPage page, string name) => page.EvaluateAsync<string>("name => document.querySelector(`[data-test=\"${name}\"]`)?.textContent ?? ''", name);

    /// <summary>The digits of a text as one number; -1 without any.</summary>
    public static long DigitsOf(string text) => long.TryParse(new string([.. text.Where(char.IsAsciiDigit)]), CultureInfo.InvariantCulture, out var number) ? number : -1;
}
