using Twin.Wire.Mqtt;

namespace Twin.Devices.Mqtt;

/// <summary>How a device speaks to its broker.</summary>
public sealed record MqttDeviceClientOptions
{
    /// <summary>Packet identifiers above this one are for SUBSCRIBE.</summary>
    public const int LargestWindow = 60_000;

    /// <summary>Host name or address.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>TCP port.</summary>
    public int Port { get; init; } = 1883;

    /// <summary>Client identifier = device id.</summary>
    public required string ClientId { get; init; }

    /// <summary>Null when none.</summary>
    public string? UserName { get; init; }

    /// <summary>Secret or token; null when none.</summary>
    public string? Password { get; init; }

    /// <summary>Keep-alive; pings are sent at half of it.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Unacknowledged QoS 1 messages, 1 to 60,000; the broker's receive maximum may lower it.</summary>
    public int Window { get; init; } = 500;

    /// <summary>Unsent bytes before a publish waits.</summary>
    public int MaxUnsentBytes { get; init; } = 1 << 20;

    /// <summary>How long the broker keeps the session of an absent device.</summary>
    public TimeSpan SessionExpiry { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>First wait before connecting again; doubles up to <see cref="LongestReconnect"/>, times 0.5 to 1.5 by chance.</summary>
    public TimeSpan FirstReconnect { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest wait before connecting again.</summary>
    public TimeSpan LongestReconnect { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Published by the broker when the device vanishes; null for none.</summary>
    public MqttWill? Will { get; init; }

    /// <summary>Throws when a setting is out of its range.</summary>
    public void Check()
    {
        if (Window is < 1 or > LargestWindow) throw new ArgumentOutOfRangeException(nameof(Window), Window, "Allowed: 1 to 60,000.");
        if (MaxUnsentBytes < 1024) throw new ArgumentOutOfRangeException(nameof(MaxUnsentBytes), MaxUnsentBytes, "Allowed: at least 1,024.");
        if (Port is < 1 or > 65_535) throw new ArgumentOutOfRangeException(nameof(Port), Port, "Allowed: 1 to 65,535.");
    }
}

/// <summary>A message from the broker.</summary>
/// <param name="Topic">Where it was published.</param>
/// <param name="Payload">Owned by the receiver.</param>
/// <param name="ResponseTopic">Where to answer; null when absent.</param>
/// <param name="CorrelationData">To hand back; null when absent.</param>
/// <param name="Retained">It was kept by the broker.</param>
public sealed record MqttInbound(string Topic, byte[] Payload, string? ResponseTopic, byte[]? CorrelationData, bool Retained);

/// <summary>Hears of every acknowledgement; called on the read loop, so be quick.</summary>
public interface IMqttPublishObserver
{
    /// <summary>A QoS 1 message is decided. <paramref name="tag"/> is what the publisher gave; below 0x80 it is journaled.</summary>
    void OnAcknowledged(long tag, MqttReason reason);
}

/// <summary>The broker refused the connection for good.</summary>
public sealed class MqttRefusedException(MqttReason reason, string? detail)
    : Exception($"The broker refused the connection: {reason}{(detail is null ? "" : $" ({detail})")}.")
{
    /// <summary>Why.</summary>
    public MqttReason Reason { get; } = reason;
}
