using System.Runtime.InteropServices;
using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>
/// A stage that shares its space with those of other silos: each cell is owned by one of them, each stage mirrors all avatars. Who owns an avatar is decided by what is newest: (epoch, sequence), and of two equal ones by the order of the silos.
/// </summary>
/// <remarks>An avatar that has left a cell here for one elsewhere is <i>on its way</i> until some stage tells of it as its own; its state is offered in each tick until then. One that nobody tells of is taken up by whoever owns the cell it was last seen in.</remarks>
public sealed partial class SpaceStage
{
    private const sbyte Nobody = -1;
    private const uint Ahead = 256; // more than an owner can have told in the moments before it was lost
    private readonly bool[] _isElsewhere; // by cell
    private readonly Dictionary<int, AvatarState> _onTheirWay = [];
    private readonly Dictionary<int, int> _sessionOf = [];
    private Keeping[] _keeping = [];

    /// <summary>Whether other silos have parts of the space. While not, nothing here costs anything.</summary>
    public bool IsShared { get; private set; }

    /// <summary>Avatars that went to a cell elsewhere, or came from one, so far.</summary>
    public long BorderCrossings { get; private set; }

    /// <summary>Avatars that nobody told of and that were taken up here, so far.</summary>
    public long TakenUp { get; private set; }

    /// <summary>Avatars in cells here.</summary>
    public int Owned => _cells.Sum(c => c.Count);

    /// <summary>Avatars that have left for a cell elsewhere and that no stage has told of yet.</summary>
    public IReadOnlyDictionary<int, AvatarState> OnTheirWay => _onTheirWay;

    /// <summary>Whether a cell is owned here.</summary>
    public bool IsHere(int cell) => !_isElsewhere[cell];

    /// <summary>Says where a cell is owned from now on. What it holds here sets out for its new owner.</summary>
    public void Assign(int cell, bool isHere)
    {
        if (_isElsewhere[cell] == !isHere) return;
        if (!IsShared)
        {
            IsShared = true;
            NoteCells();
        }

        _isElsewhere[cell] = !isHere;
        if (isHere) return; // its avatars come from the owner so far, or nobody tells of them any more
        foreach (var state in _cells[cell].Avatars.ToArray())
        {
            SetOut(state with { Sequence = state.Sequence + 1 });
            BorderCrossings++;
        }

        _cells[cell].Clear();
    }

    /// <summary>Another stage tells of an avatar that it owns.</summary>
    /// <param name="state">As it is there.</param>
    /// <param name="peer">Which stage, 0 to 126.</param>
    /// <param name="isPeerFirst">Whether it goes before this one where both own the same state.</param>
    public void Told(in AvatarState state, int peer, bool isPeerFirst)
    {
        if (_onTheirWay.TryGetValue(state.Number, out var sent) && !sent.IsAfter(state.Epoch, state.Sequence)) _onTheirWay.Remove(state.Number);
        if (CellOf(state.Number) is >= 0 and var cell && _cells[cell].TryGet(state.Number, out var own))
        {
            var isSame = own.Epoch == state.Epoch && own.Sequence == state.Sequence;
            if (isSame ? !isPeerFirst : own.IsAfter(state.Epoch, state.Sequence)) return; // ours holds: the other hears of it in a moment
            _cells[cell].Leave(state.Number, long.MaxValue);
        }
        else if (_onTheirWay.ContainsKey(state.Number) || (Mirror.IndexOf(state.Number) is >= 0 and var known && Mirror.StateAt(known).IsAfter(state.Epoch, state.Sequence))) return; // if nobody tells of the newer one, it is taken up in a moment

        Mirror.Update(state);
        ref var keeping = ref KeepingAt(Mirror.IndexOf(state.Number));
        (keeping.Owner, keeping.Cell, keeping.HeardTick) = ((sbyte)peer, Nobody, Tick);
        if (_sessionOf.TryGetValue(state.Number, out var session) && _sessions[session].Epoch == state.Epoch && (short)(state.InputSequence - _sessions[session].Acknowledged) > 0) _sessions[session].Acknowledged = state.InputSequence;
    }

