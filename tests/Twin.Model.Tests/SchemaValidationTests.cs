using System.Collections.Frozen;
using System.Text;
using CsCheck;

namespace Twin.Model.Tests;

public class SchemaValidationTests
{
    private static readonly PropertyValue NotANumber = PropertyValue.From(double.NaN);

    [Theory]
    [InlineData(SchemaKind.Integer, int.MinValue, int.MaxValue)]
    [InlineData(SchemaKind.Byte, sbyte.MinValue, sbyte.MaxValue)]
    public void Integers_keep_to_their_width(SchemaKind kind, long low, long high)
    {
        var schema = new Schema(kind);
        Gen.OneOf(Gen.Long, Gen.Long[low - 2, low + 2], Gen.Long[high - 2, high + 2]).Sample(number =>
        {
            var fits = SchemaValidation.TryConvert(schema, PropertyValue.From(number), out var stored, out var error);
            Assert.Equal(number >= low && number <= high, fits);
            if (fits) Assert.Equal(PropertyValue.From(number), stored);
            else Assert.Contains($"{number} is not an integer from {low} to {high}", error, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void A_model_may_narrow_an_integer()
    {
        var schema = new Schema(SchemaKind.Byte) { Minimum = 0, Maximum = 255 };
        Assert.True(Takes(schema, PropertyValue.From(255L)));
        Assert.False(Takes(schema, PropertyValue.From(256L)));
        Assert.False(Takes(schema, PropertyValue.From(-1L)));
    }

    [Fact]
    public void Numbers_convert_where_nothing_is_lost()
    {
        Assert.Equal(PropertyValue.From(5.0), Convert(SchemaKind.Double, PropertyValue.From(5L)));
        Assert.Equal(PropertyValue.From(5L), Convert(SchemaKind.Long, PropertyValue.From(5.0)));
        Assert.False(Takes(SchemaKind.Long, PropertyValue.From(5.5)));
        Assert.False(Takes(SchemaKind.Long, PropertyValue.From(1e18)));
        Assert.False(Takes(SchemaKind.Double, NotANumber));
        Assert.False(Takes(SchemaKind.Double, PropertyValue.From(double.PositiveInfinity)));
        Assert.False(Takes(SchemaKind.Float, PropertyValue.From(1e39)));
        Assert.True(Takes(SchemaKind.Double, PropertyValue.From(1e39)));
        Assert.False(Takes(SchemaKind.Float, NotANumber));
        Assert.False(Takes(SchemaKind.Boolean, PropertyValue.From(1L)));
        Assert.False(Takes(SchemaKind.String, PropertyValue.From(1L)));
    }

    /// <summary>Oracle: the framework's own formatting of a random instant at a random offset.</summary>
    [Fact]
    public void Instants_read_as_they_were_written() =>
        Gen.Select(Gen.Long[DateTime.UnixEpoch.Ticks / 2, DateTime.MaxValue.Ticks / 2], Gen.Int[-14 * 60, 14 * 60]).Sample((ticks, offset) =>
        {
            var time = new DateTimeOffset(ticks, TimeSpan.Zero).ToOffset(TimeSpan.FromMinutes(offset));
            var text = time.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffffzzz", System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(PropertyValue.From(WallTime.From(time)), Convert(SchemaKind.DateTime, PropertyValue.From(text)));
        });

    [Theory]
    [InlineData("2026-01-31T12:00:00Z", true)]
    [InlineData("2026-01-31t12:00:00z", true)]
    [InlineData("2026-01-31T12:00:00.123456789Z", true)]
    [InlineData("2026-01-31T12:00:00", false)]
    [InlineData("2026-01-31 12:00:00Z", false)]
    [InlineData("2026-02-30T12:00:00Z", false)]
    [InlineData("2026-01-31T24:00:00Z", false)]
    [InlineData("2026-01-31T12:00:60Z", false)]
    [InlineData("2026-01-31T12:00:00.Z", false)]
    [InlineData("2026-01-31T12:00:00+0100", false)]
    [InlineData("0001-01-01T00:00:00Z", false)]
    [InlineData("0001-01-01T00:00:00+01:00", false)]
    [InlineData("", false)]
    public void Only_rfc_3339_instants_are_taken(string text, bool fits) => Assert.Equal(fits, Takes(SchemaKind.DateTime, PropertyValue.From(text)));

    /// <summary>Oracle: the framework's XML Schema durations.</summary>
    [Fact]
    public void Durations_read_as_they_were_written() =>
        Gen.Long.Where(t => t != long.MinValue).Sample(ticks => Assert.Equal(PropertyValue.From(new TimeSpan(ticks)), Convert(SchemaKind.Duration, PropertyValue.From(System.Xml.XmlConvert.ToString(new TimeSpan(ticks))))));

    [Theory]
    [InlineData("PT1M30S", 90)]
    [InlineData("P1W", 604_800)]
    [InlineData("-P1DT1H", -90_000)]
    [InlineData("P1Y", 31_536_000)]
    [InlineData("PT0.5S", 0.5)]
    [InlineData("P", double.NaN)]
    [InlineData("PT", double.NaN)]
    [InlineData("P1DT", double.NaN)]
    [InlineData("PT1.5H", double.NaN)]
    [InlineData("PT1S1M", double.NaN)]
    [InlineData("1H", double.NaN)]
    [InlineData("P99999999999999999999D", double.NaN)]
    public void Durations_are_iso_8601(string text, double seconds)
    {
        Assert.Equal(double.IsFinite(seconds), SchemaValidation.TryConvert(new Schema(SchemaKind.Duration), PropertyValue.From(text), out var stored, out _));
        if (double.IsFinite(seconds)) Assert.Equal(TimeSpan.FromSeconds(seconds).Ticks, stored.Bits);
    }

    [Theory]
    [InlineData(SchemaKind.Date, "2024-02-29", true)]
    [InlineData(SchemaKind.Date, "2023-02-29", false)]
    [InlineData(SchemaKind.Time, "23:59:59.9Z", true)]
    [InlineData(SchemaKind.Time, "23:59:59", false)]
    [InlineData(SchemaKind.Uuid, "123e4567-e89b-12d3-a456-426614174000", true)]
    [InlineData(SchemaKind.Uuid, "123e4567e89b12d3a456426614174000", false)]
    [InlineData(SchemaKind.Bytes, "AAEC", true)]
    [InlineData(SchemaKind.Bytes, "AAE", false)]
    [InlineData(SchemaKind.Decimal, "-1.50", true)]
    [InlineData(SchemaKind.Decimal, "1,5", false)]
    public void Texts_with_a_form_keep_it(SchemaKind kind, string text, bool fits) => Assert.Equal(fits, Takes(kind, PropertyValue.From(text)));

    [Fact]
    public void Nested_values_are_checked_in_place_and_the_place_is_told()
    {
        var schema = new Schema(SchemaKind.Array)
        {
            Element = new Schema(SchemaKind.Object) { Fields = new Dictionary<string, Schema> { ["at"] = new(SchemaKind.DateTime), ["m"] = new(SchemaKind.Map) { Element = new Schema(SchemaKind.Integer) } }.ToFrozenDictionary() },
        };
        Assert.True(Takes(schema, Json("""[{"at":"2026-01-01T00:00:00Z","m":{"x":1}},{}]""")));
        Assert.False(SchemaValidation.TryConvert(schema, Json("""[{},{"m":{"x":1.5}}]"""), out _, out var error));
        Assert.Contains("/1/m/x: 1.5 is not an integer", error, StringComparison.Ordinal);
        Assert.False(SchemaValidation.TryConvert(schema, Json("""[{"m":{"x":1,"x":2}}]"""), out _, out error));
        Assert.Contains("/0/m/x is given twice", error, StringComparison.Ordinal);
        Assert.False(Takes(schema, Json("""{}""")));
    }

    [Fact]
    public void Depth_and_size_are_bounded()
    {
        var schema = new Schema(SchemaKind.Array);
        Assert.True(Takes(schema, Json(new string('[', 32) + new string(']', 32))));
        Assert.False(Takes(schema, Json(new string('[', 33) + new string(']', 33))));
        Assert.True(Takes(schema, Json("[" + new string(' ', SchemaValidation.MaxJsonBytes - 2) + "]")));
        Assert.False(Takes(schema, Json("[" + new string(' ', SchemaValidation.MaxJsonBytes - 1) + "]")));
        Assert.False(Takes(SchemaKind.String, PropertyValue.From(new string('é', 32_769))));
        Assert.True(Takes(SchemaKind.String, PropertyValue.From(new string('é', 32_768))));
    }

    [Theory]
    [InlineData("""{"type":"Point","coordinates":[1,2]}""", true)]
    [InlineData("""{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}""", true)]
    [InlineData("""{"type":"Circle","coordinates":[1,2]}""", false)]
    [InlineData("""{"type":"Point","coordinates":["1",2]}""", false)]
    [InlineData("""{"type":"Point"}""", false)]
    public void Geometries_are_geojson(string json, bool fits) => Assert.Equal(fits, Takes(SchemaKind.Geospatial, Json(json)));

    [Fact]
    public void Tags_read_back_and_nothing_else_does()
    {
        Gen.Long[1, long.MaxValue].Sample(version => Assert.True(ETag.TryParse(ETag.Format(version), out var read) && read == version));
        Assert.Equal("W/\"10000000005\"", ETag.Format((1L << 40) + 5));
        Assert.True(ETag.TryParse("*", out var any) && any == 0);
        Assert.True(ETag.TryParse("\"5\"", out var strong) && strong == 5);
        foreach (var text in new[] { "", "5", "W/5", "\"\"", "\"x\"", "\"0\"", "\"5", "W/\"5\", W/\"6\"", "\"ffffffffffffffffff\"", "\" 5\"" }) Assert.False(ETag.TryParse(text, out _), text);
        Span<byte> bytes = stackalloc byte[ETag.MaxLength];
        Assert.Equal(ETag.Format(long.MaxValue), Encoding.ASCII.GetString(bytes[..ETag.Format(long.MaxValue, bytes)]));
    }

    private static PropertyValue Json(string json) => PropertyValue.FromJson(Encoding.UTF8.GetBytes(json));

    private static bool Takes(SchemaKind kind, PropertyValue value) => Takes(new Schema(kind), value);

    private static bool Takes(Schema schema, PropertyValue value)
    {
        var fits = SchemaValidation.TryConvert(schema, value, out var stored, out var error);
        Assert.Equal(fits, error is null);
        Assert.Equal(fits, stored.Kind == schema.Storage);
        return fits;
    }

    private static PropertyValue Convert(SchemaKind kind, PropertyValue value)
    {
        Assert.True(SchemaValidation.TryConvert(new Schema(kind), value, out var stored, out var error), error);
        return stored;
    }
}
