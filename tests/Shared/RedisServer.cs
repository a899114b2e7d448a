using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Twin.Testing;

/// <summary>A real redis-server on a free loopback port with an append-only file, in a folder of its own. It can be killed and started again.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private const string Binary = "/usr/bin/redis-server";
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-redis-").FullName;
    private Process? _process;

    private RedisServer(int port) => Port = port;

    public int Port { get; }

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Starts a server, or returns null where it is not installed.</summary>
    public static async Task<RedisServer?> StartAsync()
    {
        if (!File.Exists(Binary)) return null;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var server = new RedisServer(port);
        await server.ResumeAsync();
        return server;
    }

    public async Task ResumeAsync()
    {
        _process = Process.Start(new ProcessStartInfo(Binary,
            ["--bind", "127.0.0.1", "--port", Port.ToString(System.Globalization.CultureInfo.InvariantCulture), "--dir", _folder, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--loglevel", "warning"])
        { RedirectStandardOutput = true })!;
        for (var deadline = DateTime.UtcNow.AddSeconds(20); ;)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, Port);
                await probe.GetStream().WriteAsync("PING\r\n"u8.ToArray());
                var answer = new byte[7];
                await probe.GetStream().ReadExactlyAsync(answer);
                if (answer.AsSpan().SequenceEqual("+PONG\r\n"u8)) return;
            }
            catch (Exception fault) when (fault is SocketException or IOException && DateTime.UtcNow < deadline)
            {
                // Not up yet.
            }

            if (DateTime.UtcNow >= deadline) throw new TimeoutException("redis-server did not answer PING within 20 s.");
            await Task.Delay(30);
        }
    }

    public async Task KillAsync()
    {
        if (_process is null || _process.HasExited) return;
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
