using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Twin.Gateway.Security;
using Twin.Gateway.Tests.Mqtt;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Tests.Doors;

/// <summary>The table of clients, without sockets.</summary>
[Collection("doors")]
public sealed class ClientLimitsTests
{
    private readonly MovedClock _clock = new();

    private ClientLimits Limits(int requests = 3, int streams = 2)
    {
        var auth = new AuthOptions();
        return new ClientLimits(new LimitOptions { RequestsPerSecond = requests, Streams = streams }, new Admission(auth, new CredentialCheck(auth, _clock), new PolicyAdmission(null!)), _clock);
    }

    private static DefaultHttpContext From(int client)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = new IPAddress([10, (byte)(client >> 16), (byte)(client >> 8), (byte)client]);
        return context;
    }

    private static ClientLimits.StreamPlace? Open(ClientLimits limits, int client) => limits.RefuseStream(From(client), out var place) is null ? place : null;

    [Fact]
    public void A_clients_streams_are_counted_however_many_others_come()
    {
        var limits = Limits();
        using var first = Open(limits, 0);
        using var second = Open(limits, 0);
        Assert.NotNull(second);
        for (var i = 1; i <= 3 * ClientLimits.MostClients; i++)
        {
            if (i % 5_000 == 0) _clock.Advance(TimeSpan.FromSeconds(1));
            limits.Refuse(From(i));
        }

        Assert.InRange(limits.ClientCount, 1, ClientLimits.MostClients);
        Assert.Null(Open(limits, 0)); // still at its bound: it was not forgotten
        first!.Dispose();
        first.Dispose(); // once is all it gives back
        using var third = Open(limits, 0);
        Assert.NotNull(third);
        Assert.Null(Open(limits, 0));
    }

    [Fact]
    public void Newcomers_to_a_full_table_share_one_clients_limit_and_recover_when_it_empties()
    {
        var limits = Limits(requests: 3);
        for (var i = 0; i < ClientLimits.MostClients; i++) Assert.Null(limits.Refuse(From(i)));
        using var shared = new Metered("twin_limit_refusals_total", "limit", "clients");
        for (var i = 0; i < 3; i++) Assert.Null(limits.Refuse(From(1_000_000 + i)));
        Assert.NotNull(limits.Refuse(From(1_000_009)));
        Assert.Equal(4, shared.Sum);
        _clock.Advance(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 3; i++) Assert.Null(limits.Refuse(From(1_000_009)));
        Assert.NotNull(limits.Refuse(From(1_000_009)));
    }

    [Fact]
    public async Task Places_taken_and_given_back_by_many_at_once_add_up()
    {
        var limits = Limits(requests: 1_000_000, streams: 5);
        await Parallel.ForAsync(0, 20_000, TestContext.Current.CancellationToken, (i, _) =>
        {
            Open(limits, i % 7)?.Dispose();
            limits.Refuse(From(i));
            return ValueTask.CompletedTask;
        });
        for (var client = 0; client < 7; client++)
        {
            for (var i = 0; i < 5; i++) Assert.NotNull(Open(limits, client));
            Assert.Null(Open(limits, client));
        }
    }

    [Fact]
    public void The_request_limit_is_a_second_wide()
    {
        var limits = Limits(requests: 3);
        for (var i = 0; i < 3; i++) Assert.Null(limits.Refuse(From(1)));
        Assert.NotNull(limits.Refuse(From(1)));
        Assert.Null(limits.Refuse(From(2)));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(limits.Refuse(From(1)));
    }
}

