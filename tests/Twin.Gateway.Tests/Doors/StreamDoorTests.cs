using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Twin.Gateway.Streams;

namespace Twin.Gateway.Tests.Doors;

/// <summary>The stream over SSE and WebSocket.</summary>
[Collection("doors")]
public sealed class StreamDoorTests(SharedDoor shared) : IClassFixture<SharedDoor>
{
    private readonly DoorWorld _door = shared.Door;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Reads messages of one stream, whichever way they come.</summary>
    private sealed class Reader(Func<CancellationToken, Task<string?>> next, IDisposable connection) : IDisposable
    {
        public string Cursor { get; private set; } = "";

        public bool WasReset { get; private set; }

        public List<(string Id, string? Path, JsonElement Value)> Changes { get; } = [];

        /// <summary>Reads one message; false at the end.</summary>
        public async Task<bool> ReadAsync()
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            limit.CancelAfter(TimeSpan.FromSeconds(15));
            if (await next(limit.Token) is not { } text) return false;
            var message = JsonDocument.Parse(text).RootElement;
            Cursor = message.GetProperty("cursor").GetString()!;
            WasReset |= message.TryGetProperty("reset", out var reset) && reset.GetBoolean();
            foreach (var change in message.GetProperty("changes").EnumerateArray())
                Changes.Add((change.GetProperty("id").GetString()!, change.TryGetProperty("path", out var path) ? path.GetString() : null, change.TryGetProperty("value", out var value) ? value : default));
            return true;
        }

        public async Task UntilAsync(int count)
        {
            while (Changes.Count < count) Assert.True(await ReadAsync(), "the stream ended early");
        }

        public double[] Numbers => [.. Changes.Where(c => c.Path == "power").Select(c => c.Value.GetDouble())];

