using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>
/// Plays a recording: tick by tick the space as it was, and, where asked for, each frame that each session got, byte for byte. One thread at a time.
/// </summary>
public sealed class SpaceReplay
{
    private readonly IReadOnlyList<SpaceChunk> _chunks;
    private readonly SpaceTape.PoseMemory _memory = new();
    private readonly List<SpaceSaying> _sayings = [];
    private readonly HashSet<int> _failed = [];
    private readonly Dictionary<int, ReadOnlyMemory<byte>> _people = [];
    private ReadOnlyMemory<byte> _body;
    private int _at;
    private int _chunk = -1;
    private int _left;
    private int _lastIndex = -1;

    /// <summary>A recording at its beginning.</summary>
    /// <param name="chunks">In the order of their ticks; at least one.</param>
    /// <exception cref="SpaceRecordingException">There is nothing in it, or it is damaged.</exception>
    public SpaceReplay(IReadOnlyList<SpaceChunk> chunks)
    {
        ArgumentNullException.ThrowIfNull(chunks);
        if (chunks.Count == 0) throw new SpaceRecordingException("The recording is empty.");
        _chunks = chunks;
        (Space, Stage) = Load(0);
    }

    /// <summary>Which space.</summary>
    public string Space { get; private set; }

    /// <summary>The space as it was; replaced at each seek and gap.</summary>
    public SpaceStage Stage { get; private set; }

    /// <summary>The tick before the first.</summary>
    public long FirstTick => _chunks[0].FirstTick;

    /// <summary>The last tick.</summary>
    public long LastTick => _chunks[^1].LastTick;

    /// <summary>The newest tick played.</summary>
    public long Tick => Stage.Tick;

    /// <summary>What was said in the newest tick.</summary>
    public IReadOnlyList<SpaceSaying> Sayings => _sayings;

    /// <summary>The people message of each avatar whose name is known by now.</summary>
    public IReadOnlyDictionary<int, ReadOnlyMemory<byte>> People => _people;

    /// <summary>Rises when the stage is another: spectators start anew.</summary>
    public int Generation { get; private set; }

    /// <summary>Goes to a tick: from the last chunk's beginning before it.</summary>
    /// <param name="tick">Kept within the recording.</param>
    /// <param name="sink">Gets the frames on the way, so that sessions are as they were; null leaves them out for good.</param>
    public void Seek(long tick, IFrameSink? sink = null)
    {
        tick = Math.Clamp(tick, FirstTick, LastTick);
        var chunk = 0;
        while (chunk + 1 < _chunks.Count && _chunks[chunk + 1].FirstTick <= tick) chunk++;
        if (chunk != _chunk || tick < Tick) (Space, Stage) = Load(chunk);
        while (Tick < tick && Step(sink))
        {
        }
    }

    /// <summary>The next tick.</summary>
    /// <param name="sink">Gets all sessions' frames as they were; null for none: then sessions stay as they are.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="SpaceRecordingException">The recording is damaged.</exception>
    public bool Step(IFrameSink? sink = null)
    {
        while (_left == 0)
        {
            if (_chunk + 1 >= _chunks.Count) return false;
            (Space, Stage) = Load(_chunk + 1);
        }

        _left--;
        _sayings.Clear();
        _failed.Clear();
        var tape = new TapeReader(_body.Span[_at..]);
        try
        {
            while (ReadOne(ref tape, sink is not null))
            {
            }
        }
        catch (Exception fault) when (fault is IndexOutOfRangeException or ArgumentException or NullReferenceException or OverflowException)
        {
            throw new SpaceRecordingException($"The recording is damaged near byte {_at + tape.At} of the chunk at tick {_chunks[_chunk].FirstTick}: {fault.Message}");
        }

        _at += tape.At;
        if (sink is null) return true;
        Stage.LookAround(0, Stage.SessionEnd);
        Stage.WriteFrames(0, Stage.SessionEnd, new Outcome(sink, _failed));
        return true;
    }

    private (string Space, SpaceStage Stage) Load(int chunk)
    {
        (_chunk, _body, _left) = (chunk, _chunks[chunk].Body(), _chunks[chunk].Ticks);
        var tape = new TapeReader(_body.Span);
        try
        {
            var (space, rules) = SpaceRecorder.ReadRules(ref tape);
            var stage = new SpaceStage(rules);
            stage.ReadFrom(ref tape);
            _memory.Forget();
            for (var i = 0; i < stage.Mirror.End; i++) _memory.At(i) = new SpaceTape.Known(stage.Mirror.StateAt(i));
            _people.Clear();
            for (var i = tape.Count(SpaceTape.MostNumber); i > 0; i--) Hear(SpaceSaying.ReadFrom(ref tape));
            _lastIndex = -1;
            _at = tape.At;
            _sayings.Clear();
            Generation++;
            return (space, stage);
        }
        catch (Exception fault) when (fault is IndexOutOfRangeException or ArgumentException or OverflowException)
        {
            throw new SpaceRecordingException($"The keyframe of the chunk at tick {_chunks[chunk].FirstTick} is damaged near byte {tape.At}: {fault.Message}");
        }
    }

    private void Hear(in SpaceSaying saying)
    {
        if (saying.Kind == SpaceSayingKind.Person) _people[saying.From] = saying.Payload;
        _sayings.Add(saying);
    }

