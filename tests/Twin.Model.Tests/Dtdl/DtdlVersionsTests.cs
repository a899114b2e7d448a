using Twin.Model.Dtdl;

namespace Twin.Model.Tests.Dtdl;

/// <summary>What sets the versions of the language apart: limits, classes, schemas, contexts, extensions; and models found by asking.</summary>
public class DtdlVersionsTests
{
    private static string Interface(int version, string inside, string id = "dtmi:x:A;1", string contexts = "") =>
        $$"""{"@context":["dtmi:dtdl:context;{{version}}"{{contexts}}],"@id":"{{id}}","@type":"Interface"{{(inside.Length == 0 ? "" : "," + inside)}}}""";

    private static string Content(string content) => $"\"contents\":[{content}]";

    private static string[] Errors(params string[] texts) => [.. DtdlParser.Parse(texts, ModelSet.Empty).Errors.Select(e => e.Id[(e.Id.LastIndexOf(':') + 1)..]).Distinct()];

    private static string Named(int length) => Content($$"""{"@type":"Telemetry","name":"{{new string('n', length)}}","schema":"double"}""");

    private static string Deep(int edges)
    {
        var schema = "\"double\"";
        for (var i = 0; i < edges; i++) schema = $$"""{"@type":"Array","elementSchema":{{schema}}}""";
        return Content($$"""{"@type":"Telemetry","name":"t","schema":{{schema}}}""");
    }

    private static string Many(int count, Func<int, string> one) => string.Join(',', Enumerable.Range(0, count).Select(one));

    public static TheoryData<int, string, int, string> Limits => new()
    {
        { 2, "name", 64, "stringTooLong" }, { 3, "name", 512, "stringTooLong" }, { 4, "name", 512, "stringTooLong" },
        { 2, "displayName", 64, "langStringValueTooLong" }, { 3, "displayName", 512, "langStringValueTooLong" }, { 4, "description", 512, "langStringValueTooLong" },
        { 2, "comment", 512, "stringTooLong" }, { 2, "depth", 5, "excessiveDepthWide" }, { 3, "depth", 5, "excessiveDepthWide" }, { 4, "depth", 8, "excessiveDepthWide" },
        { 2, "extends", 10, "excessiveDepthNarrow" }, { 3, "extends", 10, "excessiveDepthNarrow" }, { 4, "extends", 12, "excessiveDepthNarrow" },
        { 2, "bases", 2, "objectCountAboveMax" }, { 3, "bases", 1024, "excessiveCount" }, { 2, "contents", 300, "objectCountAboveMax" }, { 2, "fields", 30, "objectCountAboveMax" },
        { 2, "enumValues", 100, "objectCountAboveMax" }, { 2, "properties", 300, "objectCountAboveMax" }, { 2, "maxMultiplicity", 500, "valueAboveRange" },
        { 2, "id", 128, "idTooLongForType" }, { 4, "id", 128, "idTooLongForType" }, { 3, "elementId", 2048, "idTooLong" },
    };

    [Theory]
    [MemberData(nameof(Limits))]
    public void Each_limit_is_kept_to_the_last_one_allowed(int version, string what, int limit, string error)
    {
        Assert.Empty(Errors(Made(version, what, limit)));
        Assert.Equal([error], Errors(Made(version, what, limit + 1)));
    }

