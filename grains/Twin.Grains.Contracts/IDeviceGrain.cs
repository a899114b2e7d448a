using Orleans;
using Twin.Model;
using Twin.Model.Policies;

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
    /// <summary>It was sent, and no answer came in time: the device may have acted. A retry with the same key never sends again; it returns a reply that came late.</summary>
    TimedOut = 1,
    /// <summary>No session to send it on. Not sent; a retry sends.</summary>
    NotConnected = 2,
    /// <summary>The device is disabled. Not sent; a retry sends.</summary>
    Refused = 3,
    /// <summary>Too many commands are waiting or remembered. Not sent; a retry sends.</summary>
    Busy = 4,
    /// <summary>No such device is registered.</summary>
    NotRegistered = 5,
    /// <summary>The key was used for another command or payload. Not sent.</summary>
    KeyReused = 6,
    /// <summary>The device answered with more than <see cref="DeviceBounds.ReplyPayloadBytes"/>; the code is told, the payload is not.</summary>
    ReplyTooLarge = 7,
    /// <summary>The caller's policies do not let it. Not sent.</summary>
    NotAllowed = 8,
}

/// <summary>How a change of the desired or reported state ended.</summary>
public enum DeviceUpdateStatus
{
    /// <summary>Kept.</summary>
    Done = 0,
    /// <summary>No such device is registered; nothing was kept.</summary>
    NotRegistered = 1,
    /// <summary>The patch is not a JSON object that can be merged.</summary>
    Invalid = 2,
    /// <summary>The patch or the state it would make is over its bound.</summary>
    TooLarge = 3,
    /// <summary>Too many changes wait for the store.</summary>
    Busy = 4,
    /// <summary>The caller's policies do not let it.</summary>
    NotAllowed = 5,
}

/// <summary>How a change of the desired or reported state ended; <see cref="Version"/> is the desired state's, unchanged when refused.</summary>
[GenerateSerializer, Immutable]
public sealed record DeviceUpdate([property: Id(0)] DeviceUpdateStatus Status, [property: Id(1)] long Version, [property: Id(2)] string? Detail);

/// <summary>
/// What an owner says of a session it was told of. <see cref="LaterSession"/> is 0 when the session was taken, else the latest one known,
/// which is not below it: a gateway whose connection is still open then takes a number above it and tells again.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record DeviceConnection([property: Id(0)] bool IsRegistered, [property: Id(1)] long LaterSession);

/// <summary>A device's answer.</summary>
[GenerateSerializer, Immutable]
public sealed record DeviceCommandReply(
    [property: Id(0)] DeviceCommandStatus Status, [property: Id(1)] int Code, [property: Id(2)] byte[] Payload, [property: Id(3)] string? Detail);

/// <summary>A gateway that holds device connections; device grains call it to send. Implemented by the MQTT door.</summary>
public interface IDeviceLink : IGrainObserver
{
    /// <summary>Sends a command to a connected device; returns false when the session is gone.</summary>
    Task<bool> SendCommandAsync(string deviceId, string command, string correlationId, byte[] payload);

    /// <summary>Tells a connected device its new desired state; returns false when it does not listen.</summary>
    Task<bool> SendDesiredAsync(string deviceId, string desiredJson, long version);

    /// <summary>Closes a device's connections, because it was disabled; returns whether there were any.</summary>
    Task<bool> DropAsync(string deviceId);
}

/// <summary>
/// Owns one device: identity, credentials, connection, desired and reported state, commands, last seen. Keyed by device id
/// (= the twin id it drives, unless told otherwise). State is durable in the Orleans store. A call that carries a subject is held to the policies
/// by the grain itself: what answers with a status says <c>NotAllowed</c>, the others throw <see cref="UnauthorizedAccessException"/>.
/// </summary>
public interface IDeviceGrain : IGrainWithStringKey
{
    /// <summary>Registers the device; <paramref name="secretHash"/> is what <c>DeviceSecrets.Hash</c> makes. Idempotent with the same hash; false with another. Returns after the store has it.</summary>
    /// <exception cref="ArgumentException">An id that is none, no hash, or a silence not above 0 and at most <see cref="DeviceBounds.LongestSilence"/>.</exception>
    Task<bool> RegisterAsync(string twinId, string secretHash, TimeSpan staleAfter, PolicySubject? subject = null);

    /// <summary>Checks a secret. Unregistered devices are refused unless the door allows anonymous loopback ones.</summary>
    Task<bool> AuthenticateAsync(string secret);

    /// <summary>
    /// A session opened at a gateway. The later session wins, over restarts of the owner too; <paramref name="session"/>, above 0, grows with each
    /// connect. The same session may be told again. A link that fails never fails this call.
    /// </summary>
    Task<DeviceConnection> ConnectedAsync(IDeviceLink link, string connection, long session);

    /// <summary>A session ended; a later one stays.</summary>
    Task DisconnectedAsync(long session);

    /// <summary>The door saw it speak (batched: at most once a second a device). A time after now counts as now. False asks the door to tell of its session again: the owner knows of none.</summary>
    Task<bool> SeenAsync(DateTimeOffset at);

    /// <summary>Its standing now.</summary>
    Task<DeviceStatus> GetStatusAsync();

    /// <summary>Merges (RFC 7396) into the desired state and persists; the device is told when it is connected and listens, now or when it next speaks.</summary>
    Task<DeviceUpdate> SetDesiredAsync(string mergePatchJson, PolicySubject? subject = null);

    /// <summary>Merges (RFC 7396) into the reported state of a device that is registered or behind an edge.</summary>
    Task<DeviceUpdate> ReportAsync(string mergePatchJson);

    /// <summary>
    /// Sends a command and waits for its reply, at most <paramref name="timeout"/> (above 0, at most <see cref="DeviceBounds.LongestTimeout"/>). The same
    /// <paramref name="idempotencyKey"/> within <see cref="DeviceBounds.RepliesKept"/> never sends again what was sent, over restarts of the owner too; what was not
    /// sent is not remembered. An empty key remembers nothing.
    /// </summary>
    /// <exception cref="ArgumentException">A name, key, payload or timeout outside <see cref="DeviceBounds"/>.</exception>
    Task<DeviceCommandReply> InvokeAsync(string command, byte[] payload, TimeSpan timeout, string idempotencyKey, PolicySubject? subject = null);

    /// <summary>The device's reply, from the door. One for a command that timed out is kept for a retry; one nobody asked for is passed over.</summary>
    Task ReplyAsync(string correlationId, int code, byte[] payload);

    /// <summary>Refuses or allows its connections and commands, and closes the connection it has; false when no such device is registered.</summary>
    Task<bool> SetDisabledAsync(bool disabled, PolicySubject? subject = null);

    /// <summary>The edge it stands behind was born (fresh) or has died (stale) at <paramref name="at"/>. Durable. A mark older than the last one is ignored, so that the death an old gateway reports late does not undo a birth at a new one.</summary>
    Task MarkAsync(bool isStale, DateTimeOffset at);
}
