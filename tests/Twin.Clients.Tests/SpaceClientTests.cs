using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Twin.Sdk;
using Twin.Wire.Spaces;

namespace Twin.Clients.Tests;

/// <summary>What a space client does where a server does not do what it should. With a real door: Twin.Gateway.Tests.</summary>
public class SpaceClientTests
{
    private static readonly SpaceClientOptions Quick = new() { FirstWait = TimeSpan.FromMilliseconds(1), LongestWait = TimeSpan.FromMilliseconds(5), Jitter = new Random(1) };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_token_that_brings_in_no_more_is_replaced_by_a_new_session_of_the_same_user()
    {
        var sockets = 0;
        var over = new TaskCompletionSource();
        await using var server = await FakeServer.StartAsync(async (c, seen) =>
        {
            if (await SessionAsync(c, seen, "anna")) return;
            using var socket = await c.WebSockets.AcceptWebSocketAsync();
            await socket.ReceiveAsync(new byte[512], CancellationToken.None);
            if (Interlocked.Increment(ref sockets) == 1) await socket.CloseAsync((WebSocketCloseStatus)4401, "ask for a new session", CancellationToken.None);
            else
            {
                await socket.SendAsync(Welcome(30_000), WebSocketMessageType.Binary, true, CancellationToken.None);
                await over.Task;
            }
        });
        await using (var client = await SpaceClient.JoinAsync(server.Address, "hall", options: Quick, cancellationToken: Cancel))
        {
            Assert.Equal((SpaceStanding.Here, "anna", 0), (client.Standing, client.User, client.Resumes));
            var asked = server.Seen.Where(s => s.Method == "POST").ToArray();
            Assert.Equal(2, asked.Length);
            Assert.Contains("\"anna\"", asked[1].Text, StringComparison.Ordinal); // whom the server named, not another guest
            over.SetResult();
        }
    }

    [Fact]
    public async Task One_who_is_not_let_back_in_within_the_grace_is_told_so()
    {
        var sockets = 0;
        await using var server = await FakeServer.StartAsync(async (c, seen) =>
        {
            if (await SessionAsync(c, seen, "anna")) return;
            if (Interlocked.Increment(ref sockets) > 1)
            {
                await FakeServer.ProblemAsync(c, 503, "SpaceNotHere", "Opening.", "");
                return;
            }

            using var socket = await c.WebSockets.AcceptWebSocketAsync();
            await socket.ReceiveAsync(new byte[512], CancellationToken.None);
            await socket.SendAsync(Welcome(100), WebSocketMessageType.Binary, true, CancellationToken.None);
            await socket.CloseAsync((WebSocketCloseStatus)4503, "closing", CancellationToken.None);
        });
        await using var client = await SpaceClient.JoinAsync(server.Address, "hall", options: Quick, cancellationToken: Cancel);
        var over = await Assert.ThrowsAsync<TwinException>(() => client.Ended.WaitAsync(TimeSpan.FromSeconds(20), Cancel));
        Assert.Equal("GraceOver", over.Code);
        Assert.True(sockets > 3, $"{sockets} attempts");
        var stood = new List<SpaceStanding>();
        await Assert.ThrowsAsync<TwinException>(async () =>
        {
            await foreach (var one in client.ReadEventsAsync(Cancel)) if (one is SpaceStood s && (stood.Count == 0 || stood[^1] != s.Standing)) stood.Add(s.Standing);
        });
        Assert.Equal([SpaceStanding.Here, SpaceStanding.Lost, SpaceStanding.Ended], stood);
    }

    [Fact]
    public async Task A_frame_that_cannot_be_read_ends_the_connection_and_the_client_comes_back_with_an_empty_view()
    {
        var sockets = 0;
        var over = new TaskCompletionSource();
        await using var server = await FakeServer.StartAsync(async (c, seen) =>
        {
            if (await SessionAsync(c, seen, "anna")) return;
            using var socket = await c.WebSockets.AcceptWebSocketAsync();
            await socket.ReceiveAsync(new byte[512], CancellationToken.None);
            await socket.SendAsync(Welcome(30_000), WebSocketMessageType.Binary, true, CancellationToken.None);
            if (Interlocked.Increment(ref sockets) == 1) await socket.SendAsync(new byte[] { 0x92, 2, 0xC5, 0, 1, 0xFF }, WebSocketMessageType.Binary, true, CancellationToken.None);
            await over.Task;
        });
        await using (var client = await SpaceClient.JoinAsync(server.Address, "hall", options: Quick, cancellationToken: Cancel))
        {
            await foreach (var one in client.ReadEventsAsync(Cancel)) if (one is SpaceSaid { Message: WelcomeMessage } && client.Resumes == 1) break;
            Assert.Equal((2, 0), (sockets, client.Look(v => v.SlotEnd)));
            over.SetResult();
        }
    }

    [Fact]
    public async Task Where_the_first_server_cannot_be_reached_the_next_lets_in()
    {
        var over = new TaskCompletionSource();
        await using var server = await FakeServer.StartAsync(async (c, seen) =>
        {
            if (await SessionAsync(c, seen, "anna")) return;
            using var socket = await c.WebSockets.AcceptWebSocketAsync();
            await socket.ReceiveAsync(new byte[512], CancellationToken.None);
            await socket.SendAsync(Welcome(30_000), WebSocketMessageType.Binary, true, CancellationToken.None);
            await over.Task;
        });
        await using (var client = await SpaceClient.JoinAsync([new Uri("http://127.0.0.1:1"), server.Address], "hall", options: Quick, cancellationToken: Cancel))
        {
            Assert.Equal(7, client.Avatar);
            over.SetResult();
        }
    }

    private static async Task<bool> SessionAsync(HttpContext context, SeenRequest seen, string user)
    {
        if (seen.Method != "POST") return false;
        await FakeServer.JsonAsync(context, $$"""{"sessionToken":"t","socket":"/spaces/hall/socket","avatar":7,"user":"{{user}}","roles":0}""", 201);
        return true;
    }

    private static byte[] Welcome(int graceMs) => new WelcomeMessage(1, "hall", 7, 100, 20, 1, false, default, new SpaceRules(60, 60), graceMs).ToBytes();
}
