namespace Twin.Graph.Query;

/// <summary>
/// A condition compiled for one model table. It narrows a word of 64 rows at a time, so a scan costs one virtual call per
/// node per 64 rows and the leaves run tight loops over column spans. Rows of deleted twins may stay in the answer; the
/// scan drops them. Hot; allocates nothing. Not thread-safe; use while the state stands still.
/// </summary>
internal abstract class RowFilter
{
    /// <summary>The rows among <paramref name="care"/> (bit i = row start + i, i below <paramref name="count"/>) for which the condition holds.</summary>
    public abstract ulong Filter(int start, int count, ulong care);

    /// <summary>What a secondary index could answer for this filter; null when nothing.</summary>
    public virtual IndexProbe? Probe => null;

    /// <summary>What looking at a row costs, about, on a present server core; for choosing between a scan and an index.</summary>
    public virtual double NanosecondsPerRow => 1;

    /// <summary>How EXPLAIN names it.</summary>
    public abstract string Explain();

    /// <summary>Whether one row passes.</summary>
    public bool Passes(int row) => Filter(row, 1, 1) != 0;
}

/// <summary>Always or never.</summary>
internal sealed class ConstantFilter(bool holds) : RowFilter
{
    public static ConstantFilter Always { get; } = new(true);

    public static ConstantFilter Never { get; } = new(false);

    public static ConstantFilter Of(bool holds) => holds ? Always : Never;

    public override ulong Filter(int start, int count, ulong care) => holds ? care : 0;

    public override string Explain() => holds ? "true" : "false";
}

/// <summary>Every term; stops at the first that leaves no row.</summary>
internal sealed class AllFilter(RowFilter[] terms) : RowFilter
{
    public RowFilter[] Terms => terms;

    public override double NanosecondsPerRow => terms[0].NanosecondsPerRow; // the others see what it leaves

    public override ulong Filter(int start, int count, ulong care)
    {
        foreach (var term in terms)
            if ((care = term.Filter(start, count, care)) == 0) break;
        return care;
    }

    public override string Explain() => "(" + string.Join(" AND ", terms.Select(t => t.Explain())) + ")";
}

/// <summary>Any term; each is asked only about rows no earlier one took.</summary>
internal sealed class AnyFilter(RowFilter[] terms) : RowFilter
{
    public override ulong Filter(int start, int count, ulong care)
    {
        var taken = 0UL;
        foreach (var term in terms)
        {
            taken |= term.Filter(start, count, care & ~taken);
            if (taken == care) break;
        }
        return taken;
    }

    public override string Explain() => "(" + string.Join(" OR ", terms.Select(t => t.Explain())) + ")";
}

/// <summary>The rows the term does not take.</summary>
internal sealed class NoneFilter(RowFilter term) : RowFilter
{
    public override ulong Filter(int start, int count, ulong care) => care & ~term.Filter(start, count, care);

    public override string Explain() => "NOT " + term.Explain();
}

/// <summary>A question for a column's secondary index: in a box, equal to <see cref="Equal"/>, or between two bounds (None is open).</summary>
internal sealed record IndexProbe(Column Column, PropertyValue Equal, PropertyValue Low, bool IncludesLow, PropertyValue High, bool IncludesHigh)
{
    private SpatialIndex? Places { get; init; }

    private GeoBox Box { get; init; }

    public static IndexProbe? For(PlaceColumns columns, GeoBox box) =>
        columns.Index is { } places ? new IndexProbe(columns.First, default, default, false, default, false) { Places = places, Box = box } : null;

    public bool IsEquality => Equal.Kind != ValueKind.None;

    public static IndexProbe? For(Column column, Comparison comparison, PropertyValue bound) => comparison switch
    {
        Comparison.Equal => new IndexProbe(column, bound, default, false, default, false),
        Comparison.Greater or Comparison.GreaterOrEqual => new IndexProbe(column, default, bound, comparison == Comparison.GreaterOrEqual, default, false),
        Comparison.Less or Comparison.LessOrEqual => new IndexProbe(column, default, default, false, bound, comparison == Comparison.LessOrEqual),
        _ => null,
    };

    /// <summary>Both ranges at once, when both are ranges over the same column with open ends that fit together.</summary>
    public IndexProbe Narrow(IndexProbe other)
    {
        if (IsEquality || other.IsEquality || other.Column != Column || Places is not null || other.Places is not null) return this;
        var narrowed = this;
        if (Low.Kind == ValueKind.None && other.Low.Kind != ValueKind.None) narrowed = narrowed with { Low = other.Low, IncludesLow = other.IncludesLow };
        if (High.Kind == ValueKind.None && other.High.Kind != ValueKind.None) narrowed = narrowed with { High = other.High, IncludesHigh = other.IncludesHigh };
        return narrowed;
    }

    public bool CanAsk => Places is not null || (Column.Index is { } index && (IsEquality || index.IsOrdered));

    public string Explain() => (Places is null ? "index " : "places ") + Column.Definition.Path;

    public int Estimate() => Places is not null ? Places.Estimate(Box) : IsEquality ? Column.Index!.EstimateEqual(Equal) : Column.Index!.EstimateRange(Low, IncludesLow, High, IncludesHigh);

    public void Collect(List<int> rows)
    {
        if (Places is not null) Places.Collect(Box, rows);
        else if (IsEquality) Column.Index!.CollectEqual(Equal, rows);
        else Column.Index!.CollectRange(Low, IncludesLow, High, IncludesHigh, rows);
    }
}