/// <summary>To each bound and back over real sockets, with the answer and the metric.</summary>
[Collection("doors")]
public sealed class LimitDoorTests(GrainsUnderTest grains)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private Task<DoorWorld> OpenAsync(string limit, int value) => DoorWorld.OpenAsync(grains, new() { [$"Twin:Limits:{limit}"] = value.ToString(System.Globalization.CultureInfo.InvariantCulture) });

    private static async Task UntilAsync(Func<Task<bool>> isSo, string what)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(15); !await isSo(); await Task.Delay(20, Cancel))
            if (DateTime.UtcNow > deadline) Assert.Fail($"Not within 15 s: {what}");
    }

    [Theory]
    [InlineData("/digitaltwins/nobody")] // before routing
    [InlineData("/alarms")] // routed
    public async Task More_requests_a_second_than_allowed_get_429_and_the_next_second_serves_again(string path)
    {
        await using var door = await OpenAsync("RequestsPerSecond", 40);
        using var counted = new Metered("twin_limit_refusals_total", "limit", "requests");
        HttpResponseMessage answer;
        var refused = 0;
        await UntilAsync(async () =>
        {
            var burst = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => door.Http.GetAsync(path, Cancel)));
            foreach (var one in burst.Where(b => b.StatusCode == HttpStatusCode.TooManyRequests))
            {
                refused++;
                Assert.Equal("TooManyRequests", Problem.Of(one, await one.Content.ReadAsStringAsync(Cancel)).Code);
                Assert.Equal(TimeSpan.FromSeconds(1), one.Headers.RetryAfter?.Delta);
            }

            return refused > 0;
        }, "a refusal");
        Assert.Equal(refused, counted.Sum);
        await UntilAsync(async () => (answer = await door.Http.GetAsync(path, Cancel)).StatusCode != HttpStatusCode.TooManyRequests, "service again");
    }

    [Fact]
    public async Task One_stream_too_many_gets_429_until_another_ends()
    {
        await using var door = await OpenAsync("Streams", 2);
        using var counted = new Metered("twin_limit_refusals_total", "limit", "streams");
        async Task<HttpResponseMessage> OpenStreamAsync() => await door.Http.GetAsync("/stream", HttpCompletionOption.ResponseHeadersRead, Cancel);
        var first = await OpenStreamAsync();
        using var second = await OpenStreamAsync();
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (first.StatusCode, second.StatusCode));
        var problem = await door.ProblemAsync(429, HttpMethod.Get, "/stream");
        Assert.Equal(("TooManyStreams", TimeSpan.FromSeconds(1)), (problem.Code, problem.Headers.RetryAfter?.Delta));
        Assert.Equal(1, counted.Sum);
        first.Dispose();
        await UntilAsync(async () =>
        {
            using var again = await OpenStreamAsync();
            return again.StatusCode == HttpStatusCode.OK;
        }, "a place for a stream again");
    }

    [Fact]
    public async Task One_connection_too_many_is_told_429_until_another_closes()
    {
        await using var door = await OpenAsync("ConnectionsPerClient", 4);
        using var counted = new Metered("twin_limit_refusals_total", "limit", "connections");
        var held = new List<TcpClient>();
        string answer;
        await UntilAsync(async () =>
        {
            var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, door.Port, Cancel);
            answer = await AskAsync(client);
            if (answer.StartsWith("HTTP/1.1 404", StringComparison.Ordinal))
            {
                held.Add(client);
                return false;
            }

            client.Dispose();
            Assert.StartsWith("HTTP/1.1 429", answer, StringComparison.Ordinal);
            Assert.Contains("Retry-After: 1\r\n", answer, StringComparison.Ordinal);
            Assert.Contains("\"code\":\"TooManyConnections\"", answer, StringComparison.Ordinal);
            return true;
        }, "a refused connection");
        Assert.InRange(held.Count, 1, 4); // the pool of the test's own client may hold one
        Assert.Equal(1, counted.Sum);
        held[0].Dispose();
        await UntilAsync(async () =>
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, door.Port, Cancel);
            return (await AskAsync(client)).StartsWith("HTTP/1.1 404", StringComparison.Ordinal);
        }, "a place for a connection again");
        foreach (var client in held) client.Dispose();
    }

    private static async Task<string> AskAsync(TcpClient client)
    {
        await client.GetStream().WriteAsync("GET /digitaltwins/nobody HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), Cancel);
        var answer = new byte[4096];
        return Encoding.ASCII.GetString(answer, 0, await client.GetStream().ReadAsync(answer, Cancel));
    }

    [Theory]
    [InlineData("limit")]
    [InlineData("total")]
    public async Task One_mqtt_connection_too_many_is_told_quota_exceeded_until_another_leaves(string which)
    {
        var isTotal = which == "total";
        await using var test = new DoorUnderTest(o => (o.MaxConnections, o.MaxConnectionsPerIdentity) = isTotal ? (2, 100) : (100, 2));
        using var counted = new Metered("twin_mqtt_limited_total", "limit", isTotal ? "connections" : "connections per identity");
        var first = await RawClient.ConnectAsync(test.Port, "a");
        using var second = await RawClient.ConnectAsync(test.Port, "b");
        using var third = await RawClient.ConnectAsync(test.Port, "c");
        Assert.Equal((MqttReason.Success, MqttReason.QuotaExceeded), (second.ConnAck.Reason, third.ConnAck.Reason));
        Assert.Equal(1, counted.Sum);
        using (var old = await RawClient.OpenAsync(test.Port))
        {
            old.Send(w => MqttWriter.WriteConnect(w, new MqttConnect { ClientId = "d", Version = MqttVersion.V311 }));
            var (_, body) = await old.ReadAsync();
            Assert.Equal(3, body[1]); // 3.1.1 knows only: server unavailable
        }

        first.Dispose();
        await UntilAsync(async () =>
        {
            using var again = await RawClient.ConnectAsync(test.Port, "e");
            return again.ConnAck.Reason == MqttReason.Success;
        }, "a place for a connection again");
        await DoorUnderTest.Until(() => test.Door.ConnectionCount <= 2, "refused connections are closed");
    }

    [Fact]
    public async Task New_mqtt_connections_faster_than_allowed_are_told_the_rate_and_come_in_later()
    {
        var clock = new MovedClock();
        await using var test = new DoorUnderTest(o => o.ConnectionsPerSecond = 1, clock);
        using var counted = new Metered("twin_mqtt_limited_total", "limit", "connection rate");
        using var first = await RawClient.ConnectAsync(test.Port, "a");
        using var second = await RawClient.ConnectAsync(test.Port, "b");
        using var third = await RawClient.ConnectAsync(test.Port, "c");
        Assert.Equal((MqttReason.Success, MqttReason.ConnectionRateExceeded), (second.ConnAck.Reason, third.ConnAck.Reason));
        Assert.Equal(1, counted.Sum);
        clock.Advance(TimeSpan.FromSeconds(1));
        using var fourth = await RawClient.ConnectAsync(test.Port, "d");
        Assert.Equal(MqttReason.Success, fourth.ConnAck.Reason);
    }

    [Fact]
    public async Task Mqtt_messages_faster_than_allowed_wait_and_none_is_lost()
    {
        var clock = new MovedClock();
        await using var test = new DoorUnderTest(o => o.MessagesPerSecond = 10, clock);
        using var counted = new Metered("twin_mqtt_limited_total", "limit", "messages");
        using var client = await RawClient.ConnectAsync(test.Port, "a");
        for (ushort i = 1; i <= 30; i++) client.Publish("twins/x/properties", "{\"power\":1}", 1, i);
        await DoorUnderTest.Until(() => counted.Sum > 0, "the limit is felt");
        for (var i = 0; i < 10 && test.Entrance.Messages.Count < 30; i++) clock.Advance(TimeSpan.FromSeconds(1));
        for (var i = 1; i <= 30; i++)
        {
            var ack = await ReadAckAsync(client, clock);
            Assert.Equal((i, MqttReason.Success), (ack.PacketId, ack.Reason));
        }
    }

    private static async Task<MqttAck> ReadAckAsync(RawClient client, MovedClock clock)
    {
        var ack = client.ReadAckAsync(MqttPacketType.PubAck);
        while (await Task.WhenAny(ack, Task.Delay(50, Cancel)) != ack) clock.Advance(TimeSpan.FromSeconds(1));
        return await ack;
    }
}
