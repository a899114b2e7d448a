using System.Text.Json;

namespace Twin.Model.Query;

/// <summary>
/// What comparison means. Two-valued: every predicate is true or false, and NOT turns one into the other.
/// A missing property makes any comparison false, != included. Values of different classes (number, text, boolean,
/// null, object) are unequal and have no order. Integers and doubles compare by exact value. Text compares ordinally by
/// UTF-16 code units. An instant or duration compares with text that reads as one. Objects and arrays are equal when
/// their JSON is, and have no order. Hot; allocates nothing except where text is made from a time.
/// </summary>
public static class QueryValues
{
    /// <summary>JSON null as a value: defined, unlike <see cref="PropertyValue.None"/>.</summary>
    public static PropertyValue Null { get; } = PropertyValue.FromJson("null"u8.ToArray());

    /// <summary>True for <see cref="Null"/>.</summary>
    public static bool IsNull(in PropertyValue value) => value.Kind == ValueKind.Json && value.AsJson is [(byte)'n', ..];

    /// <summary>The rank of a value's class: 0 missing, 1 null, 2 boolean, 3 number, 4 text, 5 object or array. ORDER BY sorts by it first.</summary>
    public static int ClassOf(in PropertyValue value) => value.Kind switch
    {
        ValueKind.None => 0,
        ValueKind.Boolean => 2,
        ValueKind.Integer or ValueKind.Double => 3,
        ValueKind.Json => IsNull(value) ? 1 : 5,
        _ => 4,
    };

    /// <summary>The comparison's truth.</summary>
    public static bool Holds(Comparison comparison, in PropertyValue left, in PropertyValue right)
    {
        if (left.Kind == ValueKind.None || right.Kind == ValueKind.None) return false;
        if (!TryCompare(left, right, out var order, out var isEqual))
            return comparison switch
            {
                Comparison.Equal => isEqual,
                Comparison.NotEqual => !isEqual,
                _ => false,
            };
        return Holds(comparison, order);
    }

    /// <summary>The comparison's truth, given the sign of left minus right.</summary>
    public static bool Holds(Comparison comparison, int order) => comparison switch
    {
        Comparison.Equal => order == 0,
        Comparison.NotEqual => order != 0,
        Comparison.Less => order < 0,
        Comparison.LessOrEqual => order <= 0,
        Comparison.Greater => order > 0,
        _ => order >= 0,
    };

    /// <summary>Turns the sides: a &lt; b is b &gt; a.</summary>
    public static Comparison Mirror(Comparison comparison) => comparison switch
    {
        Comparison.Less => Comparison.Greater,
        Comparison.LessOrEqual => Comparison.GreaterOrEqual,
        Comparison.Greater => Comparison.Less,
        Comparison.GreaterOrEqual => Comparison.LessOrEqual,
        _ => comparison,
    };

    /// <summary>Total order for ORDER BY: class first (missing sorts first), then value; text before instants before durations; objects by their JSON bytes.</summary>
    public static int Order(in PropertyValue left, in PropertyValue right)
    {
        if (left.Kind == ValueKind.Double && right.Kind == ValueKind.Double)
        {
            double x = left.AsNumber, y = right.AsNumber;
            if (x < y) return -1;
            if (x > y) return 1;
            if (x == y) return 0;
        }
        int a = ClassOf(left), b = ClassOf(right);
        if (a != b) return a.CompareTo(b);
        if (a < 2) return 0;
        if (a == 5) return left.AsJson.SequenceCompareTo(right.AsJson);
        if (a == 4 && left.Kind != right.Kind) return left.Kind.CompareTo(right.Kind);
        return TryCompare(left, right, out var order, out _) ? order : double.IsNaN(right.AsNumber).CompareTo(double.IsNaN(left.AsNumber));
    }

    /// <summary>The JSON text of a text, instant or duration; null for other kinds.</summary>
    public static string? TextOf(in PropertyValue value) => value.Kind switch
    {
        ValueKind.Text => value.AsText,
        ValueKind.DateTime => new DateTime(value.Bits, DateTimeKind.Utc).ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", System.Globalization.CultureInfo.InvariantCulture),
        ValueKind.Duration => System.Xml.XmlConvert.ToString(new TimeSpan(value.Bits)),
        _ => null,
    };

    /// <summary>The truth of a one-value function.</summary>
    public static bool Holds(QueryFunction function, in PropertyValue value)
    {
        var rank = ClassOf(value);
        return function switch
        {
            QueryFunction.IsDefined => rank > 0,
            QueryFunction.IsNull => rank == 1,
            QueryFunction.IsBool => rank == 2,
            QueryFunction.IsNumber => rank == 3,
            QueryFunction.IsString => rank == 4,
            QueryFunction.IsPrimitive => rank is >= 1 and <= 4,
            QueryFunction.IsObject => rank == 5 && value.AsJson[0] == (byte)'{',
            _ => throw new ArgumentOutOfRangeException(nameof(function), function, "A function of one value was expected."),
        };
    }

    /// <summary>The truth of STARTSWITH, ENDSWITH, CONTAINS (false unless both are text) and ARRAY_CONTAINS (false unless the first is an array).</summary>
    public static bool Holds(QueryFunction function, in PropertyValue value, in PropertyValue part) => function == QueryFunction.ArrayContains
        ? HoldsArray(value, part)
        : TextOf(value) is { } text && TextOf(part) is { } wanted && HoldsText(function, text, wanted);

