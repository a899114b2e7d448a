using System.Numerics;

namespace Twin.Graph;

/// <summary>
/// Where each twin id lives: open addressing with linear probing, 12 bytes an entry, load at most 3/4; removal shifts back, so
/// no tombstones. Ids are compared against the tables' own strings. Not thread-safe. Hot.
/// </summary>
internal sealed class TwinIndex
{
    private Entry[] _entries = new Entry[64];
    private ModelTable[] _tables = [];
    private bool _isShared; // the entries are another state's too: copied before the first write

    /// <summary>The same ids for another state's tables.</summary>
    public TwinIndex Fork(ModelTable[] tables)
    {
        _isShared = true;
        return new TwinIndex { _entries = _entries, _tables = tables, Count = Count, _isShared = true };
    }

    private void Own()
    {
        if (_isShared) _entries = [.. _entries];
        _isShared = false;
    }

    private struct Entry
    {
        public int Hash;
        public int Table;
        public int RowPlusOne; // 0 = free
    }

    public int Count { get; private set; }

    /// <summary>The tables that entries point into, by number.</summary>
    public void UseTables(ModelTable[] tables) => _tables = tables;

    public bool TryFind(ReadOnlySpan<char> id, out ModelTable table, out int row)
    {
        var hash = string.GetHashCode(id);
        var entries = _entries;
        var mask = entries.Length - 1;
        for (var at = hash & mask; ; at = (at + 1) & mask)
        {
            ref readonly var entry = ref entries[at];
            if (entry.RowPlusOne == 0) break;
            if (entry.Hash != hash) continue;
            table = _tables[entry.Table];
            row = entry.RowPlusOne - 1;
            if (id.SequenceEqual(table.IdOf(row).AsSpan())) return true;
        }
        table = null!;
        row = -1;
        return false;
    }

    /// <summary>Asks the processor to fetch where a hash is looked for.</summary>
    public void Prefetch(int hash) => Memory.Prefetch(ref _entries[hash & (_entries.Length - 1)]);

    /// <summary>The first entry of that hash: almost always the twin, which the caller must compare. False when there is none.</summary>
    public bool TryGuess(int hash, out ModelTable table, out int row)
    {
        var entries = _entries;
        var mask = entries.Length - 1;
        for (var at = hash & mask; entries[at].RowPlusOne != 0; at = (at + 1) & mask)
        {
            if (entries[at].Hash != hash) continue;
            table = _tables[entries[at].Table];
            row = entries[at].RowPlusOne - 1;
            return true;
        }
        table = null!;
        row = -1;
        return false;
    }

    /// <summary>Adds an id that is not there.</summary>
    public void Add(string id, int table, int row)
    {
        if ((Count + 1) * 4L > _entries.Length * 3L) Grow(_entries.Length * 2);
        Own();
        Insert(_entries, new Entry { Hash = string.GetHashCode(id.AsSpan()), Table = table, RowPlusOne = row + 1 });
        Count++;
    }

    /// <summary>Makes room for <paramref name="count"/> ids in all, so that loading does not grow step by step.</summary>
    public void Reserve(int count)
    {
        var needed = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(64L, (count * 4L / 3) + 1));
        if (needed > _entries.Length) Grow(needed);
    }

    public void Remove(string id)
    {
        Own();
        var entries = _entries;
        var mask = entries.Length - 1;
        var hole = Position(id);
        for (var at = (hole + 1) & mask; entries[at].RowPlusOne != 0; at = (at + 1) & mask)
        {
            var home = entries[at].Hash & mask;
            if (((at - home) & mask) < ((at - hole) & mask)) continue; // its home lies after the hole: it may stay
            entries[hole] = entries[at];
            hole = at;
        }
        entries[hole] = default;
        Count--;
    }

    /// <summary>Points an id that is there to another place. The tables may already have forgotten the old one.</summary>
    public void Move(string id, int oldTable, int oldRow, int table, int row)
    {
        Own();
        var hash = string.GetHashCode(id.AsSpan());
        var mask = _entries.Length - 1;
        for (var at = hash & mask; _entries[at].RowPlusOne != 0; at = (at + 1) & mask)
        {
            ref var entry = ref _entries[at];
            if (entry.Table != oldTable || entry.RowPlusOne != oldRow + 1) continue;
            entry.Table = table;
            entry.RowPlusOne = row + 1;
            return;
        }
        throw new InvalidOperationException($"The twin index does not hold '{id}'.");
    }

    private int Position(string id)
    {
        var hash = string.GetHashCode(id.AsSpan());
        var mask = _entries.Length - 1;
        for (var at = hash & mask; _entries[at].RowPlusOne != 0; at = (at + 1) & mask)
            if (_entries[at].Hash == hash && _tables[_entries[at].Table].IdOf(_entries[at].RowPlusOne - 1) == id) return at;
        throw new InvalidOperationException($"The twin index does not hold '{id}'.");
    }

    private void Grow(int length)
    {
        var larger = new Entry[length];
        foreach (ref readonly var entry in _entries.AsSpan())
            if (entry.RowPlusOne != 0) Insert(larger, entry);
        (_entries, _isShared) = (larger, false);
    }

    private static void Insert(Entry[] entries, in Entry entry)
    {
        var mask = entries.Length - 1;
        var at = entry.Hash & mask;
        while (entries[at].RowPlusOne != 0) at = (at + 1) & mask;
        entries[at] = entry;
    }
}
