using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>
/// The server's side of one client's frames (SPEC-spaces, clause 6): who has which slot, who is to enter and leave, and the byte budget. Hot; allocates nothing once grown. One thread at a time.
/// </summary>
/// <param name="number">The viewer's own avatar: it is not told of itself.</param>
public sealed partial class Viewer(int number)
{
    /// <summary>A buffer of this size takes any frame.</summary>
    public const int MostFrameBytes = 16 * 1024;

    /// <summary>With nothing to say an adaptive viewer's frame is left out, but never for more ticks than this.</summary>
    public const int MostSilentTicks = 20;

    private const int EnterBits = AvatarShadow.WholeBits + 25;
    private const int IsMiddle = 1;
    private const int IsHeld = 2;
    private const int Near = 8;
    private readonly byte[] _leaves = new byte[FrameSchedule.MostSlots];
    private int _leaveCount;
    private int[] _tags = Empty(64); // what a frame needs of a slot: index in the mirror, then two bits; -1 for an empty slot
    private byte[] _phases = new byte[64]; // of the avatars in the slots: the low bits of their numbers, by which the middle ring is spread over the ticks
    private readonly int[] _seenByPhase = new int[9]; // how many slots of the middle ring, by phase; at last those of the near ring
    private Slot[] _slots = new Slot[64];
    private Candidate[] _enters = new Candidate[64]; // the ring is the sign of the key: minus one minus key is the middle ring
    private int _enterCount;
    private int[] _newcomers = new int[32];
    private int _newcomerCount;
    private int _slotEnd;
    private int _paused;
    private bool _needsReset = true;
    private long _lastTick;
    private FramePace _lastPace;
    private HashSet<int>? _hidden;

    /// <summary>Its own avatar.</summary>
    public int Number { get; } = number;

    /// <summary>Most bytes of a frame's body, over all about its budget a tick; enters and what is told whole wait for room.</summary>
    public int BudgetBytes { get; set; } = 1200;

    /// <summary>Whether frames without news are left out.</summary>
    public bool IsAdaptive { get; set; }

    /// <summary>Avatars it is told of.</summary>
    public int Seen { get; private set; }

    /// <summary>Of these, how many wait for room in the budget.</summary>
    public int Paused => _paused;

    /// <summary>The pace that its newest frame told.</summary>
    public FramePace Pace => _lastPace;

    /// <summary>How far its last look had to go, in steps.</summary>
    internal float Reach { get; set; } = float.MaxValue;

    /// <summary>Starts anew: the client has lost its view, or a frame could not be sent.</summary>
    public void Reset() => _needsReset = true;

    /// <summary>Never tells of these avatars (blocked by either side, hidden).</summary>
    public void Hide(int number, bool isHidden)
    {
        if (isHidden) (_hidden ??= []).Add(number);
        else _hidden?.Remove(number);
    }

    /// <summary>Whether it may be told of an avatar.</summary>
    public bool MaySee(int number) => number != Number && (_hidden is null || !_hidden.Contains(number));

    /// <summary>Whether it hides anyone.</summary>
    internal bool HidesAny => _hidden is not null;

    /// <summary>The mirror's index of the avatar in a slot, or -1; for tests and recordings.</summary>
    public int IndexAt(int slot) => slot < _slotEnd && _tags[slot] >= 0 ? _tags[slot] >> 2 : -1;

    /// <summary>Slots lie below this.</summary>
    public int SlotEnd => _slotEnd;

    /// <summary>Avatars that entered with the newest frame.</summary>
    public ReadOnlySpan<int> Newcomers => _newcomers.AsSpan(0, _newcomerCount);

    internal void MarkSlots(byte[] had)
    {
        for (var i = 0; i < _slotEnd; i++) if (_tags[i] >= 0) had[_tags[i] >> 2] = (byte)((_tags[i] & IsMiddle) + 1);
    }

    internal void ClearMarks(byte[] had)
    {
        for (var i = 0; i < _slotEnd; i++) if (_tags[i] >= 0) had[_tags[i] >> 2] = 0;
    }

