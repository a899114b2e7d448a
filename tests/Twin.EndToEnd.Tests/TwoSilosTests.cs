using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary>Two silos over a real Redis: one is killed under load.</summary>
public sealed class TwoSilosTests
{
    private const int Lamps = 40;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task When_one_of_two_silos_is_killed_twins_answer_within_ten_seconds_and_nothing_acknowledged_is_lost()
    {
        await using var redis = await RedisServer.StartAsync();
        Assert.SkipWhen(redis is null, "redis-server is not installed");
        var (folderA, folderB) = (SiloProcess.NewFolder(), SiloProcess.NewFolder());
        string[] common = ["--scenario", "none", "--redis", redis.Address, "--history", "false"];
        await using var a = await SiloProcess.StartAsync(folderA, false, common);
        await Lamp.CreateAsync(a.Http, Lamps, Cancel);
        var b = await SiloProcess.StartAsync(folderB, false, common);
        var acknowledged = new double[Lamps];
        using var stop = new CancellationTokenSource();
        var seen = new SeenValues();
        var watching = WatchAsync(a.Port, seen, stop.Token);
        await Eventually.TrueAsync(() => Task.FromResult(seen.Cursor is not null), "the subscriber to stand", Cancel);
        var writing = Enumerable.Range(0, 8).Select(w => WriteAsync(a.Http, w, acknowledged, stop.Token)).ToArray();
        await Eventually.TrueAsync(() => Task.FromResult(acknowledged.Min() > 50), "the load to be under way", Cancel);
        await b.KillAsync();
        await b.DisposeAsync();
        var killed = DateTime.UtcNow;
        var after = acknowledged.ToArray();
        await Eventually.TrueAsync(() => Task.FromResult(acknowledged.Zip(after).All(p => p.First > p.Second)), "every lamp to take a write after the kill", Cancel);
        Assert.InRange((DateTime.UtcNow - killed).TotalSeconds, 0, 10);
        await stop.CancelAsync();
        await Task.WhenAll(writing);
        await watching;
        for (var lamp = 0; lamp < Lamps; lamp++)
            Assert.True(await Lamp.PowerAsync(a.Http, lamp, Cancel) >= acknowledged[lamp], $"lamp-{lamp} lost an acknowledged write.");
        await WatchUntilAsync(a.Port, seen, acknowledged);
        Assert.Equal("", seen.Missing(acknowledged));
        Assert.Equal(0, seen.Duplicates);
        Directory.Delete(folderA, recursive: true);
        Directory.Delete(folderB, recursive: true);
    }

    private static async Task WriteAsync(HttpClient http, int worker, double[] acknowledged, CancellationToken stop)
    {
        var next = new double[Lamps];
        while (!stop.IsCancellationRequested)
        {
            for (var lamp = worker; lamp < Lamps; lamp += 8)
            {
                var value = next[lamp] + 1;
                using var answer = await http.PatchAsync($"/digitaltwins/lamp-{lamp}", Lamp.Patch(value), Cancel);
                if ((int)answer.StatusCode == 503) continue; // told that it was not kept; asked again with the same value
                Assert.Equal(204, (int)answer.StatusCode);
                next[lamp] = value;
                acknowledged[lamp] = value;
            }
        }
    }

    private static async Task WatchAsync(int port, SeenValues seen, CancellationToken stop)
    {
        try
        {
            using var socket = await ConnectAsync(port, seen.Cursor, stop);
            await seen.ReadAsync(socket, () => false, stop);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // The test has seen enough.
        }
    }

    private static async Task WatchUntilAsync(int port, SeenValues seen, double[] acknowledged)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(15));
        using var socket = await ConnectAsync(port, seen.Cursor, limit.Token);
        try
        {
            await seen.ReadAsync(socket, () => seen.Gaps(acknowledged) == 0, limit.Token);
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            // What has not come by now is a gap, and the test says so.
        }
    }

    private static async Task<ClientWebSocket> ConnectAsync(int port, string? cursor, CancellationToken cancel)
    {
        var socket = new ClientWebSocket();
        var query = cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}";
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port}/stream?path=power{query}"), cancel);
        return socket;
    }

    /// <summary>Every value seen of each lamp. A write answered 503 may have been kept and then repeated: equal values next to each other are the writer's, not the feed's, so changes are told apart by their sequence.</summary>
    private sealed class SeenValues
    {
        private readonly HashSet<(string Id, double Value)> _values = [];
        private readonly HashSet<(string Id, long Sequence)> _sequences = [];

        public string? Cursor { get; private set; }

        public int Duplicates { get; private set; }

        public long Gaps(double[] acknowledged)
        {
            lock (_values)
                return acknowledged.Select((most, lamp) => Enumerable.Range(1, (int)most).LongCount(v => !_values.Contains(($"lamp-{lamp}", v)))).Sum();
        }

        /// <summary>The first missing values, for the failure's text.</summary>
        public string Missing(double[] acknowledged)
        {
            lock (_values)
                return string.Join(' ', acknowledged.SelectMany((most, lamp) => Enumerable.Range(1, (int)most).Where(v => !_values.Contains(($"lamp-{lamp}", v))).Select(v => $"lamp-{lamp}={v}/{most}")).Take(60));
        }

        public async Task ReadAsync(ClientWebSocket socket, Func<bool> enough, CancellationToken cancel)
        {
            var buffer = new byte[1 << 20];
            while (!enough())
            {
                var filled = 0;
                ValueWebSocketReceiveResult got;
                do
                {
                    got = await socket.ReceiveAsync(buffer.AsMemory(filled), cancel);
                    Assert.NotEqual(WebSocketMessageType.Close, got.MessageType);
                    filled += got.Count;
                }
                while (!got.EndOfMessage);
                Take(JsonNode.Parse(buffer.AsSpan(0, filled))!);
            }
        }

        private void Take(JsonNode message)
        {
            Assert.Null(message["reset"]);
            lock (_values)
            {
                foreach (var change in message["changes"]?.AsArray() ?? [])
                {
                    if (change!["value"]?.GetValueKind() != JsonValueKind.Number) continue;
                    var id = change["id"]!.GetValue<string>();
                    if (!_sequences.Add((id, change["seq"]!.GetValue<long>()))) Duplicates++;
                    _values.Add((id, change["value"]!.GetValue<double>()));
                }
            }

            Cursor = message["cursor"]?.GetValue<string>() ?? Cursor;
        }
    }
}
