namespace Twin.Model.Query;

/// <summary>Which paths and sources a condition asks about.</summary>
public static class ConditionPaths
{
    private static readonly string[] ModelSegments = ["$metadata", "$model"];

    /// <summary>Calls back for every path in the condition, in order of the text; IS_OF_MODEL counts as <c>$metadata.$model</c>.</summary>
    public static void Visit(Expression condition, Action<PathExpression> visit) => VisitReads(condition, read =>
        visit(read as PathExpression ?? new PathExpression(((OfModelExpression)read).Source, ModelSegments, read.Position)));

    /// <summary>Calls back for everything that is read of a row, in order of the text: each <see cref="PathExpression"/> and <see cref="OfModelExpression"/>.</summary>
    public static void VisitReads(Expression condition, Action<Expression> visit)
    {
        switch (condition)
        {
            case AndExpression and: VisitAll(and.Terms, visit); break;
            case OrExpression or: VisitAll(or.Terms, visit); break;
            case NotExpression not: VisitReads(not.Term, visit); break;
            case ComparisonExpression comparison:
                VisitReads(comparison.Left, visit);
                VisitReads(comparison.Right, visit);
                break;
            case InExpression among: VisitReads(among.Value, visit); break;
            case FunctionExpression function: VisitAll(function.Arguments, visit); break;
            case PointExpression point:
                VisitReads(point.Longitude, visit);
                VisitReads(point.Latitude, visit);
                break;
            case GeoDistanceExpression distance:
                VisitReads(distance.From, visit);
                VisitReads(distance.To, visit);
                break;
            case GeoWithinExpression within: VisitReads(within.Place, visit); break;
            case AggregateExpression { Argument: { } argument }: visit(argument); break;
            case PathExpression or OfModelExpression: visit(condition); break;
            default: break;
        }
    }

    /// <summary>The sources a condition asks about, as bits.</summary>
    public static int SourcesOf(Expression condition)
    {
        var sources = 0;
        Visit(condition, path => sources |= 1 << path.Source);
        return sources;
    }

    /// <summary>The terms that must all hold: those of a top-level AND, or the condition itself.</summary>
    public static IReadOnlyList<Expression> Conjuncts(Expression? condition) => condition switch
    {
        null => [],
        AndExpression and => [.. and.Terms.SelectMany(Conjuncts)],
        _ => [condition],
    };

    /// <summary>
    /// The values a condition asks a source's id property to be one of (<c>=</c> or <c>IN</c> among the terms that must all
    /// hold), the shortest such list; null without one. Each is a literal or a parameter.
    /// </summary>
    public static IReadOnlyList<Expression>? IdsOf(IEnumerable<Expression> terms, int source, string name)
    {
        IReadOnlyList<Expression>? fewest = null;
        foreach (var term in terms)
        {
            IReadOnlyList<Expression>? ids = term switch
            {
                ComparisonExpression { Operator: Comparison.Equal, Left: PathExpression path, Right: LiteralExpression or ParameterExpression } c when IsId(path) => [c.Right],
                ComparisonExpression { Operator: Comparison.Equal, Right: PathExpression path, Left: LiteralExpression or ParameterExpression } c when IsId(path) => [c.Left],
                InExpression { IsNegated: false, Value: PathExpression path } among when IsId(path) => among.List,
                _ => null,
            };
            if (ids is not null && (fewest is null || ids.Count < fewest.Count)) fewest = ids;
        }
        return fewest;
        bool IsId(PathExpression path) => path.Source == source && path.IsName(name);
    }

    private static void VisitAll(IReadOnlyList<Expression> terms, Action<Expression> visit)
    {
        foreach (var term in terms) VisitReads(term, visit);
    }
}
