using System.Runtime.CompilerServices;

namespace Twin.Simulation;

/// <summary>
/// The future-event set: a ladder queue. Far events lie unsorted on top; when they are reached they are dealt into as many buckets as there are events, crowded
/// buckets into finer ones, and only the bucket under the hand is ordered (a small heap). The cost of an event does not grow with what is pending, except that
/// events of one same instant cost the logarithm of their number. Buckets are chosen by a monotone function of time, so rounding never changes the order.
/// Hot: allocates only when it grows, bounded by 2^28 pending events. Not thread-safe.
/// </summary>
/// <remarks>Tang, Goh, Thng: Ladder queue: an O(1) priority queue structure for large-scale discrete event simulation, ACM TOMACS 15(3), 2005.</remarks>
public sealed class EventQueue
{
    /// <summary>More than this many pending events are refused.</summary>
    public const int MaxPending = 1 << 28;

    private const int Crowded = 48;
    private const int MaxRungs = 8;
    private const int MaxBuckets = 1 << 22;
    private readonly Rung[] _rungs = new Rung[MaxRungs];
    private SimEvent[] _events = new SimEvent[64];
    private int[] _next = new int[64];
    private int _used;
    private int _free = -1;
    private int _top = -1;
    private int _topCount;
    private double _topMin = double.PositiveInfinity;
    private double _topMax = double.NegativeInfinity;
    private double _topStart = double.NegativeInfinity;
    private int _depth;
    private SimEvent[] _heap = new SimEvent[64];
    private int _heapCount;

    /// <summary>Events pending.</summary>
    public int Count { get; private set; }

    /// <summary>Puts an event in.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Its time is NaN or infinite.</exception>
    /// <exception cref="InvalidOperationException"><see cref="MaxPending"/> are pending.</exception>
    public void Enqueue(in SimEvent e)
    {
        if (!double.IsFinite(e.Time)) ThrowTime(e);
        if (Count >= MaxPending) ThrowFull();
        Count++;
        if (e.Time > _topStart)
        {
            Link(ref _top, Node(e));
            _topCount++;
            if (e.Time < _topMin) _topMin = e.Time;
            if (e.Time > _topMax) _topMax = e.Time;
            return;
        }

        for (var r = 0; r < _depth; r++)
        {
            ref var rung = ref _rungs[r];
            var bucket = rung.BucketOf(e.Time);
            if (bucket < rung.Current) continue;
            Link(ref rung.Heads[bucket], Node(e));
            rung.Count++;
            return;
        }

        Push(e);
    }

    /// <summary>The first event, left where it is; false when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryPeek(out SimEvent e)
    {
        if (_heapCount == 0 && !Refill())
        {
            e = default;
            return false;
        }

        e = _heap[0];
        return true;
    }

    /// <summary>Takes the first event out if it happens before the limit (or at it, when inclusive).</summary>
    public bool TryDequeue(double limit, bool inclusive, out SimEvent e)
    {
        if (!TryPeek(out e) || (inclusive ? e.Time > limit : e.Time >= limit)) return false;
        Pop();
        return true;
    }

    /// <summary>Takes the first event out; false when there is none.</summary>
    public bool TryDequeue(out SimEvent e) => TryDequeue(double.PositiveInfinity, true, out e);

    /// <summary>Copies all pending events, in no particular order; the span must hold <see cref="Count"/>.</summary>
    public void CopyTo(Span<SimEvent> into)
    {
        _heap.AsSpan(0, _heapCount).CopyTo(into);
        var at = _heapCount;
        for (var n = _top; n >= 0; n = _next[n]) into[at++] = _events[n];
        for (var r = 0; r < _depth; r++)
            for (var b = _rungs[r].Current; b < _rungs[r].Buckets; b++)
                for (var n = _rungs[r].Heads[b]; n >= 0; n = _next[n]) into[at++] = _events[n];
    }

    /// <summary>Forgets everything pending, keeps the memory.</summary>
    public void Clear()
    {
        (Count, _used, _free, _top, _topCount, _depth, _heapCount) = (0, 0, -1, -1, 0, 0, 0);
        (_topMin, _topMax, _topStart) = (double.PositiveInfinity, double.NegativeInfinity, double.NegativeInfinity);
    }

