namespace Twin.Pipelines.Ingest;

/// <summary>
/// Bounds the bytes in flight and knows every flight. First come, first served: a large chunk is not overtaken, so it
/// cannot starve. A chunk larger than the bound enters alone. Waiters are bounded by the doors' connections, each of
/// which waits for its own offer. Thread-safe.
/// </summary>
internal sealed class InFlightGate(long maxBytes)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiters = new();
    private Flight? _first;
    private long _bytes;
    private int _flights;

    /// <summary>Bytes in flight.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Chunks in flight.</summary>
    public int Flights => Volatile.Read(ref _flights);

    /// <summary>Offers that wait for room.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock) return _waiters.Count;
        }
    }

    /// <summary>Enters the flight; completes when there is room.</summary>
    public ValueTask EnterAsync(Flight flight, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_waiters.Count == 0 && HasRoom(flight.Weight))
            {
                Link(flight);
                return default;
            }
        }
        return WaitAsync(flight, cancellationToken);
    }

    /// <summary>The flight is settled: its bytes are free.</summary>
    public void Leave(Flight flight)
    {
        lock (_lock)
        {
            Unlink(flight);
            while (_waiters.First is { } next && HasRoom(next.Value.Flight.Weight))
            {
                _waiters.RemoveFirst();
                Link(next.Value.Flight);
                next.Value.Admitted.TrySetResult();
            }
        }
    }

    /// <summary>Every flight now inside.</summary>
    public List<Flight> Inside()
    {
        var inside = new List<Flight>();
        lock (_lock)
        {
            for (var flight = _first; flight is not null; flight = flight.Next) inside.Add(flight);
        }
        return inside;
    }

    private async ValueTask WaitAsync(Flight flight, CancellationToken cancellationToken)
    {
        var waiter = new Waiter(flight, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        LinkedListNode<Waiter> node;
        lock (_lock)
        {
            if (_waiters.Count == 0 && HasRoom(flight.Weight))
            {
                Link(flight);
                return;
            }
            node = _waiters.AddLast(waiter);
        }
        using var registration = cancellationToken.UnsafeRegister(_ => Abandon(node, cancellationToken), null);
        await waiter.Admitted.Task.ConfigureAwait(false);
    }

    private void Abandon(LinkedListNode<Waiter> node, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (node.List is null) return; // admitted a moment ago: the flight is in and will be settled
            _waiters.Remove(node);
        }
        node.Value.Admitted.TrySetCanceled(cancellationToken);
    }

    private bool HasRoom(long weight) => _flights == 0 || _bytes + weight <= maxBytes;

    private void Link(Flight flight)
    {
        _bytes += flight.Weight;
        _flights++;
        flight.Next = _first;
        if (_first is not null) _first.Previous = flight;
        _first = flight;
    }

    private void Unlink(Flight flight)
    {
        _bytes -= flight.Weight;
        _flights--;
        if (flight.Previous is { } before) before.Next = flight.Next;
        else _first = flight.Next;
        if (flight.Next is { } after) after.Previous = flight.Previous;
        flight.Previous = flight.Next = null;
    }

    private sealed record Waiter(Flight Flight, TaskCompletionSource Admitted);
}
