using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>What became of an input.</summary>
public enum InputOutcome : byte
{
    /// <summary>The avatar is where the input says.</summary>
    Applied,

    /// <summary>Older than one already applied: dropped.</summary>
    Stale,

    /// <summary>The cell does not own the avatar, or another session does: dropped.</summary>
    Unknown,

    /// <summary>Against the rules: dropped, and the client is put back.</summary>
    Refused,
}

/// <summary>
/// The owner of the avatars in one square of a space: their states in arrays, and the rules each input is held to. Hot; allocates nothing once grown.
/// One thread at a time: the loop of the silo it lives on.
/// </summary>
public sealed class SpaceCell
{
    private readonly Dictionary<int, int> _indexes = [];
    private readonly MovementRules _rules;
    private AvatarState[] _states = new AvatarState[64];
    private Ledge[] _ledges = new Ledge[64];

    /// <summary>An empty cell.</summary>
    /// <param name="bounds">The square it owns.</param>
    /// <param name="rules">The space's rules.</param>
    /// <param name="capacity">Most avatars; one more is refused.</param>
    public SpaceCell(CellBounds bounds, MovementRules rules, int capacity)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        (Bounds, _rules, Capacity) = (bounds, rules, capacity);
    }

    /// <summary>The square it owns.</summary>
    public CellBounds Bounds { get; }

    /// <summary>Most avatars.</summary>
    public int Capacity { get; }

    /// <summary>Avatars now.</summary>
    public int Count { get; private set; }

    /// <summary>While set, nobody moves.</summary>
    public bool IsFrozen { get; set; }

    /// <summary>What it owns. Valid until the next call.</summary>
    public ReadOnlySpan<AvatarState> Avatars => _states.AsSpan(0, Count);

    /// <summary>The cause of the newest <see cref="InputOutcome.Refused"/>.</summary>
    public CorrectionCause Cause { get; private set; }

    /// <summary>Takes an avatar: on joining, from another cell, or from a gateway after the cell was lost.</summary>
    /// <param name="state">The whole state. A state that is not newer than the one owned changes nothing.</param>
    /// <param name="tick">Now.</param>
    /// <returns>False when the cell is full or the state is old.</returns>
    public bool Arrive(in AvatarState state, long tick)
    {
        ref var index = ref CollectionsMarshal.GetValueRefOrAddDefault(_indexes, state.Number, out var isKnown);
        if (isKnown)
        {
            ref var own = ref _states[index];
            if (!state.IsAfter(own.Epoch, own.Sequence)) return false;
            if (state.Epoch != own.Epoch) _ledges[index] = new Ledge(tick, _rules);
            own = state;
            return true;
        }

        if (Count >= Capacity)
        {
            _indexes.Remove(state.Number);
            return false;
        }

        if (Count == _states.Length)
        {
            Array.Resize(ref _states, Count * 2);
            Array.Resize(ref _ledges, Count * 2);
        }

        index = Count++;
        _states[index] = state;
        _ledges[index] = new Ledge(tick, _rules);
        return true;
    }

    /// <summary>Lets an avatar go.</summary>
    /// <param name="number">Which.</param>
    /// <param name="epoch">Of the session that leaves; a newer session's avatar stays.</param>
    public bool Leave(int number, long epoch)
    {
        if (!_indexes.TryGetValue(number, out var index) || _states[index].Epoch > epoch) return false;
        RemoveAt(index);
        return true;
    }

    /// <summary>Owns nothing any more.</summary>
    public void Clear()
    {
        _indexes.Clear();
        Count = 0;
    }

    /// <summary>Whether it owns the avatar, and in what state.</summary>
    public bool TryGet(int number, out AvatarState state)
    {
        var isHere = _indexes.TryGetValue(number, out var index);
        state = isHere ? _states[index] : default;
        return isHere;
    }

    /// <summary>Puts an avatar somewhere, whatever the rules of movement say: a host's act.</summary>
    public bool Place(int number, in AvatarPose pose)
    {
        if (!_indexes.TryGetValue(number, out var index)) return false;
        ref var state = ref _states[index];
        state.Pose = pose;
        (state.VelocityX, state.VelocityY, state.VelocityZ) = (0, 0, 0);
        state.Sequence++;
        return true;
    }

    /// <summary>Holds an input to the rules and applies it.</summary>
    /// <param name="number">Whose.</param>
    /// <param name="epoch">The session's.</param>
    /// <param name="input">What it says.</param>
    /// <param name="tick">Now; never goes back.</param>
    public InputOutcome Apply(int number, long epoch, in AvatarInput input, long tick)
    {
        if (!_indexes.TryGetValue(number, out var index)) return InputOutcome.Unknown;
        ref var state = ref _states[index];
        if (state.Epoch != epoch) return InputOutcome.Unknown;
        if (state.Sequence > 0 && (short)(input.Sequence - state.InputSequence) <= 0) return InputOutcome.Stale;
        ref var ledge = ref _ledges[index];
        ledge.Earn(tick, _rules);
        if (ledge.Inputs < 1) return Refuse(ref state, CorrectionCause.Rate);
        ledge.Inputs--;
        var isPlace = input.Pose.X != state.Pose.X || input.Pose.Z != state.Pose.Z || input.Pose.Y != state.Pose.Y;
        if (isPlace || input.IsMoving)
        {
            if (IsFrozen) return Refuse(ref state, CorrectionCause.Frozen);
            if (!input.Pose.IsWithinRange || !_rules.MayBe(input.Pose.X, input.Pose.Z)) return Refuse(ref state, CorrectionCause.Border);
            if (!ledge.Spend(Way(state.Pose, input.Pose)) || Way(input) > _rules.StepsPerTick) return Refuse(ref state, CorrectionCause.Speed);
        }

        state.Pose = input.Pose;
        (state.VelocityX, state.VelocityY, state.VelocityZ) = (input.VelocityX, input.VelocityY, input.VelocityZ);
        state.InputSequence = input.Sequence;
        state.Sequence++;
        ledge.InputTick = tick;
        return InputOutcome.Applied;
    }

    /// <summary>Lets those that move go on, and gives away those that have left the square.</summary>
    /// <param name="tick">Now.</param>
    /// <param name="departed">Gets the states of those that left; they are no longer owned.</param>
    public void Step(long tick, ICollection<AvatarState> departed)
    {
        ArgumentNullException.ThrowIfNull(departed);
        for (var i = 0; i < Count; i++)
        {
            ref var state = ref _states[i];
            if (state.IsMoving && _ledges[i].InputTick != tick) GoOn(ref state, ref _ledges[i], tick);
            if (Bounds.Holds(state.Pose.X, state.Pose.Z)) continue;
            state.Sequence++;
            departed.Add(state);
            RemoveAt(i--);
        }
    }

    /// <summary>Dead reckoning: at most two seconds without an input, and never where one may not be.</summary>
    private void GoOn(ref AvatarState state, ref Ledge ledge, long tick)
    {
        ledge.Earn(tick, _rules);
        var to = state.Pose with { X = state.Pose.X + state.VelocityX, Y = state.Pose.Y + state.VelocityY, Z = state.Pose.Z + state.VelocityZ };
        if (IsFrozen || tick - ledge.InputTick > 2 * _rules.TickHz || !to.IsWithinRange || !_rules.MayBe(to.X, to.Z) || !ledge.Spend(Way(state.Pose, to)))
        {
            (state.VelocityX, state.VelocityY, state.VelocityZ) = (0, 0, 0);
            return;
        }

        state.Pose = to;
        state.Sequence++;
    }

    private InputOutcome Refuse(ref AvatarState state, CorrectionCause cause)
    {
        Cause = cause;
        (state.VelocityX, state.VelocityY, state.VelocityZ) = (0, 0, 0);
        return InputOutcome.Refused;
    }

    private void RemoveAt(int index)
    {
        _indexes.Remove(_states[index].Number);
        if (index != --Count)
        {
            _states[index] = _states[Count];
            _ledges[index] = _ledges[Count];
            _indexes[_states[index].Number] = index;
        }
    }

    private static float Way(in AvatarPose from, in AvatarPose to)
    {
        float dx = to.X - from.X, dy = to.Y - from.Y, dz = to.Z - from.Z;
        return MathF.Sqrt((dx * dx) + (dy * dy) + (dz * dz));
    }

    private static float Way(in AvatarInput input)
    {
        float dx = input.VelocityX, dy = input.VelocityY, dz = input.VelocityZ;
        return MathF.Sqrt((dx * dx) + (dy * dy) + (dz * dz));
    }

    /// <summary>What an avatar may still do: way and inputs, earned by the tick.</summary>
    [SuppressMessage("Design", "CA1051", Justification = "Private to the cell.")]
    private struct Ledge(long tick, MovementRules rules)
    {
        public float Way = rules.MostCredit;
        public float Inputs = rules.InputsPerSecond / 2f;
        public long InputTick = tick;
        private long _tick = tick;

        public void Earn(long tick, MovementRules rules)
        {
            if (tick <= _tick) return;
            var ticks = tick - _tick;
            _tick = tick;
            Way = Math.Min(rules.MostCredit, Way + (ticks * rules.StepsPerTick));
            Inputs = Math.Min(Math.Max(1, rules.InputsPerSecond / 2f), Inputs + ((float)ticks * rules.InputsPerSecond / rules.TickHz));
        }

        public bool Spend(float way)
        {
            if (way > Way) return false;
            Way -= way;
            return true;
        }
    }
}
