using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using Twin.Model.Dtdl;
using Twin.Model.Wot;

namespace Twin.Model.Tests.Wot;

public sealed class ThingModelTests
{
    private const string Lamp = """
        {"@context":["https://www.w3.org/2022/wot/td/v1.1"],"@type":"tm:ThingModel","title":"Street Lamp","description":"A lamp.","version":{"model":"2.1.0"},
         "links":[{"rel":"tm:submodel","href":"dtmi:x:Bulb;1","instanceName":"bulb"},{"rel":"license","href":"https://example.org"}],
         "properties":{
          "power":{"@type":"saref:Power","type":"number","unit":"watt","minimum":0,"readOnly":true},
          "flow":{"type":"number","unit":"furlongs per fortnight"},
          "on":{"type":"boolean","title":"Is on"},
          "count":{"type":"integer","minimum":0,"maximum":10},"big":{"type":"integer"},
          "since":{"type":"string","format":"date-time"},"for":{"type":"string","format":"duration"},"note":{"type":"string","maxLength":80},
          "mode":{"type":"string","enum":["off","eco mode","eco-mode"]},"step":{"enum":[-1,0,1]},"fixed":{"const":"yes"},
          "place":{"type":"object","properties":{"floor":{"type":"integer"},"tags":{"type":"array","items":{"type":"string"}}}},
          "levels":{"type":"object","additionalProperties":{"type":"number"}}},
         "actions":{"dim":{"input":{"type":"object","properties":{"level":{"type":"integer"}}},"output":{"type":"boolean"}},"reset":{}},
         "events":{"overheated":{"data":{"type":"number"},"description":"Too hot."}}}
        """;

    private static readonly ModelSet Known = DtdlParser.Parse(["""{"@context":"dtmi:dtdl:context;3","@id":"dtmi:x:Bulb;1","@type":"Interface","contents":[{"@type":"Property","name":"hours","schema":"integer"}]}"""], ModelSet.Empty).Models;

    private static InterfaceDefinition Convert(string tm)
    {
        Assert.True(ThingModel.TryConvert(Encoding.UTF8.GetBytes(tm), out var dtdl, out var problems), string.Join("\n", problems));
        var parsed = DtdlParser.Parse([dtdl], Known);
        Assert.True(parsed.IsValid, $"{dtdl}\n{string.Join("\n", parsed.Errors)}");
        return parsed.Models.Interfaces.Values.Single(i => i.Id != "dtmi:x:Bulb;1");
    }

    [Fact]
    public void A_thing_model_becomes_an_interface_that_says_the_same()
    {
        var lamp = Convert(Lamp);
        Assert.Equal(("dtmi:wot:StreetLamp;2", "Street Lamp"), (lamp.Id, lamp.DisplayName));
        (string Path, SchemaKind Kind, bool IsWritable)[] expected =
        [
            ("power", SchemaKind.Double, false), ("flow", SchemaKind.Double, true), ("on", SchemaKind.Boolean, true), ("count", SchemaKind.Integer, true), ("big", SchemaKind.Long, true),
            ("since", SchemaKind.DateTime, true), ("for", SchemaKind.Duration, true), ("note", SchemaKind.String, true), ("mode", SchemaKind.Enum, true), ("step", SchemaKind.Enum, true),
            ("fixed", SchemaKind.Enum, true), ("place", SchemaKind.Object, true), ("levels", SchemaKind.Map, true), ("bulb/hours", SchemaKind.Integer, false),
        ];
        Assert.Equal(expected.OrderBy(e => e.Path, StringComparer.Ordinal), lamp.Properties.Select(p => (p.Path, p.Schema.Kind, p.IsWritable)).OrderBy(e => e.Path, StringComparer.Ordinal));
        Assert.Equal(("watt", "Power"), (lamp.FindProperty("power")!.Unit, lamp.FindProperty("power")!.SemanticType));
        Assert.Null(lamp.FindProperty("flow")!.Unit);
        Assert.Equal(["off", "eco mode", "eco-mode"], lamp.FindProperty("mode")!.Schema.Members.Select(m => m.Value.AsText));
        Assert.Equal([-1L, 0, 1], lamp.FindProperty("step")!.Schema.Members.Select(m => m.Value.AsInteger));
        Assert.Equal(SchemaKind.String, lamp.FindProperty("place")!.Schema.Fields["tags"].Element!.Kind);
        Assert.Equal((SchemaKind.Object, SchemaKind.Boolean), (lamp.Commands["dim"].Request!.Kind, lamp.Commands["dim"].Response!.Kind));
        Assert.Equal((null, null), (lamp.Commands["reset"].Request, lamp.Commands["reset"].Response));
        Assert.Equal(SchemaKind.Double, lamp.Telemetries["overheated"].Schema.Kind);
    }

