using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;

namespace Twin.Benchmarks.Claims;

/// <summary>How fresh is a subscriber? 5,000 changes/s over HTTP, each stamped; then 1,000 forced reconnects with the cursor: every change exactly once. p50 above 5 ms or p99 above 25 ms, or one gap, would change the feed.</summary>
internal static class FeedLatency
{
    private const int Rate = 5_000;

    public static Claim Claim { get; } = new("feed.latency", "ms", true, true, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        const int twins = 1_000;
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, true, "--scenario", "none", "--fsync", "100ms");
            await BenchGraph.CreateAsync(silo, twins);
            var reader = new StampReader(silo.Port);
            await reader.ConnectAsync();
            await reader.ReceiveAsync(); // the first message says from where on nothing is missed
            var steady = run.Seconds(20, 3);
            var reconnects = run.Count(1_000, 20);
            using var stop = new CancellationTokenSource();
            var sent = WriteAsync(silo.Port, twins, stop.Token);
            var reading = reader.RunAsync(Stopwatch.StartNew(), run.Seconds(10, 1), steady, reconnects);
            await reading;
            await stop.CancelAsync();
            var total = await sent;
            await reader.DrainAsync(total);
            return new Figure(reader.Latencies.Milliseconds(0.5), new()
            {
                ["p99Ms"] = reader.Latencies.Milliseconds(0.99), ["gaps"] = total - reader.Distinct, ["duplicates"] = reader.Duplicates, ["reconnects"] = reader.Reconnects,
                ["changesPerS"] = Math.Round(total / reader.Elapsed.TotalSeconds), ["changes"] = total, ["fsync"] = "100ms", ["cores"] = Machine.CanPin ? "silo 0, load 1" : "not pinned",
            });
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    // The value is the change's number; the stamp table says when it was sent. One clock, one process.
    internal static long[] Stamps { get; } = new long[4_000_000];

    private static async Task<long> WriteAsync(int port, int twins, CancellationToken stop)
    {
        var next = 0L;
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 10).Select(async worker =>
        {
            using var http = await RawHttp.ConnectAsync(port);
            var body = new byte[128];
            while (!stop.IsCancellationRequested)
            {
                var due = (long)(watch.Elapsed.TotalSeconds * Rate);
                if (Interlocked.Read(ref next) >= due)
                {
                    await Task.Delay(1, CancellationToken.None);
                    continue;
                }

                var number = Interlocked.Increment(ref next);
                if (number >= Stamps.Length) throw new InvalidOperationException("The run is longer than the stamp table.");
                var length = BenchGraph.WritePatch(body, 0, number);
                Stamps[number] = Stopwatch.GetTimestamp();
                var status = await http.SendAsync($"PATCH /digitaltwins/{BenchGraph.IdOf((int)(number % twins))}", "application/json-patch+json", body.AsMemory(0, length));
                if (status != 204) throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"PATCH answered {status}."));
            }
        }));
        return next;
    }

    private sealed class StampReader(int port)
    {
        private readonly HashSet<long> _seen = [];
        private readonly byte[] _buffer = new byte[4 * 1024 * 1024];
        private ClientWebSocket? _socket;
        private string? _cursor;
        private bool _measuring;

        public Latencies Latencies { get; } = new();

        public long Duplicates { get; private set; }

        public int Reconnects { get; private set; }

        public long Distinct => _seen.Count;

        public TimeSpan Elapsed { get; private set; }

        public async Task ConnectAsync()
        {
            _socket?.Abort();
            _socket?.Dispose();
            _socket = new ClientWebSocket();
            var cursor = _cursor is null ? "" : $"&cursor={Uri.EscapeDataString(_cursor)}";
            await _socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port}/stream?path=p0{cursor}"), CancellationToken.None);
        }

        public async Task RunAsync(Stopwatch watch, TimeSpan warmUp, TimeSpan steady, int reconnects)
        {
            while (watch.Elapsed < warmUp) await ReceiveAsync();
            _measuring = true;
            while (watch.Elapsed < warmUp + steady) await ReceiveAsync();
            _measuring = false;
            while (Reconnects < reconnects)
            {
                await ReceiveAsync();
                Reconnects++;
                await ConnectAsync();
            }

            Elapsed = watch.Elapsed;
        }

        public async Task DrainAsync(long total)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            try
            {
                while (Distinct < total) await ReceiveAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                // What has not come by now is a gap, and is counted as one.
            }
        }

        public async Task ReceiveAsync(CancellationToken cancel = default)
        {
            var filled = 0;
            ValueWebSocketReceiveResult got;
            do
            {
                got = await _socket!.ReceiveAsync(_buffer.AsMemory(filled), cancel);
                if (got.MessageType == WebSocketMessageType.Close) throw new InvalidOperationException($"Closed: {_socket.CloseStatusDescription}");
                filled += got.Count;
            }
            while (!got.EndOfMessage);
            Take(_buffer.AsSpan(0, filled), Stopwatch.GetTimestamp());
        }

        private void Take(ReadOnlySpan<byte> message, long now)
        {
            var reader = new Utf8JsonReader(message);
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                if (reader.ValueTextEquals("cursor"u8) && reader.CurrentDepth == 1)
                {
                    reader.Read();
                    _cursor = reader.GetString();
                }
                else if (reader.ValueTextEquals("reset"u8))
                {
                    throw new InvalidOperationException("The feed was reset without a crash.");
                }
                else if (reader.ValueTextEquals("value"u8))
                {
                    reader.Read();
                    if (reader.TokenType == JsonTokenType.Number) Note((long)reader.GetDouble(), now);
                }
            }
        }

        private void Note(long number, long now)
        {
            if (!_seen.Add(number)) Duplicates++;
            else if (_measuring) Latencies.Add(now - Stamps[number]);
        }
    }
}
