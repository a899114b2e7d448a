using Orleans.Runtime;
using Twin.Model;

namespace Twin.Grains.Devices;

/// <summary>
/// Owns one device: identity, session, standing. What is kept is seen only once it is stored; the link to its gateway is not kept, a gateway
/// tells of it again when asked (<see cref="IDeviceGrain.SeenAsync"/>). Calls may interleave at awaits, one thread at a time.
/// </summary>
/// <param name="deviceId">Whose owner this is.</param>
/// <param name="state">Where it is kept.</param>
/// <param name="book">Where commands sent under keys are kept.</param>
/// <param name="clock">Times commands, silence and marks.</param>
/// <param name="list">Takes the device into the directory; false when that is full.</param>
internal sealed partial class DeviceOwner(string deviceId, IPersistentState<DeviceState> state, IPersistentState<CommandBook> book, TimeProvider clock, Func<Task<bool>> list)
{
    private const int MostHashCharacters = 512;
    private readonly KeptState<DeviceState> _state = new(state);
    private readonly KeptState<CommandBook> _book = new(book);
    private IDeviceLink? _link;
    private string? _connection;
    private long _linkSession;
    private DateTimeOffset? _seen;
    private DateTimeOffset? _markedAt;
    private bool _isListed;

    /// <summary>Is a session held? Such an owner stays in memory.</summary>
    public bool HasLink => _link is not null;

    private DeviceState State => _state.Value;

    public async Task<bool> RegisterAsync(string twinId, string secretHash, TimeSpan staleAfter)
    {
        if (!TwinJson.IsValidId(twinId)) throw new ArgumentException("A device drives a twin whose id is valid.", nameof(twinId));
        if (secretHash is not { Length: > 0 and <= MostHashCharacters }) throw new ArgumentException($"A secret's hash has 1 to {MostHashCharacters} characters.", nameof(secretHash));
        if (staleAfter <= TimeSpan.Zero || staleAfter > DeviceBounds.LongestSilence)
            throw new ArgumentOutOfRangeException(nameof(staleAfter), staleAfter, $"A device goes stale after a time above zero and at most {DeviceBounds.LongestSilence}.");
        if (State.SecretHash is { } known) return known == secretHash;
        await ListAsync(); // before the secret is kept: a name without a device is passed over, a device without a name would be lost
        var kept = await _state.ChangeAsync(s => s.IsRegistered ? s : Stamp(s) with { TwinId = twinId, SecretHash = secretHash, StaleAfter = staleAfter });
        return kept.SecretHash == secretHash; // of two at the same time, one
    }

    public bool Authenticate(string secret) => !State.IsDisabled && State.SecretHash is { } hash && DeviceSecrets.Verify(secret, hash);

    public async Task<DeviceConnection> ConnectedAsync(IDeviceLink link, string connection, long session)
    {
        if (session <= 0) throw new ArgumentOutOfRangeException(nameof(session), session, "A session's number is above 0.");
        if (!State.IsRegistered) return new DeviceConnection(false, 0);
        await ListAsync(); // registered before there was a directory
        await _state.ChangeAsync(s => session > s.Session && session > s.EndedSession ? Stamp(s) with { Session = session } : s);
        if (State.Session != session || State.EndedSession >= session)
        {
            DeviceMetrics.SessionRefused();
            return new DeviceConnection(true, Math.Max(State.Session, State.EndedSession));
        }

        (_link, _connection, _linkSession, _pushed) = (link, connection, session, 0);
        Saw(clock.GetUtcNow());
        Push();
        return new DeviceConnection(true, 0);
    }

    public async Task DisconnectedAsync(long session)
    {
        if (session < State.Session || session <= State.EndedSession || !State.IsRegistered) return;
        if (_linkSession <= session) (_link, _connection) = (null, null);
        await _state.ChangeAsync(s => session >= s.Session && session > s.EndedSession ? Stamp(s) with { EndedSession = session } : s);
        if (_linkSession <= session) (_link, _connection) = (null, null); // told of again while it was written
    }

    public bool Seen(DateTimeOffset at)
    {
        Saw(at);
        if (_link is null) return !State.IsRegistered;
        Push();
        return true;
    }

    public DeviceStatus GetStatus()
    {
        var (kept, seen) = (State, Later(State.LastSeen, _seen));
        var isSilent = !kept.IsBehindEdge && (seen is null || clock.GetUtcNow() - seen > kept.StaleAfter);
        return new DeviceStatus(
            deviceId, kept.IsRegistered, _link is not null, isSilent || kept.StaleSince is not null, seen, _connection, kept.DesiredVersion, kept.Desired, kept.Reported, kept.IsDisabled)
        {
            StaleSince = kept.StaleSince, IsBehindEdge = kept.IsBehindEdge,
        };
    }

    public async Task MarkAsync(bool isStale, DateTimeOffset at)
    {
        if (at < Later(State.MarkedAt, _markedAt)) return;
        _markedAt = at;
        if (!isStale) Saw(at);
        if (State.IsBehindEdge && State.StaleSince is not null == isStale) return;
        await ListAsync();
        await _state.ChangeAsync(s => at < Later(s.MarkedAt, _markedAt) ? s : Stamp(s) with { IsBehindEdge = true, StaleSince = isStale ? at : null, MarkedAt = at });
    }

    public async Task<bool> SetDisabledAsync(bool disabled)
    {
        var kept = await _state.ChangeAsync(s => !s.IsRegistered || s.IsDisabled == disabled ? s : Stamp(s) with { IsDisabled = disabled });
        if (kept.IsDisabled && disabled && _link is { } link) await DropAsync(link, _linkSession);
        return kept.IsRegistered;
    }

    /// <summary>A gateway that cannot be told closes nothing, but the device's commands are refused here all the same.</summary>
    private async Task DropAsync(IDeviceLink link, long session)
    {
        try
        {
            await link.DropAsync(deviceId).WaitAsync(SendLimit, clock);
        }
        catch (Exception)
        {
            Failed("drop", session);
        }
    }

    /// <summary>Keeps when it was last seen, which is otherwise written only along with something else.</summary>
    public async Task LeaveAsync()
    {
        if (State.IsRegistered || State.IsBehindEdge) await _state.ChangeAsync(s => Later(s.LastSeen, _seen) == s.LastSeen ? s : Stamp(s));
    }

    private async Task ListAsync()
    {
        if (!State.IsListed && !_isListed) _isListed = await list();
    }

    private DeviceState Stamp(DeviceState s) => s with { IsListed = s.IsListed || _isListed, LastSeen = Later(s.LastSeen, _seen) };

    private void Saw(DateTimeOffset at)
    {
        var now = clock.GetUtcNow();
        _seen = Later(_seen, at < now ? at : now); // a gateway's clock that is ahead must not keep it fresh
    }

    private static DateTimeOffset? Later(DateTimeOffset? a, DateTimeOffset? b) => a is null || b > a ? b : a;
}