    internal void Want(Mirror mirror, ReadOnlySpan<Candidate> near, ReadOnlySpan<Candidate> middle, int[] wanted)
    {
        for (var i = 0; i < near.Length; i++) wanted[near[i].Index] = i + 1;
        for (var i = 0; i < middle.Length; i++) wanted[middle[i].Index] = -1 - i;
        for (var i = 0; i < _slotEnd; i++)
        {
            var tag = _tags[i];
            if (tag < 0) continue;
            var wish = wanted[tag >> 2];
            if (mirror.IsHere(tag >> 2) && ((tag & IsMiddle) == 0 ? wish > 0 : wish < 0))
            {
                wanted[tag >> 2] = 0; // has what it is to have
                _slots[i].Distance = wish > 0 ? near[wish - 1].Key : middle[-1 - wish].Key;
            }
            else Leave(i);
        }

        while (_slotEnd > 0 && _tags[_slotEnd - 1] < 0) _slotEnd--;
        if (_enters.Length < near.Length + middle.Length) _enters = new Candidate[Math.Min(FrameSchedule.MostSlots, (near.Length + middle.Length) * 2)];
        _enterCount = 0;
        foreach (ref readonly var one in near) Enter(one.Index, one.Key, wanted);
        foreach (ref readonly var one in middle) Enter(one.Index, -1 - one.Key, wanted);
    }

    /// <summary>Writes the viewer's frame of the mirror's tick.</summary>
    /// <param name="body">At least <see cref="MostFrameBytes"/>.</param>
    /// <param name="mirror">Advanced to the tick.</param>
    /// <param name="acknowledged">Low 8 bits of the newest input applied.</param>
    /// <param name="correction">Where the server has put the viewer's avatar, if it had to.</param>
    /// <returns>The body's length; 0 when there is nothing to say and the viewer is adaptive. A frame that then is not sent must be made good by <see cref="Reset"/>.</returns>
    public int Write(Span<byte> body, Mirror mirror, byte acknowledged, in Correction? correction)
    {
        ArgumentNullException.ThrowIfNull(mirror);
        var (tick, pace) = (mirror.Tick, mirror.Pace);
        if (_needsReset || tick - _lastTick > FrameSchedule.MostSkippedTicks) StartAnew();
        var isReset = _needsReset;
        var isForced = isReset || correction is not null || _leaveCount > 0 || pace != _lastPace || tick - _lastTick >= MostSilentTicks || !IsAdaptive || _paused > 0;

        var bits = new BitWriter(body);
        bits.Write((ulong)tick & 0xFFFF, 16);
        bits.Write(acknowledged, 8);
        bits.Write((byte)pace, 2);
        bits.Write(isReset);
        bits.Write(correction is not null);
        if (correction is { } put) put.Write(ref bits);
        WriteLeaves(ref bits);
        var spare = Budget(mirror, tick, pace, bits.BitCount);
        WritePauses(ref bits);
        spare = WriteRefreshes(ref bits, mirror, spare);
        var news = WriteRecords(ref bits, mirror, tick, pace);
        var entered = WriteEnters(ref bits, mirror, spare);
        if (!isForced && news == 0 && entered == 0) return 0;
        (_needsReset, _lastTick, _lastPace) = (false, tick, pace);
        return bits.Finish();
    }

    private void StartAnew()
    {
        _needsReset = true;
        var count = 0;
        for (var i = 0; i < _slotEnd; i++) if (_tags[i] >= 0) count++;
        if (_enters.Length < count + _enterCount) Array.Resize(ref _enters, count + _enterCount);
        for (var i = 0; i < _slotEnd; i++)
        {
            if (_tags[i] < 0) continue;
            _enters[_enterCount++] = new Candidate(_tags[i] >> 2, (_tags[i] & IsMiddle) == 0 ? _slots[i].Distance : -1 - _slots[i].Distance);
            _tags[i] = -1;
            _slots[i] = default;
        }

        (_slotEnd, _leaveCount, _paused, Seen) = (0, 0, 0, 0);
        Array.Clear(_seenByPhase);
    }

    private void Leave(int slot)
    {
        if (_slots[slot].IsPaused) _paused--;
        _seenByPhase[KindOf(slot)]--;
        _tags[slot] = -1;
        _slots[slot] = default;
        Seen--;
        if (!_needsReset) _leaves[_leaveCount++] = (byte)slot;
    }

    private void Enter(int index, float key, int[] wanted)
    {
        if (wanted[index] == 0) return;
        wanted[index] = 0;
        _enters[_enterCount++] = new Candidate(index, key);
    }

