namespace Twin.Model.Query;

/// <summary>Which paths and sources a condition asks about.</summary>
public static class ConditionPaths
{
    /// <summary>Calls back for every path in the condition, in order of the text; IS_OF_MODEL counts as <c>$metadata.$model</c>.</summary>
    public static void Visit(Expression condition, Action<PathExpression> visit)
    {
        switch (condition)
        {
            case AndExpression and: VisitAll(and.Terms, visit); break;
            case OrExpression or: VisitAll(or.Terms, visit); break;
            case NotExpression not: Visit(not.Term, visit); break;
            case ComparisonExpression comparison:
                Visit(comparison.Left, visit);
                Visit(comparison.Right, visit);
                break;
            case InExpression among: Visit(among.Value, visit); break;
            case OfModelExpression ofModel: visit(new PathExpression(ofModel.Source, ["$metadata", "$model"], ofModel.Position)); break;
            case FunctionExpression function: VisitAll(function.Arguments, visit); break;
            case PathExpression path: visit(path); break;
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

    private static void VisitAll(IReadOnlyList<Expression> terms, Action<PathExpression> visit)
    {
        foreach (var term in terms) Visit(term, visit);
    }
}
