using System.Runtime.InteropServices;
using Twin.Grains.Spaces;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>
/// A space that is open on several silos: each owns some of its cells and has some of its people. They tell one another a batch each tick; one that is silent for <see cref="SilentMilliseconds"/> is taken for lost, its cells are the others' from then on, and its people have the grace to come back anywhere.
/// </summary>
internal sealed partial class SpaceHall
{
    /// <summary>A silo that says nothing for so long is taken for lost.</summary>
    public const int SilentMilliseconds = 750;

    private const int MostNeighbours = 64;
    private const int MostTalks = 4_096; // between two ticks
    private const int GuestTicks = 40; // each is told of within so many
    private readonly Dictionary<string, HallNeighbour> _neighbours = new(StringComparer.Ordinal);
    private readonly Dictionary<int, HallGuest> _guests = [];
    private readonly List<AvatarState> _news = [];
    private readonly List<AvatarState> _offers = [];
    private readonly List<PassedRefusal> _refusals = [];
    private readonly List<PassedGone> _goneNews = [];
    private readonly List<SpaceTalk> _talks = [];
    private readonly List<SpaceGuest> _told = [];
    private readonly HashSet<int> _changed = [];
    private readonly Dictionary<int, long> _homeless = [];
    private int[] _ownerOfCell = [];

    /// <summary>This run of this silo, and its spaces as the others talk to them.</summary>
    public SpaceSeat? Seat { get; init; }

    /// <summary>People of other silos.</summary>
    public IReadOnlyDictionary<int, HallGuest> Guests => _guests;

    /// <summary>Other silos that are there.</summary>
    public int Neighbours { get; private set; }

    /// <summary>Who an avatar is, here or elsewhere.</summary>
    public Admitted? WhoIs(int avatar) => _people.GetValueOrDefault(avatar)?.Who ?? _guests.GetValueOrDefault(avatar)?.Who ?? (_names.ContainsKey(avatar) ? WhoIsWalkOn(avatar) : null);

    /// <summary>Learns where else the space is open.</summary>
    /// <returns>How many others are known.</returns>
    public int Meet(IEnumerable<SpaceSeat> seats)
    {
        foreach (var seat in seats) Know(seat.Silo, seat.Peer);
        return _neighbours.Count;
    }

    /// <summary>Takes a batch of another silo.</summary>
    public void HearNeighbour(SpaceBatch batch)
    {
        if (batch.Layout != SpaceBatch.CurrentLayout || Know(batch.Silo, batch.Peer) is not { } from)
        {
            _metrics.BatchRefused();
            return;
        }

        (from.HeardAt, from.Peer) = (_clock.GetTimestamp(), batch.Peer);
        if (!from.IsAlive && !batch.IsLast)
        {
            (from.IsAlive, from.IsNew) = (true, true);
            Divide();
        }

        var isFirst = string.CompareOrdinal(from.Silo, Seat!.Silo) < 0;
        foreach (var guest in batch.Guests) HearGuest(guest, from);
        foreach (ref readonly var state in Read<AvatarState>(batch.States)) Stage.Told(state, from.Id, isFirst);
        foreach (ref readonly var state in Read<AvatarState>(batch.Offers)) Stage.Offered(state);
        foreach (ref readonly var passed in Read<PassedInput>(batch.Inputs))
        {
            if (Stage.Passed(passed.Number, passed.Epoch, passed.Input, out var cause) != InputOutcome.Refused) continue;
            _metrics.Refused(cause.ToString());
            _refusals.Add(new PassedRefusal(passed.Number, passed.Epoch, passed.Input.Sequence, cause));
        }

        foreach (ref readonly var refused in Read<PassedRefusal>(batch.Refusals))
        {
            Stage.Corrected(refused.Number, refused.Epoch, refused.Cause, refused.Sequence);
            if (_people.GetValueOrDefault(refused.Number) is { } session && session.Epoch == refused.Epoch) session.Refused++;
        }

        foreach (ref readonly var gone in Read<PassedGone>(batch.Gone)) Forget(gone.Number, gone.Epoch);
        foreach (var talk in batch.Talks) HearTalk(talk);
        if (batch.IsLast) Lose(from);
    }