    /// <summary>Another stage offers an avatar that has come into a cell of this one.</summary>
    /// <returns>False when the cell is not owned here, is full, or has a newer state.</returns>
    public bool Offered(in AvatarState state)
    {
        var cell = Rules.CellOf(state.Pose.X, state.Pose.Z);
        var known = Mirror.IndexOf(state.Number);
        if (known >= 0 && IsKnown(state, Mirror.StateAt(known))) return false; // said again of one that has gone on since
        if (_isElsewhere[cell] || !_cells[cell].Arrive(state, Tick)) return false;
        foreach (var other in _cells) if (other != _cells[cell]) other.Leave(state.Number, long.MaxValue);
        BorderCrossings++;
        Own(state, cell);
        return true;
    }

    /// <summary>The stage that owns the avatar of a session elsewhere, or -1.</summary>
    public int OwnerOf(int number) => Mirror.IndexOf(number) is >= 0 and var index ? KeepingAt(index).Owner : Nobody;

    /// <summary>The home of a session elsewhere passes its input on.</summary>
    /// <param name="number">Whose avatar.</param>
    /// <param name="epoch">The session's.</param>
    /// <param name="input">What it says.</param>
    /// <param name="cause">Why it was refused.</param>
    public InputOutcome Passed(int number, long epoch, in AvatarInput input, out CorrectionCause cause)
    {
        cause = default;
        if (CellOf(number) is not (>= 0 and var cell)) return InputOutcome.Unknown;
        var outcome = _cells[cell].Apply(number, epoch, input, Tick);
        if (outcome == InputOutcome.Refused) cause = _cells[cell].Cause;
        return outcome;
    }

    /// <summary>The owner has refused an input of a session here.</summary>
    public void Corrected(int number, long epoch, CorrectionCause cause, ushort sequence)
    {
        if (!_sessionOf.TryGetValue(number, out var session) || _sessions[session].Epoch != epoch) return;
        ref var own = ref _sessions[session];
        (own.Acknowledged, own.Cause, own.IsToCorrect) = (sequence, cause, true);
    }

    /// <summary>Takes up those in cells here that no stage has told of for so long, and offers those elsewhere to whom they concern.</summary>
    /// <param name="silentTicks">For how long, in ticks.</param>
    public void TakeUp(int silentTicks)
    {
        if (!IsShared) return;
        for (var index = 0; index < Mirror.End; index++)
        {
            if (!Mirror.IsHere(index)) continue;
            ref readonly var state = ref Mirror.StateAt(index);
            ref var keeping = ref KeepingAt(index);
            if (Tick - keeping.HeardTick < silentTicks || CellOf(state.Number) >= 0) continue;
            var cell = Rules.CellOf(state.Pose.X, state.Pose.Z);
            var ahead = state with { Sequence = state.Sequence + Ahead };
            if (_isElsewhere[cell])
            {
                // Its owner has never heard of it, or it would tell.
                if (Tick - keeping.HeardTick >= (_sessionOf.ContainsKey(state.Number) ? 2 : 3) * silentTicks && !_onTheirWay.ContainsKey(state.Number)) SetOut(ahead);
                continue;
            }

            if (!_cells[cell].Arrive(ahead, Tick)) continue;
            TakenUp++;
            Own(ahead, cell);
        }
    }

    /// <summary>A stage is no more: nobody tells of what it owned.</summary>
    public void Lost(int peer)
    {
        foreach (ref var keeping in _keeping.AsSpan()) if (keeping.Owner == peer) (keeping.Owner, keeping.HeardTick) = (Nobody, Tick - 100); // long ago
    }

    /// <summary>What the other stages have not been told yet of avatars owned here: what has changed, and in turn the rest.</summary>
    /// <param name="states">Gets them.</param>
    /// <param name="everyTicks">Within how many ticks each is told at least once.</param>
    /// <param name="isAll">All, whatever they were told.</param>
    public void CollectNews(List<AvatarState> states, int everyTicks, bool isAll)
    {
        ArgumentNullException.ThrowIfNull(states);
        foreach (var cell in _cells)
        {
            foreach (ref readonly var state in cell.Avatars)
            {
                ref var keeping = ref KeepingAt(Mirror.IndexOf(state.Number));
                if (!isAll && keeping.ToldEpoch == state.Epoch && keeping.ToldSequence == state.Sequence && (Tick + state.Number) % everyTicks != 0) continue;
                (keeping.ToldEpoch, keeping.ToldSequence) = (state.Epoch, state.Sequence);
                states.Add(state);
            }
        }
    }

