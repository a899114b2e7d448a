using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Grains.Devices;

/// <summary>Orleans' side of a device: activation, turns. What a device's owner does is <see cref="DeviceOwner"/>'s. Calls interleave, because a command waits for a reply that comes in as another call.</summary>
[Reentrant]
internal sealed class DeviceGrain : Grain, IDeviceGrain
{
    private readonly DeviceOwner _owner;
    private readonly DeviceRights _rights;

    public DeviceGrain([PersistentState("device", "twins")] IPersistentState<DeviceState> state, [PersistentState("commands", "twins")] IPersistentState<CommandBook> book, TimeProvider clock, IPolicyStore policies)
    {
        _rights = new DeviceRights(this.GetPrimaryKeyString(), policies);
        var id = this.GetPrimaryKeyString();
        _owner = new DeviceOwner(id, state, book, clock, () => GrainFactory.GetGrain<IDeviceDirectoryGrain>(DeviceDirectory.PartOf(id)).AddAsync(id));
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => _owner.LeaveAsync();

    public async Task<bool> RegisterAsync(string twinId, string secretHash, TimeSpan staleAfter, PolicySubject? subject)
    {
        await _rights.RequireAsync(subject, Permissions.Administer, "");
        return await _owner.RegisterAsync(twinId, secretHash, staleAfter);
    }

    public Task<bool> AuthenticateAsync(string secret) => Task.FromResult(_owner.Authenticate(secret));

    public async Task<DeviceConnection> ConnectedAsync(IDeviceLink link, string connection, long session)
    {
        var taken = await _owner.ConnectedAsync(link, connection, session);
        Stay();
        return taken;
    }

    public async Task DisconnectedAsync(long session)
    {
        await _owner.DisconnectedAsync(session);
        Stay();
    }

    public Task<bool> SeenAsync(DateTimeOffset at)
    {
        var isKnown = _owner.Seen(at);
        Stay();
        return Task.FromResult(isKnown);
    }

    public Task<DeviceStatus> GetStatusAsync() => Task.FromResult(_owner.GetStatus());

    public Task MarkAsync(bool isStale, DateTimeOffset at) => _owner.MarkAsync(isStale, at);

    public async Task<DeviceUpdate> SetDesiredAsync(string mergePatchJson, PolicySubject? subject) =>
        await _rights.RefusalAsync(subject, Permissions.Command, "desired") is { } refusal
            ? new DeviceUpdate(DeviceUpdateStatus.NotAllowed, _owner.GetStatus().DesiredVersion, refusal)
            : await _owner.SetDesiredAsync(mergePatchJson);

    public Task<DeviceUpdate> ReportAsync(string mergePatchJson) => _owner.ReportAsync(mergePatchJson);

    public async Task<DeviceCommandReply> InvokeAsync(string command, byte[] payload, TimeSpan timeout, string idempotencyKey, PolicySubject? subject)
    {
        if (await _rights.RefusalAsync(subject, Permissions.Command, "commands/" + command) is { } refusal) return new DeviceCommandReply(DeviceCommandStatus.NotAllowed, 0, [], refusal);
        var reply = await _owner.InvokeAsync(command, payload, timeout, idempotencyKey);
        Stay(); // the link may have failed
        return reply;
    }

    public Task ReplyAsync(string correlationId, int code, byte[] payload) => _owner.ReplyAsync(correlationId, code, payload);

    public async Task<bool> SetDisabledAsync(bool disabled, PolicySubject? subject)
    {
        await _rights.RequireAsync(subject, Permissions.Administer, "disabled");
        return await _owner.SetDisabledAsync(disabled);
    }

    /// <summary>The owner of an open session is not collected while it is idle: the link is known here only.</summary>
    private void Stay() => DelayDeactivation(_owner.HasLink ? TimeSpan.MaxValue : TimeSpan.Zero);
}
