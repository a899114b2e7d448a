using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twin.Benchmarks.Spaces;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// <c>spaces.handover</c>: a thousand people walk across a place whose cells are divided over three silos (processes, over a real Redis), for five minutes; in the middle one silo is killed. How long was the longest time in which anyone had no frame or was not seen to move, and was anybody lost or doubled? Above two seconds people would notice a server that dies.
/// </summary>
internal static class SpaceHandover
{
    private const int CellsAcross = 4;

    public static readonly Claim Claim = new("spaces.handover", "ms", LowerIsBetter: true, Pinned: false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var count = run.Quick ? 120 : 1_000;
        await using var redis = await RedisServer.StartAsync();
        if (redis is null) return Figure.None("needs redis-server");
        var folders = Enumerable.Range(0, 3).Select(_ => SiloProcess.NewFolder()).ToArray();
        var silos = new List<SiloProcess>();
        try
        {
            foreach (var folder in folders) silos.Add(await SiloProcess.StartAsync(folder, false, "--scenario", "none", "--redis", redis.Address, "--history", "false"));
            var side = SpaceWalkers.SideFor(count, 20);
            var definition = new { width = side, depth = side, capacity = count + 10, maxSpeed = 6.0, nearRadius = 16.0, nearLimit = 255, middleRadius = 0.0, middleLimit = 0, entranceSpread = side / 2, cellsAcross = CellsAcross };
            using var put = await silos[0].Http.PutAsJsonAsync("/spaces/plaza", definition);
            if (!put.IsSuccessStatusCode) throw new InvalidOperationException(await put.Content.ReadAsStringAsync());
            var tokens = await JoinAsync(silos, count);
            var homes = Enumerable.Range(0, count).Select(i => i % silos.Count).ToArray();
            (IPEndPoint, string) Where(int client) => (new IPEndPoint(IPAddress.Loopback, silos[homes[client]].Port), $"/spaces/plaza/socket?token={tokens[client]}");
            using var sockets = LoadSockets.Connect(count, Where);
            sockets.Elsewhere = client =>
            {
                homes[client] = (homes[client] + 1) % silos.Count; // as a client with a list of addresses does
                return Where(client);
            };
            return await WalkAsync(run, silos, sockets, count, side);
        }
        finally
        {
            foreach (var silo in silos) await silo.DisposeAsync();
            foreach (var folder in folders) Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string[]> JoinAsync(List<SiloProcess> silos, int count)
    {
        var tokens = new string[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, cancel) =>
        {
            using var answer = await silos[i % silos.Count].Http.PostAsJsonAsync("/spaces/plaza/sessions", new { user = "walker" + i }, cancel);
            if (answer.StatusCode != HttpStatusCode.Created) throw new InvalidOperationException($"Joining was answered {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(cancel)}");
            tokens[i] = (await answer.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("sessionToken").GetString()!;
        });
        return tokens;
    }

    private static async Task<Figure> WalkAsync(ClaimRun run, List<SiloProcess> silos, LoadSockets sockets, int count, double side)
    {
        var load = new WanderLoad(count, side, CellsAcross, TimeProvider.System);
        void Go(double seconds) => sockets.Run(load, TimeSpan.FromMilliseconds(50), TimeProvider.System.GetTimestamp() + (long)(seconds * Stopwatch.Frequency), TimeProvider.System);
        Go(run.Seconds(20, 6).TotalSeconds);

        // Silos count once a second: while people walk, one who crosses a border may be counted by both or by none.
        async Task<int> OwnedAtRestAsync(List<SiloProcess> of)
        {
            (load.IsResting, load.IsMeasuring) = (true, false);
            Go(3);
            load.IsResting = false;
            return (int)await SumAsync(of, "twin_space_avatars_owned");
        }

        var half = run.Seconds(150, 10).TotalSeconds;
        load.StartOver(Stopwatch.GetTimestamp());
        Go(half);
        var calm = (Frame: load.WorstFrameGapMs, Sight: load.WorstSightGapMs, Returns: sockets.Returns, Median: load.MedianSightGapMs);
        var (missingBefore, ghostsBefore, lostBefore) = load.Check(16, 1.15);
        var ownedBefore = await OwnedAtRestAsync(silos);
        load.StartOver(Stopwatch.GetTimestamp());
        await silos[1].KillAsync();
        Go(half);
        var (missing, ghosts, lost) = load.Check(16, 1.15);
        var left = new List<SiloProcess> { silos[0], silos[2] };
        var owned = await OwnedAtRestAsync(left);
        var (borders, takenUp) = (await SumAsync(left, "twin_space_border_crossings"), await SumAsync(left, "twin_space_taken_up"));
        lost += lostBefore + Math.Max(0, count - owned) + sockets.Lost;
        var doubled = load.Doubled + Math.Max(0, owned - count);
        var worst = Math.Max(Math.Max(calm.Frame, calm.Sight), Math.Max(load.WorstFrameGapMs, load.WorstSightGapMs));
        var detail = new JsonObject
        {
            ["lost"] = lost, ["doubled"] = doubled, ["crossings"] = load.Crossings, ["borderCrossings"] = borders, ["takenUp"] = takenUp, ["clients"] = count, ["silos"] = 3, ["killed"] = 1, ["returns"] = sockets.Returns, ["returnsBeforeTheKill"] = calm.Returns,
            ["worstFrameGapMs"] = load.WorstFrameGapMs, ["worstSightGapMs"] = load.WorstSightGapMs, ["medianOfWorstSightGapsMs"] = load.MedianSightGapMs, ["calmFrameGapMs"] = calm.Frame, ["calmSightGapMs"] = calm.Sight,
            ["missing"] = missing + missingBefore, ["ghosts"] = ghosts + ghostsBefore, ["ownedBefore"] = ownedBefore, ["owned"] = owned, ["corrections"] = load.Corrections, ["welcome"] = load.Welcome, ["fault"] = load.Fault, ["seconds"] = Math.Round(2 * half),
        };
        return load.Fault is null ? new Figure(worst, detail) : new Figure(worst, detail) { Why = load.Fault };
    }

    /// <summary>The sum of a figure over silos' metrics pages.</summary>
    private static async Task<double> SumAsync(List<SiloProcess> silos, string name)
    {
        var sum = 0.0;
        foreach (var silo in silos)
            foreach (var line in (await silo.Http.GetStringAsync("/metrics")).Split('\n'))
                if (line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] is ' ' or '{' or '_') sum += double.Parse(line.Split(' ')[line.Contains('}', StringComparison.Ordinal) ? line[..(line.IndexOf('}', StringComparison.Ordinal) + 1)].Count(c => c == ' ') + 1 : 1], CultureInfo.InvariantCulture);
        return sum;
    }
}