    /// <summary>Tells the other silos the tick's news. After <see cref="SpaceStage.Advance"/>.</summary>
    private void TellNeighbours(bool isLast = false)
    {
        if (_neighbours.Count == 0)
        {
            _changed.Clear();
            return;
        }

        var silent = SilentMilliseconds * _clock.TimestampFrequency / 1_000;
        var now = _clock.GetTimestamp();
        foreach (var one in _neighbours.Values) if (one.IsAlive && now - one.HeardAt > silent) Lose(one);
        if (Stage.IsShared && Stage.Tick % 5 == 0) Stage.TakeUp(SilentMilliseconds * TickHz / 1_000);
        var isAll = isLast || _neighbours.Values.Any(n => n.IsNew);
        _news.Clear();
        _told.Clear();
        Stage.CollectNews(_news, TickHz / 2, isAll);
        foreach (var session in _people.Values)
            if (isAll || (Stage.Tick + session.Who.Avatar) % GuestTicks == 0 || _changed.Contains(session.Who.Avatar))
                _told.Add(new SpaceGuest(session.Who.Avatar, session.Epoch, session.Who.User, session.Who.Name, session.Who.Appearance, session.Who.Roles, session.IsConnected));
        TellOfWalkOns(isAll);
        _changed.Clear();
        var batch = new SpaceBatch
        {
            Space = Id, Silo = Seat!.Silo, Peer = Seat.Peer, Tick = Stage.Tick, IsLast = isLast,
            States = Bytes(_news), Refusals = Bytes(_refusals), Gone = Bytes(_goneNews), Guests = [.. _told], Talks = [.. _talks],
        };
        foreach (var one in _neighbours.Values)
        {
            if (!one.IsAlive && !one.IsNew && Stage.Tick % TickHz != 0) continue; // one that is silent is asked once a second
            _offers.Clear();
            Stage.CollectOffers(_offers, OwnerOfCell, one.Id);
            _ = one.Peer.TellAsync(batch with { Offers = Bytes(_offers), Inputs = Bytes(one.Inputs) });
            one.Inputs.Clear();
            one.IsNew = false;
        }

        _refusals.Clear();
        _goneNews.Clear();
        _talks.Clear();
    }

    /// <summary>Passes an input to the silo that owns the avatar; one that nobody owns for the moment is lost, the next says more.</summary>
    private void PassOn(HallSession from, in AvatarInput input)
    {
        if (!Stage.IsShared || Stage.OwnerOf(from.Who.Avatar) is not (>= 0 and var owner)) return;
        foreach (var one in _neighbours.Values) if (one.Id == owner && one.Inputs.Count < 8 * Rules.Capacity) one.Inputs.Add(new PassedInput(from.Who.Avatar, from.Epoch, input));
    }

    /// <summary>Once a second: guests whose silo tells of them no more leave, at once where it is there, after the grace where it is lost; avatars that no silo knows the user of leave too.</summary>
    private void SweepGuests()
    {
        if (_neighbours.Count == 0 && _guests.Count == 0) return;
        foreach (var (avatar, guest) in _guests.Where(g => Stage.Tick - g.Value.HeardTick > (IsAlive(g.Value.Home) ? 3 * GuestTicks : Rules.Grace.TotalSeconds * TickHz)).ToArray()) Forget(avatar, guest.Epoch);
        for (var index = 0; index < Stage.Mirror.End; index++)
        {
            if (!Stage.Mirror.IsHere(index)) continue;
            var number = Stage.Mirror.NumberAt(index);
            if (_people.ContainsKey(number) || _guests.ContainsKey(number) || _names.ContainsKey(number)) _homeless.Remove(number);
            else if (!_homeless.TryGetValue(number, out var since)) _homeless[number] = Stage.Tick;
            else if (Stage.Tick - since > 3 * GuestTicks)
            {
                Stage.Remove(number, long.MaxValue);
                _homeless.Remove(number);
            }
        }

        if (_homeless.Count > 2 * Stage.Mirror.Count) _homeless.Clear();
        var forgotten = 60 * _clock.TimestampFrequency;
        foreach (var one in _neighbours.Values.Where(n => !n.IsAlive && _clock.GetTimestamp() - n.HeardAt > forgotten).ToArray()) _neighbours.Remove(one.Silo);
        Neighbours = _neighbours.Values.Count(n => n.IsAlive);
    }

    private HallNeighbour? Know(string silo, ISpacePeer peer)
    {
        if (Seat is null || silo == Seat.Silo) return null;
        if (_neighbours.TryGetValue(silo, out var known)) return known;
        if (_neighbours.Count >= MostNeighbours) return null;
        var id = Enumerable.Range(0, MostNeighbours).First(i => _neighbours.Values.All(n => n.Id != i));
        return _neighbours[silo] = new HallNeighbour(id, silo, peer, _clock.GetTimestamp());
    }

