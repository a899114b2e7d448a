using System.Numerics;
using Twin.Gateway.Spaces.Sockets;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>How a space is run on this silo, beside its stage.</summary>
internal sealed record HallRules
{
    /// <summary>Cells, movement, interest.</summary>
    public required StageRules Stage { get; init; }

    /// <summary>Where newcomers stand, in metres.</summary>
    public Vector3 EntranceMetres { get; init; }

    /// <summary>Newcomers stand within this of the entrance, in metres.</summary>
    public float EntranceSpreadMetres { get; init; } = 5;

    /// <summary>How long an avatar stays when its connection is lost.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most avatars.</summary>
    public int Capacity { get; set; } = 20_000;

    /// <summary>What is recorded.</summary>
    public HallRecording Recording { get; init; }

    /// <summary>Seconds between two chats of one person; 0 for none.</summary>
    public int SlowChatSeconds { get; set; }

    /// <summary>Whether only hosts, moderators and speakers talk to the whole space.</summary>
    public bool HasSpeakersOnly { get; set; }
}

/// <summary>
/// A space on this silo: its stage, the people connected here, and what they tell one another beside their poses. Of the loop's thread. Hot: a tick allocates nothing in steady state.
/// </summary>
internal sealed partial class SpaceHall : IFrameSink
{
    /// <summary>State channels of one person.</summary>
    public const int MostChannels = 8;

    private const int MostUnread = 8 * 1024; // bytes that wait for a client before its frames are left out
    private const int StuckSeconds = 20;

    private readonly Dictionary<int, HallSession> _people = [];
    private readonly Dictionary<int, HallSession> _byStage = [];
    private readonly Dictionary<int, string> _names = [];
    private readonly List<HallSession> _leaving = [];
    private readonly List<HallSession> _curious = []; // who is to be told names after this tick's frames
    private readonly HashSet<int> _named = []; // avatars that anyone has been told the name of
    private readonly byte[] _frame = new byte[FrameEnvelope.HeaderBytes + Viewer.MostFrameBytes];
    private byte[] _crowd = [];
    private readonly SocketLoop _loop;
    private readonly SpaceMetrics _metrics;
    private readonly TimeProvider _clock;
    private readonly long _period;
    private readonly Random _places;

    /// <summary>An empty hall.</summary>
    public SpaceHall(string id, HallRules rules, SocketLoop loop, SpaceMetrics metrics, TimeProvider clock)
    {
        (Id, Rules, _loop, _metrics, _clock) = (id, rules, loop, metrics, clock);
        Stage = new SpaceStage(rules.Stage);
        TickHz = rules.Stage.Movement.TickHz;
        Pressure = new SpacePressure(TickHz);
        _period = clock.TimestampFrequency / TickHz;
        Due = clock.GetTimestamp() + _period;
        _places = new Random(id.Aggregate(17, (hash, c) => unchecked((hash * 31) + c)));
    }

    /// <summary>The space.</summary>
    public string Id { get; }

    /// <summary>How it is run.</summary>
    public HallRules Rules { get; }

    /// <summary>The space itself.</summary>
    public SpaceStage Stage { get; }

    /// <summary>Ticks a second.</summary>
    public int TickHz { get; }

    /// <summary>Overload.</summary>
    public SpacePressure Pressure { get; }

    /// <summary>When the next tick is due, in the clock's timestamp.</summary>
    public long Due { get; private set; }

    /// <summary>Everyone here, connected or away.</summary>
    public IReadOnlyCollection<HallSession> People => _people.Values;

    /// <inheritdoc/>
    public Span<byte> Body => _frame.AsSpan(FrameEnvelope.HeaderBytes);

    /// <summary>One tick, when it is due.</summary>
    public void Turn(long now)
    {
        if (now < Due) return;
        var late = now - Due;
        var started = _clock.GetTimestamp();
        MoveWalkOns();
        Stage.Advance();
        TellNeighbours();
        var advanced = _clock.GetTimestamp();
        Stage.LookAround(0, Stage.SessionEnd);
        Stage.WriteFrames(0, Stage.SessionEnd, this);
        _recorder?.EndTick();
        TellNames();
        TellCrowd();
        if (Stage.Tick % TickHz == 0) Sweep();
        var ended = _clock.GetTimestamp();
        _metrics.Ticked((ended - started) / (double)_clock.TimestampFrequency, (advanced - started) / (double)_clock.TimestampFrequency, late / (double)_clock.TimestampFrequency);
        if (Pressure.Note((ended - started) / (double)_period, late / (double)_period))
        {
            Pressure.Apply(Stage);
            TellQuality();
        }

        Due += _period;
        if (ended - Due > 4 * _period) Due = ended; // what is lost is lost: no burst of ticks
    }

