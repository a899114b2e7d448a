using System.Text;
using Twin.Devices.Mqtt;
using Twin.Wire.Mqtt;
using Twin.Wire.Sparkplug;

namespace Twin.Devices.Sparkplug;

/// <summary>
/// An emulated Sparkplug B edge node: registers its death as will, gives birth after each connect and on a rebirth command, and sends data by
/// alias with a running sequence. Thread-safe.
/// </summary>
public sealed class SparkplugEdge : IAsyncDisposable
{
    private readonly string _group;
    private readonly string _node;
    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<SparkplugMetric>> _births = new(StringComparer.Ordinal); // "" is the node itself
    private readonly Dictionary<(string Device, string Name), ulong> _aliases = [];
    private readonly MqttDeviceClient _client;
    private long _bdSeq = -1;
    private int _sequence;
    private long _birthsSent;

    /// <summary>Builds an edge node; <see cref="StartAsync"/> connects it.</summary>
    /// <param name="group">Group id.</param>
    /// <param name="node">Edge node id.</param>
    /// <param name="options">Connection; its will is replaced by the death certificate.</param>
    /// <param name="clock">Stamps metrics.</param>
    /// <param name="jitter">Spreads reconnects.</param>
    public SparkplugEdge(string group, string node, MqttDeviceClientOptions options, TimeProvider clock, Random jitter)
    {
        (_group, _node, _clock) = (group, node, clock);
        _births[""] = [];
        _client = new MqttDeviceClient(options with { WillOf = Death, Connected = GiveBirth }, clock, jitter);
    }

    /// <summary>Births sent (node births).</summary>
    public long Births => Volatile.Read(ref _birthsSent);

    /// <summary>Adds a metric to the node ("") or to a device before the start; gives it the next alias.</summary>
    public SparkplugEdge Define(string device, SparkplugMetric metric)
    {
        if (metric.Name is null) throw new ArgumentException("A metric needs a name in its birth.", nameof(metric));
        lock (_lock)
        {
            var alias = (ulong)_aliases.Count + 1;
            _aliases[(device, metric.Name)] = alias;
            if (!_births.TryGetValue(device, out var metrics)) _births[device] = metrics = [];
            metrics.Add(metric with { Alias = alias });
        }

        return this;
    }

    /// <summary>Connects, listens to node commands and gives birth.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        await _client.ConnectAsync(cancellationToken);
        await _client.SubscribeAsync($"spBv1.0/{_group}/NCMD/{_node}", OnCommand, 1, cancellationToken);
    }

    /// <summary>Sends values of one device ("" for the node) by alias. Metrics must have been defined.</summary>
    public ValueTask SendAsync(string device, params SparkplugMetric[] metrics)
    {
        byte[] bytes;
        lock (_lock)
        {
            var named = metrics.Select(m => m.Alias is not null ? m : m with { Alias = _aliases[(device, m.Name!)], Name = null, Type = SparkplugType.Unknown }).ToArray();
            bytes = SparkplugCodec.Encode(new SparkplugPayload(NowMs, NextSequence(), named));
        }

        return _client.PublishAsync(Topic(device.Length == 0 ? SparkplugKind.NodeData : SparkplugKind.DeviceData, device), bytes, qos: 0);
    }

    /// <summary>Says that a device is gone.</summary>
    public ValueTask EndDeviceAsync(string device)
    {
        byte[] bytes;
        lock (_lock) bytes = SparkplugCodec.Encode(new SparkplugPayload(NowMs, NextSequence(), []));
        return _client.PublishAsync(Topic(SparkplugKind.DeviceDeath, device), bytes, qos: 0);
    }

    /// <summary>Loses a message on purpose: the next one leaves a gap.</summary>
    public void SkipSequence()
    {
        lock (_lock) NextSequence();
    }

    /// <summary>Sends the death certificate, then leaves.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_client.IsConnected) await _client.PublishAsync(Topic(SparkplugKind.NodeDeath, ""), DeathPayload(), qos: 0);
        await _client.DisposeAsync();
    }

    private long NowMs => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    private string Topic(SparkplugKind kind, string device) => new SparkplugTopic(_group, kind, _node, device).ToString();

    private ulong NextSequence()
    {
        var now = _sequence;
        _sequence = (_sequence + 1) & 255;
        return (ulong)now;
    }

    private MqttWill Death()
    {
        lock (_lock) _bdSeq = (_bdSeq + 1) & 255;
        return new MqttWill(Topic(SparkplugKind.NodeDeath, ""), DeathPayload(), 1, false);
    }

    private byte[] DeathPayload()
    {
        lock (_lock) return SparkplugCodec.Encode(new SparkplugPayload(NowMs, null, [SparkplugMetric.From("bdSeq", _bdSeq)]));
    }

    private void GiveBirth()
    {
        lock (_lock)
        {
            _sequence = 0;
            foreach (var (device, metrics) in _births.OrderBy(b => b.Key, StringComparer.Ordinal))
            {
                var all = device.Length > 0 ? metrics : [SparkplugMetric.From("bdSeq", _bdSeq), SparkplugMetric.From("Node Control/Rebirth", false), .. metrics];
                var bytes = SparkplugCodec.Encode(new SparkplugPayload(NowMs, NextSequence(), all));
                _ = _client.PublishAsync(Topic(device.Length == 0 ? SparkplugKind.NodeBirth : SparkplugKind.DeviceBirth, device), bytes, qos: 0).AsTask(); // QoS 0 into the empty buffer of a fresh connection: done at once
            }
        }

        Interlocked.Increment(ref _birthsSent);
    }

    private ValueTask OnCommand(MqttInbound command)
    {
        var payload = SparkplugCodec.Decode(command.Payload);
        foreach (var metric in payload.Metrics)
            if (metric is { Name: "Node Control/Rebirth", Bits: not 0 }) GiveBirth();
        return default;
    }
}
