namespace Twin.Model.Query;

/// <summary>
/// How a one-JOIN query is cut in two: terms of the condition over the source side run where the source lives, the rest
/// where the target lives, with the source side's values sent along. Both shards derive the same cut from the text.
/// </summary>
public sealed class JoinPlan
{
    private readonly Dictionary<string, int> _slots = new(StringComparer.Ordinal);

    /// <summary>Cuts a query that has exactly one JOIN.</summary>
    public JoinPlan(TwinQuery query)
    {
        Join = query.Joins[0];
        var target = 1 << Join.Target;
        var sourceOnly = new List<Expression>();
        var linkTerms = new List<Expression>();
        var targetTerms = new List<Expression>();
        foreach (var term in ConditionPaths.Conjuncts(query.Where))
        {
            var sources = ConditionPaths.SourcesOf(term);
            if ((sources & target) != 0) targetTerms.Add(term);
            else if ((sources & (1 << Join.Link)) != 0) linkTerms.Add(term);
            else sourceOnly.Add(term);
        }
        (SourceTerms, LinkTerms, TargetTerms) = (sourceOnly, linkTerms, targetTerms);
        var bindings = new List<PathExpression>();
        void Bind(PathExpression path)
        {
            if (path.Source == Join.Target || !_slots.TryAdd(KeyOf(path), bindings.Count)) return;
            bindings.Add(path);
        }
        foreach (var term in targetTerms) ConditionPaths.Visit(term, Bind);
        foreach (var order in query.Order) Bind(order.Path);
        Bindings = bindings;
    }

    /// <summary>The join.</summary>
    public QueryJoin Join { get; }

    /// <summary>Terms over the source twin alone (or over nothing).</summary>
    public IReadOnlyList<Expression> SourceTerms { get; }

    /// <summary>Terms that ask about the relationship too, but not the target.</summary>
    public IReadOnlyList<Expression> LinkTerms { get; }

    /// <summary>Terms that ask about the target.</summary>
    public IReadOnlyList<Expression> TargetTerms { get; }

    /// <summary>Paths of the source side that the target's shard needs.</summary>
    public IReadOnlyList<PathExpression> Bindings { get; }

    /// <summary>The path's place in <see cref="Bindings"/>.</summary>
    public int SlotOf(PathExpression path) => _slots[KeyOf(path)];

    private static string KeyOf(PathExpression path) => path.Source + ":" + path.StatePath;
}
