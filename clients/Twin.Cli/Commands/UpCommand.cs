using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Twin.Cli.Commands;

/// <summary><c>twin up</c>: starts the silo program, passes the switches on and its exit code back; Ctrl+C and SIGTERM stop it in good order.</summary>
internal static partial class UpCommand
{
    private const int Terminate = 15; // POSIX SIGTERM

    public static Command Make()
    {
        var command = new Command("up", "Starts a world: [--scenario city|factory|event|none] [--port 5080] [--data DIR] [--redis HOST:PORT] [--role all|silo|gateway]; switches go on to the silo.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        return command.Does((call, cancellationToken) => RunAsync(call, [.. call.Parsed.UnmatchedTokens], cancellationToken));
    }

    private static async Task<CommandAnswer> RunAsync(Call call, string[] switches, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet") { UseShellExecute = false, RedirectStandardOutput = call.IsJson };
        foreach (var word in Find(AppContext.BaseDirectory).Concat(switches)) start.ArgumentList.Add(word);
        using var process = Process.Start(start) ?? throw new CallException("The silo's process could not be started.");
        // With --json stdout is for the one object; what the silo says goes to stderr.
        var saying = call.IsJson ? RelayAsync(process, call.Errors) : Task.CompletedTask;
        using var stopping = cancellationToken.Register(() => Stop(process));
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        await saying.ConfigureAwait(false);
        var exit = process.ExitCode is 0 or 1 or 2 ? process.ExitCode : cancellationToken.IsCancellationRequested ? 0 : 1;
        return new CommandAnswer(exit, new() { ["exitCode"] = process.ExitCode, ["stopped"] = cancellationToken.IsCancellationRequested }, _ => { });
    }

    private static async Task RelayAsync(Process process, TextWriter to)
    {
        while (await process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is { } line) await to.WriteLineAsync(line).ConfigureAwait(false);
    }

    /// <summary>How the silo is started from a folder: beside the program, built in the repository, or built now.</summary>
    internal static IEnumerable<string> Find(string folder)
    {
        var beside = Path.Combine(folder, "Twin.Silo.dll");
        if (File.Exists(beside)) return [beside];
        for (var root = new DirectoryInfo(folder); root is not null; root = root.Parent)
        {
            if (!File.Exists(Path.Combine(root.FullName, "Twin.sln"))) continue;
            var silo = Path.Combine(root.FullName, "silos", "Twin.Silo");
            foreach (var configuration in (string[])["Release", "Debug"])
            {
                var built = Path.Combine(silo, "bin", configuration, "net10.0", "Twin.Silo.dll");
                if (File.Exists(built)) return [built];
            }

            return ["run", "--project", silo, "-c", "Release", "--"];
        }

        throw new CallException($"Twin.Silo.dll is neither beside {folder} nor in a repository above it.", "Put twin beside the silo, or run it from a checkout.");
    }

    private static void Stop(Process process)
    {
        try
        {
            // On Windows the console gives Ctrl+C to the whole group; here a signal to twin alone is passed on.
            if (!OperatingSystem.IsWindows() && !process.HasExited) _ = Kill(process.Id, Terminate);
        }
        catch (InvalidOperationException)
        {
            // It ended meanwhile.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
