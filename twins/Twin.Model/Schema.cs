using System.Collections.Frozen;

namespace Twin.Model;

/// <summary>The kinds of DTDL schema.</summary>
public enum SchemaKind : byte
{
    /// <summary>true or false.</summary>
    Boolean,
    /// <summary>32-bit signed.</summary>
    Integer,
    /// <summary>64-bit signed.</summary>
    Long,
    /// <summary>binary32, held as binary64.</summary>
    Float,
    /// <summary>binary64.</summary>
    Double,
    /// <summary>UTF-16 text.</summary>
    String,
    /// <summary>RFC 3339 date and time.</summary>
    DateTime,
    /// <summary>RFC 3339 full date.</summary>
    Date,
    /// <summary>RFC 3339 time of day.</summary>
    Time,
    /// <summary>ISO 8601 duration.</summary>
    Duration,
    /// <summary>One of named values.</summary>
    Enum,
    /// <summary>Named fields.</summary>
    Object,
    /// <summary>Text keys, values of one schema.</summary>
    Map,
    /// <summary>Values of one schema in order.</summary>
    Array,
    /// <summary>A GeoJSON geometry.</summary>
    Geospatial,
    /// <summary>Small integers and others that DTDL v4 adds; see <see cref="Schema.Minimum"/> and <see cref="Schema.Maximum"/>.</summary>
    Byte,
    /// <summary>Base64 text.</summary>
    Bytes,
    /// <summary>Decimal number, held as text.</summary>
    Decimal,
    /// <summary>A UUID as text.</summary>
    Uuid,
    /// <summary>Scaled decimal object.</summary>
    ScaledDecimal,
    /// <summary>64-bit unsigned; owners hold what fits 63 bits.</summary>
    UnsignedLong,
}

/// <summary>One value of an enum schema.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="Value">What the wire carries: Text or Integer.</param>
public sealed record EnumMember(string Name, PropertyValue Value);

/// <summary>
/// What values a property, telemetry or payload accepts. Immutable once the models are read; thread-safe. A schema may
/// contain itself, so it is equal only to itself. See <c>SchemaValidation</c> and <c>InstanceValidation</c> for the checks.
/// </summary>
public sealed record Schema(SchemaKind Kind)
{
    private FrozenDictionary<string, Schema> _fields = FrozenDictionary<string, Schema>.Empty;
    private FrozenSet<string> _required = FrozenSet<string>.Empty;
    private Schema? _element;

    /// <summary>Enum members; empty otherwise.</summary>
    public IReadOnlyList<EnumMember> Members { get; init; } = [];

    /// <summary>Object fields, those of geometries and scaled decimals too; empty otherwise.</summary>
    public FrozenDictionary<string, Schema> Fields { get => _fields; init => _fields = value; }

    /// <summary>Fields that a value must have.</summary>
    public FrozenSet<string> RequiredFields { get => _required; init => _required = value; }

    /// <summary>Array element or map value; null otherwise.</summary>
    public Schema? Element { get => _element; init => _element = value; }

    /// <summary>Least integer allowed, where the kind bounds it.</summary>
    public long? Minimum { get; init; }

    /// <summary>Greatest integer allowed, where the kind bounds it.</summary>
    public long? Maximum { get; init; }

    /// <summary>How the owner holds accepted values.</summary>
    public ValueKind Storage => Kind switch
    {
        SchemaKind.Boolean => ValueKind.Boolean,
        SchemaKind.Integer or SchemaKind.Long or SchemaKind.Byte or SchemaKind.UnsignedLong => ValueKind.Integer,
        SchemaKind.Float or SchemaKind.Double => ValueKind.Double,
        SchemaKind.DateTime => ValueKind.DateTime,
        SchemaKind.Duration => ValueKind.Duration,
        SchemaKind.Enum => Members.Count > 0 ? Members[0].Value.Kind : ValueKind.Text,
        SchemaKind.Object or SchemaKind.Map or SchemaKind.Array or SchemaKind.Geospatial or SchemaKind.ScaledDecimal => ValueKind.Json,
        _ => ValueKind.Text,
    };

    /// <inheritdoc/>
    public bool Equals(Schema? other) => ReferenceEquals(this, other) || (other is not null && IsPlain && other.IsPlain && Kind == other.Kind && Minimum == other.Minimum && Maximum == other.Maximum);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Minimum, Maximum);

    /// <inheritdoc/>
    public override string ToString() => Kind.ToString();

    /// <summary>Fills in what arrays and maps hold. Only by who made it, before anyone else sees it.</summary>
    internal void Close(Schema element) => _element = element;

    /// <summary>Fills in fields. Only by who made it, before anyone else sees it.</summary>
    internal void Close(FrozenDictionary<string, Schema> fields, FrozenSet<string> required) => (_fields, _required) = (fields, required);

    private bool IsPlain => Kind is not (SchemaKind.Enum or SchemaKind.Object or SchemaKind.Map or SchemaKind.Array or SchemaKind.Geospatial);
}
