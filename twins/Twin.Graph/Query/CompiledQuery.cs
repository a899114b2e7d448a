namespace Twin.Graph.Query;

/// <summary>The terms one source of twins must hold, with their filters by table. Belongs to one shard's engine.</summary>
internal sealed class TwinTerms(IReadOnlyList<Expression> terms, IReadOnlyList<Expression>? ids, bool hasParameters)
{
    private const int MostSeen = 256;
    private readonly List<RowFilter?> _filters = []; // by table number; only without parameters
    private readonly Dictionary<ModelViews, RowFilter> _seen = []; // the same for subjects under policies

    /// <summary>Values of the shortest <c>$dtId =</c> or <c>$dtId IN</c> term (<c>$sourceId</c> for relationships); null without one.</summary>
    public IReadOnlyList<Expression>? Ids => ids;

    /// <summary>The filter over a table's twins.</summary>
    public RowFilter FilterFor(ModelTable table, PropertyValue[] parameters)
    {
        if (table.Seen is { } seen) return FilterFor(table, seen, parameters);
        if (hasParameters) return new FilterCompiler(table, parameters).All(terms);
        while (_filters.Count <= table.Number) _filters.Add(null);
        return _filters[table.Number] ??= new FilterCompiler(table, parameters).All(terms);
    }

    private RowFilter FilterFor(ModelTable table, ModelViews seen, PropertyValue[] parameters)
    {
        if (hasParameters || !seen.AreColumnsAlike) return new FilterCompiler(table, parameters).All(terms);
        if (_seen.TryGetValue(seen, out var known)) return known;
        if (_seen.Count >= MostSeen) _seen.Clear();
        return _seen[seen] = new FilterCompiler(table, parameters).All(terms);
    }
}

/// <summary>A parsed query with what a shard keeps about it from run to run. Belongs to one shard's engine.</summary>
internal sealed class CompiledQuery
{
    private readonly MatchPlan?[] _plans;
    private readonly TwinTerms?[] _terms;

    public CompiledQuery(TwinQuery query)
    {
        Query = query;
        LinkSource = query.Sources[0].Kind == SourceKind.Relationships ? 0 : -1;
        _plans = new MatchPlan?[query.Sources.Count];
        _terms = new TwinTerms?[query.Sources.Count];
        var terms = ConditionPaths.Conjuncts(query.Where);
        if (LinkSource == 0) (LinkTerms, _terms[0]) = (terms, new TwinTerms([], ConditionPaths.IdsOf(terms, 0, "$sourceId"), false));
        else if (query.Hops.Count == 0) _terms[0] = new TwinTerms(terms, ConditionPaths.IdsOf(terms, 0, "$dtId"), query.Parameters.Count > 0);
    }

    public TwinQuery Query { get; }

    /// <summary>Source number of the relationships; -1 when rows are twins.</summary>
    public int LinkSource { get; }

    /// <summary>Terms decided per relationship.</summary>
    public IReadOnlyList<Expression> LinkTerms { get; } = [];

    /// <summary>The plan from a start; null when there is no such source of twins.</summary>
    public MatchPlan? PlanFrom(int start) =>
        (uint)start >= (uint)_plans.Length || Query.Sources[start].Kind != SourceKind.Twins ? null : _plans[start] ??= new MatchPlan(Query, start);

    /// <summary>What a source's twins must hold. The same whichever twin a pattern is run from.</summary>
    public TwinTerms TermsOf(int source)
    {
        if (_terms[source] is { } known) return known;
        var terms = PlanFrom(source)!.TermsOf(source);
        return _terms[source] = new TwinTerms(terms, ConditionPaths.IdsOf(terms, source, "$dtId"), Query.Parameters.Count > 0);
    }
}
