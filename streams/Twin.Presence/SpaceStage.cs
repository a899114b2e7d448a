using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>
/// A space as one silo runs it: the cells that live here, the mirror, the sessions whose sockets are here. The host calls <see cref="Advance"/> once a tick, then <see cref="LookAround"/> and <see cref="WriteFrames"/>, all from one thread. Hot.
/// </summary>
public sealed partial class SpaceStage
{
    private readonly SpaceCell[] _cells;
    private readonly NeighbourGrid _grid;
    private readonly Onlooker _onlooker;
    private readonly CrowdCount _crowd;
    private readonly List<AvatarState> _departed = [];
    private readonly Stack<int> _free = new();
    private Session[] _sessions = new Session[64];

    /// <summary>An empty space with all its cells here.</summary>
    public SpaceStage(StageRules rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentOutOfRangeException.ThrowIfLessThan(rules.CellsAcross, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rules.CellsAcross, 16);
        Rules = rules;
        _cells = new SpaceCell[rules.CellsAcross * rules.CellsAcross];
        _isElsewhere = new bool[_cells.Length];
        for (var i = 0; i < _cells.Length; i++) _cells[i] = new SpaceCell(rules.BoundsOf(i), rules.Movement, rules.CellCapacity);
        _grid = new NeighbourGrid(rules.Movement.WidthSteps, rules.Movement.DepthSteps, rules.Interest.NearRadiusMetres / 2);
        _onlooker = new Onlooker(Mirror, _grid, rules.Interest);
        _crowd = new CrowdCount(rules.Movement.WidthSteps, rules.Movement.DepthSteps, rules.CrowdTileMetres);
        NearLimit = rules.Interest.NearLimit;
    }

    /// <summary>How it is run.</summary>
    public StageRules Rules { get; }

    /// <summary>All avatars known here.</summary>
    public Mirror Mirror { get; } = new();

    /// <summary>The newest tick.</summary>
    public long Tick { get; private set; }

    /// <summary>Sessions lie below this.</summary>
    public int SessionEnd { get; private set; }

    /// <summary>Avatars that changed cells so far.</summary>
    public long Crossings { get; private set; }

    /// <summary>What an overloaded silo does less of: said in each frame.</summary>
    public FramePace Pace { get; set; }

    /// <summary>Added to the rules' near bound by an overloaded silo, in steps.</summary>
    public int ExtraBoundSteps { get; set; }

    /// <summary>At most so many near, by an overloaded silo.</summary>
    public int NearLimit { get; set; }

    /// <summary>The cells.</summary>
    public IReadOnlyList<SpaceCell> Cells => _cells;

    /// <summary>Takes a session with its avatar.</summary>
    /// <param name="state">The avatar; its epoch is the session's.</param>
    /// <param name="isAdaptive">Whether frames without news are left out.</param>
    /// <returns>The session, or -1 when the cell is full or a newer session has the avatar.</returns>
    public int Open(in AvatarState state, bool isAdaptive)
    {
        if (!Enter(state)) return -1;
        if (!_free.TryPop(out var session))
        {
            if (SessionEnd == _sessions.Length) Array.Resize(ref _sessions, SessionEnd * 2);
            session = SessionEnd++;
        }

        _sessionOf[state.Number] = session;
        _sessions[session] = new Session { Number = state.Number, Epoch = state.Epoch, Cell = Rules.CellOf(state.Pose.X, state.Pose.Z), Acknowledged = state.InputSequence, Noted = state.InputSequence, Viewer = new Viewer(state.Number) { IsAdaptive = isAdaptive } };
        _tape?.Opened(session, state.Number, isAdaptive, state.InputSequence);
        return session;
    }

    /// <summary>Takes an avatar that nobody watches with; <see cref="Passed"/> moves it, <see cref="Remove"/> ends it.</summary>
    /// <returns>False when the cell is full or a newer session has the avatar.</returns>
    public bool Enter(in AvatarState state)
    {
        var cell = Rules.CellOf(state.Pose.X, state.Pose.Z);
        if (Mirror.IndexOf(state.Number) is >= 0 and var known)
        {
            ref readonly var own = ref Mirror.StateAt(known);
            if (own.Epoch > state.Epoch) return false;
            foreach (var other in _cells) if (other.TryGet(state.Number, out _)) other.Leave(state.Number, long.MaxValue);
        }

        if (_isElsewhere[cell]) SetOut(state);
        else if (_cells[cell].Arrive(state, Tick)) Own(state, cell);
        else return false;
        return true;
    }

    /// <summary>Ends a session.</summary>
    /// <param name="session">Which.</param>
    /// <param name="keepsAvatar">Whether the avatar stays, standing, for one that resumes; end it later with <see cref="Remove"/>.</param>
    public void Close(int session, bool keepsAvatar)
    {
        ref var own = ref _sessions[session];
        if (own.Viewer is null) return;
        if (!keepsAvatar) Remove(own.Number, own.Epoch);
        if (_sessionOf.TryGetValue(own.Number, out var newest) && newest == session) _sessionOf.Remove(own.Number);
        own = default;
        _tape?.Closed(session);
        _free.Push(session);
    }

    /// <summary>Takes an avatar out of the space.</summary>
    /// <param name="number">Which.</param>
    /// <param name="epoch">A newer session's avatar stays.</param>
    public void Remove(int number, long epoch)
    {
        foreach (var cell in _cells) cell.Leave(number, epoch);
        if (_onTheirWay.TryGetValue(number, out var state) && state.Epoch <= epoch) _onTheirWay.Remove(number);
        Mirror.Remove(number, epoch);
    }

    /// <summary>The viewer of a session, or null.</summary>
    public Viewer? ViewerOf(int session) => (uint)session < (uint)SessionEnd ? _sessions[session].Viewer : null;

