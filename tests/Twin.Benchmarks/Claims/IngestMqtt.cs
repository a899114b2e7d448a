using System.Diagnostics;

namespace Twin.Benchmarks.Claims;

/// <summary>How much does the MQTT door carry into journal and history with the silo on one core, QoS 1, nothing lost? Below 12,000 messages/s of one value or 100,000 values/s in tens we would change the broker or the pipeline.</summary>
internal static class IngestMqtt
{
    private const int Connections = 20;
    private const int Twins = 2_000;

    public static Claim Claim { get; } = new("ingest.mqtt", "1/s", false, true, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, true, "--scenario", "none", "--fsync", "100ms", "--history", "true");
            await BenchGraph.CreateAsync(silo, Twins, 10);
            await SettleAsync(silo, Twins * 10L);
            var one = await LoadAsync(silo, 1, run.Seconds(5, 1), run.Seconds(20, 2));
            var ten = await LoadAsync(silo, 10, run.Seconds(5, 1), run.Seconds(20, 2));
            return new Figure(one.PerSecond, new()
            {
                ["valuesPerS"] = Math.Round(ten.PerSecond * 10), ["lost"] = one.Lost + ten.Lost, ["p99Ms"] = one.P99, ["p99TenMs"] = ten.P99, ["fsync"] = "100ms",
                ["connections"] = Connections, ["historyBehindS"] = new System.Text.Json.Nodes.JsonArray(one.BehindS, ten.BehindS), ["cores"] = Machine.CanPin ? "silo 0, load 1" : "not pinned",
            });
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    private static async Task<(double PerSecond, long Lost, double P99, double BehindS)> LoadAsync(SiloProcess silo, int values, TimeSpan warmUp, TimeSpan length)
    {
        var before = await SystemPage.HistoryPointsAsync(silo);
        var clients = await Task.WhenAll(Enumerable.Range(0, Connections).Select(i => RawMqtt.ConnectAsync(silo.MqttPort, $"bench-{values}-{i}")));
        var topics = Enumerable.Range(0, Twins).Select(t => $"twins/{BenchGraph.IdOf(t)}/properties").ToArray();
        var stopping = false;
        var number = 0L;
        var running = clients.Select((c, i) =>
        {
            var random = new Random(i);
            return Task.Run(() => c.RunAsync(100, to => (topics[random.Next(Twins)], RawMqtt.WriteValues(to, values, ++number)), () => Volatile.Read(ref stopping)));
        }).ToArray();
        await Task.Delay(warmUp);
        var start = clients.Sum(c => c.Acknowledged);
        var watch = Stopwatch.StartNew();
        foreach (var client in clients) client.Measuring = true;
        await Task.WhenAny(Task.Delay(length), Task.WhenAny(running));
        var acknowledged = clients.Sum(c => c.Acknowledged) - start;
        var seconds = watch.Elapsed.TotalSeconds;
        Volatile.Write(ref stopping, true);
        await Task.WhenAll(running);
        var refused = clients.Sum(c => c.Refused);
        if (refused > 0) throw new InvalidOperationException($"{refused} messages were refused.");
        var stored = before + (clients.Sum(c => c.Acknowledged) * values);
        var behind = Stopwatch.StartNew();
        var found = await SettleAsync(silo, stored);
        foreach (var client in clients) client.Dispose();
        return (acknowledged / seconds, stored - found, Latencies.Merge(clients.Select(c => c.Latencies)).Milliseconds(0.99), Math.Round(behind.Elapsed.TotalSeconds, 1));
    }

    /// <summary>Waits until history holds what was acknowledged, or stands still for ten seconds.</summary>
    private static async Task<long> SettleAsync(SiloProcess silo, long expected)
    {
        var last = -1L;
        for (var still = 0; still < 100;)
        {
            var points = await SystemPage.HistoryPointsAsync(silo);
            if (points >= expected) return points;
            still = points == last ? still + 1 : 0;
            last = points;
            await Task.Delay(100);
        }

        return last;
    }
}
