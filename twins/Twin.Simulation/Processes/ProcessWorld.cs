using System.Runtime.CompilerServices;

namespace Twin.Simulation;

/// <summary>
/// A world of processes written as async methods that await simulated time, resources and each other. One thread, one clock, no scheduler: a process goes on when its
/// event is the first. A wait costs one event and, once warm, allocates nothing. Await nothing but what the world gives. Not thread-safe.
/// </summary>
public sealed class ProcessWorld
{
    private const int CancelEvery = 1024;
    private readonly EventQueue _queue = new();
    private readonly List<Wait> _waits = [];
    private readonly Stack<Wait> _spare = new();
    private ulong _sequence;
    private Process? _current;
    private InvalidOperationException? _fault;

    /// <summary>Simulated time, in the model's unit.</summary>
    public double Now { get; private set; }

    /// <summary>Events that have happened.</summary>
    public long Processed { get; private set; }

    /// <summary>The process whose turn it is.</summary>
    /// <exception cref="InvalidOperationException">No process runs.</exception>
    public Process Current => _current ?? throw new InvalidOperationException("Only a running process can wait.");

    /// <summary>Starts a process at the present time, after all that is already due now.</summary>
    public Process Start(string name, Func<Process, Task> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        var process = new Process(this, name);
        var wait = Rent(process);
        wait.Continuation = () =>
        {
            Finish(wait);
            _ = RunAsync(process, body); // owned here: its end and its fault are noted below
        };
        Fire(wait, 0, null);
        return process;
    }

    /// <summary>Waits for a time span.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The delay is negative or not finite; the process is named.</exception>
    public Pause Delay(double delay)
    {
        if (!(delay >= 0) || !double.IsFinite(Now + delay)) ThrowDelay(delay);
        var wait = Ask();
        if (!wait.IsFired) Enqueue(wait, Now + delay);
        return new Pause(this, wait);
    }

    /// <summary>Runs up to and including a time, or until nothing is left to happen.</summary>
    /// <exception cref="InvalidOperationException">A process failed; it is named, and its exception is the inner one.</exception>
    /// <exception cref="OperationCanceledException">Between two events; a further call goes on.</exception>
    public void Run(double until, CancellationToken cancellation = default)
    {
        if (double.IsNaN(until)) throw new ArgumentOutOfRangeException(nameof(until), until, "Allowed are numbers.");
        for (var done = 0L; ; done++)
        {
            if ((done & (CancelEvery - 1)) == 0) cancellation.ThrowIfCancellationRequested();
            if (!_queue.TryDequeue(until, true, out var e)) break;
            var wait = _waits[(int)(uint)e.Payload];
            if (wait.Generation != (uint)(e.Payload >> 32)) continue; // interrupted
            (Now, _current) = (e.Time, wait.Owner);
            Processed++;
            wait.IsFired = true;
            wait.Continuation!();
            _current = null;
            if (_fault is { } fault) throw fault;
        }

        if (double.IsFinite(until)) Now = Math.Max(Now, until);
    }

    // A wait of the running process; already fired when an interruption was kept for it.
    internal Wait Ask()
    {
        var process = Current;
        var wait = Rent(process);
        process.Waiting = wait;
        if (process.Deferred is { } interruption)
        {
            process.Deferred = null;
            Fire(wait, 0, interruption);
        }

        return wait;
    }

    internal void Fire(Wait wait, long number, Exception? fault)
    {
        wait.Generation++; // an event that is under way for it no longer counts
        (wait.IsFired, wait.Number, wait.Fault) = (true, number, fault);
        Enqueue(wait, Now);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal long Finish(Wait wait)
    {
        var (fault, number) = (wait.Fault, wait.Number);
        if (wait.Owner is { } owner && owner.Waiting == wait) owner.Waiting = null;
        (wait.Owner, wait.Continuation, wait.Fault, wait.IsFired) = (null, null, null, false);
        wait.Generation++;
        _spare.Push(wait);
        return fault is null ? number : throw fault;
    }

    private Wait Rent(Process owner)
    {
        if (!_spare.TryPop(out var wait)) _waits.Add(wait = new Wait(_waits.Count));
        wait.Owner = owner;
        return wait;
    }

    private void Enqueue(Wait wait, double time)
    {
        var sequence = _sequence++;
        _queue.Enqueue(new SimEvent(time, (int)(sequence >> 32), (uint)sequence, 0, 0, 0, ((long)wait.Generation << 32) | (uint)wait.Index));
    }

    private async Task RunAsync(Process process, Func<Process, Task> body)
    {
        try { await body(process); }
        catch (Exception fault) { _fault ??= new InvalidOperationException($"Process {process.Name} failed at {Now}: {fault.Message}", fault); }
        finally { process.IsEnded = true; }
    }

    private void ThrowDelay(double delay) => throw new ArgumentOutOfRangeException(nameof(delay), delay, $"Process {_current?.Name} asked to wait {delay}; allowed are finite spans of 0 or more.");
}
