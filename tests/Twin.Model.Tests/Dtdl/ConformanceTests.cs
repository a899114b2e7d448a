using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Twin.Model.Dtdl;

namespace Twin.Model.Tests.Dtdl;

/// <summary>The reference parser's cases for DTDL v2. The oracle is the corpus; the floors are what holds today, to be raised.</summary>
public class ConformanceTests(ITestOutputHelper output)
{
    private sealed record Tally
    {
        public int Valid, ValidRight, Invalid, InvalidRight, Ids, IdsRight;
        public List<string> Misses { get; } = [];
    }

    [Theory]
    [InlineData("specification-v2.zip", 1.0, 1.0)]
    [InlineData("generated-v2.zip", 0.93, 0.985)]
    [InlineData("doc-examples.zip", 0.77, 1.0)]
    public void The_reference_cases_are_judged_as_the_reference_judges_them(string zip, double validFloor, double invalidFloor)
    {
        var tally = new Tally();
        using var archive = ZipFile.OpenRead(SharedFiles.Require($"dtdl/conformance/{zip}"));
        foreach (var entry in archive.Entries.Where(e => e.Name.EndsWith(".json", StringComparison.Ordinal)))
        {
            if (entry.Name.EndsWith("V4.json", StringComparison.Ordinal)) continue; // another version of the language
            using var reader = new StreamReader(entry.Open(), Encoding.UTF8);
            using var document = JsonDocument.Parse(reader.ReadToEnd());
            if (document.RootElement.ValueKind == JsonValueKind.Array)
            {
                var index = 0;
                foreach (var item in document.RootElement.EnumerateArray()) Judge(item, $"{entry.Name}[{index++}]", tally);
            }
            else Judge(document.RootElement, entry.Name, tally);
        }

        var valid = (double)tally.ValidRight / tally.Valid;
        var invalid = (double)tally.InvalidRight / tally.Invalid;
        output.WriteLine($"{zip}: valid {tally.ValidRight}/{tally.Valid} = {valid:P1}, invalid {tally.InvalidRight}/{tally.Invalid} = {invalid:P1}, error id {tally.IdsRight}/{tally.Ids}");
        foreach (var miss in tally.Misses) output.WriteLine(miss);
        if (Environment.GetEnvironmentVariable("TWIN_CONFORMANCE_MISSES") is { Length: > 0 } path) File.AppendAllLines(path, tally.Misses.Prepend(zip + " " + valid + " " + invalid + " ids " + tally.IdsRight + "/" + tally.Ids));
        Assert.InRange(valid, validFloor, 1);
        Assert.InRange(invalid, invalidFloor, 1);
    }

    private static void Judge(JsonElement item, string name, Tally tally)
    {
        var expected = item.GetProperty("valid").GetBoolean();
        var options = new DtdlOptions
        {
            AllowUndefinedExtensions = Has(item, "AllowUndefinedExtensions"),
            AllowIdReferences = Has(item, "AllowIdReferenceSyntax"),
        };
        var texts = item.GetProperty("input").EnumerateArray().Select(t => t.GetRawText()).ToArray();
        var result = DtdlParser.Parse(texts, ModelSet.Empty, options);
        if (expected) tally.Valid++;
        else tally.Invalid++;
        if (result.IsValid == expected)
        {
            if (expected) tally.ValidRight++;
            else tally.InvalidRight++;
        }
        else tally.Misses.Add($"{name} expected {expected}: {(expected ? result.Errors[0].ToString() : item.GetProperty("input").GetRawText().ReplaceLineEndings(" "))}");

        if (item.TryGetProperty("expect", out var expect) && expect.TryGetProperty("parsingErrors", out var list) && list.GetArrayLength() > 0)
        {
            tally.Ids++;
            var ids = list.EnumerateArray().Select(e => e.GetProperty("ValidationID").GetString()).ToHashSet();
            if (result.Errors.Any(e => ids.Contains(e.Id))) tally.IdsRight++;
        }
    }

    private static bool Has(JsonElement item, string option) =>
        item.TryGetProperty("options", out var options) && options.EnumerateArray().Any(o => o.GetString() == option);
}
