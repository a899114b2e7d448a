using System.Globalization;
using System.Net.WebSockets;
using System.Text;

namespace Twin.Benchmarks.Claims;

/// <summary>The published peers' mix: 80 % PATCH, 10 % filter query limit 20, 5 % read, 5 % create over 10,000 twins, while 105 subscriptions stand. Below 10,000/s or p99 above 15 ms we would change the query path.</summary>
internal static class TwinsMix
{
    private const int Subscriptions = 105;

    public static Claim Claim { get; } = new("twins.mix", "1/s", false, true, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        const int twins = 10_000;
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, true, "--scenario", "none", "--fsync", "100ms");
            await BenchGraph.CreateAsync(silo, twins);
            using var stop = new CancellationTokenSource();
            var notifications = new long[Subscriptions];
            var listeners = await ListenAsync(silo, notifications, stop.Token);
            var buffers = Enumerable.Range(0, 50).Select(_ => new byte[128]).ToArray();
            var created = twins;
            var load = new HttpLoad
            {
                Connections = 50,
                RequestAsync = async (http, worker, random) =>
                {
                    var dice = random.Next(100);
                    var id = BenchGraph.IdOf(random.Next(twins));
                    if (dice < 80)
                    {
                        var length = BenchGraph.WritePatch(buffers[worker], random.Next(BenchGraph.Properties), Math.Round(random.NextDouble() * 100, 3));
                        return await http.SendAsync($"PATCH /digitaltwins/{id}", "application/json-patch+json", buffers[worker].AsMemory(0, length)) == 204;
                    }

                    if (dice < 90)
                    {
                        var text = string.Create(CultureInfo.InvariantCulture, $$"""{"query":"SELECT TOP(20) * FROM DIGITALTWINS T WHERE T.p{{random.Next(8)}} > {{random.Next(50, 95)}}"}""");
                        return await http.SendAsync("POST /query", "application/json", Encoding.ASCII.GetBytes(text)) == 200;
                    }

                    if (dice < 95) return await http.SendAsync($"GET /digitaltwins/{id}", "", default) == 200;
                    var next = Interlocked.Increment(ref created);
                    return await http.SendAsync($"PUT /digitaltwins/{BenchGraph.IdOf(next)}", "application/json", Encoding.ASCII.GetBytes(BenchGraph.TwinJson(next))) is 200 or 201;
                },
            };
            var before = silo.ProcessorTime();
            await load.RunAsync(silo.Port, run.Seconds(20, 3), run.Seconds(30, 3));
            var collected = await SystemPage.CollectedAsync(silo);
            await stop.CancelAsync();
            await Task.WhenAll(listeners);
            return load.Failed > 0
                ? Figure.None($"{load.Failed} requests were not answered as they should.")
                : new Figure(load.PerSecond, new()
                {
                    ["p50Ms"] = load.All.Milliseconds(0.5), ["p99Ms"] = load.All.Milliseconds(0.99), ["notifications"] = notifications.Sum(), ["subscriptions"] = Subscriptions,
                    ["fsync"] = "100ms", ["twinsAtEnd"] = created, ["cores"] = Machine.CanPin ? "silo 0, load 1" : "not pinned",
                    ["siloCpuS"] = Math.Round((silo.ProcessorTime() - before).TotalSeconds, 1), ["requestsInAll"] = load.Requests,
                    ["collections"] = collected.Count, ["pauseS"] = Math.Round(collected.PauseS, 2), ["allocatedPerRequestB"] = collected.Bytes / Math.Max(1, load.Requests),
                });
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    // 100 watch one twin each, 5 watch a threshold over all twins.
    private static async Task<List<Task>> ListenAsync(SiloProcess silo, long[] notifications, CancellationToken stop)
    {
        var listeners = new List<Task>();
        for (var i = 0; i < Subscriptions; i++)
        {
            var filter = i < 100
                ? $"twins={BenchGraph.IdOf(i * 97)}"
                : $"path=p{i % 8}&where={Uri.EscapeDataString($"p{i % 8} > 99")}";
            var socket = new ClientWebSocket();
            await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{silo.Port}/stream?{filter}"), stop);
            listeners.Add(CountAsync(socket, notifications, i, stop));
        }

        return listeners;
    }

    private static async Task CountAsync(ClientWebSocket socket, long[] notifications, int index, CancellationToken stop)
    {
        var buffer = new byte[64 * 1024];
        using (socket)
        {
            try
            {
                while (true)
                {
                    var got = await socket.ReceiveAsync(buffer.AsMemory(), stop);
                    if (got.MessageType == WebSocketMessageType.Close) throw new InvalidOperationException("The silo closed a subscription.");
                    if (got.EndOfMessage && buffer.AsSpan(0, got.Count).IndexOf("\"changes\""u8) >= 0) notifications[index]++;
                }
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                // The run is over.
            }
        }
    }
}
