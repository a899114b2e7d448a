using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using CsCheck;
using Twin.Gateway.Security;
using Twin.Gateway.Spaces.Sockets;
using Twin.Gateway.Tests.Mqtt;

namespace Twin.Gateway.Tests.Spaces.Sockets;

/// <summary>The loop over real sockets: what it understands, refuses and survives.</summary>
[Collection("doors")]
public sealed class SocketLoopTests
{
    [Fact]
    public async Task A_client_library_says_and_hears_messages_of_every_size_and_closes_properly()
    {
        using var world = new SocketWorld();
        using var client = new ClientWebSocket();
        client.Options.AddSubProtocol("token.abc");
        client.Options.AddSubProtocol("twin.spaces.1");
        await client.ConnectAsync(new Uri($"ws://{world.Port}/spaces/hall/socket"), TestContext.Current.CancellationToken);
        Assert.Equal("twin.spaces.1", client.SubProtocol);
        var random = new Random(7);
        foreach (var size in (int[])[0, 1, 2, 30, 125, 126, 127, 1_000, 65_535, 65_536])
        {
            var message = new byte[size];
            random.NextBytes(message);
            await client.SendAsync(message, WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
            Assert.Equal(message, await HearAsync(client));
        }

        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", TestContext.Current.CancellationToken);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, client.CloseStatus);
        await SocketWorld.Until(() => world.Handler.Ended.Values.SequenceEqual([CloseCause.Client]), "the handler to be told");
        await SocketWorld.Until(() => world.Loop.Count == 0, "the place to be free");
    }

    private static async Task<byte[]> HearAsync(ClientWebSocket client)
    {
        var (buffer, filled) = (new byte[70_000], 0);
        while (true)
        {
            var got = await client.ReceiveAsync(buffer.AsMemory(filled), TestContext.Current.CancellationToken);
            filled += got.Count;
            if (got.EndOfMessage) return buffer[..filled];
        }
    }

    [Fact]
    public void However_the_bytes_are_cut_and_the_messages_fragmented_the_same_messages_arrive()
    {
        using var world = new SocketWorld();
        var fragments = Gen.Byte.Array[0, 400].Array[1, 4];
        Gen.Select(Gen.Select(fragments, Gen.Bool, Gen.UInt).Array[1, 8], Gen.Int[1, 700].Array[1, 30]).Sample((messages, cuts) =>
        {
            using var client = world.Connect();
            var bytes = new List<byte>(Encoding.ASCII.GetBytes(RawSocket.Head("/spaces/hall/socket")));
            foreach (var (parts, pings, mask) in messages)
            {
                for (var i = 0; i < parts.Length; i++)
                {
                    bytes.AddRange(RawSocket.FrameOf((i == parts.Length - 1 ? 0x80 : 0) | (i == 0 ? Frame.Binary : Frame.Continuation), parts[i], mask));
                    if (pings) bytes.AddRange(RawSocket.FrameOf(0x8A, [1, 2])); // control frames may come between fragments
                }
            }

            var all = bytes.ToArray();
            for (int at = 0, cut = 0; at < all.Length; cut++)
            {
                var length = Math.Min(cuts[cut % cuts.Length], all.Length - at);
                client.Write(all.AsSpan(at, length));
                at += length;
            }

            client.ReadHead();
            foreach (var (parts, _, _) in messages)
            {
                var (first, payload) = client.Read();
                Assert.Equal(0x82, first);
                Assert.Equal(parts.SelectMany(p => p).ToArray(), payload);
            }
        }, iter: 150, seed: "0000Zk1Rr4g7", threads: 1);
    }

    [Fact]
    public void A_handshake_may_come_byte_by_byte_and_messages_right_behind_it()
    {
        using var world = new SocketWorld();
        using var client = world.Connect();
        foreach (var b in Encoding.ASCII.GetBytes(RawSocket.Head("/spaces/hall/socket"))) client.Write(b);
        client.Send("first"u8);
        client.ReadHead();
        Assert.Equal("first"u8.ToArray(), client.Read().Payload);
    }

    [Theory]
    [InlineData(new byte[] { 0x82, 0x01, 0x00 }, 1002)] // not masked
    [InlineData(new byte[] { 0xF2, 0x80, 0, 0, 0, 0 }, 1002)]
    [InlineData(new byte[] { 0x80, 0x80, 0, 0, 0, 0 }, 1002)] // goes on with nothing
    [InlineData(new byte[] { 0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0 }, 1002)] // a message within a message
    [InlineData(new byte[] { 0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28 }, 1007)] // not UTF-8
    [InlineData(new byte[] { 0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0 }, 1009)]
    [InlineData(new byte[] { 0x88, 0x81, 0, 0, 0, 0, 3 }, 1002)] // half a close code
    [InlineData(new byte[] { 0x88, 0x82, 0, 0, 0, 0, 3, 0xED }, 1002)] // 1005 is not to be sent
    [InlineData(new byte[] { 0x88, 0x84, 0, 0, 0, 0, 3, 0xE8, 0xC3, 0x28 }, 1007)]
    [InlineData(new byte[] { 0x88, 0x80, 0, 0, 0, 0 }, 1005)]
    [InlineData(new byte[] { 0x88, 0x82, 0, 0, 0, 0, 0x0F, 0xA1 }, 4001)] // given back
    public async Task A_broken_rule_closes_with_its_code_and_others_go_on(byte[] bytes, int code)
    {
        using var world = new SocketWorld();
        using var other = world.Open();
        using var client = world.Open();
        client.Write(bytes);
        client.Write(new byte[4_096]); // what follows must not turn the close into a reset
        Assert.Equal(code, client.ReadClose());
        Assert.True(client.IsAtEnd());
        await SocketWorld.Until(() => world.Handler.Ended.Count == 1, "the end to be told");
        Assert.Equal(code is 1005 or 4001 ? CloseCause.Client : CloseCause.Protocol, world.Handler.Ended.Values.Single());
        other.Send("still here"u8);
        Assert.Equal("still here"u8.ToArray(), other.Read().Payload);
    }

    [Fact]
    public void Fragments_beyond_the_bound_close_with_1009()
    {
        using var world = new SocketWorld();
        using var client = world.Open();
        var block = new byte[20_000];
        client.Send(block, 0x02);
        for (var i = 0; i < 3; i++) client.Send(block, 0x00);
        Assert.Equal(1009, client.ReadClose());
        Assert.Empty(world.Handler.Messages);
    }

    [Fact]
    public void Pings_are_answered_with_their_payload_between_fragments_too()
    {
        using var world = new SocketWorld();
        using var client = world.Open();
        client.Send("ab"u8, 0x02);
        client.Send("are you there"u8, 0x89);
        var (first, payload) = client.Read();
        Assert.Equal((0x8A, "are you there"), (first, Encoding.ASCII.GetString(payload)));
        client.Send("cd"u8, 0x80);
        Assert.Equal("abcd"u8.ToArray(), client.Read().Payload);
    }

    [Fact]
    public async Task A_handlers_close_carries_code_and_reason_and_is_told_once()
    {
        using var world = new SocketWorld();
        using var client = world.Open();
        client.Send("close"u8);
        var (first, payload) = client.Read();
        Assert.Equal(0x88, first);
        Assert.Equal([0x0F, 0xA1, .. "resumed elsewhere"u8], payload);
        client.Send([0x0F, 0xA1], 0x88);
        Assert.True(client.IsAtEnd());
        await SocketWorld.Until(() => world.Loop.Count == 0, "the place to be free");
        Assert.Equal([CloseCause.Server], world.Handler.Ended.Values);
    }

    [Fact]
    public async Task A_handler_that_throws_ends_that_connection_with_1011_and_no_other()
    {
        using var world = new SocketWorld();
        using var other = world.Open();
        using var client = world.Open();
        client.Send("throw"u8);
        Assert.Equal(1011, client.ReadClose());
        await SocketWorld.Until(() => world.Handler.Ended.Values.SequenceEqual([CloseCause.Fault]), "the end to be told");
        other.Send("fine"u8);
        Assert.Equal("fine"u8.ToArray(), other.Read().Payload);
    }

    [Fact]
    public async Task A_client_that_stops_reading_is_skipped_within_the_bound_and_hears_whole_messages_when_it_reads_again()
    {
        using var world = new SocketWorld();
        using var other = world.Open();
        using var client = world.Open();
        client.Send("flood"u8);
        await SocketWorld.Until(() => world.Handler.Results.LastOrDefault() == SendResult.Full, "the bound to be reached");
        var taken = world.Handler.Results.Count - 1;
        Assert.InRange(taken * (EchoHandler.FloodBytes + 4L), 1, 8 * 1024 * 1024); // what the systems and we keep of it
        for (var i = 0; i < 100; i++)
        {
            other.Send([(byte)i]);
            Assert.Equal([(byte)i], other.Read().Payload);
        }

        for (var i = 0; i < taken; i++)
        {
            var payload = client.Read().Payload;
            Assert.Equal((EchoHandler.FloodBytes, i), (payload.Length, BitConverter.ToInt32(payload)));
        }

        await SocketWorld.Until(() => world.Handler.Writables > 0, "to be writable again");
        client.Send("again"u8);
        Assert.Equal("again"u8.ToArray(), client.Read().Payload);
    }

    [Fact]
    public async Task A_flood_of_small_messages_holds_up_nobody()
    {
        using var world = new SocketWorld();
        world.Handler.IsSilent = true;
        using var flooder = world.Open();
        using var other = world.Open();
        var block = Enumerable.Repeat(RawSocket.FrameOf(0x82, [1, 2, 3]), 5_000).SelectMany(f => f).ToArray();
        var flood = Task.Run(() =>
        {
            for (var i = 0; i < 20; i++) flooder.Write(block);
        });
        for (var i = 0; i < 50; i++)
        {
            other.Send([9], 0x89);
            Assert.Equal([9], other.Read().Payload);
        }

        await flood;
        await SocketWorld.Until(() => world.Handler.Messages.Count == 100_000, "every message of the flood");
    }

    [Fact]
    public async Task Garbage_ends_each_connection_and_leaves_nothing_behind()
    {
        using var world = new SocketWorld();
        var random = new Random(11);
        for (var i = 0; i < 60; i++)
        {
            using var client = i % 3 == 0 ? world.Connect() : world.Open();
            var bytes = new byte[random.Next(1, 9_000)];
            random.NextBytes(bytes);
            try
            {
                client.Write(bytes);
                client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
                client.ReadToEnd();
            }
            catch (IOException)
            {
                // Reset is a fair answer to garbage.
            }
        }

        await SocketWorld.Until(() => world.Loop.Count == 0, "all places to be free");
        Assert.Equal(40, world.Handler.Ended.Count);
        using var after = world.Open();
        after.Send("ok"u8);
        Assert.Equal("ok"u8.ToArray(), after.Read().Payload);
    }

    [Fact]
    public async Task A_thousand_join_in_one_second()
    {
        using var world = new SocketWorld();
        var clients = new RawSocket[1_000];
        var start = Stopwatch.GetTimestamp();
        var joining = Enumerable.Range(0, 4).Select(part => Task.Run(() =>
        {
            for (var i = part; i < clients.Length; i += 4) clients[i] = world.Open();
        }));
        await Task.WhenAll(joining);
        TestContext.Current.TestOutputHelper?.WriteLine($"1,000 joins in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms.");
        for (var i = 0; i < clients.Length; i++) clients[i].Send(BitConverter.GetBytes(i));
        for (var i = 0; i < clients.Length; i++) Assert.Equal(i, BitConverter.ToInt32(clients[i].Read().Payload));
        Assert.Equal(1_000, world.Handler.Ids.Distinct().Count());
        foreach (var client in clients) client.Dispose();
        await SocketWorld.Until(() => world.Handler.Ended.Count == 1_000 && world.Loop.Count == 0, "all to have left");
        Assert.All(world.Handler.Ended.Values, cause => Assert.Equal(CloseCause.Lost, cause));
    }

    [Fact]
    public async Task A_place_used_again_has_another_identity()
    {
        using var world = new SocketWorld(new SocketLoopOptions { MostConnections = 1, Gather = TimeSpan.Zero });
        for (var i = 0; i < 5; i++)
        {
            using (world.Open())
            {
            }

            await SocketWorld.Until(() => world.Loop.Count == 0, "the place to be free");
        }

        Assert.Equal(5, world.Handler.Ids.Distinct().Count());
        Assert.Single(world.Handler.Ids.Select(id => id.Index).Distinct());
    }

    [Theory]
    [InlineData("/spaces/hall/socket?token=bad", "", 403, "TokenRefused")]
    [InlineData("/spaces/hall/socket?token=throw", "", 500, "Failed")]
    [InlineData("/spaces/hall/socket", "Content-Length: 5\r\n", 400, "BadHandshake")]
    public void A_refused_handshake_is_answered_with_problem_json(string target, string more, int status, string code)
    {
        using var world = new SocketWorld();
        using var client = world.Connect();
        client.Write(Encoding.ASCII.GetBytes(RawSocket.Head(target, more)));
        CheckProblem(client.ReadToEnd(), status, code);
        Assert.Empty(world.Handler.Ids);
    }

    private static void CheckProblem(string answer, int status, string code)
    {
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nContent-Type: application/problem+json\r\n", answer, StringComparison.Ordinal);
        var problem = System.Text.Json.JsonDocument.Parse(answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]).RootElement;
        Assert.Equal((status, code), (problem.GetProperty("status").GetInt32(), problem.GetProperty("code").GetString()));
        Assert.Equal($"urn:twin:problem:{code}", problem.GetProperty("type").GetString());
    }

