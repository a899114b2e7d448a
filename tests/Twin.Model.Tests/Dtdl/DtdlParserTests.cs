using Twin.Model.Dtdl;

namespace Twin.Model.Tests.Dtdl;

public class DtdlParserTests
{
    private static string Interface(string name, string members, string version = "3") =>
        $$"""{"@context":["dtmi:dtdl:context;{{version}}"{{(version == "3" ? ",\"dtmi:dtdl:extension:quantitativeTypes;1\",\"dtmi:twin:context;1\"" : "")}}],"@id":"dtmi:x:{{name}};1","@type":"Interface"{{(members.Length > 0 ? "," + members : "")}}}""";

    private static ModelSet Parsed(params string[] texts)
    {
        var result = DtdlParser.Parse(texts, ModelSet.Empty);
        Assert.Empty(result.Errors);
        return result.Models;
    }

    private static IEnumerable<string> Errors(params string[] texts)
    {
        var result = DtdlParser.Parse(texts, ModelSet.Empty);
        Assert.False(result.IsValid);
        Assert.Empty(result.Models.Interfaces);
        Assert.All(result.Errors, e => Assert.NotEmpty(e.Message));
        return result.Errors.Select(e => e.Id[(e.Id.LastIndexOf(':') + 1)..]);
    }

    [Fact]
    public void Inherited_own_and_component_properties_become_columns_in_that_order()
    {
        var models = Parsed(
            Interface("Lamp", """
                "extends":"dtmi:x:Asset;1","displayName":{"en":"Lamp","de":"Lampe"},"contents":[
                {"@type":"Property","name":"on","schema":"boolean","writable":true},
                {"@type":"Component","name":"driver","schema":"dtmi:x:Driver;1"},
                {"@type":["Property","Power","Indexed"],"name":"power","schema":"double","unit":"watt"}]
                """),
            "[" + Interface("Asset", """ "contents":{"@type":"Property","name":"serial","schema":"string"} """) + "," +
            Interface("Driver", """ "contents":[{"@type":["Property","Temperature"],"name":"heat","schema":"float","unit":"degreeCelsius"}] """) + "]");
        var lamp = models.Find("dtmi:x:Lamp;1")!;
        Assert.Equal(["serial", "on", "driver/heat", "power"], lamp.Properties.Select(p => p.Path));
        Assert.Equal("Lamp", lamp.DisplayName);
        Assert.Equal(["dtmi:x:Asset;1", "dtmi:x:Lamp;1"], lamp.Bases.Order());
        Assert.Equal(("watt", "Power", true), (lamp.FindProperty("power")!.Unit, lamp.FindProperty("power")!.SemanticType, lamp.FindProperty("power")!.IsIndexed));
        Assert.True(lamp.FindProperty("on")!.IsWritable);
        Assert.Equal("degreeCelsius", lamp.FindProperty("driver/heat".AsSpan())!.Unit);
        Assert.Equal("dtmi:x:Driver;1", lamp.Components["driver"].Interface.Id);
    }

