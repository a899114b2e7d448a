using System.Net;
using System.Net.WebSockets;
using System.Text;

namespace Twin.Gateway.Tests.Doors;

/// <summary>The messages of a stream, whichever way they come; null at the end.</summary>
internal static class StreamLines
{
    public static async Task<(Func<CancellationToken, Task<string?>> Next, IDisposable Connection)> OpenAsync(DoorWorld door, bool socket, string query, string? lastEventId = null, string? key = null)
    {
        var cancel = TestContext.Current.CancellationToken;
        if (socket)
        {
            var client = new ClientWebSocket();
            if (key is not null) client.Options.SetRequestHeader("X-Api-Key", key);
            await client.ConnectAsync(new Uri($"ws://127.0.0.1:{door.Port}/stream?{query}{(lastEventId is null ? "" : "&cursor=" + lastEventId)}"), cancel);
            return (token => ReadAsync(client, token), client);
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, $"/stream?{query}");
        if (lastEventId is not null) request.Headers.Add("Last-Event-ID", lastEventId);
        if (key is not null) request.Headers.Add("X-Api-Key", key);
        var answer = await door.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(cancel));
        return (async token =>
        {
            while (await lines.ReadLineAsync(token) is { } line)
                if (line.StartsWith("data: ", StringComparison.Ordinal)) return line[6..];
            return null;
        }, answer);
    }

    private static async Task<string?> ReadAsync(ClientWebSocket client, CancellationToken token)
    {
        var text = new MemoryStream();
        var block = new byte[16 * 1024];
        while (true)
        {
            var received = await client.ReceiveAsync(block.AsMemory(), token);
            if (received.MessageType == WebSocketMessageType.Close) return null;
            text.Write(block, 0, received.Count);
            if (received.EndOfMessage) return Encoding.UTF8.GetString(text.ToArray());
        }
    }
}
