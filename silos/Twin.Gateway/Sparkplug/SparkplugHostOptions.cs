using Twin.Model;

namespace Twin.Gateway.Sparkplug;

/// <summary>Settings of the Sparkplug host application.</summary>
public sealed class SparkplugHostOptions
{
    /// <summary>Host id in <c>spBv1.0/STATE/{hostId}</c>.</summary>
    public string HostId { get; set; } = "twin";

    /// <summary>Edge nodes known at once; births beyond are refused and counted.</summary>
    public int MaxNodes { get; set; } = 10_000;

    /// <summary>Metrics of one edge node and its devices.</summary>
    public int MaxMetricsPerNode { get; set; } = 100_000;

    /// <summary>At most one rebirth request a node in this time.</summary>
    public TimeSpan RebirthInterval { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>Hears which twins went silent with their edge node or device, and which came back. Thread-safe.</summary>
public interface ITwinStalenessSink
{
    /// <summary>Marks twins stale or fresh.</summary>
    ValueTask MarkAsync(IReadOnlyCollection<string> twinIds, bool isStale, WallTime at, CancellationToken cancellationToken);
}