    private static bool HoldsArray(in PropertyValue array, in PropertyValue wanted)
    {
        if (array.AsJson is not [(byte)'[', ..] || wanted.Kind == ValueKind.None) return false;
        var reader = new Utf8JsonReader(array.AsJson);
        for (reader.Read(); reader.Read() && reader.TokenType != JsonTokenType.EndArray;)
            if (Holds(Comparison.Equal, reader.TokenType == JsonTokenType.Null ? Null : PropertyValue.ReadJson(ref reader), wanted)) return true;
        return false;
    }

    /// <summary>The same over spans.</summary>
    public static bool HoldsText(QueryFunction function, ReadOnlySpan<char> text, ReadOnlySpan<char> wanted) => function switch
    {
        QueryFunction.StartsWith => text.StartsWith(wanted, StringComparison.Ordinal),
        QueryFunction.EndsWith => text.EndsWith(wanted, StringComparison.Ordinal),
        QueryFunction.Contains => text.IndexOf(wanted, StringComparison.Ordinal) >= 0,
        _ => throw new ArgumentOutOfRangeException(nameof(function), function, "A function of two texts was expected."),
    };

    /// <summary>Sign of an integer minus a double, exact over the whole range; false for NaN.</summary>
    public static bool TryCompare(long integer, double number, out int order)
    {
        order = 0;
        if (double.IsNaN(number)) return false;
        if (number >= 9223372036854775808.0) order = -1;
        else if (number < -9223372036854775808.0) order = 1;
        else
        {
            var whole = Math.Truncate(number);
            order = integer.CompareTo((long)whole);
            if (order == 0) order = -(number - whole).CompareTo(0.0);
        }
        return true;
    }

    /// <summary>Reads an instant from RFC 3339 text, or a full date as its midnight in UTC.</summary>
    public static bool TryReadInstant(ReadOnlySpan<char> text, out WallTime instant)
    {
        if (TimeText.TryReadInstant(text, out instant)) return true;
        if (text.Length != 10 || !TimeText.IsDate(text)) return false;
        Span<char> midnight = stackalloc char[20];
        text.CopyTo(midnight);
        "T00:00:00Z".CopyTo(midnight[10..]);
        return TimeText.TryReadInstant(midnight, out instant);
    }

    // True with the sign when the two have an order; otherwise isEqual says whether they are equal all the same.
    private static bool TryCompare(in PropertyValue left, in PropertyValue right, out int order, out bool isEqual)
    {
        order = 0;
        isEqual = false;
        switch (left.Kind, right.Kind)
        {
            case (ValueKind.Integer, ValueKind.Integer) or (ValueKind.Boolean, ValueKind.Boolean)
                or (ValueKind.DateTime, ValueKind.DateTime) or (ValueKind.Duration, ValueKind.Duration):
                order = left.Bits.CompareTo(right.Bits);
                return true;
            case (ValueKind.Double, ValueKind.Double):
                double a = left.AsNumber, b = right.AsNumber;
                order = a < b ? -1 : a > b ? 1 : 0;
                return !double.IsNaN(a) && !double.IsNaN(b);
            case (ValueKind.Integer, ValueKind.Double):
                return TryCompare(left.Bits, right.AsNumber, out order);
            case (ValueKind.Double, ValueKind.Integer):
                var known = TryCompare(right.Bits, left.AsNumber, out order);
                order = -order;
                return known;
            case (ValueKind.Text, ValueKind.Text):
                order = string.CompareOrdinal(left.AsText, right.AsText);
                return true;
            case (ValueKind.DateTime, ValueKind.Text):
                if (!TryReadInstant(right.AsText, out var instant)) return false;
                order = left.Bits.CompareTo(instant.UtcTicks);
                return true;
            case (ValueKind.Duration, ValueKind.Text):
                if (!TimeText.TryReadDuration(right.AsText, out var span)) return false;
                order = left.Bits.CompareTo(span.Ticks);
                return true;
            case (ValueKind.Text, ValueKind.DateTime or ValueKind.Duration):
                var readable = TryCompare(right, left, out order, out isEqual);
                order = -order;
                return readable;
            case (ValueKind.Json, ValueKind.Json):
                isEqual = left.AsJson.SequenceEqual(right.AsJson);
                return false;
            default:
                return false;
        }
    }

    /// <summary>
    /// The value below a JSON object or array along field names, keys and indexes; None where one is missing. Text read this way is a new string.
    /// </summary>
    public static PropertyValue Find(ReadOnlySpan<byte> json, IReadOnlyList<string> segments, int from)
    {
        var reader = new Utf8JsonReader(json);
        if (!reader.Read()) return default;
        for (var i = from; i < segments.Count; i++)
        {
            var isFound = reader.TokenType switch
            {
                JsonTokenType.StartObject => EnterField(ref reader, segments[i]),
                JsonTokenType.StartArray => EnterElement(ref reader, segments[i]),
                _ => false,
            };
            if (!isFound) return default;
        }
        return reader.TokenType == JsonTokenType.Null ? Null : PropertyValue.ReadJson(ref reader);
    }

    private static bool EnterElement(ref Utf8JsonReader reader, string index)
    {
        if (!int.TryParse(index, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var left)) return false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (left-- == 0) return true;
            reader.Skip();
        }
        return false;
    }

    private static bool EnterField(ref Utf8JsonReader reader, string name)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isWanted = reader.ValueTextEquals(name);
            reader.Read();
            if (isWanted) return true;
            reader.Skip();
        }
        return false;
    }
}
