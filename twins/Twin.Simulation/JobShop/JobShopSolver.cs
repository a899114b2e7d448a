namespace Twin.Simulation.JobShop;

/// <summary>What a search is asked for. With <see cref="Moves"/> and no <see cref="Longest"/> the same options give the same result on any machine.</summary>
public sealed record JobShopOptions
{
    /// <summary>What is minimised.</summary>
    public JobShopObjective Objective { get; init; }

    /// <summary>Seed of every random choice.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Ends after so long; null for no such end.</summary>
    public TimeSpan? Longest { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Ends after about so many moves of the search; null for no such end.</summary>
    public long? Moves { get; init; }

    /// <summary>Whether to bound by probing and to prove by branch and bound, beside the search.</summary>
    public bool Prove { get; init; } = true;

    /// <summary>Told of every better schedule or bound, on the searching thread.</summary>
    public Action<JobShopProgress>? Progress { get; init; }
}

/// <summary>Where a search stands.</summary>
/// <param name="Value">The best value so far.</param>
/// <param name="LowerBound">What is proved to be impossible to beat.</param>
/// <param name="Moves">Moves made.</param>
/// <param name="Nodes">Nodes of branch and bound.</param>
/// <param name="Elapsed">Time since the search began.</param>
public readonly record struct JobShopProgress(long Value, long LowerBound, long Moves, long Nodes, TimeSpan Elapsed);

/// <summary>What a search found.</summary>
/// <param name="Schedule">The best schedule.</param>
/// <param name="Value">Its value by the objective asked for.</param>
/// <param name="LowerBound">Proved: no schedule has a lesser value.</param>
/// <param name="Moves">Moves made.</param>
/// <param name="Nodes">Nodes of branch and bound.</param>
/// <param name="Elapsed">Time it took.</param>
/// <param name="FoundAfter">When the schedule was found; to about the length of a step of the search.</param>
public sealed record JobShopResult(JobShopSchedule Schedule, long Value, long LowerBound, long Moves, long Nodes, TimeSpan Elapsed, TimeSpan FoundAfter)
{
    /// <summary>True when no schedule is better.</summary>
    public bool IsProved => Value == LowerBound;

    /// <summary>How far the value is above the bound, as a share of the bound; 0 when proved.</summary>
    public double Gap => IsProved ? 0 : LowerBound == 0 ? double.PositiveInfinity : (Value - LowerBound) / (double)LowerBound;
}

/// <summary>
/// Searches schedules and bounds in turns, at any time with a best one: dispatching rules, then for the makespan tabu search with
/// path relinking and proofs by branch and bound, for anything else annealing. Runs on the caller's thread; instances may be
/// searched by many threads at once, each with a solver call of its own.
/// </summary>
public sealed class JobShopSolver
{
    private const long FirstSlice = 200_000;
    private const long LongestSlice = 4_000_000;
    private const long MostPairs = 4_000_000;
    // Beyond this gap after the bound by probing, branch and bound has not ended in minutes on any published instance we tried.
    private const double HopelessGap = 0.06;
    private readonly JobShopInstance _instance;
    private readonly JobShopOptions _options;
    private readonly SearchBudget _budget;
    private JobShopSchedule _best;
    private long _bound;
    private TimeSpan _foundAfter;
    private long _moves;
    private long _nodes;

    private JobShopSolver(JobShopInstance instance, JobShopOptions options, TimeProvider clock, CancellationToken cancellationToken)
    {
        (_instance, _options, _budget) = (instance, options, new SearchBudget(clock, options.Longest, cancellationToken));
        _bound = BoundOf(instance, options.Objective);
        _best = RuleScheduler.Build(instance, DispatchRule.Fifo, ScheduleKind.NonDelay);
    }

    /// <summary>Searches until optimal, the limits or cancellation; cancelling returns the best so far.</summary>
    /// <exception cref="ArgumentException">Neither a time nor a number of moves ends the search, or one is not positive.</exception>
    public static JobShopResult Solve(JobShopInstance instance, JobShopOptions options, TimeProvider clock, CancellationToken cancellationToken = default)
    {
        if (options.Longest is null && options.Moves is null) throw new ArgumentException("Neither a longest time nor a number of moves is given; one must be.", nameof(options));
        if (options.Longest is { } longest && longest <= TimeSpan.Zero) throw new ArgumentException($"The longest time is {longest}; it must be above 0.", nameof(options));
        if (options.Moves is <= 0) throw new ArgumentException($"The number of moves is {options.Moves}; it must be above 0.", nameof(options));
        var solver = new JobShopSolver(instance, options, clock, cancellationToken);
        var seeds = solver.TryRules();
        if (solver.Value > solver._bound && options.Objective == JobShopObjective.Makespan && !instance.HasDowntimes) solver.SearchMakespan(seeds);
        else if (solver.Value > solver._bound) solver.Anneal();
        return new JobShopResult(solver._best, solver.Value, solver._bound, solver._moves, solver._nodes, solver._budget.Elapsed, solver._foundAfter);
    }

