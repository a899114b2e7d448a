namespace Twin.Model.Query;

/// <summary>
/// Reads the frame of a query: SELECT, FROM, JOIN, GROUP BY, ORDER BY; conditions go to <see cref="ConditionParser"/>, chains to
/// <see cref="MatchParser"/>. The list after SELECT is read after FROM, when its aliases are known.
/// </summary>
internal sealed class StatementParser
{
    private readonly string _text;
    private readonly TokenCursor _cursor;
    private readonly List<QuerySource> _sources = [];
    private readonly List<QueryHop> _hops = [];
    private readonly List<SelectItem> _items = [];
    private readonly ConditionParser _conditions;

    public StatementParser(string text)
    {
        _text = text;
        _cursor = new TokenCursor(text);
        _conditions = new ConditionParser(_cursor, _sources, []);
    }

    public TwinQuery Parse()
    {
        var isExplain = _cursor.TakeWord("EXPLAIN");
        var isAnalyze = isExplain && _cursor.TakeWord("ANALYZE");
        _cursor.ExpectWord("SELECT");
        var top = ParseTop();
        var list = _cursor.Mark();
        if (!_cursor.SkipTo("FROM")) ParseList(); // to say what is wrong where FROM should be
        _cursor.ExpectWord("FROM");
        var from = _cursor.Mark();
        var implied = ParseSource();
        var end = _cursor.Mark();
        _cursor.Return(list);
        var isAll = ParseList();
        if (_cursor.Mark() != from - 1) throw _cursor.Error(_cursor.Peek(), ", or FROM");
        _cursor.Return(end);
        var asOf = ParseAsOf();
        var branch = ParseBranch();
        var where = _cursor.TakeWord("WHERE") ? _conditions.ParseCondition() : null;
        var groups = ParseGroups();
        var selection = isAll ? SelectionKind.All : SelectionOf(groups);
        CheckItems(selection, groups, top);
        var order = ParseOrder(selection);
        _cursor.ExpectEnd(where is null ? "JOIN, WHERE, GROUP BY, ORDER BY" : "AND, OR, GROUP BY, ORDER BY");
        if (where is not null) implied.Insert(0, where);
        return new TwinQuery
        {
            Text = _text,
            IsExplain = isExplain,
            IsAnalyze = isAnalyze,
            Selection = selection,
            CountName = selection == SelectionKind.Count ? _items[0].Name : "COUNT",
            Items = selection == SelectionKind.Count ? [] : _items,
            Top = top,
            Sources = _sources,
            Hops = _hops,
            Where = implied.Count switch { 0 => null, 1 => implied[0], _ => new AndExpression(implied, implied[0].Position) },
            Groups = groups ?? [],
            Order = order,
            AsOf = asOf,
            Branch = branch,
            Parameters = _conditions.Parameters,
        };
    }

    private int? ParseTop()
    {
        if (!_cursor.PeekWord("TOP") || _cursor.PeekKind(1) != TokenKind.Open) return null;
        _cursor.Take();
        _cursor.Expect(TokenKind.Open, "(");
        var number = _cursor.Take();
        if (number.Kind != TokenKind.Number || number.Value.Kind != ValueKind.Integer || number.Value.AsInteger is < 1 or > QueryLimits.Top)
            throw _cursor.Error(number, $"a whole number from 1 to {QueryLimits.Top}");
        _cursor.Expect(TokenKind.Close, ")");
        return (int)number.Value.AsInteger;
    }

    // True for *.
    private bool ParseList()
    {
        if (_cursor.TakeKind(TokenKind.Star)) return true;
        do
        {
            if (_items.Count == QueryLimits.Items) _cursor.Fail($"At most {QueryLimits.Items} items may be selected.");
            var at = _cursor.Peek();
            var value = ParseItem("*, COUNT(), TOP(n), an alias or a property");
            var name = _cursor.TakeWord("AS") ? _cursor.ExpectName("a name after AS").Name : NameOf(value, at);
            if (_items.Exists(i => i.Name == name)) throw new QuerySyntaxException(at.Position, $"Two selected items are named {name}; give one another name with AS.");
            _items.Add(new SelectItem(name, value));
        }
        while (_cursor.TakeKind(TokenKind.Comma));
        return false;
    }

