namespace Twin.Model.Query;

/// <summary>
/// Reads the query language: a recursive-descent parser over <see cref="QueryTokenizer"/>'s tokens. Grammar:
/// <code>
/// query  = [EXPLAIN] SELECT [TOP(n)] (* | COUNT() [AS name] | item {, item}) FROM (DIGITALTWINS | RELATIONSHIPS) [alias]
///          {JOIN alias RELATED alias.relationship [alias]} [WHERE condition] [ORDER BY path [ASC|DESC] {, ...}]
/// item   = path [AS name]
/// </code>
/// Keywords in any case; names exactly as written. <c>[[name]]</c> writes a name that is a keyword.
/// Errors have code <c>QuerySyntax</c>, the 1-based position, what was found and what was expected.
/// </summary>
public static class QueryParser
{
    /// <summary>Reads a query; false and a problem when it cannot be read. Never throws on bad text.</summary>
    public static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TwinQuery? query, out Problem? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            query = new StatementParser(text).Parse();
            problem = null;
            return true;
        }
        catch (QuerySyntaxException error)
        {
            query = null;
            problem = error.ToProblem();
            return false;
        }
    }

    /// <summary>Reads a condition on its own, over one source of twins without alias; subscription filters use it. Parameters are refused.</summary>
    public static bool TryParseCondition(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Expression? condition, out Problem? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            var cursor = new TokenCursor(text);
            var parser = new ConditionParser(cursor, [new QuerySource(null, SourceKind.Twins)], []);
            condition = parser.ParseCondition();
            cursor.ExpectEnd("AND, OR");
            if (parser.Parameters.Count > 0)
                throw new QuerySyntaxException(1, $"A condition on its own takes no parameters; ${parser.Parameters[0]} was found.");
            problem = null;
            return true;
        }
        catch (QuerySyntaxException error)
        {
            condition = null;
            problem = error.ToProblem();
            return false;
        }
    }
}

/// <summary>Reads the frame of a query: SELECT, FROM, JOIN, ORDER BY; conditions go to <see cref="ConditionParser"/>.</summary>
internal sealed class StatementParser(string text)
{
    private readonly TokenCursor _cursor = new(text);
    private readonly List<QuerySource> _sources = [];
    private readonly List<QueryJoin> _joins = [];

    public TwinQuery Parse()
    {
        var isExplain = _cursor.TakeWord("EXPLAIN");
        _cursor.ExpectWord("SELECT");
        var top = ParseTop();
        var selection = ParseSelection(out var countName, out var rawItems);
        if (selection == SelectionKind.Count && top is not null) _cursor.Fail("TOP limits rows; COUNT() answers one row, so TOP has no meaning with it.");
        ParseFrom();
        while (_cursor.TakeWord("JOIN")) ParseJoin();
        var conditions = new ConditionParser(_cursor, _sources, []);
        var where = _cursor.TakeWord("WHERE") ? conditions.ParseCondition() : null;
        var order = ParseOrder(conditions, selection);
        _cursor.ExpectEnd(where is null ? "JOIN, WHERE, ORDER BY" : "AND, OR, ORDER BY");
        return new TwinQuery
        {
            Text = text,
            IsExplain = isExplain,
            Selection = selection,
            CountName = countName,
            Items = Resolve(rawItems, conditions),
            Top = top,
            Sources = _sources,
            Joins = _joins,
            Where = where,
            Order = order,
            Parameters = conditions.Parameters,
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

    private SelectionKind ParseSelection(out string countName, out List<RawItem> items)
    {
        countName = "COUNT";
        items = [];
        if (_cursor.TakeKind(TokenKind.Star)) return SelectionKind.All;
        if (_cursor.PeekWord("COUNT") && _cursor.PeekKind(1) == TokenKind.Open)
        {
            _cursor.Take();
            _cursor.Take();
            _cursor.Expect(TokenKind.Close, ")");
            if (_cursor.TakeWord("AS")) countName = _cursor.ExpectName("a name for the count").Name;
            return SelectionKind.Count;
        }
        do
        {
            if (items.Count == QueryLimits.Items) _cursor.Fail($"At most {QueryLimits.Items} items may be selected.");
            var path = _cursor.ParsePath("*, COUNT(), TOP(n), an alias or a property");
            var name = _cursor.TakeWord("AS") ? _cursor.ExpectName("a name after AS").Name : null;
            items.Add(new RawItem(path, name));
        }
        while (_cursor.TakeKind(TokenKind.Comma));
        return SelectionKind.Items;
    }

    private void ParseFrom()
    {
        _cursor.ExpectWord("FROM");
        var collection = _cursor.Take();
        var kind = collection.Is("DIGITALTWINS") ? SourceKind.Twins
            : collection.Is("RELATIONSHIPS") ? SourceKind.Relationships
            : throw _cursor.Error(collection, "DIGITALTWINS or RELATIONSHIPS");
        _cursor.TakeWord("AS");
        _sources.Add(new QuerySource(_cursor.PeekAlias() ? _cursor.Take().Name : null, kind));
    }

    private void ParseJoin()
    {
        if (_joins.Count == QueryLimits.Joins) _cursor.Fail($"At most {QueryLimits.Joins} JOIN is taken.");
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
        _joins.Add(new QueryJoin(from, path.Segments[1], _sources.Count - 2, _sources.Count - 1));
    }

    private string NewAlias(string what)
    {
        var token = _cursor.ExpectName(what);
        return FindAlias(token.Name) < 0 ? token.Name : throw new QuerySyntaxException(token.Position, $"The alias {token.Name} is declared twice.");
    }

    private int FindAlias(string name) => _sources.FindIndex(s => s.Alias == name);

    private List<OrderTerm> ParseOrder(ConditionParser conditions, SelectionKind selection)
    {
        var order = new List<OrderTerm>();
        if (!_cursor.PeekWord("ORDER")) return order;
        if (selection == SelectionKind.Count) _cursor.Fail("COUNT() answers one row, so ORDER BY has no meaning with it.");
        _cursor.Take();
        _cursor.ExpectWord("BY");
        do
        {
            if (order.Count == QueryLimits.Items) _cursor.Fail($"At most {QueryLimits.Items} ORDER BY terms are taken.");
            var path = conditions.Resolve(_cursor.ParsePath("a property to order by"));
            if (path.Segments.Count == 0) throw new QuerySyntaxException(path.Position, "An alias was found; a property of it was expected, as in T.temperature.");
            var isDescending = _cursor.TakeWord("DESC");
            if (!isDescending) _cursor.TakeWord("ASC");
            order.Add(new OrderTerm(path, isDescending));
        }
        while (_cursor.TakeKind(TokenKind.Comma));
        return order;
    }

    private static List<SelectItem> Resolve(List<RawItem> raw, ConditionParser conditions)
    {
        var items = new List<SelectItem>(raw.Count);
        foreach (var item in raw)
        {
            var path = conditions.Resolve(item.Path);
            var name = item.Name ?? item.Path.Segments[^1];
            if (items.Exists(i => i.Name == name))
                throw new QuerySyntaxException(path.Position, $"Two selected items are named {name}; give one another name with AS.");
            items.Add(new SelectItem(name, path));
        }
        return items;
    }

    private readonly record struct RawItem(PathExpression Path, string? Name);
}
