namespace Twin.Wire.Sparkplug;

/// <summary>Sparkplug B data types; the numbers are those of the public payload definition.</summary>
public enum SparkplugType : byte
{
    /// <summary>Not stated (data messages may leave it out).</summary>
    Unknown = 0,
    /// <summary>Signed 8 bits.</summary>
    Int8 = 1,
    /// <summary>Signed 16 bits.</summary>
    Int16 = 2,
    /// <summary>Signed 32 bits.</summary>
    Int32 = 3,
    /// <summary>Signed 64 bits.</summary>
    Int64 = 4,
    /// <summary>Unsigned 8 bits.</summary>
    UInt8 = 5,
    /// <summary>Unsigned 16 bits.</summary>
    UInt16 = 6,
    /// <summary>Unsigned 32 bits.</summary>
    UInt32 = 7,
    /// <summary>Unsigned 64 bits.</summary>
    UInt64 = 8,
    /// <summary>binary32.</summary>
    Float = 9,
    /// <summary>binary64.</summary>
    Double = 10,
    /// <summary>true or false.</summary>
    Boolean = 11,
    /// <summary>UTF-8 text.</summary>
    String = 12,
    /// <summary>Milliseconds since 1970-01-01T00:00:00Z.</summary>
    DateTime = 13,
    /// <summary>UTF-8 text.</summary>
    Text = 14,
    /// <summary>A UUID as text.</summary>
    Uuid = 15,
    /// <summary>A table; not taken.</summary>
    DataSet = 16,
    /// <summary>Bytes.</summary>
    Bytes = 17,
    /// <summary>A file's bytes.</summary>
    File = 18,
    /// <summary>A structure; not taken.</summary>
    Template = 19,
}

/// <summary>Which field of the metric's value is set; the numbers are the protobuf field numbers.</summary>
public enum SparkplugField : byte
{
    /// <summary>No value.</summary>
    None = 0,
    /// <summary>uint32.</summary>
    Int = 10,
    /// <summary>uint64.</summary>
    Long = 11,
    /// <summary>float.</summary>
    Float = 12,
    /// <summary>double.</summary>
    Double = 13,
    /// <summary>bool.</summary>
    Boolean = 14,
    /// <summary>string.</summary>
    Text = 15,
    /// <summary>bytes.</summary>
    Bytes = 16,
    /// <summary>A data set, a template or an extension: skipped.</summary>
    Other = 17,
}

/// <summary>One metric of a payload.</summary>
public readonly record struct SparkplugMetric
{
    /// <summary>Null when only the alias stands for it.</summary>
    public string? Name { get; init; }

    /// <summary>Null when absent.</summary>
    public ulong? Alias { get; init; }

    /// <summary>Milliseconds since 1970; null takes the payload's.</summary>
    public long? TimestampMs { get; init; }

    /// <summary>Unknown when left out.</summary>
    public SparkplugType Type { get; init; }

    /// <summary>The value is null.</summary>
    public bool IsNull { get; init; }

    /// <summary>An old value, sent late.</summary>
    public bool IsHistorical { get; init; }

    /// <summary>Which value field is set.</summary>
    public SparkplugField Field { get; init; }

    /// <summary>The bits of an int, long, float, double or boolean value (float widened to double).</summary>
    public ulong Bits { get; init; }

    /// <summary>A text value.</summary>
    public string? Text { get; init; }

    /// <summary>A bytes value.</summary>
    public byte[]? Bytes { get; init; }

    /// <summary>The string property <c>twin</c> of the metric's property set; null when absent.</summary>
    public string? Twin { get; init; }

    /// <summary>A double metric.</summary>
    public static SparkplugMetric From(string? name, double value, ulong? alias = null, long? timestampMs = null) =>
        new() { Name = name, Alias = alias, TimestampMs = timestampMs, Type = SparkplugType.Double, Field = SparkplugField.Double, Bits = BitConverter.DoubleToUInt64Bits(value) };

    /// <summary>A 64-bit integer metric.</summary>
    public static SparkplugMetric From(string? name, long value, ulong? alias = null, long? timestampMs = null) =>
        new() { Name = name, Alias = alias, TimestampMs = timestampMs, Type = SparkplugType.Int64, Field = SparkplugField.Long, Bits = (ulong)value };

    /// <summary>A boolean metric.</summary>
    public static SparkplugMetric From(string? name, bool value, ulong? alias = null, long? timestampMs = null) =>
        new() { Name = name, Alias = alias, TimestampMs = timestampMs, Type = SparkplugType.Boolean, Field = SparkplugField.Boolean, Bits = value ? 1UL : 0 };

    /// <summary>A text metric.</summary>
    public static SparkplugMetric From(string? name, string value, ulong? alias = null, long? timestampMs = null) =>
        new() { Name = name, Alias = alias, TimestampMs = timestampMs, Type = SparkplugType.String, Field = SparkplugField.Text, Text = value };
}

/// <summary>A Sparkplug B payload.</summary>
/// <param name="TimestampMs">When it was sent; null when absent.</param>
/// <param name="Sequence">0 to 255; null when absent (NDEATH has none).</param>
/// <param name="Metrics">At most <see cref="SparkplugPayload.MaxMetrics"/>.</param>
public sealed record SparkplugPayload(long? TimestampMs, ulong? Sequence, IReadOnlyList<SparkplugMetric> Metrics)
{
    /// <summary>Metrics one payload may hold.</summary>
    public const int MaxMetrics = 100_000;
}
