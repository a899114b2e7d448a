namespace Twin.Graph.Query;

/// <summary>The first rows of an order, at most a fixed number: a heap whose root is the last of them. Allocates only while it fills. Hot; not thread-safe.</summary>
internal sealed class TopRows(IReadOnlyList<OrderTerm> order, int capacity)
{
    private Entry[] _heap = new Entry[Math.Min(capacity, 16)];
    private int _count;

    private struct Entry
    {
        public PropertyValue[] Keys;
        public ModelTable Table;
        public int Row;
        public Relationship? Link;
        public readonly string TwinId => Table.IdOf(Row);
        public readonly string LinkId => Link?.Id ?? "";
    }

    /// <summary>Offers a row; <paramref name="keys"/> is copied if it is taken.</summary>
    public void Offer(PropertyValue[] keys, ModelTable table, int row, Relationship? link)
    {
        if (_count == capacity)
        {
            ref var worst = ref _heap[0];
            if (OrderKeys.Compare(order, keys, table.IdOf(row), link?.Id ?? "", worst.Keys, worst.TwinId, worst.LinkId) >= 0) return;
            keys.CopyTo(worst.Keys, 0);
            worst = new Entry { Keys = worst.Keys, Table = table, Row = row, Link = link };
            SiftDown(0);
            return;
        }
        if (_count == _heap.Length) Array.Resize(ref _heap, Math.Min(capacity, _count * 2));
        _heap[_count] = new Entry { Keys = [.. keys], Table = table, Row = row, Link = link };
        SiftUp(_count++);
    }

    /// <summary>Writes the rows in order and gives their places.</summary>
    public OrderKey[] WriteTo(RowWriter writer, CompiledQuery query, PropertyValue[] parameters)
    {
        Array.Sort(_heap, 0, _count, Comparer<Entry>.Create(Compare));
        var places = new OrderKey[_count];
        for (var i = 0; i < _count; i++)
        {
            ref readonly var entry = ref _heap[i];
            writer.Write(query.Query, parameters, entry.Table, entry.Row, entry.Link);
            places[i] = new OrderKey(entry.Keys, entry.TwinId, entry.LinkId);
        }
        return places;
    }

    private int Compare(Entry a, Entry b) => OrderKeys.Compare(order, a.Keys, a.TwinId, a.LinkId, b.Keys, b.TwinId, b.LinkId);

    private void SiftUp(int at)
    {
        while (at > 0)
        {
            var parent = (at - 1) / 2;
            if (Compare(_heap[at], _heap[parent]) <= 0) return;
            (_heap[at], _heap[parent]) = (_heap[parent], _heap[at]);
            at = parent;
        }
    }

    private void SiftDown(int at)
    {
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= _count) return;
            if (child + 1 < _count && Compare(_heap[child + 1], _heap[child]) > 0) child++;
            if (Compare(_heap[child], _heap[at]) <= 0) return;
            (_heap[at], _heap[child]) = (_heap[child], _heap[at]);
            at = child;
        }
    }
}