    /// <summary>The avatar of a session.</summary>
    public int NumberOf(int session) => _sessions[session].Number;

    /// <summary>Takes an input. <see cref="InputOutcome.Unknown"/> where the avatar is owned elsewhere: see <see cref="OwnerOf"/>.</summary>
    public InputOutcome Input(int session, in AvatarInput input)
    {
        ref var own = ref _sessions[session];
        if (own.Viewer is null) return InputOutcome.Unknown;
        var outcome = _cells[own.Cell].Apply(own.Number, own.Epoch, input, Tick);
        switch (outcome)
        {
            case InputOutcome.Applied:
                own.Acknowledged = input.Sequence;
                break;
            case InputOutcome.Refused:
                own.Acknowledged = input.Sequence;
                own.Cause = _cells[own.Cell].Cause;
                own.IsToCorrect = true;
                break;
        }

        return outcome;
    }

    /// <summary>The cause of the newest refusal of a session's input.</summary>
    public CorrectionCause CauseOf(int session) => _sessions[session].Cause;

    /// <summary>Puts a session's avatar somewhere; its client is told.</summary>
    public bool Place(int session, in AvatarPose pose)
    {
        ref var own = ref _sessions[session];
        if (own.Viewer is null || !_cells[own.Cell].Place(own.Number, pose)) return false;
        (own.IsToCorrect, own.Cause) = (true, CorrectionCause.Placed);
        return true;
    }

    /// <summary>One tick: who moves goes on, who has crossed a border changes cells, and the news are encoded.</summary>
    public void Advance()
    {
        Tick++;
        _departed.Clear();
        foreach (var cell in _cells) cell.Step(Tick, _departed);
        foreach (var state in _departed)
        {
            var to = Rules.CellOf(state.Pose.X, state.Pose.Z);
            Crossings++;
            if (_isElsewhere[to])
            {
                SetOut(state);
                BorderCrossings++;
            }
            else if (!_cells[to].Arrive(state, Tick)) Mirror.Remove(state.Number, state.Epoch); // full: the session finds its avatar gone and is closed
        }

        if (_onTheirWay.Count > 0) ComeBack();
        foreach (var cell in _cells) foreach (ref readonly var state in cell.Avatars) Mirror.Update(state);
        if (IsShared) NoteCells();
        Mirror.Advance(Tick, Pace, Rules.NearBoundSteps + ExtraBoundSteps, Rules.MiddleBoundSteps + ExtraBoundSteps);
        _tape?.NearLimit(NearLimit);
        _grid.Build(Mirror);
        if (_departed.Count > 0) Rehome();
    }

    /// <summary>Decides for a part of the sessions whom they are told of: each session every few ticks. Comes between <see cref="Advance"/> and <see cref="WriteFrames"/>.</summary>
    /// <param name="from">First session.</param>
    /// <param name="to">One after the last.</param>
    public void LookAround(int from, int to)
    {
        var every = Rules.Interest.LookEveryTicks;
        for (var i = from; i < Math.Min(to, SessionEnd); i++)
        {
            ref var own = ref _sessions[i];
            if (own.Viewer is not { } viewer || (own.HasLooked && (Tick + i) % every != 0)) continue;
            if (Mirror.IndexOf(own.Number) is not (>= 0 and var index))
            {
                _onlooker.LookAway(viewer); // its avatar is nowhere: what it was told of must not outlive the indexes' rest
                continue;
            }

            ref readonly var pose = ref Mirror.StateAt(index).Pose;
            _onlooker.Look(viewer, pose.X, pose.Z, NearLimit);
            own.HasLooked = true;
        }
    }

    /// <summary>Writes the frames of the tick.</summary>
    /// <param name="from">First session.</param>
    /// <param name="to">One after the last.</param>
    /// <param name="sink">Where they go.</param>
    public void WriteFrames(int from, int to, IFrameSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        for (var i = from; i < Math.Min(to, SessionEnd); i++)
        {
            ref var own = ref _sessions[i];
            if (own.Viewer is not { } viewer) continue;
            if (_tape is not null) NoteAcknowledged(i, ref own);
            Correction? correction = null;
            if (own.IsToCorrect && Mirror.IndexOf(own.Number) is >= 0 and var index)
            {
                ref readonly var pose = ref Mirror.StateAt(index).Pose;
                correction = new Correction(own.Cause, pose.X, pose.Y, pose.Z);
            }

            if ((Pace & FramePace.NearHalf) != 0 && (Tick & 1) != 0 && correction is null && viewer.Pace == Pace) continue;
            var length = viewer.Write(sink.Body, Mirror, (byte)own.Acknowledged, correction);
            foreach (var number in viewer.Newcomers) sink.Entered(i, number);
            if (length == 0) continue;
            if (sink.SendFrame(i, length)) own.IsToCorrect = false;
            else
            {
                viewer.Reset();
                _tape?.Failed(i);
            }
        }
    }

    /// <summary>The crowd of the tick, for all sessions.</summary>
    public ReadOnlySpan<byte> Crowd() => _crowd.Write(Mirror);

    private void Rehome()
    {
        for (var i = 0; i < SessionEnd; i++)
        {
            ref var own = ref _sessions[i];
            if (own.Viewer is null || _cells[own.Cell].TryGet(own.Number, out _)) continue;
            for (var cell = 0; cell < _cells.Length; cell++) if (_cells[cell].TryGet(own.Number, out _)) own.Cell = cell;
        }
    }

    private struct Session
    {
        public Viewer? Viewer;
        public long Epoch;
        public int Number;
        public int Cell;
        public ushort Acknowledged;
        public ushort Noted; // what a recording has of it
        public CorrectionCause Cause;
        public bool IsToCorrect;
        public bool HasLooked;
    }
}
