namespace Twin.Graph.Query;

/// <summary>
/// Turns a condition into a <see cref="RowFilter"/> for one model table: paths become columns once, IS_OF_MODEL and
/// questions about properties the model lacks become constants, and constants are folded away.
/// </summary>
internal sealed class FilterCompiler(ModelTable table, PropertyValue[] parameters)
{
    public RowFilter Compile(Expression? condition) => condition switch
    {
        null => ConstantFilter.Always,
        AndExpression and => All(and.Terms),
        OrExpression or => Any(or.Terms),
        NotExpression not => Not(Compile(not.Term)),
        ComparisonExpression comparison => CompileComparison(comparison),
        InExpression among => CompileIn(among),
        OfModelExpression ofModel => ConstantFilter.Of(ConstantOf(ofModel.Model) is { } model && model.AsText is { } dtmi && TwinPaths.IsOfModel(table.Model, dtmi, ofModel.IsExact)),
        FunctionExpression function => CompileFunction(function),
        GeoWithinExpression within => CompileWithin(within),
        LiteralExpression or ParameterExpression => ConstantFilter.Of(ConstantOf(condition) is { Kind: ValueKind.Boolean } value && value.AsBoolean),
        PathExpression path => CompileComparison(new ComparisonExpression(Comparison.Equal, path, new LiteralExpression(PropertyValue.From(true), path.Position), path.Position)),
        _ => throw new NotSupportedException($"{condition.GetType().Name} cannot be compiled."),
    };

    /// <summary>All of some terms; no terms hold always.</summary>
    public RowFilter All(IReadOnlyList<Expression> terms)
    {
        var kept = new List<RowFilter>(terms.Count);
        foreach (var term in terms)
        {
            var filter = table.Seen is { AreColumnsAlike: false } ? Plain(term) : Compile(term); // where twins look different, each is asked
            if (filter == ConstantFilter.Never) return filter;
            if (filter is AllFilter inner) kept.AddRange(inner.Terms);
            else if (filter != ConstantFilter.Always) kept.Add(filter);
        }
        return kept.Count switch
        {
            0 => ConstantFilter.Always,
            1 => kept[0],
            _ => new AllFilter([.. kept.OrderBy(CostOf)]),
        };
    }

    private RowFilter Any(IReadOnlyList<Expression> terms)
    {
        var kept = new List<RowFilter>(terms.Count);
        foreach (var term in terms)
        {
            var filter = Compile(term);
            if (filter == ConstantFilter.Always) return filter;
            if (filter != ConstantFilter.Never) kept.Add(filter);
        }
        return kept.Count switch
        {
            0 => ConstantFilter.Never,
            1 => kept[0],
            _ => new AnyFilter([.. kept.OrderBy(CostOf)]),
        };
    }

    private static RowFilter Not(RowFilter term) =>
        term == ConstantFilter.Always ? ConstantFilter.Never : term == ConstantFilter.Never ? ConstantFilter.Always : new NoneFilter(term);

    // Cheap loops first: numbers, then presence, then text, then combinations, then row by row.
    private static int CostOf(RowFilter filter) => filter switch
    {
        PresenceFilter => 1,
        PlainFilter => 5,
        AreaFilter or NearFilter => 4,
        NumberSetFilter => 2,
        AllFilter or AnyFilter or NoneFilter => 4,
        _ => filter.GetType().Name.StartsWith("Number", StringComparison.Ordinal) ? 0 : 3,
    };

    private RowFilter CompileComparison(ComparisonExpression comparison)
    {
        var (left, right, op) = (comparison.Left, comparison.Right, comparison.Operator);
        if (left is not (PathExpression or GeoDistanceExpression) && right is PathExpression or GeoDistanceExpression) (left, right, op) = (right, left, QueryValues.Mirror(op));
        var leftConstant = ConstantOf(left);
        var rightConstant = ConstantOf(right);
        if (leftConstant is { } a && rightConstant is { } b) return ConstantFilter.Of(QueryValues.Holds(op, a, b));
        if (left is GeoDistanceExpression distance && rightConstant is { } metres) return CompileNear(distance, op, metres) ?? Plain(comparison);
        if (leftConstant is { Kind: ValueKind.None } || rightConstant is { Kind: ValueKind.None }) return ConstantFilter.Never;
        if (left is PathExpression path && rightConstant is { } value) return CompareWith(path, op, value) ?? Plain(comparison);
        return Plain(comparison);
    }

