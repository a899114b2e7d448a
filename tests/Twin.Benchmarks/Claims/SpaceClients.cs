using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Twin.Benchmarks.Spaces;

namespace Twin.Benchmarks.Claims;

/// <summary><c>spaces.clients</c>.</summary>
internal static class SpaceClients
{
    public static readonly Claim Claim = new("spaces.clients", "clients", LowerIsBetter: false, Pinned: true, run => Task.FromResult(Measure(run)));

    private static Figure Measure(ClaimRun run)
    {
        var detail = new JsonArray();
        var counts = Environment.GetEnvironmentVariable("TWIN_SPACE_N") is { } n ? n.Split(' ').Select(int.Parse).ToArray() : [2750];
        var neighbours = int.Parse(Environment.GetEnvironmentVariable("TWIN_SPACE_K") ?? "20", null);
        double best = 0;
        foreach (var count in counts)
        {
            var one = Try(run, count, neighbours, false);
            detail.Add(one);
            if (one["holds"]!.GetValue<bool>()) best = Math.Max(best, count);
        }

        return new Figure(best, new JsonObject { ["tries"] = detail });
    }

    public static JsonObject Try(ClaimRun run, int count, int neighbours, bool isAdaptive)
    {
        const int Port = 5391;
        var side = SpaceWalkers.SideFor(count, neighbours);
        var start = Machine.Start(Environment.ProcessPath!, ["space-host", Port.ToString(null as IFormatProvider), side.ToString(null as IFormatProvider), "255"], 0);
        start.RedirectStandardOutput = true;
        start.Environment["DOTNET_TieredPGO"] = "1";
        using var server = Process.Start(start)!;
        try
        {
            server.StandardOutput.ReadLine();
            using var sockets = LoadSockets.Connect(new IPEndPoint(IPAddress.Loopback, Port), count, i => $"/spaces/hall/socket?token={i + 1}", isMasked: true);
            var load = new SpaceLoad(count, side, TimeProvider.System, isAdaptive);
            void Go(double seconds) => sockets.Run(load, TimeSpan.FromMilliseconds(50), TimeProvider.System.GetTimestamp() + (long)(seconds * Stopwatch.Frequency), TimeProvider.System);
            Go(run.Seconds(8, 4).TotalSeconds);
            var (missing, ghosts) = (0, 0);
            load.IsMeasuring = true;
            var (before, bytes, at) = (server.TotalProcessorTime, sockets.BytesHeard, Stopwatch.GetTimestamp());
            var mine = Process.GetCurrentProcess().TotalProcessorTime;
            var parts = (int)run.Seconds(10, 3).TotalSeconds;
            for (var part = 0; part < parts; part++)
            {
                Go(1);
                if (part % 5 != 0) continue;
                for (var i = 0; i < 50; i++)
                {
                    var (m, g) = load.CheckView(i * count / 50, 16, 1.15);
                    (missing, ghosts) = (missing + m, ghosts + g);
                }
            }

            var seconds = Stopwatch.GetElapsedTime(at).TotalSeconds;
            server.Refresh();
            var cpu = (server.TotalProcessorTime - before).TotalSeconds;
            var frames = load.Frames.Order().ToArray();
            var delivered = load.Frames.Sum(f => (double)f) / count / seconds / 20;
            return new JsonObject
            {
                ["n"] = count, ["neighbours"] = Math.Round(load.Neighbours / (double)load.Frames.Sum(f => (long)f), 1), ["delivered"] = Math.Round(delivered, 4), ["worstClientHz"] = Math.Round(frames[0] / seconds, 1),
                ["p50Ms"] = load.Latency.Milliseconds(0.5), ["p99Ms"] = load.Latency.Milliseconds(0.99), ["samples"] = load.Latency.Count, ["untrue"] = load.Untrue, ["missing"] = missing, ["ghosts"] = ghosts,
                ["corrections"] = load.Corrections, ["sentHz"] = Math.Round(load.Inputs / (double)count / seconds, 2), ["bytesPerS"] = Math.Round((sockets.BytesHeard - bytes) / (double)count / seconds),
                ["siloCpu"] = Math.Round(cpu / seconds, 3), ["loadCpu"] = Math.Round((Process.GetCurrentProcess().TotalProcessorTime - mine).TotalSeconds / seconds, 3), ["microsecondsPerClientTick"] = Math.Round(cpu * 1e6 / (load.Frames.Sum(f => (double)f)), 2),
                ["lost"] = sockets.Lost, ["skipped"] = sockets.Skipped, ["fault"] = load.Fault,
                ["holds"] = delivered >= 0.95 && load.Latency.Milliseconds(0.99) < 100 && sockets.Lost == 0 && load.Fault is null,
            };
        }
        finally
        {
            server.Kill();
            server.WaitForExit();
        }
    }
}
