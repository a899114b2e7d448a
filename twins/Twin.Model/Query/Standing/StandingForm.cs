using System.Diagnostics.CodeAnalysis;

namespace Twin.Model.Query.Standing;

/// <summary>A term of a standing query's condition that compares one path with values: true when it holds for any of them.</summary>
/// <param name="Source">Source of the path in <see cref="StandingForm.Skeleton"/>'s query.</param>
/// <param name="Path">The path as the state addresses it; a system name as written.</param>
/// <param name="Operator">Any but !=.</param>
/// <param name="Values">One value; with = at least one, from an IN list.</param>
public sealed record StandingKey(int Source, string Path, Comparison Operator, PropertyValue[] Values)
{
    /// <summary>True when the term holds for a value of its path.</summary>
    public bool Holds(in PropertyValue value)
    {
        foreach (var wanted in Values)
            if (QueryValues.Holds(Operator, value, wanted)) return true;
        return false;
    }
}

/// <summary>
/// A query taken apart so that many like it are worked out together. Terms that compare a path with values are left out of the
/// skeleton, which selects those paths instead: queries that differ in values alone (thresholds, rooms, ids) share a skeleton, one
/// evaluation of it serves them all, and whom a row concerns is looked up by its keys. Immutable; thread-safe.
/// </summary>
public sealed class StandingForm
{
    private const int MostListed = 64; // longer IN lists stay conditions

    private StandingForm(TwinQuery skeleton, string full, IReadOnlyList<string> names, IReadOnlyList<StandingKey> keys)
    {
        Skeleton = skeleton;
        FullText = full;
        Names = names;
        Keys = keys;
        Shape = string.Join('\n', [skeleton.Text, .. names, .. keys.Select(k => $"{k.Operator} {k.Path}")]);
    }

    /// <summary>The query without its keys' terms; selects the row's values, then the keys' paths.</summary>
    public TwinQuery Skeleton { get; }

    /// <summary>The whole query, selecting the same.</summary>
    public string FullText { get; }

    /// <summary>See <see cref="BoundQuery.Names"/>.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The terms left out, in the order their paths are selected.</summary>
    public IReadOnlyList<StandingKey> Keys { get; }

    /// <summary>Equal for queries that can be worked out together.</summary>
    public string Shape { get; }

    /// <summary>Reads a query for standing; false with a problem for one that cannot be read or cannot stand, because its rows depend on each other or on another time or branch.</summary>
    public static bool TryRead(string text, IReadOnlyDictionary<string, PropertyValue>? parameters, [NotNullWhen(true)] out StandingForm? form, [NotNullWhen(false)] out Problem? problem)
    {
        form = null;
        if (!QueryParser.TryParse(text, out var query, out problem) || !query.TryBind(parameters, out var values, out problem))
        {
            problem ??= new Problem("QueryInvalid", "The query cannot be read.", "query");
            return false;
        }

        problem = Refuse(query, values);
        if (problem is not null) return false;
        var outputs = OutputsOf(query, out var names);
        var terms = ConditionPaths.Conjuncts(query.Where);
        var keyed = new List<(Expression Term, PathExpression Path, StandingKey Key)>();
        foreach (var term in terms)
            if (outputs.Count + keyed.Count < QueryLimits.Items && TryKey(term, values, out var path, out var key)) keyed.Add((term, path, key));
        keyed.Sort((a, b) => string.CompareOrdinal($"{a.Key.Source} {a.Key.Path} {a.Key.Operator}", $"{b.Key.Source} {b.Key.Path} {b.Key.Operator}"));
        Expression[] selected = [.. outputs, .. keyed.Select(k => k.Path)];
        var full = QueryPrinter.Print(query, values, selected, terms);
        var skeletonText = QueryPrinter.Print(query, values, selected, [.. terms.Except(keyed.Select(k => k.Term), ReferenceEqualityComparer.Instance).Cast<Expression>()]);
        if (!QueryParser.TryParse(full, out _, out problem) || !QueryParser.TryParse(skeletonText, out var skeleton, out problem))
        {
            problem = new Problem("StandingQueryInvalid", $"The query cannot stand as it is written: with its parameters written into it, {problem?.Detail}", "query");
            return false;
        }

        // Positions in the skeleton may differ from the query's: of relationships alone it makes a pattern.
        form = new StandingForm(skeleton, full, names, [.. keyed.Select((k, i) => k.Key with { Source = ((PathExpression)skeleton.Items[outputs.Count + i].Value).Source })]);
        return true;
    }

    private static Problem? Refuse(TwinQuery query, PropertyValue[] values)
    {
        var part = query switch
        {
            { IsExplain: true } => "EXPLAIN",
            { AsOf: not null } => "AS OF",
            { Branch: not null } => "IN BRANCH",
            { Top: not null } => "TOP",
            { Order.Count: > 0 } => "ORDER BY",
            { Selection: SelectionKind.Count } => "COUNT",
            { Selection: SelectionKind.Groups } => "GROUP BY and aggregates",
            _ => null,
        };
        if (part is not null) return new Problem("StandingQueryInvalid", $"A standing query cannot have {part}; subscribe to the rows without it.", "query");
        var json = Array.FindIndex(values, v => v.Kind == ValueKind.Json && !QueryValues.IsNull(v));
        return json < 0 ? null : new Problem("StandingQueryInvalid", "A parameter of a standing query is a text, number, boolean or null.", query.Parameters[json]);
    }

    // What a row's members are; with no names the first output is the row.
    private static List<Expression> OutputsOf(TwinQuery query, out IReadOnlyList<string> names)
    {
        if (query.Selection == SelectionKind.Items)
        {
            names = [.. query.Items.Select(i => i.Name)];
            return [.. query.Items.Select(i => i.Value)];
        }

        if (query.Hops.Count == 0)
        {
            names = [];
            return [new PathExpression(0, [], 1)];
        }

        var aliased = Enumerable.Range(0, query.Sources.Count).Where(i => query.Sources[i].Alias is not null).ToArray();
        names = [.. aliased.Select(i => query.Sources[i].Alias!)];
        return [.. aliased.Select(i => new PathExpression(i, [], 1))];
    }

    private static bool TryKey(Expression term, PropertyValue[] parameters, [NotNullWhen(true)] out PathExpression? path, [NotNullWhen(true)] out StandingKey? key)
    {
        (path, key) = (null, null);
        switch (term)
        {
            case ComparisonExpression { Left: PathExpression left } comparison when IsValue(comparison.Right): return Take(left, comparison.Operator, [comparison.Right], out path, out key);
            case ComparisonExpression { Right: PathExpression right } comparison when IsValue(comparison.Left): return Take(right, QueryValues.Mirror(comparison.Operator), [comparison.Left], out path, out key);
            case InExpression { IsNegated: false, Value: PathExpression value, List.Count: > 0 and <= MostListed } among: return Take(value, Comparison.Equal, among.List, out path, out key);
            default: return false;
        }

        bool Take(PathExpression of, Comparison comparison, IReadOnlyList<Expression> values, out PathExpression? path, out StandingKey? key)
        {
            (path, key) = (of, null);
            if (comparison == Comparison.NotEqual || of.Segments.Count == 0) return false;
            key = new StandingKey(of.Source, of.StatePath, comparison, [.. values.Select(v => v is ParameterExpression parameter ? parameters[parameter.Slot] : ((LiteralExpression)v).Value is { Kind: ValueKind.None } ? QueryValues.Null : ((LiteralExpression)v).Value)]);
            return true;
        }
    }

    private static bool IsValue(Expression expression) => expression is LiteralExpression or ParameterExpression;
}
