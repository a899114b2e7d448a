using System.Runtime.InteropServices;

namespace Twin.Simulation.JobShop;

/// <summary>How a proof ended.</summary>
internal enum ProofEnd
{
    /// <summary>No schedule ends by the time asked for.</summary>
    Refuted,

    /// <summary>A schedule that ends by then was found.</summary>
    Found,

    /// <summary>The effort allowed was spent first.</summary>
    Undecided,
}

/// <summary>
/// Lower bounds of the makespan, and branch and bound to prove it. Problem: does a schedule end by time T? Idea: narrow all
/// windows (<see cref="WindowPropagation"/>); of the pairs of one machine still open, try both orders of the tightest (Carlier
/// and Pinson 1994): an order that fails decides the other; then branch on the pair whose orders narrow most. Survives: hopeless instances, by
/// a bound on effort and on memory. Deterministic. One owner at a time.
/// </summary>
internal sealed class MakespanProof
{
    private const int Probes = 10;
    private const long MostBytes = 128L << 20;
    private readonly JobShopInstance _instance;
    private readonly WindowPropagation _propagation;
    private readonly List<Windows> _levels = [];
    private readonly Windows _probe;
    private readonly Pair[] _open;
    private readonly int _mostLevels;
    private readonly DisjunctiveGraph _graph;
    private long _effortEnd;
    private int _end;

    public MakespanProof(JobShopInstance instance)
    {
        (_instance, _propagation, _graph) = (instance, new WindowPropagation(instance), new DisjunctiveGraph(instance));
        _probe = _propagation.NewWindows();
        _open = new Pair[_propagation.Offset[^1] / 2];
        _mostLevels = (int)Math.Clamp(MostBytes / ((8L * instance.Operations) + _propagation.Offset[^1] + 64), 1, 20_000);
        _levels.Add(_propagation.NewWindows());
    }

    /// <summary>Machines filtered so far.</summary>
    public long Effort => _propagation.Effort;

    /// <summary>Nodes of all searches so far.</summary>
    public long Nodes { get; private set; }

    /// <summary>The machine order found by the last <see cref="Search"/> that found one.</summary>
    public int[] Found { get; private set; } = [];

    /// <summary>
    /// The greatest end that can be refuted without branching, plus one: from <paramref name="low"/> (a bound already known) up to
    /// <paramref name="high"/> (a makespan that was reached). With probing every open pair is tried both ways until nothing follows.
    /// </summary>
    public int Bound(int low, int high, bool isProbing, long effort, SearchBudget budget)
    {
        _effortEnd = Effort + effort;
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            var windows = _levels[0];
            if (!_propagation.Begin(windows, middle) || (isProbing && !ProbeAll(windows, budget))) low = middle + 1;
            else high = middle;
            if (Effort >= _effortEnd || budget.IsSpentNow) break;
        }