    private Expression ParseItem(string what)
    {
        var at = _cursor.Peek();
        if (at.Kind != TokenKind.Name || _cursor.PeekKind(1) != TokenKind.Open) return _conditions.Resolve(_cursor.ParsePath(what));
        if (at.Is("GEO_DISTANCE")) return _conditions.ParseDistance();
        AggregateFunction function = at.Name.ToUpperInvariant() switch
        {
            "COUNT" => AggregateFunction.Count,
            "SUM" => AggregateFunction.Sum,
            "AVG" => AggregateFunction.Avg,
            "MIN" => AggregateFunction.Min,
            "MAX" => AggregateFunction.Max,
            _ => throw _cursor.Error(at, "COUNT, SUM, AVG, MIN, MAX or GEO_DISTANCE"),
        };
        _cursor.Take();
        _cursor.Take();
        PathExpression? argument = null;
        if (function != AggregateFunction.Count || _cursor.Peek().Kind != TokenKind.Close) argument = Property("a property");
        _cursor.Expect(TokenKind.Close, ")");
        return new AggregateExpression(function, argument, at.Position);
    }

    private string NameOf(Expression value, QueryToken at) => value switch
    {
        PathExpression { Segments.Count: > 0 } path => path.Segments[^1],
        AggregateExpression aggregate => aggregate.Function.ToString().ToUpperInvariant(),
        GeoDistanceExpression => "GEO_DISTANCE",
        _ => at.Name,
    };

    private PathExpression Property(string what)
    {
        var path = _conditions.Resolve(_cursor.ParsePath(what));
        return path.Segments.Count > 0 ? path : throw new QuerySyntaxException(path.Position, "An alias was found; a property of it was expected, as in T.temperature.");
    }

    // FROM's collection with its joins or its chain; what comes back must hold beside WHERE.
    private List<Expression> ParseSource()
    {
        var collection = _cursor.Take();
        var kind = collection.Is("DIGITALTWINS") ? SourceKind.Twins
            : collection.Is("RELATIONSHIPS") ? SourceKind.Relationships
            : throw _cursor.Error(collection, "DIGITALTWINS or RELATIONSHIPS");
        if (kind == SourceKind.Twins && _cursor.TakeWord("MATCH")) return new MatchParser(_cursor, _sources, _hops).Parse();
        if (!_cursor.PeekWord(1, "OF")) _cursor.TakeWord("AS");
        _sources.Add(new QuerySource(_cursor.PeekAlias() ? _cursor.Take().Name : null, kind));
        while (_cursor.TakeWord("JOIN")) ParseJoin();
        return [];
    }

    private void ParseJoin()
    {
        if (_hops.Count == QueryLimits.Hops) _cursor.Fail($"At most {QueryLimits.Hops} JOINs are taken.");
        var target = NewAlias("an alias for the joined twins");
        _cursor.ExpectWord("RELATED");
        var start = _cursor.Peek();
        var path = _cursor.ParsePath("alias.relationship");
        var from = FindAlias(path.Segments[0]);
        if (path.Segments.Count != 2 || from < 0)
            throw new QuerySyntaxException(start.Position, "An alias declared before and one relationship name were expected, as in T.contains.");
        if (_sources[from].Kind != SourceKind.Twins)
            throw new QuerySyntaxException(start.Position, $"{path.Segments[0]} stands for relationships; JOIN starts from twins.");
        var link = _cursor.PeekAlias() ? NewAlias("an alias for the relationship") : null;
        if (link is not null && link == target) throw new QuerySyntaxException(start.Position, $"{link} names both the joined twins and their relationship.");
        _sources.Add(new QuerySource(target, SourceKind.Twins));
        _sources.Add(new QuerySource(link, SourceKind.Relationships));
        _hops.Add(new QueryHop(from, _sources.Count - 1, _sources.Count - 2, [path.Segments[1]]));
    }

    private string NewAlias(string what)
    {
        var token = _cursor.ExpectName(what);
        return FindAlias(token.Name) < 0 ? token.Name : throw new QuerySyntaxException(token.Position, $"The alias {token.Name} is declared twice.");
    }

    private int FindAlias(string name) => _sources.FindIndex(s => s.Alias == name);

    private WallTime? ParseAsOf()
    {
        if (!_cursor.PeekWord("AS") || !_cursor.PeekWord(1, "OF")) return null;
        _cursor.Take();
        _cursor.Take();
        var token = _cursor.Peek();
        if (token.Kind != TokenKind.Text || !QueryValues.TryReadInstant(token.Value.AsText, out var instant)) throw _cursor.Error(token, "an instant in quotes, as in '2026-01-31T12:00:00Z'");
        _cursor.Take();
        return instant;
    }

