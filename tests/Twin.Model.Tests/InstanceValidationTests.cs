using System.Globalization;
using System.Text.RegularExpressions;
using CsCheck;
using Twin.Model.Dtdl;

namespace Twin.Model.Tests;

public partial class InstanceValidationTests
{
    private static Schema Of(string term, int version = 4) =>
        LanguageSchemas.Find($"dtmi:dtdl:instance:Schema:{term};{version}") ?? LanguageSchemas.Find($"dtmi:standard:schema:{term};{version}") ?? LanguageSchemas.Find($"dtmi:standard:schema:geospatial:{term};{version}")!;

    private static bool Conforms(Schema schema, string json) => InstanceValidation.Check(schema, json).Count == 0;

    [Theory]
    [InlineData("integer", "5", "-2147483648", "-0", "2147483647")]
    [InlineData("long", "9223372036854775807", "-9223372036854775808")]
    [InlineData("byte", "-128", "127")]
    [InlineData("short", "-32768", "32767")]
    [InlineData("unsignedByte", "0", "255")]
    [InlineData("unsignedShort", "65535")]
    [InlineData("unsignedInteger", "4294967295")]
    [InlineData("unsignedLong", "18446744073709551615", "0")]
    [InlineData("double", "0", "-0.0", "1e308", "5")]
    [InlineData("float", "3.4e38", "-1.5")]
    [InlineData("boolean", "true", "false")]
    [InlineData("string", "\"\"", "\"x\"")]
    [InlineData("dateTime", "\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59.9999999999+14:00\"", "\"2024-02-29T12:00:00-08:00\"")]
    [InlineData("date", "\"2024-02-29\"", "\"0001-01-01\"")]
    [InlineData("time", "\"00:00:00Z\"", "\"23:59:59.5+01:30\"")]
    [InlineData("duration", "\"P1Y\"", "\"PT0S\"", "\"P1W\"", "\"P1Y2M3DT4H5M6.7S\"", "\"P1W2D\"", "\"P1.5D\"", "\"PT1.5H\"")]
    [InlineData("decimal", "\"1.50\"", "\"-0\"", "\"+12.\"", "\"99999999999999999999999999.9\"")]
    [InlineData("bytes", "\"\"", "\"AA==\"", "\"AAA=\"", "\"AA+/\"")]
    [InlineData("uuid", "\"123e4567-E89B-12d3-a456-426614174000\"")]
    [InlineData("scaledDecimal", "{\"value\":\"1.5\",\"scale\":-2}")]
    [InlineData("point", "{\"type\":\"Point\",\"coordinates\":[1.5,2]}")]
    [InlineData("multiPolygon", "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[1,0],[1,1],[0,0]]]]}")]
    public void Values_in_their_form_conform(string schema, params string[] values) => Assert.All(values, v => Assert.Empty(InstanceValidation.Check(Of(schema), v)));

    [Theory]
    [InlineData("integer", "0.0", "-0.0", "1e3", "2147483648", "\"5\"", "null", "true", "[5]", "")]
    [InlineData("long", "9223372036854775808", "1.0")]
    [InlineData("byte", "128", "-129")]
    [InlineData("unsignedByte", "-1", "-0", "256")]
    [InlineData("unsignedLong", "-1", "-0", "18446744073709551616", "1.0")]
    [InlineData("double", "1e999", "\"1\"", "NaN")]
    [InlineData("float", "3.5e38")]
    [InlineData("boolean", "\"true\"", "1", "null")]
    [InlineData("string", "5", "null", "{}")]
    [InlineData("dateTime", "\"2023-02-29T00:00:00Z\"", "\"2024-01-01T00:00:00\"", "\"2024-01-01 00:00:00Z\"", "\"0000-01-01T00:00:00Z\"", "\"2024-01-01T24:00:00Z\"", "\"2024-01-01T00:00:00.Z\"")]
    [InlineData("date", "\"2024-2-9\"", "\"2024-13-01\"", "\"2024-02-30\"")]
    [InlineData("time", "\"25:00:00Z\"", "\"12:00:00\"", "\"12:00Z\"")]
    [InlineData("duration", "\"P\"", "\"PT\"", "\"P1S\"", "\"P1.5Y2M\"", "\"-P1D\"", "\"P1M1Y\"", "\"P1Y1W\"", "\"1D\"", "\"P1DT\"")]
    [InlineData("decimal", "1.5", "\"1e3\"", "\"01\"", "\".5\"", "\"\"")]
    [InlineData("bytes", "\"A\"", "\"AA=\"", "\"A===\"", "\"A A=\"")]
    [InlineData("uuid", "\"123e4567e89b12d3a456426614174000\"", "\"123e4567-e89b-12d3-a456-42661417400g\"")]
    [InlineData("scaledDecimal", "{\"value\":1.5,\"scale\":2}", "{\"value\":\"1\"}", "{\"value\":\"1\",\"scale\":40000}", "5")]
    [InlineData("point", "{\"type\":\"point\",\"coordinates\":[1,2]}", "{\"type\":\"Point\"}", "{\"type\":\"Point\",\"coordinates\":[\"1\"]}", "{\"type\":\"LineString\",\"coordinates\":[[1,2]]}")]
    public void Values_in_another_form_do_not(string schema, params string[] values) => Assert.All(values, v => Assert.NotEmpty(InstanceValidation.Check(Of(schema), v)));

