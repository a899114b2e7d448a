using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Twin.Testing;

/// <summary>The real silo as a process of its own, on core 0 when asked for.</summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    private readonly Process _process;

    private SiloProcess(Process process, int port, int mqttPort, string dataFolder)
    {
        _process = process;
        Port = port;
        MqttPort = mqttPort;
        DataFolder = dataFolder;
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromMinutes(10) };
    }

    public int Port { get; }

    public int MqttPort { get; }

    public string DataFolder { get; }

    public HttpClient Http { get; }

    /// <summary>From process start to the first 200 of <c>/health/ready</c>.</summary>
    public TimeSpan ReadyAfter { get; private set; }

    public static string NewFolder() => Directory.CreateTempSubdirectory("twin-bench-").FullName;

    public static async Task<SiloProcess> StartAsync(string dataFolder, bool pinned, params string[] arguments)
    {
        var (port, mqtt) = (FreePort(), FreePort());
        var dll = Built("silos/Twin.Silo", "Twin.Silo.dll");
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        var start = Machine.Start(dotnet,
            [dll, "--port", Text(port), "--mqtt-port", Text(mqtt), "--data", dataFolder, "--dashboard", "false", .. arguments], pinned ? 0 : null);
        start.Environment.Remove("TWIN_BENCH_CHILD");
        start.Environment.Remove("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS");
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.WorkingDirectory = dataFolder;
        var watch = Stopwatch.StartNew();
        var process = Process.Start(start)!;
        var last = new Queue<string>();
        process.OutputDataReceived += (_, e) => Keep(last, e.Data);
        process.ErrorDataReceived += (_, e) => Keep(last, e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var silo = new SiloProcess(process, port, mqtt, dataFolder);
        await silo.WaitReadyAsync(watch, last);
        return silo;
    }

    // The silo as its own project built it, compiled ahead: what a user starts. The copy beside the tests is not.
    private static string Built(string project, string file)
    {
        var flavour = Path.GetFileName(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)))!;
        return Path.Combine(Repository.Root, project, "bin", flavour, Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), file);
    }

    private static void Keep(Queue<string> last, string? line)
    {
        if (line is null) return;
        lock (last)
        {
            last.Enqueue(line);
            if (last.Count > 60) last.Dequeue();
        }
    }

    private async Task WaitReadyAsync(Stopwatch watch, Queue<string> last)
    {
        while (watch.Elapsed < TimeSpan.FromSeconds(120))
        {
            if (_process.HasExited) throw new InvalidOperationException($"The silo ended with {_process.ExitCode}:\n{Joined(last)}");
            try
            {
                using var answer = await Http.GetAsync(new Uri("/health/ready", UriKind.Relative));
                if (answer.IsSuccessStatusCode)
                {
                    ReadyAfter = watch.Elapsed;
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // The port is not open yet.
            }

            await Task.Delay(10);
        }

        throw new TimeoutException($"The silo was not ready within 120 s:\n{Joined(last)}");
    }

    private static string Joined(Queue<string> last)
    {
        lock (last) return string.Join('\n', last);
    }

    /// <summary>Resident memory now, bytes.</summary>
    public long ResidentBytes()
    {
        _process.Refresh();
        return _process.WorkingSet64;
    }

    /// <summary>Processor time used so far.</summary>
    public TimeSpan ProcessorTime()
    {
        _process.Refresh();
        return _process.TotalProcessorTime;
    }

    /// <summary>SIGKILL: nothing of the process runs any more.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (!_process.HasExited) await KillAsync();
        _process.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A port that was free a moment ago, below the range that the system gives to outgoing connections: one of those would take the port before the silo opens it.</summary>
    public static int FreePort()
    {
        while (true)
        {
            using var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(12_000, 32_000));
            try
            {
                listener.Start();
                return ((IPEndPoint)listener.LocalEndpoint).Port;
            }
            catch (SocketException)
            {
                // Somebody has it; another.
            }
        }
    }
}