    private string? ParseBranch()
    {
        if (!_cursor.PeekWord("IN") || !_cursor.PeekWord(1, "BRANCH")) return null;
        _cursor.Take();
        _cursor.Take();
        var token = _cursor.Peek();
        if (token.Kind != TokenKind.Text || token.Value.AsText is not { Length: > 0 } name) throw _cursor.Error(token, "the name of a branch in quotes");
        _cursor.Take();
        return name;
    }

    private List<PathExpression>? ParseGroups()
    {
        if (!_cursor.TakeWord("GROUP")) return null;
        _cursor.ExpectWord("BY");
        var groups = new List<PathExpression>();
        do
        {
            if (groups.Count == QueryLimits.Items) _cursor.Fail($"At most {QueryLimits.Items} GROUP BY terms are taken.");
            groups.Add(Property("a property to group by"));
        }
        while (_cursor.TakeKind(TokenKind.Comma));
        return groups;
    }

    private SelectionKind SelectionOf(List<PathExpression>? groups)
    {
        if (groups is null && _items is [{ Value: AggregateExpression { Function: AggregateFunction.Count, Argument: null } }]) return SelectionKind.Count;
        return groups is not null || _items.Exists(i => i.Value is AggregateExpression) ? SelectionKind.Groups : SelectionKind.Items;
    }

    private void CheckItems(SelectionKind selection, List<PathExpression>? groups, int? top)
    {
        if (selection == SelectionKind.Count && top is not null) throw new QuerySyntaxException(_items[0].Value.Position, "TOP limits rows; COUNT() answers one row, so TOP has no meaning with it.");
        if (groups is not null && selection == SelectionKind.All) throw new QuerySyntaxException(groups[0].Position, "SELECT * has no meaning with GROUP BY; select the grouped properties and aggregates.");
        if (selection != SelectionKind.Groups) return;
        foreach (var item in _items)
            if (item.Value is not AggregateExpression && groups?.Exists(g => item.Value is PathExpression path && IsSame(g, path)) != true)
                throw new QuerySyntaxException(item.Value.Position, $"{item.Name} is neither grouped by nor in an aggregate; add it to GROUP BY or wrap it, as in MAX(...).");
    }

    private static bool IsSame(PathExpression a, PathExpression b) => a.Source == b.Source && a.Segments.SequenceEqual(b.Segments);

    private List<OrderTerm> ParseOrder(SelectionKind selection)
    {
        var order = new List<OrderTerm>();
        if (!_cursor.PeekWord("ORDER")) return order;
        if (selection == SelectionKind.Count) _cursor.Fail("COUNT() answers one row, so ORDER BY has no meaning with it.");
        _cursor.Take();
        _cursor.ExpectWord("BY");
        do
        {
            if (order.Count == QueryLimits.Items) _cursor.Fail($"At most {QueryLimits.Items} ORDER BY terms are taken.");
            var value = selection == SelectionKind.Groups ? ParseGroupTerm() : ParseTerm();
            var isDescending = _cursor.TakeWord("DESC");
            if (!isDescending) _cursor.TakeWord("ASC");
            order.Add(new OrderTerm(value, isDescending));
        }
        while (_cursor.TakeKind(TokenKind.Comma));
        return order;
    }

    private Expression ParseTerm() =>
        _cursor.PeekWord("GEO_DISTANCE") && _cursor.PeekKind(1) == TokenKind.Open ? _conditions.ParseDistance() : Property("a property to order by");

    // The selected item it names or repeats.
    private Expression ParseGroupTerm()
    {
        var at = _cursor.Peek();
        if (at.Kind is TokenKind.Name or TokenKind.QuotedName && _cursor.PeekKind(1) is not (TokenKind.Open or TokenKind.Dot) && _items.Find(i => i.Name == at.Name) is { } named)
        {
            _cursor.Take();
            return named.Value;
        }
        var value = ParseItem("a selected item to order by");
        return _items.Find(i => (i.Value, value) switch
        {
            (PathExpression a, PathExpression b) => IsSame(a, b),
            (AggregateExpression a, AggregateExpression b) => a.Function == b.Function && (a.Argument is null ? b.Argument is null : b.Argument is not null && IsSame(a.Argument, b.Argument)),
            _ => false,
        })?.Value ?? throw new QuerySyntaxException(at.Position, "With GROUP BY only what is selected can be ordered by.");
    }
}
