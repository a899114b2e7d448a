using System.Diagnostics;
using System.Text.Json.Nodes;
using Twin.Model;
using Twin.Model.Dtdl;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// <c>dtdl.conformance</c>: how far does the parser judge as the reference's own cases say? Below 99.5 % of either the valid
/// or the invalid ones, operators' ontologies cannot be trusted to it.
/// <c>dtdl.parse</c>: how long do the 180 ISA-95 interfaces take, parsed and linked, warm? Above 50 ms, models would have
/// to be kept parsed across restarts.
/// </summary>
internal static class Dtdl
{
    public static readonly Claim Conformance = new("dtdl.conformance", "share", LowerIsBetter: false, Pinned: false, _ => Task.FromResult(Judge()));

    public static readonly Claim Parse = new("dtdl.parse", "ms", LowerIsBetter: true, Pinned: false, run => Task.FromResult(Time(run)));

    private static Figure Judge()
    {
        if (Repository.SharedData("dtdl/conformance") is not { } folder) return Figure.None("no shared data");
        var tally = new ConformanceTally();
        foreach (var (file, text) in ConformanceCorpus.Read(folder)) tally.JudgeFile(file, text);
        return new Figure(Math.Min(tally.ValidAccuracy ?? 0, tally.InvalidAccuracy ?? 0), new JsonObject
        {
            ["valid"] = tally.ValidAccuracy, ["invalid"] = tally.InvalidAccuracy, ["errorIds"] = tally.ErrorIdMatch, ["instances"] = tally.InstanceAccuracy, ["cases"] = tally.Cases,
            ["misses"] = new JsonArray([.. tally.Misses.Take(50).Select(m => JsonValue.Create($"{m.File}[{m.Index}]: expected {m.Expected}, got {m.Got}"))]),
        });
    }

    private static Figure Time(ClaimRun run)
    {
        if (Repository.SharedData("dtdl/isa95") is not { } factory || Repository.SharedData("dtdl/smartcities") is not { } city) return Figure.None("no shared data");
        var texts = ReadModels(factory);
        var result = DtdlParser.Parse(texts, ModelSet.Empty);
        if (!result.IsValid) return Figure.None($"ISA-95 does not parse: {result.Errors[0]}");
        var cities = DtdlParser.Parse(ReadModels(city), ModelSet.Empty);
        var times = new List<double>();
        for (var (i, until) = (0, run.Seconds(10, 2)); i < 20 || until > TimeSpan.Zero; i++)
        {
            var started = Stopwatch.GetTimestamp();
            if (DtdlParser.Parse(texts, ModelSet.Empty).Models.Interfaces.Count != result.Models.Interfaces.Count) return Figure.None("two parses differ");
            var elapsed = Stopwatch.GetElapsedTime(started);
            until -= elapsed;
            if (i >= 10) times.Add(elapsed.TotalMilliseconds); // those before compile
        }

        times.Sort();
        return new Figure(times[times.Count / 2], new JsonObject
        {
            ["elements"] = result.ElementCount, ["interfaces"] = result.Models.Interfaces.Count, ["smartCitiesElements"] = cities.ElementCount,
            ["p99Ms"] = Math.Round(times[times.Count * 99 / 100], 2), ["characters"] = texts.Sum(t => t.Length),
        });
    }

    private static string[] ReadModels(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllText).Where(t => t.Contains("dtmi:dtdl:context", StringComparison.Ordinal))];
}