    private RowFilter CompileWithin(GeoWithinExpression within)
    {
        if (TryConstantPlace(within.Place, out var place)) return ConstantFilter.Of(place is { } known && within.Area.Contains(known));
        return PlaceColumns.Find(table, within.Place) is { } columns ? new AreaFilter(columns, within.Area) : Plain(within);
    }

    // Distance less than a constant, one end fixed and the other in columns; null when only the plain way is right.
    private RowFilter? CompileNear(GeoDistanceExpression distance, Comparison op, PropertyValue metres)
    {
        bool isFromKnown = TryConstantPlace(distance.From, out var from), isToKnown = TryConstantPlace(distance.To, out var to);
        if ((isFromKnown && from is null) || (isToKnown && to is null)) return ConstantFilter.Never; // no place, no distance
        if (isFromKnown && isToKnown) return ConstantFilter.Of(QueryValues.Holds(op, PropertyValue.From(Geodesic.Metres(from!.Value, to!.Value)), metres));
        if (isFromKnown == isToKnown || op is not (Comparison.Less or Comparison.LessOrEqual) || !metres.IsNumber || !(metres.AsNumber >= 0)) return null;
        return PlaceColumns.Find(table, isFromKnown ? distance.To : distance.From) is { } columns ? new NearFilter(columns, (from ?? to)!.Value, metres, op) : null;
    }

    /// <summary>Whether a distance is to one fixed place from columns with an index of places.</summary>
    public bool IsIndexed(GeoDistanceExpression distance) =>
        CompileNear(distance, Comparison.LessOrEqual, PropertyValue.From(0L)) is NearFilter { Probe: not null };

    // True when the place is the same for every row of the table; it is null when it is no place.
    private bool TryConstantPlace(Expression place, out GeoPlace? constant)
    {
        constant = null;
        if (place is PointExpression point)
        {
            if (ConstantOf(point.Longitude) is not { } longitude || ConstantOf(point.Latitude) is not { } latitude)
                return ConstantOf(point.Longitude) is { Kind: ValueKind.None } || ConstantOf(point.Latitude) is { Kind: ValueKind.None };
            if (GeoPlace.TryMake(longitude, latitude, out var made)) constant = made;
            return true;
        }
        if (ConstantOf(place) is not { } value) return false;
        if (GeoPlace.TryRead(value, out var read)) constant = read;
        return true;
    }

    // path op constant, where the path is a column or the id; null when only the plain way is right.
    private RowFilter? CompareWith(PathExpression path, Comparison op, PropertyValue value)
    {
        if (path.IsName("$dtId"))
        {
            if (value.AsText is { } id) return new TextFilter<TextComparison>(table, null, new TextComparison(op, id));
            return null;
        }
        if (TwinPaths.FindColumn(table, path, out var names) is not { } column || names != path.Segments.Count) return null;
        if (column.Storage == ValueKind.Json) return null;
        if (value.AsText is { } text)
        {
            if (column.Storage == ValueKind.Text)
                return new TextFilter<TextComparison>(table, column, new TextComparison(op, text), op == Comparison.Equal ? IndexProbe.For(column, op, value) : null);
            if (column.Storage == ValueKind.DateTime && QueryValues.TryReadInstant(text, out var instant)) value = PropertyValue.From(instant);
            else if (column.Storage == ValueKind.Duration && TimeText.TryReadDuration(text, out var span)) value = PropertyValue.From(span);
        }
        if (NumberFilters.TryMake(column, op, value) is { } filter) return filter;
        var sameClass = QueryValues.ClassOf(value) == QueryValues.ClassOf(SampleOf(column.Storage));
        if (sameClass && value.Kind != ValueKind.Text && column.Storage != ValueKind.Text) return null; // a number too large to be exact, say
        if (sameClass && column.Storage == ValueKind.Text) return null; // text against a time
        return op == Comparison.NotEqual ? new PresenceFilter(column) : ConstantFilter.Never;
    }

