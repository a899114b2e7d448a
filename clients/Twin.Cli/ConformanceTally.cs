using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twin.Model;
using Twin.Model.Dtdl;

namespace Twin.Cli;

/// <summary>Reads the JSON files of a corpus: a folder with files and zips at any depth, or a zip. A file unpacks to at most 16 MiB.</summary>
internal static class ConformanceCorpus
{
    private const long BiggestFile = 16 << 20;

    public static IEnumerable<(string File, string Text)> Read(string path)
    {
        if (!Directory.Exists(path))
        {
            foreach (var found in IsZip(path) ? ReadZip(path, "") : [(Path.GetFileName(path), File.ReadAllText(path))]) yield return found;
            yield break;
        }

        foreach (var file in Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(path, file);
            if (IsZip(file))
            {
                foreach (var found in ReadZip(file, name + "/")) yield return found;
            }
            else if (name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && new FileInfo(file).Length <= BiggestFile) yield return (name, File.ReadAllText(file));
        }
    }

    private static bool IsZip(string file) => file.EndsWith(".zip", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<(string, string)> ReadZip(string path, string prefix)
    {
        using var archive = ZipFile.OpenRead(path);
        foreach (var entry in archive.Entries.Where(e => e.Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && e.Length <= BiggestFile).OrderBy(e => e.FullName, StringComparer.Ordinal))
        {
            using var reader = new StreamReader(entry.Open(), Encoding.UTF8);
            yield return (prefix + entry.FullName, reader.ReadToEnd());
        }
    }
}

/// <summary>Something judged otherwise than the corpus does.</summary>
internal sealed record ConformanceMiss(string File, int Index, string Expected, string Got);

/// <summary>Counts how far the parser agrees with a corpus. One thread.</summary>
internal sealed class ConformanceTally
{
    private const int MostMisses = 50;
    private const string ProbeName = "conformanceProbe";
    private int _valid, _validRight, _invalid, _invalidRight, _ids, _idsRight, _instances, _instancesRight;

    public int Cases => _valid + _invalid;

    public bool IsPerfect => _validRight == _valid && _invalidRight == _invalid && _instancesRight == _instances;

    public List<ConformanceMiss> Misses { get; } = [];

