using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>What a tape says next. An update has both low bits set and its flags above them; see SPEC-spaces, clause 10.</summary>
internal enum TapeMark : byte
{
    EndOfTick = 0,
    Update = 3,
    New = 4,
    Removed = 8,
    Advanced = 12,
    Opened = 16,
    Closed = 20,
    Budget = 24,
    Hidden = 28,
    Acknowledged = 32,
    Corrected = 36,
    Failed = 40,
    Said = 44,
}

/// <summary>
/// Notes what the frames of a space depend on, in the order in which it happens: changes of the mirror, sessions, what could not be sent. From it each frame can be written again, byte for byte. Hot; allocates nothing once grown. Of the stage's thread.
/// </summary>
internal sealed class SpaceTape(TapeWriter to)
{
    internal const int MostNumber = (1 << 24) - 1;
    internal const int IsMoved = 4, IsTurned = 8, IsFlagged = 16, IsNextInput = 32, IsOtherInput = 64;
    private readonly PoseMemory _memory = new();
    private int _lastIndex = -1;

    /// <summary>What could not be foreseen of the poses, remembered alike by writer and reader.</summary>
    internal sealed class PoseMemory
    {
        private Known[] _known = [];

        public ref Known At(int index)
        {
            if (index >= _known.Length) Array.Resize(ref _known, Math.Max(256, (index + 1) * 2));
            return ref _known[index];
        }

        public void Forget() => Array.Clear(_known);
    }

    /// <summary>Starts a part that must be readable by itself: all poses are given whole in the keyframe.</summary>
    public void Begin(Mirror mirror)
    {
        _lastIndex = -1;
        _memory.Forget();
        for (var i = 0; i < mirror.End; i++) _memory.At(i) = new Known(mirror.StateAt(i));
    }

    public void Updated(int index, in AvatarState state)
    {
        ref var known = ref _memory.At(index);
        if (known.Number != state.Number + 1)
        {
            known = new Known(state);
            to.Byte((byte)TapeMark.New);
            Index(index);
            to.Count(state.Number);
            Mirror.Write(to, state.Pose);
            to.Number(state.InputSequence);
            return;
        }

        ref readonly var pose = ref state.Pose;
        var (x, y, z) = (pose.X - known.X - known.StepX, pose.Y - known.Y - known.StepY, pose.Z - known.Z - known.StepZ);
        var isNext = state.InputSequence == (ushort)(known.Input + 1);
        var isOther = !isNext && state.InputSequence != known.Input;
        var mark = (int)TapeMark.Update | ((x | y | z) != 0 ? IsMoved : 0) | (pose.Rotation != known.Rotation ? IsTurned : 0) | (pose.Flags != known.Flags ? IsFlagged : 0) | (isNext ? IsNextInput : 0) | (isOther ? IsOtherInput : 0);
        to.Byte((byte)mark);
        Index(index);
        if ((mark & IsMoved) != 0)
        {
            to.Signed(x);
            to.Signed(y);
            to.Signed(z);
        }

        if ((mark & IsTurned) != 0) to.Word(pose.Rotation);
        if ((mark & IsFlagged) != 0) to.Byte((byte)pose.Flags);
        if (isOther) to.Number(state.InputSequence);
        known.Follow(pose, state.InputSequence);
    }

    public void Removed(int index)
    {
        _memory.At(index) = default;
        to.Byte((byte)TapeMark.Removed);
        Index(index);
    }

    public void Advanced(long tick, FramePace pace, int nearBound, int middleBound)
    {
        _lastIndex = -1;
        to.Byte((byte)TapeMark.Advanced);
        to.Signed(tick);
        to.Byte((byte)pace);
        to.Count(nearBound);
        to.Count(middleBound);
    }

    public void NearLimit(int limit) => to.Count(limit);

    public void Opened(int session, int number, bool isAdaptive, ushort acknowledged)
    {
        to.Byte((byte)TapeMark.Opened);
        to.Count(session);
        to.Count(number);
        to.Flag(isAdaptive);
        to.Number(acknowledged);
    }

    public void Closed(int session) => Session(TapeMark.Closed, session);

    public void Budget(int session, int bytes)
    {
        Session(TapeMark.Budget, session);
        to.Count(bytes);
    }

    public void Hidden(int session, int number, bool isHidden)
    {
        Session(TapeMark.Hidden, session);
        to.Count(number);
        to.Flag(isHidden);
    }

    public void Acknowledged(int session, byte sequence)
    {
        Session(TapeMark.Acknowledged, session);
        to.Byte(sequence);
    }

    public void Corrected(int session, CorrectionCause cause)
    {
        Session(TapeMark.Corrected, session);
        to.Byte((byte)cause);
    }

    public void Failed(int session) => Session(TapeMark.Failed, session);

    /// <summary>What is not poses: names, chat, states; see <see cref="SpaceSaying"/>.</summary>
    public void Said(in SpaceSaying saying)
    {
        to.Byte((byte)TapeMark.Said);
        saying.WriteTo(to);
    }

    public void EndTick() => to.Byte((byte)TapeMark.EndOfTick);

    private void Session(TapeMark mark, int session)
    {
        to.Byte((byte)mark);
        to.Count(session);
    }

    private void Index(int index)
    {
        to.Signed(index - _lastIndex - 1);
        _lastIndex = index;
    }

    /// <summary>An avatar's last pose and displacement.</summary>
    internal struct Known(in AvatarState state)
    {
        public int Number = state.Number + 1; // 0 is nobody
        public int X = state.Pose.X, Y = state.Pose.Y, Z = state.Pose.Z;
        public int StepX, StepY, StepZ;
        public uint Rotation = state.Pose.Rotation;
        public AvatarFlags Flags = state.Pose.Flags;
        public ushort Input = state.InputSequence;

        public void Follow(in AvatarPose pose, ushort input)
        {
            (StepX, StepY, StepZ) = (pose.X - X, pose.Y - Y, pose.Z - Z);
            (X, Y, Z, Rotation, Flags, Input) = (pose.X, pose.Y, pose.Z, pose.Rotation, pose.Flags, input);
        }
    }
}

/// <summary>What kind of saying it is.</summary>
public enum SpaceSayingKind : byte
{
    /// <summary>Who an avatar is: the payload is a people message of one.</summary>
    Person = 0,

    /// <summary>Chat to all: the payload is the chat message.</summary>
    ChatToAll = 1,

    /// <summary>Chat to those near.</summary>
    ChatToNear = 2,

    /// <summary>A state channel's new value: the payload is the state message.</summary>
    State = 3,

    /// <summary>Something told to all: quality, moderation.</summary>
    Notice = 4,
}

/// <summary>What is recorded beside poses. Whispers are not.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="From">Whose avatar; 0 for none.</param>
/// <param name="Payload">A message as clients read it.</param>
public readonly record struct SpaceSaying(SpaceSayingKind Kind, int From, ReadOnlyMemory<byte> Payload)
{
    /// <summary>Most bytes of a payload that are recorded.</summary>
    public const int MostBytes = 64 * 1024;

    internal void WriteTo(TapeWriter tape)
    {
        tape.Byte((byte)Kind);
        tape.Count(From);
        tape.Bytes(Payload.Span);
    }

    internal static SpaceSaying ReadFrom(ref TapeReader tape) => new((SpaceSayingKind)tape.Byte(), tape.Count(SpaceTape.MostNumber), tape.Bytes(MostBytes).ToArray());
}
