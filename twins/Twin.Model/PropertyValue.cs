using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Twin.Model;

/// <summary>How a <see cref="PropertyValue"/> is held. The numbers are part of the journal and wire formats: never renumber.</summary>
public enum ValueKind : byte
{
    /// <summary>No value: the property is absent.</summary>
    None = 0,
    /// <summary>true or false.</summary>
    Boolean = 1,
    /// <summary>A signed 64-bit integer (DTDL integer, long, byte, short ...).</summary>
    Integer = 2,
    /// <summary>An IEEE 754 binary64 (DTDL double, float).</summary>
    Double = 3,
    /// <summary>Text (DTDL string, enum name, uuid, uri, time).</summary>
    Text = 4,
    /// <summary>An instant, 100 ns ticks UTC (DTDL dateTime, date).</summary>
    DateTime = 5,
    /// <summary>A duration, 100 ns ticks (DTDL duration).</summary>
    Duration = 6,
    /// <summary>Compact UTF-8 JSON of an object or array (DTDL object, map, array, geospatial).</summary>
    Json = 7,
}

/// <summary>One property's value: 16 bytes and no allocation for numbers, booleans and times. Hot. Immutable.</summary>
public readonly struct PropertyValue : IEquatable<PropertyValue>
{
    private static readonly object[] KindTags = [.. Enumerable.Range(0, 8).Select(i => (object)new KindTag((ValueKind)i))];

    private readonly long _bits;
    private readonly object? _reference; // a KindTag for plain values, the string for Text, the byte[] for Json

    private PropertyValue(long bits, object reference)
    {
        _bits = bits;
        _reference = reference;
    }

    /// <summary>The absent value.</summary>
    public static PropertyValue None => default;

    /// <summary>How the value is held.</summary>
    public ValueKind Kind => _reference switch
    {
        null => ValueKind.None,
        KindTag tag => tag.Kind,
        string => ValueKind.Text,
        _ => ValueKind.Json,
    };

    /// <summary>The raw 64 bits of a boolean, integer, double, time or duration; 0 for text and JSON.</summary>
    public long Bits => _bits;

    /// <summary>A boolean.</summary>
    public static PropertyValue From(bool value) => new(value ? 1 : 0, KindTags[(int)ValueKind.Boolean]);

    /// <summary>An integer.</summary>
    public static PropertyValue From(long value) => new(value, KindTags[(int)ValueKind.Integer]);

    /// <summary>A double. NaN and infinities are allowed here; schemas and JSON refuse them.</summary>
    public static PropertyValue From(double value) => new(BitConverter.DoubleToInt64Bits(value), KindTags[(int)ValueKind.Double]);

    /// <summary>Text.</summary>
    public static PropertyValue From(string value) => new(0, value ?? throw new ArgumentNullException(nameof(value)));

    /// <summary>An instant.</summary>
    public static PropertyValue From(WallTime value) => new(value.UtcTicks, KindTags[(int)ValueKind.DateTime]);

    /// <summary>A duration.</summary>
    public static PropertyValue From(TimeSpan value) => new(value.Ticks, KindTags[(int)ValueKind.Duration]);

    /// <summary>JSON text of an object or array, UTF-8. The array is owned by the value from here on and must not change.</summary>
    public static PropertyValue FromJson(byte[] utf8) => new(0, utf8 ?? throw new ArgumentNullException(nameof(utf8)));

    /// <summary>Rebuilds a plain (64-bit) value of a stated kind. <paramref name="kind"/> must not be Text or Json.</summary>
    public static PropertyValue FromBits(ValueKind kind, long bits) =>
        kind is ValueKind.Text or ValueKind.Json or > ValueKind.Json
            ? throw new ArgumentOutOfRangeException(nameof(kind), kind, "Text and Json have no 64-bit form.")
            : kind == ValueKind.None ? default : new(bits, KindTags[(int)kind]);

    /// <summary>The boolean; meaningful only when <see cref="Kind"/> says so.</summary>
    public bool AsBoolean => _bits != 0;

    /// <summary>The integer, time or duration ticks.</summary>
    public long AsInteger => _bits;

    /// <summary>The number as a double, from Integer or Double; NaN otherwise.</summary>
    public double AsNumber => Kind switch
    {
        ValueKind.Double => BitConverter.Int64BitsToDouble(_bits),
        ValueKind.Integer => _bits,
        _ => double.NaN,
    };

    /// <summary>The text, or null for another kind.</summary>
    public string? AsText => _reference as string;

    /// <summary>The JSON bytes, or empty for another kind.</summary>
    public ReadOnlySpan<byte> AsJson => _reference as byte[];

    /// <summary>The JSON bytes as the array they are held in (not to be changed), or an empty array for another kind.</summary>
    public byte[] JsonArray => _reference as byte[] ?? [];

    /// <summary>True for Integer and Double.</summary>
    public bool IsNumber => Kind is ValueKind.Integer or ValueKind.Double;

    /// <summary>
    /// Reads one JSON value; the reader stands on its first token and is left on its last.
    /// Numbers without fraction or exponent that fit 64 bits become Integer; objects and arrays become compact Json;
    /// null becomes None. Text stays Text: only a schema knows a dateTime from a string.
    /// </summary>
    /// <exception cref="JsonException">The JSON is malformed.</exception>
    public static PropertyValue ReadJson(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null: return default;
            case JsonTokenType.True: return From(true);
            case JsonTokenType.False: return From(false);
            case JsonTokenType.String: return From(reader.GetString()!);
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var integer) && !HasFraction(ref reader) ? From(integer) : From(reader.GetDouble());
            case JsonTokenType.StartObject:
            case JsonTokenType.StartArray:
                using (var document = JsonDocument.ParseValue(ref reader))
                    return FromJson(JsonSerializer.SerializeToUtf8Bytes(document.RootElement));
            default:
                throw new JsonException($"A value was expected, not {reader.TokenType}.");
        }
    }

    private static bool HasFraction(ref Utf8JsonReader reader) =>
        !reader.HasValueSequence && reader.ValueSpan.IndexOfAny((byte)'.', (byte)'e', (byte)'E') >= 0;

    /// <summary>Writes the value as JSON. None writes null; a double that JSON cannot say (NaN, infinity) writes null.</summary>
    public void WriteJson(Utf8JsonWriter writer)
    {
        switch (Kind)
        {
            case ValueKind.None: writer.WriteNullValue(); break;
            case ValueKind.Boolean: writer.WriteBooleanValue(AsBoolean); break;
            case ValueKind.Integer: writer.WriteNumberValue(_bits); break;
            case ValueKind.Double:
                var number = BitConverter.Int64BitsToDouble(_bits);
                if (double.IsFinite(number)) writer.WriteNumberValue(number);
                else writer.WriteNullValue();
                break;
            case ValueKind.Text: writer.WriteStringValue(Unsafe.As<string>(_reference)); break;
            case ValueKind.DateTime: writer.WriteStringValue(new DateTime(_bits, DateTimeKind.Utc)); break;
            case ValueKind.Duration: writer.WriteStringValue(System.Xml.XmlConvert.ToString(new TimeSpan(_bits))); break;
            default: writer.WriteRawValue(Unsafe.As<byte[]>(_reference!), skipInputValidation: true); break;
        }
    }

    /// <inheritdoc/>
    public bool Equals(PropertyValue other)
    {
        if (Kind != other.Kind || _bits != other._bits) return false;
        return _reference switch
        {
            string text => text == Unsafe.As<string>(other._reference),
            byte[] json => json.AsSpan().SequenceEqual(other.AsJson),
            _ => true,
        };
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PropertyValue other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _reference is string text ? text.GetHashCode(StringComparison.Ordinal) : HashCode.Combine(_bits, (int)Kind);

    /// <summary>The value as a person would read it.</summary>
    public override string ToString() => Kind switch
    {
        ValueKind.None => "null",
        ValueKind.Boolean => AsBoolean ? "true" : "false",
        ValueKind.Integer => _bits.ToString(CultureInfo.InvariantCulture),
        ValueKind.Double => AsNumber.ToString("R", CultureInfo.InvariantCulture),
        ValueKind.Text => AsText!,
        ValueKind.DateTime => new WallTime(_bits).ToString(),
        ValueKind.Duration => System.Xml.XmlConvert.ToString(new TimeSpan(_bits)),
        _ => Encoding.UTF8.GetString(AsJson),
    };

    /// <summary>Equality.</summary>
    public static bool operator ==(PropertyValue a, PropertyValue b) => a.Equals(b);

    /// <summary>Inequality.</summary>
    public static bool operator !=(PropertyValue a, PropertyValue b) => !a.Equals(b);

    private sealed class KindTag(ValueKind kind)
    {
        public ValueKind Kind { get; } = kind;
    }
}