    private bool ReadOne(ref TapeReader tape, bool hasSessions)
    {
        var mark = tape.Byte();
        if ((mark & 3) == (int)TapeMark.Update)
        {
            Update(ref tape, mark);
            return true;
        }

        switch ((TapeMark)mark)
        {
            case TapeMark.EndOfTick:
                return false;
            case TapeMark.New:
                New(ref tape);
                break;
            case TapeMark.Removed:
                var index = Index(ref tape);
                _memory.At(index) = default;
                if (!Stage.Mirror.Remove(Stage.Mirror.NumberAt(index), long.MaxValue)) throw new SpaceRecordingException($"The avatar at {index} left twice.");
                break;
            case TapeMark.Advanced:
                _lastIndex = -1;
                Stage.AdvanceAsRecorded(tape.Signed(), (FramePace)tape.Byte(), tape.Count(1 << 20), tape.Count(1 << 20), tape.Count(FrameSchedule.MostSlots));
                break;
            case TapeMark.Said:
                Hear(SpaceSaying.ReadFrom(ref tape));
                break;
            default:
                Session(ref tape, (TapeMark)mark, hasSessions);
                break;
        }

        return true;
    }

    private void Session(ref TapeReader tape, TapeMark mark, bool hasSessions)
    {
        var session = tape.Count((1 << 20) - 1);
        if (mark == TapeMark.Opened)
        {
            var (number, isAdaptive, acknowledged) = (tape.Count(SpaceTape.MostNumber), tape.Flag(), (ushort)tape.Count(ushort.MaxValue));
            if (hasSessions) Stage.Reopen(session, number, isAdaptive, acknowledged);
            return;
        }

        if (hasSessions && session >= Stage.SessionEnd) throw new SpaceRecordingException($"There is no session {session} at byte {tape.At}.");
        switch (mark)
        {
            case TapeMark.Closed:
                if (hasSessions) Stage.Reclose(session);
                break;
            case TapeMark.Budget:
                var bytes = tape.Count(1 << 20);
                if (hasSessions) Stage.SetBudget(session, bytes);
                break;
            case TapeMark.Hidden:
                var (hidden, isHidden) = (tape.Count(SpaceTape.MostNumber), tape.Flag());
                if (hasSessions) Stage.Hide(session, hidden, isHidden);
                break;
            case TapeMark.Acknowledged:
                var sequence = tape.Byte();
                if (hasSessions) Stage.Reacknowledge(session, sequence);
                break;
            case TapeMark.Corrected:
                var cause = (CorrectionCause)tape.Byte();
                if (hasSessions) Stage.Recorrect(session, cause);
                break;
            case TapeMark.Failed:
                _failed.Add(session);
                break;
            default:
                throw new SpaceRecordingException($"Byte {tape.At - 1} of the chunk says {(byte)mark}, which means nothing.");
        }
    }

    private void New(ref TapeReader tape)
    {
        var index = Index(ref tape);
        var (number, pose, input) = (tape.Count(SpaceTape.MostNumber), Mirror.ReadPose(ref tape), (ushort)tape.Count(ushort.MaxValue));
        Stage.Mirror.Put(index, number, pose, input);
        _memory.At(index) = new SpaceTape.Known(Stage.Mirror.StateAt(index));
    }

    private void Update(ref TapeReader tape, int mark)
    {
        var index = Index(ref tape);
        ref var known = ref _memory.At(index);
        if (known.Number == 0) throw new SpaceRecordingException($"There is nobody at {index}.");
        var (x, y, z) = (known.X + known.StepX, known.Y + known.StepY, known.Z + known.StepZ);
        if ((mark & SpaceTape.IsMoved) != 0) (x, y, z) = (x + tape.Integer(), y + tape.Integer(), z + tape.Integer());
        var rotation = (mark & SpaceTape.IsTurned) != 0 ? tape.Word() : known.Rotation;
        var flags = (mark & SpaceTape.IsFlagged) != 0 ? (AvatarFlags)tape.Byte() : known.Flags;
        var input = (mark & SpaceTape.IsNextInput) != 0 ? (ushort)(known.Input + 1) : (mark & SpaceTape.IsOtherInput) != 0 ? (ushort)tape.Count(ushort.MaxValue) : known.Input;
        var pose = new AvatarPose(x, y, z, rotation, flags);
        if (!pose.IsWithinRange) throw new SpaceRecordingException($"The avatar at {index} goes out of range.");
        Stage.Mirror.Put(index, known.Number - 1, pose, input);
        known.Follow(pose, input);
    }

    private int Index(ref TapeReader tape)
    {
        var index = (long)_lastIndex + 1 + tape.Signed();
        if (index < 0 || index > Stage.Mirror.End || index >= 1 << 20) throw new SpaceRecordingException($"There is no index {index}.");
        return _lastIndex = (int)index;
    }

    /// <summary>What could not be sent then cannot be sent now.</summary>
    private sealed class Outcome(IFrameSink sink, HashSet<int> failed) : IFrameSink
    {
        public Span<byte> Body => sink.Body;

        public bool SendFrame(int session, int length)
        {
            sink.SendFrame(session, length);
            return !failed.Contains(session);
        }

        public void SendCrowd(ReadOnlySpan<byte> body) => sink.SendCrowd(body);

        public void Entered(int session, int number) => sink.Entered(session, number);
    }
}