    private void WriteLeaves(ref BitWriter bits)
    {
        bits.Write(_leaveCount > 0);
        if (_leaveCount == 0) return;
        bits.Write((uint)(_leaveCount - 1), 8);
        for (var i = 0; i < _leaveCount; i++) bits.Write(_leaves[i], 8);
        _leaveCount = 0;
    }

    /// <summary>Holds the farthest back until the rest fits; gives what is left for those that wait. In bits.</summary>
    private int Budget(Mirror mirror, long tick, FramePace pace, int used)
    {
        var limit = BudgetBytes * 8;
        var due = _seenByPhase[Near];
        for (var phase = 0; phase < Near; phase++) if ((mirror.MiddleDue >> phase & 1) != 0) due += _seenByPhase[phase];
        var most = used + 4 + (due * DeltaRecord.MostBits);
        if (_paused == 0 && most + (_enterCount * EnterBits) <= limit) return limit - most; // nothing to hold back, whatever the news
        var sum = used + 4;
        for (var i = 0; i < _slotEnd; i++) sum += BitsAt(i, mirror, tick, pace);
        while (sum > limit)
        {
            var farthest = -1;
            for (var i = 0; i < _slotEnd; i++) if (_tags[i] >= 0 && !_slots[i].IsPaused && (farthest < 0 || _slots[i].Distance > _slots[farthest].Distance)) farthest = i;
            if (farthest < 0) break;
            sum += 8 - BitsAt(farthest, mirror, tick, pace);
            (_slots[farthest].IsPaused, _slots[farthest].IsNewlyPaused) = (true, true);
            _tags[farthest] |= IsHeld;
            _paused++;
        }

        return limit - sum;
    }

    private int BitsAt(int slot, Mirror mirror, long tick, FramePace pace)
    {
        var tag = _tags[slot];
        if (tag < 0 || (tag & IsHeld) != 0) return 0;
        var ring = (ViewRing)(tag & IsMiddle);
        var isDue = ring == ViewRing.Near ? FrameSchedule.IsDue(ring, 0, (int)tick, pace) : (mirror.MiddleDue >> _phases[slot] & 1) != 0;
        return isDue ? mirror.News(ring, tag >> 2).Bits : 0;
    }

    private void WritePauses(ref BitWriter bits)
    {
        var count = 0;
        if (_paused > 0) for (var i = 0; i < _slotEnd; i++) if (_slots[i].IsNewlyPaused) count++;
        bits.Write(count > 0);
        if (count == 0) return;
        bits.Write((uint)(count - 1), 8);
        for (var i = 0; i < _slotEnd; i++)
        {
            if (!_slots[i].IsNewlyPaused) continue;
            _slots[i].IsNewlyPaused = false;
            bits.Write((uint)i, 8);
        }
    }

    /// <summary>Priority accumulator: each tick a waiting slot earns the inverse of its distance; the one with most is told whole when there is room.</summary>
    private int WriteRefreshes(ref BitWriter bits, Mirror mirror, int spare)
    {
        const int Cost = AvatarShadow.WholeBits + 9;
        var count = 0;
        Span<byte> chosen = stackalloc byte[64];
        if (_paused > 0)
        {
            for (var i = 0; i < _slotEnd; i++) if (_slots[i].IsPaused) _slots[i].Priority += 1f / (1 + MathF.Sqrt(_slots[i].Distance));
            while (spare - 8 >= Cost && count < chosen.Length && Foremost() is >= 0 and var slot)
            {
                chosen[count++] = (byte)slot;
                _slots[slot].Priority = float.MinValue;
                spare -= Cost;
            }
        }

        bits.Write(count > 0);
        if (count == 0) return spare;
        bits.Write((uint)(count - 1), 8);
        for (var i = 0; i < count; i++)
        {
            ref var slot = ref _slots[chosen[i]];
            bits.Write(chosen[i], 8);
            mirror.Shadow((ViewRing)(_tags[chosen[i]] & IsMiddle), _tags[chosen[i]] >> 2).WriteWhole(ref bits);
            var isLive = spare > BudgetBytes * 8 / 5; // a fifth is free: it may run again
            bits.Write(isLive);
            slot.Priority = 0;
            if (!isLive) continue;
            slot.IsPaused = false;
            slot.IsToldWhole = true; // still held in this frame
            _paused--;
        }

        return spare;
    }

    private int Foremost()
    {
        var best = -1;
        for (var i = 0; i < _slotEnd; i++) if (_slots[i].IsPaused && _slots[i].Priority > 0 && (best < 0 || _slots[i].Priority > _slots[best].Priority)) best = i;
        return best;
    }