    [Fact]
    public void What_DTDL_has_no_word_for_is_kept_in_the_comment()
    {
        ThingModel.TryConvert(Encoding.UTF8.GetBytes(Lamp), out var dtdl, out _);
        var contents = JsonNode.Parse(dtdl)!["contents"]!.AsArray().Where(c => c!["comment"] is not null).ToDictionary(c => c!["name"]!.GetValue<string>(), c => c!["comment"]!.GetValue<string>());
        Assert.Equal(("minimum 0", "unit furlongs per fortnight", "maxLength 80"), (contents["power"], contents["flow"], contents["note"]));
    }

    [Fact]
    public void A_thing_model_that_became_a_model_comes_out_as_a_description_with_the_same_affordances()
    {
        var output = new ArrayBufferWriter<byte>();
        ThingDescription.Write(output, Convert(Lamp), "lamp/ö", "http://h/", ThingSecurity.ApiKey | ThingSecurity.Bearer, [new ThingLink("feeds", "a%b")]);
        var (td, tm) = (JsonNode.Parse(output.WrittenSpan)!, JsonNode.Parse(Lamp)!);
        foreach (var (name, property) in tm["properties"]!.AsObject())
        {
            var made = td["properties"]![name]!;
            if (property!["type"] is { } type) Assert.Equal(type.GetValue<string>(), made["type"]!.GetValue<string>());
            Assert.Equal(property["readOnly"]?.GetValue<bool>() == true, made["readOnly"]!.GetValue<bool>());
            if (property["enum"] is { } members) Assert.True(JsonNode.DeepEquals(members, made["enum"]), made.ToJsonString());
            if (property["format"] is { } format) Assert.Equal(format.GetValue<string>(), made["format"]!.GetValue<string>());
        }

        Assert.Equal(["bulb.hours"], td["properties"]!.AsObject().Select(p => p.Key).Except(tm["properties"]!.AsObject().Select(p => p.Key)));
        Assert.Equal(["dim", "reset"], td["actions"]!.AsObject().Select(a => a.Key));
        Assert.Equal(["overheated"], td["events"]!.AsObject().Select(a => a.Key));
        Assert.Equal(("urn:twin:lamp%2F%C3%B6", "either_sc", "quantity:Power", "watt"), (Read(td["id"]), Read(td["security"]), Read(td["properties"]!["power"]!["@type"]), Read(td["properties"]!["power"]!["unit"])));
        Assert.Contains(td["links"]!.AsArray(), l => Read(l!["rel"]) == "feeds" && Read(l["href"]) == "things/a%25b");

        static string? Read(JsonNode? node) => node?.GetValue<string>();
    }

