using System.Net;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>What a client shows at the door.</summary>
/// <param name="ClientId">Its client identifier, possibly assigned by the broker.</param>
/// <param name="UserName">Null when absent.</param>
/// <param name="Password">Secret or JWT, UTF-8; empty when absent.</param>
/// <param name="Remote">Where it comes from.</param>
public sealed record MqttLogin(string ClientId, string? UserName, ReadOnlyMemory<byte> Password, EndPoint? Remote);

/// <summary>The answer to a login: an identity, or a reason (0x86, 0x87, 0x88 ...) and a text for people.</summary>
public readonly record struct MqttAdmissionResult(MqttReason Reason, MqttIdentity? Identity, string? Detail = null)
{
    /// <summary>Admits.</summary>
    public static MqttAdmissionResult Admit(MqttIdentity identity) => new(MqttReason.Success, identity);

    /// <summary>Refuses.</summary>
    public static MqttAdmissionResult Refuse(MqttReason reason, string detail) => new(reason, null, detail);
}

/// <summary>Who a client is and what it may do. Asked once a message, so answers must be quick and allocate nothing. Thread-safe.</summary>
public abstract class MqttIdentity(string name)
{
    /// <summary>Stable name; connections are counted by it.</summary>
    public string Name { get; } = name;

    /// <summary>Who it is in the audit log: <c>key:alice</c>, <c>device:pump-1</c>.</summary>
    public virtual string SubjectName => Name;

    /// <summary>May it publish here? <paramref name="twinId"/> is the twin the topic names, or empty (also for the many-twins topics).</summary>
    public abstract bool MayPublish(string topic, string twinId);

    /// <summary>May it subscribe to this filter (without any <c>$share</c> prefix)?</summary>
    public abstract bool MaySubscribe(string filter);
}

/// <summary>May do everything: operators, gateways, anonymous clients on loopback.</summary>
public sealed class TrustedIdentity(string name) : MqttIdentity(name)
{
    /// <inheritdoc/>
    public override bool MayPublish(string topic, string twinId) => true;

    /// <inheritdoc/>
    public override bool MaySubscribe(string filter) => true;
}

/// <summary>A device: publishes and subscribes only below <c>twins/{its twin}/</c>.</summary>
public sealed class DeviceIdentity(string deviceId, string twinId) : MqttIdentity(deviceId)
{
    private readonly string _prefix = $"twins/{twinId}/";

    /// <inheritdoc/>
    public override string SubjectName { get; } = $"device:{deviceId}";

    /// <inheritdoc/>
    public override bool MayPublish(string topic, string twin) => twin == twinId;

    /// <inheritdoc/>
    public override bool MaySubscribe(string filter) => filter.StartsWith(_prefix, StringComparison.Ordinal);
}

/// <summary>Decides who comes in.</summary>
public interface IMqttAdmission
{
    /// <summary>True when clients without credentials are let in; the door then refuses to open on a public address.</summary>
    bool AdmitsAnonymous { get; }

    /// <summary>Checks a login.</summary>
    ValueTask<MqttAdmissionResult> AdmitAsync(MqttLogin login, CancellationToken cancellationToken);
}

/// <summary>Lets everyone in; only for a door that listens on loopback.</summary>
public sealed class LoopbackAdmission : IMqttAdmission
{
    private static readonly TrustedIdentity Anonymous = new("anonymous");

    /// <inheritdoc/>
    public bool AdmitsAnonymous => true;

    /// <inheritdoc/>
    public ValueTask<MqttAdmissionResult> AdmitAsync(MqttLogin login, CancellationToken cancellationToken) => new(MqttAdmissionResult.Admit(Anonymous));
}
