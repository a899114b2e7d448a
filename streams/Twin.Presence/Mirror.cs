using System.Runtime.InteropServices;
using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>
/// What one silo knows of all avatars of a space, and their news of this tick, encoded once for all viewers. Hot; allocates nothing once grown. One thread at a time.
/// </summary>
/// <remarks>
/// An avatar has an index here while it is known. An index is used again only <see cref="QuarantineTicks"/> after its avatar left: by then each viewer has looked again at whom it sees.
/// </remarks>
public sealed partial class Mirror
{
    /// <summary>Ticks that an index rests. Viewers look again at least every 4 ticks.</summary>
    public const int QuarantineTicks = 10;

    private readonly Dictionary<int, int> _indexes = [];
    private readonly Queue<(int Index, long Tick)> _resting = new();
    private AvatarState[] _states = new AvatarState[256];
    private bool[] _isHere = new bool[256];
    private AvatarShadow[] _near = new AvatarShadow[256];
    private AvatarShadow[] _middle = new AvatarShadow[256];
    private DeltaRecord[] _nearNews = new DeltaRecord[256];
    private DeltaRecord[] _middleNews = new DeltaRecord[256];

    /// <summary>Avatars known.</summary>
    public int Count => _indexes.Count;

    /// <summary>One more than the highest index in use.</summary>
    public int End { get; private set; }

    /// <summary>The tick of the newest <see cref="Advance"/>.</summary>
    public long Tick { get; private set; }

    /// <summary>What frames of this tick say of their pace.</summary>
    public FramePace Pace { get; private set; }

    /// <summary>Whether an index has an avatar.</summary>
    public bool IsHere(int index) => _isHere[index];

    /// <summary>The avatar's number at an index, also while it rests.</summary>
    public int NumberAt(int index) => _states[index].Number;

    /// <summary>The avatar at an index.</summary>
    public ref readonly AvatarState StateAt(int index) => ref _states[index];

    /// <summary>The index of an avatar, or -1.</summary>
    public int IndexOf(int number) => _indexes.GetValueOrDefault(number, -1);

    /// <summary>Learns of an avatar's state.</summary>
    /// <returns>False when what is known is as new or newer.</returns>
    public bool Update(in AvatarState state)
    {
        ref var index = ref CollectionsMarshal.GetValueRefOrAddDefault(_indexes, state.Number, out var isKnown);
        if (isKnown)
        {
            ref var own = ref _states[index];
            if (!state.IsAfter(own.Epoch, own.Sequence)) return false;
            own = state;
            Tape?.Updated(index, state);
            return true;
        }

        index = Free();
        _states[index] = state;
        _isHere[index] = true;
        _near[index] = _middle[index] = new AvatarShadow(state.Pose);
        _nearNews[index] = _middleNews[index] = DeltaRecord.Unchanged;
        Tape?.Updated(index, state);
        return true;
    }

    /// <summary>An avatar has left the space.</summary>
    /// <param name="number">Which.</param>
    /// <param name="epoch">Of the session that left; a newer one's stays.</param>
    public bool Remove(int number, long epoch)
    {
        if (!_indexes.TryGetValue(number, out var index) || _states[index].Epoch > epoch) return false;
        _indexes.Remove(number);
        _isHere[index] = false;
        (_near[index].VelocityX, _near[index].VelocityY, _near[index].VelocityZ) = (0, 0, 0);
        (_middle[index].VelocityX, _middle[index].VelocityY, _middle[index].VelocityZ) = (0, 0, 0);
        _nearNews[index] = _middleNews[index] = DeltaRecord.Unchanged;
        _resting.Enqueue((index, Tick));
        Tape?.Removed(index);
        return true;
    }

    /// <summary>Encodes the tick's news. Afterwards viewers' frames may be written.</summary>
    /// <param name="tick">One more than the last, or more.</param>
    /// <param name="pace">What an overloaded silo does less of.</param>
    /// <param name="nearBoundSteps">Error that the near ring leaves as it is; 0 is exact.</param>
    /// <param name="middleBoundSteps">The same for the middle ring.</param>
    public void Advance(long tick, FramePace pace, int nearBoundSteps, int middleBoundSteps)
    {
        Tape?.Advanced(tick, pace, nearBoundSteps, middleBoundSteps);
        (Tick, Pace) = (tick, pace);
        while (_resting.TryPeek(out var rest) && tick - rest.Tick > QuarantineTicks && tick - rest.Tick < long.MaxValue)
        {
            _resting.Dequeue();
            _free.Push(rest.Index);
        }

        var isNear = FrameSchedule.IsDue(ViewRing.Near, 0, (int)tick, pace);
        MiddleDue = 0;
        for (var phase = 0; phase < 8; phase++) if (FrameSchedule.IsDue(ViewRing.Middle, phase, (int)tick, pace)) MiddleDue |= 1 << phase;
        for (var i = 0; i < End; i++)
        {
            if (!_isHere[i]) continue;
            if (isNear) _nearNews[i] = _near[i].Advance(_states[i].Pose, nearBoundSteps);
            if ((MiddleDue >> (_states[i].Number & 7) & 1) != 0) _middleNews[i] = _middle[i].Advance(_states[i].Pose, middleBoundSteps);
        }
    }

    internal ReadOnlySpan<DeltaRecord> NearNews => _nearNews;

    internal ReadOnlySpan<DeltaRecord> MiddleNews => _middleNews;

    /// <summary>By the low three bits of numbers: whether the middle ring tells them in this tick.</summary>
    internal int MiddleDue { get; private set; }

    internal ref readonly DeltaRecord News(ViewRing ring, int index) => ref (ring == ViewRing.Near ? ref _nearNews[index] : ref _middleNews[index]);

    internal ref readonly AvatarShadow Shadow(ViewRing ring, int index) => ref (ring == ViewRing.Near ? ref _near[index] : ref _middle[index]);

    private readonly Stack<int> _free = new();

    private int Free()
    {
        if (_free.TryPop(out var index)) return index;
        if (End == _states.Length) Resize(End * 2);
        return End++;
    }
    private void Resize(int size)
    {
        Array.Resize(ref _states, size);
        Array.Resize(ref _isHere, size);
        Array.Resize(ref _near, size);
        Array.Resize(ref _middle, size);
        Array.Resize(ref _nearNews, size);
        Array.Resize(ref _middleNews, size);
    }
}
