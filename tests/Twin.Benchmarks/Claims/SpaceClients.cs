using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twin.Benchmarks.Spaces;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// <c>spaces.clients</c>: how many people does one core hold in one place, each saying its pose 20 times a second and told of its 20 neighbours 20 times a second, with p99 below 100 ms and 95 % of the frames? Below five times the peer's most (2,750) the way over the sockets would have to change.
/// <c>spaces.dense</c>: the same with 100 neighbours, as a ratio to the peer's most there. Silo on core 0, load on core 1; the peer runs beside it, at the counts around its own most.
/// </summary>
/// <remarks>TWIN_SPACE_N gives the counts that are tried, in order, until one does not hold; TWIN_SPACE_ADAPTIVE those of clients that say where they are only when dead reckoning would be off by 5 cm, and are told only what is news.</remarks>
internal static class SpaceClients
{
    public static readonly Claim Clients = new("spaces.clients", "clients", LowerIsBetter: false, Pinned: true, run => MeasureAsync(run, 20, run.Quick ? [300] : [2750, 3000, 3300, 3600, 3900], run.Quick ? [100] : [550, 600, 650, 700, 750, 800]));

    public static readonly Claim Dense = new("spaces.dense", "ratio", LowerIsBetter: false, Pinned: true, async run =>
    {
        var figure = await MeasureAsync(run, 100, run.Quick ? [200] : [1800, 2100, 2400], run.Quick ? [100] : [300, 350, 400, 450]);
        var detail = figure.Detail;
        return figure.Value is { } n && detail["peerN"]?.GetValue<int>() is { } peer and > 0 ? new Figure(n / peer, With(detail, n)) : figure with { Why = figure.Why ?? "the peer did not run" };
    });

    private static readonly string[] Techniques = ["epoll on raw sockets", "one encoding for all viewers", "constant-velocity prediction, exact at each tick", "no dead-reckoned inputs", "no adaptive rate", "no middle ring", "crowd tiles at 1 Hz"];

    private static readonly string[] AdaptiveTechniques = ["inputs when dead reckoning would err by 5 cm, or after a second", "the near ring told anew when it errs by 3 cm", "frames when there is news, at least one a second"];

    private const double NearError = 0.03; // metres
    private const double MostErrorMetres = 0.3; // where a client believes another to be against where it is, at any moment: 8 cm allowed, and the way of 0.15 s at 1.5 m/s while the news travel

    private static JsonObject With(JsonObject detail, double n)
    {
        detail["n"] = n;
        return detail;
    }

