using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary>The built <c>twin</c> command, run as people run it.</summary>
internal static class TwinProgram
{
    public static async Task<(int Exit, string Output, string Errors)> RunAsync(SiloProcess silo, double seconds, params string[] words)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in (string[])[Path.Combine(AppContext.BaseDirectory, "twin.dll"), .. words, "--url", $"http://127.0.0.1:{silo.Port}"]) start.ArgumentList.Add(word);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(true);
            throw new TimeoutException($"twin {string.Join(' ', words)} did not end within {seconds} s.");
        }

        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Runs with <c>--json</c>; the exit code is to be as told.</summary>
    public static async Task<JsonNode> JsonAsync(SiloProcess silo, int exit, params string[] words)
    {
        var (code, output, errors) = await RunAsync(silo, 180, [.. words, "--json"]);
        Assert.True(exit == code, $"twin {string.Join(' ', words)} ended with {code}: {output} {errors}");
        return JsonNode.Parse(output)!;
    }
}