    [Fact]
    public void A_head_too_long_is_refused_with_431()
    {
        using var world = new SocketWorld();
        using var client = world.Connect();
        client.Write(Encoding.ASCII.GetBytes("GET /spaces/hall/socket HTTP/1.1\r\nX: " + new string('a', 8_192)));
        CheckProblem(client.ReadToEnd(), 431, "HeadTooLong");
    }

    [Fact]
    public async Task A_slow_handshake_ends_after_its_time_however_it_trickles()
    {
        var clock = new MovedClock();
        using var world = new SocketWorld(new SocketLoopOptions { Gather = TimeSpan.Zero }, clock);
        using var client = world.Connect();
        client.Write("GET /spaces/hall/socket HTTP/1.1\r\n"u8);
        for (var i = 0; i < 4; i++)
        {
            var before = world.Loop.Metrics.BytesIn;
            client.Write("X"u8);
            await SocketWorld.Until(() => world.Loop.Metrics.BytesIn > before, "the byte to be read");
            Advance(world, clock, 1.2);
        }

        Advance(world, clock, 0.5);
        CheckProblem(client.ReadToEnd(), 408, "HandshakeTimeout");
    }

    private static void Advance(SocketWorld world, MovedClock clock, double seconds)
    {
        clock.Advance(TimeSpan.FromSeconds(seconds));
        using var seen = new ManualResetEventSlim();
        world.Loop.Post(static (_, state) => ((ManualResetEventSlim)state!).Set(), seen); // wakes it; it sweeps in the same pass
        Assert.True(seen.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_silent_client_is_pinged_then_closed_and_one_that_answers_stays()
    {
        var clock = new MovedClock();
        using var world = new SocketWorld(new SocketLoopOptions { Gather = TimeSpan.Zero }, clock);
        using var silent = world.Open();
        using var alive = world.Open();
        Advance(world, clock, 16);
        Assert.Equal(0x89, silent.Read().First);
        Assert.Equal(0x89, alive.Read().First);
        var before = world.Loop.Metrics.BytesIn;
        alive.Send([], 0x8A);
        await SocketWorld.Until(() => world.Loop.Metrics.BytesIn > before, "the pong to be read");
        Advance(world, clock, 14.5);
        Assert.Equal(1001, silent.ReadClose());
        await SocketWorld.Until(() => world.Handler.Ended.Values.SequenceEqual([CloseCause.Silent]), "the end to be told");
        alive.Send("yes"u8);
        Assert.Equal("yes"u8.ToArray(), alive.Read().Payload);
        Advance(world, clock, 3);
        Assert.True(silent.IsAtEnd()); // it never said its part of the close
    }

    [Fact]
    public void One_address_has_a_bound_of_connections_and_gets_its_places_back()
    {
        var addresses = new AddressLimit(2);
        using var world = new SocketWorld(addresses: addresses);
        using var first = world.Open();
        using (world.Open())
        {
            using var third = world.Connect();
            CheckProblem(third.ReadToEnd(), 429, "TooManyConnections");
        }

        SpinWait.SpinUntil(() => world.Loop.Count == 1, TimeSpan.FromSeconds(20));
        using var again = world.Open();
        Assert.True(addresses.TryEnter(IPAddress.Parse("10.0.0.1")));
    }

    [Fact]
    public void One_address_has_a_bound_of_handshakes_a_second()
    {
        var clock = new MovedClock();
        using var world = new SocketWorld(new SocketLoopOptions { Gather = TimeSpan.Zero, HandshakesPerSecond = 3 }, clock);
        for (var i = 0; i < 3; i++) world.Open().Dispose();
        using var fourth = world.Connect();
        CheckProblem(fourth.ReadToEnd(), 429, "TooManyRequests");
        Advance(world, clock, 1);
        world.Open().Dispose();
    }

    [Fact]
    public void Commands_beyond_the_bound_are_refused_and_the_others_run_in_order()
    {
        using var world = new SocketWorld(new SocketLoopOptions { MostCommands = 16, Gather = TimeSpan.Zero });
        using var held = new ManualResetEventSlim();
        using var isHeld = new ManualResetEventSlim();
        using var done = new ManualResetEventSlim();
        Assert.True(world.Loop.Post((_, _) =>
        {
            isHeld.Set();
            held.Wait();
        }, null));
        isHeld.Wait(TestContext.Current.CancellationToken);
        var ran = new List<int>();
        var taken = Enumerable.Range(0, 40).Count(i => world.Loop.Post((_, _) => ran.Add(i), null));
        held.Set();
        while (!world.Loop.Post((_, _) => done.Set(), null)) Thread.Yield();
        Assert.True(done.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.Equal(16, taken);
        Assert.Equal(Enumerable.Range(0, 16), ran);
    }

    [Fact]
    public async Task Turns_come_when_they_were_asked_for_and_not_before()
    {
        var clock = new MovedClock();
        using var world = new SocketWorld(new SocketLoopOptions { Gather = TimeSpan.Zero }, clock, nextTurn: now => now + (50 * TimeSpan.TicksPerMillisecond));
        await SocketWorld.Until(() => world.Handler.Turns == 1, "the first turn");
        for (var turn = 1; turn < 20; turn++)
        {
            Advance(world, clock, 0.049);
            Advance(world, clock, 0);
            Assert.Equal(turn, world.Handler.Turns);
            Advance(world, clock, 0.001);
            await SocketWorld.Until(() => world.Handler.Turns == turn + 1, "the next turn");
        }
    }

    [Fact]
    public void Stopping_tells_everyone_1001()
    {
        var world = new SocketWorld();
        using var client = world.Open();
        world.Dispose();
        Assert.Equal(1001, client.ReadClose());
        Assert.Equal([CloseCause.Stopping], world.Handler.Ended.Values);
        Assert.False(world.Loop.Post((_, _) => { }, null));
    }
}
