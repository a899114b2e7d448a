using System.Buffers;
using System.Runtime.InteropServices;

namespace Twin.Simulation;

/// <summary>
/// A part of a model that runs alone: its entities, their pending events, and events on their way to other parts. Whoever hosts it (a thread here, a grain
/// elsewhere) advances all parts by one window no longer than the lookahead, carries what each sends, and goes on. The order of events at an entity, and so every
/// hash, is the same for any number of parts. Hot. Not thread-safe: one call at a time.
/// </summary>
/// <typeparam name="TState">An entity's state: unmanaged, without padding.</typeparam>
/// <typeparam name="TLogic">What entities do.</typeparam>
public sealed class Partition<TState, TLogic> where TState : unmanaged where TLogic : struct, IEntityLogic<TState>
{
    private const int CancelEvery = 1024;
    private const ulong Magic = 0x3130_4D49_5354_5754; // "TWTSIM01"
    private readonly PartitionQueue _queue;
    private readonly TState[] _states;
    private readonly ulong[] _hashes;
    private TLogic _logic;

    /// <param name="plan">The division of the whole model.</param>
    /// <param name="index">This part, 0 to one less than the plan's partitions.</param>
    /// <param name="logic">What entities do.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such part.</exception>
    public Partition(PartitionPlan plan, int index, TLogic logic)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if ((uint)index >= (uint)plan.Partitions) throw new ArgumentOutOfRangeException(nameof(index), index, $"Allowed are 0 to {plan.Partitions - 1}.");
        (Plan, Index, _logic, _queue) = (plan, index, logic, new PartitionQueue(plan, index));
        (_states, _hashes) = (new TState[plan.CountOf(index)], new ulong[plan.CountOf(index)]);
    }

    /// <summary>The division of the whole model.</summary>
    public PartitionPlan Plan { get; }

    /// <summary>Which part this is.</summary>
    public int Index { get; }

    /// <summary>Time of the last event that happened here, in the model's unit.</summary>
    public double Now { get; private set; }

    /// <summary>Events that have happened here.</summary>
    public long Processed { get; private set; }

    /// <summary>Events pending here; those taken back count until their time comes.</summary>
    public int Pending => _queue.Pending.Count;

    /// <summary>Time of the first pending event; positive infinity when there is none.</summary>
    public double NextTime => _queue.Pending.TryPeek(out var e) ? e.Time : double.PositiveInfinity;

    /// <summary>The state of an entity that this part owns.</summary>
    public ref TState this[int entity] => ref _states[Local(entity)];

    /// <summary>Schedules an event from outside, as if the target had scheduled it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time lies in the past or is not finite, or the entity is not of this part.</exception>
    public void Schedule(double time, int target, ushort kind = 0, long payload = 0, short priority = 0)
    {
        Local(target);
        if (!double.IsFinite(time) || time < Now) throw new ArgumentOutOfRangeException(nameof(time), time, $"An event for entity {target} was scheduled at {time}; allowed are finite times from {Now} on.");
        _queue.Schedule(0, target, target, time, kind, payload, priority);
    }

    /// <summary>Lets happen what comes before the end of the window.</summary>
    /// <param name="end">In the model's time unit.</param>
    /// <param name="inclusive">True: events at the end happen as well.</param>
    /// <param name="maxEvents">Stops after so many.</param>
    /// <param name="cancellation">Looked at every 1,024 events; the part stays whole and can go on.</param>
    /// <returns>How many events happened.</returns>
    /// <exception cref="OperationCanceledException">The run was cancelled between two events.</exception>
    public long Advance(double end, bool inclusive = false, long maxEvents = long.MaxValue, CancellationToken cancellation = default)
    {
        if (double.IsNaN(end)) throw new ArgumentOutOfRangeException(nameof(end), end, "The end of a window is a number.");
        var done = 0L;
        while (done < maxEvents)
        {
            if ((done & (CancelEvery - 1)) == 0) cancellation.ThrowIfCancellationRequested();
            if (!_queue.Pending.TryDequeue(end, inclusive, out var e)) break;
            if (_queue.WasTakenBack(e)) continue;
            Now = e.Time;
            Processed++;
            done++;
            var local = Plan.LocalOf(e.Target);
            _hashes[local] = StateHash.Add(_hashes[local], e);
            var turn = new Turn(_queue, e.Time, e.Target);
            _logic.Handle(ref _states[local], e, ref turn);
        }

        return done;
    }

    /// <summary>What is on its way to another part. Clear the list once it is delivered.</summary>
    public List<SimEvent> Take(int destination) => _queue.OutgoingTo(destination);

    /// <summary>Events from other parts arrive.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One lies in the past or is for an entity of another part.</exception>
    public void Put(ReadOnlySpan<SimEvent> incoming)
    {
        foreach (ref readonly var e in incoming)
        {
            Local(e.Target);
            if (!(e.Time >= Now)) throw new ArgumentOutOfRangeException(nameof(incoming), e.Time, $"Entity {e.Source} sent entity {e.Target} an event for time {e.Time}; this part has reached {Now}.");
            _queue.Pending.Enqueue(e);
        }
    }

    /// <summary>The hash of an entity: what happened to it, in order, and its state.</summary>
    public ulong HashOf(int entity)
    {
        var local = Local(entity);
        return StateHash.Add(_hashes[local], MemoryMarshal.AsBytes(_states.AsSpan(local, 1)));
    }

    /// <summary>Writes everything that the future depends on; nothing may be on its way to other parts.</summary>
    /// <exception cref="InvalidOperationException">Events are on their way.</exception>
    public void Save(IBufferWriter<byte> into)
    {
        ArgumentNullException.ThrowIfNull(into);
        for (var p = 0; p < Plan.Partitions; p++)
            if (_queue.OutgoingTo(p).Count > 0) throw new InvalidOperationException($"{_queue.OutgoingTo(p).Count} events are on their way to partition {p}; deliver them before saving.");
        Snapshot header = new(Magic, Plan.Entities, Plan.Partitions, Index, System.Runtime.CompilerServices.Unsafe.SizeOf<TState>(), Plan.Lookahead, Now, Processed, _queue.Pending.Count, _queue.Cancellable.Count, _queue.Cancelled.Count, 0);
        into.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<Snapshot>(in header)));
        into.Write(MemoryMarshal.AsBytes(_states.AsSpan()));
        into.Write(MemoryMarshal.AsBytes(_hashes.AsSpan()));
        into.Write(MemoryMarshal.AsBytes(_queue.Sequences.AsSpan()));
        var pending = new SimEvent[_queue.Pending.Count];
        _queue.Pending.CopyTo(pending);
        into.Write(MemoryMarshal.AsBytes(pending.AsSpan()));
        into.Write(MemoryMarshal.AsBytes(_queue.Cancellable.ToArray().AsSpan()));
        into.Write(MemoryMarshal.AsBytes(_queue.Cancelled.ToArray().AsSpan()));
    }

    /// <summary>Takes the place of everything here with what was saved.</summary>
    /// <exception cref="ArgumentException">The bytes are no snapshot of this part; nothing has changed.</exception>
    public void Load(ReadOnlySpan<byte> from)
    {
        var headerBytes = System.Runtime.CompilerServices.Unsafe.SizeOf<Snapshot>();
        if (from.Length < headerBytes) throw new ArgumentException($"A snapshot has at least {headerBytes} bytes, this has {from.Length}.", nameof(from));
        var header = MemoryMarshal.Read<Snapshot>(from);
        if (header.Magic != Magic || header.Entities != Plan.Entities || header.Partitions != Plan.Partitions || header.Index != Index || header.StateBytes != System.Runtime.CompilerServices.Unsafe.SizeOf<TState>() || header.Lookahead != Plan.Lookahead)
            throw new ArgumentException($"This is no snapshot of partition {Index} of {Plan.Partitions} over {Plan.Entities} entities.", nameof(from));
        var length = headerBytes + (_states.LongLength * (header.StateBytes + 12)) + ((long)header.Pending * 32) + ((header.Cancellable + (long)header.Cancelled) * 8);
        if (header.Pending < 0 || header.Cancellable < 0 || header.Cancelled < 0 || from.Length != length) throw new ArgumentException($"The snapshot should have {length} bytes, it has {from.Length}.", nameof(from));
        from = from[headerBytes..];
        Fill(ref from, _states);
        Fill(ref from, _hashes);
        Fill(ref from, _queue.Sequences);
        (Now, Processed) = (header.Now, header.Processed);
        for (var p = 0; p < Plan.Partitions; p++) _queue.OutgoingTo(p).Clear();
        _queue.Pending.Clear();
        foreach (ref readonly var e in MemoryMarshal.Cast<byte, SimEvent>(from[..(header.Pending * 32)])) _queue.Pending.Enqueue(e);
        from = from[(header.Pending * 32)..];
        _queue.Cancellable.Clear();
        _queue.Cancelled.Clear();
        foreach (var key in MemoryMarshal.Cast<byte, ulong>(from[..(header.Cancellable * 8)])) _queue.Cancellable.Add(key);
        foreach (var key in MemoryMarshal.Cast<byte, ulong>(from[(header.Cancellable * 8)..])) _queue.Cancelled.Add(key);
    }

    private static void Fill<T>(ref ReadOnlySpan<byte> from, T[] into) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(into.AsSpan());
        from[..bytes.Length].CopyTo(bytes);
        from = from[bytes.Length..];
    }

    private int Local(int entity) => (uint)entity < (uint)Plan.Entities && Plan.OwnerOf(entity) == Index ? Plan.LocalOf(entity)
        : throw new ArgumentOutOfRangeException(nameof(entity), entity, $"Partition {Index} of {Plan.Partitions} does not own entity {entity}; the model has entities 0 to {Plan.Entities - 1}.");

    private readonly record struct Snapshot(ulong Magic, int Entities, int Partitions, int Index, int StateBytes, double Lookahead, double Now, long Processed, int Pending, int Cancellable, int Cancelled, int Reserved);
}
