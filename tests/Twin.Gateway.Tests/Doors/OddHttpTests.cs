using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twin.Gateway.Tests.Doors;

/// <summary>Bytes that no well-bred client sends, over a bare socket: no request is seen twice, none is made of another's body.</summary>
[Collection("doors")]
public sealed class OddHttpTests(SharedDoor shared) : IClassFixture<SharedDoor>
{
    private readonly DoorWorld _door = shared.Door;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Sends bytes and reads until the server closes or has been silent for a second.</summary>
    private async Task<string> ExchangeAsync(string bytes)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _door.Port, Cancel);
        await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(bytes), Cancel);
        var all = new StringBuilder();
        var block = new byte[16 * 1024];
        try
        {
            while (true)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
                limit.CancelAfter(TimeSpan.FromSeconds(all.Length == 0 ? 10 : 1));
                var count = await client.GetStream().ReadAsync(block, limit.Token);
                if (count == 0) break;
                all.Append(Encoding.Latin1.GetString(block, 0, count));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or IOException)
        {
            // Silent, or reset after its answer.
        }

        return all.ToString();
    }

    private static string[] Statuses(string answer) => [.. answer.Split("HTTP/1.1 ").Skip(1).Select(a => a[..3])];

    private const string Host = "Host: localhost\r\n";

    [Theory]
    [InlineData("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n")]
    public async Task Two_ways_of_telling_the_length_end_the_connection(string lengths)
    {
        var lamp = await _door.LampAsync();
        var answer = await ExchangeAsync($"POST /ingest HTTP/1.1\r\n{Host}{lengths}\r\n0\r\n\r\nDELETE /digitaltwins/{lamp} HTTP/1.1\r\n{Host}\r\n");
        Assert.Equal(["400"], Statuses(answer));
        Assert.Contains("LengthAmbiguous", answer, StringComparison.Ordinal);
        await _door.GetAsync($"/digitaltwins/{lamp}");
    }

    [Theory]
    [InlineData("Content-Length: 2\r\nContent-Length: 50\r\n")]
    [InlineData("Content-Length: 2, 50\r\n")]
    [InlineData("Content-Length: -1\r\n")]
    [InlineData("Content-Length: 0x2\r\n")]
    [InlineData("Content-Length: 99999999999999999999\r\n")]
    [InlineData("Content-Length : 2\r\n")]
    [InlineData("Transfer-Encoding: chunked, identity\r\n")]
    [InlineData("Transfer-Encoding: xchunked\r\n")]
    [InlineData("X: a\r\n folded\r\nContent-Length: 2\r\n")]
    [InlineData("X: a\0b\r\nContent-Length: 2\r\n")]
    public async Task A_length_that_can_be_read_two_ways_is_refused_and_what_follows_is_not_run(string headers)
    {
        var lamp = await _door.LampAsync();
        var answer = await ExchangeAsync($"POST /ingest HTTP/1.1\r\n{Host}{headers}\r\n[]DELETE /digitaltwins/{lamp} HTTP/1.1\r\n{Host}\r\n");
        Assert.All(Statuses(answer), s => Assert.StartsWith("4", s, StringComparison.Ordinal));
        Assert.DoesNotContain("HTTP/1.1 204", answer, StringComparison.Ordinal);
        await _door.GetAsync($"/digitaltwins/{lamp}");
    }

    [Theory]
    [InlineData("zz\r\n[]\r\n0\r\n\r\n")]
    [InlineData("-2\r\n[]\r\n0\r\n\r\n")]
    [InlineData("fffffffffffffffff\r\n[]\r\n0\r\n\r\n")]
    [InlineData("2\r\n[]0\r\n\r\n")]
    public async Task A_broken_chunk_is_a_problem_and_ends_the_connection(string chunks)
    {
        var answer = await ExchangeAsync($"POST /ingest HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n{chunks}GET /docs HTTP/1.1\r\n{Host}\r\n");
        Assert.Equal(["400"], Statuses(answer));
        Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pipelined_requests_are_answered_each_once_in_order()
    {
        var lamp = await _door.LampAsync();
        var requests = new StringBuilder();
        for (var i = 1; i <= 50; i++)
        {
            var body = $$"""[{"op":"replace","path":"/power","value":{{i}}}]""";
            requests.Append($"PATCH /digitaltwins/{lamp} HTTP/1.1\r\n{Host}Content-Type: application/json-patch+json\r\nContent-Length: {body.Length}\r\n\r\n{body}");
            requests.Append($"GET /digitaltwins/{lamp} HTTP/1.1\r\n{Host}{(i == 50 ? "Connection: close\r\n" : "")}\r\n");
        }

        var answer = await ExchangeAsync(requests.ToString());
        Assert.Equal(Enumerable.Repeat(new[] { "204", "200" }, 50).SelectMany(s => s), Statuses(answer));
        Assert.Equal(Enumerable.Range(1, 50), System.Text.RegularExpressions.Regex.Matches(answer, "\"power\":(\\d+)").Select(m => int.Parse(m.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Theory]
    [InlineData("GET /alarms HTTP/1.1\r\n\r\n")]
    [InlineData("GET /alarms HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")]
    [InlineData("GET /alarms HTTP/9.9\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET /al\0arms HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET  HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001")]
    public async Task What_is_not_http_is_refused_bare(string bytes)
    {
        var answer = await ExchangeAsync(bytes + "\r\n\r\n");
        Assert.All(Statuses(answer), s => Assert.True(s is "400" or "505", s));
    }

    [Fact]
    public async Task Headers_above_the_bound_are_431()
    {
        Assert.Equal(["431"], Statuses(await ExchangeAsync($"GET /alarms HTTP/1.1\r\n{Host}X: {new string('a', 40_000)}\r\n\r\n")));
    }

    [Fact]
    public async Task A_body_that_stops_half_way_is_given_up_and_nothing_is_done()
    {
        var lamp = await _door.LampAsync();
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, _door.Port, Cancel);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"DELETE /digitaltwins/{lamp}/relationships/r HTTP/1.1\r\n{Host}Content-Length: 10\r\n\r\nab"), Cancel);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes("cd"), Cancel);
        }

        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, _door.Port, Cancel);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"PATCH /digitaltwins/{lamp} HTTP/1.1\r\n{Host}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{{\"op\":\"replace\",\"path\":\"/power\",\"value\":9}}]"), Cancel);
        }

        Assert.Equal(0, (await _door.GetAsync($"/digitaltwins/{lamp}")).GetProperty("power").GetDouble());
    }
}
