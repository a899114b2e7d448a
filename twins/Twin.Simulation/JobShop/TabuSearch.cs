using Twin.Model;

namespace Twin.Simulation.JobShop;

/// <summary>
/// Tabu search for the makespan (Nowicki and Smutnicki 1996; Zhang et al. 2007; Peng, Lu and Cheng 2015). Problem: the best
/// machine orders. Idea: always take the best estimated move of N7 on a random critical path, even a worse one; for a time no
/// segment may return to the arrangement it had, unless that would be a new best. Survives: plateaus and cycles up to the tenure;
/// longer cycles end by the limit on moves without improvement. Hot: no allocation in <see cref="Run"/>. One owner at a time.
/// </summary>
internal sealed class TabuSearch(DisjunctiveGraph graph, int jobs, int machines)
{
    // Arrangements forbidden at once: the tenure is at most some hundreds, so collisions of 16 bits are rare; one costs a forgotten ban.
    private const int Slots = 1 << 16;
    private readonly (ulong Arrangement, long Until)[] _tabu = new (ulong, long)[Slots];
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
        var least = (int)(10 + (jobs / machines));
        var span = jobs <= 2 * machines ? Math.Max(1, (int)(0.4 * least)) : Math.Max(1, least / 2);
        Array.Clear(_tabu);
        while (best > goal && _iteration - last < patience && _iteration - first < most && !budget.IsSpent)
        {
            if (!Choose(best, ref random, out var move)) break;
            _iteration++;
            var old = _moves.Arrangement(move, isDone: false);
            _tabu[old & (Slots - 1)] = (old, _iteration + least + random.NextInt(span + least));
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
            var arrangement = _moves.Arrangement(move, isDone: true);
            var (known, until) = _tabu[arrangement & (Slots - 1)];
            if (known == arrangement && until > _iteration && estimate >= best) continue;
            if (estimate < least) (least, ties) = (estimate, 0);
            if (random.NextInt(++ties) == 0) chosen = move;
        }

        if (ties == 0) chosen = moves[random.NextInt(moves.Length)];
        return true;
    }
}