    private RowFilter CompileIn(InExpression among)
    {
        if (among.Value is not PathExpression path) return Plain(among);
        if (ConstantOf(path) is { } constant && constant.Kind == ValueKind.None) return ConstantFilter.Never;
        var values = new PropertyValue[among.List.Count];
        for (var i = 0; i < values.Length; i++) values[i] = ConstantOf(among.List[i])!.Value;
        var isId = path.IsName("$dtId");
        var column = isId ? null : TwinPaths.FindColumn(table, path, out var names) is { } found && names == path.Segments.Count ? found : null;
        if (isId || column?.Storage == ValueKind.Text)
        {
            if (values.Any(v => v.Kind is ValueKind.DateTime or ValueKind.Duration)) return Plain(among);
            var texts = values.Where(v => v.Kind == ValueKind.Text).Select(v => v.AsText!).ToHashSet(StringComparer.Ordinal);
            return new TextFilter<TextAmong>(table, column, new TextAmong(texts, among.IsNegated));
        }
        if (column?.Storage is ValueKind.Integer or ValueKind.Double && values.All(v => v.IsNumber && Math.Abs(v.AsNumber) < 1L << 53))
        {
            // Doubles are looked up by their bits, so both zeros go in.
            var bits = new HashSet<long>();
            foreach (var value in values)
            {
                if (column.Storage == ValueKind.Double) bits.Add(BitConverter.DoubleToInt64Bits(value.AsNumber));
                else if (Math.Floor(value.AsNumber) == value.AsNumber) bits.Add((long)value.AsNumber);
                if (column.Storage == ValueKind.Double && value.AsNumber == 0) bits.UnionWith([0, long.MinValue]);
            }
            return new NumberSetFilter(column, bits, among.IsNegated);
        }
        return Plain(among);
    }

    private RowFilter CompileFunction(FunctionExpression function)
    {
        var first = ConstantOf(function.Arguments[0]);
        if (function.Arguments.Count == 1)
        {
            if (first is { } value) return ConstantFilter.Of(QueryValues.Holds(function.Function, value));
            if (function.Arguments[0] is PathExpression path && TwinPaths.FindColumn(table, path, out var names) is { Storage: not ValueKind.Json } column && names == path.Segments.Count)
                return QueryValues.Holds(function.Function, SampleOf(column.Storage)) ? new PresenceFilter(column) : ConstantFilter.Never;
            return Plain(function);
        }
        var second = ConstantOf(function.Arguments[1]);
        if (function.Function == QueryFunction.ArrayContains) return first is { } array && second is { } element ? ConstantFilter.Of(QueryValues.Holds(function.Function, array, element)) : Plain(function);
        if (first is { } a && second is { } b) return ConstantFilter.Of(QueryValues.Holds(function.Function, a, b));
        if (first is { } text && QueryValues.ClassOf(text) != 4) return ConstantFilter.Never;
        if (second is { } wanted)
        {
            if (QueryValues.TextOf(wanted) is not { } part) return ConstantFilter.Never;
            if (function.Arguments[0] is PathExpression path)
            {
                if (path.IsName("$dtId")) return new TextFilter<TextPart>(table, null, new TextPart(function.Function, part));
                if (TwinPaths.FindColumn(table, path, out var names) is { Storage: ValueKind.Text } column && names == path.Segments.Count)
                    return new TextFilter<TextPart>(table, column, new TextPart(function.Function, part));
            }
        }
        return Plain(function);
    }

    private PlainFilter Plain(Expression term) => new(term, table, parameters);

    /// <summary>The value when it is the same for every row of the table; null when it depends on the row.</summary>
    private PropertyValue? ConstantOf(Expression operand) => operand switch
    {
        LiteralExpression literal => literal.Value.Kind == ValueKind.None ? QueryValues.Null : literal.Value,
        ParameterExpression parameter => parameters[parameter.Slot],
        PathExpression { IsModel: true } => PropertyValue.From(table.Model.Id),
        PathExpression { IsSystem: false } path when TwinPaths.FindColumn(table, path, out _) is null =>
            TwinPaths.IsComponent(table, path) ? PropertyValue.FromJson("{}"u8.ToArray()) : PropertyValue.None,
        _ => null,
    };

    private static PropertyValue SampleOf(ValueKind storage) => storage switch
    {
        ValueKind.Text => PropertyValue.From(""),
        ValueKind.Json => PropertyValue.FromJson("{}"u8.ToArray()),
        _ => PropertyValue.FromBits(storage, 0),
    };
}
