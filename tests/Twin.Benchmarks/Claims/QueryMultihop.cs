using System.Diagnostics;
using Twin.Grains;
using Twin.Model;

namespace Twin.Benchmarks.Claims;

/// <summary>How long does a pattern of three hops take over 1,000,000 twins and 4,000,000 relationships that cross shards at random, from an indexed condition to 1,000 rows? Above 20 ms at p99 the hops need fewer round trips.</summary>
internal static class QueryMultihop
{
    private const int Rows = 1_000;

    public static Claim Claim { get; } = new("query.multihop", "ms", true, false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var twins = run.Count(1_000_000, 20_000);
        const int each = 4;
        await using var graph = await QueryGraph.CreateAsync(twins, each, run);
        await AskAsync(graph, twins, run.Seconds(8, 1));
        var latencies = await AskAsync(graph, twins, run.Seconds(20, 2));
        return new Figure(latencies.Milliseconds(0.99), new() { ["p50Ms"] = latencies.Milliseconds(0.5), ["results"] = Rows, ["queries"] = latencies.Count, ["twins"] = twins, ["relationships"] = (long)twins * each, ["hops"] = 3 });
    }

    private static async Task<Latencies> AskAsync(QueryGraph graph, int twins, TimeSpan length)
    {
        var (watch, latencies, random) = (Stopwatch.StartNew(), new Latencies(), new Random(1));
        while (watch.Elapsed < length)
        {
            var line = PropertyValue.From($"line-{random.Next(twins / QueryGraph.TwinsPerLine)}");
            var start = Stopwatch.GetTimestamp();
            var page = await graph.Store.QueryAsync(new QueryRequest(
                "SELECT a.$dtId AS a, d.$dtId AS d, d.power FROM DIGITALTWINS MATCH (a)-[:feeds]->(b)-[:feeds]->(c)-[:feeds]->(d) WHERE a.line = $line",
                new Dictionary<string, PropertyValue> { ["line"] = line }, PageSize: Rows));
            latencies.Add(Stopwatch.GetTimestamp() - start);
            if (page.Rows.Count != Rows) throw new InvalidOperationException($"{Rows} rows were expected, {page.Rows.Count} came: {page.Problem?.Detail}");
        }
        return latencies;
    }
}
