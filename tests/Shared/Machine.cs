using System.Diagnostics;

namespace Twin.Testing;

/// <summary>What the figures were measured on, and how processes are put on cores.</summary>
internal static class Machine
{
    public static string Describe()
    {
        var model = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            : null;
        return $"{Cores} vCPU {model ?? "unknown"}";
    }

    /// <summary>Cores of the machine, whatever this process is pinned to.</summary>
    public static int Cores => int.TryParse(Environment.GetEnvironmentVariable("TWIN_BENCH_CORES"), out var cores) ? cores : Environment.ProcessorCount;

    public static bool CanPin => File.Exists("/usr/bin/taskset") && Cores >= 2;

    /// <summary>A start command, on one core when asked for and possible.</summary>
    public static ProcessStartInfo Start(string program, IEnumerable<string> arguments, int? core)
    {
        string[] all = core is { } c && CanPin
            ? ["/usr/bin/taskset", "-c", c.ToString(System.Globalization.CultureInfo.InvariantCulture), program, .. arguments]
            : [program, .. arguments];
        return new ProcessStartInfo(all[0], all.Skip(1)) { UseShellExecute = false };
    }

    public static string Commit()
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", ["rev-parse", "--short", "HEAD"]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = AppContext.BaseDirectory })!;
            var text = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return text.Length > 0 ? text : "unknown";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "unknown";
        }
    }
}
