namespace Twin.Graph.Query;

/// <summary>A parsed query with what a shard keeps about it from run to run. Belongs to one shard's engine.</summary>
internal sealed class CompiledQuery
{
    private readonly List<RowFilter?> _filters = []; // by table number; only for texts without parameters
    private readonly IReadOnlyList<Expression> _twinTerms;

    public CompiledQuery(TwinQuery query)
    {
        Query = query;
        if (query.Joins.Count > 0)
        {
            Join = new JoinPlan(query);
            LinkSource = Join.Join.Link;
            LinkTerms = Join.LinkTerms;
            _twinTerms = Join.SourceTerms;
        }
        else if (query.Sources[0].Kind == SourceKind.Relationships)
        {
            LinkSource = 0;
            LinkTerms = ConditionPaths.Conjuncts(query.Where);
            _twinTerms = [];
        }
        else
        {
            LinkSource = -1;
            LinkTerms = [];
            _twinTerms = ConditionPaths.Conjuncts(query.Where);
        }
        foreach (var term in query.Joins.Count > 0 ? _twinTerms : ConditionPaths.Conjuncts(query.Where))
            if (TryFindIds(term, LinkSource == 0 ? "$sourceId" : "$dtId") is { } ids && (Ids is null || ids.Count < Ids.Count)) Ids = ids;
    }

    public TwinQuery Query { get; }

    public JoinPlan? Join { get; }

    /// <summary>Source number of the relationships; -1 when rows are twins alone.</summary>
    public int LinkSource { get; }

    /// <summary>Terms decided per relationship.</summary>
    public IReadOnlyList<Expression> LinkTerms { get; }

    /// <summary>Values of the smallest <c>$dtId =</c> or <c>$dtId IN</c> term (<c>$sourceId</c> for relationships); null without one.</summary>
    public IReadOnlyList<Expression>? Ids { get; }

    /// <summary>The filter over a table's twins.</summary>
    public RowFilter FilterFor(ModelTable table, PropertyValue[] parameters)
    {
        if (Query.Parameters.Count > 0) return new FilterCompiler(table, parameters).All(_twinTerms);
        while (_filters.Count <= table.Number) _filters.Add(null);
        return _filters[table.Number] ??= new FilterCompiler(table, parameters).All(_twinTerms);
    }

    private static IReadOnlyList<Expression>? TryFindIds(Expression term, string name) => term switch
    {
        ComparisonExpression { Operator: Comparison.Equal, Left: PathExpression path, Right: LiteralExpression or ParameterExpression } c when path.IsName(name) => [c.Right],
        ComparisonExpression { Operator: Comparison.Equal, Right: PathExpression path, Left: LiteralExpression or ParameterExpression } c when path.IsName(name) => [c.Left],
        InExpression { IsNegated: false, Value: PathExpression path } among when path.IsName(name) => among.List,
        _ => null,
    };
}
