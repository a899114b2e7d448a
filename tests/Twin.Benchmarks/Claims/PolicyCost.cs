using System.Text;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// What do policies cost? The same PATCHes and filtered queries by the same key, policies off and on in turns on one silo; the value is the worse
/// slowdown as a share of requests a second. The processor time of a request is the steadier measure and stands beside it. Above 0.10 we would look again at the owner's cache.
/// </summary>
internal static class PolicyCost
{
    private const string Key = "bench-key-0123456789-0123456789";
    private const string Root = "root-key-0123456789-0123456789";

    public static Claim Claim { get; } = new("policy.cost", "share", true, true, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        const int twins = 10_000;
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, true, ["--scenario", "none", "--fsync", "100ms", .. KeyOf(0, "root", Root, "admin"), .. KeyOf(1, "bench", Key, "write")]);
            silo.Http.DefaultRequestHeaders.Add("X-Api-Key", Root);
            var admin = silo.Http;
            await CreateAsync(admin, twins);
            var rounds = run.Count(6, 2);
            var (patch, query) = (new Tally(), new Tally());
            for (var round = -1; round < rounds; round++) // the first warms up
                foreach (var isOn in round % 2 == 0 ? new[] { false, true } : [true, false])
                {
                    await SwitchAsync(admin, isOn);
                    patch.Add(round, isOn, await LoadAsync(silo, run, Patches(twins)));
                    query.Add(round, isOn, await LoadAsync(silo, run, Queries()));
                }

            if (patch.Failed + query.Failed > 0) return Figure.None($"{patch.Failed} patches and {query.Failed} queries were not answered as they should be.");
            return new Figure(Math.Max(patch.Slowdown, query.Slowdown), new()
            {
                ["patch"] = Math.Round(patch.Slowdown, 4), ["filter"] = Math.Round(query.Slowdown, 4), ["patchCpu"] = Math.Round(patch.CpuSlowdown, 4), ["filterCpu"] = Math.Round(query.CpuSlowdown, 4),
                ["patchPerSOff"] = Math.Round(patch.Off), ["patchPerSOn"] = Math.Round(patch.On), ["filterPerSOff"] = Math.Round(query.Off), ["filterPerSOn"] = Math.Round(query.On), ["rounds"] = rounds, ["rules"] = 40,
            });
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    private static string[] KeyOf(int number, string name, string key, string role) =>
    [
        $"--Twin:Auth:Keys:{number}:Name={name}", $"--Twin:Auth:Keys:{number}:Sha256={Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(key)))}", $"--Twin:Auth:Keys:{number}:Roles:0={role}",
    ];

    // Forty rules of which some meet the key: a hidden and a read-only property, prefixes, single twins, a role, another's rules.
    private static async Task SwitchAsync(HttpClient admin, bool isOn)
    {
        if (!isOn)
        {
            using var gone = await admin.DeleteAsync("/policies/bench");
            return;
        }

        var mine = string.Join(',', Enumerable.Range(0, 16).Select(i => $"\"prefix:other-{i}/secret\":{{\"revoke\":[\"read\",\"write\"]}}"));
        var theirs = string.Join(',', Enumerable.Range(0, 20).Select(i => $"\"twin:their-{i}\":{{\"grant\":[\"read\",\"write\"]}}"));
        var text = $"{{\"entries\":{{\"mine\":{{\"subjects\":[\"key:bench\"],\"resources\":{{\"twins:/p7\":{{\"revoke\":[\"read\"]}},\"twins:/p6\":{{\"revoke\":[\"write\"]}},{mine}}}}},"
            + $"\"theirs\":{{\"subjects\":[\"key:other\"],\"resources\":{{{theirs}}}}},\"role\":{{\"subjects\":[\"role:write\"],\"resources\":{{\"twins:\":{{\"grant\":[\"read\",\"write\"]}},\"devices:\":{{\"revoke\":[\"command\"]}}}}}}}}}}";
        using var put = await admin.PutAsync("/policies/bench", new StringContent(text, Encoding.UTF8, "application/json"));
        if (!put.IsSuccessStatusCode) throw new InvalidOperationException(await put.Content.ReadAsStringAsync());
    }

