namespace Twin.Graph;

/// <summary>Changes gathered for one journal frame, in order of sequence. Reused from frame to frame; not thread-safe. Hot.</summary>
public sealed class ChangeBuffer
{
    private Change[] _items;

    /// <summary>Makes a buffer with room for <paramref name="capacity"/> changes; it grows as needed.</summary>
    public ChangeBuffer(int capacity = 256) => _items = new Change[Math.Max(1, capacity)];

    /// <summary>Changes held.</summary>
    public int Count { get; private set; }

    /// <summary>The changes; valid until the next add, truncate or clear.</summary>
    public ReadOnlySpan<Change> Span => _items.AsSpan(0, Count);

    /// <summary>Sequence of the first change; 0 when empty.</summary>
    public long FirstSequence => Count == 0 ? 0 : _items[0].Sequence;

    /// <summary>Sequence of the last change; 0 when empty.</summary>
    public long LastSequence => Count == 0 ? 0 : _items[Count - 1].Sequence;

    /// <summary>Adds a change after the others.</summary>
    public void Add(in Change change)
    {
        if (Count == _items.Length) Array.Resize(ref _items, Count * 2);
        _items[Count++] = change;
    }

    /// <summary>Makes room for this many more, so that the adds that follow do not grow step by step.</summary>
    public void Reserve(int more)
    {
        if (_items.Length - Count < more) Array.Resize(ref _items, Math.Max(Count + more, Count * 2));
    }

    /// <summary>Drops all but the first <paramref name="count"/> changes.</summary>
    public void Truncate(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        Array.Clear(_items, count, Count - count);
        Count = count;
    }

    /// <summary>Drops all changes and the texts they held; keeps the room.</summary>
    public void Clear() => Truncate(0);

    /// <summary>A copy that outlives the buffer, for the feed.</summary>
    public Change[] ToArray() => Span.ToArray();
}
