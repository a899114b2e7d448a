using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Twin.Benchmarks.Claims;

/// <summary>What does `kill -9` cost? Writers count upwards, each on its own twin; the silo is killed under load and asked what it still knows. One acknowledged write lost under <c>always</c> is a defect. Recovery of 100,000 twins above 1 s would change the snapshot.</summary>
internal static class Recover
{
    private const int Writers = 16;

    public static Claim Claim { get; } = new("recover", "s", true, false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var kills = run.Count(20, 2);
        var (lostAlways, _) = await KillAsync("always", kills, run);
        var (lost100, windowMs) = await KillAsync("100ms", kills, run);
        var (seconds, ready) = await TimeAsync(run.Count(100_000, 5_000), run);
        return new Figure(seconds, new() { ["kills"] = 2 * kills, ["ackedLost"] = lostAlways, ["ackedLost100ms"] = lost100, ["windowLostMs"] = windowMs, ["processStartToReadyS"] = ready });
    }

    private static async Task<(long Lost, double WindowMs)> KillAsync(string fsync, int kills, ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        var acknowledged = new long[Writers];
        var acknowledgedAt = Enumerable.Range(0, Writers).Select(_ => new List<(long Value, long At)>()).ToArray();
        var (lost, window) = (0L, 0.0);
        try
        {
            var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none", "--fsync", fsync);
            await BenchGraph.CreateAsync(silo, Writers);
            for (var kill = 0; kill < kills; kill++)
            {
                foreach (var list in acknowledgedAt) list.Clear();
                using var stop = new CancellationTokenSource();
                var port = silo.Port;
                var writers = Enumerable.Range(0, Writers).Select(w => WriteAsync(port, w, acknowledged, acknowledgedAt[w])).ToArray();
                await Task.Delay(300 + (kill * 37 % 400));
                var killedAt = Stopwatch.GetTimestamp();
                await silo.KillAsync();
                await Task.WhenAll(writers);
                await silo.DisposeAsync();
                silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none", "--fsync", fsync);
                for (var w = 0; w < Writers; w++)
                {
                    var twin = JsonNode.Parse(await silo.Http.GetStringAsync(new Uri($"/digitaltwins/{BenchGraph.IdOf(w)}", UriKind.Relative)))!;
                    var kept = (long)twin["p0"]!.GetValue<double>();
                    if (acknowledged[w] > kept)
                    {
                        lost += acknowledged[w] - kept;
                        var first = acknowledgedAt[w].FirstOrDefault(a => a.Value > kept).At;
                        if (first != 0) window = Math.Max(window, (killedAt - first) * 1000.0 / Stopwatch.Frequency);
                    }

                    acknowledged[w] = kept;
                }

                run.Log($"recover: {fsync}, kill {kill + 1} of {kills}, lost {lost}, ready again after {silo.ReadyAfter.TotalSeconds:F2} s");
            }

            await silo.DisposeAsync();
            return (lost, Math.Round(window, 1));
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    private static async Task WriteAsync(int port, int writer, long[] acknowledged, List<(long Value, long At)> at)
    {
        var body = new byte[128];
        try
        {
            using var http = await RawHttp.ConnectAsync(port);
            for (var value = acknowledged[writer] + 1; ; value++)
            {
                var length = BenchGraph.WritePatch(body, 0, value);
                if (await http.SendAsync($"PATCH /digitaltwins/{BenchGraph.IdOf(writer)}", "application/json-patch+json", body.AsMemory(0, length)) != 204) return;
                acknowledged[writer] = value;
                at.Add((value, Stopwatch.GetTimestamp()));
            }
        }
        catch (Exception fault) when (fault is IOException or System.Net.Sockets.SocketException)
        {
            // Killed, as planned.
        }
    }

    private static async Task<(double Recovery, double Ready)> TimeAsync(int twins, ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        try
        {
            await using (var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none"))
            {
                await ImportLoad.RunAsync(silo, twins, run.Log);
                await silo.KillAsync();
            }

            await using (var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none"))
            {
                var system = await SystemPage.ReadAsync(silo);
                if (system["twins"]!.GetValue<long>() != twins) throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{system["twins"]} of {twins} twins came back."));
                return (Math.Round(system["recoverySeconds"]!.GetValue<double>(), 3), Math.Round(silo.ReadyAfter.TotalSeconds, 3));
            }
        }
        finally { Directory.Delete(folder, recursive: true); }
    }
}
