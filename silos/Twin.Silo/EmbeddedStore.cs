using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Garnet;
using StackExchange.Redis;

namespace Twin.Silo;

/// <summary>
/// The Redis-protocol store inside this process (Garnet): Orleans' membership, grain state and reminders live there when no
/// <c>--redis</c> is given. Loopback only, a password made anew at each start, append-only file in the data folder;
/// an answer waits for the file, so what was acknowledged survives the process.
/// </summary>
internal sealed class EmbeddedStore : IDisposable
{
    private readonly GarnetServer _server;

    private EmbeddedStore(GarnetServer server, ConfigurationOptions connection)
    {
        _server = server;
        Connection = connection;
    }

    /// <summary>How to reach it.</summary>
    public ConfigurationOptions Connection { get; }

    /// <summary>Starts the store below a data folder.</summary>
    public static EmbeddedStore Start(string dataFolder, ILoggerFactory loggers)
    {
        var folder = Path.Combine(dataFolder, "store");
        Directory.CreateDirectory(folder);
        var port = FreePort();
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        var server = new GarnetServer(
        [
            "--bind", "127.0.0.1", "--port", port.ToString(System.Globalization.CultureInfo.InvariantCulture),
            "--auth", "Password", "--password", password,
            "--lua", "true", "--lua-transaction-mode", "true", "--storage-tier", "true", "--aof", "true", "--recover", "true",
            "--aof-commit-freq", "0", "--aof-commit-wait", "true", "--device-type", "RandomAccess",
            "--memory", "64m", "--page", "1m", "--segment", "64m", "--index", "8m", "--aof-memory", "16m", "--aof-page-size", "2m", "--aof-segment-size", "64m",
            "--logdir", folder, "--checkpointdir", folder, "-q", "true",
        ], loggers);
        server.Start();
        return new EmbeddedStore(server, new ConfigurationOptions
        {
            EndPoints = { { IPAddress.Loopback, port } },
            Password = password,
            AbortOnConnectFail = false,
            ConnectTimeout = 5_000,
        });
    }

    public void Dispose() => _server.Dispose();

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
