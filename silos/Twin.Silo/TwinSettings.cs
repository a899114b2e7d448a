using System.Globalization;
using System.Net;

namespace Twin.Silo;

/// <summary>What part of the system this process runs.</summary>
public enum SiloRole
{
    /// <summary>Grains and doors in one process.</summary>
    All,
    /// <summary>Grains only; health and metrics are still served.</summary>
    Silo,
    /// <summary>Doors only; a client of the cluster.</summary>
    Gateway,
}

/// <summary>
/// Everything an operator can set. Sources, later over earlier: <c>twin.json</c> in the working folder (section <c>Twin</c>),
/// environment <c>TWIN_*</c> (<c>TWIN_PORT</c>, <c>TWIN_REDIS</c>, <c>TWIN_AUTH__KEYS__0__NAME</c> ...), command line.
/// </summary>
public sealed class TwinSettings
{
    /// <summary>HTTP port, 0 to 65535; 0 takes a free one.</summary>
    public int Port { get; init; } = 5080;

    /// <summary>HTTPS port, 0 to 65535; 0 takes a free one, -1 opens no HTTPS door.</summary>
    public int HttpsPort { get; init; } = -1;

    /// <summary>Certificate of the HTTPS door: a PEM or PFX file; null makes a self-signed one for localhost in the data folder.</summary>
    public string? Certificate { get; init; }

    /// <summary>PEM file of the certificate's private key; null when the certificate's file holds it.</summary>
    public string? CertificateKey { get; init; }

    /// <summary>Password of the key or the PFX file; from the environment (<c>TWIN_CERTIFICATE_PASSWORD</c>) or <c>twin.json</c>, because command lines are seen by others.</summary>
    public string? CertificatePassword { get; init; }

    /// <summary>MQTT port, 0 to 65535; 0 takes a free one, -1 opens no MQTT door.</summary>
    public int MqttPort { get; init; } = 1883;

    /// <summary>Address the doors listen on. Anything but loopback needs authentication.</summary>
    public IPAddress Bind { get; init; } = IPAddress.Loopback;

    /// <summary>Folder of everything durable.</summary>
    public string DataFolder { get; init; } = "twin-data";

    /// <summary>A Redis as <c>host:port</c> with StackExchange.Redis options after commas; null starts the embedded store.</summary>
    public string? Redis { get; init; }

    /// <summary>PostgreSQL connection string for history; null keeps history in an embedded file.</summary>
    public string? Postgres { get; init; }

    /// <summary>Role of this process.</summary>
    public SiloRole Role { get; init; } = SiloRole.All;

    /// <summary>Guests of the event scenario that the silo moves, 0 to 5,000.</summary>
    public int Bots { get; init; } = 500;

    /// <summary>What to generate into an empty data folder: <c>city</c> (city and factory), <c>factory</c>, <c>event</c> (a concert), <c>none</c>.</summary>
    public string Scenario { get; init; } = "city";

    /// <summary>Twins in the generated city, 100 to 1,000,000.</summary>
    public int ScenarioSize { get; init; } = 20_000;

    /// <summary>Seed of everything generated.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Whether the scenario's devices are emulated over MQTT.</summary>
    public bool Emulate { get; init; } = true;

    /// <summary>When a write counts as kept: <c>always</c>, <c>100ms</c>, <c>os</c>.</summary>
    public string Fsync { get; init; } = "100ms";

    /// <summary>Shards of the graph, 1 to 1024. Fixed by the first start of a data folder or cluster.</summary>
    public int Shards { get; init; } = 8;

    /// <summary>Whether history is kept.</summary>
    public bool History { get; init; } = true;

