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
        var dll = Path.Combine(AppContext.BaseDirectory, "Twin.Silo.dll");
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

    /// <summary>A port that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