        public void Dispose() => connection.Dispose();
    }

    private async Task<Reader> OpenAsync(bool socket, string query, string? lastEventId = null)
    {
        var (next, connection) = await StreamLines.OpenAsync(_door, socket, query, lastEventId);
        var reader = new Reader(next, connection);
        if (lastEventId is null) Assert.True(await reader.ReadAsync());
        return reader;
    }

    private async Task SetAsync(string lamp, double power)
    {
        var text = string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""[{"op":"replace","path":"/power","value":{{power}}}]""");
        using var answer = await _door.Http.PatchAsync($"/digitaltwins/{lamp}", DoorWorld.Patch(text), Cancel);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_subscriber_gets_what_its_filter_asks_for_and_after_a_break_what_it_missed_once(bool socket)
    {
        var (mine, other) = (await _door.LampAsync(), await _door.LampAsync());
        string cursor;
        using (var first = await OpenAsync(socket, $"twins={mine}&path=power&where=power%20%3E%2010"))
        {
            foreach (var power in new[] { 5, 11, 12 })
            {
                await SetAsync(mine, power);
                await SetAsync(other, power);
            }

            await first.UntilAsync(2);
            Assert.Equal([11, 12], first.Numbers);
            Assert.All(first.Changes, c => Assert.Equal(mine, c.Id));
            cursor = first.Cursor;
        }

        for (var power = 20; power < 120; power++) await SetAsync(mine, power);
        using var second = await OpenAsync(socket, $"twins={mine}&path=power&where=power%20%3E%2010", cursor);
        await SetAsync(mine, 500);
        await second.UntilAsync(101);
        Assert.Equal([.. Enumerable.Range(20, 100).Select(p => (double)p), 500], second.Numbers);
        Assert.False(second.WasReset);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whole_histories_arrive_gapless_while_readers_come_and_go(bool socket)
    {
        var lamp = await _door.LampAsync();
        using var opened = await OpenAsync(socket, $"twins={lamp}&path=power");
        var cursor = opened.Cursor;
        var writing = Task.Run(async () =>
        {
            for (var i = 1; i <= 200; i++) await SetAsync(lamp, i);
        }, Cancel);
        var seen = new List<double>();
        while (seen.Count < 200)
        {
            using var reader = await OpenAsync(socket, $"twins={lamp}&path=power", cursor);
            await reader.UntilAsync(Math.Min(17, 200 - seen.Count));
            seen.AddRange(reader.Numbers.Where(p => p > 0));   // the lamp's creation, acknowledged before, may still follow the first hello
            cursor = reader.Cursor;
        }

        await writing;
        Assert.Equal(Enumerable.Range(1, 200).Select(p => (double)p), seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cursor_beyond_the_feeds_end_is_told_to_read_state_again_and_goes_on(bool socket)
    {
        var lamp = await _door.LampAsync();
        var unknown = FeedCursor.Format([1L << 50, 1L << 50]);
        using var reader = await OpenAsync(socket, $"twins={lamp}", unknown);
        Assert.True(await reader.ReadAsync());
        Assert.True(reader.WasReset);
        Assert.NotEqual(unknown, reader.Cursor);
        await SetAsync(lamp, 7);
        while (reader.Numbers.LastOrDefault() != 7) Assert.True(await reader.ReadAsync());
    }

    public static TheoryData<string, string> BadQueries => new()
    {
        { "cursor=!", "cursor" }, { "cursor=AAAA", "cursor" }, { "cursor=" + new string('A', 6_000), "cursor" }, { "cursor=" + FeedCursor.Format([1, 2, 3]), "cursor" },
        { "cursor=" + FeedCursor.Format([-5, 0]), "cursor" }, { "cursor=" + FeedCursor.Format([long.MinValue, 0]), "cursor" },
        { "where=power%20%3E", "" }, { "where=(((((", "" }, { "where=" + new string('(', 5_000), "" },
    };

    [Theory]
    [MemberData(nameof(BadQueries))]
    public async Task A_cursor_or_filter_that_makes_no_sense_is_refused_before_the_stream(string query, string where)
    {
        var problem = await _door.ProblemAsync(400, HttpMethod.Get, "/stream?" + query);
        if (where.Length > 0) Assert.Equal(where, problem.Where);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_subscriber_that_stops_reading_is_cut_off_and_the_others_miss_nothing(bool socket)
    {
        _door.Services.GetRequiredService<StreamDoor>().SendTimeout = TimeSpan.FromSeconds(1);
        var lamp = await _door.LampAsync();
        var hub = _door.Services.GetRequiredService<FeedHub>();
        await EventuallyAsync(() => hub.SubscriberCount == 0, "those of earlier tests are gone");
        using var open = new Metered("twin_stream_subscribers");
        using var reading = await OpenAsync(true, $"twins={lamp}&path=label");
        using var deaf = new TcpClient { ReceiveBufferSize = 4096 };
        await deaf.ConnectAsync(IPAddress.Loopback, _door.Port, Cancel);
        var upgrade = socket ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" : "";
        await deaf.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET /stream?twins={lamp} HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n"), Cancel);
        Assert.True(await deaf.GetStream().ReadAsync(new byte[64], Cancel) > 0);
        await EventuallyAsync(() => hub.SubscriberCount == 2, "both are subscribed");
        var time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var written = 0;
        for (; written < 60 && hub.SubscriberCount == 2; written++)
        {
            var samples = string.Join(',', Enumerable.Range(0, 4_000).Select(i => $$$"""{"id":"{{{lamp}}}","t":{{{++time}}},"p":{"power":{{{i}}}}}"""));
            using var answer = await _door.Http.PostAsync("/ingest", DoorWorld.Json($"[{samples}]"), Cancel);
            Assert.Contains("\"applied\":4000", await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
            using var patch = await _door.Http.PatchAsync($"/digitaltwins/{lamp}", DoorWorld.Patch($$"""[{"op":"add","path":"/label","value":"{{written}}"}]"""), Cancel);
            Assert.Equal(HttpStatusCode.NoContent, patch.StatusCode);
            await reading.UntilAsync(written + 1);
        }

        await EventuallyAsync(() => hub.SubscriberCount == 1, $"the deaf one is cut off after {written} batches; {hub.SubscriberCount} are there");
        Assert.Equal(1, open.Sum);
        Assert.Equal(written, reading.Changes.Count);
        await EventuallyAsync(() => IsClosed(deaf), "its connection is closed");
    }

    private static bool IsClosed(TcpClient client)
    {
        var block = new byte[64 * 1024];
        try
        {
            while (client.Available > 0) if (client.Client.Receive(block) == 0) return true;
            return client.Client.Poll(0, SelectMode.SelectRead) && client.Available == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static async Task EventuallyAsync(Func<bool> isSo, string what)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(20); !isSo(); await Task.Delay(10, Cancel))
            if (DateTime.UtcNow > deadline) Assert.Fail($"Not within 20 s: {what}");
    }
}