    /// <summary>A lower bound that costs no search: the longest job, and the most loaded machine by Jackson's preemptive schedule.</summary>
    public static long BoundOf(JobShopInstance instance, JobShopObjective objective) => objective == JobShopObjective.Makespan ? SimpleBound.Makespan(instance) : SimpleBound.WeightedTardiness(instance);

    private long Value => _best.ValueOf(_options.Objective);

    private List<JobShopSchedule> TryRules()
    {
        var found = new List<JobShopSchedule>();
        foreach (var kind in Enum.GetValues<ScheduleKind>())
        {
            foreach (var rule in Enum.GetValues<DispatchRule>())
            {
                if (_budget.IsSpent) break;
                found.Add(RuleScheduler.Build(_instance, rule, kind));
                Take(found[^1]);
            }
        }

        return found;
    }

    private void SearchMakespan(List<JobShopSchedule> rules)
    {
        // The best rules last: the population begins from the end.
        var seeds = rules.OrderByDescending(s => s.Makespan).TakeLast(6).Select(s => s.ToSequence()).ToArray();
        var relinking = new PathRelinking(_instance, _options.Seed, seeds);
        var pairs = Enumerable.Range(0, _instance.Machines).Sum(m => Math.Pow(_instance.MachineOf.ToArray().Count(o => o == m), 2));
        var proof = _options.Prove && pairs <= MostPairs ? new MakespanProof(_instance) : null;
        var isBoundProbed = false;
        for (var slice = FirstSlice; Value > _bound && !IsOver(); slice = Math.Min(slice * 2, LongestSlice))
        {
            var effort = slice;
            var moves = _options.Moves is { } most ? Math.Min(slice, most - _moves) : slice;
            // In short turns, so that a better schedule is told soon.
            for (var done = 0L; done < moves && Value > _bound && !_budget.IsSpent;)
            {
                var before = relinking.Iterations;
                relinking.Run(1, (int)_bound, _budget);
                if (relinking.Best < Value) TakeSequence(relinking.BestSequence);
                // A turn in which nothing could be moved counts too, so that the search ends.
                var made = Math.Max(100, relinking.Iterations - before);
                (done, _moves) = (done + made, _moves + made);
            }

            if (proof is null || Value <= _bound || _budget.IsSpent) continue;
            if (!isBoundProbed)
            {
                isBoundProbed = true;
                RaiseBound(proof.Bound((int)_bound, (int)Value, isProbing: false, long.MaxValue / 2, _budget), proof);
                RaiseBound(proof.Bound((int)_bound, (int)Value, isProbing: true, FirstSlice, _budget), proof);
                if (Value <= _bound) break;
            }

            Prove(proof, relinking, Value - _bound > HopelessGap * Value ? effort / 10 : effort);
        }
    }

    private void Prove(MakespanProof proof, PathRelinking relinking, long effort)
    {
        var end = proof.Effort + effort;
        while (proof.Effort < end && Value > _bound && !_budget.IsSpent)
        {
            var ended = proof.Search((int)Value - 1, end - proof.Effort, _budget);
            _nodes = proof.Nodes;
            if (ended == ProofEnd.Undecided) return;
            if (ended == ProofEnd.Refuted)
            {
                RaiseBound(Value, proof);
                return;
            }

            TakeSequence(proof.Found);
            relinking.Offer(proof.Found);
        }
    }

    private void Anneal()
    {
        var annealing = new AnnealingSearch(_instance, _options.Objective, _options.Seed, _best);
        while (Value > _bound && !IsOver())
        {
            annealing.Run(Math.Min(5_000, (_options.Moves ?? long.MaxValue) - _moves), _bound, _budget);
            _moves = annealing.Iterations;
            Take(annealing.Best);
        }
    }

    private bool IsOver() => _budget.IsSpent || (_options.Moves is { } most && _moves >= most);

    private void TakeSequence(int[] sequence)
    {
        var graph = new DisjunctiveGraph(_instance);
        if (!graph.Load(sequence)) throw new InvalidOperationException("An order that was found has a cycle.");
        Take(graph.ToSchedule(_instance));
    }

    private void Take(JobShopSchedule schedule)
    {
        if (schedule.ValueOf(_options.Objective) >= Value) return;
        (_best, _foundAfter) = (schedule, _budget.Elapsed);
        Tell();
    }

    private void RaiseBound(long bound, MakespanProof proof)
    {
        _nodes = proof.Nodes;
        if (bound <= _bound) return;
        _bound = bound;
        Tell();
    }

    private void Tell() => _options.Progress?.Invoke(new JobShopProgress(Value, _bound, _moves, _nodes, _budget.Elapsed));
}
