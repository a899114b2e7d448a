using Twin.Grains;
using Twin.Model;
using Twin.Pipelines.Ingest;

namespace Twin.Gateway.Mqtt;

/// <summary>Owners of what devices say beside samples. Thread-safe. A false Acknowledge makes the device send again.</summary>
public interface IMqttTwinOwner
{
    /// <summary><c>twins/{id}/telemetry</c>: journaled for feed and history, not state. The payload is valid until the task ends.</summary>
    ValueTask<MessageFate> TelemetryAsync(string twinId, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken);

    /// <summary><c>twins/{id}/reported</c>: a merge patch of the device's reported state.</summary>
    ValueTask<MessageFate> ReportedAsync(string twinId, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken);

    /// <summary><c>twins/{id}/replies/{correlation}</c>: the answer to a command.</summary>
    ValueTask<MessageFate> ReplyAsync(string twinId, string correlation, int code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken);
}

/// <summary>Publishes as the broker itself. Thread-safe.</summary>
public interface IMqttPublisher
{
    /// <summary>Publishes to subscribers (and retains when asked); returns how many sessions got it. The bytes are copied.</summary>
    int Publish(string topic, ReadOnlySpan<byte> payload, byte qos = 0, bool retain = false);
}

/// <summary>
/// An in-process owner of some topics, such as the Sparkplug host. Messages of one connection come in order; the synchronous part
/// of <see cref="TakeAsync"/> runs in that order, its end decides the acknowledgement.
/// </summary>
public interface IMqttTap
{
    /// <summary>Is a topic its own? Asked once a topic (the answer is cached), so it must not change.</summary>
    bool Takes(string topic);

    /// <summary>The door is open. Called once before the first message.</summary>
    void Open(IMqttPublisher publisher);

    /// <summary>A message came. The payload is valid until the task ends.</summary>
    ValueTask<MessageFate> TakeAsync(string topic, ReadOnlyMemory<byte> payload, WallTime arrivalTime, CancellationToken cancellationToken);

    /// <summary>The door is about to close: last words.</summary>
    void Close();
}

/// <summary>What device owners hear about connections. Never called per message. Thread-safe. A call that fails is made again while the connection is open.</summary>
public interface IMqttDevices
{
    /// <summary>A client connected; the owner of a registered device with that id is told. Says whether there is one, and when a later session is known, which.</summary>
    ValueTask<DeviceConnection> ConnectedAsync(IDeviceLink link, string clientId, string connection, long session);

    /// <summary>It is gone.</summary>
    ValueTask DisconnectedAsync(string clientId, long session);

    /// <summary>It spoke. False asks to be told of the connection again.</summary>
    ValueTask<bool> SeenAsync(string clientId, DateTimeOffset at);
}
