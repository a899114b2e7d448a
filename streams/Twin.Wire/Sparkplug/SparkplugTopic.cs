namespace Twin.Wire.Sparkplug;

/// <summary>Message types of the topic namespace <c>spBv1.0/{group}/{type}/{node}[/{device}]</c>.</summary>
public enum SparkplugKind : byte
{
    /// <summary>NBIRTH.</summary>
    NodeBirth,
    /// <summary>NDATA.</summary>
    NodeData,
    /// <summary>NDEATH.</summary>
    NodeDeath,
    /// <summary>NCMD.</summary>
    NodeCommand,
    /// <summary>DBIRTH.</summary>
    DeviceBirth,
    /// <summary>DDATA.</summary>
    DeviceData,
    /// <summary>DDEATH.</summary>
    DeviceDeath,
    /// <summary>DCMD.</summary>
    DeviceCommand,
}

/// <summary>A Sparkplug topic, taken apart.</summary>
/// <param name="Group">Group id.</param>
/// <param name="Kind">Message type.</param>
/// <param name="Node">Edge node id.</param>
/// <param name="Device">Device id; empty for node messages.</param>
public readonly record struct SparkplugTopic(string Group, SparkplugKind Kind, string Node, string Device)
{
    /// <summary>Parses; false for STATE topics and anything malformed.</summary>
    public static bool TryParse(string topic, out SparkplugTopic parsed)
    {
        parsed = default;
        if (!topic.StartsWith("spBv1.0/", StringComparison.Ordinal)) return false;
        var parts = topic.Split('/');
        SparkplugKind? kind = parts.Length < 4 ? null : parts[2] switch
        {
            "NBIRTH" => SparkplugKind.NodeBirth,
            "NDATA" => SparkplugKind.NodeData,
            "NDEATH" => SparkplugKind.NodeDeath,
            "NCMD" => SparkplugKind.NodeCommand,
            "DBIRTH" => SparkplugKind.DeviceBirth,
            "DDATA" => SparkplugKind.DeviceData,
            "DDEATH" => SparkplugKind.DeviceDeath,
            "DCMD" => SparkplugKind.DeviceCommand,
            _ => null,
        };
        if (kind is not { } known || parts.Length != (known >= SparkplugKind.DeviceBirth ? 5 : 4) || parts.Any(p => p.Length == 0)) return false;
        parsed = new SparkplugTopic(parts[1], known, parts[3], parts.Length == 5 ? parts[4] : "");
        return true;
    }

    /// <summary>The topic's text.</summary>
    public override string ToString()
    {
        var type = Kind switch
        {
            SparkplugKind.NodeBirth => "NBIRTH",
            SparkplugKind.NodeData => "NDATA",
            SparkplugKind.NodeDeath => "NDEATH",
            SparkplugKind.NodeCommand => "NCMD",
            SparkplugKind.DeviceBirth => "DBIRTH",
            SparkplugKind.DeviceData => "DDATA",
            SparkplugKind.DeviceDeath => "DDEATH",
            _ => "DCMD",
        };
        return Device.Length == 0 ? $"spBv1.0/{Group}/{type}/{Node}" : $"spBv1.0/{Group}/{type}/{Node}/{Device}";
    }
}
