using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Twin.Model;

/// <summary>
/// Checks a value against a schema and turns it into the form its owner holds: text becomes an instant or a duration,
/// an integer becomes a double where the schema says so. Thread-safe; allocates nothing for accepted plain values. Hot.
/// </summary>
public static class SchemaValidation
{
    /// <summary>Longest text in UTF-8 bytes.</summary>
    public const int MaxTextBytes = 64 * 1024;

    /// <summary>Longest JSON value in bytes.</summary>
    public const int MaxJsonBytes = 256 * 1024;

    /// <summary>Deepest nesting of a JSON value.</summary>
    public const int MaxJsonDepth = 32;

    /// <summary>Converts <paramref name="value"/> for <paramref name="schema"/>. False leaves <paramref name="stored"/> absent and tells the value, what was expected and the range.</summary>
    public static bool TryConvert(Schema schema, PropertyValue value, out PropertyValue stored, out string? error)
    {
        var kind = value.Kind;
        switch (schema.Kind)
        {
            case SchemaKind.Double or SchemaKind.Float when kind == ValueKind.Double:
                return Finite(schema.Kind, value, out stored, out error);
            case SchemaKind.Double or SchemaKind.Float when kind == ValueKind.Integer:
                return Finite(schema.Kind, PropertyValue.From((double)value.AsInteger), out stored, out error);
            case SchemaKind.Boolean when kind == ValueKind.Boolean:
            case SchemaKind.Duration when kind == ValueKind.Duration:
                stored = value;
                error = null;
                return true;
            case SchemaKind.DateTime when kind == ValueKind.DateTime:
                if ((ulong)value.AsInteger > (ulong)DateTime.MaxValue.Ticks) return Refuse(schema, value, out stored, out error);
                stored = value;
                error = null;
                return true;
            case SchemaKind.Integer or SchemaKind.Long or SchemaKind.Byte or SchemaKind.UnsignedLong:
                return Integer(schema, value, kind, out stored, out error);
            case SchemaKind.Enum:
                return Member(schema, value, out stored, out error);
            case SchemaKind.Object or SchemaKind.Map or SchemaKind.Array or SchemaKind.Geospatial or SchemaKind.ScaledDecimal:
                return Json(schema, value, kind, out stored, out error);
            default:
                return FromText(schema, value, kind, out stored, out error);
        }
    }

    private static bool Finite(SchemaKind kind, PropertyValue value, out PropertyValue stored, out string? error)
    {
        var number = value.AsNumber;
        if (kind == SchemaKind.Float ? Math.Abs(number) <= float.MaxValue : double.IsFinite(number))
        {
            stored = value;
            error = null;
            return true;
        }
        stored = default;
        error = $"{Show(value)} is not a finite {(kind == SchemaKind.Float ? "float (-3.4028235E+38 to 3.4028235E+38)" : "double (-1.7976931348623157E+308 to 1.7976931348623157E+308)")}.";
        return false;
    }

    private static bool Integer(Schema schema, PropertyValue value, ValueKind kind, out PropertyValue stored, out string? error)
    {
        const double exact = 9007199254740992; // 2^53: beyond it a double no longer names one integer
        if (kind == ValueKind.Double && value.AsNumber is var number && Math.Abs(number) <= exact && Math.Floor(number) == number)
            (value, kind) = (PropertyValue.From((long)number), ValueKind.Integer);
        var (low, high) = RangeOf(schema);
        if (kind == ValueKind.Integer && value.AsInteger >= low && value.AsInteger <= high)
        {
            stored = value;
            error = null;
            return true;
        }
        return Refuse(schema, value, out stored, out error);
    }

    private static (long Low, long High) RangeOf(Schema schema)
    {
        var (low, high) = schema.Kind switch
        {
            SchemaKind.Integer => (int.MinValue, int.MaxValue),
            SchemaKind.Byte => (sbyte.MinValue, sbyte.MaxValue),
            SchemaKind.UnsignedLong => (0, long.MaxValue), // owners hold 63 bits
            _ => (long.MinValue, long.MaxValue),
        };
        return (schema.Minimum ?? low, schema.Maximum ?? high);
    }

    private static bool Member(Schema schema, PropertyValue value, out PropertyValue stored, out string? error)
    {
        var members = schema.Members;
        for (var i = 0; i < members.Count; i++)
        {
            if (members[i].Value != value) continue;
            stored = members[i].Value; // the model's own instance: repeated texts share memory
            error = null;
            return true;
        }
        return Refuse(schema, value, out stored, out error);
    }