    private static async Task<Figure> MeasureAsync(ClaimRun run, int neighbours, int[] counts, int[] peerCounts)
    {
        if (!Machine.CanPin) return Figure.None("needs two cores and taskset");
        if (Environment.GetEnvironmentVariable("TWIN_SPACE_N") is { } given) counts = [.. given.Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        var tries = new JsonArray();
        JsonObject? held = null;
        foreach (var count in counts)
        {
            var one = await TryAsync(run, count, neighbours, isAdaptive: false);
            run.Log(one.ToJsonString());
            tries.Add(one);
            if (!one["holds"]!.GetValue<bool>()) break;
            held = one;
        }

        JsonObject? adaptive = null;
        foreach (var count in neighbours > 20 ? [] : Adaptive(run))
        {
            var one = await TryAsync(run, count, neighbours, isAdaptive: true);
            run.Log(one.ToJsonString());
            tries.Add(one);
            if (!one["holds"]!.GetValue<bool>()) break;
            adaptive = one;
        }

        var (peerN, peers) = await PeerAsync(run, neighbours, peerCounts);
        var n = held?["n"]!.GetValue<int>() ?? 0;
        return new Figure(n, new JsonObject
        {
            ["peerN"] = peerN, ["ratioStrict"] = peerN > 0 ? Math.Round(n / (double)peerN, 2) : null, ["ratioAdaptive"] = peerN > 0 && adaptive is not null ? Math.Round(adaptive["n"]!.GetValue<int>() / (double)peerN, 2) : null, ["adaptiveN"] = adaptive?["n"]?.DeepClone(), ["p99Ms"] = held?["p99Ms"]?.DeepClone(),
            ["microsecondsPerClientTick"] = held?["microsecondsPerClientTick"]?.DeepClone(), ["techniques"] = new JsonArray([.. Techniques.Select(t => JsonValue.Create(t))]), ["adaptiveTechniques"] = new JsonArray([.. AdaptiveTechniques.Select(t => JsonValue.Create(t))]), ["tries"] = tries, ["peer"] = peers,
        });
    }

    private static int[] Adaptive(ClaimRun run) => Environment.GetEnvironmentVariable("TWIN_SPACE_ADAPTIVE") is { } given ? [.. given.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(n => int.Parse(n, CultureInfo.InvariantCulture))] : run.Quick ? [400] : [5500, 6600, 8000];

    private static async Task<JsonObject> TryAsync(ClaimRun run, int count, int neighbours, bool isAdaptive)
    {
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, true, "--scenario", "none", "--Twin:limits:connectionsPerClient", "20000"); // all come from one address
            var side = SpaceWalkers.SideFor(count, neighbours);
            var definition = new { width = side, depth = side, capacity = count + 10, maxSpeed = 4.0, nearRadius = 16.0, nearLimit = 255, middleRadius = 0.0, middleLimit = 0, nearError = isAdaptive ? NearError : 0, entranceSpread = Math.Min(1000, side / 2) };
            using var put = await silo.Http.PutAsJsonAsync("/spaces/hall", definition);
            if (!put.IsSuccessStatusCode) throw new InvalidOperationException(await put.Content.ReadAsStringAsync());
            var at = new IPEndPoint(IPAddress.Loopback, silo.Port);
            var tokens = new string[count];
            using var sockets = LoadSockets.Empty(count);
            var load = new SpaceLoad(count, side, TimeProvider.System, isAdaptive);
            for (var from = 0; from < count; from += 500) // a token alone brings in within a minute of its issue
            {
                await JoinAsync(silo, tokens, from, Math.Min(count, from + 500));
                for (var i = from; i < Math.Min(count, from + 500); i++) sockets.Connect(i, at, $"/spaces/hall/socket?token={tokens[i]}");
                sockets.Run(load, TimeSpan.FromMilliseconds(50), TimeProvider.System.GetTimestamp() + (Stopwatch.Frequency / 2), TimeProvider.System); // they say hello
            }

            return Measure(run, silo, sockets, load, count, isAdaptive);
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    private static async Task JoinAsync(SiloProcess silo, string[] tokens, int from, int to)
    {
        await Parallel.ForAsync(from, to, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, cancel) =>
        {
            using var answer = await silo.Http.PostAsJsonAsync("/spaces/hall/sessions", new { user = "walker" + i }, cancel);
            if (answer.StatusCode != HttpStatusCode.Created) throw new InvalidOperationException($"Joining was answered {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(cancel)}");
            tokens[i] = (await answer.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("sessionToken").GetString()!;
        });
    }

    private static JsonObject Measure(ClaimRun run, SiloProcess silo, LoadSockets sockets, SpaceLoad load, int count, bool isAdaptive)
    {
        void Go(double seconds) => sockets.Run(load, TimeSpan.FromMilliseconds(50), TimeProvider.System.GetTimestamp() + (long)(seconds * Stopwatch.Frequency), TimeProvider.System);
        Go(run.Seconds(15, 4).TotalSeconds);
        var (missing, ghosts, checkedViews) = (0, 0, 0);
        load.IsMeasuring = true;
        var (cpuBefore, bytes, at, mine) = (silo.ProcessorTime(), sockets.BytesHeard, Stopwatch.GetTimestamp(), Process.GetCurrentProcess().TotalProcessorTime);
        for (var part = 0; part < (int)run.Seconds(10, 3).TotalSeconds; part++)
        {
            Go(1);
            if (part % 5 != 0) continue;
            for (var i = 0; i < 50; i++, checkedViews++)
            {
                var (m, g) = load.CheckView(i * count / 50, 16, 1.15);
                (missing, ghosts) = (missing + m, ghosts + g);
            }
        }

        var seconds = Stopwatch.GetElapsedTime(at).TotalSeconds;
        var cpu = (silo.ProcessorTime() - cpuBefore).TotalSeconds;
        var frames = load.Frames.Sum(f => (double)f);
        var delivered = frames / count / seconds / 20;
        var holds = (isAdaptive ? load.Frames.Min() >= seconds * 0.9 : delivered >= 0.95) && load.Latency.Count > 0 && load.Latency.Milliseconds(0.99) < 100 && sockets.Lost == 0 && load.Fault is null && load.Untrue == 0 && ghosts == 0 && missing == 0 && (!isAdaptive || load.Errors.Percentile(0.99) < MostErrorMetres);
        return new JsonObject
        {
            ["n"] = count, ["adaptive"] = isAdaptive, ["holds"] = holds, ["neighbours"] = Math.Round(load.Neighbours / frames, 1), ["delivered"] = Math.Round(delivered, 4), ["worstClientHz"] = Math.Round(load.Frames.Min() / seconds, 1),
            ["p50Ms"] = Known(load.Latency.Milliseconds(0.5)), ["p99Ms"] = Known(load.Latency.Milliseconds(0.99)), ["samples"] = load.Latency.Count, ["untrue"] = load.Untrue, ["missing"] = missing, ["ghosts"] = ghosts, ["viewsChecked"] = checkedViews,
            ["corrections"] = load.Corrections, ["sentHz"] = Math.Round(load.Inputs / (double)count / seconds, 2), ["bytesPerS"] = Math.Round((sockets.BytesHeard - bytes) / (double)count / seconds),
            ["siloCpu"] = Math.Round(cpu / seconds, 3), ["errorP99M"] = isAdaptive ? Known(load.Errors.Percentile(0.99)) : null, ["errorMostM"] = isAdaptive ? Known(load.Errors.Most) : null, ["loadCpu"] = Math.Round((Process.GetCurrentProcess().TotalProcessorTime - mine).TotalSeconds / seconds, 3),
            ["microsecondsPerClientTick"] = Math.Round(cpu * 1e6 / (count * seconds * 20), 2), ["lost"] = sockets.Lost, ["fault"] = load.Fault,
        };
    }

    private static double? Known(double value) => double.IsFinite(value) ? value : null;

    /// <summary>The peer at its own counts: a folder with its npm packages installed, made once in the machine's temporary folder.</summary>
    private static async Task<(int MostHeld, JsonArray Runs)> PeerAsync(ClaimRun run, int neighbours, int[] counts)
    {
        var runs = new JsonArray();
        if (Repository.SharedData("../peers/colyseus") is not { } source) return (0, runs);
        var folder = Path.Combine(Path.GetTempPath(), "twin-peer-colyseus");
        if (!Directory.Exists(Path.Combine(folder, "node_modules")))
        {
            Directory.CreateDirectory(folder);
            foreach (var file in Directory.GetFiles(source)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
            using var install = Process.Start(new ProcessStartInfo("npm", ["install", "--no-package-lock", "--no-audit", "--no-fund"]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            await install.WaitForExitAsync();
            if (install.ExitCode != 0) return (0, runs);
        }

        var most = 0;
        foreach (var count in counts)
        {
            var start = new ProcessStartInfo("bash", [Path.Combine(folder, "run.sh"), count.ToString(CultureInfo.InvariantCulture)]) { WorkingDirectory = folder, RedirectStandardOutput = true };
            start.Environment["NEIGHBOURS"] = neighbours.ToString(CultureInfo.InvariantCulture);
            using var peer = Process.Start(start)!;
            var text = await peer.StandardOutput.ReadToEndAsync();
            await peer.WaitForExitAsync();
            if (!text.StartsWith('{') || JsonNode.Parse(text) is not JsonObject line) break;
            run.Log("peer: " + text.Trim());
            runs.Add(new JsonObject { ["n"] = count, ["holds"] = line["holds"]?.DeepClone(), ["patchHz"] = line["patch_hz_mean"]?.DeepClone(), ["p99Ms"] = line["latency_ms_p99"]?.DeepClone(), ["serverCpuPercent"] = line["server_cpu_pct"]?.DeepClone(), ["bytesPerS"] = line["bytes_per_s_per_client"]?.DeepClone() });
            if (line["holds"]?.GetValue<bool>() == true) most = count;
            else if (most > 0) break;
        }

        return (most, runs);
    }
}