    /// <summary>How long history is kept; zero keeps all.</summary>
    public TimeSpan HistoryRetention { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Orleans silo port, 0 takes a free one.</summary>
    public int SiloPort { get; init; }

    /// <summary>Orleans gateway port, 0 takes a free one.</summary>
    public int GatewayPort { get; init; }

    /// <summary>Address other silos reach this one at; <c>auto</c> takes the host's first address that is not loopback. Silos trust each other: keep these ports inside the cluster's network.</summary>
    public IPAddress Advertise { get; init; } = IPAddress.Loopback;

    /// <summary>Name of the cluster; silos of one cluster share it.</summary>
    public string Cluster { get; init; } = "twin";

    /// <summary>Whether the Orleans Dashboard is served at <c>/dashboard</c>.</summary>
    public bool Dashboard { get; init; } = true;

    /// <summary>OTLP endpoint for traces and metrics; null sends none.</summary>
    public string? Otlp { get; init; }

    /// <summary>How the settings are written on a command line, for the usage text.</summary>
    public const string Usage = """
        Twin.Silo [--scenario city|factory|event|none] [--port 5080] [--mqtt-port 1883] [--bind 127.0.0.1] [--data DIR]
                  [--https-port 5443] [--certificate PEM|PFX] [--certificate-key PEM]
                  [--redis HOST:PORT] [--postgres CONNECTION] [--role all|silo|gateway] [--fsync always|100ms|os]
                  [--shards 8] [--size 20000] [--bots 500] [--seed 1] [--emulate true|false] [--history true|false]
                  [--history-retention 30.00:00:00] [--silo-port 0] [--gateway-port 0] [--advertise 127.0.0.1]
                  [--cluster twin] [--dashboard true|false] [--otlp URL]
        HTTPS is off until --https-port is given. Without --certificate a self-signed one for localhost is made in DIR/https
        (trust DIR/https/localhost.pem); TWIN_CERTIFICATE_PASSWORD opens an encrypted key or PFX.
        """;

    private static readonly string[] Switches =
    [
        "scenario", "port", "https-port", "certificate", "certificate-key", "mqtt-port", "bind", "data", "redis", "postgres", "role", "fsync", "shards", "size", "bots", "seed", "emulate",
        "history", "history-retention", "silo-port", "gateway-port", "advertise", "cluster", "dashboard", "otlp",
    ];

    /// <summary>Adds the three sources to a configuration; keys come out as <c>Twin:port</c>, <c>Twin:mqtt-port</c> ...</summary>
    /// <exception cref="FormatException">An unknown switch or a switch without a value.</exception>
    public static void AddSources(IConfigurationBuilder configuration, string[] arguments)
    {
        configuration.AddJsonFile(Path.GetFullPath("twin.json"), optional: true, reloadOnChange: false);
        configuration.AddInMemoryCollection(FromEnvironment());
        configuration.AddInMemoryCollection(FromArguments(arguments));
    }

    private static IEnumerable<KeyValuePair<string, string?>> FromEnvironment()
    {
        foreach (System.Collections.DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            var name = (string)entry.Key;
            if (!name.StartsWith("TWIN_", StringComparison.OrdinalIgnoreCase)) continue;
            var rest = name[5..].Replace("__", ":", StringComparison.Ordinal);
            var key = rest.Contains(':', StringComparison.Ordinal) ? rest : rest.Replace('_', '-').ToLowerInvariant();
            yield return new("Twin:" + key, (string?)entry.Value);
        }
    }

    private static Dictionary<string, string?> FromArguments(string[] arguments)
    {
        var pairs = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase); // of a repeated switch the last counts
        for (var i = 0; i < arguments.Length; i++)
        {
            var word = arguments[i];
            if (!word.StartsWith("--", StringComparison.Ordinal)) throw new FormatException($"'{word}' is not a switch.\n{Usage}");
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? word[2..] : word[2..equals];
            if (name.StartsWith("Twin:", StringComparison.Ordinal)) name = name[5..];
            else if (!Switches.Contains(name)) throw new FormatException($"There is no switch --{name}.\n{Usage}");
            if (equals < 0 && i + 1 >= arguments.Length) throw new FormatException($"--{name} wants a value.\n{Usage}");
            pairs["Twin:" + name] = equals < 0 ? arguments[++i] : word[(equals + 1)..];
        }

        return pairs;
    }

