using System.Net;

namespace Twin.Gateway.Mqtt;

/// <summary>Bounds and settings of the MQTT door. Every bound has a metric that counts what it refused, dropped or slowed.</summary>
public sealed class MqttDoorOptions
{
    /// <summary>Where to listen. Port 0 takes a free one; see <see cref="MqttDoor.Endpoint"/>.</summary>
    public IPEndPoint Endpoint { get; set; } = new(IPAddress.Loopback, 1883);

    /// <summary>Largest packet taken, bytes. A larger one ends the connection with 0x95 after its header, unread.</summary>
    public int MaxPacketBytes { get; set; } = 1 << 20;

    /// <summary>Receive maximum: QoS 1 and 2 messages of one connection that wait for the journal. Also bounds QoS 0 messages under way: reading pauses there.</summary>
    public int ReceiveMaximum { get; set; } = 1_000;

    /// <summary>Payload bytes of one connection under way to the journal before reading pauses.</summary>
    public int MaxBytesUnderWay { get; set; } = 4 << 20;

    /// <summary>Unsent bytes for one client before QoS 0 is dropped and QoS 1 and 2 wait in its session.</summary>
    public int MaxOutboundBytes { get; set; } = 4 << 20;

    /// <summary>Unsent or queued messages for one client; the same for an absent client's session.</summary>
    public int MaxOutboundMessages { get; set; } = 10_000;

    /// <summary>Unacknowledged QoS 1 and 2 messages towards one client (its own receive maximum may be less).</summary>
    public int MaxInflight { get; set; } = 1_000;

    /// <summary>Topic aliases per connection, each direction.</summary>
    public int TopicAliasMaximum { get; set; } = 64;

    /// <summary>Open connections; one more is answered 0x97 (of those at most 256 at once, the rest is closed unheard).</summary>
    public int MaxConnections { get; set; } = 20_000;

    /// <summary>Open connections of one identity; anonymous clients share one. One more is answered 0x97.</summary>
    public int MaxConnectionsPerIdentity { get; set; } = 20_000;

    /// <summary>New connections a second (burst: twice that); more are answered 0x9F.</summary>
    public double ConnectionsPerSecond { get; set; } = 5_000;

    /// <summary>Messages a second of one connection (burst: one second's worth); above it reading pauses. 0 is unlimited.</summary>
    public double MessagesPerSecond { get; set; }

    /// <summary>Bytes a second of one connection (burst: one second's worth); above it reading pauses. 0 is unlimited.</summary>
    public double BytesPerSecond { get; set; }

    /// <summary>Sessions kept without a connection; the one absent longest goes first.</summary>
    public int MaxAbsentSessions { get; set; } = 20_000;

    /// <summary>Subscriptions of one session.</summary>
    public int MaxSubscriptionsPerSession { get; set; } = 1_000;

    /// <summary>Longest time a session outlives its connection.</summary>
    public TimeSpan MaxSessionExpiry { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Longest keep-alive; also what a client that asks for none gets told (5.0 only).</summary>
    public TimeSpan MaxKeepAlive { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Time from TCP connect to a whole CONNECT.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Retained messages.</summary>
    public int MaxRetainedMessages { get; set; } = 10_000;

    /// <summary>Bytes of retained topics and payloads.</summary>
    public long MaxRetainedBytes { get; set; } = 64 << 20;

    /// <summary>Folder for the retained-message log; null keeps retained messages in memory only.</summary>
    public string? RetainedFolder { get; set; }

    /// <summary>How often at most a device's owner hears that it was seen; never below one second.</summary>
    public TimeSpan SeenInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a stop waits for messages under way and for sockets to drain.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Throws when a setting is out of its range.</summary>
    public void Check()
    {
        Require(MaxPacketBytes is >= 256 and <= 256 << 20, nameof(MaxPacketBytes), MaxPacketBytes, "256 to 268,435,456");
        Require(ReceiveMaximum is >= 1 and <= 65_535, nameof(ReceiveMaximum), ReceiveMaximum, "1 to 65,535");
        Require(MaxInflight is >= 1 and <= 65_535, nameof(MaxInflight), MaxInflight, "1 to 65,535");
        Require(TopicAliasMaximum is >= 0 and <= 65_535, nameof(TopicAliasMaximum), TopicAliasMaximum, "0 to 65,535");
        Require(MaxBytesUnderWay > 0, nameof(MaxBytesUnderWay), MaxBytesUnderWay, "more than 0");
        Require(MaxOutboundBytes > 0, nameof(MaxOutboundBytes), MaxOutboundBytes, "more than 0");
        Require(MaxOutboundMessages > 0, nameof(MaxOutboundMessages), MaxOutboundMessages, "more than 0");
        Require(SeenInterval >= TimeSpan.FromSeconds(1), nameof(SeenInterval), SeenInterval, "at least 1 s");
    }

    private static void Require(bool holds, string name, object value, string range)
    {
        if (!holds) throw new ArgumentOutOfRangeException(name, value, $"Allowed: {range}.");
    }
}
