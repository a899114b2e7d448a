using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace Twin.Grains.Devices;

/// <summary>Orleans' side of a device: activation, turns. What a device's owner does is <see cref="DeviceOwner"/>'s. Calls interleave, because a command waits for a reply that comes in as another call.</summary>
[Reentrant]
internal sealed class DeviceGrain : Grain, IDeviceGrain
{
    private readonly DeviceOwner _owner;

    public DeviceGrain([PersistentState("device", "twins")] IPersistentState<DeviceState> state, [PersistentState("commands", "twins")] IPersistentState<CommandBook> book, TimeProvider clock)
    {
        var id = this.GetPrimaryKeyString();
        _owner = new DeviceOwner(id, state, book, clock, () => GrainFactory.GetGrain<IDeviceDirectoryGrain>(DeviceDirectory.PartOf(id)).AddAsync(id));
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => _owner.LeaveAsync();

    public Task<bool> RegisterAsync(string twinId, string secretHash, TimeSpan staleAfter) => _owner.RegisterAsync(twinId, secretHash, staleAfter);

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

    public Task<DeviceUpdate> SetDesiredAsync(string mergePatchJson) => _owner.SetDesiredAsync(mergePatchJson);

    public Task<DeviceUpdate> ReportAsync(string mergePatchJson) => _owner.ReportAsync(mergePatchJson);

    public async Task<DeviceCommandReply> InvokeAsync(string command, byte[] payload, TimeSpan timeout, string idempotencyKey)
    {
        var reply = await _owner.InvokeAsync(command, payload, timeout, idempotencyKey);
        Stay(); // the link may have failed
        return reply;
    }

    public Task ReplyAsync(string correlationId, int code, byte[] payload) => _owner.ReplyAsync(correlationId, code, payload);

    public Task<bool> SetDisabledAsync(bool disabled) => _owner.SetDisabledAsync(disabled);

    /// <summary>The owner of an open session is not collected while it is idle: the link is known here only.</summary>
    private void Stay() => DelayDeactivation(_owner.HasLink ? TimeSpan.MaxValue : TimeSpan.Zero);
}