    private void Lose(HallNeighbour one)
    {
        one.IsAlive = false;
        one.Inputs.Clear();
        Divide();
        Stage.Lost(one.Id);
        Stage.TakeUp(SilentMilliseconds * TickHz / 1_000);
        _metrics.NeighbourLost();
    }

    /// <summary>Says anew whose each cell is.</summary>
    private void Divide()
    {
        if (_ownerOfCell.Length == 0) _ownerOfCell = new int[Stage.Cells.Count];
        for (var cell = 0; cell < _ownerOfCell.Length; cell++)
        {
            var (owner, weight) = (-1, CellWeights.Of(Seat!.Silo, Id, cell));
            foreach (var one in _neighbours.Values)
                if (one.IsAlive && CellWeights.Of(one.Silo, Id, cell) is var other && other > weight) (owner, weight) = (one.Id, other);
            _ownerOfCell[cell] = owner;
            Stage.Assign(cell, owner < 0);
        }

        Neighbours = _neighbours.Values.Count(n => n.IsAlive);
    }

    private int OwnerOfCell(int cell) => _ownerOfCell.Length == 0 ? -1 : _ownerOfCell[cell];

    private bool IsAlive(int neighbour) => _neighbours.Values.Any(n => n.Id == neighbour && n.IsAlive);

    private void HearGuest(SpaceGuest told, HallNeighbour from)
    {
        if (_people.TryGetValue(told.Avatar, out var session))
        {
            if (told.Epoch <= session.Epoch) return; // it has come back here since
            if (session.IsConnected) Drop(session, 4001, "resumed elsewhere");
            _people.Remove(told.Avatar);
        }

        var who = new Admitted(Id, told.Avatar, told.User, told.Name, told.Appearance, told.Roles);
        if (!_guests.TryGetValue(told.Avatar, out var guest))
        {
            if (_guests.Count >= Rules.Capacity) return;
            _guests[told.Avatar] = guest = new HallGuest(who) { Epoch = told.Epoch };
            RecordPerson(who);
            TellAgain(told.Avatar);
        }
        else if (told.Epoch < guest.Epoch) return;

        (guest.Epoch, guest.Home, guest.IsConnected, guest.HeardTick) = (told.Epoch, from.Id, told.IsConnected, Stage.Tick);
        if (guest.Who == who) return;
        guest.Who = who;
        RecordPerson(who);
        TellAgain(told.Avatar);
    }

    /// <summary>A user's own silo says that it has left.</summary>
    private void Forget(int avatar, long epoch)
    {
        if (_people.TryGetValue(avatar, out var session) && session.Epoch > epoch) return;
        if (_guests.TryGetValue(avatar, out var guest) && guest.Epoch <= epoch) _guests.Remove(avatar);
        _recorder?.Forget(avatar);
        Stage.Remove(avatar, epoch);
    }

    private void HearTalk(SpaceTalk talk)
    {
        if (talk.Channel < 0)
        {
            RecordTalk(talk.From, (ChatScope)talk.Scope, talk.Payload);
            foreach (var session in _byStage.Values) if (Reaches(talk.From, session, (ChatScope)talk.Scope, talk.To) && !IsApartFrom(session, talk.From)) Send(session.Socket, talk.Payload);
            return;
        }

        if (!_guests.TryGetValue(talk.From, out var guest) || (!guest.Channels.ContainsKey(talk.Channel) && guest.Channels.Count >= MostChannels)) return;
        guest.Channels[talk.Channel] = talk.Payload;
        var message = new StateMessage(talk.From, talk.Channel, talk.Payload).ToBytes();
        RecordState(talk.From, message);
        foreach (var session in _byStage.Values) if (session.Told.Contains(talk.From) && !IsApartFrom(session, talk.From)) Send(session.Socket, message);
    }

    private bool IsApartFrom(HallSession session, int avatar) => WhoIs(avatar) is { } who && AreApart(session.Who.User, who.User);

    private void Relay(SpaceTalk talk)
    {
        if (Neighbours == 0) return;
        if (_talks.Count < MostTalks) _talks.Add(talk);
        else _metrics.TalkLost();
    }

    /// <summary>Those who see an avatar are told its name again.</summary>
    private void TellAgain(int avatar)
    {
        foreach (var session in _byStage.Values) if (session.Told.Contains(avatar) && !session.ToTell.Contains(avatar)) Ask(session, avatar);
    }

    private static byte[] Bytes<T>(List<T> from) where T : unmanaged => from.Count == 0 ? [] : MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(from)).ToArray();

    private static ReadOnlySpan<T> Read<T>(byte[] from) where T : unmanaged => MemoryMarshal.Cast<byte, T>(from);
}
