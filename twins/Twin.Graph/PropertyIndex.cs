namespace Twin.Graph;

/// <summary>
/// The secondary index of one column: equality for text, booleans and integers, order for numbers and times. Kept with every
/// write. Answers are rows without promised order unless said. Not thread-safe.
/// </summary>
public sealed class PropertyIndex
{
    private readonly EqualityIndex? _equality;
    private readonly OrderedIndex? _ordered;

    internal PropertyIndex(ValueKind storage)
    {
        Storage = storage;
        if (storage is ValueKind.Text or ValueKind.Boolean or ValueKind.Integer) _equality = new EqualityIndex();
        if (storage is ValueKind.Integer or ValueKind.Double or ValueKind.DateTime or ValueKind.Duration) _ordered = new OrderedIndex();
    }

    /// <summary>Kind of the values indexed; ask with values of this kind.</summary>
    public ValueKind Storage { get; }

    /// <summary>True when <see cref="CollectRange"/> and <see cref="RowsInOrder"/> can be asked.</summary>
    public bool IsOrdered => _ordered is not null;

    /// <summary>Adds to <paramref name="rows"/> every row whose value equals <paramref name="value"/> (of <see cref="Storage"/> kind; others match nothing).</summary>
    public void CollectEqual(PropertyValue value, List<int> rows)
    {
        if (value.Kind != Storage) return;
        if (_equality is not null) _equality.Collect(value, rows);
        else _ordered!.CollectRange(OrderedIndex.KeyOf(value), OrderedIndex.KeyOf(value), rows);
    }

    /// <summary>How many rows <see cref="CollectEqual"/> would give, at most; for choosing between indexes.</summary>
    public int EstimateEqual(PropertyValue value)
    {
        if (value.Kind != Storage) return 0;
        return _equality is not null ? _equality.CountOf(value) : _ordered!.EstimateRange(OrderedIndex.KeyOf(value), OrderedIndex.KeyOf(value));
    }

    /// <summary>
    /// Adds every row whose value lies between the bounds. A bound of None is open; bounds must be of <see cref="Storage"/> kind
    /// (convert first; a double bound on an integer column is rounded by the caller).
    /// </summary>
    /// <exception cref="InvalidOperationException">The index has no order (text, boolean).</exception>
    public void CollectRange(PropertyValue low, bool includeLow, PropertyValue high, bool includeHigh, List<int> rows)
    {
        if (Bounds(low, includeLow, high, includeHigh, out var from, out var to)) _ordered!.CollectRange(from, to, rows);
    }

    /// <summary>How many rows <see cref="CollectRange"/> would give, about (within the writes since the last ordering).</summary>
    public int EstimateRange(PropertyValue low, bool includeLow, PropertyValue high, bool includeHigh) =>
        Bounds(low, includeLow, high, includeHigh, out var from, out var to) ? _ordered!.EstimateRange(from, to) : 0;

    /// <summary>Every row that has a value, by ascending value, equal values by row. Orders what is new first. Valid until the next write.</summary>
    /// <exception cref="InvalidOperationException">The index has no order (text, boolean).</exception>
    public ReadOnlySpan<int> RowsInOrder() => (_ordered ?? throw NoOrder()).RowsInOrder();

    internal void Add(int row, Column column)
    {
        _equality?.Add(row, column);
        _ordered?.Add(row, OrderedIndex.KeyOf(column.Storage, column.Bits[row]));
    }

    internal void Remove(int row, Column column)
    {
        if (!column.Has(row)) return;
        _equality?.Remove(row, column);
        _ordered?.Remove(row);
    }

    private bool Bounds(PropertyValue low, bool includeLow, PropertyValue high, bool includeHigh, out long from, out long to)
    {
        if (_ordered is null) throw NoOrder();
        (from, to) = (long.MinValue, long.MaxValue);
        if (low.Kind != ValueKind.None)
        {
            from = OrderedIndex.KeyOf(low);
            if (!includeLow && from++ == long.MaxValue) return false;
        }
        if (high.Kind != ValueKind.None)
        {
            to = OrderedIndex.KeyOf(high);
            if (!includeHigh && to-- == long.MinValue) return false;
        }
        return from <= to;
    }

    private static InvalidOperationException NoOrder() => new("This index answers equality only: its property is text or boolean.");
}
