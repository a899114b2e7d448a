using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Twin.Gateway.Streams;

/// <summary>Changes of one path as server-sent events whose data is the new value alone; <c>id</c> is the cursor. A removal has no value and is passed over. The rest is a comment, which keeps the connection open.</summary>
internal sealed class ValueSender : IStreamSender
{
    private readonly EventSender _events;
    private readonly HttpContext _context;

    private ValueSender(EventSender events, HttpContext context) => (_events, _context) = (events, context);

    public CancellationToken Closed => _events.Closed;

    public static async Task<IStreamSender> StartAsync(HttpContext context) => new ValueSender(await EventSender.StartAsync(context).ConfigureAwait(false), context);

    public async Task SendAsync(IReadOnlyList<ReadOnlyMemory<byte>> changes, string cursor, bool isReset)
    {
        var output = _context.Response.BodyWriter;
        var sent = false;
        for (var i = 0; i < changes.Count; i++)
        {
            using var change = JsonDocument.Parse(changes[i]);
            if (!change.RootElement.TryGetProperty("value", out var value)) continue;
            sent = true;
            output.Write("data: "u8);
            output.Write(Encoding.UTF8.GetBytes(value.GetRawText())); // one line: the writer of changes puts none between
            output.Write(i == changes.Count - 1 ? Encoding.ASCII.GetBytes($"\nid: {cursor}\n\n") : "\n\n"u8); // the cursor is after all of them
        }

        if (!sent) output.Write(": nothing new\n\n"u8);
        await output.FlushAsync(Closed).ConfigureAwait(false);
    }

    public Task CloseAsync(string reason) => _events.CloseAsync(reason);

    public ValueTask DisposeAsync() => _events.DisposeAsync();
}
