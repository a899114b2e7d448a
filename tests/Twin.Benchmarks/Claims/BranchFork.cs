using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Twin.Grains;
using Twin.Grains.Branches;
using Twin.Model;
using Twin.Silo;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// How long from asking for a branch of 100,000 live twins (8 properties each) to the first write on it answered, durable in its own journal, while the parent is written to; by how much the parent's rate falls in the second of the fork; what
/// a branch nobody has written to keeps in memory. Above 200 ms the snapshot that makes a branch independent of its parent would have to come after the answer.
/// </summary>
internal static class BranchFork
{
    private const int Writers = 32;

    public static Claim Claim { get; } = new("branch.fork", "ms", true, false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var twins = run.Count(100_000, 5_000);
        var folder = SiloProcess.NewFolder();
        var app = await SiloHost.CreateAsync(["--data", folder, "--port", "0", "--mqtt-port", "-1", "--scenario", "none", "--history", "false", "--dashboard", "false", "--fsync", "100ms"]);
        try
        {
            await app.StartAsync();
            var (store, branches) = (app.Services.GetRequiredService<ITwinStore>(), app.Services.GetRequiredService<ITwinBranches>());
            if (!(await store.AddModelsAsync([BenchGraph.Dtdl])).IsDone) throw new InvalidOperationException("The model was not taken.");
            foreach (var chunk in Enumerable.Range(0, twins).Chunk(10_000))
                if ((await store.ExecuteManyAsync([.. chunk.Select(Twin)])).Any(r => !r.IsDone)) throw new InvalidOperationException("Not all twins were made.");
            await ForkAsync(branches, "warm");
            await branches.DropAsync("warm");
            var bytes = await BytesOfAsync(branches, run.Quick ? 1 : 4) / twins;

            var (forks, inFork, firsts) = (new List<double>(), new List<double>(), new List<double>());
            using var load = new Load(store, twins);
            await Task.Delay(run.Seconds(4, 1));
            var quiet = new List<double>();
            for (var i = 0; i < run.Count(9, 2); i++)
            {
                quiet.Add(await load.RateAsync(TimeSpan.FromSeconds(1)));
                var rate = load.RateAsync(TimeSpan.FromSeconds(1));
                var started = Stopwatch.GetTimestamp();
                await ForkAsync(branches, $"b{i}");
                forks.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                var branch = (await branches.FindAsync($"b{i}"))!;
                if (!(await branch.ExecuteAsync(Patch(i * 997 % twins, 1))).IsDone) throw new InvalidOperationException("The branch was not written.");
                firsts.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                inFork.Add(await rate);
                await branches.DropAsync($"b{i}");
                await Task.Delay(300);
            }

            foreach (var list in new[] { forks, inFork, firsts, quiet }) list.Sort();
            var (calm, during) = (quiet[quiet.Count / 2], inFork[inFork.Count / 2]);
            return new Figure(firsts[firsts.Count / 2], new JsonObject
            {
                ["parentSlowdown"] = Math.Round(1 - (during / calm), 4), ["bytesPerUntouchedTwin"] = Math.Round(bytes, 2), ["twins"] = twins, ["forkMs"] = Math.Round(forks[forks.Count / 2], 1), ["worstMs"] = Math.Round(firsts[^1], 1),
                ["parentPerS"] = Math.Round(calm), ["parentPerSInSecondOfFork"] = Math.Round(during), ["forks"] = forks.Count, ["fsync"] = "100ms", ["durable"] = "the branch's own snapshot is written before the answer", ["cores"] = "silo and load share all, in process",
            });
        }
        finally
        {
            await app.StopAsync();
            await app.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static PutTwin Twin(int twin) => new(BenchGraph.IdOf(twin), BenchGraph.Model, [.. Enumerable.Range(0, BenchGraph.Properties).Select(p => new Assignment($"p{p}", PropertyValue.From(twin + (p / 10.0))))]);

    private static PatchTwin Patch(int twin, double value) => new(BenchGraph.IdOf(twin), [new PatchOperation(PatchVerb.Add, "p1", PropertyValue.From(value))]);

    private static async Task ForkAsync(ITwinBranches branches, string name)
    {
        if ((await branches.CreateAsync(new BranchRequest(name, "live", null, null, null))).Problem is { } problem) throw new InvalidOperationException(problem.Detail);
    }

    /// <summary>What a branch that nobody writes to keeps on the heap.</summary>
    private static async Task<double> BytesOfAsync(ITwinBranches branches, int count)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < count; i++) await ForkAsync(branches, $"still{i}");
        await Task.Delay(500);
        var after = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < count; i++) await branches.DropAsync($"still{i}");
        return Math.Max(0, after - before) / (double)count;
    }

    /// <summary>Writers on the parent.</summary>
    private sealed class Load : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _all;
        private long _done;

        public Load(ITwinStore store, int twins) => _all = Task.WhenAll(Enumerable.Range(0, Writers).Select(w => Task.Run(async () =>
        {
            var random = new Random(w);
            while (!_stop.IsCancellationRequested)
                if ((await store.ExecuteAsync(Patch(random.Next(twins), random.NextDouble()))).IsDone) Interlocked.Increment(ref _done);
        })));

        public async Task<double> RateAsync(TimeSpan length)
        {
            var (before, started) = (Interlocked.Read(ref _done), Stopwatch.GetTimestamp());
            await Task.Delay(length);
            return (Interlocked.Read(ref _done) - before) / Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        public void Dispose()
        {
            _stop.Cancel();
            _all.Wait();
            _stop.Dispose();
        }
    }
}
