using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Twin.Gateway.Mqtt;
using Twin.Model;

namespace Twin.Gateway.Security;

/// <summary>What one client may ask of the HTTP doors. Section <c>Twin:Limits</c>.</summary>
public sealed record LimitOptions
{
    /// <summary>Requests a second, 1 to 16,000,000.</summary>
    public int RequestsPerSecond { get; init; } = 50_000;

    /// <summary>Streams open at once.</summary>
    public int Streams { get; init; } = 1_000;

    /// <summary>Connections to the HTTP port in all.</summary>
    public int Connections { get; init; } = 10_000;

    /// <summary>Connections to the HTTP port of one address. Behind a reverse proxy all callers have the proxy's.</summary>
    public int ConnectionsPerClient { get; init; } = 5_000;

    /// <summary>MQTT connections of one identity; anonymous clients share one.</summary>
    public int MqttConnectionsPerClient { get; init; } = 20_000;

    /// <summary>MQTT messages a second of one connection; above it reading pauses. Unlimited unless set.</summary>
    public int MqttMessagesPerSecond { get; init; }

    /// <summary>Reads and checks the section.</summary>
    /// <exception cref="FormatException">A value is out of range.</exception>
    public static LimitOptions From(IConfiguration configuration)
    {
        var section = configuration.GetSection("Twin:limits");
        var defaults = new LimitOptions();
        return new LimitOptions
        {
            RequestsPerSecond = Read(section, "requestsPerSecond", defaults.RequestsPerSecond), Streams = Read(section, "streams", defaults.Streams),
            Connections = Read(section, "connections", defaults.Connections), ConnectionsPerClient = Read(section, "connectionsPerClient", defaults.ConnectionsPerClient),
            MqttConnectionsPerClient = Read(section, "mqttConnectionsPerClient", defaults.MqttConnectionsPerClient), MqttMessagesPerSecond = Read(section, "mqttMessagesPerSecond", defaults.MqttMessagesPerSecond),
        };
    }

    /// <summary>Gives the MQTT door its part.</summary>
    public void ApplyTo(MqttDoorOptions mqtt) => (mqtt.MaxConnectionsPerIdentity, mqtt.MessagesPerSecond) = (MqttConnectionsPerClient, MqttMessagesPerSecond);

    private static int Read(IConfigurationSection section, string key, int otherwise) =>
        section[key] is not { } text ? otherwise
        : int.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var value) && value > 0 ? value
        : throw new FormatException($"{section.Path}:{key} is '{text}'; it must be a whole number above 0.");
}

/// <summary>
/// Limits by client: the caller's name where there is one, else its address. At most <see cref="MostClients"/> clients are followed; beyond that
/// those that hold nothing now are forgotten, and while there are none such, newcomers share one client's limits. Thread-safe. Hot.
/// </summary>
internal sealed class ClientLimits(LimitOptions options, Admission admission, TimeProvider clock)
{
    public const int MostClients = 10_000;
    private static readonly Counter<long> Refusals = new Meter("Twin").CreateCounter<long>("twin_limit_refusals_total");
    private static readonly KeyValuePair<string, object?> RequestsTag = new("limit", "requests");
    private static readonly KeyValuePair<string, object?> StreamsTag = new("limit", "streams");
    private static readonly KeyValuePair<string, object?> ClientsTag = new("limit", "clients");

    private readonly Lock _lock = new(); // forgetting a client and giving one a stream's place exclude each other
    private readonly ConcurrentDictionary<object, Client> _clients = new();
    private readonly Client _others = new();
    private readonly Refusal _tooMany = new(429, new Problem("TooManyRequests", $"More than {options.RequestsPerSecond} requests a second; slow down."));
    private readonly Refusal _tooManyStreams = new(429, new Problem("TooManyStreams", $"{options.Streams} streams of this client are open already."));
    private long _swept = -1;

    private sealed class Client
    {
        public long Taken; // requests of the present second, and which second that is, in one word
        public int Streams;
    }

    /// <summary>A stream's place; disposing it gives the place back, once, to whom it was taken from. Not thread-safe.</summary>
    public sealed class StreamPlace : IDisposable
    {
        private Action? _leave;

        internal StreamPlace(Action leave) => _leave = leave;

        public void Dispose()
        {
            _leave?.Invoke();
            _leave = null;
        }
    }

    /// <summary>Clients followed now.</summary>
    public int ClientCount => _clients.Count;

    /// <summary>Null when the request may go on.</summary>
    public Refusal? Refuse(HttpContext context)
    {
        var client = Find(context);
        var second = Second();
        while (true)
        {
            var seen = Volatile.Read(ref client.Taken);
            var count = seen >> 24 == second ? (seen & 0xFFFFFF) + 1 : 1;
            if (count > options.RequestsPerSecond)
            {
                Refusals.Add(1, RequestsTag);
                return _tooMany;
            }

            if (Interlocked.CompareExchange(ref client.Taken, (second << 24) | count, seen) == seen) return null;
        }
    }

    /// <summary>Takes a stream's place; the refusal when there is none.</summary>
    public Refusal? RefuseStream(HttpContext context, out StreamPlace? place)
    {
        lock (_lock)
        {
            var client = Find(context);
            if (client.Streams >= options.Streams)
            {
                Refusals.Add(1, StreamsTag);
                place = null;
                return _tooManyStreams;
            }

            client.Streams++;
            place = new StreamPlace(() => Leave(client));
            return null;
        }
    }

    private void Leave(Client client)
    {
        lock (_lock) client.Streams--;
    }

    private long Second() => clock.GetTimestamp() / clock.TimestampFrequency;

    private Client Find(HttpContext context)
    {
        object key = admission.CallerOf(context) is { } caller && caller != Caller.Loopback ? caller.Name : (object?)context.Connection.RemoteIpAddress ?? "unknown";
        return _clients.TryGetValue(key, out var client) ? client : TakeIn(key);
    }

    private Client TakeIn(object key)
    {
        lock (_lock)
        {
            if (_clients.Count >= MostClients) ForgetIdle();
            if (_clients.Count < MostClients) return _clients.GetOrAdd(key, static _ => new Client());
        }

        Refusals.Add(1, ClientsTag);
        return _others;
    }

    /// <summary>Forgets who has no stream and asked for nothing in this second; at most once a second.</summary>
    private void ForgetIdle()
    {
        var second = Second();
        if (_swept == second) return;
        _swept = second;
        foreach (var (key, client) in _clients)
            if (client.Streams == 0 && Volatile.Read(ref client.Taken) >> 24 != second) _clients.TryRemove(key, out _);
    }
}