    /// <summary>Reads and checks the settings.</summary>
    /// <exception cref="FormatException">A value out of its range; the message names the setting, the value and the range.</exception>
    public static TwinSettings From(IConfiguration configuration)
    {
        var section = configuration.GetSection("Twin");
        var defaults = new TwinSettings();
        return new TwinSettings
        {
            Port = Integer(section, "port", defaults.Port, 0, 65535),
            HttpsPort = Integer(section, "https-port", defaults.HttpsPort, -1, 65535),
            Certificate = section["certificate"],
            CertificateKey = section["certificate-key"],
            CertificatePassword = section["certificate-password"],
            MqttPort = Integer(section, "mqtt-port", defaults.MqttPort, -1, 65535),
            Bind = Address(section, "bind", defaults.Bind),
            DataFolder = Path.GetFullPath(section["data"] ?? defaults.DataFolder),
            Redis = section["redis"],
            Postgres = section["postgres"],
            Role = Choice(section, "role", "all", ["all", "silo", "gateway"]) switch { "silo" => SiloRole.Silo, "gateway" => SiloRole.Gateway, _ => SiloRole.All },
            Scenario = Choice(section, "scenario", defaults.Scenario, ["city", "factory", "event", "none"]),
            ScenarioSize = Integer(section, "size", defaults.ScenarioSize, 100, 1_000_000),
            Bots = Integer(section, "bots", defaults.Bots, 0, 5_000),
            Seed = (ulong)Integer(section, "seed", 1, 0, int.MaxValue),
            Emulate = Flag(section, "emulate", defaults.Emulate),
            Fsync = Choice(section, "fsync", defaults.Fsync, ["always", "100ms", "os"]),
            Shards = Integer(section, "shards", defaults.Shards, 1, 1024),
            History = Flag(section, "history", defaults.History),
            HistoryRetention = Span(section, "history-retention", defaults.HistoryRetention),
            SiloPort = Integer(section, "silo-port", 0, 0, 65535),
            GatewayPort = Integer(section, "gateway-port", 0, 0, 65535),
            Advertise = section["advertise"] == "auto" ? OwnAddress() : Address(section, "advertise", defaults.Advertise),
            Cluster = section["cluster"] ?? defaults.Cluster,
            Dashboard = Flag(section, "dashboard", defaults.Dashboard),
            Otlp = section["otlp"],
        }.Checked();
    }

    private TwinSettings Checked()
    {
        if (Role == SiloRole.Gateway && Redis is null) throw new FormatException("--role gateway needs --redis: a gateway joins a cluster, and the embedded store serves one process only.");
        if (HttpsPort < 0 && (Certificate ?? CertificateKey) is not null) throw new FormatException("--certificate and --certificate-key need --https-port.");
        if (CertificateKey is not null && Certificate is null) throw new FormatException("--certificate-key needs --certificate.");
        if (HttpsPort >= 0 && Certificate is null && !IPAddress.IsLoopback(Bind)) throw new FormatException($"HTTPS at {Bind} needs --certificate: the one that is made here is for localhost.");
        return this;
    }

    private static IPAddress OwnAddress() =>
        Dns.GetHostAddresses(Dns.GetHostName()).FirstOrDefault(a => a.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork && !IPAddress.IsLoopback(a)) ?? IPAddress.Loopback;

    private static int Integer(IConfiguration section, string key, int otherwise, int least, int most)
    {
        var text = section[key];
        if (text is null) return otherwise;
        return int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw new FormatException($"--{key} is '{text}'; it must be a whole number from {least} to {most}.");
    }

    private static bool Flag(IConfiguration section, string key, bool otherwise)
    {
        var text = section[key];
        if (text is null) return otherwise;
        return bool.TryParse(text, out var value) ? value : throw new FormatException($"--{key} is '{text}'; it must be true or false.");
    }

    private static TimeSpan Span(IConfiguration section, string key, TimeSpan otherwise)
    {
        var text = section[key];
        if (text is null) return otherwise;
        return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var value) && value >= TimeSpan.Zero
            ? value
            : throw new FormatException($"--{key} is '{text}'; it must be a time span such as 30.00:00:00 (days.hours:minutes:seconds).");
    }

    private static IPAddress Address(IConfiguration section, string key, IPAddress otherwise)
    {
        var text = section[key];
        if (text is null) return otherwise;
        if (text == "localhost") return IPAddress.Loopback;
        return IPAddress.TryParse(text, out var value) ? value : throw new FormatException($"--{key} is '{text}'; it must be an IP address.");
    }

    private static string Choice(IConfiguration section, string key, string otherwise, string[] allowed)
    {
        var text = section[key] ?? otherwise;
        return allowed.Contains(text, StringComparer.Ordinal) ? text : throw new FormatException($"--{key} is '{text}'; it must be one of {string.Join(", ", allowed)}.");
    }
}
