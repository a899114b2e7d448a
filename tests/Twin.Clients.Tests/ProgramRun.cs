using System.Diagnostics;

namespace Twin.Clients.Tests;

/// <summary>The built program in a process of its own.</summary>
internal static class ProgramRun
{
    public static async Task<(int Exit, string Output, string Errors)> RunAsync(params string[] words)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in words.Prepend(Path.Combine(AppContext.BaseDirectory, "twin.dll"))) start.ArgumentList.Add(word);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(true);
            throw new TimeoutException($"twin {string.Join(' ', words)} did not end within 60 s.");
        }

        return (process.ExitCode, await output, await errors);
    }
}
