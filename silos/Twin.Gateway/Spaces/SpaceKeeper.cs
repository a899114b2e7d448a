using System.Collections.Concurrent;
using System.Numerics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Twin.Grains.Spaces;
using Twin.Model.Spaces;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>Keeps the halls of this silo in step with their owners: tells each second who is here, takes over what moderators ordered, opens a hall for who comes and closes those whose space is no more.</summary>
internal sealed partial class SpaceKeeper(SpaceDoor door, SpaceRecordings recordings, SpaceTokens tokens, IGrainFactory grains, TimeProvider clock, ILogger<SpaceKeeper> log) : BackgroundService
{
    private readonly ConcurrentDictionary<string, long> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _obeyed = new(StringComparer.Ordinal);
    private readonly SpacePeer _peer = new(door); // Orleans keeps a weak reference only
    private readonly string _silo = Guid.NewGuid().ToString("N");

    /// <summary>Opens the hall of a space on this silo.</summary>
    /// <returns>Null when there is no such space.</returns>
    public async Task<SpaceHall?> OpenAsync(string id)
    {
        if (door.Find(id) is { } open) return open;
        var orders = await grains.GetGrain<ISpaceGrain>(id).GetAsync().ConfigureAwait(false);
        if (orders.Definition is not { } json || !SpaceDefinition.TryParse(json, out var definition, out _)) return null;
        await tokens.RefreshAsync().ConfigureAwait(false);
        door.Recordings ??= recordings;
        door.Here ??= new SpaceSeat(_silo, grains.CreateObjectReference<ISpacePeer>(_peer));
        var hall = door.Open(id, RulesOf(definition!));
        hall.Departed = gone => Note(new Departure(id, gone.Who.User, gone.Epoch, gone.Who.Issued, gone.Who.Avatar, gone.LastPlace));
        hall.SentOut = gone => Note(new Departure(id, null, gone.Epoch, gone.Who.Issued, gone.Who.Avatar, gone.LastPlace));
        hall.Reported = (avatar, report) => _reports.Writer.TryWrite((hall, avatar, report));
        await ObeyAsync(hall, orders).ConfigureAwait(false);
        _known[id] = orders.Version;
        await TellAsync(hall).ConfigureAwait(false); // where else it is open is known before anyone comes in
        return hall;
    }