        return low;
    }

    /// <summary>Looks for a schedule that ends by <paramref name="end"/>, or proves that there is none.</summary>
    public ProofEnd Search(int end, long effort, SearchBudget budget)
    {
        (_effortEnd, _end) = (Effort + effort, end);
        if (!_propagation.Begin(_levels[0], end) || !ProbeAll(_levels[0], budget)) return ProofEnd.Refuted;
        return Branch(0, budget);
    }

    private ProofEnd Branch(int level, SearchBudget budget)
    {
        Nodes++;
        if (Effort >= _effortEnd || budget.IsSpentNow || level + 1 >= _mostLevels) return ProofEnd.Undecided;
        var windows = _levels[level];
        if (!Narrow(windows, out var best)) return ProofEnd.Refuted;
        if (best is not { } pair) return Take(windows);
        if (_levels.Count == level + 1) _levels.Add(_propagation.NewWindows());
        for (var order = 0; order < 2; order++)
        {
            _levels[level + 1].CopyFrom(windows);
            var (i, j) = order == 0 ? (pair.I, pair.J) : (pair.J, pair.I);
            if (!_propagation.Decide(_levels[level + 1], pair.Machine, i, j)) continue;
            var ended = Branch(level + 1, budget);
            if (ended != ProofEnd.Refuted) return ended;
        }

        return ProofEnd.Refuted;
    }

    /// <summary>Probes the tightest open pairs until none decides anything; the best is the one to branch on, the order with more room first; null when all is decided.</summary>
    private bool Narrow(Windows windows, out Pair? best)
    {
        while (true)
        {
            best = null;
            var open = OpenPairs(windows);
            if (open == 0) return true;
            var (bestScore, isDecided) = (-1.0, false);
            foreach (var pair in _open.AsSpan(0, Math.Min(open, Probes)))
            {
                if (IsDecided(windows, pair)) continue;
                var room = RoomOf(windows);
                if (!Try(windows, pair.Machine, pair.I, pair.J, out var roomFirst))
                {
                    if (!_propagation.Decide(windows, pair.Machine, pair.J, pair.I)) return false;
                    isDecided = true;
                    continue;
                }

                if (!Try(windows, pair.Machine, pair.J, pair.I, out var roomSecond))
                {
                    if (!_propagation.Decide(windows, pair.Machine, pair.I, pair.J)) return false;
                    isDecided = true;
                    continue;
                }

                var score = (1.0 + room - roomFirst) * (1.0 + room - roomSecond);
                if (score <= bestScore) continue;
                (bestScore, best) = (score, roomFirst >= roomSecond ? pair : new Pair(pair.Machine, pair.J, pair.I, pair.Slack));
            }

            if (!isDecided) return true;
        }
    }

    private bool ProbeAll(Windows windows, SearchBudget budget)
    {
        for (var isDecided = true; isDecided;)
        {
            isDecided = false;
            var open = OpenPairs(windows);
            for (var at = 0; at < open; at++)
            {
                if (Effort >= _effortEnd || budget.IsSpentNow) return true;
                var pair = _open[at];
                if (IsDecided(windows, pair)) continue;
                if (!Try(windows, pair.Machine, pair.I, pair.J, out _))
                {
                    if (!_propagation.Decide(windows, pair.Machine, pair.J, pair.I)) return false;
                }
                else if (!Try(windows, pair.Machine, pair.J, pair.I, out _))
                {
                    if (!_propagation.Decide(windows, pair.Machine, pair.I, pair.J)) return false;
                }
                else continue;
                isDecided = true;
            }
        }

        return true;
    }

    private bool Try(Windows windows, int machine, int i, int j, out long room)
    {
        _probe.CopyFrom(windows);
        var isPossible = _propagation.Decide(_probe, machine, i, j);
        room = isPossible ? RoomOf(_probe) : 0;
        return isPossible;
    }

    private static long RoomOf(Windows windows)
    {
        var room = 0L;
        for (var o = 0; o < windows.Start.Length; o++) room += windows.End[o] - windows.Start[o];
        return room;
    }

    private bool IsDecided(Windows windows, Pair pair)
    {
        var (offset, count) = (_propagation.Offset[pair.Machine], _propagation.On[pair.Machine].Length);
        return (windows.Before[offset + (pair.I * count) + pair.J] | windows.Before[offset + (pair.J * count) + pair.I]) != 0;
    }

    /// <summary>Gathers the open pairs, the tightest first: least sum of what both orders leave, by Smith and Cheng's biased slack.</summary>
    private int OpenPairs(Windows windows)
    {
        var open = 0;
        for (var machine = 0; machine < _propagation.On.Length; machine++)
        {
            var (operations, offset) = (_propagation.On[machine], _propagation.Offset[machine]);
            for (var i = 0; i < operations.Length; i++)
            {
                for (var j = i + 1; j < operations.Length; j++)
                {
                    if ((windows.Before[offset + (i * operations.Length) + j] | windows.Before[offset + (j * operations.Length) + i]) != 0) continue;
                    var work = _instance.DurationOf[operations[i]] + _instance.DurationOf[operations[j]];
                    var (forward, backward) = (windows.End[operations[j]] - windows.Start[operations[i]] - work, windows.End[operations[i]] - windows.Start[operations[j]] - work);
                    var (least, most) = (Math.Min(forward, backward), Math.Max(forward, backward));
                    _open[open++] = new Pair(machine, i, j, least / Math.Sqrt((least + 1.0) / (most + 1.0)));
                }
            }
        }

        _open.AsSpan(0, open).Sort();
        return open;
    }

    private ProofEnd Take(Windows windows)
    {
        var sequence = new List<int>(_instance.Operations);
        for (var machine = 0; machine < _propagation.On.Length; machine++)
        {
            var (operations, offset) = (_propagation.On[machine], _propagation.Offset[machine]);
            int Earlier(int i) => Enumerable.Range(0, operations.Length).Count(j => windows.Before[offset + (j * operations.Length) + i] != 0);
            sequence.AddRange(Enumerable.Range(0, operations.Length).OrderBy(Earlier).ThenBy(i => windows.Start[operations[i]]).Select(i => operations[i]));
        }

        // All is decided, but narrowing may have stopped early: the longest path tells whether this order keeps the end.
        if (!_graph.Load(CollectionsMarshal.AsSpan(sequence)) || _graph.Makespan > _end) return ProofEnd.Refuted;
        Found = [.. sequence];
        return ProofEnd.Found;
    }

    private readonly record struct Pair(int Machine, int I, int J, double Slack) : IComparable<Pair>
    {
        public int CompareTo(Pair other)
        {
            var bySlack = Slack.CompareTo(other.Slack);
            if (bySlack != 0) return bySlack;
            var byMachine = Machine.CompareTo(other.Machine);
            return byMachine != 0 ? byMachine : ((I * 1_000_000L) + J).CompareTo((other.I * 1_000_000L) + other.J);
        }
    }
}
