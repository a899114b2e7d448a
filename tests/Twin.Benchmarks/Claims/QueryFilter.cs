using System.Diagnostics;
using Twin.Grains;
using Twin.Model;

namespace Twin.Benchmarks.Claims;

/// <summary>How many indexed questions a second does one process answer over 1,000,000 twins, 20 whole twins each; and how long does a scan of one property of all take? Below 10,000 a second, above 2 ms at p99 or above 50 ms for the scan, the engine needs another design.</summary>
internal static class QueryFilter
{
    private const int Askers = 2; // as many as cores: more would wait for each other, not for the engine

    public static Claim Claim { get; } = new("query.filter", "1/s", false, false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var twins = run.Count(1_000_000, 20_000);
        await using var graph = await QueryGraph.CreateAsync(twins, 0, run);
        await AskAsync(graph, twins, run.Seconds(5, 1));
        var watch = Stopwatch.StartNew();
        var latencies = await AskAsync(graph, twins, run.Seconds(15, 2));
        var rate = latencies.Count / watch.Elapsed.TotalSeconds;
        var scans = new Latencies();
        for (var i = 0; i < 40; i++)
        {
            var start = Stopwatch.GetTimestamp();
            var page = await graph.Store.QueryAsync(new QueryRequest("SELECT COUNT() FROM DIGITALTWINS T WHERE T.power > $least", new Dictionary<string, PropertyValue> { ["least"] = PropertyValue.From(50.0 + i) }));
            if (page.Status != TwinStatus.Ok) throw new InvalidOperationException(page.Problem?.Detail);
            if (i >= 10) scans.Add(Stopwatch.GetTimestamp() - start);
        }
        return new Figure(rate, new() { ["p50Ms"] = latencies.Milliseconds(0.5), ["p99Ms"] = latencies.Milliseconds(0.99), ["scanMs"] = scans.Milliseconds(0.5), ["twins"] = twins, ["rows"] = 20, ["askers"] = Askers });
    }

    private static async Task<Latencies> AskAsync(QueryGraph graph, int twins, TimeSpan length)
    {
        var watch = Stopwatch.StartNew();
        return Latencies.Merge(await Task.WhenAll(Enumerable.Range(0, Askers).Select(asker => Task.Run(async () =>
        {
            var latencies = new Latencies();
            var random = new Random(asker);
            while (watch.Elapsed < length)
            {
                var zone = PropertyValue.From($"zone-{random.Next(twins / QueryGraph.TwinsPerZone)}");
                var start = Stopwatch.GetTimestamp();
                var page = await graph.Store.QueryAsync(new QueryRequest("SELECT * FROM DIGITALTWINS T WHERE T.zone = $zone", new Dictionary<string, PropertyValue> { ["zone"] = zone }, PageSize: 20));
                latencies.Add(Stopwatch.GetTimestamp() - start);
                if (page.Rows.Count != 20) throw new InvalidOperationException($"20 rows were expected, {page.Rows.Count} came: {page.Problem?.Detail}");
            }
            return latencies;
        }))));
    }
}
