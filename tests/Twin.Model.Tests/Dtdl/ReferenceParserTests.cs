using System.Globalization;
using System.Text.Json;
using Twin.Model.Dtdl;

namespace Twin.Model.Tests.Dtdl;

/// <summary>
/// Ours beside the reference parser on mutated models of DTDL v2, v3 and v4. TWIN_DTDL_ORACLE_CASES sets how many (400),
/// TWIN_DTDL_ORACLE_SEED the seed, TWIN_DTDL_ORACLE_DIFFERENCES a file for every difference.
/// </summary>
public class ReferenceParserTests(ITestOutputHelper output)
{
    // An element within one of the same id: the reference finds out by what follows from it, we say that the id is there twice.
    private static bool IsWithinItself(Verdict theirs, Verdict ours) => ours.Errors.Contains("duplicateDefinition") && !theirs.Errors.Contains("duplicateDefinition");

    private static int Setting(string name, int standard) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var set) ? set : standard;

    [Fact]
    public void Mutated_models_are_judged_as_the_reference_parser_judges_them()
    {
        using var reference = ReferenceParser.Start();
        var cases = Setting("TWIN_DTDL_ORACLE_CASES", 400);
        var mutator = new ModelMutator(Setting("TWIN_DTDL_ORACLE_SEED", 1), [.. SeedModels.Written, .. SeedModels.OfCorpus().Where(m => Verdict.Of(m).IsAccepted)]);
        int judged = 0, agreed = 0, refused = 0, shared = 0, same = 0, faults = 0, counted = 0;
        var differences = new List<string>();
        for (var i = 0; i < cases; i++)
        {
            var text = mutator.Next();
            var (theirs, ours) = (reference.Judge(text), Verdict.Of(text));
            if (theirs is null)
            {
                faults++; // it broke on the text: no verdict to compare with
                continue;
            }

            judged++;
            if (theirs.IsAccepted == ours.IsAccepted) agreed++;
            else Tell("verdict", text, theirs, ours);
            if (theirs.IsAccepted && ours.IsAccepted && theirs.Elements != ours.Elements) Tell($"elements {theirs.Elements} {ours.Elements}", text, theirs, ours);
            if (theirs.IsAccepted && theirs.Elements == ours.Elements) counted++;
            if (theirs.IsAccepted || ours.IsAccepted) continue;
            refused++;
            if (theirs.Errors.Overlaps(ours.Errors) || IsWithinItself(theirs, ours)) shared++;
            else Tell("ids", text, theirs, ours);
            if (theirs.Errors.SetEquals(ours.Errors)) same++;
            else if (theirs.Errors.Overlaps(ours.Errors)) Tell("set", text, theirs, ours);
        }

        output.WriteLine($"{reference.Version}: {judged} judged ({faults} it broke on), verdicts agree {(double)agreed / judged:P2}; of {refused} refused by both, an error id is shared in {(double)shared / refused:P2}, all are the same in {(double)same / refused:P2}; element counts equal in {counted} of {judged - refused}");
        foreach (var difference in differences.Take(20)) output.WriteLine(difference);
        if (Environment.GetEnvironmentVariable("TWIN_DTDL_ORACLE_DIFFERENCES") is { Length: > 0 } path) File.WriteAllLines(path, differences);
        Assert.InRange((double)agreed / judged, 0.99, 1);
        Assert.InRange((double)shared / refused, 0.98, 1);

        void Tell(string kind, string text, Verdict theirs, Verdict ours) => differences.Add($"{kind}\treference: {theirs}\tours: {ours}\t{text}");
    }
}

/// <summary>Good models to begin with.</summary>
internal static class SeedModels
{
    /// <summary>Written here: every class and every extension that the reference parser knows.</summary>
    public static IReadOnlyList<string> Written { get; } =
    [
        .. Everything("\"dtmi:dtdl:context;2\"", "CommandPayload", "\"@type\": [\"Property\", \"Temperature\"], \"unit\": \"degreeCelsius\"", ""),
        .. Everything("[\"dtmi:dtdl:context;3\", \"dtmi:dtdl:extension:quantitativeTypes;1\"]", "CommandRequest", "\"@type\": [\"Property\", \"Temperature\"], \"unit\": \"degreeCelsius\"", ""),
        .. Everything("[\"dtmi:dtdl:context;4\", \"dtmi:dtdl:extension:quantitativeTypes;2\"]", "CommandRequest", "\"@type\": [\"Property\", \"Temperature\"], \"unit\": \"degreeCelsius\"", ", \"nullable\": true"),
        Extended(3, 1), Extended(4, 2),
        """{"@context": ["dtmi:dtdl:context;2", "dtmi:iotcentral:context;2"], "@id": "dtmi:com:example:C;1", "@type": "Interface", "contents": [{"@type": ["Telemetry", "VelocityVector"], "name": "v", "schema": "vector", "unit": "metrePerSecond"}, {"@type": ["Property", "Location"], "name": "l", "schema": "geopoint"}, {"@type": ["Property", "Event"], "name": "e", "schema": "integer"}]}""",
        """{"@context": "dtmi:dtdl:context;4", "@id": "dtmi:com:example:D;1", "@type": "Interface", "contents": [{"@type": "Property", "name": "a", "schema": "scaledDecimal"}, {"@type": "Telemetry", "name": "b", "schema": "uuid"}, {"@type": "Property", "name": "c", "schema": {"@type": "Array", "elementSchema": "unsignedShort"}}, {"@type": "Property", "name": "n", "schema": "dtmi:com:example:node;1"}], "schemas": [{"@id": "dtmi:com:example:node;1", "@type": "Object", "fields": [{"name": "next", "schema": "dtmi:com:example:node;1"}, {"name": "value", "schema": "decimal"}]}]}""",
        """{"@context": ["dtmi:dtdl:context;4", "dtmi:com:example:context;1"], "@id": "dtmi:com:example:E;1", "@type": ["Interface", "Odd"], "odd": 3, "contents": [{"@type": "Property", "name": "a", "schema": "bytes"}]}""",
    ];

