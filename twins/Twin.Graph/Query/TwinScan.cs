using System.Numerics;

namespace Twin.Graph.Query;

/// <summary>Why a scan stopped before the end.</summary>
internal enum ScanStop : byte
{
    None,
    Budget,
    Time,
}

/// <summary>
/// Walks the twins that pass a query's filters, a word of up to 64 rows at a time, always in order of (table, row), so that
/// a position can be gone on from. Per table it either scans all rows or asks a secondary index, whichever promises less
/// work; twins named by id are looked up. Reused from query to query. Hot; not thread-safe.
/// </summary>
internal sealed class TwinScan(ShardState state, TimeProvider clock)
{
    private const double NanosecondsPerIndexedRow = 12.0;
    private const double NanosecondsPerIndexUse = 300.0;
    private const int WordsBetweenChecks = 256;

    private readonly List<int> _rows = []; // candidate rows of the present table, ascending, when not scanning
    private readonly List<(int Table, int Row)> _named = [];
    private TwinTerms _terms = null!;
    private PropertyValue[] _parameters = [];
    private RowFilter _filter = ConstantFilter.Never;
    private CancellationToken _cancellation;
    private long _rowBudget;
    private long _deadline;
    private long _wanted;
    private bool _isNamed;
    private bool _isScanning;
    private int _table;
    private int _at; // next row when scanning, else next place in _rows
    private int _words;

    /// <summary>The present word's table.</summary>
    public ModelTable Table { get; private set; } = null!;

    /// <summary>The present word's first row.</summary>
    public int Start { get; private set; }

    /// <summary>Rows of the present word that pass.</summary>
    public ulong Mask { get; private set; }

    /// <summary>Rows looked at so far; a consumer adds the relationships it looks at.</summary>
    public long Examined { get; set; }

    /// <summary>Why it stopped.</summary>
    public ScanStop Stop { get; private set; }

    /// <summary>Begins. <paramref name="wanted"/> is how many rows will be taken at most (for choosing an access path).</summary>
    public void Begin(TwinTerms terms, ShardQuery request, long wanted, CancellationToken cancellation)
    {
        _terms = terms;
        _parameters = request.Parameters;
        _wanted = wanted;
        BeginBudget(request, cancellation);
        CollectNamed();
        EnterTable(request.Position?.Table ?? 0, request.Position?.Row ?? 0);
    }

    /// <summary>Begins only to watch budget, time and cancellation by <see cref="MustStop"/>; nothing is scanned.</summary>
    public void BeginBudget(ShardQuery request, CancellationToken cancellation)
    {
        _cancellation = cancellation;
        _rowBudget = request.RowBudget;
        _deadline = clock.GetTimestamp() + (long)(request.TimeBudget.TotalSeconds * clock.TimestampFrequency);
        Examined = 0;
        Stop = ScanStop.None;
        _words = 0;
    }

    /// <summary>The position after everything given so far, for when <see cref="Next"/> answered false because it stopped.</summary>
    public ShardPosition PositionAfter(long epoch) => new(epoch, _table, NextRow());

    /// <summary>Goes to the next word with rows that pass; false at the end or when stopped.</summary>
    public bool Next()
    {
        while (_table < state.Tables.Length)
        {
            if (MustStop()) return false;
            if (!NextCandidates(out var start, out var candidates))
            {
                EnterTable(_table + 1, 0);
                continue;
            }
            Examined += BitOperations.PopCount(candidates);
            var mask = DropFree(start, _filter.Filter(start, Math.Min(64, Table.RowCount - start), candidates));
            if (mask == 0) continue;
            Start = start;
            Mask = mask;
            return true;
        }
        return false;
    }

    /// <summary>True when budget or time is used up; also where cancellation is seen.</summary>
    public bool MustStop()
    {
        if (Examined >= _rowBudget)
        {
            Stop = ScanStop.Budget;
            return true;
        }
        if (++_words % WordsBetweenChecks != 0) return Stop != ScanStop.None;
        _cancellation.ThrowIfCancellationRequested();
        if (clock.GetTimestamp() > _deadline) Stop = ScanStop.Time;
        return Stop != ScanStop.None;
    }

