using System.Numerics;
using Twin.Model;

namespace Twin.Grains.Twins;

/// <summary>The newest committed changes of a shard, in order; the oldest make room. One owner, one thread. Hot.</summary>
internal sealed class FeedRing
{
    private const int Least = 16;
    private readonly int _capacity;
    private Change[] _items = new Change[Least]; // grows to the capacity before anything makes room
    private bool[] _endsCommit = new bool[Least];
    private long _count; // changes ever added

    public FeedRing(int capacity) => _capacity = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(capacity, 1_024, 1_048_576));

    /// <summary>Sequence before the oldest change held; reads after it are complete.</summary>
    public long Floor { get; private set; } = long.MaxValue;

    /// <summary>Forgets everything; the state is rebuilt and may hold changes that never came by here.</summary>
    public void Clear()
    {
        Array.Clear(_items);
        (_count, Floor) = (0, long.MaxValue);
    }

    /// <summary>Adds one commit: the changes of one frame of the journal.</summary>
    public void Add(ReadOnlySpan<Change> changes)
    {
        foreach (ref readonly var change in changes)
        {
            if (_count == _items.Length && _count < _capacity)
            {
                Array.Resize(ref _items, _items.Length * 2);
                Array.Resize(ref _endsCommit, _items.Length);
            }

            ref var slot = ref _items[_count & (_items.Length - 1)];
            if (_count == 0) Floor = change.Sequence - 1;
            else if (_count >= _items.Length) Floor = slot.Sequence;
            slot = change;
            _endsCommit[_count & (_items.Length - 1)] = false;
            _count++;
        }

        if (!changes.IsEmpty) _endsCommit[(_count - 1) & (_items.Length - 1)] = true;
    }

    /// <summary>Up to <paramref name="max"/> changes after a position that is at or above <see cref="Floor"/>: whole commits, or a part of one that is longer than that.</summary>
    public Change[] After(long sequence, int max)
    {
        var first = Find(sequence);
        var count = (int)Math.Min(max, _count - first);
        var whole = count;
        while (whole > 0 && !_endsCommit[(first + whole - 1) & (_items.Length - 1)]) whole--;
        if (whole > 0) count = whole;
        var changes = new Change[count];
        for (var i = 0; i < count; i++) changes[i] = _items[(first + i) & (_items.Length - 1)];
        return changes;
    }

    // Sequences grow, with jumps where an epoch starts: a binary search.
    private long Find(long sequence)
    {
        var (low, high) = (Math.Max(0, _count - _items.Length), _count);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_items[middle & (_items.Length - 1)].Sequence <= sequence) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
