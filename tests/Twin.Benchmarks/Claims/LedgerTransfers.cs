using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Concurrency;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Silo;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// How many durable transfers a second over HTTP batches of 100, 10,000 accounts of which ten are hot, every group on the device before its answer (fsync
/// always), and is one lost or doubled over 200 `kill -9`? Below 20,000/s the book or its door would be looked at again; one lost or doubled is a defect.
/// TWIN_BENCH_KILLS sets another number of kills.
/// </summary>
internal static class LedgerTransfers
{
    private const int Accounts = 10_000;
    private const int Batch = 100;
    private const int Connections = 16;

    public static Claim Claim { get; } = new("ledger.transfers", "1/s", false, false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var always = await OverHttpAsync("always", run);
        var relaxed = await OverHttpAsync("100ms", run);
        var inProcess = await InProcessAsync(run);
        var kills = int.TryParse(Environment.GetEnvironmentVariable("TWIN_BENCH_KILLS"), out var asked) ? asked : run.Count(200, 2);
        var killed = await KillAsync(kills, run);
        return new Figure(always.PerSecond, new()
        {
            ["lost"] = killed.Lost, ["doubled"] = killed.Doubled, ["kills"] = kills, ["fsync"] = "always", ["acknowledgedUnderKills"] = killed.Acknowledged, ["unansweredAtKills"] = killed.Unanswered,
            ["p50Ms"] = always.P50, ["p99Ms"] = always.P99, ["perSecond100ms"] = Math.Round(relaxed.PerSecond), ["p99Ms100ms"] = relaxed.P99, ["inProcess100ms"] = Math.Round(inProcess),
            ["accounts"] = Accounts, ["hot"] = 10, ["batch"] = Batch, ["connections"] = Connections, ["cores"] = "silo and load share all",
        });
    }