    private static bool FromText(Schema schema, PropertyValue value, ValueKind kind, out PropertyValue stored, out string? error)
    {
        if (schema.Kind == SchemaKind.Decimal && value.IsNumber && (kind == ValueKind.Integer || double.IsFinite(value.AsNumber)))
            (value, kind) = (PropertyValue.From(value.ToString()), ValueKind.Text);
        if (kind != ValueKind.Text) return Refuse(schema, value, out stored, out error);
        var text = value.AsText!;
        if (TextProblem(text) is { } problem)
        {
            stored = default;
            error = problem;
            return false;
        }
        stored = value;
        var fits = schema.Kind switch
        {
            SchemaKind.String => true,
            SchemaKind.DateTime => TimeText.TryReadInstant(text, out var instant) && (stored = PropertyValue.From(instant)).Kind == ValueKind.DateTime,
            SchemaKind.Duration => TimeText.TryReadDuration(text, out var span) && (stored = PropertyValue.From(span)).Kind == ValueKind.Duration,
            SchemaKind.Date => TimeText.IsDate(text),
            SchemaKind.Time => TimeText.IsTime(text),
            SchemaKind.Bytes => Base64.IsValid(text),
            SchemaKind.Uuid => Guid.TryParseExact(text, "D", out _),
            SchemaKind.Decimal => decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out _),
            _ => false,
        };
        if (!fits) return Refuse(schema, value, out stored, out error);
        error = null;
        return true;
    }

    /// <summary>What is wrong with a text as such (longer than <see cref="MaxTextBytes"/>, or half a surrogate pair), or null.</summary>
    public static string? TextProblem(string text)
    {
        if (text.Length > MaxTextBytes / 3 && Encoding.UTF8.GetByteCount(text) is var bytes and > MaxTextBytes)
            return $"The text has {bytes} bytes of UTF-8; at most {MaxTextBytes} are allowed.";
        var rest = text.AsSpan();
        for (int at; (at = rest.IndexOfAnyInRange('\uD800', '\uDFFF')) >= 0; rest = rest[(at + 2)..])
            if (at + 1 >= rest.Length || !char.IsSurrogatePair(rest[at], rest[at + 1])) return "The text has half of a surrogate pair; it must be valid UTF-16.";
        return null;
    }

    private static bool Json(Schema schema, PropertyValue value, ValueKind kind, out PropertyValue stored, out string? error)
    {
        stored = default;
        if (kind != ValueKind.Json) return Refuse(schema, value, out stored, out error);
        var utf8 = value.AsJson;
        if (utf8.Length > MaxJsonBytes)
        {
            error = $"The JSON has {utf8.Length} bytes; at most {MaxJsonBytes} are allowed.";
            return false;
        }
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxJsonDepth });
            using var document = JsonDocument.ParseValue(ref reader);
            error = reader.BytesConsumed == utf8.Length ? JsonShape.Check(schema, document.RootElement) : "The JSON goes on after its first value.";
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or FormatException) // the latter two: half a surrogate pair, a number beyond measure
        {
            error = $"The JSON is malformed or deeper than {MaxJsonDepth}: {malformed.Message}";
        }
        if (error is not null) return false;
        stored = value;
        return true;
    }

    internal static bool Refuse(Schema schema, PropertyValue value, out PropertyValue stored, out string? error)
    {
        stored = default;
        error = $"{Show(value)} is not {Expected(schema)}.";
        return false;
    }

    internal static string Expected(Schema schema)
    {
        var (low, high) = RangeOf(schema);
        return schema.Kind switch
        {
            SchemaKind.Boolean => "a boolean (true or false)",
            SchemaKind.Integer or SchemaKind.Long or SchemaKind.Byte or SchemaKind.UnsignedLong => string.Create(CultureInfo.InvariantCulture, $"an integer from {low} to {high}"),
            SchemaKind.Float or SchemaKind.Double => "a finite number",
            SchemaKind.String => "text",
            SchemaKind.DateTime => "an RFC 3339 date-time such as 2026-01-31T12:00:00Z",
            SchemaKind.Date => "an RFC 3339 date such as 2026-01-31",
            SchemaKind.Time => "an RFC 3339 time such as 12:00:00Z",
            SchemaKind.Duration => "an ISO 8601 duration such as PT1M30S",
            SchemaKind.Enum => "one of " + string.Join(", ", schema.Members.Take(20).Select(m => Show(m.Value))) + (schema.Members.Count > 20 ? " ..." : ""),
            SchemaKind.Object => "a JSON object",
            SchemaKind.Map => "a JSON object of text keys",
            SchemaKind.Array => "a JSON array",
            SchemaKind.Geospatial => "a GeoJSON geometry",
            SchemaKind.Bytes => "Base64 text",
            SchemaKind.Decimal => "a decimal number",
            SchemaKind.Uuid => "a UUID such as 123e4567-e89b-12d3-a456-426614174000",
            _ => "a scaled decimal object {\"scale\", \"value\"}",
        };
    }

    internal static string Show(PropertyValue value)
    {
        var text = value.ToString();
        if (text.Length > 64) text = text[..64] + "...";
        return value.Kind == ValueKind.Text ? $"\"{text}\"" : text;
    }
}
