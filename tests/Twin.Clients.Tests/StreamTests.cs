using Twin.Sdk;

namespace Twin.Clients.Tests;

public class StreamTests
{
    private static TwinClient Client(FakeServer server) => new(server.Address, new() { FirstWait = TimeSpan.FromMilliseconds(1), StreamReconnects = 3 });

    private static string Change(int n) => $$"""{"seq":{{n}},"kind":"propertyChanged","id":"t{{n}}","model":"m","path":"x","value":{{n}},"t":"2026-01-01T00:00:00Z","committed":"2026-01-01T00:00:01Z"}""";

    [Fact]
    public async Task A_dropped_stream_goes_on_at_its_cursor_without_loss_or_repetition()
    {
        var turn = 0;
        var taken = new TaskCompletionSource(); // an abort throws away what is still on its way
        await using var server = await FakeServer.StartAsync(async (c, _) =>
        {
            using var socket = await c.WebSockets.AcceptWebSocketAsync();
            if (turn++ == 0)
            {
                await FakeServer.SendAsync(socket, """{"cursor":"c0","changes":[]}""");
                await FakeServer.SendAsync(socket, $$"""{"cursor":"c2","changes":[{{Change(1)}},{{Change(2)}}]}""");
                // half a message, then the line goes dead: it must not be half delivered
                await socket.SendAsync(System.Text.Encoding.UTF8.GetBytes("""{"cursor":"c3","chan"""), System.Net.WebSockets.WebSocketMessageType.Text, false, CancellationToken.None);
                await taken.Task;
                c.Abort();
                return;
            }

            await FakeServer.SendAsync(socket, $$"""{"cursor":"c3","changes":[{{Change(3)}}]}""");
            await socket.ReceiveAsync(new byte[16], c.RequestAborted);
        });
        using var client = Client(server);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var seen = new List<(string, string?)>();
        await foreach (var change in client.StreamAsync(new StreamFilter { Twins = ["t1", "t2"], Where = "x > 0" }, cancellationToken: limit.Token))
        {
            seen.Add((change.TwinId, change.Cursor));
            if (seen.Count == 2) taken.SetResult();
            if (seen.Count == 3) break;
        }

        Assert.Equal([("t1", "c0"), ("t2", "c2"), ("t3", "c3")], seen);
        Assert.Equal(["/stream?twins=t1%2Ct2&where=x%20%3E%200", "/stream?twins=t1%2Ct2&where=x%20%3E%200&cursor=c2"], server.Seen.Select(s => s.Path));
    }

    [Fact]
    public async Task A_reset_is_told_as_an_event()
    {
        await using var server = await FakeServer.StartAsync(async (c, _) =>
        {
            using var socket = await c.WebSockets.AcceptWebSocketAsync();
            await FakeServer.SendAsync(socket, $$"""{"cursor":"c9","reset":true,"changes":[{{Change(1)}}]}""");
            await socket.ReceiveAsync(new byte[16], c.RequestAborted);
        });
        using var client = Client(server);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var seen = new List<StreamEvent>();
        await foreach (var change in client.StreamAsync(cursor: "old", cancellationToken: limit.Token))
        {
            seen.Add(change);
            if (seen.Count == 2) break;
        }

        Assert.True(seen[0].IsReset);
        Assert.Equal("c9", seen[0].Cursor);
        Assert.Equal(("t1", 1, "x"), (seen[1].TwinId, seen[1].Value.GetInt32(), seen[1].Path));
    }

    [Fact]
    public async Task A_refused_stream_throws_what_the_server_says()
    {
        await using var server = await FakeServer.StartAsync((c, _) => FakeServer.ProblemAsync(c, 400, "CursorInvalid", "The cursor is not one that this server gave.", "cursor"));
        using var client = Client(server);
        var refused = await Assert.ThrowsAsync<TwinException>(async () =>
        {
            await foreach (var _ in client.StreamAsync(cursor: "nonsense", cancellationToken: TestContext.Current.CancellationToken))
            {
                // none comes
            }
        });
        Assert.Equal(("CursorInvalid", "cursor"), (refused.Code, refused.Where));
    }

    [Fact]
    public async Task Reaching_for_a_lost_stream_ends_at_its_bound()
    {
        await using var server = await FakeServer.StartAsync((c, _) => FakeServer.ProblemAsync(c, 503, "Busy", "Later.", ""));
        using var client = Client(server);
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            await foreach (var _ in client.StreamAsync(cancellationToken: TestContext.Current.CancellationToken))
            {
                // none comes
            }
        });
        Assert.Equal(4, server.Seen.Count);
    }
}