    /// <summary>How EXPLAIN names the way a table is read.</summary>
    public static string ExplainAccess(ModelTable table, RowFilter filter, TwinTerms terms, long wanted, out long estimate)
    {
        estimate = filter == ConstantFilter.Never ? 0 : table.Count;
        if (terms.Ids is { } ids)
        {
            estimate = Math.Min(estimate, ids.Count);
            return "ids";
        }
        if (filter == ConstantFilter.Never) return "skipped";
        var probe = ChooseProbe(filter, table, 0, wanted);
        if (probe is null) return "scan";
        estimate = probe.Estimate();
        return probe.Explain();
    }

    private bool NextCandidates(out int start, out ulong candidates)
    {
        if (_isScanning)
        {
            start = _at & ~63;
            candidates = ulong.MaxValue << (_at - start);
            if (_at >= Table.RowCount) return false;
            if (Table.RowCount - start < 64) candidates &= (1UL << (Table.RowCount - start)) - 1;
            _at = start + 64;
            return true;
        }
        start = 0;
        candidates = 0;
        if (_at >= _rows.Count) return false;
        start = _rows[_at] & ~63;
        for (; _at < _rows.Count && _rows[_at] < start + 64; _at++) candidates |= 1UL << (_rows[_at] - start);
        return true;
    }

    private int NextRow() => _isScanning ? _at : _at < _rows.Count ? _rows[_at] : int.MaxValue;

    private ulong DropFree(int start, ulong mask)
    {
        for (var rest = mask; rest != 0; rest &= rest - 1)
        {
            var bit = BitOperations.TrailingZeroCount(rest);
            if (!Table.IsLive(start + bit) || (Table.Seen is { IsUniform: false } or { Common.Exists: false } && !Table.Exists(start + bit))) mask &= ~(1UL << bit);
        }
        return mask;
    }

    private void EnterTable(int number, int fromRow)
    {
        _table = number;
        _at = 0;
        _rows.Clear();
        if (number >= state.Tables.Length) return;
        Table = state.Tables[number];
        _isScanning = false;
        if (_isNamed) CollectNamedOf(number, fromRow);
        if (_isNamed && _rows.Count == 0) return;
        _filter = _terms.FilterFor(Table, _parameters);
        if (_filter == ConstantFilter.Never) _rows.Clear();
        if (_isNamed || _filter == ConstantFilter.Never) return;
        if (ChooseProbe(_filter, Table, fromRow, _wanted) is { } probe)
        {
            probe.Collect(_rows);
            _rows.Sort();
            _at = _rows.BinarySearch(fromRow);
            if (_at < 0) _at = ~_at;
            return;
        }
        _isScanning = true;
        _at = fromRow;
    }

    // The index whose rows are fewest, if reading and sorting them beats scanning until enough rows are found.
    private static IndexProbe? ChooseProbe(RowFilter filter, ModelTable table, int fromRow, long wanted)
    {
        IndexProbe? best = null;
        var fewest = int.MaxValue;
        if (filter is AllFilter all)
        {
            foreach (var term in all.Terms)
            {
                if (term.Probe is not { CanAsk: true } probe) continue;
                foreach (var other in all.Terms)
                    if (other != term && other.Probe is { } more) probe = probe.Narrow(more);
                Consider(probe, ref best, ref fewest);
            }
        }
        else if (filter.Probe is { CanAsk: true } only) Consider(only, ref best, ref fewest);
        if (best is null) return null;
        double rows = table.RowCount - fromRow;
        var untilEnough = Math.Min(rows, (wanted + 1.0) * table.RowCount / Math.Max(1, fewest));
        return (fewest * NanosecondsPerIndexedRow) + NanosecondsPerIndexUse < untilEnough * filter.NanosecondsPerRow ? best : null;
    }

    private static void Consider(IndexProbe probe, ref IndexProbe? best, ref int fewest)
    {
        var estimate = probe.Estimate();
        if (estimate >= fewest) return;
        fewest = estimate;
        best = probe;
    }

    private void CollectNamed()
    {
        _named.Clear();
        _isNamed = _terms.Ids is not null;
        if (_terms.Ids is not { } ids) return;
        foreach (var expression in ids)
        {
            var value = expression is ParameterExpression parameter ? _parameters[parameter.Slot] : ((LiteralExpression)expression).Value;
            if (value.AsText is { } id && state.TryLocate(id, out var table, out var row)) _named.Add((table.Number, row));
        }
        _named.Sort();
    }

    private void CollectNamedOf(int number, int fromRow)
    {
        foreach (var (table, row) in _named)
            if (table == number && row >= fromRow && (_rows.Count == 0 || _rows[^1] != row)) _rows.Add(row);
    }
}
