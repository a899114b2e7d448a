using Twin.Model.Dtdl;

namespace Twin.Model.Tests.Dtdl;

public class OntologyTests
{
    private static string[] Interfaces(string folder, out int count)
    {
        var texts = Directory.EnumerateFiles(SharedFiles.Require(folder), "*.json", SearchOption.AllDirectories)
            .Select(File.ReadAllText).Where(t => t.Contains("dtmi:dtdl:context", StringComparison.Ordinal)).ToArray();
        count = texts.Length;
        return texts;
    }

    [Theory]
    [InlineData("dtdl/smartcities", 63, 1_076)]
    [InlineData("dtdl/isa95", 180, 2_455)]
    public void Published_ontologies_parse_and_link_without_errors(string folder, int interfaces, int elements)
    {
        var texts = Interfaces(folder, out _);
        var result = DtdlParser.Parse(texts, ModelSet.Empty);
        Assert.Empty(result.Errors.Select(e => e.ToString()));
        Assert.Equal((interfaces, elements), (result.Models.Interfaces.Count, result.ElementCount));
        foreach (var definition in result.Models.Interfaces.Values)
        {
            Assert.Contains(definition.Id, definition.Bases.Items);
            Assert.All(definition.Bases, b => Assert.NotNull(result.Models.Find(b)));
            Assert.Equal(Enumerable.Range(0, definition.Properties.Count), definition.Properties.Select(p => p.Ordinal));
        }
    }

    [Fact]
    public void Models_known_before_are_built_upon_one_by_one()
    {
        var all = DtdlParser.Parse(Interfaces("dtdl/isa95", out _), ModelSet.Empty).Models;
        var pending = Interfaces("dtdl/isa95", out _).ToList();
        var known = ModelSet.Empty;
        for (var progress = true; progress;)
        {
            progress = false;
            foreach (var text in pending.ToArray())
            {
                var result = DtdlParser.Parse([text], known);
                if (!result.IsValid) continue;
                (known, progress) = (result.Models, true);
                pending.Remove(text);
            }
        }

        Assert.Empty(pending);
        foreach (var (id, definition) in all.Interfaces)
            Assert.Equal(definition.Properties.Select(p => p.Path), known.Find(id)!.Properties.Select(p => p.Path));
    }
}
