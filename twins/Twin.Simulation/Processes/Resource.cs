namespace Twin.Simulation;

/// <summary>
/// A number of like servers: a process asks, waits its turn (lower priority value first, then who asked first), holds one and gives it back. One who pre-empts takes
/// the server of the least urgent holder that is less urgent than itself; that holder's wait is interrupted. Not thread-safe.
/// </summary>
public sealed class Resource
{
    private readonly ProcessWorld _world;
    private readonly PriorityQueue<(Wait Wait, uint Generation), (int Priority, long Order)> _queue = new();
    private readonly List<(long Lease, int Priority, Process Process)> _held = [];
    private long _order;

    /// <exception cref="ArgumentOutOfRangeException">The capacity is not positive; the resource is named.</exception>
    public Resource(ProcessWorld world, string name, int capacity)
    {
        if (capacity < 1) throw new ArgumentOutOfRangeException(nameof(capacity), capacity, $"Resource {name} has capacity {capacity}; allowed are 1 or more.");
        (_world, Name, Capacity) = (world, name, capacity);
    }

    /// <summary>For messages.</summary>
    public string Name { get; }

    /// <summary>Servers.</summary>
    public int Capacity { get; }

    /// <summary>Servers held.</summary>
    public int Held => _held.Count;

    /// <summary>Processes that wait, and those whose wait was interrupted until their turn would have come.</summary>
    public int Waiting => _queue.Count;

    /// <summary>Waits for a server; the result is the lease to release.</summary>
    public Pause Request(int priority = 0, bool preempts = false)
    {
        var wait = _world.Ask();
        if (wait.IsFired) return new Pause(_world, wait);
        if (_held.Count == Capacity && preempts) TakeFrom(priority);
        if (_held.Count < Capacity) Grant(wait, priority);
        else _queue.Enqueue((wait, wait.Generation), (priority, _order++));
        return new Pause(_world, wait);
    }

    /// <summary>Gives a server back; false when it was taken away before.</summary>
    public bool Release(long lease)
    {
        var at = _held.FindIndex(h => h.Lease == lease);
        if (at < 0) return false;
        _held.RemoveAt(at);
        while (_held.Count < Capacity && _queue.TryDequeue(out var next, out var rank))
            if (next.Wait.Generation == next.Generation) Grant(next.Wait, rank.Priority);
        return true;
    }

    private void Grant(Wait wait, int priority)
    {
        var lease = _order++;
        _held.Add((lease, priority, wait.Owner!));
        _world.Fire(wait, lease, null);
    }

    private void TakeFrom(int priority)
    {
        var worst = 0;
        for (var i = 1; i < _held.Count; i++)
            if (_held[i].Priority >= _held[worst].Priority) worst = i;
        if (_held[worst].Priority <= priority) return;
        var victim = _held[worst].Process;
        _held.RemoveAt(worst);
        victim.Interrupt(this);
    }
}
