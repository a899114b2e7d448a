using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Twin.Graph.Query;

/// <summary>A comparison known at compile time, so the loops below hold no switch.</summary>
internal interface IRelation
{
    static abstract Comparison Comparison { get; }

    static abstract Vector256<T> Compare<T>(Vector256<T> left, Vector256<T> right);

    static abstract bool Compare<T>(T left, T right) where T : IComparisonOperators<T, T, bool>;
}

internal readonly struct IsEqual : IRelation
{
    public static Comparison Comparison => Comparison.Equal;
    public static Vector256<T> Compare<T>(Vector256<T> left, Vector256<T> right) => Vector256.Equals(left, right);
    public static bool Compare<T>(T left, T right) where T : IComparisonOperators<T, T, bool> => left == right;
}

internal readonly struct IsUnequal : IRelation
{
    public static Comparison Comparison => Comparison.NotEqual;
    public static Vector256<T> Compare<T>(Vector256<T> left, Vector256<T> right) => ~Vector256.Equals(left, right);
    public static bool Compare<T>(T left, T right) where T : IComparisonOperators<T, T, bool> => left != right;
}

internal readonly struct IsLess : IRelation
{
    public static Comparison Comparison => Comparison.Less;
    public static Vector256<T> Compare<T>(Vector256<T> left, Vector256<T> right) => Vector256.LessThan(left, right);
    public static bool Compare<T>(T left, T right) where T : IComparisonOperators<T, T, bool> => left < right;
}

internal readonly struct IsLessOrEqual : IRelation
{
    public static Comparison Comparison => Comparison.LessOrEqual;
    public static Vector256<T> Compare<T>(Vector256<T> left, Vector256<T> right) => Vector256.LessThanOrEqual(left, right);
    public static bool Compare<T>(T left, T right) where T : IComparisonOperators<T, T, bool> => left <= right;
}

internal readonly struct IsGreater : IRelation
{
    public static Comparison Comparison => Comparison.Greater;
    public static Vector256<T> Compare<T>(Vector256<T> left, Vector256<T> right) => Vector256.GreaterThan(left, right);
    public static bool Compare<T>(T left, T right) where T : IComparisonOperators<T, T, bool> => left > right;
}

internal readonly struct IsGreaterOrEqual : IRelation
{
    public static Comparison Comparison => Comparison.GreaterOrEqual;
    public static Vector256<T> Compare<T>(Vector256<T> left, Vector256<T> right) => Vector256.GreaterThanOrEqual(left, right);
    public static bool Compare<T>(T left, T right) where T : IComparisonOperators<T, T, bool> => left >= right;
}

/// <summary>A 64-bit column compared with a constant. <typeparamref name="T"/> is long (integers, booleans, ticks) or double. Hot.</summary>
internal sealed class NumberFilter<T, TRelation>(Column column, T bound, PropertyValue boundValue) : RowFilter
    where T : unmanaged, IComparisonOperators<T, T, bool>
    where TRelation : struct, IRelation
{
    public override IndexProbe? Probe => IndexProbe.For(column, TRelation.Comparison, boundValue);

    public override ulong Filter(int start, int count, ulong care)
    {
        var times = column.SourceTimes;
        count = Math.Min(count, times.Length - start);
        if (count <= 0) return 0;
        ref var value = ref Unsafe.Add(ref Unsafe.As<long, T>(ref MemoryMarshal.GetReference(column.Bits)), start);
        ref var time = ref Unsafe.Add(ref MemoryMarshal.GetReference(times), start);
        var found = 0UL;
        var i = 0;
        if (count == 64 && Vector256.IsHardwareAccelerated)
        {
            var bounds = Vector256.Create(bound);
            for (; i < 64; i += Vector256<long>.Count)
            {
                var holds = TRelation.Compare(Vector256.LoadUnsafe(ref value, (nuint)i), bounds).AsInt64();
                var isAbsent = Vector256.Equals(Vector256.LoadUnsafe(ref time, (nuint)i), Vector256<long>.Zero);
                found |= (ulong)Vector256.AndNot(holds, isAbsent).ExtractMostSignificantBits() << i;
            }
        }
        for (; i < count; i++)
            if (TRelation.Compare(Unsafe.Add(ref value, i), bound) && Unsafe.Add(ref time, i) != 0) found |= 1UL << i;
        return found & care;
    }

    public override string Explain() => $"{column.Definition.Path} {TRelation.Comparison} {boundValue}";
}

/// <summary>A 64-bit column whose value is one of a few. Hot.</summary>
internal sealed class NumberSetFilter(Column column, HashSet<long> bits, bool isNegated) : RowFilter
{
    public override ulong Filter(int start, int count, ulong care)
    {
        var found = 0UL;
        var times = column.SourceTimes;
        count = Math.Min(count, times.Length - start);
        for (var i = 0; i < count; i++)
            if ((care >> i & 1) != 0 && times[start + i] != 0 && bits.Contains(column.Bits[start + i]) != isNegated) found |= 1UL << i;
        return found;
    }