    [Fact]
    public void Complex_schemas_keep_their_shape()
    {
        var room = Parsed(Interface("Room", """
            "schemas":[{"@id":"dtmi:x:Mode;1","@type":"Enum","valueSchema":"integer","enumValues":[{"name":"off","enumValue":0},{"name":"heat","enumValue":5}]}],
            "contents":[
            {"@type":"Property","name":"mode","schema":"dtmi:x:Mode;1"},
            {"@type":"Property","name":"address","schema":{"@type":"Object","fields":[{"name":"street","schema":"string"},{"name":"tags","schema":{"@type":"Array","elementSchema":"string"}}]}},
            {"@type":"Property","name":"labels","schema":{"@type":"Map","mapKey":{"name":"k","schema":"string"},"mapValue":{"name":"v","schema":"long"}}},
            {"@type":"Telemetry","name":"where","schema":"point"},
            {"@type":"Command","name":"reset","request":{"name":"delay","schema":"duration"}},
            {"@type":"Relationship","name":"nextTo","target":"dtmi:x:Room;1","maxMultiplicity":3,"properties":[{"@type":"Property","name":"door","schema":"boolean"}]}]
            """)).Find("dtmi:x:Room;1")!;
        var mode = room.FindProperty("mode")!.Schema;
        Assert.Equal((SchemaKind.Enum, ValueKind.Integer), (mode.Kind, mode.Storage));
        Assert.Equal([("off", 0L), ("heat", 5L)], mode.Members.Select(m => (m.Name, m.Value.AsInteger)));
        Assert.Equal(SchemaKind.String, room.FindProperty("address")!.Schema.Fields["tags"].Element!.Kind);
        Assert.Equal(SchemaKind.Long, room.FindProperty("labels")!.Schema.Element!.Kind);
        Assert.Equal(SchemaKind.Geospatial, room.Telemetries["where"].Schema.Kind);
        Assert.Equal((SchemaKind.Duration, null), (room.Commands["reset"].Request!.Kind, room.Commands["reset"].Response));
        Assert.Equal(("dtmi:x:Room;1", 3, SchemaKind.Boolean), (room.Relationships["nextTo"].Target, room.Relationships["nextTo"].MaxMultiplicity, room.Relationships["nextTo"].Properties["door"].Kind));
    }

    [Theory]
    [InlineData("missingTopLevelId", """{"@context":"dtmi:dtdl:context;3","@type":"Interface"}""")]
    [InlineData("missingContext", """{"@id":"dtmi:x:A;1","@type":"Interface"}""")]
    [InlineData("unrecognizedContextVersion", """{"@context":"dtmi:dtdl:context;9","@id":"dtmi:x:A;1","@type":"Interface"}""")]
    [InlineData("invalidId", """{"@context":"dtmi:dtdl:context;3","@id":"dtmi:x:A_;1","@type":"Interface"}""")]
    [InlineData("invalidId", """{"@context":"dtmi:dtdl:context;2","@id":"dtmi:x:A","@type":"Interface"}""")]
    [InlineData("invalidId", """{"@context":"dtmi:dtdl:context;2","@id":"dtmi:x:A;1.2","@type":"Interface"}""")]
    [InlineData("missingLimitContext", """{"@context":"dtmi:dtdl:context;4#limitless","@id":"dtmi:x:A;1","@type":"Interface"}""")]
    [InlineData("disallowedLimitContext", """{"@context":["dtmi:dtdl:context;4#limitless","dtmi:dtdl:limits:onvif;1"],"@id":"dtmi:x:A;1","@type":"Interface"}""")]
    [InlineData("disallowedContextFragment", """{"@context":"dtmi:dtdl:context;3#limits","@id":"dtmi:x:A;1","@type":"Interface"}""")]
    [InlineData("disallowedLocalContext", """{"@context":["dtmi:dtdl:context;3",{"a":"dtmi:x:a;1"}],"@id":"dtmi:x:A;1","@type":"Interface"}""")]
    [InlineData("unresolvableContextSpecifier", """{"@context":["dtmi:dtdl:context;3","dtmi:x:context;1"],"@id":"dtmi:x:A;1","@type":"Interface"}""")]
    [InlineData("repeatedIdProperty", """{"@context":"dtmi:dtdl:context;3","@id":"dtmi:x:A;1","@id":"dtmi:x:B;1","@type":"Interface"}""")]
    [InlineData("topLevelKeywordDisallowed", """{"@context":"dtmi:dtdl:context;3","@id":"dtmi:x:A;1","@type":"Interface","@list":[]}""")]
    [InlineData("reservedId", """{"@context":"dtmi:dtdl:context;3","@id":"dtmi:dtdl:A;1","@type":"Interface"}""")]
    [InlineData("typeNotRootable", """{"@context":"dtmi:dtdl:context;3","@id":"dtmi:x:A;1","@type":"Telemetry"}""")]
    [InlineData("malformedJson", """{"@context":""")]
    [InlineData("notJsonObject", "[1]")]
    public void A_wrong_interface_gets_the_error_the_language_names(string error, string text) => Assert.Contains(error, Errors(text));

