namespace Twin.Graph;

/// <summary>
/// Rows by value. A sorted run, plus the rows written since it was sorted ("fresh"): a range is two binary searches in the run,
/// skipping fresh rows, and a walk over the fresh ones. When more than max(1,024, 8 * sqrt(rows)) are fresh a question merges
/// them first. A write costs O(1) and no more than a share of the next merge.
/// </summary>
internal sealed class OrderedIndex
{
    private long[] _keys = []; // the sorted run
    private int[] _rows = [];
    private int _runLength;

    private long[] _keyOfRow = []; // present key of every row
    private RowState[] _state = [];
    private readonly List<int> _fresh = []; // rows whose place in the run, if any, is stale
    private (long Key, int Row)[] _sorting = [];

    [Flags]
    private enum RowState : byte
    {
        Absent = 0,
        Present = 1,
        Fresh = 2,
    }

    /// <summary>A key that sorts as the value does.</summary>
    public static long KeyOf(PropertyValue value) => KeyOf(value.Kind, value.Bits);

    /// <summary>Doubles: flipping the lower bits of negatives makes IEEE order integer order; -0 equals 0.</summary>
    public static long KeyOf(ValueKind kind, long bits)
    {
        if (kind != ValueKind.Double) return bits;
        if (bits == long.MinValue) return 0;
        return bits ^ ((bits >> 63) & long.MaxValue);
    }

    public void Add(int row, long key)
    {
        if (row >= _state.Length)
        {
            var length = Math.Max(row + 1, Math.Max(16, _state.Length * 2));
            Array.Resize(ref _state, length);
            Array.Resize(ref _keyOfRow, length);
        }
        _keyOfRow[row] = key;
        MarkFresh(row);
        _state[row] |= RowState.Present;
    }

    public void Remove(int row)
    {
        MarkFresh(row);
        _state[row] &= ~RowState.Present;
    }

    public void CollectRange(long from, long to, List<int> rows)
    {
        SettleWhenMany();
        for (var at = LowerBound(from); at < _runLength && _keys[at] <= to; at++)
            if ((_state[_rows[at]] & RowState.Fresh) == 0) rows.Add(_rows[at]);
        foreach (var row in _fresh)
            if ((_state[row] & RowState.Present) != 0 && _keyOfRow[row] >= from && _keyOfRow[row] <= to) rows.Add(row);
    }

    public int EstimateRange(long from, long to)
    {
        SettleWhenMany();
        var end = to == long.MaxValue ? _runLength : LowerBound(to + 1);
        return Math.Max(0, end - LowerBound(from)) + _fresh.Count;
    }

    public ReadOnlySpan<int> RowsInOrder()
    {
        if (_fresh.Count > 0) Settle();
        return _rows.AsSpan(0, _runLength);
    }

    private void MarkFresh(int row)
    {
        if ((_state[row] & RowState.Fresh) != 0) return;
        _state[row] |= RowState.Fresh;
        _fresh.Add(row);
    }

    private void SettleWhenMany()
    {
        if (_fresh.Count > Math.Max(1024, (int)(8 * Math.Sqrt(_runLength)))) Settle();
    }

    private void Settle()
    {
        var fresh = SortFresh();
        var live = 0;
        for (var at = 0; at < _runLength; at++)
        {
            if ((_state[_rows[at]] & RowState.Fresh) != 0) continue;
            _keys[live] = _keys[at];
            _rows[live++] = _rows[at];
        }
        if (live + fresh > _keys.Length)
        {
            var length = Math.Max(live + fresh, _keys.Length + (_keys.Length / 4));
            Array.Resize(ref _keys, length);
            Array.Resize(ref _rows, length);
        }
        _runLength = live + fresh;
        MergeFromTheEnd(live - 1, fresh - 1);
        foreach (var row in _fresh) _state[row] &= ~RowState.Fresh;
        _fresh.Clear();
    }

    private int SortFresh()
    {
        if (_sorting.Length < _fresh.Count) _sorting = new (long, int)[_fresh.Count * 2];
        var count = 0;
        foreach (var row in _fresh)
            if ((_state[row] & RowState.Present) != 0) _sorting[count++] = (_keyOfRow[row], row);
        _sorting.AsSpan(0, count).Sort();
        return count;
    }

    private void MergeFromTheEnd(int old, int fresh)
    {
        for (var at = _runLength - 1; fresh >= 0; at--)
        {
            if (old >= 0 && (_keys[old], _rows[old]).CompareTo(_sorting[fresh]) > 0)
            {
                (_keys[at], _rows[at]) = (_keys[old], _rows[old]);
                old--;
            }
            else
            {
                (_keys[at], _rows[at]) = _sorting[fresh];
                fresh--;
            }
        }
    }

    private int LowerBound(long key)
    {
        int low = 0, high = _runLength;
        while (low < high)
        {
            var middle = (int)((uint)(low + high) / 2);
            if (_keys[middle] < key) low = middle + 1;
            else high = middle;
        }
        return low;
    }
}