    [Fact]
    public void Whole_numbers_conform_exactly_when_they_are_in_range()
    {
        var kinds = new (string Name, Func<long, bool> Fits)[]
        {
            ("byte", n => n == (sbyte)n), ("short", n => n == (short)n), ("integer", n => n == (int)n), ("long", _ => true), ("unsignedByte", n => n == (byte)n),
            ("unsignedShort", n => n == (ushort)n), ("unsignedInteger", n => n == (uint)n), ("unsignedLong", n => n >= 0),
        };
        Gen.Select(Gen.Long, Gen.Int[0, 63], Gen.Int[0, kinds.Length - 1]).Sample((number, shift, kind) =>
            Assert.Equal(kinds[kind].Fits(number >> shift), Conforms(Of(kinds[kind].Name), (number >> shift).ToString(CultureInfo.InvariantCulture))));
    }

    // The grammar of ISO 8601 as DTDL takes it, written a second way.
    [GeneratedRegex(@"\AP(?=.)((\d+Y)?(\d+M)?|\d+W)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?\z", RegexOptions.ECMAScript)]
    private static partial Regex WholeDuration();

    [Fact]
    public void Durations_conform_exactly_when_the_grammar_says_so() =>
        Gen.Char["P1209YMWDTHS."].Array[1, 12].Sample(letters =>
        {
            var text = "P" + new string(letters);
            var fraction = text.IndexOf('.', StringComparison.Ordinal);
            if (fraction >= 0 && text.AsSpan(fraction).IndexOfAny("YMWDH") >= 0) return; // fractions of other parts than seconds: by example above
            Assert.Equal(WholeDuration().IsMatch(text), LexicalForms.IsDuration(text));
        }, iter: 20_000);

    [Fact]
    public void Dates_conform_exactly_when_the_calendar_has_them() =>
        Gen.Select(Gen.Int[0, 9999], Gen.Int[0, 13], Gen.Int[0, 32]).Sample((year, month, day) =>
        {
            var text = $"{year:D4}-{month:D2}-{day:D2}";
            Assert.Equal(DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _), LexicalForms.IsDate(text));
        });

    [Fact]
    public void Arrays_maps_objects_and_enums_are_checked_inside_and_tell_where()
    {
        var models = DtdlParser.Parse(["""
            {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;1"],"@id":"dtmi:x:A;1","@type":"Interface","schemas":[
              {"@id":"dtmi:x:O;1","@type":"Object","fields":[
                {"@type":["Field","Required"],"name":"list","schema":{"@type":"Array","elementSchema":"short"}},
                {"name":"map","schema":{"@type":"Map","mapKey":{"name":"k","schema":"string"},"mapValue":{"name":"v","schema":"date"}}},
                {"name":"one","schema":{"@type":"Enum","valueSchema":"integer","enumValues":[{"name":"a","enumValue":1},{"name":"b","enumValue":2}]}},
                {"name":"next","schema":"dtmi:x:O;1"}]}]}
            """], ModelSet.Empty);
        Assert.Empty(models.Errors);
        var schema = models.Schemas["dtmi:x:O;1"];
        Assert.Empty(InstanceValidation.Check(schema, """{"list":[1,2],"map":{"a":"2024-01-01"},"one":2,"next":{"list":[],"next":{"list":[3]}}}"""));
        var problems = InstanceValidation.Check(schema, """{"list":[1,70000],"map":{"a":"x"},"one":3,"other":1,"next":{"next":{"list":7}}}""");
        Assert.Equal(["/list/1", "/map/a", "/one", "/other", "/next/next/list", "/next"], problems.Select(p => p.Split(' ')[0]));
    }

    [Theory]
    [InlineData("\"\\ud800\"")]
    [InlineData("{\"\\ud800\":1}")]
    public void Escapes_that_are_no_character_are_problems(string json)
    {
        Assert.NotEmpty(InstanceValidation.Check(Of("string"), json));
        Assert.NotEmpty(InstanceValidation.Check(Of("point"), json));
        Assert.NotEmpty(DtdlParser.Parse([json], ModelSet.Empty).Errors);
    }

    [Fact]
    public void Problems_and_depth_are_bounded()
    {
        var list = new Schema(SchemaKind.Array) { Element = new Schema(SchemaKind.Boolean) };
        Assert.Equal(InstanceValidation.MostProblems, InstanceValidation.Check(list, "[" + string.Join(',', Enumerable.Repeat("1", 5_000)) + "]").Count);
        Assert.Single(InstanceValidation.Check(list, new string('[', 10_000) + new string(']', 10_000)));
    }
}
