using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
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

    /// <summary>Reads and checks the section.</summary>
    /// <exception cref="FormatException">A value is out of range.</exception>
    public static LimitOptions From(IConfiguration configuration)
    {
        var section = configuration.GetSection("Twin:limits");
        var defaults = new LimitOptions();
        return new LimitOptions
        {
            RequestsPerSecond = Read(section, "requestsPerSecond", defaults.RequestsPerSecond), Streams = Read(section, "streams", defaults.Streams),
            Connections = Read(section, "connections", defaults.Connections),
        };
    }

    private static int Read(IConfigurationSection section, string key, int otherwise) =>
        section[key] is not { } text ? otherwise
        : int.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var value) && value > 0 ? value
        : throw new FormatException($"{section.Path}:{key} is '{text}'; it must be a whole number above 0.");
}

/// <summary>
/// Limits by client: the caller's name where there is one, else its address. At most 10,000 clients are followed; beyond that the
/// table starts anew, which gives each a fresh burst and costs nobody a request. Thread-safe. Hot.
/// </summary>
internal sealed class ClientLimits(LimitOptions options, Admission admission, TimeProvider clock)
{
    private const int MostClients = 10_000;
    private static readonly Counter<long> Refusals = new Meter("Twin").CreateCounter<long>("twin_limit_refusals_total");
    private static readonly KeyValuePair<string, object?> RequestsTag = new("limit", "requests");
    private static readonly KeyValuePair<string, object?> StreamsTag = new("limit", "streams");

    private readonly ConcurrentDictionary<object, Client> _clients = new();
    private readonly Refusal _tooMany = new(429, new Problem("TooManyRequests", $"More than {options.RequestsPerSecond} requests a second; slow down."));
    private readonly Refusal _tooManyStreams = new(429, new Problem("TooManyStreams", $"{options.Streams} streams of this client are open already."));

    private sealed class Client
    {
        public long Taken; // requests of the present second, and which second that is, in one word
        public int Streams;
    }

    /// <summary>Null when the request may go on.</summary>
    public Refusal? Refuse(HttpContext context)
    {
        var client = Find(context);
        var second = clock.GetTimestamp() / clock.TimestampFrequency;
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

    /// <summary>Takes a stream's place; null when there is one. <see cref="LeaveStream"/> gives it back.</summary>
    public Refusal? RefuseStream(HttpContext context)
    {
        var client = Find(context);
        if (Interlocked.Increment(ref client.Streams) <= options.Streams) return null;
        Interlocked.Decrement(ref client.Streams);
        Refusals.Add(1, StreamsTag);
        return _tooManyStreams;
    }

    public void LeaveStream(HttpContext context) => Interlocked.Decrement(ref Find(context).Streams);

    private Client Find(HttpContext context)
    {
        object key = admission.CallerOf(context) is { } caller && caller != Caller.Loopback ? caller.Name : (object?)context.Connection.RemoteIpAddress ?? "unknown";
        if (_clients.TryGetValue(key, out var client)) return client;
        if (_clients.Count >= MostClients) _clients.Clear();
        return _clients.GetOrAdd(key, static _ => new Client());
    }
}
