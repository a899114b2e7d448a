using Twin.Model;

namespace Twin.Simulation.JobShop;

/// <summary>A move: an operation goes right behind or right before another of its machine.</summary>
internal readonly record struct JobShopMove(int Moved, int Past, bool IsBehind);

/// <summary>
/// The neighbourhood N7 (Zhang et al. 2007): on one critical path, in every block of operations of one machine, an operation goes
/// to the block's end or beginning (N6, Balas and Vazacopoulos 1998), or the block's first or last goes inside; moves that cannot
/// shorten the path are left out. The estimate is Balas and Vazacopoulos': new heads and tails of the moved segment only, a
/// lower bound of the longest path through it. Hot: no allocation after construction.
/// </summary>
internal sealed class CriticalMoves(DisjunctiveGraph graph)
{
    private readonly int[] _path = new int[graph.None];
    private readonly int[] _head = new int[graph.None];
    private readonly JobShopMove[] _moves = new JobShopMove[4 * graph.None];
    private int _count;

    /// <summary>The moves of one random critical path; empty when the path proves the schedule optimal or no move is certain to be possible.</summary>
    public ReadOnlySpan<JobShopMove> Find(ref SeededRandom random)
    {
        var first = Walk(ref random);
        _count = 0;
        for (int start = first, end; start < _path.Length; start = end)
        {
            end = start + 1;
            while (end < _path.Length && graph.MachineBefore[_path[end]] == _path[end - 1]) end++;
            if (end - start > 1) AddBlock(start, end - 1, start == first, end == _path.Length);
        }

        return _moves.AsSpan(0, _count);
    }

    /// <summary>The longest path through what a move touches, were it done.</summary>
    public int Estimate(JobShopMove move)
    {
        var (duration, head, tail) = (graph.Duration, graph.Head, graph.Tail);
        var (jobBefore, jobAfter, sequence) = (graph.JobBefore, graph.JobAfter, graph.Sequence);
        var (from, to) = move.IsBehind ? (graph.Slot[move.Moved], graph.Slot[move.Past]) : (graph.Slot[move.Past], graph.Slot[move.Moved]);
        var before = graph.MachineBefore[sequence[from]];
        var ready = head[before] + duration[before];
        var count = to - from + 1;
        for (var i = 0; i < count; i++)
        {
            var x = At(sequence, from, count, i, move.IsBehind);
            var job = jobBefore[x];
            ready = Math.Max(Math.Max(graph.Floor[x], head[job] + duration[job]), ready);
            _head[i] = ready;
            ready += duration[x];
        }

        var rest = tail[graph.MachineAfter[sequence[to]]];
        var longest = 0;
        for (var i = count - 1; i >= 0; i--)
        {
            var x = At(sequence, from, count, i, move.IsBehind);
            rest = Math.Max(tail[jobAfter[x]], rest) + duration[x];
            longest = Math.Max(longest, _head[i] + rest);
        }

        return longest;
    }

    /// <summary>Which operation stands at place i of the segment once the first went to its end, or the last to its beginning.</summary>
    private static int At(int[] sequence, int from, int count, int i, bool isBehind) => isBehind
        ? sequence[from + (i == count - 1 ? 0 : i + 1)]
        : sequence[from + (i == 0 ? count - 1 : i - 1)];

    private int Walk(ref SeededRandom random)
    {
        var (head, duration) = (graph.Head, graph.Duration);
        var (at, seen) = (graph.None, 0);
        for (var x = 0; x < graph.None; x++)
            if (head[x] + duration[x] == graph.Makespan && graph.Tail[x] == duration[x] && random.NextInt(++seen) == 0) at = x;
        var place = _path.Length;
        while (at != graph.None)
        {
            _path[--place] = at;
            var (job, machine) = (graph.JobBefore[at], graph.MachineBefore[at]);
            var isJob = job != graph.None && head[job] + duration[job] == head[at];
            var isMachine = machine != graph.None && head[machine] + duration[machine] == head[at];
            at = isMachine && (!isJob || random.NextInt(2) == 0) ? machine : isJob ? job : graph.None;
        }

        return place;
    }

    private void AddBlock(int start, int end, bool isFirst, bool isLast)
    {
        // Neighbours that change places are counted once; a first block's beginning and a last block's end matter only where time is bound there.
        var (front, back) = (_path[start], _path[end]);
        var isEndUseful = !isLast || graph.JobAfter[back] != graph.None;
        if (isEndUseful)
        {
            for (var i = start; i < end; i++) AddBehind(_path[i], back);
            for (var i = start + 1; i < end - 1; i++) AddBefore(back, _path[i]);
        }

        if (isFirst && graph.JobBefore[front] == graph.None && graph.Floor[front] == 0) return;
        for (var i = start + (isEndUseful && end - start == 1 ? 2 : 1); i <= end; i++) AddBefore(_path[i], front);
        for (var i = start + 2; i < end; i++) AddBehind(front, _path[i]);
    }

    private void AddBehind(int u, int v)
    {
        if (graph.MayMoveBehind(u, v)) _moves[_count++] = new JobShopMove(u, v, true);
    }

    private void AddBefore(int v, int u)
    {
        if (graph.MayMoveBefore(v, u)) _moves[_count++] = new JobShopMove(v, u, false);
    }
}