    private bool Refill()
    {
        while (_heapCount == 0)
        {
            if (_depth == 0)
            {
                if (_topCount == 0) return false;
                var (head, count, min, max) = (_top, _topCount, _topMin, _topMax);
                (_top, _topCount, _topMin, _topMax, _topStart) = (-1, 0, double.PositiveInfinity, double.NegativeInfinity, max);
                Deal(head, count, min, max);
                continue;
            }

            ref var rung = ref _rungs[_depth - 1];
            if (rung.Count == 0)
            {
                _depth--;
                continue;
            }

            while (rung.Heads[rung.Current] < 0) rung.Current++;
            var first = rung.Heads[rung.Current];
            rung.Heads[rung.Current++] = -1;
            var (held, low, high) = (0, double.PositiveInfinity, double.NegativeInfinity);
            for (var n = first; n >= 0; n = _next[n], held++)
            {
                low = Math.Min(low, _events[n].Time);
                high = Math.Max(high, _events[n].Time);
            }

            rung.Count -= held;
            Deal(first, held, low, high);
        }

        return true;
    }

    // Few events, or events no finer rung can part, are ordered; the rest is dealt into one bucket an event.
    private void Deal(int head, int count, double min, double max)
    {
        var buckets = Math.Min(count, MaxBuckets);
        var perTime = buckets / (max - min);
        if (count <= Crowded || _depth == MaxRungs || !double.IsFinite(perTime))
        {
            for (int n = head, after; n >= 0; n = after)
            {
                after = _next[n];
                Push(_events[n]);
                (_next[n], _free) = (_free, n);
            }

            return;
        }

        ref var rung = ref _rungs[_depth++];
        if (rung.Heads is null || rung.Heads.Length < buckets) rung.Heads = new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)buckets)];
        rung.Heads.AsSpan(0, buckets).Fill(-1);
        (rung.Start, rung.PerTime, rung.Buckets, rung.Current, rung.Count) = (min, perTime, buckets, 0, count);
        for (int n = head, after; n >= 0; n = after)
        {
            after = _next[n];
            Link(ref rung.Heads[rung.BucketOf(_events[n].Time)], n);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Node(in SimEvent e)
    {
        var n = _free;
        if (n >= 0) _free = _next[n];
        else
        {
            if (_used == _events.Length) Grow();
            n = _used++;
        }

        _events[n] = e;
        return n;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Link(ref int head, int node) => (_next[node], head) = (head, node);

    private void Grow()
    {
        Array.Resize(ref _events, _events.Length * 2);
        Array.Resize(ref _next, _next.Length * 2);
    }

    private void Push(in SimEvent e)
    {
        if (_heapCount == _heap.Length) Array.Resize(ref _heap, _heap.Length * 2);
        var heap = _heap;
        var at = _heapCount++;
        while (at > 0)
        {
            var parent = (at - 1) >> 1;
            if (!e.IsBefore(heap[parent])) break;
            heap[at] = heap[parent];
            at = parent;
        }

        heap[at] = e;
    }

    private void Pop()
    {
        Count--;
        var heap = _heap;
        var count = --_heapCount;
        var last = heap[count];
        var at = 0;
        for (var child = 1; child < count; child = (2 * at) + 1)
        {
            if (child + 1 < count && heap[child + 1].IsBefore(heap[child])) child++;
            if (!heap[child].IsBefore(last)) break;
            heap[at] = heap[child];
            at = child;
        }

        heap[at] = last;
    }

    private static void ThrowTime(in SimEvent e) => throw new ArgumentOutOfRangeException(nameof(e), e.Time, $"Entity {e.Source} scheduled an event for entity {e.Target} at time {e.Time}; allowed are finite times.");

    private static void ThrowFull() => throw new InvalidOperationException($"{MaxPending} events are pending; no more are taken.");

    private struct Rung
    {
        public int[] Heads;
        public double Start;
        public double PerTime;
        public int Buckets;
        public int Current;
        public int Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly int BucketOf(double time)
        {
            var at = (time - Start) * PerTime;
            return at < Buckets ? (int)Math.Floor(Math.Max(at, -1)) : Buckets - 1;
        }
    }
}