    /// <summary>Offers those on their way whose cell is one of the given owner's; what is in a cell here by now comes back.</summary>
    /// <param name="states">Gets them.</param>
    /// <param name="ownerOf">The stage that owns a cell; -1 for this one.</param>
    /// <param name="peer">Whose.</param>
    public void CollectOffers(List<AvatarState> states, Func<int, int> ownerOf, int peer)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(ownerOf);
        foreach (var state in _onTheirWay.Values) if (ownerOf(Rules.CellOf(state.Pose.X, state.Pose.Z)) == peer) states.Add(state);
    }

    private void SetOut(in AvatarState state)
    {
        _onTheirWay[state.Number] = state;
        Mirror.Update(state);
        if (Mirror.IndexOf(state.Number) is not (>= 0 and var index)) return;
        ref var keeping = ref KeepingAt(index);
        (keeping.Owner, keeping.Cell, keeping.HeardTick) = (Nobody, Nobody, Tick);
    }

    /// <summary>Those on their way to a cell that has come here in the meantime.</summary>
    private void ComeBack()
    {
        foreach (var (number, state) in _onTheirWay)
        {
            var cell = Rules.CellOf(state.Pose.X, state.Pose.Z);
            if (_isElsewhere[cell]) continue;
            _onTheirWay.Remove(number);
            if (_cells[cell].Arrive(state, Tick)) Own(state, cell);
        }
    }

    private void Own(in AvatarState state, int cell)
    {
        _onTheirWay.Remove(state.Number);
        Mirror.Update(state);
        if (Mirror.IndexOf(state.Number) is >= 0 and var index)
        {
            ref var keeping = ref KeepingAt(index);
            (keeping.Owner, keeping.Cell, keeping.HeardTick) = (Nobody, (short)cell, Tick);
        }

        if (_sessionOf.TryGetValue(state.Number, out var session)) _sessions[session].Cell = cell;
    }

    /// <summary>Whether what is known is as new; one that two stages offer each other at the same state belongs to whoever takes it.</summary>
    private bool IsKnown(in AvatarState state, in AvatarState known) => known.IsAfter(state.Epoch, state.Sequence) || (!state.IsAfter(known.Epoch, known.Sequence) && !_onTheirWay.ContainsKey(state.Number));

    /// <summary>The cell here that owns an avatar, or -1.</summary>
    private int CellOf(int number)
    {
        if (!IsShared || Mirror.IndexOf(number) is not (>= 0 and var index)) return CellByAsking(number);
        var cell = KeepingAt(index).Cell;
        return cell >= 0 && _cells[cell].TryGet(number, out _) ? cell : Nobody;
    }

    private int CellByAsking(int number)
    {
        for (var cell = 0; cell < _cells.Length; cell++) if (_cells[cell].TryGet(number, out _)) return cell;
        return Nobody;
    }

    private void NoteCells()
    {
        for (var cell = 0; cell < _cells.Length; cell++)
        {
            foreach (ref readonly var state in _cells[cell].Avatars)
            {
                if (Mirror.IndexOf(state.Number) is not (>= 0 and var index)) continue;
                ref var keeping = ref KeepingAt(index);
                (keeping.Owner, keeping.Cell, keeping.HeardTick) = (Nobody, (short)cell, Tick);
            }
        }
    }

    private ref Keeping KeepingAt(int index)
    {
        if (index >= _keeping.Length) Array.Resize(ref _keeping, Math.Max(256, Math.Max(Mirror.End, index + 1) * 2));
        ref var keeping = ref _keeping[index];
        if (keeping.Number != Mirror.NumberAt(index) + 1) keeping = new Keeping { Number = Mirror.NumberAt(index) + 1, Owner = Nobody, Cell = Nobody, HeardTick = Tick }; // the index has another avatar now
        return ref keeping;
    }

    /// <summary>What is known of an avatar's owner, by its index in the mirror.</summary>
    [StructLayout(LayoutKind.Auto)]
    private struct Keeping
    {
        public int Number;
        public sbyte Owner;
        public short Cell;
        public long HeardTick;
        public long ToldEpoch;
        public uint ToldSequence;
    }
}
