using System.Runtime.CompilerServices;

namespace Twin.Simulation;

/// <summary>What an entity may do while an event happens to it: look at the clock, schedule, cancel. Valid during the call only.</summary>
public readonly ref struct Turn
{
    private readonly PartitionQueue _queue;

    internal Turn(PartitionQueue queue, double now, int self) => (_queue, Now, Self) = (queue, now, self);

    /// <summary>Simulated time, in the model's unit.</summary>
    public double Now { get; }

    /// <summary>The entity whose turn it is.</summary>
    public int Self { get; }

    /// <summary>Schedules an event after a delay.</summary>
    /// <param name="target">Any entity of the model.</param>
    /// <param name="delay">Finite, 0 or more; towards another entity at least the lookahead.</param>
    /// <param name="kind">The model's own name for it.</param>
    /// <param name="payload">Eight bytes of the model's own.</param>
    /// <param name="priority">At equal times the lower comes first.</param>
    /// <exception cref="ArgumentOutOfRangeException">Delay or target are out of range; the message names the entity.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Schedule(int target, double delay, ushort kind = 0, long payload = 0, short priority = 0) => _queue.Schedule(Now, Self, target, delay, kind, payload, priority);

    /// <summary>Schedules an event for the entity itself that it may take back.</summary>
    public EventHandle ScheduleCancellable(double delay, ushort kind = 0, long payload = 0, short priority = 0) => _queue.ScheduleCancellable(Now, Self, delay, kind, payload, priority);

    /// <summary>Takes an event back; false when it has happened or was taken back before.</summary>
    public bool Cancel(EventHandle handle) => _queue.Cancel(handle);
}

/// <summary>Names a scheduled event that can be taken back. Unmanaged: may be kept in an entity's state. The default names none.</summary>
public readonly record struct EventHandle(int Source, uint SequencePlusOne);
