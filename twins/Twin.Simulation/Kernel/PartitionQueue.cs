using System.Runtime.CompilerServices;

namespace Twin.Simulation;

/// <summary>The events of one partition: those pending here, those on their way to others, and who may still take one back.</summary>
internal sealed class PartitionQueue(PartitionPlan plan, int index)
{
    private readonly List<SimEvent>[] _outgoing = [.. Enumerable.Range(0, plan.Partitions).Select(_ => new List<SimEvent>())];
    private readonly HashSet<ulong> _cancelled = [];
    private readonly HashSet<ulong> _cancellable = [];

    public EventQueue Pending { get; } = new();

    public uint[] Sequences { get; } = new uint[plan.CountOf(index)];

    public HashSet<ulong> Cancellable => _cancellable;

    public HashSet<ulong> Cancelled => _cancelled;

    public List<SimEvent> OutgoingTo(int partition) => _outgoing[partition];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Schedule(double now, int source, int target, double delay, ushort kind, long payload, short priority)
    {
        if (!(delay >= (target == source ? 0 : plan.Lookahead)) || !double.IsFinite(now + delay)) ThrowDelay(source, target, delay);
        if ((uint)target >= (uint)plan.Entities) ThrowTarget(source, target);
        ref var sequence = ref Sequences[plan.LocalOf(source)];
        if (sequence == uint.MaxValue) ThrowWorn(source);
        var e = new SimEvent(now + delay, source, sequence++, target, priority, kind, payload);
        var owner = plan.OwnerOf(target);
        if (owner == index) Pending.Enqueue(e);
        else _outgoing[owner].Add(e);
    }

    public EventHandle ScheduleCancellable(double now, int source, double delay, ushort kind, long payload, short priority)
    {
        var sequence = Sequences[plan.LocalOf(source)];
        Schedule(now, source, source, delay, kind, payload, priority);
        _cancellable.Add(Key(source, sequence));
        return new EventHandle(source, sequence + 1);
    }

    public bool Cancel(EventHandle handle)
    {
        if (handle.SequencePlusOne == 0 || !_cancellable.Remove(Key(handle.Source, handle.SequencePlusOne - 1))) return false;
        return _cancelled.Add(Key(handle.Source, handle.SequencePlusOne - 1));
    }

    /// <summary>True when the event was taken back; forgets what was known about it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool WasTakenBack(in SimEvent e)
    {
        if (_cancellable.Count + _cancelled.Count == 0) return false;
        var key = Key(e.Source, e.Sequence);
        return !_cancellable.Remove(key) && _cancelled.Remove(key);
    }

    private static ulong Key(int source, uint sequence) => ((ulong)(uint)source << 32) | sequence;

    private void ThrowDelay(int source, int target, double delay) => throw new ArgumentOutOfRangeException(nameof(delay), delay,
        $"Entity {source} scheduled an event for entity {target} after {delay}; allowed are finite delays of {(source == target ? "0" : $"{plan.Lookahead} (the lookahead)")} or more.");

    private void ThrowTarget(int source, int target) => throw new ArgumentOutOfRangeException(nameof(target), target, $"Entity {source} scheduled an event for entity {target}; allowed are 0 to {plan.Entities - 1}.");

    private static void ThrowWorn(int source) => throw new InvalidOperationException($"Entity {source} has scheduled {uint.MaxValue} events; no more are taken.");
}