    /// <summary>Judges a file's case or list of cases; JSON that is neither is passed over.</summary>
    public void JudgeFile(string file, string text)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text);
        }
        catch (JsonException)
        {
            return;
        }

        using (document)
        {
            var index = 0;
            if (document.RootElement.ValueKind != JsonValueKind.Array) JudgeCase(file, 0, document.RootElement);
            else foreach (var item in document.RootElement.EnumerateArray()) JudgeCase(file, index++, item);
        }
    }

    public JsonObject ToJson() => new()
    {
        ["cases"] = Cases, ["validAccuracy"] = Share(_validRight, _valid), ["invalidAccuracy"] = Share(_invalidRight, _invalid),
        ["instanceAccuracy"] = Share(_instancesRight, _instances), ["errorIdMatch"] = Share(_idsRight, _ids),
        ["misses"] = new JsonArray([.. Misses.Select(m => (JsonNode)new JsonObject { ["file"] = m.File, ["index"] = m.Index, ["expected"] = m.Expected, ["got"] = m.Got })]),
    };

    private void JudgeCase(string file, int index, JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("valid", out var valid) || valid.ValueKind is not (JsonValueKind.True or JsonValueKind.False)
            || !item.TryGetProperty("input", out var input)) return;
        var expected = valid.GetBoolean();
        var options = new DtdlOptions { AllowUndefinedExtensions = Has(item, "AllowUndefinedExtensions"), AllowIdReferences = Has(item, "AllowIdReferenceSyntax") };
        string[] texts = input.ValueKind == JsonValueKind.Array ? [.. input.EnumerateArray().Select(t => t.GetRawText())] : [input.GetRawText()];
        var result = DtdlParser.Parse(texts, ModelSet.Empty, options);
        var isRight = result.IsValid == expected;
        if (expected) (_valid, _validRight) = (_valid + 1, _validRight + (isRight ? 1 : 0));
        else (_invalid, _invalidRight) = (_invalid + 1, _invalidRight + (isRight ? 1 : 0));
        if (!isRight) Miss(file, index, expected ? "valid" : "invalid", result.IsValid ? "valid" : result.Errors[0].ToString());
        JudgeErrorIds(item, result);
        if (expected && item.TryGetProperty("instances", out var instances) && instances.ValueKind == JsonValueKind.Array)
            foreach (var instance in instances.EnumerateArray()) JudgeInstance(file, index, texts, options, instance);
    }

    private void JudgeErrorIds(JsonElement item, DtdlParseResult result)
    {
        if (!item.TryGetProperty("expect", out var expect) || expect.ValueKind != JsonValueKind.Object
            || !expect.TryGetProperty("parsingErrors", out var list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0) return;
        var ids = list.EnumerateArray().Select(e => e.TryGetProperty("ValidationID", out var id) ? id.GetString() : null).ToHashSet();
        _ids++;
        if (result.Errors.Any(e => ids.Contains(e.Id))) _idsRight++;
    }

    // A schema has no place of its own among the models, so a telemetry of that schema is put beside the case's contents.
    private void JudgeInstance(string file, int index, string[] texts, DtdlOptions options, JsonElement instance)
    {
        if (!instance.TryGetProperty("subject", out var subject) || !instance.TryGetProperty("submit", out var submit)) return;
        var expected = instance.TryGetProperty("throws", out var throws) && throws.ValueKind == JsonValueKind.True ? "no schema"
            : instance.TryGetProperty("conforms", out var conforms) && conforms.ValueKind == JsonValueKind.True ? "conforms" : "does not conform";
        var schema = FindSchema(texts, options, subject.GetString()!);
        var got = schema is null ? "no schema" : Conforms(schema, submit.GetString() ?? "") ? "conforms" : "does not conform";
        _instances++;
        if (got == expected) _instancesRight++;
        else Miss(file, index, $"instance {submit} of {subject}: {expected}", got);
    }

    private static Schema? FindSchema(string[] texts, DtdlOptions options, string subject)
    {
        for (var i = 0; i < texts.Length; i++)
        {
            if (JsonNode.Parse(texts[i]) is not JsonObject document || document["@type"]?.ToString() != "Interface") continue;
            if (document["contents"] is not JsonArray contents)
            {
                var only = document["contents"]?.DeepClone();
                document["contents"] = contents = only is null ? [] : [only];
            }

            contents.Add(new JsonObject { ["@type"] = "Telemetry", ["name"] = ProbeName, ["schema"] = subject });
            var probed = (string[])texts.Clone();
            probed[i] = document.ToJsonString();
            var result = DtdlParser.Parse(probed, ModelSet.Empty, options);
            return result.IsValid ? result.Models.Find(document["@id"]!.ToString())?.Telemetries.GetValueOrDefault(ProbeName)?.Schema : null;
        }

        return null;
    }

    private static bool Conforms(Schema schema, string submitted)
    {
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(submitted));
            reader.Read();
            return SchemaValidation.TryConvert(schema, PropertyValue.ReadJson(ref reader), out _, out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private void Miss(string file, int index, string expected, string got)
    {
        if (Misses.Count < MostMisses) Misses.Add(new(file, index, expected, got));
    }

    private static bool Has(JsonElement item, string option) =>
        item.TryGetProperty("options", out var options) && options.ValueKind == JsonValueKind.Array && options.EnumerateArray().Any(o => o.ValueKind == JsonValueKind.String && o.GetString() == option);

    private static JsonValue? Share(int right, int all) => all == 0 ? null : JsonValue.Create((double)right / all);
}
