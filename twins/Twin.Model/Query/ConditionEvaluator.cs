namespace Twin.Model.Query;

/// <summary>Where a condition's paths get their values from, for one row.</summary>
public interface IPathReader
{
    /// <summary>The value at a path; None when missing.</summary>
    PropertyValue Read(PathExpression path);

    /// <summary>True when the source's twin is of the model (or extends it, unless <paramref name="isExact"/>).</summary>
    bool IsOfModel(int source, string dtmi, bool isExact);
}

/// <summary>
/// Decides a condition for one row by walking it: the plain way, for rows that are not columns (relationships, joined
/// twins, changes). Thread-safe. Allocates nothing beyond what the reader does.
/// </summary>
public static class ConditionEvaluator
{
    /// <summary>True when the condition holds. <paramref name="parameters"/> are in slot order.</summary>
    public static bool Holds<TReader>(Expression condition, in TReader reader, ReadOnlySpan<PropertyValue> parameters)
        where TReader : IPathReader, allows ref struct
    {
        switch (condition)
        {
            case AndExpression and:
                for (var i = 0; i < and.Terms.Count; i++)
                    if (!Holds(and.Terms[i], reader, parameters)) return false;
                return true;
            case OrExpression or:
                for (var i = 0; i < or.Terms.Count; i++)
                    if (Holds(or.Terms[i], reader, parameters)) return true;
                return false;
            case NotExpression not:
                return !Holds(not.Term, reader, parameters);
            case ComparisonExpression comparison:
                return QueryValues.Holds(comparison.Operator, ValueOf(comparison.Left, reader, parameters), ValueOf(comparison.Right, reader, parameters));
            case InExpression among:
                return HoldsIn(among, reader, parameters);
            case OfModelExpression ofModel:
                return ValueOf(ofModel.Model, reader, parameters).AsText is { } dtmi && reader.IsOfModel(ofModel.Source, dtmi, ofModel.IsExact);
            case FunctionExpression { Arguments.Count: 1 } function:
                return QueryValues.Holds(function.Function, ValueOf(function.Arguments[0], reader, parameters));
            case FunctionExpression function:
                return QueryValues.Holds(function.Function, ValueOf(function.Arguments[0], reader, parameters), ValueOf(function.Arguments[1], reader, parameters));
            default:
                var value = ValueOf(condition, reader, parameters);
                return value.Kind == ValueKind.Boolean && value.AsBoolean;
        }
    }

    private static bool HoldsIn<TReader>(InExpression among, in TReader reader, ReadOnlySpan<PropertyValue> parameters)
        where TReader : IPathReader, allows ref struct
    {
        var value = ValueOf(among.Value, reader, parameters);
        if (value.Kind == ValueKind.None) return false;
        for (var i = 0; i < among.List.Count; i++)
            if (QueryValues.Holds(Comparison.Equal, value, ValueOf(among.List[i], reader, parameters))) return !among.IsNegated;
        return among.IsNegated;
    }

    private static PropertyValue ValueOf<TReader>(Expression operand, in TReader reader, ReadOnlySpan<PropertyValue> parameters)
        where TReader : IPathReader, allows ref struct => operand switch
    {
        PathExpression path => reader.Read(path),
        LiteralExpression literal => literal.Value.Kind == ValueKind.None ? QueryValues.Null : literal.Value,
        ParameterExpression parameter => parameters[parameter.Slot],
        _ => throw new NotSupportedException($"{operand.GetType().Name} is no value."),
    };
}