    public override string Explain() => $"{column.Definition.Path} {(isNegated ? "NOT IN" : "IN")} {bits.Count} values";
}

/// <summary>The rows that have a value. Hot.</summary>
internal sealed class PresenceFilter(Column column) : RowFilter
{
    public override ulong Filter(int start, int count, ulong care)
    {
        var times = column.SourceTimes;
        count = Math.Min(count, times.Length - start);
        var found = 0UL;
        for (var i = 0; i < count; i++) found |= (times[start + i] != 0 ? 1UL : 0UL) << i;
        return found & care;
    }

    public override string Explain() => $"IS_DEFINED({column.Definition.Path})";
}

/// <summary>Makes number filters: turns a value of any numeric kind into an exact comparison in the column's own kind.</summary>
internal static class NumberFilters
{
    /// <summary>The filter for <c>column comparison value</c>, the value being a number, boolean, instant or duration as the column is; null when it must be compared generally.</summary>
    public static RowFilter? TryMake(Column column, Comparison comparison, PropertyValue value)
    {
        switch (column.Storage)
        {
            case ValueKind.Boolean when value.Kind == ValueKind.Boolean:
            case ValueKind.DateTime when value.Kind == ValueKind.DateTime:
            case ValueKind.Duration when value.Kind == ValueKind.Duration:
            case ValueKind.Integer when value.Kind == ValueKind.Integer:
                return OfLong(column, comparison, value);
            case ValueKind.Integer when value.Kind == ValueKind.Double:
                return OfFraction(column, comparison, value.AsNumber);
            case ValueKind.Double when value.Kind == ValueKind.Double && !double.IsNaN(value.AsNumber):
                return OfDouble(column, comparison, value);
            case ValueKind.Double when value.Kind == ValueKind.Integer && Math.Abs((double)value.AsInteger) <= 1L << 53:
                return OfDouble(column, comparison, PropertyValue.From((double)value.AsInteger));
            default:
                return null;
        }
    }

    // An integer column against a double: the same question asked with a whole number.
    private static RowFilter? OfFraction(Column column, Comparison comparison, double bound)
    {
        if (double.IsNaN(bound)) return null;
        var isWhole = Math.Floor(bound) == bound;
        if (Math.Abs(bound) >= 9223372036854775808.0 || !isWhole)
        {
            if (comparison == Comparison.Equal) return ConstantFilter.Never;
            if (comparison == Comparison.NotEqual) return new PresenceFilter(column);
        }
        var wantsLess = comparison is Comparison.Less or Comparison.LessOrEqual;
        if (bound >= 9223372036854775808.0) return wantsLess ? new PresenceFilter(column) : ConstantFilter.Never;
        if (bound < -9223372036854775808.0) return wantsLess ? ConstantFilter.Never : new PresenceFilter(column);
        if (isWhole) return OfLong(column, comparison, PropertyValue.From((long)bound));
        return OfLong(column, wantsLess ? Comparison.LessOrEqual : Comparison.Greater, PropertyValue.From((long)Math.Floor(bound)));
    }

    private static RowFilter OfLong(Column column, Comparison comparison, PropertyValue value) => comparison switch
    {
        Comparison.Equal => new NumberFilter<long, IsEqual>(column, value.Bits, value),
        Comparison.NotEqual => new NumberFilter<long, IsUnequal>(column, value.Bits, value),
        Comparison.Less => new NumberFilter<long, IsLess>(column, value.Bits, value),
        Comparison.LessOrEqual => new NumberFilter<long, IsLessOrEqual>(column, value.Bits, value),
        Comparison.Greater => new NumberFilter<long, IsGreater>(column, value.Bits, value),
        _ => new NumberFilter<long, IsGreaterOrEqual>(column, value.Bits, value),
    };

    private static RowFilter OfDouble(Column column, Comparison comparison, PropertyValue value)
    {
        var bound = value.AsNumber;
        return comparison switch
        {
            Comparison.Equal => new NumberFilter<double, IsEqual>(column, bound, value),
            Comparison.NotEqual => new NumberFilter<double, IsUnequal>(column, bound, value),
            Comparison.Less => new NumberFilter<double, IsLess>(column, bound, value),
            Comparison.LessOrEqual => new NumberFilter<double, IsLessOrEqual>(column, bound, value),
            Comparison.Greater => new NumberFilter<double, IsGreater>(column, bound, value),
            _ => new NumberFilter<double, IsGreaterOrEqual>(column, bound, value),
        };
    }
}
