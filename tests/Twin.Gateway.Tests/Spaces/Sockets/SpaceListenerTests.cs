using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Twin.Gateway.Security;
using Twin.Gateway.Spaces.Sockets;

namespace Twin.Gateway.Tests.Spaces.Sockets;

/// <summary>One port for Kestrel and the loop, and Kestrel's WebSockets in the loop where the port cannot be shared.</summary>
[Collection("doors")]
public sealed class SpaceListenerTests
{
    private sealed class Host : IAsyncDisposable
    {
        private readonly WebApplication _app;

        private Host(WebApplication app, EchoHandler handler) => (_app, Handler) = (app, handler);

        public EchoHandler Handler { get; }

        public IPEndPoint Port { get; private set; } = null!;

        public SocketLoop Loop => _app.Services.GetRequiredService<SocketLoop>();

        public HttpClient Http { get; private set; } = null!;

        public static async Task<Host> StartAsync(bool isTaken = true, LimitOptions? limits = null)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            var handler = new EchoHandler();
            limits ??= new LimitOptions();
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                KestrelTuning.Apply(kestrel, limits);
                kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(1);
                kestrel.Listen(IPAddress.Loopback, 0);
            });
            builder.Services.AddSingleton(TimeProvider.System).AddSingleton(limits).AddSingleton<ISocketHandler>(handler).AddSpaceSockets();
            if (!isTaken) builder.Services.Remove(builder.Services.Single(s => s.ImplementationType == typeof(SpaceListenerFactory)));
            var app = builder.Build();
            var host = new Host(app, handler);
            app.UseWebSockets();
            app.MapGet("/hello", () => "hello");
            app.MapPost("/spaces/{id}/sessions", async (HttpRequest request) => await new StreamReader(request.Body).ReadToEndAsync());
            app.Map("/spaces/{id}/socket", context => BridgedSocket.RunAsync(context, host.Loop));
            await app.StartAsync();
            var address = new Uri(app.Urls.Single());
            host.Port = new IPEndPoint(IPAddress.Loopback, address.Port);
            host.Http = new HttpClient { BaseAddress = address };
            return host;
        }

        public async ValueTask DisposeAsync()
        {
            Http.Dispose();
            await _app.DisposeAsync();
        }
    }

    [Fact]
    public async Task Kestrel_serves_HTTP_on_the_port_whose_spaces_are_the_loops()
    {
        await using var host = await Host.StartAsync();
        using var socket = new RawSocket(host.Port);
        socket.Handshake("/spaces/hall/socket?token=x");
        Assert.DoesNotContain("Date:", socket.Answer, StringComparison.Ordinal); // Kestrel would say when
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("hello", await host.Http.GetStringAsync("/hello", TestContext.Current.CancellationToken));
            using var answer = await host.Http.PostAsync("/spaces/hall/sessions", new StringContent("me" + i), TestContext.Current.CancellationToken);
            Assert.Equal("me" + i, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            socket.Send([(byte)i]);
            Assert.Equal([(byte)i], socket.Read().Payload);
        }

        using var missing = await host.Http.GetAsync("/spaces/hall/socketry", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task First_bytes_may_come_in_pieces_for_either()
    {
        await using var host = await Host.StartAsync();
        foreach (var cut in (int[])[1, 4, 5, 12, 16, 23])
        {
            using var socket = new RawSocket(host.Port);
            var head = Encoding.ASCII.GetBytes(RawSocket.Head("/spaces/hall/socket"));
            socket.Write(head.AsSpan(0, cut));
            Assert.Equal("hello", await host.Http.GetStringAsync("/hello", TestContext.Current.CancellationToken));
            socket.Write(head.AsSpan(cut));
            Assert.DoesNotContain("Date:", socket.ReadHead(), StringComparison.Ordinal);

            using var plain = new RawSocket(host.Port);
            var request = "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray();
            plain.Write(request.AsSpan(0, Math.Min(cut, 8)));
            plain.Write(request.AsSpan(Math.Min(cut, 8)));
            Assert.EndsWith("hello", plain.ReadToEnd().TrimEnd('\r', '\n', '0'), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Those_who_begin_and_say_no_more_hold_up_nobody_and_meet_Kestrels_timeout()
    {
        await using var host = await Host.StartAsync();
        var silent = Enumerable.Range(0, 40).Select(_ => new RawSocket(host.Port)).ToArray();
        foreach (var socket in silent) socket.Write("GET /spaces/ha"u8);
        Assert.Equal("hello", await host.Http.GetStringAsync("/hello", TestContext.Current.CancellationToken));
        foreach (var socket in silent)
        {
            Assert.StartsWith("HTTP/1.1 408 ", socket.ReadToEnd(), StringComparison.Ordinal);
            socket.Dispose();
        }
    }

    [Fact]
    public async Task Connections_of_both_kinds_count_towards_one_address()
    {
        await using var host = await Host.StartAsync(limits: new LimitOptions { ConnectionsPerClient = 2 });
        using var first = new RawSocket(host.Port);
        first.Handshake("/spaces/hall/socket");
        Assert.Equal("hello", await host.Http.GetStringAsync("/hello", TestContext.Current.CancellationToken)); // kept alive
        using var third = new RawSocket(host.Port);
        third.Write(Encoding.ASCII.GetBytes(RawSocket.Head("/spaces/hall/socket")));
        Assert.StartsWith("HTTP/1.1 429 ", third.ReadToEnd(), StringComparison.Ordinal);
        using var fourth = new RawSocket(host.Port);
        fourth.Write("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
        Assert.StartsWith("HTTP/1.1 429 ", fourth.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_WebSocket_of_Kestrels_is_a_connection_of_the_loop()
    {
        await using var host = await Host.StartAsync(isTaken: false);
        using var client = new ClientWebSocket();
        client.Options.AddSubProtocol("twin.spaces.1");
        await client.ConnectAsync(new Uri($"ws://{host.Port}/spaces/hall/socket?token=x"), TestContext.Current.CancellationToken);
        Assert.Equal("twin.spaces.1", client.SubProtocol);
        Assert.Equal("/spaces/hall/socket|token=x|twin.spaces.1|", host.Handler.Asked.Single());
        var buffer = new byte[70_000];
        foreach (var size in (int[])[0, 1, 30, 1_000, 65_536])
        {
            var message = new byte[size];
            new Random(size).NextBytes(message);
            await client.SendAsync(message, WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
            var filled = 0;
            WebSocketReceiveResult got;
            do
            {
                got = await client.ReceiveAsync(new ArraySegment<byte>(buffer, filled, buffer.Length - filled), TestContext.Current.CancellationToken);
                filled += got.Count;
            }
            while (!got.EndOfMessage);
            Assert.Equal(message, buffer[..filled]);
        }

        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "", TestContext.Current.CancellationToken);
        await SocketWorld.Until(() => host.Handler.Ended.Values.SequenceEqual([CloseCause.Client]) && host.Loop.Count == 0, "the end to be told");
    }

    [Theory]
    [InlineData("close", 4001, CloseCause.Server)]
    [InlineData("throw", 1011, CloseCause.Fault)]
    [InlineData("", 1009, CloseCause.Protocol)]
    public async Task A_bridged_connection_ends_with_the_same_codes(string message, int code, object cause)
    {
        await using var host = await Host.StartAsync(isTaken: false);
        using var client = new ClientWebSocket();
        await client.ConnectAsync(new Uri($"ws://{host.Port}/spaces/hall/socket"), TestContext.Current.CancellationToken);
        var bytes = message.Length > 0 ? Encoding.ASCII.GetBytes(message) : new byte[65_537];
        await client.SendAsync(bytes, WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        var got = await client.ReceiveAsync(new byte[100].AsMemory(), TestContext.Current.CancellationToken);
        Assert.Equal(WebSocketMessageType.Close, got.MessageType);
        Assert.Equal(code, (int)client.CloseStatus!);
        await SocketWorld.Until(() => host.Handler.Ended.Values.SequenceEqual([(CloseCause)cause]) && host.Loop.Count == 0, "the end to be told");
    }

    [Fact]
    public async Task A_bridged_client_that_stops_reading_is_skipped_within_the_bound()
    {
        await using var host = await Host.StartAsync(isTaken: false);
        using var client = new RawSocket(host.Port);
        client.Handshake("/spaces/hall/socket");
        client.Send("flood"u8);
        await SocketWorld.Until(() => host.Handler.Results.LastOrDefault() == SendResult.Full, "the bound to be reached");
        var taken = host.Handler.Results.Count - 1;
        for (var i = 0; i < taken; i++) Assert.Equal(i, BitConverter.ToInt32(client.Read().Payload));
        client.Send("again"u8);
        Assert.Equal("again"u8.ToArray(), client.Read().Payload);
    }

    [Fact]
    public async Task A_bridged_refusal_is_problem_json()
    {
        await using var host = await Host.StartAsync(isTaken: false);
        using var client = new RawSocket(host.Port);
        client.Write(Encoding.ASCII.GetBytes(RawSocket.Head("/spaces/hall/socket?token=bad")));
        var head = client.ReadHead();
        Assert.StartsWith("HTTP/1.1 403 ", head, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", head, StringComparison.Ordinal);
        await SocketWorld.Until(() => host.Loop.Count == 0, "the place to be free");
        using var plain = await host.Http.GetAsync("/spaces/hall/socket", TestContext.Current.CancellationToken);
        Assert.Equal(426, (int)plain.StatusCode);
    }
}