    /// <summary>Lets someone in, or back in.</summary>
    /// <returns>Null, or why not, as a close code and words.</returns>
    public (int Code, string Words)? Enter(SocketId socket, Admitted who, HelloMessage hello)
    {
        var now = _clock.GetUtcNow();
        if (LeftOf(_banned, who.User, now) > TimeSpan.Zero) return (4004, "banned");
        var epoch = now.ToUnixTimeMilliseconds();
        var place = NewPlace();
        var input = (ushort)0;
        var isResumed = _people.TryGetValue(who.Avatar, out var session);
        if (isResumed)
        {
            if (who.Issued > session!.Who.Issued) session.Who = who; // an older token does not bring an older name back
            if (session.IsConnected) Drop(session, 4001, "resumed elsewhere");
            epoch = Math.Max(epoch, session.Epoch + 1);
        }
        else if (_guests.TryGetValue(who.Avatar, out var guest))
        {
            isResumed = true; // from another silo
            epoch = Math.Max(epoch, guest.Epoch + 1);
        }
        else if (!IsFresh(who, now)) return (4401, "ask for a new session");
        else if (_people.Count + _guests.Count >= Rules.Capacity) return (4503, "the space is full");

        if (Stage.Mirror.IndexOf(who.Avatar) is >= 0 and var index)
        {
            epoch = Math.Max(epoch, Stage.Mirror.StateAt(index).Epoch + 1);
            if (isResumed) place = Stage.Mirror.StateAt(index).Pose;
        }

        session ??= new HallSession(who);
        var stage = Stage.Open(new AvatarState { Number = who.Avatar, Epoch = epoch, Pose = place, InputSequence = input }, hello.IsAdaptive);
        if (stage < 0) return (4503, "the cell is full");
        if (_guests.Remove(who.Avatar, out var before)) foreach (var (channel, value) in before.Channels) session.Channels[channel] = value;
        _changed.Add(who.Avatar);
        RecordPerson(who);
        (session.Socket, session.IsConnected, session.Stage, session.Epoch, session.StuckSince) = (socket, true, stage, epoch, 0);
        Mute(session, LeftOf(_muted, who.User, now)); // an order outlives the connection
        session.Told.Clear();
        session.ToTell.Clear();
        if (hello.ByteBudgetPerSecond > 0) Stage.SetBudget(stage, Math.Clamp(hello.ByteBudgetPerSecond / TickHz, 32, 8 * 1024));
        _people[who.Avatar] = session;
        _byStage[stage] = session;
        _metrics.Entered(isResumed);
        Send(socket, HallMessages.Welcome(this, session, isResumed, place).ToBytes());
        TellOf(session);
        return null;
    }

    /// <summary>The person of a connection.</summary>
    public HallSession? Find(int avatar) => _people.GetValueOrDefault(avatar);

    /// <summary>A connection has ended: the avatar waits for its user to come back.</summary>
    public void Away(HallSession session)
    {
        if (!session.IsConnected) return;
        session.IsConnected = false;
        _byStage.Remove(session.Stage);
        Stage.Close(session.Stage, keepsAvatar: true);
        session.Stage = -1;
        session.AwayUntil = Stage.Tick + (long)(Rules.Grace.TotalSeconds * TickHz);
        _changed.Add(session.Who.Avatar);
        _metrics.Left();
    }

    /// <summary>Takes someone out for good.</summary>
    public void Leave(HallSession session)
    {
        Away(session);
        session.LastPlace = WhereIs(session.Who.Avatar) ?? session.LastPlace;
        Stage.Remove(session.Who.Avatar, session.Epoch);
        if (_people.TryGetValue(session.Who.Avatar, out var known) && known == session) _people.Remove(session.Who.Avatar);
        _recorder?.Forget(session.Who.Avatar);
        if (_neighbours.Count > 0) _goneNews.Add(new PassedGone(session.Who.Avatar, session.Epoch));
        NoteGone(session);
    }

    /// <inheritdoc/>
    public bool SendFrame(int session, int length)
    {
        if (!_byStage.TryGetValue(session, out var to)) return true;
        if (to.StuckSince != 0 && _loop.QueuedBytes(to.Socket) > MostUnread)
        {
            _metrics.FrameSkipped();
            return false;
        }

        var message = _frame.AsSpan(0, FrameEnvelope.Write(_frame, length));
        var result = _loop.Send(to.Socket, message);
        if (result is SendResult.Sent or SendResult.Gone)
        {
            to.StuckSince = 0;
            return true;
        }

        if (to.StuckSince == 0) to.StuckSince = Stage.Tick;
        if (result == SendResult.Full) _metrics.FrameSkipped();
        return result == SendResult.Queued;
    }