    private static async Task<(double PerSecond, double P50, double P99)> OverHttpAsync(string fsync, ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none", "--history", "false", "--fsync", fsync);
            var world = new LedgerWorld(Accounts);
            await world.CreateAsync(silo.Http);
            var load = new HttpLoad
            {
                Connections = Connections,
                RequestAsync = async (http, _, random) =>
                {
                    var batch = world.Make(random, Batch);
                    if (await http.SendAsync($"POST /ledger/{LedgerWorld.Book}/transfers", "application/json", batch.Body) != 200 || Count(http.Body.Span, "\"status\":201"u8) != Batch) return false;
                    world.Note(batch);
                    return true;
                },
            };
            var before = silo.ProcessorTime();
            await load.RunAsync(silo.Port, run.Seconds(5, 2), run.Seconds(20, 3));
            var (wrong, more, addsUp) = await world.CompareAsync(silo.Http);
            if (load.Failed > 0 || wrong != 0 || more != 0 || !addsUp) throw new InvalidOperationException($"{load.Failed} batches failed, {wrong} cents are wrong, {more} entries too many, adds up: {addsUp}.");
            run.Log($"ledger.transfers: {fsync}: {load.PerSecond * Batch:F0}/s, p99 {load.All.Milliseconds(0.99)} ms, silo {(silo.ProcessorTime() - before).TotalSeconds * 1e6 / (load.Requests * Batch):F1} us of processor a transfer");
            return (load.PerSecond * Batch, load.All.Milliseconds(0.5), load.All.Milliseconds(0.99));
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    /// <summary>The silo's own wiring in this process; batches straight to the book's grain.</summary>
    private static async Task<double> InProcessAsync(ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        var app = await SiloHost.CreateAsync(["--data", folder, "--port", "0", "--mqtt-port", "-1", "--scenario", "none", "--history", "false", "--dashboard", "false", "--fsync", "100ms"]);
        try
        {
            await app.StartAsync();
            var grains = app.Services.GetRequiredService<IGrainFactory>();
            var made = await grains.GetGrain<ILedgerDirectoryGrain>(0).AddAsync("bench", null, 0);
            if (!made.IsDone) throw new InvalidOperationException(made.Problem?.Detail);
            var book = grains.GetGrain<ILedgerBookGrain>("bench");
            await DoAsync(book, [new OpenAccount("mint", LedgerAccountKind.Issuing, null), new DefineAsset("eur", LedgerAssetKind.Fungible, 2, "mint")]);
            foreach (var chunk in Enumerable.Range(0, Accounts).Chunk(500))
            {
                await DoAsync(book, [.. chunk.Select(a => new OpenAccount($"a{a}", LedgerAccountKind.Ordinary, null))]);
                await DoAsync(book, [.. chunk.Select(a => Transfer("mint", $"a{a}", 100_000_000))]);
            }

            await LoadAsync(book, run.Seconds(3, 1));
            var perSecond = await LoadAsync(book, run.Seconds(10, 2));
            run.Log($"ledger.transfers: in process: {perSecond:F0}/s");
            return perSecond;
        }
        finally
        {
            await app.StopAsync();
            await app.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static PostTransfer Transfer(string from, string to, int cents) => new(LedgerKey.New(TimeProvider.System), [new LedgerLeg(from, to, "eur", new LedgerAmount(cents, 2))]);

    private static async Task DoAsync(ILedgerBookGrain book, LedgerCommand[] commands)
    {
        var reply = await book.TransferManyAsync(new Immutable<LedgerCall>(new LedgerCall(commands, null, 0)));
        if (Array.Find(reply.Value.Results, r => !r.IsDone) is { Problem: { } problem }) throw new InvalidOperationException(problem.Detail);
    }

    private static async Task<double> LoadAsync(ILedgerBookGrain book, TimeSpan length)
    {
        string[] ids = [.. Enumerable.Range(0, Accounts).Select(a => $"a{a}")];
        var watch = Stopwatch.StartNew();
        var done = await Task.WhenAll(Enumerable.Range(0, Connections).Select(producer => Task.Run(async () =>
        {
            var random = new Random(producer);
            var count = 0L;
            for (; watch.Elapsed < length; count += Batch)
            {
                var commands = new LedgerCommand[Batch];
                for (var i = 0; i < Batch; i++)
                {
                    var (from, to) = (random.Next(4) == 0 ? random.Next(10) : random.Next(Accounts), random.Next(4) == 0 ? random.Next(10) : random.Next(Accounts));
                    commands[i] = Transfer(ids[from], ids[to == from ? (from + 1) % Accounts : to], 1 + random.Next(99));
                }

                await DoAsync(book, commands);
            }

            return count;
        })));
        return done.Sum() / watch.Elapsed.TotalSeconds;
    }

    private static async Task<LedgerKills> KillAsync(int kills, ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        Task<SiloProcess> StartAsync() => SiloProcess.StartAsync(folder, false, "--scenario", "none", "--history", "false", "--fsync", "always");
        try
        {
            var silo = await StartAsync();
            var world = new LedgerWorld(Accounts);
            await world.CreateAsync(silo.Http);
            var test = new LedgerKills(world, writers: 8, batch: 20);
            for (var kill = 0; kill < kills; kill++)
            {
                silo = await test.RoundAsync(silo, 100 + (kill * 37 % 200), kill, StartAsync);
                run.Log($"ledger.transfers: kill {kill + 1} of {kills}, {test.Acknowledged} answered, {test.Unanswered} batches under way, lost {test.Lost}, doubled {test.Doubled}, ready again after {silo.ReadyAfter.TotalSeconds:F2} s");
            }

            await silo.DisposeAsync();
            return test;
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    private static int Count(ReadOnlySpan<byte> text, ReadOnlySpan<byte> part)
    {
        var count = 0;
        for (int at; (at = text.IndexOf(part)) >= 0; count++) text = text[(at + part.Length)..];
        return count;
    }
}
