using System.Diagnostics.Metrics;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using Twin.Model;
using Twin.Model.Spaces;

namespace Twin.Grains.Spaces;

/// <summary>Owns a place: who may come in, who is out, what moderators have ordered. Seats and the line are the activation's: silos tell anew within a second who is here, and until they had time to, newcomers wait. Calls interleave, so that those who come at the same time share one write.</summary>
[Reentrant]
internal sealed partial class SpaceGrain([PersistentState("space", "twins")] IPersistentState<SpaceState> state, [PersistentState("reports", "twins")] IPersistentState<SpaceReports> reports, TimeProvider clock) : Grain, ISpaceGrain
{
    private const int MostAvatars = 100_000;
    private static readonly TimeSpan Recollection = TimeSpan.FromSeconds(3);
    private const int MostSeats = 64;
    private const int MostBans = 10_000;
    private const int MostSeconds = 31_536_000;
    private static readonly Counter<long> Joins = new Meter("Twin.Spaces").CreateCounter<long>("twin_space_joins_total", description: "Asked to come in, by what was answered");

    private readonly WaitingLine _line = new(mostWaiting: 10_000, TimeSpan.FromSeconds(45));
    private readonly Dictionary<string, (ISpacePeer Peer, DateTimeOffset At)> _seats = new(StringComparer.Ordinal);
    private readonly DateTimeOffset _since = clock.GetUtcNow();
    private SpaceDefinition? _definition;
    private bool _hadPeople;
    private long _changes;
    private long _numbered;
    private long _stored;
    private Task? _writing;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _hadPeople = state.State.Avatars.Count > 0;
        foreach (var (user, ticket) in state.State.Tickets) _holders[ticket.Place] = user;
        if (state.State.Definition is { } json) SpaceDefinition.TryParse(json, out _definition, out _);
        return Task.CompletedTask;
    }

    public async Task<CommandResult> PutAsync(byte[] json, string? user)
    {
        if (!SpaceDefinition.TryParse(json, out var definition, out var problem)) return new CommandResult(TwinStatus.Invalid, 0, problem);
        if (user is not null && _definition is not null && !IsHost(user)) return NotAllowed("change it");
        var id = this.GetPrimaryKeyString();
        if (!await GrainFactory.GetGrain<ISpaceDirectoryGrain>(0).SetAsync(id, true)) return new CommandResult(TwinStatus.TooMuch, 0, new Problem("TooManySpaces", "There are as many spaces as are kept."));
        var isNew = _definition is null;
        state.State.Definition = definition!.ToJson();
        await WriteAsync();
        _definition = definition;
        return new CommandResult(isNew ? TwinStatus.Created : TwinStatus.Ok, state.State.Version);
    }

    public async Task<CommandResult> DeleteAsync(string? user)
    {
        if (_definition is null) return NotFound();
        if (user is not null && !IsHost(user)) return NotAllowed("end it");
        state.State.Definition = null;
        (state.State.IsFrozen, state.State.SlowChatSeconds) = (false, 0);
        state.State.FrozenCells.Clear();
        state.State.Banned.Clear();
        state.State.Muted.Clear();
        await WriteAsync();
        _definition = null;
        await GrainFactory.GetGrain<ISpaceDirectoryGrain>(0).SetAsync(this.GetPrimaryKeyString(), false);
        return new CommandResult(TwinStatus.Ok, state.State.Version);
    }

    public Task<SpaceOrders> GetAsync() => Task.FromResult(Orders());

    public async Task<JoinAnswer> JoinAsync(JoinRequest request)
    {
        var now = clock.GetUtcNow();
        var figure = FigureOfAsync(request.User);
        var pass = _definition is null || request.User.Length is 0 or > 128 ? new UserPass(null, null, null, [], []) : await PassOfAsync(request);
        if ((Refusal(request, pass, now) ?? await TicketProblemAsync(request)) is { } problem)
        {
            Joins.Add(1, new KeyValuePair<string, object?>("answer", problem.Code));
            return new JoinAnswer(problem, 0, 0, 0);
        }

        now = clock.GetUtcNow();

        // After a restart the owner does not know yet who sits where.
        var isRecollecting = _hadPeople && now - _since < Recollection;
        var position = isRecollecting ? 1 : _line.Ask(request.User, _definition?.Capacity ?? 0, now);
        if (position < 0) return new JoinAnswer(new Problem("LineFull", "The waiting line is full; come again later."), 0, 0, 0);
        Joins.Add(1, new KeyValuePair<string, object?>("answer", position == 0 ? "admitted" : "waiting"));
        if (position > 0) return new JoinAnswer(null, position, 0, 0);
        _admitted[request.User] = now;
        await CameAsync(request.User, pass);
        var (name, appearance) = await figure;
        return new JoinAnswer(null, 0, await AvatarOfAsync(request.User), RolesOf(request.User)) { Issued = now, Name = name ?? pass.Name, Appearance = appearance ?? pass.Appearance };
    }

    public async Task<CommandResult> ModerateAsync(string? by, ModerationAct act, string user, int seconds, int? cell)
    {
        if (_definition is null) return NotFound();
        if (by is not null && !MayModerate(by)) return NotAllowed("moderate");
        if (seconds is < 0 or > MostSeconds) return Invalid("seconds", $"seconds must be 0 to {MostSeconds}.");
        var isOfOne = act is ModerationAct.Mute or ModerationAct.Kick or ModerationAct.Ban;
        if (isOfOne && user.Length is 0 or > 128) return Invalid("user", "user must be 1 to 128 characters.");
        if (isOfOne && by is not null && IsHost(user)) return NotAllowed("moderate its hosts");
        if (act == ModerationAct.SlowChat && seconds > 3_600) return Invalid("seconds", "Chat is slowed to at most one in 3,600 s.");
        if (cell is not null && act != ModerationAct.Freeze) return Invalid("cell", "Only freeze is of a cell.");
        if (cell < 0 || cell >= _definition.CellsAcross * _definition.CellsAcross) return Invalid("cell", $"cell is {cell}; it must be 0 to {(_definition.CellsAcross * _definition.CellsAcross) - 1}.");
        var now = clock.GetUtcNow();
        foreach (var orders in (Dictionary<string, DateTimeOffset>[])[state.State.Banned, state.State.Muted])
            foreach (var over in orders.Where(o => o.Value <= now).Select(o => o.Key).ToArray()) orders.Remove(over);
        foreach (var over in state.State.Kicked.Where(k => now - k.Value > TimeSpan.FromMinutes(1)).Select(k => k.Key).ToArray()) state.State.Kicked.Remove(over);
        if (isOfOne && (act == ModerationAct.Kick || seconds > 0) && (act switch { ModerationAct.Ban => state.State.Banned, ModerationAct.Mute => state.State.Muted, _ => state.State.Kicked }).Count >= MostBans) return new CommandResult(TwinStatus.TooMuch, 0, new Problem("TooManyOrders", $"At most {MostBans} users are kept out or quiet."));
        switch (act)
        {
            case ModerationAct.Mute:
                Set(state.State.Muted, user, seconds, now);
                break;
            case ModerationAct.Ban:
                Set(state.State.Banned, user, seconds, now);
                break;
            case ModerationAct.Kick:
                state.State.Kicked[user] = now;
                break;
            case ModerationAct.Freeze:
                Freeze(cell, seconds > 0);
                break;
            case ModerationAct.SlowChat:
                state.State.SlowChatSeconds = seconds;
                break;
            default:
                return Invalid("act", "act must be mute, kick, ban, freeze or slowChat.");
        }

        await WriteAsync();
        if (act == ModerationAct.Kick || (act == ModerationAct.Ban && seconds > 0)) await LeaveAsync(user); // after the order: silos that hear of both say why
        return new CommandResult(TwinStatus.Ok, state.State.Version);
    }

    /// <summary>The other silos that have said within ten seconds that the space is open there.</summary>
    private SpaceSeat[] SeatsBut(SpacePresent present, DateTimeOffset now)
    {
        foreach (var silent in _seats.Where(s => now - s.Value.At > TimeSpan.FromSeconds(10)).Select(s => s.Key).ToArray()) _seats.Remove(silent);
        if (present.Peer is { } peer && (_seats.Count < MostSeats || _seats.ContainsKey(present.Silo))) _seats[present.Silo] = (peer, now);
        return [.. _seats.Where(s => s.Key != present.Silo).Select(s => new SpaceSeat(s.Key, s.Value.Peer))];
    }

    private Problem? Refusal(JoinRequest request, UserPass pass, DateTimeOffset now) =>
        _definition is null ? new Problem("SpaceNotFound", $"There is no space '{this.GetPrimaryKeyString()}'.", "id")
        : request.User.Length is 0 or > 128 ? new Problem("UserInvalid", "user must be 1 to 128 characters.", "user")
        : state.State.Banned.TryGetValue(request.User, out var until) && until > now ? new Problem("Banned", $"A moderator keeps you out until {until:u}.")
        : !_definition.IsOpenAt(now) && RolesOf(request.User) == 0 ? new Problem("Closed", _definition.Opens > now ? $"The doors open at {_definition.Opens:u}." : "The doors are closed.")
        : _definition.LeastAge > 0 && !(pass.Age >= _definition.LeastAge) ? new Problem("TooYoung", $"One must have stated an age of at least {_definition.LeastAge}.", "age")
        : (_definition.Consents ?? []).Except(pass.Consents).FirstOrDefault() is { } consent ? new Problem("ConsentMissing", $"The consent '{consent}' must be given first.", "consents")
        : !state.State.Avatars.ContainsKey(request.User) && state.State.Avatars.Count >= MostAvatars ? new Problem("TooManyAvatars", $"At most {MostAvatars} users ever come to one space.")
        : null;

    private async Task<int> AvatarOfAsync(string user)
    {
        if (!state.State.Avatars.TryGetValue(user, out var number))
        {
            state.State.Avatars.Add(user, number = state.State.Avatars.Count + 1);
            _numbered = ++_changes;
        }

        await StoredAsync(_numbered); // another call of the same user may have added it and wait for the write still
        return number;
    }

    private Task WriteAsync()
    {
        state.State.Version++;
        return SaveAsync();
    }

    /// <summary>Returns when what holds now is stored. One write at a time; those who wait share the next.</summary>
    private Task SaveAsync() => StoredAsync(++_changes);

    private async Task StoredAsync(long change)
    {
        while (_stored < change) await (_writing ??= StoreAsync());
    }

    private async Task StoreAsync()
    {
        await Task.Yield(); // whoever comes in the same turn is written along
        var changes = _changes;
        try
        {
            await state.WriteStateAsync();
            _stored = changes;
        }
        catch
        {
            DeactivateOnIdle(); // nobody knows what is stored: the next activation asks
            throw;
        }
        finally
        {
            _writing = null;
        }
    }

    private SpaceOrders Orders() => new()
    {
        Version = state.State.Version, Definition = state.State.Definition, Banned = new(state.State.Banned), Muted = new(state.State.Muted), Kicked = new(state.State.Kicked), IsFrozen = state.State.IsFrozen, SlowChatSeconds = state.State.SlowChatSeconds, FrozenCells = [.. state.State.FrozenCells],
    };

    private void Freeze(int? cell, bool isFrozen)
    {
        if (cell is null) state.State.IsFrozen = isFrozen;
        if (cell is null && !isFrozen) state.State.FrozenCells.Clear();
        if (cell is not { } one) return;
        state.State.FrozenCells.Remove(one);
        if (isFrozen) state.State.FrozenCells.Add(one);
    }

    private bool IsHost(string user) => _definition?.Hosts?.Contains(user, StringComparer.Ordinal) == true;

    private int RolesOf(string user) => (IsHost(user) ? 3 : 0) | (_definition?.Moderators?.Contains(user, StringComparer.Ordinal) == true ? 2 : 0) | (_definition?.Speakers?.Contains(user, StringComparer.Ordinal) == true ? 4 : 0);

    private bool MayModerate(string user) => (RolesOf(user) & 3) != 0;

    private CommandResult NotFound() => new(TwinStatus.NotFound, 0, new Problem("SpaceNotFound", $"There is no space '{this.GetPrimaryKeyString()}'.", "id"));

    private CommandResult NotAllowed(string what) => new(TwinStatus.Forbidden, 0, new Problem("NotAllowed", $"Only a host or a moderator of '{this.GetPrimaryKeyString()}' may {what}."));

    private static CommandResult Invalid(string where, string words) => new(TwinStatus.Invalid, 0, new Problem("ModerationInvalid", words, where));

    private static void Set(Dictionary<string, DateTimeOffset> orders, string user, int seconds, DateTimeOffset now)
    {
        if (seconds == 0) orders.Remove(user);
        else orders[user] = now + TimeSpan.FromSeconds(seconds);
    }
}
