namespace Twin.Model.Query;

/// <summary>What a source ranges over.</summary>
public enum SourceKind : byte
{
    /// <summary>Twins.</summary>
    Twins,
    /// <summary>Relationships.</summary>
    Relationships,
}

/// <summary>A collection or join a query ranges over.</summary>
/// <param name="Alias">Its name in the text; null when it has none.</param>
/// <param name="Kind">What it ranges over.</param>
public sealed record QuerySource(string? Alias, SourceKind Kind);

/// <summary>Which way a hop follows relationships, seen from its left side.</summary>
public enum HopDirection : byte
{
    /// <summary>From source to target: <c>-[...]-&gt;</c>.</summary>
    Out,
    /// <summary>From target to source: <c>&lt;-[...]-</c>.</summary>
    In,
    /// <summary>Both ways: <c>-[...]-</c>. A relationship of a twin with itself counts once.</summary>
    Either,
}

/// <summary>
/// One step of a pattern between two sources of twins: a JOIN, or a link of a MATCH chain. With more than one hop allowed the
/// right side is every twin that a walk of <paramref name="Least"/> to <paramref name="Most"/> relationships reaches, each once.
/// </summary>
/// <param name="From">Left source.</param>
/// <param name="Link">Source of the relationships; always present, with or without an alias.</param>
/// <param name="To">Right source.</param>
/// <param name="Names">Relationship names, any of them; empty takes all.</param>
/// <param name="Direction">Which way.</param>
/// <param name="Least">Fewest relationships followed, at least 1.</param>
/// <param name="Most">Most relationships followed.</param>
public sealed record QueryHop(int From, int Link, int To, IReadOnlyList<string> Names, HopDirection Direction = HopDirection.Out, int Least = 1, int Most = 1)
{
    /// <summary>True for exactly one relationship, which then may have conditions.</summary>
    public bool IsSingle => Least == 1 && Most == 1;
}

/// <summary>One item after SELECT.</summary>
/// <param name="Name">Its key in the row.</param>
/// <param name="Value">What is put there: a path, a distance or an aggregate; left out of the row when missing.</param>
public sealed record SelectItem(string Name, Expression Value);

/// <summary>What a row holds.</summary>
public enum SelectionKind : byte
{
    /// <summary>The whole document; with a JOIN one key per alias.</summary>
    All,
    /// <summary>Named items.</summary>
    Items,
    /// <summary>One row with the number of rows there would be.</summary>
    Count,
    /// <summary>One row a group: the group's values and aggregates over it.</summary>
    Groups,
}

/// <summary>One ORDER BY term: a path or a distance; with groups a path that is selected or an aggregate.</summary>
public sealed record OrderTerm(Expression Value, bool IsDescending);

/// <summary>A parsed query. Immutable; thread-safe. Made by <see cref="QueryParser"/>.</summary>
public sealed record TwinQuery
{
    /// <summary>The text it was read from.</summary>
    public required string Text { get; init; }

    /// <summary>True for <c>EXPLAIN SELECT ...</c>: answer with the plan instead of the rows.</summary>
    public bool IsExplain { get; init; }

    /// <summary>What a row holds.</summary>
    public required SelectionKind Selection { get; init; }

    /// <summary>The items when <see cref="Selection"/> is Items; empty otherwise.</summary>
    public IReadOnlyList<SelectItem> Items { get; init; } = [];

    /// <summary>Key of the count in its row.</summary>
    public string CountName { get; init; } = "COUNT";

    /// <summary>Most rows, or null.</summary>
    public int? Top { get; init; }

    /// <summary>FROM first, then each hop's new twins and link.</summary>
    public required IReadOnlyList<QuerySource> Sources { get; init; }

    /// <summary>Steps of the pattern in the order of the text; each has one side in an earlier step or in FROM.</summary>
    public IReadOnlyList<QueryHop> Hops { get; init; } = [];

    /// <summary>The condition, or null.</summary>
    public Expression? Where { get; init; }

    /// <summary>What rows are grouped by; empty makes one group of all when <see cref="Selection"/> is Groups.</summary>
    public IReadOnlyList<PathExpression> Groups { get; init; } = [];

    /// <summary>The instant of <c>AS OF</c>; null asks about now.</summary>
    public WallTime? AsOf { get; init; }

    /// <summary>The branch of <c>IN BRANCH</c>; null asks about the live world.</summary>
    public string? Branch { get; init; }

    /// <summary>True for <c>EXPLAIN ANALYZE</c>: the plan with what a run of the first page examined.</summary>
    public bool IsAnalyze { get; init; }

    /// <summary>Order, most significant first.</summary>
    public IReadOnlyList<OrderTerm> Order { get; init; } = [];

    /// <summary>Names of the parameters used, without <c>$</c>, by slot.</summary>
    public IReadOnlyList<string> Parameters { get; init; } = [];

    /// <summary>Values in slot order, or a problem naming the parameter that has none.</summary>
    public bool TryBind(IReadOnlyDictionary<string, PropertyValue>? given, out PropertyValue[] values, out Problem? problem)
    {
        values = Parameters.Count == 0 ? [] : new PropertyValue[Parameters.Count];
        for (var i = 0; i < values.Length; i++)
        {
            if (given is not null && (given.TryGetValue(Parameters[i], out values[i]) || given.TryGetValue("$" + Parameters[i], out values[i])))
            {
                if (values[i].Kind == ValueKind.None) values[i] = QueryValues.Null;
                continue;
            }
            problem = new Problem("QueryParameterMissing", $"The query uses ${Parameters[i]}; the request gives no value for it.", Parameters[i]);
            return false;
        }
        problem = null;
        return true;
    }
}