    /// <summary>Tells the owner at once, so that an order holds before its giver is answered.</summary>
    public Task TellNowAsync(string id) => door.Find(id) is { } hall ? TellAsync(hall) : Task.CompletedTask;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        door.Missed = id => _ = OpenQuietlyAsync(id);
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), clock);
        var departures = TellDeparturesAsync(stoppingToken);
        var reports = TellReportsAsync(stoppingToken);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                if (!tokens.IsReady) await PrepareAsync().ConfigureAwait(false);
                await Parallel.ForEachAsync(door.Halls, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = stoppingToken }, TellQuietlyAsync).ConfigureAwait(false); // one owner that does not answer keeps no other space waiting
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }

        await Task.WhenAll(departures, reports).ConfigureAwait(false);
    }

    internal static HallRules RulesOf(SpaceDefinition space)
    {
        static Vector2[][] Outlines(double[][][]? given) => [.. (given ?? []).Select(o => o.Select(c => new Vector2((float)c[0], (float)c[1])).ToArray())];
        var entrance = space.Entrance ?? [space.Width / 2, space.Depth / 2];
        return new HallRules
        {
            Stage = new StageRules
            {
                Movement = new MovementRules(space.Width, space.Depth, space.MaxSpeed, space.TickHz, Outlines(space.Walkable), Outlines(space.Closed)),
                Interest = new InterestRules { NearRadiusMetres = space.NearRadius, NearLimit = space.NearLimit, MiddleRadiusMetres = space.MiddleRadius, MiddleLimit = space.MiddleRadius == 0 ? 0 : space.MiddleLimit },
                CellsAcross = space.CellsAcross, CellCapacity = SpaceDefinition.MostPeople, NearBoundSteps = (int)(space.NearError * AvatarPose.StepsPerMetre),
            },
            EntranceMetres = new Vector3((float)entrance[0], 0, (float)entrance[1]), EntranceSpreadMetres = (float)space.EntranceSpread, Capacity = space.Capacity,
            Recording = space.Recording switch { "all" => HallRecording.All, "off" => HallRecording.Off, _ => HallRecording.Last30s },
        };
    }

    /// <summary>Until the cluster's secret is known, who comes back is asked to try again.</summary>
    private async Task PrepareAsync()
    {
        try
        {
            await tokens.RefreshAsync().ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            log.LogDebug("The secret of spaces is not known yet: {Fault}", fault.Message);
        }
    }

    private async Task OpenQuietlyAsync(string id)
    {
        try
        {
            await OpenAsync(id).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            log.LogWarning("Space {Space} cannot be opened: {Fault}", id, fault.Message);
        }
    }

    private async ValueTask TellQuietlyAsync(SpaceHall hall, CancellationToken cancel)
    {
        try
        {
            await TellAsync(hall).WaitAsync(TimeSpan.FromSeconds(5), clock, cancel).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            log.LogWarning("The owner of space {Space} does not answer: {Fault}. People here go on.", hall.Id, fault.Message);
        }
    }

    private async Task TellAsync(SpaceHall hall)
    {
        var here = await door.RunAsync(() => hall.People.Select(p => (p.Who.User, p.Epoch, p.Who.Issued)).ToArray()).ConfigureAwait(false);
        var answer = await grains.GetGrain<ISpaceGrain>(hall.Id).PresentAsync(new SpacePresent(_silo, _known.GetValueOrDefault(hall.Id), [.. here.Select(h => h.User)], [.. here.Select(h => h.Epoch)], door.Here?.Peer) { Issued = [.. here.Select(h => h.Issued)], KnownBlocks = hall.BlocksVersion }).ConfigureAwait(false);
        await TakeBlocksAsync(hall, answer).ConfigureAwait(false);
        if (answer.Seats.Length > 0) await door.RunAsync(() => hall.Meet(answer.Seats)).ConfigureAwait(false);
        if (answer.Elsewhere.Length > 0) await door.RunAsync(() => hall.SendOut(answer.Elsewhere, 4001, "resumed elsewhere")).ConfigureAwait(false);
        if (answer.Orders is { } orders && !await TakeOverAsync(hall, orders).ConfigureAwait(false)) return;
        if (answer.Left.Length > 0) await door.RunAsync(() => hall.SendOut(answer.Left, 4000, "left")).ConfigureAwait(false); // after the orders: who was sent out is told so
    }

    /// <returns>False when the space is no more.</returns>
    private async Task<bool> TakeOverAsync(SpaceHall hall, SpaceOrders orders)
    {
        if (orders.Definition is null)
        {
            _known.TryRemove(hall.Id, out _);
            await door.CloseAsync(hall.Id).ConfigureAwait(false);
            return false;
        }

        await ObeyAsync(hall, orders).ConfigureAwait(false);
        _known[hall.Id] = orders.Version;
        return true;
    }

    /// <summary>What moderators ordered, and how many may be here. A new definition's size and rates hold when the hall is next opened.</summary>
    private Task ObeyAsync(SpaceHall hall, SpaceOrders orders)
    {
        var now = clock.GetUtcNow();
        var since = _obeyed.GetValueOrDefault(hall.Id, now);
        _obeyed[hall.Id] = now;
        var banned = orders.Banned.Where(b => b.Value > now).Select(b => b.Key).ToArray();
        var kicked = orders.Kicked.Where(k => k.Value > since - TimeSpan.FromSeconds(5)).ToDictionary(k => k.Key, k => k.Value, StringComparer.Ordinal);
        var isDefined = SpaceDefinition.TryParse(orders.Definition, out var definition, out _);
        return door.RunAsync(() =>
        {
            if (isDefined) (hall.Rules.Capacity, hall.Rules.HasSpeakersOnly) = (definition!.Capacity, definition.SpeakersOnly);
            hall.Freeze(orders.IsFrozen, orders.FrozenCells);
            hall.Obey(orders.SlowChatSeconds, orders.Muted, orders.Banned);
            hall.SendOut(banned, 4004, "banned");
            return hall.SendOutBefore(kicked, 4003, "sent out");
        });
    }
}

/// <summary>The spaces of this silo, for the others.</summary>
internal sealed class SpacePeer(SpaceDoor door) : ISpacePeer
{
    /// <inheritdoc/>
    public Task TellAsync(SpaceBatch batch)
    {
        door.Hear(batch);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<AvatarPlace?> FindAsync(string space, int avatar) => door.Find(space) is { } hall ? door.RunAsync(() => hall.WhereIs(avatar)) : Task.FromResult<AvatarPlace?>(null);

    /// <inheritdoc/>
    public Task DressAsync(string space, int avatar, string? name, string appearance) => door.Find(space) is { } hall ? door.RunAsync(() => hall.Dress(avatar, name, appearance)) : Task.CompletedTask;
}
