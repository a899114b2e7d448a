using System.Runtime.InteropServices;
using Twin.Model.Query;

namespace Twin.Graph;

/// <summary>
/// Rows by place: a grid of thousandths of a degree (about 111 m of latitude), each occupied cell a chain through two row arrays.
/// A write only marks its row; the next question moves marked rows to their cells, so positions that stream in cost a bit test
/// each until someone asks. Over two columns of degrees, or one of GeoJSON points or objects with longitude and latitude.
/// Not thread-safe.
/// </summary>
public sealed class SpatialIndex
{
    private const double CellsPerDegree = 1_000;
    private const long MostCellsWalked = 65_536;
    private const long NoCell = -1;

    private readonly Column _first;
    private readonly Column? _latitude;
    private readonly Dictionary<long, Cell> _cells = [];
    private readonly List<int> _moved = [];
    private bool[] _isMoved = [];
    private long[] _cellOf = [];
    private int[] _next = []; // row + 1 of the next in the cell; 0 = end
    private int[] _previous = [];
    private int _unmarked = -1; // of a fork: all rows below are to be placed when first asked; nothing is kept until then

    private struct Cell
    {
        public int HeadPlusOne;
        public int Count;
    }

    internal SpatialIndex(Column first, Column? latitude)
    {
        _first = first;
        _latitude = latitude;
    }

    /// <summary>Rows that have a place.</summary>
    public int Count { get; private set; }

    /// <summary>True when it is over these columns: longitude and latitude, or one of JSON and null.</summary>
    public bool IsOver(Column first, Column? latitude) => _first == first && _latitude == latitude;

    /// <summary>A row's place; false when it has none.</summary>
    public static bool TryRead(Column first, Column? latitude, int row, out GeoPlace place)
    {
        if (latitude is not null) return GeoPlace.TryMake(first.Get(row), latitude.Get(row), out place);
        return GeoPlace.TryRead(first.Get(row), out place);
    }

    /// <summary>Adds to <paramref name="rows"/> every row whose place may be in the box, each once; those of cells it touches.</summary>
    public void Collect(in GeoBox box, List<int> rows)
    {
        Settle();
        var range = RangeOf(box);
        if (range.Cells > Math.Min(MostCellsWalked, _cells.Count))
        {
            foreach (var (key, cell) in _cells)
                if (range.Contains(key)) Collect(cell, rows);
            return;
        }
        for (var x = range.West; x <= range.East; x++)
            for (var y = range.South; y <= range.North; y++)
                if (_cells.TryGetValue(KeyOf(x, y), out var cell)) Collect(cell, rows);
    }

    /// <summary>How many rows <see cref="Collect(in GeoBox, List{int})"/> would give.</summary>
    public int Estimate(in GeoBox box)
    {
        Settle();
        var range = RangeOf(box);
        var rows = 0;
        if (range.Cells > Math.Min(MostCellsWalked, _cells.Count))
        {
            foreach (var (key, cell) in _cells)
                if (range.Contains(key)) rows += cell.Count;
            return rows;
        }
        for (var x = range.West; x <= range.East; x++)
            for (var y = range.South; y <= range.North; y++)
                if (_cells.TryGetValue(KeyOf(x, y), out var cell)) rows += cell.Count;
        return rows;
    }

    /// <summary>Promises the same index over a fork's columns.</summary>
    internal void ForkTo(Column[] columns, int rowCount)
    {
        var (first, latitude) = (columns[_first.Definition.Ordinal], _latitude is null ? null : columns[_latitude.Definition.Ordinal]);
        first.Places = new SpatialIndex(first, latitude) { _unmarked = rowCount };
        if (latitude is not null) latitude.Places = first.Places;
    }

    /// <summary>A value of the row was written or removed.</summary>
    internal void Mark(int row)
    {
        if (_unmarked >= 0)
        {
            _unmarked = Math.Max(_unmarked, row + 1);
            return;
        }

        if (row >= _isMoved.Length) Grow(row + 1);
        if (_isMoved[row]) return;
        _isMoved[row] = true;
        _moved.Add(row);
    }

    /// <summary>All rows below a count may have been written.</summary>
    internal void MarkAll(int rowCount)
    {
        for (var row = 0; row < rowCount; row++) Mark(row);
    }

    private void Settle()
    {
        if (_unmarked is >= 0 and var rows)
        {
            _unmarked = -1;
            MarkAll(rows);
        }

        foreach (var row in _moved)
        {
            _isMoved[row] = false;
            var cell = TryRead(_first, _latitude, row, out var place) ? KeyOf(ColumnOf(place.Longitude), RowOf(place.Latitude)) : NoCell;
            if (cell == _cellOf[row]) continue;
            if (_cellOf[row] != NoCell) Remove(row, _cellOf[row]);
            if (cell != NoCell) Add(row, cell);
            _cellOf[row] = cell;
        }
        _moved.Clear();
    }

    private void Add(int row, long key)
    {
        ref var cell = ref CollectionsMarshal.GetValueRefOrAddDefault(_cells, key, out _);
        _next[row] = cell.HeadPlusOne;
        _previous[row] = 0;
        if (cell.HeadPlusOne != 0) _previous[cell.HeadPlusOne - 1] = row + 1;
        cell.HeadPlusOne = row + 1;
        cell.Count++;
        Count++;
    }

    private void Remove(int row, long key)
    {
        int next = _next[row], previous = _previous[row];
        if (next != 0) _previous[next - 1] = previous;
        if (previous != 0) _next[previous - 1] = next;
        ref var cell = ref CollectionsMarshal.GetValueRefOrNullRef(_cells, key);
        if (previous == 0) cell.HeadPlusOne = next;
        if (--cell.Count == 0) _cells.Remove(key);
        Count--;
    }

    private void Collect(Cell cell, List<int> rows)
    {
        for (var at = cell.HeadPlusOne; at != 0; at = _next[at - 1]) rows.Add(at - 1);
    }

    private void Grow(int rows)
    {
        var (before, length) = (_isMoved.Length, Math.Max(rows, Math.Max(64, _isMoved.Length * 2)));
        Array.Resize(ref _isMoved, length);
        Array.Resize(ref _cellOf, length);
        Array.Resize(ref _next, length);
        Array.Resize(ref _previous, length);
        _cellOf.AsSpan(before).Fill(NoCell);
    }

    private static long ColumnOf(double longitude) => (long)((longitude + 180) * CellsPerDegree);

    private static long RowOf(double latitude) => (long)((latitude + 90) * CellsPerDegree);

    private static long KeyOf(long x, long y) => (x << 20) | y;

    private static CellRange RangeOf(in GeoBox box) => new(
        ColumnOf(Math.Max(-180, box.West)), RowOf(Math.Max(-90, box.South)), ColumnOf(Math.Min(180, box.East)), RowOf(Math.Min(90, box.North)));

    private readonly record struct CellRange(long West, long South, long East, long North)
    {
        public long Cells => Math.Max(0, East - West + 1) * Math.Max(0, North - South + 1);

        public bool Contains(long key) => key >> 20 >= West && key >> 20 <= East && (key & 0xFFFFF) >= South && (key & 0xFFFFF) <= North;
    }
}
