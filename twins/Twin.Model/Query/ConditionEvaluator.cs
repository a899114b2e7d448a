namespace Twin.Model.Query;

/// <summary>Where a condition's paths get their values from, for one row.</summary>
public interface IPathReader
{
    /// <summary>The value at a path; None when missing.</summary>
    PropertyValue Read(PathExpression path);

    /// <summary>True when the twin of the source asked about is of the model (or extends it, unless asked for exactly it). <paramref name="dtmi"/> is the model asked for, parameters resolved.</summary>
    bool IsOfModel(OfModelExpression asked, string dtmi);
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
                return QueryValues.Holds(comparison.Operator, Evaluate(comparison.Left, reader, parameters), Evaluate(comparison.Right, reader, parameters));
            case InExpression among:
                return HoldsIn(among, reader, parameters);
            case OfModelExpression ofModel:
                return Evaluate(ofModel.Model, reader, parameters).AsText is { } dtmi && reader.IsOfModel(ofModel, dtmi);
            case GeoWithinExpression within:
                return TryPlace(within.Place, reader, parameters, out var place) && within.Area.Contains(place);
            case FunctionExpression { Arguments.Count: 1 } function:
                return QueryValues.Holds(function.Function, Evaluate(function.Arguments[0], reader, parameters));
            case FunctionExpression function:
                return QueryValues.Holds(function.Function, Evaluate(function.Arguments[0], reader, parameters), Evaluate(function.Arguments[1], reader, parameters));
            default:
                var value = Evaluate(condition, reader, parameters);
                return value.Kind == ValueKind.Boolean && value.AsBoolean;
        }
    }

    private static bool HoldsIn<TReader>(InExpression among, in TReader reader, ReadOnlySpan<PropertyValue> parameters)
        where TReader : IPathReader, allows ref struct
    {
        var value = Evaluate(among.Value, reader, parameters);
        if (value.Kind == ValueKind.None) return false;
        for (var i = 0; i < among.List.Count; i++)
            if (QueryValues.Holds(Comparison.Equal, value, Evaluate(among.List[i], reader, parameters))) return !among.IsNegated;
        return among.IsNegated;
    }

    /// <summary>The value of a path, literal, parameter or distance; None when missing.</summary>
    public static PropertyValue Evaluate<TReader>(Expression operand, in TReader reader, ReadOnlySpan<PropertyValue> parameters)
        where TReader : IPathReader, allows ref struct => operand switch
    {
        PathExpression path => reader.Read(path),
        LiteralExpression literal => literal.Value.Kind == ValueKind.None ? QueryValues.Null : literal.Value,
        ParameterExpression parameter => parameters[parameter.Slot],
        GeoDistanceExpression distance => TryPlace(distance.From, reader, parameters, out var from) && TryPlace(distance.To, reader, parameters, out var to)
            ? PropertyValue.From(Geodesic.Metres(from, to))
            : default,
        _ => throw new NotSupportedException($"{operand.GetType().Name} is no value."),
    };

    /// <summary>A value to order by: a missing distance is endless, so rows without a place come last.</summary>
    public static PropertyValue EvaluateKey<TReader>(Expression operand, in TReader reader, ReadOnlySpan<PropertyValue> parameters)
        where TReader : IPathReader, allows ref struct
    {
        var value = Evaluate(operand, reader, parameters);
        return value.Kind == ValueKind.None && operand is GeoDistanceExpression ? PropertyValue.From(double.PositiveInfinity) : value;
    }

    /// <summary>The place an expression stands for; false when it is none.</summary>
    public static bool TryPlace<TReader>(Expression place, in TReader reader, ReadOnlySpan<PropertyValue> parameters, out GeoPlace found)
        where TReader : IPathReader, allows ref struct
    {
        if (place is PointExpression point) return GeoPlace.TryMake(Evaluate(point.Longitude, reader, parameters), Evaluate(point.Latitude, reader, parameters), out found);
        return GeoPlace.TryRead(Evaluate(place, reader, parameters), out found);
    }
}
