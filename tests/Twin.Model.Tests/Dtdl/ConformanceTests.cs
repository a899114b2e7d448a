using System.Globalization;
using Twin.Model.Dtdl;

namespace Twin.Model.Tests.Dtdl;

/// <summary>The reference parser's cases for DTDL v2, and the examples of the documentation for all versions. The oracle is the corpus.</summary>
public class ConformanceTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("specification-v2.zip")]
    [InlineData("generated-v2.zip")]
    [InlineData("doc-examples.zip")]
    [InlineData("dtmis.zip")]
    public void The_reference_cases_are_judged_as_the_reference_judges_them(string zip)
    {
        var tally = new ConformanceTally();
        foreach (var (file, text) in ConformanceCorpus.Read(SharedFiles.Require($"dtdl/conformance/{zip}"))) tally.JudgeFile(file, text);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{zip}: {tally.Counts}: valid {tally.ValidAccuracy:P2}, invalid {tally.InvalidAccuracy:P2}, values {tally.InstanceAccuracy:P2}, error ids {tally.ErrorIdMatch:P2}"));
        Assert.True(tally.Cases > 30);
        Assert.Empty(tally.Misses.Take(20));
    }

    [Fact]
    public void A_case_judged_otherwise_than_it_says_is_told_as_a_miss()
    {
        var tally = new ConformanceTally();
        tally.JudgeFile("a.json", """[{"valid": true, "input": [{"@context": "dtmi:dtdl:context;3"}]}, {"valid": false, "input": [], "expect": {"parsingErrors": [{"ValidationID": "x"}]}}, 5]""");
        Assert.Equal((2, 0.0, 0.0, 0.0), (tally.Cases, tally.ValidAccuracy, tally.InvalidAccuracy, tally.ErrorIdMatch));
        Assert.Equal([("a.json", 0), ("a.json", 1)], tally.Misses.Select(m => (m.File, m.Index)));
        Assert.Contains("missingTopLevelId", tally.Misses[0].Got, StringComparison.Ordinal);
    }
}
