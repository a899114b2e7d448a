using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Twin.History.Tests;

/// <summary>A real PostgreSQL on a free loopback port, in a folder of its own; gone when disposed. Servers refuse to run as root, so root hands it to the <c>postgres</c> user.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-pg-").FullName;
    private readonly string _binaries;
    private readonly bool _asRoot = Environment.UserName == "root";

    private PostgresServer(string binaries) => _binaries = binaries;

    public int Port { get; } = FreePort();

    public string ConnectionString => $"Host=127.0.0.1;Port={Port};Username=twin;Database=postgres;Timeout=5;Command Timeout=20";

    /// <summary>Starts a server, or returns null where PostgreSQL is not installed.</summary>
    public static async Task<PostgresServer?> StartAsync()
    {
        var binaries = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).Where(d => File.Exists(Path.Combine(d, "initdb"))).Order(StringComparer.Ordinal).LastOrDefault()
            : null;
        if (binaries is null) return null;
        var server = new PostgresServer(binaries);
        if (server._asRoot) await RunAsync("chown", "postgres", server._folder);
        await server.AsOwnerAsync("initdb", "-D", server.DataFolder, "-U", "twin", "-A", "trust", "--no-sync");
        await server.ResumeAsync();
        return server;
    }

    public async Task ResumeAsync()
    {
        await AsOwnerAsync("pg_ctl", "-D", DataFolder, "-w", "-l", Path.Combine(_folder, "log"), "-o", $"-p {Port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={_folder} -c fsync=off", "start");
        NpgsqlConnection.ClearAllPools();
    }

    public Task StopAsync() => AsOwnerAsync("pg_ctl", "-D", DataFolder, "-w", "-m", "immediate", "stop");

    public async ValueTask DisposeAsync()
    {
        try { await StopAsync(); }
        catch (InvalidOperationException) { /* a test may have stopped it already */ }
        Directory.Delete(_folder, recursive: true);
    }

    private string DataFolder => Path.Combine(_folder, "db");

    private Task AsOwnerAsync(string program, params string[] arguments)
    {
        var path = Path.Combine(_binaries, program);
        return _asRoot ? RunAsync("runuser", ["-u", "postgres", "--", path, .. arguments]) : RunAsync(path, arguments);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        // pg_ctl leaves the server holding inherited pipes: its output goes to a file instead.
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" \"$@\" >/dev/null 2>&1 </dev/null", program, .. arguments]) { WorkingDirectory = "/" })!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}.");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
