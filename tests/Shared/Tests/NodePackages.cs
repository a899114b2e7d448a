using System.Diagnostics;
using Xunit;

namespace Twin.Testing;

/// <summary>Programs of other people's clients in <c>tests/{name}</c>: installed by <c>npm install</c> there, or here when TWIN_NPM_INSTALL is set, as <c>.ci/run</c> does.</summary>
internal static class NodePackages
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>The folder, installed; skips the test with the reason when it is not.</summary>
    public static async Task<string> NeedAsync(string name, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(Repository.Root, "tests", name);
        if (Directory.Exists(Path.Combine(folder, "node_modules"))) return folder;
        if (Environment.GetEnvironmentVariable("TWIN_NPM_INSTALL") is null) Assert.Skip($"{name} is not installed: run npm install in {folder}, or set TWIN_NPM_INSTALL");
        var (code, _, errors) = await RunAsync("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock"], folder, [], cancellationToken);
        if (code != 0) Assert.Skip($"npm could not install {name}: {errors}");
        return folder;
    }

    /// <summary>Runs a program to its end, at most three minutes.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunAsync(string program, string[] arguments, string folder, Dictionary<string, string> environment, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (key, value) in environment) start.Environment[key] = value;
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            Assert.Skip($"{program} could not be started: {missing.Message}");
            throw;
        }

        using (process)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Limit);
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None), process.StandardError.ReadToEndAsync(CancellationToken.None));
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            finally
            {
                if (!process.HasExited) process.Kill(entireProcessTree: true);
            }

            return (process.ExitCode, await output, await errors);
        }
    }
}
