using System.Text;
using System.Text.Json;
using Orleans;
using Twin.Grains;
using Twin.Model;
using Twin.Pipelines.Ingest;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>Takes telemetry to the twin store, reported state and replies to the device's grain. Thread-safe.</summary>
public sealed class GrainTwinOwner(ITwinStore store, IGrainFactory grains) : IMqttTwinOwner
{
    private static readonly MessageFate Done = new(true, SampleFate.Applied, null);

    /// <inheritdoc/>
    public async ValueTask<MessageFate> TelemetryAsync(string twinId, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        if (!TryReadJson(payload.Span, out var value, out var problem)) return new MessageFate(true, SampleFate.Invalid, problem);
        var result = await store.ExecuteAsync(new PublishTelemetry(twinId, "", value), cancellationToken);
        return result.Status switch
        {
            <= TwinStatus.Created => Done,
            TwinStatus.NotFound => new MessageFate(true, SampleFate.UnknownTwin, result.Problem?.Detail),
            TwinStatus.Unavailable or TwinStatus.TooMuch => new MessageFate(false, SampleFate.Unavailable, result.Problem?.Detail),
            _ => new MessageFate(true, SampleFate.Invalid, result.Problem?.Detail),
        };
    }

    /// <inheritdoc/>
    public async ValueTask<MessageFate> ReportedAsync(string twinId, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        if (!TryReadJson(payload.Span, out _, out var problem)) return new MessageFate(true, SampleFate.Invalid, problem);
        var update = await grains.GetGrain<IDeviceGrain>(twinId).ReportAsync(Encoding.UTF8.GetString(payload.Span));
        return update.Status switch
        {
            DeviceUpdateStatus.Done => Done,
            DeviceUpdateStatus.NotRegistered => new MessageFate(true, SampleFate.UnknownTwin, update.Detail),
            DeviceUpdateStatus.Busy => new MessageFate(false, SampleFate.Unavailable, update.Detail),
            _ => new MessageFate(true, SampleFate.Invalid, update.Detail),
        };
    }

    /// <inheritdoc/>
    public async ValueTask<MessageFate> ReplyAsync(string twinId, string correlation, int code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        await grains.GetGrain<IDeviceGrain>(twinId).ReplyAsync(correlation, code, payload.ToArray());
        return Done;
    }

    private static bool TryReadJson(ReadOnlySpan<byte> utf8, out PropertyValue value, out string? problem)
    {
        try
        {
            var reader = new Utf8JsonReader(utf8);
            value = reader.Read() ? PropertyValue.ReadJson(ref reader) : default;
            problem = reader.Read() ? "There is text after the JSON value." : null;
        }
        catch (JsonException broken)
        {
            value = default;
            problem = $"The payload is not JSON: {broken.Message}";
        }

        return problem is null;
    }
}

/// <summary>Tells device grains about connections; only registered devices. Thread-safe.</summary>
public sealed class GrainDevices(IGrainFactory grains) : IMqttDevices
{
    private readonly Lock _lock = new();
    private IDeviceLink? _link; // the door is kept alive by its host: observer references are weak
    private IDeviceLink? _reference;

    /// <inheritdoc/>
    public async ValueTask<DeviceConnection> ConnectedAsync(IDeviceLink link, string clientId, string connection, long session) =>
        TwinJson.IsValidId(clientId) ? await grains.GetGrain<IDeviceGrain>(clientId).ConnectedAsync(ReferenceTo(link), connection, session) : new DeviceConnection(false, 0);

    /// <inheritdoc/>
    public async ValueTask DisconnectedAsync(string clientId, long session) => await grains.GetGrain<IDeviceGrain>(clientId).DisconnectedAsync(session);

    /// <inheritdoc/>
    public async ValueTask<bool> SeenAsync(string clientId, DateTimeOffset at) => await grains.GetGrain<IDeviceGrain>(clientId).SeenAsync(at);

    private IDeviceLink ReferenceTo(IDeviceLink link)
    {
        lock (_lock)
        {
            if (!ReferenceEquals(_link, link)) (_link, _reference) = (link, grains.CreateObjectReference<IDeviceLink>(link));
            return _reference!;
        }
    }
}

/// <summary>
/// Admission by device credentials: user name = device id, password = its secret, checked by the device's grain; or a token (user name
/// empty or <c>jwt</c>) checked by <paramref name="tokens"/>. Without credentials only when <paramref name="anonymous"/> says so.
/// </summary>
/// <param name="grains">Where device owners are.</param>
/// <param name="anonymous">Let clients without credentials in as trusted; for loopback doors.</param>
/// <param name="tokens">Turns a token into an identity, null when it is not valid; null takes no tokens.</param>
public sealed class GrainAdmission(IGrainFactory grains, bool anonymous, Func<string, CancellationToken, ValueTask<MqttIdentity?>>? tokens = null) : IMqttAdmission
{
    private static readonly TrustedIdentity Anonymous = new("anonymous");

    /// <inheritdoc/>
    public bool AdmitsAnonymous => anonymous;

    /// <inheritdoc/>
    public async ValueTask<MqttAdmissionResult> AdmitAsync(MqttLogin login, CancellationToken cancellationToken)
    {
        if (login.UserName is null && login.Password.IsEmpty)
            return anonymous ? MqttAdmissionResult.Admit(Anonymous) : MqttAdmissionResult.Refuse(MqttReason.NotAuthorized, "Credentials are required.");
        var secret = Encoding.UTF8.GetString(login.Password.Span);
        if (login.UserName is null or "" or "jwt")
        {
            var identity = tokens is null ? null : await tokens(secret, cancellationToken);
            return identity is null ? MqttAdmissionResult.Refuse(MqttReason.BadUserNameOrPassword, "The token is not valid.") : MqttAdmissionResult.Admit(identity);
        }

        if (!TwinJson.IsValidId(login.UserName) || !await grains.GetGrain<IDeviceGrain>(login.UserName).AuthenticateAsync(secret))
            return MqttAdmissionResult.Refuse(MqttReason.BadUserNameOrPassword, "Unknown device or wrong secret.");
        // A client id is what a session is taken over by, and a registered device's is its session's name at its owner.
        if (login.ClientId != login.UserName && TwinJson.IsValidId(login.ClientId) && (await grains.GetGrain<IDeviceGrain>(login.ClientId).GetStatusAsync()).IsRegistered)
            return MqttAdmissionResult.Refuse(MqttReason.ClientIdNotValid, $"The client identifier '{login.ClientId}' is another device's.");
        return MqttAdmissionResult.Admit(new DeviceIdentity(login.UserName, login.UserName));
    }
}