    private static string[] Made(int version, string what, int size) => what switch
    {
        "name" => [Interface(version, Named(size))],
        "displayName" or "description" or "comment" => [Interface(version, $"\"{what}\":\"{new string('d', size)}\"")],
        "depth" => [Interface(version, Deep(size))],
        "extends" => [.. Enumerable.Range(0, size + 1).Select(i => Interface(version, i == 0 ? "" : $"\"extends\":\"dtmi:x:A{i - 1};1\"", $"dtmi:x:A{i};1"))],
        "bases" => [Interface(version, $"\"extends\":[{Many(size, i => $"\"dtmi:x:B{i};1\"")}]"), .. Enumerable.Range(0, size).Select(i => Interface(version, "", $"dtmi:x:B{i};1"))],
        "contents" => [Interface(version, Content(Many(size, i => $$"""{"@type":"Telemetry","name":"t{{i}}","schema":"double"}""")))],
        "fields" => [Interface(version, Content($$"""{"@type":"Telemetry","name":"t","schema":{"@type":"Object","fields":[{{Many(size, i => $$"""{"name":"f{{i}}","schema":"date"}""")}}] } }"""))],
        "enumValues" => [Interface(version, Content($$"""{"@type":"Telemetry","name":"t","schema":{"@type":"Enum","valueSchema":"integer","enumValues":[{{Many(size, i => $$"""{"name":"f{{i}}","enumValue":{{i}} }""")}}] } }"""))],
        "properties" => [Interface(version, Content($$"""{"@type":"Relationship","name":"r","properties":[{{Many(size, i => $$"""{"@type":"Property","name":"p{{i}}","schema":"date"}""")}}] }"""))],
        "maxMultiplicity" => [Interface(version, Content($$"""{"@type":"Relationship","name":"r","maxMultiplicity":{{size}}}"""))],
        "id" => [Interface(version, "", $"dtmi:{new string('i', size - 7)};1")],
        _ => [Interface(version, Content($$"""{"@type":"Telemetry","@id":"dtmi:{{new string('i', size - 7)}};1","name":"t","schema":"double"}"""))],
    };

    [Theory]
    [InlineData("byte short unsignedByte unsignedShort unsignedInteger unsignedLong decimal bytes uuid scaledDecimal", 4)]
    [InlineData("boolean date dateTime double duration float integer long string time point multiPoint lineString multiLineString polygon multiPolygon", 2)]
    public void Schemas_are_known_from_their_version_on(string terms, int since)
    {
        foreach (var term in terms.Split(' '))
        {
            for (var version = 2; version <= 4; version++)
                Assert.Equal(version >= since, Errors(Interface(version, Content($$"""{"@type":"Telemetry","name":"t","schema":"{{term}}"}"""))).Length == 0);
        }
    }

    [Fact]
    public void Schemas_may_contain_themselves_from_version_4_on()
    {
        const string list = """ "schemas":[{"@id":"dtmi:x:S;1","@type":"Object","fields":[{"name":"next","schema":"dtmi:x:S;1"},{"name":"value","schema":"long"}]}],"contents":[{"@type":"Property","name":"p","schema":"dtmi:x:S;1"}] """;
        Assert.Contains("recursiveStructureWide", Errors(Interface(3, list)));
        var models = DtdlParser.Parse([Interface(4, list)], ModelSet.Empty).Models;
        var schema = models.Find("dtmi:x:A;1")!.FindProperty("p")!.Schema;
        Assert.Same(schema, schema.Fields["next"]);
        Assert.True(SchemaValidation.TryConvert(schema, PropertyValue.FromJson("""{"value":1,"next":{"value":2}}"""u8.ToArray()), out _, out _));
        Assert.False(SchemaValidation.TryConvert(schema, PropertyValue.FromJson("""{"next":{"value":"x"}}"""u8.ToArray()), out _, out _));
    }

    [Fact]
    public void Payloads_may_be_null_from_version_4_on()
    {
        const string command = """{"@type":"Command","name":"c","request":{"name":"r","schema":"long","nullable":true},"response":{"name":"s","schema":"long"}}""";
        Assert.Contains("propertyUndefinedTerm", Errors(Interface(3, Content(command))));
        var defined = DtdlParser.Parse([Interface(4, Content(command))], ModelSet.Empty).Models.Find("dtmi:x:A;1")!.Commands["c"];
        Assert.Equal((true, false), (defined.IsRequestNullable, defined.IsResponseNullable));
    }

    [Theory]
    [InlineData(3, 2, true)]
    [InlineData(4, 2, true)]
    [InlineData(4, 3, true)]
    [InlineData(2, 3, false)]
    [InlineData(3, 4, false)]
    public void A_version_refers_to_older_ones_only(int version, int other, bool valid) =>
        Assert.Equal(valid ? [] : ["disallowedVersionReference"], Errors(Interface(version, "\"extends\":\"dtmi:x:B;1\""), Interface(other, "", "dtmi:x:B;1")));

    [Fact]
    public void Raised_limits_hold_where_they_are_accepted()
    {
        var deep = Interface(4, Deep(20)).Replace("\"dtmi:dtdl:context;4\"", "\"dtmi:dtdl:context;4#limitless\",\"dtmi:dtdl:limits:onvif;1\"", StringComparison.Ordinal);
        Assert.Equal(["disallowedLimitContext"], Errors(deep));
        Assert.True(DtdlParser.Parse([deep], ModelSet.Empty, new DtdlOptions { LimitContexts = ["dtmi:dtdl:limits:onvif"] }).IsValid);
        Assert.False(DtdlParser.Parse([deep], ModelSet.Empty, new DtdlOptions { LimitContexts = ["dtmi:dtdl:limits:onvif;2"] }).IsValid);
    }

    [Fact]
    public void An_interface_is_at_most_a_megabyte_from_version_3_on()
    {
        var big = Content(Many(2_100, i => $$"""{"@type":"Telemetry","name":"t{{i}}","schema":"double","comment":"{{new string('c', 480)}}"}"""));
        Assert.Equal(["partitionTooLarge"], Errors(Interface(3, big)));
        Assert.Equal(["objectCountAboveMax"], Errors(Interface(2, big)));
    }

    [Theory]
    [InlineData(3, "annotation;1", """{"@type":["Property","ValueAnnotation"],"name":"a","annotates":"t","schema":"double"}""", "")]
    [InlineData(3, "annotation;1", """{"@type":["Property","ValueAnnotation"],"name":"a","schema":"double"}""", "missingSupplementalLiteralProperty")]
    [InlineData(3, "annotation;1", """{"@type":["Property","ValueAnnotation"],"name":"a","annotates":"c","schema":"double"},{"@type":"Command","name":"c"}""", "notSiblingRequiredType")]
    [InlineData(3, "historization;1", """{"@type":["Property","Historized"],"name":"a","schema":"double"}""", "")]
    [InlineData(3, "historization;1", """{"@type":["Command","Historized"],"name":"a"}""", "invalidCotype")]
    [InlineData(4, "historization;1", """{"@type":["Property","Historized"],"name":"a","schema":"double"}""", "invalidCotypeVersion")]
    [InlineData(4, "mqtt;2", """{"@type":["Command","Cacheable"],"name":"a","ttl":"PT1H"}""", "missingCocotype")]
    [InlineData(4, "mqtt;2", """{"@type":["Command","Idempotent","Cacheable"],"name":"a","ttl":"1h"}""", "durationInvalid")]
    [InlineData(4, "mqtt;3", """{"@type":["Telemetry","Indexed"],"name":"a","schema":"long","index":1},{"@type":["Telemetry","Indexed"],"name":"b","schema":"long","index":1}""", "nonUniquePropertyValue")]
    [InlineData(4, "mqtt;4", """{"@type":"Command","name":"a","response":{"name":"r","schema":{"@type":["Object","Result"],"fields":[{"name":"x","schema":"long"}]}}}""", "notRequiredType")]
    [InlineData(4, "requirement;1", """{"@type":"Telemetry","name":"a","schema":{"@type":"Object","fields":[{"@type":["Field","Required"],"name":"x","schema":"long"}]}}""", "")]
    [InlineData(4, "quantitativeTypes;3", """{"@type":["Property","Temperature"],"name":"a","schema":"double","unit":"watt"}""", "wrongParent")]
    public void Extensions_bring_types_properties_and_demands(int version, string extension, string content, string error) =>
        Assert.Equal(error.Length == 0 ? [] : [error], Errors(Interface(version, Content("""{"@type":"Telemetry","name":"t","schema":"double"},""" + content), contexts: $",\"dtmi:dtdl:extension:{extension}\"")));

    [Fact]
    public void Extensions_nobody_knows_are_let_through_or_refused_as_the_version_or_the_caller_says()
    {
        var texts = new[] { 2, 3, 4 }.Select(v => Interface(v, """ "odd":[1,{"x":2}] """, contexts: ",\"dtmi:x:context;1\"").Replace("\"Interface\"", "[\"Interface\",\"Odd\"]", StringComparison.Ordinal)).ToArray();
        Assert.Equal([true, false, false], texts.Select(t => DtdlParser.Parse([t], ModelSet.Empty).IsValid));
        Assert.All(texts, t => Assert.True(DtdlParser.Parse([t], ModelSet.Empty, new DtdlOptions { UndefinedExtensions = UndefinedExtensions.Allow }).IsValid));
        Assert.All(texts, t => Assert.False(DtdlParser.Parse([t], ModelSet.Empty, new DtdlOptions { UndefinedExtensions = UndefinedExtensions.Refuse }).IsValid));
    }

    [Fact]
    public async Task What_is_not_there_is_asked_for_until_it_is()
    {
        var asked = new List<string>();
        var store = Enumerable.Range(1, 5).ToDictionary(i => $"dtmi:x:B{i};1", i => Interface(3, i == 5 ? "" : $"\"extends\":\"dtmi:x:B{i + 1};1\"", $"dtmi:x:B{i};1"));
        ValueTask<IReadOnlyList<string>> Resolve(IReadOnlyList<string> dtmis, CancellationToken token)
        {
            asked.AddRange(dtmis);
            return new([.. dtmis.Where(store.ContainsKey).Select(d => store[d])]);
        }

        var result = await DtdlParser.ParseAsync([Interface(3, "\"extends\":\"dtmi:x:B1;1\"")], ModelSet.Empty, DtdlOptions.Default, Resolve);
        Assert.Empty(result.Errors);
        Assert.Equal((6, 6), (result.Models.Interfaces.Count, result.ElementCount));
        Assert.Equal(store.Keys, asked);
        store.Remove("dtmi:x:B4;1");
        result = await DtdlParser.ParseAsync([Interface(3, "\"extends\":\"dtmi:x:B1;1\"")], ModelSet.Empty, DtdlOptions.Default, Resolve);
        Assert.Equal(["dtmi:x:B4;1"], result.Unresolved);
        Assert.Equal(("dtmi:x:B3;1", "extends", 1), (result.Errors[0].Element, result.Errors[0].Property, result.Errors[0].Line));
    }

    [Fact]
    public async Task A_resolver_that_never_ends_is_left()
    {
        var given = 0;
        var result = await DtdlParser.ParseAsync([Interface(3, "\"extends\":\"dtmi:x:B0;1\"")], ModelSet.Empty, DtdlOptions.Default,
            (_, _) => new([Interface(3, $"\"extends\":\"dtmi:x:B{++given};1\"", $"dtmi:x:B{given - 1};1")]));
        Assert.False(result.IsValid);
        Assert.Equal(DtdlParser.MostRounds, given);
    }

    [Fact]
    public void An_error_tells_its_line()
    {
        var error = Assert.Single(DtdlParser.Parse(["{\n\"@context\": \"dtmi:dtdl:context;3\",\n\"@id\": \"dtmi:x:A;1\", \"@type\": \"Interface\",\n\"contents\": [\n{\"@type\": \"Property\", \"name\": \"a\",\n \"schema\": \"string\", \"writable\": 7}]}"], ModelSet.Empty).Errors);
        Assert.Equal(("dtmi:dtdl:parsingError:booleanNotBoolean", "dtmi:x:A:_contents:__a;1", "writable", "7", 6), (error.Id, error.Element, error.Property, error.Value, error.Line));
    }
}