    private int WriteRecords(ref BitWriter bits, Mirror mirror, long tick, FramePace pace)
    {
        var news = 0;
        var near = FrameSchedule.IsDue(ViewRing.Near, 0, (int)tick, pace) ? mirror.NearNews : default;
        var middle = mirror.MiddleNews;
        var due = mirror.MiddleDue;
        var tags = _tags.AsSpan(0, _slotEnd);
        var phases = _phases.AsSpan(0, tags.Length);
        for (var i = 0; i < tags.Length; i++)
        {
            var tag = tags[i];
            if (tag < 0) continue;
            if ((tag & (IsHeld | IsMiddle)) == 0)
            {
                if (near.IsEmpty) continue;
                ref readonly var record = ref near[tag >> 2];
                record.Splice(ref bits);
                if (record.IsNews) news++;
            }
            else if ((tag & IsHeld) != 0) news += EndHold(i);
            else if ((due >> phases[i] & 1) != 0)
            {
                ref readonly var record = ref middle[tag >> 2];
                record.Splice(ref bits);
                if (record.IsNews) news++;
            }
        }

        return news;
    }

    /// <summary>A slot that was told whole in this frame is told of again from the next on.</summary>
    private int EndHold(int slot)
    {
        if (!_slots[slot].IsToldWhole) return 0;
        _slots[slot].IsToldWhole = false;
        _tags[slot] &= ~IsHeld;
        return 1;
    }

    private int WriteEnters(ref BitWriter bits, Mirror mirror, int spare)
    {
        _newcomerCount = 0;
        var most = Math.Max(4, spare / EnterBits);
        if (_enterCount > most) _enters.AsSpan(0, _enterCount).Sort(static (a, b) => Distance(a).CompareTo(Distance(b)));
        var count = 0;
        for (var i = 0; i < _enterCount && count < most; i++) if (mirror.IsHere(_enters[i].Index)) count++;
        bits.Write(count > 0);
        if (count == 0)
        {
            _enterCount = 0;
            return 0;
        }

        bits.Write((uint)(count - 1), 8);
        var (slot, done, at) = (0, 0, 0);
        for (; done < count; at++)
        {
            var one = _enters[at];
            if (!mirror.IsHere(one.Index)) continue;
            while (slot < _slotEnd && _tags[slot] >= 0) slot++;
            if (slot == _tags.Length) Grow();
            var ring = one.Key < 0 ? ViewRing.Middle : ViewRing.Near;
            _tags[slot] = (one.Index << 2) | (byte)ring;
            _phases[slot] = (byte)(mirror.NumberAt(one.Index) & 7);
            _seenByPhase[KindOf(slot)]++;
            _slots[slot] = new Slot { Distance = Distance(one) };
            _slotEnd = Math.Max(_slotEnd, slot + 1);
            if (_newcomerCount == _newcomers.Length) Array.Resize(ref _newcomers, _newcomerCount * 2);
            _newcomers[_newcomerCount++] = mirror.NumberAt(one.Index);
            bits.Write((uint)mirror.NumberAt(one.Index), 24);
            bits.Write((byte)ring, 1);
            mirror.Shadow(ring, one.Index).WriteWhole(ref bits);
            done++;
            Seen++;
        }

        _enters.AsSpan(at, _enterCount - at).CopyTo(_enters);
        _enterCount -= at;
        return count;
    }

    private int KindOf(int slot) => (_tags[slot] & IsMiddle) == 0 ? Near : _phases[slot];

    private static float Distance(in Candidate one) => one.Key < 0 ? -1 - one.Key : one.Key;

    private static int[] Empty(int count)
    {
        var tags = new int[count];
        Array.Fill(tags, -1);
        return tags;
    }

    private void Grow()
    {
        var (from, to) = (_tags.Length, Math.Min(FrameSchedule.MostSlots, _tags.Length * 2));
        Array.Resize(ref _tags, to);
        Array.Fill(_tags, -1, from, to - from);
        Array.Resize(ref _phases, to);
        Array.Resize(ref _slots, to);
    }

    /// <summary>What a slot's budget needs.</summary>
    private struct Slot
    {
        public float Distance;
        public float Priority;
        public bool IsPaused;
        public bool IsNewlyPaused;
        public bool IsToldWhole;
    }
}