    private static async Task CreateAsync(HttpClient admin, int twins)
    {
        using var models = await admin.PostAsync("/models", new StringContent(BenchGraph.Dtdl, Encoding.UTF8, "application/json"));
        models.EnsureSuccessStatusCode();
        foreach (var chunk in Enumerable.Range(0, twins).Chunk(1_000))
        {
            var commands = string.Join(',', chunk.Select(t => $"{{\"op\":\"put\",\"id\":\"{BenchGraph.IdOf(t)}\",\"twin\":{BenchGraph.TwinJson(t)}}}"));
            using var answer = await admin.PostAsync("/batch", new StringContent($"{{\"commands\":[{commands}]}}", Encoding.UTF8, "application/json"));
            if (!answer.IsSuccessStatusCode) throw new InvalidOperationException(await answer.Content.ReadAsStringAsync());
        }
    }

    private static Func<RawHttp, int, Random, ValueTask<bool>> Patches(int twins)
    {
        var buffers = Enumerable.Range(0, 50).Select(_ => new byte[128]).ToArray();
        var paths = Enumerable.Range(0, twins).Select(t => $"PATCH /digitaltwins/{BenchGraph.IdOf(t)}?access_token={Key}").ToArray();
        return async (http, worker, random) =>
        {
            var length = BenchGraph.WritePatch(buffers[worker], random.Next(6), Math.Round(random.NextDouble() * 100, 3));
            return await http.SendAsync(paths[random.Next(twins)], "application/json-patch+json", buffers[worker].AsMemory(0, length)) == 204;
        };
    }

    private static Func<RawHttp, int, Random, ValueTask<bool>> Queries()
    {
        var bodies = Enumerable.Range(0, 64).Select(i => Encoding.UTF8.GetBytes($"{{\"query\":\"SELECT TOP(20) * FROM DIGITALTWINS T WHERE T.p1 > {i}\"}}")).ToArray();
        return async (http, _, random) => await http.SendAsync($"POST /query?access_token={Key}", "application/json", bodies[random.Next(bodies.Length)]) == 200;
    }

    private static async Task<(double PerSecond, double Cpu, long Failed)> LoadAsync(SiloProcess silo, ClaimRun run, Func<RawHttp, int, Random, ValueTask<bool>> requestAsync)
    {
        var load = new HttpLoad { Connections = 50, RequestAsync = requestAsync };
        var before = silo.ProcessorTime();
        await load.RunAsync(silo.Port, run.Seconds(2, 1), run.Seconds(8, 2));
        return (load.PerSecond, (silo.ProcessorTime() - before).TotalSeconds / load.Requests, load.Failed);
    }

    /// <summary>Rates and costs of one load, off and on.</summary>
    private sealed class Tally
    {
        private readonly List<(bool IsOn, double PerSecond, double Cpu)> _rounds = [];

        public long Failed { get; private set; }

        public double Off => Mean(false, r => r.PerSecond);

        public double On => Mean(true, r => r.PerSecond);

        public double Slowdown => Math.Max(0, 1 - (On / Off));

        public double CpuSlowdown => Math.Max(0, (Mean(true, r => r.Cpu) / Mean(false, r => r.Cpu)) - 1);

        public void Add(int round, bool isOn, (double PerSecond, double Cpu, long Failed) figure)
        {
            Failed += figure.Failed;
            if (round >= 0) _rounds.Add((isOn, figure.PerSecond, figure.Cpu));
        }

        private double Mean(bool isOn, Func<(bool IsOn, double PerSecond, double Cpu), double> of) => _rounds.Where(r => r.IsOn == isOn).Average(r => of((r.IsOn, r.PerSecond, r.Cpu)));
    }
}
