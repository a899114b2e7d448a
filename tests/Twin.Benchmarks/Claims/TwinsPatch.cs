namespace Twin.Benchmarks.Claims;

/// <summary>How many single-property PATCHes a second over HTTP, silo on one core, 50 connections, each waiting for its journaled answer? Below 18,000/s or p99 above 15 ms we would look again at the door.</summary>
internal static class TwinsPatch
{
    public static Claim Claim { get; } = new("twins.patch", "1/s", false, true, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        const int twins = 10_000;
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, true, "--scenario", "none", "--fsync", "100ms");
            await BenchGraph.CreateAsync(silo, twins);
            var buffers = Enumerable.Range(0, 50).Select(_ => new byte[128]).ToArray();
            var paths = Enumerable.Range(0, twins).Select(t => $"PATCH /digitaltwins/{BenchGraph.IdOf(t)}").ToArray();
            var load = new HttpLoad
            {
                Connections = 50,
                RequestAsync = async (http, worker, random) =>
                {
                    var length = BenchGraph.WritePatch(buffers[worker], random.Next(BenchGraph.Properties), Math.Round(random.NextDouble() * 100, 3));
                    return await http.SendAsync(paths[random.Next(twins)], "application/json-patch+json", buffers[worker].AsMemory(0, length)) == 204;
                },
            };
            var before = silo.ProcessorTime();
            await load.RunAsync(silo.Port, run.Seconds(20, 3), run.Seconds(30, 3));
            return load.Failed > 0
                ? Figure.None($"{load.Failed} requests were not answered 204.")
                : new Figure(load.PerSecond, new()
                {
                    ["p50Ms"] = load.All.Milliseconds(0.5), ["p99Ms"] = load.All.Milliseconds(0.99), ["fsync"] = "100ms", ["connections"] = 50,
                    ["cores"] = Machine.CanPin ? "silo 0, load 1" : "not pinned", ["siloCpuS"] = Math.Round((silo.ProcessorTime() - before).TotalSeconds, 1), ["requestsInAll"] = load.Requests,
                });
        }
        finally { Directory.Delete(folder, recursive: true); }
    }
}
