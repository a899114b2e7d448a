namespace Twin.Model.Query;

/// <summary>One hop of a pattern as it is run.</summary>
/// <param name="Hop">The hop as written.</param>
/// <param name="From">Source already bound.</param>
/// <param name="To">Source that it binds.</param>
/// <param name="Direction">Which way relationships are followed, seen from <paramref name="From"/>.</param>
/// <param name="ReadsLink">The relationship itself is asked about, so it must be read where its source lives.</param>
public sealed record MatchStep(QueryHop Hop, int From, int To, HopDirection Direction, bool ReadsLink);

/// <summary>Something read of a twin or relationship: a path, a truth of IS_OF_MODEL, or for SELECT a path as it is written into a row (components and whole twins as their documents).</summary>
public readonly record struct SourceRead(Expression Read, bool IsForOutput);

/// <summary>
/// How a pattern is run from one of its twins: the hops in an order in which each starts from a bound twin, the terms of the
/// condition that each twin or relationship decides where it lives, what must be read there for the rest of the query, and the
/// terms over several that are decided when the last of them is bound. Coordinator and shards derive the same plan from the
/// text and the start. Immutable; thread-safe.
/// </summary>
public sealed class MatchPlan
{
    private readonly List<Expression>[] _terms;
    private readonly List<Expression>[] _crossTerms;
    private readonly List<SourceRead>[] _reads;
    private readonly Dictionary<Expression, (int Source, int Index)> _places = new(ReferenceEqualityComparer.Instance);

    /// <summary>The plan that starts from a source of twins.</summary>
    public MatchPlan(TwinQuery query, int start)
    {
        Query = query;
        Start = start;
        _terms = Lists<Expression>(query.Sources.Count);
        _reads = Lists<SourceRead>(query.Sources.Count);
        _crossTerms = Lists<Expression>(query.Hops.Count + 1);
        Outputs = query.Selection == SelectionKind.All ? AliasesOf(query) : query.Items;
        var hops = OrderHops(query, start);
        var boundAt = new int[query.Sources.Count];
        for (var i = 0; i < hops.Count; i++) (boundAt[hops[i].To], boundAt[hops[i].Hop.Link]) = (i + 1, i + 1);
        foreach (var term in ConditionPaths.Conjuncts(query.Where)) Place(term, boundAt);
        foreach (var item in Outputs) ReadFor(item.Value);
        foreach (var order in query.Order) ReadAll(order.Value);
        foreach (var group in query.Groups) ReadAll(group);
        Steps = [.. hops.Select(h => h with { ReadsLink = _terms[h.Hop.Link].Count > 0 || _reads[h.Hop.Link].Count > 0 })];
    }

    /// <summary>The query.</summary>
    public TwinQuery Query { get; }

    /// <summary>Source the pattern is run from.</summary>
    public int Start { get; }

    /// <summary>Hops in the order they are run.</summary>
    public IReadOnlyList<MatchStep> Steps { get; }

    /// <summary>Members of a row: the selected items, or for <c>*</c> every alias with its document.</summary>
    public IReadOnlyList<SelectItem> Outputs { get; }

    /// <summary>Terms a source's twin or relationship decides by itself.</summary>
    public IReadOnlyList<Expression> TermsOf(int source) => _terms[source];

    /// <summary>What is read of a source's twin or relationship.</summary>
    public IReadOnlyList<SourceRead> ReadsOf(int source) => _reads[source];

    /// <summary>Terms over several sources that are known after so many steps; 0 asks after the start.</summary>
    public IReadOnlyList<Expression> CrossTermsAfter(int steps) => _crossTerms[steps];

    /// <summary>Where a path or IS_OF_MODEL of this query's expressions was read to: source, and index in <see cref="ReadsOf"/>.</summary>
    public (int Source, int Index) PlaceOf(Expression read) => _places[read];

    // Hops that reach a source named by its id come first, then those that leave from the twin bound last: its visit finds their links too.
    private static List<MatchStep> OrderHops(TwinQuery query, int start)
    {
        var conjuncts = ConditionPaths.Conjuncts(query.Where);
        var left = query.Hops.ToList();
        var steps = new List<MatchStep>();
        var bound = 1 << start;
        var last = start;
        while (left.Count > 0)
        {
            var next = left.Where(h => (bound >> h.From & 1) != (bound >> h.To & 1))
                .OrderBy(h => ConditionPaths.IdsOf(conjuncts, FarEnd(h), "$dtId") is null ? 1 : 0)
                .ThenBy(h => h.From == last || h.To == last ? 0 : 1)
                .First();
            left.Remove(next);
            var isForward = (bound >> next.From & 1) != 0;
            steps.Add(isForward
                ? new MatchStep(next, next.From, next.To, next.Direction, false)
                : new MatchStep(next, next.To, next.From, Turn(next.Direction), false));
            last = steps[^1].To;
            bound |= 1 << last;
        }
        return steps;
        int FarEnd(QueryHop hop) => (bound >> hop.From & 1) != 0 ? hop.To : hop.From;
    }

    private static HopDirection Turn(HopDirection direction) => direction switch
    {
        HopDirection.Out => HopDirection.In,
        HopDirection.In => HopDirection.Out,
        _ => direction,
    };

    private static List<SelectItem> AliasesOf(TwinQuery query)
    {
        var items = new List<SelectItem>();
        for (var i = 0; i < query.Sources.Count; i++)
            if (query.Sources[i].Alias is { } alias) items.Add(new SelectItem(alias, new PathExpression(i, [], 0)));
        return items;
    }

    private void Place(Expression term, int[] boundAt)
    {
        var sources = ConditionPaths.SourcesOf(term);
        if (System.Numerics.BitOperations.PopCount((uint)sources) == 1)
        {
            _terms[System.Numerics.BitOperations.TrailingZeroCount(sources)].Add(term);
            return;
        }
        var after = 0;
        for (var i = 0; i < boundAt.Length; i++)
            if ((sources >> i & 1) != 0) after = Math.Max(after, boundAt[i]);
        _crossTerms[after].Add(term);
        ReadAll(term);
    }

    private void ReadFor(Expression output)
    {
        if (output is PathExpression path) Add(path.Source, path, isForOutput: true);
        else ReadAll(output);
    }

    private void ReadAll(Expression expression) => ConditionPaths.VisitReads(expression, read =>
        Add(read is PathExpression path ? path.Source : ((OfModelExpression)read).Source, read, isForOutput: false));

    private void Add(int source, Expression read, bool isForOutput)
    {
        if (!_places.TryAdd(read, (source, _reads[source].Count))) return;
        _reads[source].Add(new SourceRead(read, isForOutput));
    }

    private static List<T>[] Lists<T>(int count)
    {
        var lists = new List<T>[count];
        for (var i = 0; i < count; i++) lists[i] = [];
        return lists;
    }
}