    [Fact]
    public void A_nested_schema_is_described_all_the_way()
    {
        var models = DtdlParser.Parse(["""
            {"@context":"dtmi:dtdl:context;3","@id":"dtmi:x:Deep;1","@type":"Interface","contents":[{"@type":"Property","name":"deep","schema":
             {"@type":"Object","fields":[{"name":"a","schema":{"@type":"Array","elementSchema":{"@type":"Map","mapKey":{"name":"k","schema":"string"},"mapValue":{"name":"v","schema":"double"}}}}]}}]}
            """], ModelSet.Empty).Models;
        var output = new ArrayBufferWriter<byte>();
        ThingDescription.Write(output, models.Find("dtmi:x:Deep;1")!, "d", "http://h/", ThingSecurity.None, []);
        Assert.Equal("number", JsonNode.Parse(output.WrittenSpan)!["properties"]!["deep"]!["properties"]!["a"]!["items"]!["additionalProperties"]!["type"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("[]", "/")]
    [InlineData("{", "/")]
    [InlineData("""{"@type":"Thing","title":"T"}""", "/@type")]
    [InlineData("""{"@type":"tm:ThingModel"}""", "/title")]
    [InlineData("""{"@type":"tm:ThingModel","id":"dtmi:no version"}""", "/id")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","version":{"model":"x"}}""", "/version/model")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T {{SERIAL}}"}""", "/title")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","links":[{"rel":"tm:extends","href":"http://example.org/base.tm.json"}]}""", "/links/0/href")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":[]}""", "/properties")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{}}}""", "/properties/p/type")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p-q":{"type":"string"}}}""", "/properties/p-q")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"type":"null"}}}""", "/properties/p/type")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"type":"bytes"}}}""", "/properties/p/type")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"oneOf":[{"type":"string"},{"type":"number"}]}}}""", "/properties/p/oneOf")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"tm:ref":"other.json#/properties/p"}}}""", "/properties/p/tm:ref")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"type":"string","writeOnly":true}}}""", "/properties/p/writeOnly")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"type":"string","uriVariables":{}}}}""", "/properties/p/uriVariables")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"type":"array","items":[{"type":"string"}]}}}""", "/properties/p/items")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"type":"object"}}}""", "/properties/p/properties")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"type":"object","properties":{"a b":{"type":"string"}}}}}""", "/properties/p/properties/a b")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"enum":["a",1]}}}""", "/properties/p/enum")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"enum":[]}}}""", "/properties/p/enum")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"type":"string"}},"actions":{"p":{}}}""", "/actions/p")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","events":{"e":{}}}""", "/events/e/data")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","events":{"e":{"data":{"type":"string"},"subscription":{"type":"string"}}}}""", "/events/e/subscription")]
    [InlineData("""{"@type":"tm:ThingModel","title":"T","properties":{"p":{"type":"string","readOnly":"yes"}}}""", "/")]
    [InlineData("""{"@type":"tm:ThingModel","title":"\ud800"}""", "/")]
    public void What_cannot_be_carried_over_is_refused_with_its_place(string tm, string where)
    {
        Assert.False(ThingModel.TryConvert(Encoding.UTF8.GetBytes(tm), out var dtdl, out var problems));
        Assert.Equal("", dtdl);
        Assert.Contains(problems, p => p.Where == where);
        Assert.All(problems, p => Assert.StartsWith("ThingModel", p.Code, StringComparison.Ordinal));
    }

    [Fact]
    public void Random_bytes_changed_in_a_thing_model_never_throw_and_what_is_accepted_is_DTDL_or_refused_by_its_parser()
    {
        var source = Encoding.UTF8.GetBytes(Lamp);
        var accepted = 0;
        for (var seed = 0; seed < 3_000; seed++)
        {
            var random = new Random(seed);
            var changed = (byte[])source.Clone();
            for (var edits = random.Next(1, 4); edits > 0; edits--) changed[random.Next(changed.Length)] = (byte)"{}[]\",:x019tn- "[random.Next(15)];
            if (!ThingModel.TryConvert(changed, out var dtdl, out var problems)) Assert.InRange(problems.Count, 1, 50);
            else
            {
                DtdlParser.Parse([dtdl], Known);
                accepted++;
            }
        }

        Assert.InRange(accepted, 1, 2_999);
    }

    [Fact]
    public void Problems_and_documents_are_bounded()
    {
        var many = $$"""{"@type":"tm:ThingModel","title":"T","properties":{{{string.Join(',', Enumerable.Range(0, 200).Select(i => $$"""  "p{{i}}":{} """))}} } }""";
        Assert.False(ThingModel.TryConvert(Encoding.UTF8.GetBytes(many), out _, out var problems));
        Assert.Equal(50, problems.Count);
        Assert.False(ThingModel.TryConvert(new byte[ThingModel.LongestDocument + 1], out _, out problems));
        Assert.Equal("ThingModelTooLarge", problems.Single().Code);
        Assert.False(ThingModel.TryConvert(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("[", 10_000))), out _, out _));
    }
}