    /// <inheritdoc/>
    public void SendCrowd(ReadOnlySpan<byte> body) => _crowd = new CrowdMessage(body.ToArray()).ToBytes();

    /// <summary>The crowd is counted once a second, and told to a part of the people in each tick: all at once would make one tick in a second twice as long.</summary>
    private void TellCrowd()
    {
        var (second, part) = Math.DivRem(Stage.Tick, TickHz);
        if (Pressure.Level > 0 && (second & 1) != 0) return; // half as often
        if (part == 0 || _crowd.Length == 0) SendCrowd(Stage.Crowd());
        for (var i = (int)part; i < Stage.SessionEnd; i += TickHz)
            if (_byStage.TryGetValue(i, out var session) && session.StuckSince == 0) Send(session.Socket, _crowd);
    }

    /// <inheritdoc/>
    public void Entered(int session, int number)
    {
        if (_byStage.TryGetValue(session, out var to) && to.Told.Add(number)) Ask(to, number);
    }

    /// <summary>Who is here, for hosts: at most 1,000.</summary>
    public object[] Describe() => [.. _people.Values.OrderBy(p => p.Who.Avatar).Take(1_000).Select(p =>
    {
        var index = Stage.Mirror.IndexOf(p.Who.Avatar);
        var place = index < 0 ? default : Stage.Mirror.StateAt(index).Pose.PlaceMetres;
        return new { avatar = p.Who.Avatar, user = p.Who.User, name = p.Who.Name, connected = p.IsConnected, x = Math.Round(place.X, 2), y = Math.Round(place.Y, 2), z = Math.Round(place.Z, 2), refused = p.Refused, muted = p.MutedUntil > Stage.Tick };
    })];

    /// <summary>Everyone goes: the space ends here.</summary>
    public void CloseAll()
    {
        TellNeighbours(isLast: true); // before the people go: where the space stays open elsewhere they may come back to it there
        _neighbours.Clear();
        foreach (var session in _people.Values.ToArray())
        {
            if (session.IsConnected) Drop(session, 4503, "the space is closing");
            Leave(session);
        }

        for (var i = 0; i < _cast.Length; i++) if (_cast[i].IsHere) Leave(FirstWalkOn + i, ref _cast[i]);
        _walkOns = null;
        _recorder?.Dispose();
        _recorder = null;
    }

    private void Send(SocketId to, ReadOnlyMemory<byte> message)
    {
        if (_loop.Send(to, message.Span) == SendResult.Full) _metrics.FrameSkipped();
    }

    /// <summary>Those away too long leave; those that do not read are let go.</summary>
    private void Sweep()
    {
        _leaving.Clear();
        foreach (var session in _people.Values)
        {
            if (!session.IsConnected && Stage.Tick > session.AwayUntil) _leaving.Add(session);
            else if (session.IsConnected && session.StuckSince != 0 && Stage.Tick - session.StuckSince > StuckSeconds * TickHz) _leaving.Add(session);
            else if (session.Told.Count > 4096) session.Told.Clear(); // names are told again: a bound, not a loss
        }

        foreach (var session in _leaving)
        {
            if (session.IsConnected) Drop(session, 4008, "does not read");
            else
            {
                Leave(session);
                Departed?.Invoke(session);
            }
        }

        SweepGuests();
        _metrics.Shared(Stage.Owned, _guests.Count, Neighbours, Stage.BorderCrossings, Stage.TakenUp);
        ForgetGone();
        _metrics.Held(_people.Count, _byStage.Count, Pressure.Level);
    }

    /// <summary>Ends a connection; the avatar waits.</summary>
    private void Drop(HallSession session, int code, string words)
    {
        var socket = session.Socket;
        Away(session);
        _loop.Close(socket, code, words);
    }

    private AvatarPose NewPlace()
    {
        for (var tries = 0; ; tries++)
        {
            var offset = new Vector3(_places.NextSingle() - 0.5f, 0, _places.NextSingle() - 0.5f) * (2 * Rules.EntranceSpreadMetres);
            var pose = AvatarPose.From(Rules.EntranceMetres + offset, Quaternion.Identity);
            if (tries > 32) return AvatarPose.From(Rules.EntranceMetres, Quaternion.Identity);
            if (Rules.Stage.Movement.MayBe(pose.X, pose.Z)) return pose;
        }
    }
}
