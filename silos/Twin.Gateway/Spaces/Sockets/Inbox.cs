using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>
/// A bounded ring with many writers and one reader. Each cell carries the number of the write it waits for, so a writer that has its place
/// does not wait for others (D. Vyukov's bounded queue). Allocates nothing after it was made. Hot.
/// </summary>
internal sealed class Inbox<T>
{
    private readonly Cell[] _cells;
    private readonly int _mask;
    private InboxCounters _counters;

    private struct Cell
    {
        public long Number;
        public T Item;
    }

    /// <param name="capacity">Rounded up to a power of two.</param>
    public Inbox(int capacity)
    {
        _cells = new Cell[BitOperations.RoundUpToPowerOf2((uint)capacity)];
        _mask = _cells.Length - 1;
        for (var i = 0; i < _cells.Length; i++) _cells[i].Number = i;
    }

    /// <summary>True when the reader would find nothing. Of the reader.</summary>
    public bool IsEmpty => Volatile.Read(ref _cells[(int)_counters.Taken & _mask].Number) != _counters.Taken + 1;

    /// <summary>How many wait, about. Of any thread.</summary>
    public int Count => (int)Math.Max(0, Volatile.Read(ref _counters.Written) - Volatile.Read(ref _counters.Taken));

    /// <summary>Puts one in; false when it is full. Of any thread.</summary>
    public bool TryAdd(T item)
    {
        while (true)
        {
            var at = Volatile.Read(ref _counters.Written);
            ref var cell = ref _cells[(int)at & _mask];
            var ahead = Volatile.Read(ref cell.Number) - at;
            if (ahead < 0) return false;
            if (ahead > 0 || Interlocked.CompareExchange(ref _counters.Written, at + 1, at) != at) continue;
            cell.Item = item;
            Volatile.Write(ref cell.Number, at + 1);
            return true;
        }
    }

    /// <summary>Takes the oldest; false when there is none. Of the reader.</summary>
    public bool TryTake(out T item)
    {
        var at = _counters.Taken;
        ref var cell = ref _cells[(int)at & _mask];
        if (Volatile.Read(ref cell.Number) != at + 1)
        {
            Unsafe.SkipInit(out item);
            return false;
        }

        item = cell.Item;
        cell.Item = default!;
        Volatile.Write(ref _counters.Taken, at + 1);
        Volatile.Write(ref cell.Number, at + _cells.Length);
        return true;
    }
}

/// <summary>Where writers and reader of an <see cref="Inbox{T}"/> are, on cache lines of their own.</summary>
[StructLayout(LayoutKind.Explicit, Size = 192)]
internal struct InboxCounters
{
    [FieldOffset(64)]
    public long Written;

    [FieldOffset(128)]
    public long Taken;
}
