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

/// <summary><c>JOIN target RELATED from.name [relationship]</c>.</summary>
/// <param name="From">Source whose twins own the relationships.</param>
/// <param name="Relationship">Relationship name.</param>
/// <param name="Target">Source that the relationships' targets become.</param>
/// <param name="Link">Source of the relationships themselves; always present, with or without an alias.</param>
public sealed record QueryJoin(int From, string Relationship, int Target, int Link);

/// <summary>One item after SELECT.</summary>
/// <param name="Name">Its key in the row.</param>
/// <param name="Path">What is put there; left out of the row when missing.</param>
public sealed record SelectItem(string Name, PathExpression Path);

/// <summary>What a row holds.</summary>
public enum SelectionKind : byte
{
    /// <summary>The whole document; with a JOIN one key per alias.</summary>
    All,
    /// <summary>Named items.</summary>
    Items,
    /// <summary>One row with the number of rows there would be.</summary>
    Count,
}

/// <summary>One ORDER BY term.</summary>
public sealed record OrderTerm(PathExpression Path, bool IsDescending);

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

    /// <summary>FROM first, then each join's target and link.</summary>
    public required IReadOnlyList<QuerySource> Sources { get; init; }

    /// <summary>Joins in order.</summary>
    public IReadOnlyList<QueryJoin> Joins { get; init; } = [];

    /// <summary>The condition, or null.</summary>
    public Expression? Where { get; init; }

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
