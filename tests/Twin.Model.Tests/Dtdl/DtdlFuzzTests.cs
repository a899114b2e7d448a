using System.Diagnostics;
using System.Globalization;
using Twin.Model.Dtdl;

namespace Twin.Model.Tests.Dtdl;

/// <summary>Whatever the text, the parser answers: no crash, no hang, no memory without bound. TWIN_FUZZ_SECONDS makes it longer, TWIN_FUZZ_SEED gives the seed.</summary>
public class DtdlFuzzTests
{
    private const long MostBytesOneParse = 64 << 20;

    private static int Setting(string name, int standard) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var set) ? set : standard;

    [Fact]
    public void Any_text_gets_an_answer_within_bounds()
    {
        var seed = Setting("TWIN_FUZZ_SEED", 7);
        var mutator = new ModelMutator(seed, SeedModels.Written);
        var random = new Random(seed);
        var watch = Stopwatch.StartNew();
        var seconds = Setting("TWIN_FUZZ_SECONDS", 0);
        for (var i = 0; i < 2_000 || watch.Elapsed.TotalSeconds < seconds; i++)
        {
            var text = mutator.Next();
            for (var damage = random.Next(3); damage > 0; damage--) text = Damage(text, random);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var options = new DtdlOptions { UndefinedExtensions = (UndefinedExtensions)random.Next(3), AllowIdReferences = random.Next(2) == 0, LimitContexts = ["dtmi:dtdl:limits:onvif", "dtmi:dtdl:limits:aio"] };
            var result = DtdlParser.Parse([text], ModelSet.Empty, options);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MostBytesOneParse, text);
            Assert.All(result.Errors, e => Assert.False(string.IsNullOrWhiteSpace(e.Message)));
            foreach (var schema in result.Schemas.Values) InstanceValidation.Check(schema, text);
        }
    }

    [Theory]
    [InlineData("[", "]")]
    [InlineData("""{"@context":"dtmi:dtdl:context;3","@id":"dtmi:x:A;1","@type":"Interface","contents":""", "}")]
    [InlineData("""{"@type":"Array","elementSchema":""", "}")]
    public void Ten_thousand_levels_are_refused(string open, string close)
    {
        var text = string.Concat(Enumerable.Repeat(open, 10_000)) + "1" + string.Concat(Enumerable.Repeat(close, 10_000));
        var error = Assert.Single(DtdlParser.Parse([text], ModelSet.Empty).Errors);
        Assert.Equal(DtdlError.ModelPrefix + "malformedJson", error.Id);
        Assert.Contains("64", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_web_of_schemas_that_contain_each_other_is_judged_in_bounded_steps()
    {
        // 60 objects, each with a field for every one: 60! ways through.
        var fields = string.Join(',', Enumerable.Range(0, 60).Select(f => $$"""{"name":"f{{f}}","schema":"dtmi:x:S{{f}};1"}"""));
        var schemas = string.Join(',', Enumerable.Range(0, 60).Select(s => $$"""{"@id":"dtmi:x:S{{s}};1","@type":"Object","fields":[{{fields}}]}"""));
        foreach (var version in new[] { 2, 3, 4 })
            Assert.False(DtdlParser.Parse([$$"""{"@context":"dtmi:dtdl:context;{{version}}","@id":"dtmi:x:A;1","@type":"Interface","schemas":[{{schemas}}]}"""], ModelSet.Empty).IsValid);
    }

    private static string Damage(string text, Random random)
    {
        if (text.Length < 2) return "{";
        var at = random.Next(text.Length);
        var length = Math.Min(random.Next(1, 9), text.Length - at);
        return random.Next(5) switch
        {
            0 => text.Remove(at, length),
            1 => text.Insert(at, text.Substring(at, length)),
            2 => text.Insert(at, ((char)random.Next(1, 0xFFFF)).ToString()),
            3 => text[..at],
            _ => text[..at] + "{}[]\",:\\u0@;"[random.Next(12)] + text[(at + 1)..],
        };
    }
}
