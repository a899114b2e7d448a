using Twin.Model;

namespace Twin.Simulation.JobShop;

/// <summary>
/// Tabu search with path relinking (after Peng, Lu and Cheng 2015). Problem: where tabu search should begin again. Idea: keep
/// a population of local optima; walk from one towards another, improve some schedules on the way a little, the best of them
/// thoroughly, and let it replace the worst. On the way: each operation's key is a mean of its places in topological orders of
/// both parents; sorting by it keeps every precedence that the parents share, so each schedule between them is possible without
/// repair, and each of its machine arcs is one parent's. Survives: equal members (refused), a population that has become one
/// (begun anew, the best kept). Deterministic by seed and number of iterations. One owner at a time.
/// </summary>
internal sealed class PathRelinking
{
    private const int Members = 20;
    private const int Patience = 12_500;
    private const int ShortPatience = 500;
    private const int Between = 5;
    private readonly JobShopInstance _instance;
    private readonly DisjunctiveGraph _graph;
    private readonly TabuSearch _tabu;
    private readonly List<Member> _members = [];
    private readonly double[] _keys;
    private readonly double[] _keysOther;
    private readonly List<int[]> _seeds;
    private SeededRandom _random;
    private int _generationsWithoutChange;

    public PathRelinking(JobShopInstance instance, ulong seed, IEnumerable<int[]> seeds)
    {
        (_instance, _graph) = (instance, new DisjunctiveGraph(instance));
        _tabu = new TabuSearch(_graph, instance.Jobs.Count);
        (_keys, _keysOther) = (new double[instance.Operations], new double[instance.Operations]);
        _seeds = [.. seeds];
        _random = new SeededRandom(seed, SeededRandom.EntityOf("jobshop"));
    }

    /// <summary>The best makespan so far.</summary>
    public int Best { get; private set; } = int.MaxValue;

    /// <summary>Its machine order.</summary>
    public int[] BestSequence { get; private set; } = [];

    /// <summary>Moves made so far.</summary>
    public long Iterations => _tabu.Iterations;

    /// <summary>Goes on for about so many moves more (it ends a descent it began), until the goal is met or the budget is spent.</summary>
    public void Run(long moves, int goal, SearchBudget budget)
    {
        var end = _tabu.Iterations + moves;
        while (Best > goal && _tabu.Iterations < end && !budget.IsSpent)
        {
            var before = _tabu.Iterations;
            if (_members.Count < Members) Begin(goal, budget);
            else Relink(goal, budget);
            if (_tabu.Iterations == before && ++_generationsWithoutChange > 4 * Members) break; // nothing can be moved: every path is one block
        }
    }

    /// <summary>A better order found elsewhere joins the population.</summary>
    public void Offer(int[] sequence)
    {
        if (!_graph.Load(sequence)) throw new InvalidOperationException("The order offered has a cycle.");
        Note(_graph.Makespan, sequence);
        Insert(sequence, _graph.Makespan);
    }

    private void Begin(int goal, SearchBudget budget)
    {
        if (_seeds.Count > 0)
        {
            if (!_graph.Load(_seeds[^1])) throw new InvalidOperationException("A first order has a cycle.");
            _seeds.RemoveAt(_seeds.Count - 1);
        }
        else
        {
            RandomKeys(_keys);
            _graph.LoadByKeys(_keys);
        }

        var makespan = Improve(Patience, goal, budget);
        _members.Add(new Member(_tabu.Best.ToArray(), makespan));
    }

    private void Relink(int goal, SearchBudget budget)
    {
        var first = _random.NextInt(_members.Count);
        var second = (first + 1 + _random.NextInt(_members.Count - 1)) % _members.Count;
        Places(_members[first].Sequence, _keys);
        Places(_members[second].Sequence, _keysOther);
        var (best, bestSequence) = (int.MaxValue, Array.Empty<int>());
        var between = new double[_keys.Length];
        for (var i = 0; i < Between && !budget.IsSpent; i++)
        {
            var share = 0.2 + (0.6 * (i + _random.NextDouble()) / Between);
            for (var o = 0; o < between.Length; o++) between[o] = ((1 - share) * _keys[o]) + (share * _keysOther[o]);
            _graph.LoadByKeys(between);
            var makespan = Improve(ShortPatience, goal, budget);
            if (makespan < best) (best, bestSequence) = (makespan, _tabu.Best.ToArray());
        }

        if (bestSequence.Length == 0) return;
        if (!_graph.Load(bestSequence)) throw new InvalidOperationException("A schedule between two schedules has a cycle.");
        best = Improve(Patience, goal, budget);
        Insert(_tabu.Best.ToArray(), best);
        if (_generationsWithoutChange <= 3 * Members) return;
        _members.RemoveAll(m => m.Makespan > Best);
        if (_members.Count > 1) _members.RemoveRange(1, _members.Count - 1);
        _generationsWithoutChange = 0;
    }

    private int Improve(int patience, int goal, SearchBudget budget)
    {
        var makespan = _tabu.Run(patience, long.MaxValue, goal, budget, ref _random);
        Note(makespan, _tabu.Best);
        return makespan;
    }

    private void Note(int makespan, ReadOnlySpan<int> sequence)
    {
        if (makespan < Best) (Best, BestSequence) = (makespan, sequence.ToArray());
    }

    /// <summary>Replaces the worst member by a better one that is not there yet.</summary>
    private void Insert(int[] sequence, int makespan)
    {
        _generationsWithoutChange++;
        if (_members.Exists(m => m.Makespan == makespan && m.Sequence.AsSpan().SequenceEqual(sequence))) return;
        if (_members.Count < Members)
        {
            _members.Add(new Member(sequence, makespan));
            return;
        }

        var worst = 0;
        for (var i = 1; i < _members.Count; i++)
            if (_members[i].Makespan > _members[worst].Makespan) worst = i;
        if (_members[worst].Makespan < makespan) return;
        if (_members[worst].Makespan > makespan) _generationsWithoutChange = 0;
        _members[worst] = new Member(sequence, makespan);
    }

    private void Places(int[] sequence, double[] keys)
    {
        if (!_graph.Load(sequence)) throw new InvalidOperationException("A member has a cycle.");
        var order = _graph.Order;
        for (var i = 0; i < order.Length; i++) keys[order[i]] = i;
    }

    /// <summary>Keys of a random order of all operations that respects the jobs: sorted random numbers along each job.</summary>
    private void RandomKeys(double[] keys)
    {
        for (var job = 0; job < _instance.Jobs.Count; job++)
        {
            var (first, last) = (_instance.FirstOperationOf[job], _instance.FirstOperationOf[job + 1]);
            for (var o = first; o < last; o++) keys[o] = _random.NextDouble();
            Array.Sort(keys, first, last - first);
        }
    }

    private sealed record Member(int[] Sequence, int Makespan);
}
