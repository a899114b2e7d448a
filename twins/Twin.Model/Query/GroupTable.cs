namespace Twin.Model.Query;

/// <summary>One aggregate under way. Sums are doubles: whole numbers are exact up to 2^53.</summary>
/// <param name="Count">Rows that had the argument (for SUM and AVG: as a number).</param>
/// <param name="Sum">Sum of the numbers.</param>
/// <param name="IsFractional">A double was among them.</param>
/// <param name="Best">Least or greatest value so far.</param>
public record struct AggregateState(long Count, double Sum, bool IsFractional, PropertyValue Best);

/// <summary>A group with its aggregates under way.</summary>
/// <param name="Keys">Values of the GROUP BY terms; None where missing.</param>
/// <param name="States">One an aggregate, in order of the items.</param>
public sealed record GroupRow(PropertyValue[] Keys, AggregateState[] States);

/// <summary>
/// Groups rows by the values of the GROUP BY terms and keeps the aggregates of each: a shard over its rows, the coordinator over
/// the shards' groups. A missing value makes a group of its own. Values are one group when they are equal and held alike: 1 and
/// 1.0 of two models are two groups. Not thread-safe.
/// </summary>
public sealed class GroupTable
{
    private readonly TwinQuery _query;
    private readonly AggregateExpression[] _aggregates;
    private readonly Dictionary<PropertyValue[], GroupRow> _groups = new(new KeyEquality());

    /// <summary>No groups yet; without GROUP BY terms the one group of all rows is there from the start.</summary>
    public GroupTable(TwinQuery query)
    {
        _query = query;
        _aggregates = [.. query.Items.Select(i => i.Value).OfType<AggregateExpression>()];
        if (query.Groups.Count == 0) Find([]);
    }

    /// <summary>Aggregates in order of the items.</summary>
    public IReadOnlyList<AggregateExpression> Aggregates => _aggregates;

    /// <summary>Groups so far.</summary>
    public int Count => _groups.Count;

    /// <summary>Adds a row; <paramref name="keys"/> is copied when it makes a group. <paramref name="arguments"/> are the aggregates' values.</summary>
    public void Add(PropertyValue[] keys, ReadOnlySpan<PropertyValue> arguments)
    {
        var states = Find(keys).States;
        for (var i = 0; i < states.Length; i++)
        {
            ref var state = ref states[i];
            var (function, value) = (_aggregates[i].Function, arguments[i]);
            if (_aggregates[i].Argument is null) state.Count++;
            else if (value.Kind == ValueKind.None || (function is AggregateFunction.Sum or AggregateFunction.Avg && !value.IsNumber)) continue;
            else
            {
                state.Count++;
                if (function is AggregateFunction.Sum or AggregateFunction.Avg)
                {
                    state.Sum += value.AsNumber;
                    state.IsFractional |= value.Kind == ValueKind.Double;
                }
                else if (function != AggregateFunction.Count) state.Best = Better(function, state.Best, value);
            }
        }
    }

    /// <summary>Adds another table's group.</summary>
    public void Add(GroupRow group)
    {
        var states = Find(group.Keys).States;
        for (var i = 0; i < states.Length; i++)
        {
            ref var state = ref states[i];
            var more = group.States[i];
            state = new AggregateState(state.Count + more.Count, state.Sum + more.Sum, state.IsFractional | more.IsFractional,
                more.Best.Kind == ValueKind.None ? state.Best : Better(_aggregates[i].Function, state.Best, more.Best));
        }
    }

    /// <summary>The groups, in no order.</summary>
    public GroupRow[] ToArray() => [.. _groups.Values];

    /// <summary>A group's value for a selected item; None when missing.</summary>
    public PropertyValue ValueOf(GroupRow group, Expression item)
    {
        if (item is AggregateExpression aggregate)
        {
            var state = group.States[Array.IndexOf(_aggregates, aggregate)];
            return aggregate.Function switch
            {
                AggregateFunction.Count => PropertyValue.From(state.Count),
                AggregateFunction.Sum => state.IsFractional || Math.Abs(state.Sum) > 1L << 53 ? PropertyValue.From(state.Sum) : PropertyValue.From((long)state.Sum),
                AggregateFunction.Avg => state.Count == 0 ? default : PropertyValue.From(state.Sum / state.Count),
                _ => state.Best,
            };
        }
        var path = (PathExpression)item;
        for (var i = 0; i < _query.Groups.Count; i++)
            if (_query.Groups[i].Source == path.Source && _query.Groups[i].Segments.SequenceEqual(path.Segments)) return group.Keys[i];
        return default;
    }

    private static PropertyValue Better(AggregateFunction function, in PropertyValue best, in PropertyValue value)
    {
        if (best.Kind == ValueKind.None) return value;
        var order = QueryValues.Order(value, best);
        return (function == AggregateFunction.Min ? order < 0 : order > 0) ? value : best;
    }

    private GroupRow Find(PropertyValue[] keys)
    {
        if (_groups.TryGetValue(keys, out var group)) return group;
        group = new GroupRow([.. keys], new AggregateState[_aggregates.Length]);
        _groups.Add(group.Keys, group);
        return group;
    }

    private sealed class KeyEquality : IEqualityComparer<PropertyValue[]>
    {
        public bool Equals(PropertyValue[]? x, PropertyValue[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(PropertyValue[] keys)
        {
            var hash = new HashCode();
            foreach (var key in keys) hash.Add(key.Kind == ValueKind.Json ? key.AsJson.Length : key.GetHashCode());
            return hash.ToHashCode();
        }
    }
}
