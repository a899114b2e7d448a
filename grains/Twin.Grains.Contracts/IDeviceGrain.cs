using Orleans;

namespace Twin.Grains;

/// <summary>A device's standing as its owner sees it.</summary>
[GenerateSerializer, Immutable]
public sealed record DeviceStatus(
    [property: Id(0)] string DeviceId,
    [property: Id(1)] bool IsRegistered,
    [property: Id(2)] bool IsConnected,
    [property: Id(3)] bool IsStale,
    [property: Id(4)] DateTimeOffset? LastSeen,
    [property: Id(5)] string? Connection,
    [property: Id(6)] long DesiredVersion,
    [property: Id(7)] string DesiredJson,
    [property: Id(8)] string ReportedJson,
    [property: Id(9)] bool IsDisabled)
{
    /// <summary>Since when it is marked stale by the edge it stands behind; null when it is not.</summary>
    [Id(10)] public DateTimeOffset? StaleSince { get; init; }

    /// <summary>True once an edge node has spoken for it: its edge's births and deaths then decide whether it is stale, not silence, because edges report by exception.</summary>
    [Id(11)] public bool IsBehindEdge { get; init; }
}

/// <summary>How a command to a device ended.</summary>
public enum DeviceCommandStatus
{
    /// <summary>The device answered.</summary>
    Replied = 0,
    /// <summary>No answer in time.</summary>
    TimedOut = 1,
    /// <summary>No session to send it on.</summary>
    NotConnected = 2,
    /// <summary>The device does not exist or is disabled.</summary>
    Refused = 3,
    /// <summary>Too many commands are waiting.</summary>
    Busy = 4,
}

/// <summary>A device's answer.</summary>
[GenerateSerializer, Immutable]
public sealed record DeviceCommandReply(
    [property: Id(0)] DeviceCommandStatus Status, [property: Id(1)] int Code, [property: Id(2)] byte[] Payload, [property: Id(3)] string? Detail);

/// <summary>A gateway that holds device connections; device grains call it to send. Implemented by the MQTT door.</summary>
public interface IDeviceLink : IGrainObserver
{
    /// <summary>Sends a command to a connected device; returns false when the session is gone.</summary>
    Task<bool> SendCommandAsync(string deviceId, string command, string correlationId, byte[] payload);

    /// <summary>Tells a connected device its new desired state.</summary>
    Task<bool> SendDesiredAsync(string deviceId, string desiredJson, long version);
}

/// <summary>
/// Owns one device: identity, credentials, connection, desired and reported state, commands, last seen. Keyed by device id
/// (= the twin id it drives, unless told otherwise). State is durable in the Orleans store.
/// </summary>
public interface IDeviceGrain : IGrainWithStringKey
{
    /// <summary>Registers the device; <paramref name="secretHash"/> is what <c>DeviceSecrets.Hash</c> makes. Idempotent with the same hash.</summary>
    Task<bool> RegisterAsync(string twinId, string secretHash, TimeSpan staleAfter);

    /// <summary>Checks a secret. Unregistered devices are refused unless the door allows anonymous loopback ones.</summary>
    Task<bool> AuthenticateAsync(string secret);

    /// <summary>A session opened at a gateway. The later session wins; <paramref name="session"/> grows with each connect.</summary>
    Task ConnectedAsync(IDeviceLink link, string connection, long session);

    /// <summary>A session ended; ignored when a later one is there.</summary>
    Task DisconnectedAsync(long session);

    /// <summary>The door saw it speak (batched: at most once a second a device).</summary>
    Task SeenAsync(DateTimeOffset at);

    /// <summary>Its standing now.</summary>
    Task<DeviceStatus> GetStatusAsync();

    /// <summary>Merges (RFC 7396) into the desired state, persists, and sends it when connected. Returns the new version.</summary>
    Task<long> SetDesiredAsync(string mergePatchJson);

    /// <summary>Merges (RFC 7396) into the reported state.</summary>
    Task ReportAsync(string mergePatchJson);

    /// <summary>Sends a command and waits for its reply. The same <paramref name="idempotencyKey"/> within 10 minutes returns the first reply without sending again.</summary>
    Task<DeviceCommandReply> InvokeAsync(string command, byte[] payload, TimeSpan timeout, string idempotencyKey);

    /// <summary>The device's reply, from the door.</summary>
    Task ReplyAsync(string correlationId, int code, byte[] payload);

    /// <summary>Refuses or allows its connections.</summary>
    Task SetDisabledAsync(bool disabled);

    /// <summary>The edge it stands behind was born (fresh) or has died (stale) at <paramref name="at"/>. Durable. A mark older than the last one is ignored, so that the death an old gateway reports late does not undo a birth at a new one.</summary>
    Task MarkAsync(bool isStale, DateTimeOffset at);
}
