namespace Twin.Simulation;

/// <summary>
/// All parts of a model in one process, in conservative windows: each part advances alone to the end of the window, then what they sent is delivered. A window
/// starts at the first pending event and is as long as the lookahead. Not thread-safe; runs one thread a part, bounded by <paramref name="maxThreads"/>.
/// </summary>
/// <typeparam name="TState">An entity's state.</typeparam>
/// <typeparam name="TLogic">What entities do.</typeparam>
/// <param name="plan">The division.</param>
/// <param name="logic">What entities do; each part has its own copy.</param>
/// <param name="maxThreads">1 or more.</param>
public sealed class PartitionedRun<TState, TLogic>(PartitionPlan plan, TLogic logic, int maxThreads) where TState : unmanaged where TLogic : struct, IEntityLogic<TState>
{
    private readonly Partition<TState, TLogic>[] _parts = [.. Enumerable.Range(0, plan.Partitions).Select(p => new Partition<TState, TLogic>(plan, p, logic))];
    private readonly int _maxThreads = maxThreads >= 1 ? maxThreads : throw new ArgumentOutOfRangeException(nameof(maxThreads), maxThreads, "Allowed are 1 or more.");

    /// <summary>The parts, by index.</summary>
    public IReadOnlyList<Partition<TState, TLogic>> Parts => _parts;

    /// <summary>Events that have happened in all parts.</summary>
    public long Processed => _parts.Sum(p => p.Processed);

    /// <summary>The part that owns an entity.</summary>
    public Partition<TState, TLogic> OwnerOf(int entity) => _parts[plan.OwnerOf(entity)];

    /// <summary>Lets everything happen up to and including a time.</summary>
    /// <param name="until">Finite, in the model's unit.</param>
    /// <param name="progress">Told the simulated time after each window.</param>
    /// <param name="cancellation">Between events; the run stays whole and a further call ends as if it had not been cancelled.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public void Run(double until, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        if (!double.IsFinite(until)) throw new ArgumentOutOfRangeException(nameof(until), until, "Allowed are finite times.");
        Deliver();
        for (double next; (next = _parts.Min(p => p.NextTime)) <= until;)
        {
            var alone = _parts.Length == 1;
            var end = alone ? until : Math.Min(next + plan.Lookahead, until);
            var inclusive = alone || end < next + plan.Lookahead;
            try
            {
                if (alone) _parts[0].Advance(until, true, cancellation: cancellation);
                else Parallel.ForEach(_parts, new ParallelOptions { MaxDegreeOfParallelism = Math.Min(_maxThreads, _parts.Length), CancellationToken = cancellation }, p => p.Advance(end, inclusive, cancellation: cancellation));
            }
            finally { Deliver(); }

            progress?.Report(end);
        }
    }

    /// <summary>The hash of the whole model: of every entity, in the order of their numbers. The same for any number of parts.</summary>
    public ulong Hash()
    {
        var hash = 0UL;
        for (var entity = 0; entity < plan.Entities; entity++) hash = StateHash.Add(hash, OwnerOf(entity).HashOf(entity));
        return hash;
    }

    private void Deliver()
    {
        foreach (var from in _parts)
            for (var to = 0; to < _parts.Length; to++)
            {
                var sent = from.Take(to);
                _parts[to].Put(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(sent));
                sent.Clear();
            }
    }
}
