using Twin.Model;

namespace Twin.Simulation.JobShop;

/// <summary>
/// Tabu search for the makespan (Nowicki and Smutnicki 1996; Zhang et al. 2007; Peng, Lu and Cheng 2015). Problem: the best
/// machine orders. Idea: always take the best estimated move of N7 on a random critical path, even a worse one; for a time no
/// pair of operations may return to the order it had, unless that would be a new best. Survives: plateaus and cycles up to the ban's length;
/// longer cycles end by the limit on moves without improvement. Hot: no allocation in <see cref="Run"/>. One owner at a time.
/// </summary>
internal sealed class TabuSearch(DisjunctiveGraph graph, int jobs)
{
    private readonly int[] _offset = OffsetsOf(graph);
    private readonly long[] _until = new long[OffsetsOf(graph)[^1]];
    private readonly CriticalMoves _moves = new(graph);
    private readonly int[] _best = new int[graph.None];
    private long _iteration;

    /// <summary>The best machine order of the last run.</summary>
    public ReadOnlySpan<int> Best => _best;

    /// <summary>Moves made since the beginning.</summary>
    public long Iterations => _iteration;

    /// <summary>
    /// Improves what the graph holds until <paramref name="patience"/> moves brought nothing better, <paramref name="most"/> were made, the makespan
    /// is at most <paramref name="goal"/>, or the budget is spent. Returns the best makespan; its order is in <see cref="Best"/>.
    /// </summary>
    public int Run(int patience, long most, int goal, SearchBudget budget, ref SeededRandom random)
    {
        var best = graph.Makespan;
        graph.Sequence.CopyTo(_best, 0);
        var (first, last) = (_iteration, _iteration);
        // Tried on FT10, LA38 and ABZ7 with three seeds each: longer bans slow 10 jobs down threefold, shorter ones cost 20 jobs half a percent.
        var least = Math.Clamp(jobs * 2 / 5, 4, 14);
        Array.Clear(_until);
        while (best > goal && _iteration - last < patience && _iteration - first < most && !budget.IsSpent)
        {
            if (!Choose(best, ref random, out var move)) break;
            _iteration++;
            Forbid(move, _iteration + least + random.NextInt(8));
            if (move.IsBehind) graph.MoveBehind(move.Moved, move.Past);
            else graph.MoveBefore(move.Moved, move.Past);
            if (graph.Makespan >= best) continue;
            best = graph.Makespan;
            last = _iteration;
            graph.Sequence.CopyTo(_best, 0);
        }

        return best;
    }

    private bool Choose(int best, ref SeededRandom random, out JobShopMove chosen)
    {
        var moves = _moves.Find(ref random);
        chosen = default;
        if (moves.Length == 0) return false;
        var (least, ties) = (int.MaxValue, 0);
        foreach (var move in moves)
        {
            var estimate = _moves.Estimate(move);
            if (estimate > least) continue;
            if (estimate >= best && IsForbidden(move)) continue;
            if (estimate < least) (least, ties) = (estimate, 0);
            if (random.NextInt(++ties) == 0) chosen = move;
        }

        if (ties == 0) chosen = moves[random.NextInt(moves.Length)];
        return true;
    }

    /// <summary>The orders that the move undoes may not come back until then.</summary>
    private void Forbid(JobShopMove move, long until)
    {
        var (u, slot, past) = (move.Moved, graph.Slot[move.Moved], graph.Slot[move.Past]);
        var machine = graph.MachineOf[u];
        var count = graph.MachineFirst[machine + 1] - graph.MachineFirst[machine];
        if (move.IsBehind)
        {
            for (var at = slot + 1; at <= past; at++) _until[_offset[machine] + (graph.Local[u] * count) + graph.Local[graph.Sequence[at]]] = until;
        }
        else
        {
            for (var at = past; at < slot; at++) _until[_offset[machine] + (graph.Local[graph.Sequence[at]] * count) + graph.Local[u]] = until;
        }
    }

    private bool IsForbidden(JobShopMove move)
    {
        var (u, slot, past) = (move.Moved, graph.Slot[move.Moved], graph.Slot[move.Past]);
        var machine = graph.MachineOf[u];
        var count = graph.MachineFirst[machine + 1] - graph.MachineFirst[machine];
        if (move.IsBehind)
        {
            for (var at = slot + 1; at <= past; at++)
                if (_until[_offset[machine] + (graph.Local[graph.Sequence[at]] * count) + graph.Local[u]] > _iteration) return true;
        }
        else
        {
            for (var at = past; at < slot; at++)
                if (_until[_offset[machine] + (graph.Local[u] * count) + graph.Local[graph.Sequence[at]]] > _iteration) return true;
        }

        return false;
    }

    private static int[] OffsetsOf(DisjunctiveGraph graph)
    {
        var offsets = new int[graph.MachineFirst.Length];
        for (var m = 0; m + 1 < offsets.Length; m++)
        {
            var count = graph.MachineFirst[m + 1] - graph.MachineFirst[m];
            offsets[m + 1] = checked(offsets[m] + (count * count));
        }

        return offsets;
    }
}