    /// <summary>The valid cases of the v2 corpus, as they are and as v3 and v4; none without shared data.</summary>
    public static IEnumerable<string> OfCorpus()
    {
        if (Repository.SharedData("dtdl/conformance") is not { } folder) yield break;
        var taken = 0;
        foreach (var (file, text) in ConformanceCorpus.Read(folder))
        {
            if (!file.Contains("V2.json", StringComparison.Ordinal) || text.Length > 20_000) continue;
            using var document = JsonDocument.Parse(text.TrimStart('\uFEFF'));
            var first = document.RootElement.ValueKind == JsonValueKind.Array ? document.RootElement[0] : document.RootElement;
            if (!first.TryGetProperty("input", out var input)) continue;
            var model = input.GetRawText();
            var version = 2 + (taken++ % 3);
            yield return version == 2 ? model : model.Replace("dtmi:dtdl:context;2", $"dtmi:dtdl:context;{version}", StringComparison.Ordinal).Replace("\"CommandPayload\"", "\"CommandRequest\"", StringComparison.Ordinal);
        }
    }

    private static IEnumerable<string> Everything(string context, string payload, string quantity, string nullable)
    {
        yield return $$$$"""
            [{"@context": {{{{context}}}}, "@id": "dtmi:com:example:A;1", "@type": "Interface", "displayName": {"en": "A", "es": "Aes"}, "description": [{"@language": "en", "@value": "what it is"}], "comment": "none",
              "extends": ["dtmi:com:example:B;1"],
              "contents": [
                {{{{{quantity}}}}, "name": "temperature", "schema": "double", "writable": true},
                {"@type": "Telemetry", "name": "state", "schema": {"@type": "Enum", "valueSchema": "string", "enumValues": [{"name": "on", "enumValue": "1"}, {"name": "off", "enumValue": "2", "displayName": "Off"}]}},
                {"@type": "Telemetry", "name": "list", "schema": {"@type": "Array", "elementSchema": {"@type": "Map", "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "dtmi:com:example:shape;1"} } } },
                {"@type": "Command", "name": "go", "request": {"@type": "{{{{payload}}}}", "name": "speed", "schema": "integer"{{{{nullable}}}}}, "response": {"name": "done", "schema": "boolean"}},
                {"@type": "Relationship", "name": "near", "target": "dtmi:com:example:B;1", "minMultiplicity": 0, "maxMultiplicity": 5, "writable": true, "properties": [{"@type": "Property", "name": "distance", "schema": "float"}]},
                {"@type": "Component", "name": "part", "schema": "dtmi:com:example:P;1"}],
              "schemas": [{"@id": "dtmi:com:example:shape;1", "@type": "Object", "fields": [{"@type": "Field", "name": "x", "schema": "double"}, {"name": "where", "schema": "date"}]}]},
             {"@context": {{{{context}}}}, "@id": "dtmi:com:example:B;1", "@type": "Interface", "contents": [{"@type": "Property", "name": "weight", "schema": {"@type": "Object", "fields": [{"name": "kg", "schema": "long"}]}}]},
             {"@context": {{{{context}}}}, "@id": "dtmi:com:example:P;1", "@type": "Interface", "contents": [{"@type": "Property", "name": "id", "schema": "string"}, {"@type": "Command", "name": "reset"}]}]
            """;
    }

    private static string Extended(int version, int edition) => $$$$"""
        {"@context": ["dtmi:dtdl:context;{{{{version}}}}", "dtmi:dtdl:extension:quantitativeTypes;{{{{edition}}}}", "dtmi:dtdl:extension:historization;{{{{edition}}}}", "dtmi:dtdl:extension:annotation;{{{{edition}}}}", "dtmi:dtdl:extension:overriding;{{{{edition}}}}", "dtmi:dtdl:extension:mqtt;{{{{edition}}}}"{{{{(version == 4 ? ", \"dtmi:dtdl:extension:requirement;1\"" : "")}}}}],
         "@id": "dtmi:com:example:X;1", "@type": ["Interface", "Mqtt"], "telemetryTopic": "a/b/{modelId}", "commandTopic": "a/c", "payloadFormat": "json",
         "contents": [
           {"@type": ["Telemetry", "Temperature", "Historized", "Indexed"], "name": "heat", "schema": "double", "unit": "degreeCelsius", "index": 1},
           {"@type": ["Property", "ValueAnnotation", "Override"], "name": "heatUnit", "annotates": "heat", "overrides": "unit", "schema": "TemperatureUnit"},
           {"@type": ["Property", "ValueAnnotation"], "name": "heatError", "annotates": "heat", "schema": "double"},
           {"@type": ["Command", "Idempotent", "Cacheable"], "name": "get", "ttl": "PT10M", "response": {{{{(version == 4 ? "{\"@type\": [\"CommandResponse\", \"Transparent\"], \"name\": \"r\", \"schema\": {\"@type\": \"Object\", \"fields\": [{\"@type\": [\"Field\", \"Required\"], \"name\": \"a\", \"schema\": \"integer\"}]}}" : "{\"name\": \"r\", \"schema\": \"double\"}")}}}}},
           {"@type": ["Property", "Humidity"], "name": "wet", "schema": "float", "unit": "gramPerCubicMetre"}]}
        """;
}