    [Theory]
    [InlineData("missingObjectProperty", """{"@type":"Property","name":"a"}""")]
    [InlineData("stringInvalid", """{"@type":"Property","name":"1a","schema":"string"}""")]
    [InlineData("booleanNotBoolean", """{"@type":"Property","name":"a","schema":"string","writable":"yes"}""")]
    [InlineData("valueBelowMin", """{"@type":"Relationship","name":"r","maxMultiplicity":0}""")]
    [InlineData("badDtmiOrTerm", """{"@type":"Property","name":"a","schema":"text"}""")]
    [InlineData("unresolvedReference", """{"@type":"Property","name":"a","schema":"dtmi:x:Nowhere;1"}""")]
    [InlineData("wrongParent", """{"@type":["Property","Temperature"],"name":"a","schema":"double","unit":"watt"}""")]
    [InlineData("notRequiredType", """{"@type":["Property","Temperature"],"name":"a","schema":"string","unit":"kelvin"}""")]
    [InlineData("propertyUndefinedTerm", """{"@type":"Property","name":"a","schema":"string","colour":"red"}""")]
    [InlineData("typeUndefinedTerm", """{"@type":["Property","Shiny"],"name":"a","schema":"string"}""")]
    [InlineData("nonConformantDatatype", """{"@type":"Property","name":"a","schema":{"@type":"Enum","valueSchema":"integer","enumValues":[{"name":"b","enumValue":"c"}]}}""")]
    [InlineData("nonUniquePropertyValue", """{"@type":"Property","name":"a","schema":"string"},{"@type":"Telemetry","name":"a","schema":"string"}""")]
    public void A_wrong_content_gets_the_error_the_language_names(string error, string content) =>
        Assert.Contains(error, Errors(Interface("A", $"\"contents\":[{content}]")));

