using Twin.Model;
using Twin.Wire.Sparkplug;

namespace Twin.Gateway.Sparkplug;

/// <summary>What a metric's birth said.</summary>
internal sealed record BornMetric(string Name, SparkplugType Type, string TwinId, string Device);

/// <summary>
/// One edge node as its births and deaths describe it; a pure state machine. Not thread-safe: the host locks the node.
/// </summary>
internal sealed class SparkplugNode(string group, string node)
{
    private readonly Dictionary<ulong, BornMetric> _byAlias = [];
    private readonly Dictionary<(string Device, string Name), BornMetric> _byName = [];
    private readonly HashSet<string> _devices = new(StringComparer.Ordinal);
    private ulong? _bdSeq;
    private int _nextSequence;

    public string Group { get; } = group;

    public string Node { get; } = node;

    public bool IsOnline { get; private set; }

    /// <summary>Timestamp of the last rebirth request; null when none.</summary>
    public long? LastRebirth { get; set; }

    /// <summary>The last marking of its twins; the next one waits for it.</summary>
    public Task LastMark { get; set; } = Task.CompletedTask;

    public int MetricCount => _byName.Count;

    /// <summary>A node's birth: everything known of it and its devices is void.</summary>
    public void Born(SparkplugPayload payload)
    {
        _byAlias.Clear();
        _byName.Clear();
        _devices.Clear();
        _bdSeq = BdSeqOf(payload);
        _nextSequence = ((int)((payload.Sequence ?? 0) & 255) + 1) & 255;
        IsOnline = true;
    }

    /// <summary>Registers the metrics of a node's ("" as device) or device's birth.</summary>
    public void Define(string device, SparkplugPayload payload)
    {
        if (device.Length > 0)
        {
            Forget(device);
            _devices.Add(device);
        }

        foreach (var metric in payload.Metrics)
        {
            if (metric.Name is not { } name) continue;
            var born = new BornMetric(name, metric.Type, metric.Twin ?? (device.Length > 0 ? device : Node), device);
            _byName[(device, name)] = born;
            if (metric.Alias is { } alias) _byAlias[alias] = born;
        }
    }

    public bool HasDevice(string device) => device.Length == 0 || _devices.Contains(device);

    /// <summary>Checks and follows the sequence; false on a gap.</summary>
    public bool Follow(ulong? sequence)
    {
        var isNext = sequence is { } present && (int)(present & 255) == _nextSequence && present <= 255;
        _nextSequence = ((int)((sequence ?? (ulong)_nextSequence) & 255) + 1) & 255;
        return isNext;
    }

    /// <summary>A node's death counts only when it belongs to the present birth.</summary>
    public bool Dies(SparkplugPayload payload)
    {
        if (!IsOnline || BdSeqOf(payload) != _bdSeq) return false;
        IsOnline = false;
        _devices.Clear();
        return true;
    }

    public bool DeviceDies(string device) => _devices.Remove(device);

    public BornMetric? Find(string device, in SparkplugMetric metric) =>
        metric.Alias is { } alias && _byAlias.TryGetValue(alias, out var aliased) ? aliased
        : metric.Name is { } name && _byName.TryGetValue((device, name), out var named) ? named
        : null;

    /// <summary>The twins of a device, or of the node and all its devices ("").</summary>
    public HashSet<string> TwinsOf(string device)
    {
        var twins = new HashSet<string>(StringComparer.Ordinal);
        foreach (var metric in _byName.Values)
            if ((device.Length == 0 || metric.Device == device) && !IsControl(metric.Name)) twins.Add(metric.TwinId);
        return twins;
    }

    /// <summary>Metrics about the node, not about a twin.</summary>
    public static bool IsControl(string name) =>
        name == "bdSeq" || name.StartsWith("Node Control/", StringComparison.Ordinal) || name.StartsWith("Device Control/", StringComparison.Ordinal);

    private void Forget(string device)
    {
        foreach (var key in _byName.Keys.Where(k => k.Device == device).ToList()) _byName.Remove(key);
        foreach (var alias in _byAlias.Where(p => p.Value.Device == device).Select(p => p.Key).ToList()) _byAlias.Remove(alias);
    }

    private static ulong? BdSeqOf(SparkplugPayload payload)
    {
        foreach (var metric in payload.Metrics)
            if (metric.Name == "bdSeq") return metric.Bits;
        return null;
    }

    /// <summary>A metric's value by the type its birth stated; false for tables, templates and nulls.</summary>
    public static bool TryRead(in SparkplugMetric metric, SparkplugType born, out PropertyValue value)
    {
        value = default;
        if (metric.IsNull) return false;
        var type = metric.Type == SparkplugType.Unknown ? born : metric.Type;
        switch (metric.Field)
        {
            case SparkplugField.Int or SparkplugField.Long:
                value = type switch
                {
                    SparkplugType.Int8 => PropertyValue.From((long)(sbyte)metric.Bits),
                    SparkplugType.Int16 => PropertyValue.From((long)(short)metric.Bits),
                    SparkplugType.Int32 => PropertyValue.From((long)(int)metric.Bits),
                    SparkplugType.DateTime => PropertyValue.From(WallTime.FromUnixMilliseconds((long)Math.Min(metric.Bits, 253_402_300_799_999))),
                    SparkplugType.UInt64 when metric.Bits > long.MaxValue => PropertyValue.From((double)metric.Bits),
                    _ => PropertyValue.From((long)metric.Bits),
                };
                return true;
            case SparkplugField.Float or SparkplugField.Double:
                value = PropertyValue.From(BitConverter.UInt64BitsToDouble(metric.Bits));
                return true;
            case SparkplugField.Boolean:
                value = PropertyValue.From(metric.Bits != 0);
                return true;
            case SparkplugField.Text:
                value = PropertyValue.From(metric.Text!);
                return true;
            case SparkplugField.Bytes:
                value = PropertyValue.From(Convert.ToBase64String(metric.Bytes!));
                return true;
            default:
                return false;
        }
    }
}
