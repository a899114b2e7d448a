using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>What a recording keeps of a stage and puts back.</summary>
public sealed partial class SpaceStage
{
    private const int MostSessions = 1 << 20;
    private SpaceTape? _tape;

    /// <summary>Learns of all that frames depend on; see <see cref="SpaceRecorder"/>.</summary>
    internal SpaceTape? Tape
    {
        get => _tape;
        set => Mirror.Tape = _tape = value;
    }

    /// <summary>How many bytes a session's frame may have.</summary>
    public void SetBudget(int session, int bytes)
    {
        if (ViewerOf(session) is not { } viewer) return;
        viewer.BudgetBytes = bytes;
        _tape?.Budget(session, bytes);
    }

    /// <summary>Never tells a session of an avatar, or tells again.</summary>
    public void Hide(int session, int number, bool isHidden)
    {
        if (ViewerOf(session) is not { } viewer) return;
        viewer.Hide(number, isHidden);
        _tape?.Hidden(session, number, isHidden);
    }

    internal void WriteTo(TapeWriter tape)
    {
        tape.Signed(Tick);
        tape.Count(NearLimit);
        Mirror.WriteTo(tape);
        tape.Count(SessionEnd);
        for (var i = 0; i < SessionEnd; i++)
        {
            ref var own = ref _sessions[i];
            tape.Flag(own.Viewer is not null);
            if (own.Viewer is null) continue;
            own.Noted = own.Acknowledged;
            tape.Count(own.Number);
            tape.Number(own.Acknowledged);
            tape.Byte((byte)((own.IsToCorrect ? 1 : 0) | (own.HasLooked ? 2 : 0)));
            tape.Byte((byte)own.Cause);
            own.Viewer.WriteTo(tape);
        }
    }

    internal void ReadFrom(ref TapeReader tape)
    {
        Tick = tape.Signed();
        NearLimit = tape.Count(FrameSchedule.MostSlots);
        Mirror.ReadFrom(ref tape);
        Pace = Mirror.Pace;
        (_sessions, SessionEnd) = (new Session[64], 0);
        for (var i = tape.Count(MostSessions); i > 0; i--)
        {
            if (SessionEnd == _sessions.Length) Array.Resize(ref _sessions, SessionEnd * 2);
            var session = SessionEnd++;
            if (!tape.Flag()) continue;
            var (number, acknowledged, flags, cause) = (tape.Count(SpaceTape.MostNumber), (ushort)tape.Count(ushort.MaxValue), tape.Byte(), (CorrectionCause)tape.Byte());
            _sessions[session] = new Session { Number = number, Acknowledged = acknowledged, IsToCorrect = (flags & 1) != 0, HasLooked = (flags & 2) != 0, Cause = cause, Viewer = Viewer.ReadFrom(ref tape, Mirror) };
        }
    }

    internal void Reopen(int session, int number, bool isAdaptive, ushort acknowledged)
    {
        while (session >= _sessions.Length) Array.Resize(ref _sessions, _sessions.Length * 2);
        SessionEnd = Math.Max(SessionEnd, session + 1);
        _sessions[session] = new Session { Number = number, Acknowledged = acknowledged, Viewer = new Viewer(number) { IsAdaptive = isAdaptive } };
    }

    internal void Reclose(int session) => _sessions[session] = default;

    internal void Reacknowledge(int session, ushort sequence) => _sessions[session].Acknowledged = sequence;

    internal void Recorrect(int session, CorrectionCause cause) => (_sessions[session].IsToCorrect, _sessions[session].Cause) = (true, cause);

    /// <summary>The mirror has changed as recorded: a tick from there. Then come <see cref="LookAround"/> and <see cref="WriteFrames"/>.</summary>
    internal void AdvanceAsRecorded(long tick, FramePace pace, int nearBound, int middleBound, int nearLimit)
    {
        (Tick, Pace, NearLimit) = (tick, pace, nearLimit);
        Mirror.Advance(tick, pace, nearBound, middleBound);
        _grid.Build(Mirror);
        for (var i = 0; i < SessionEnd; i++)
            if (_sessions[i].Viewer is not null && Mirror.IndexOf(_sessions[i].Number) is >= 0 and var index) _sessions[i].Acknowledged = Mirror.StateAt(index).InputSequence;
    }

    /// <summary>Whom one at a place is told of: for spectators of a replay, who have no avatar.</summary>
    internal void Look(Viewer viewer, int x, int z) => _onlooker.Look(viewer, x, z, NearLimit);

    /// <summary>A replay takes from the mirror what was acknowledged, and keeps it when the avatar has gone: what differs is noted.</summary>
    private void NoteAcknowledged(int session, ref Session own)
    {
        var foreseen = Mirror.IndexOf(own.Number) is >= 0 and var index ? Mirror.StateAt(index).InputSequence : own.Noted;
        if ((byte)foreseen != (byte)own.Acknowledged) _tape!.Acknowledged(session, (byte)own.Acknowledged);
        own.Noted = own.Acknowledged;
        if (own.IsToCorrect) _tape!.Corrected(session, own.Cause);
    }
}