    [Fact]
    public void An_error_names_element_property_value_and_text()
    {
        var error = Assert.Single(DtdlParser.Parse([Interface("A", ""), Interface("B", """ "contents":[{"@type":"Property","name":"size","schema":"text"}] """)], ModelSet.Empty).Errors,
            e => e.Value is not null);
        Assert.Equal(("dtmi:x:B:_contents:__size;1", "text", 1), (error.Element, error.Value, error.Document));
        Assert.Contains("double", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_extends_or_contains_itself()
    {
        Assert.Contains("recursiveStructureNarrow", Errors(Interface("A", "\"extends\":\"dtmi:x:B;1\""), Interface("B", "\"extends\":\"dtmi:x:A;1\"")));
        Assert.Contains("recursiveStructureNarrow", Errors(Interface("A", """ "contents":[{"@type":"Component","name":"c","schema":"dtmi:x:A;1"}] """)));
        Assert.Contains("recursiveStructureWide", Errors(Interface("A", """
            "schemas":[{"@id":"dtmi:x:S;1","@type":"Object","fields":[{"name":"f","schema":"dtmi:x:S;1"}]}]
            """)));
    }

    [Theory]
    [InlineData(10, true)]
    [InlineData(11, false)]
    [InlineData(3000, false)]
    public void Extends_goes_ten_deep_and_no_further(int depth, bool valid)
    {
        var texts = Enumerable.Range(0, depth + 1).Select(i => Interface($"I{i}", i == 0 ? "" : $"\"extends\":\"dtmi:x:I{i - 1};1\"")).ToArray();
        Assert.Equal(valid, DtdlParser.Parse(texts, ModelSet.Empty).IsValid);
        var known = DtdlParser.Parse(texts[..Math.Min(10, depth)], ModelSet.Empty).Models;
        Assert.Equal(valid, DtdlParser.Parse(texts[Math.Min(10, depth)..], known).IsValid);
    }

    [Fact]
    public void Wide_webs_of_shared_schemas_are_judged_without_walking_every_path()
    {
        // 7 levels of 40 fields each sharing the next level: 40^7 paths.
        var schemas = Enumerable.Range(0, 7).Select(level => $$"""
            {"@id":"dtmi:x:L{{level}};1","@type":"Object","fields":[{{string.Join(',', Enumerable.Range(0, 40).Select(f => $$"""{"name":"f{{f}}","schema":{{(level == 6 ? "\"long\"" : $"\"dtmi:x:L{level + 1};1\"")}}}"""))}}]}
            """);
        Assert.Contains("excessiveCount", Errors(Interface("Wide", $"\"schemas\":[{string.Join(',', schemas)}],\"contents\":[{{\"@type\":\"Property\",\"name\":\"p\",\"schema\":\"dtmi:x:L0;1\"}}]")));
    }

    [Fact]
    public void Chains_of_any_length_are_refused_without_following_them_to_the_end()
    {
        var components = Enumerable.Range(0, 9_000).Select(i => Interface($"C{i}", i == 0 ? "" : $$""" "contents":[{"@type":"Component","name":"c","schema":"dtmi:x:C{{i - 1}};1"}] """)).ToArray();
        Assert.Contains("excludedType", Errors(components));
        var schemas = Enumerable.Range(0, 9_000).Select(i => $$"""{"@id":"dtmi:x:S{{i}};1","@type":"Array","elementSchema":{{(i == 0 ? "\"long\"" : $"\"dtmi:x:S{i - 1};1\"")}}}""");
        foreach (var version in new[] { 2, 3, 4 })
            Assert.Contains("excessiveDepthWide", Errors(Interface("A", $"\"schemas\":[{string.Join(',', schemas)}],\"contents\":[{{\"@type\":\"Property\",\"name\":\"p\",\"schema\":\"dtmi:x:S8999;1\"}}]").Replace("context;3", $"context;{version}", StringComparison.Ordinal)));
    }

    [Fact]
    public void More_properties_than_columns_are_refused()
    {
        var contents = string.Join(',', Enumerable.Range(0, 10_001).Select(i => $$"""{"@type":"Property","name":"p{{i}}","schema":"long"}"""));
        Assert.Contains("tooManyProperties", Errors(Interface("A", $"\"contents\":[{contents}]")));
    }

    [Fact]
    public void A_name_from_two_bases_is_refused_unless_it_is_the_same_one()
    {
        const string p = """ "contents":[{"@type":"Property","name":"p","schema":"long"}] """;
        Assert.Contains("nonUniqueImportedPropertyValue", Errors(Interface("A", p), Interface("B", p), Interface("C", "\"extends\":[\"dtmi:x:A;1\",\"dtmi:x:B;1\"]")));
        Parsed(Interface("A", p), Interface("B", "\"extends\":\"dtmi:x:A;1\""), Interface("C", "\"extends\":\"dtmi:x:A;1\""), Interface("D", "\"extends\":[\"dtmi:x:B;1\",\"dtmi:x:C;1\"]"));
        var known = Parsed(Interface("A", p), Interface("B", "\"extends\":\"dtmi:x:A;1\""), Interface("C", "\"extends\":\"dtmi:x:A;1\""));
        Assert.True(DtdlParser.Parse([Interface("D", "\"extends\":[\"dtmi:x:B;1\",\"dtmi:x:C;1\"]")], known).IsValid);
    }

    [Fact]
    public void Errors_are_bounded()
    {
        var bad = Enumerable.Range(0, 3_000).Select(_ => "{}").ToArray();
        Assert.Equal(DtdlParser.MostErrors, DtdlParser.Parse(bad, ModelSet.Empty).Errors.Count);
    }
}
