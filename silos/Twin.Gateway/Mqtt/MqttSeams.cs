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
/// An in-process owner of a topic prefix, such as the Sparkplug host. Messages of one connection come in order; the synchronous part
/// of <see cref="TakeAsync"/> runs in that order, its end decides the acknowledgement.
/// </summary>
public interface IMqttTap
{
    /// <summary>Topics with this prefix are its own, e.g. <c>spBv1.0/</c>.</summary>
    string Prefix { get; }

    /// <summary>The door is open. Called once before the first message.</summary>
    void Open(IMqttPublisher publisher);

    /// <summary>A message came. The payload is valid until the task ends.</summary>
    ValueTask<MessageFate> TakeAsync(string topic, ReadOnlyMemory<byte> payload, WallTime arrivalTime, CancellationToken cancellationToken);

    /// <summary>The door is about to close: last words.</summary>
    void Close();
}

/// <summary>What device owners hear about connections. Never called per message. Thread-safe; must not throw.</summary>
public interface IMqttDevices
{
    /// <summary>A client connected; a device's owner is told when the client id is a registered device. Returns whether it is.</summary>
    ValueTask<bool> ConnectedAsync(IDeviceLink link, string clientId, string connection, long session);

    /// <summary>It is gone.</summary>
    ValueTask DisconnectedAsync(string clientId, long session);

    /// <summary>It spoke.</summary>
    ValueTask SeenAsync(string clientId, DateTimeOffset at);
}
