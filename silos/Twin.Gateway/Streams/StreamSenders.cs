using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Twin.Gateway.Streams;

/// <summary>One way of carrying stream messages. One sender, one caller at a time.</summary>
internal interface IStreamSender : IAsyncDisposable
{
    /// <summary>Cancelled when the client has gone.</summary>
    CancellationToken Closed { get; }

    /// <summary>Sends one message.</summary>
    Task SendAsync(IReadOnlyList<ReadOnlyMemory<byte>> changes, string cursor, bool isReset);

    /// <summary>Closes with a reason; "try again later".</summary>
    Task CloseAsync(string reason);
}

/// <summary>Messages as WebSocket text frames.</summary>
internal sealed class SocketSender : IStreamSender
{
    private readonly WebSocket _socket;
    private readonly CancellationTokenSource _closed;
    private readonly ArrayBufferWriter<byte> _buffer = new(4_096);
    private readonly Task _listening;

    public SocketSender(WebSocket socket, CancellationToken aborted)
    {
        _socket = socket;
        _closed = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        _listening = ListenAsync();
    }

    public CancellationToken Closed => _closed.Token;

    public async Task SendAsync(IReadOnlyList<ReadOnlyMemory<byte>> changes, string cursor, bool isReset)
    {
        _buffer.ResetWrittenCount();
        StreamDoor.Write(_buffer, changes, cursor, isReset);
        await _socket.SendAsync(_buffer.WrittenMemory, WebSocketMessageType.Text, true, Closed).ConfigureAwait(false);
    }

    public async Task CloseAsync(string reason)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await _socket.CloseOutputAsync((WebSocketCloseStatus)1013, reason.Length > 120 ? reason[..120] : reason, limit.Token).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is OperationCanceledException or WebSocketException)
        {
            _socket.Abort();
        }
    }

    // The client sends nothing but its close; reading is how that is seen.
    private async Task ListenAsync()
    {
        var nothing = new byte[256];
        try
        {
            while ((await _socket.ReceiveAsync(nothing.AsMemory(), Closed).ConfigureAwait(false)).MessageType != WebSocketMessageType.Close)
            {
                // Whatever it says is ignored.
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or WebSocketException)
        {
            // Gone without a word.
        }

        try
        {
            await _closed.CancelAsync().ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // The sender was disposed meanwhile.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync().ConfigureAwait(false);
        await _listening.ConfigureAwait(false);
        _socket.Dispose();
        _closed.Dispose();
    }
}

/// <summary>Messages as server-sent events: <c>id</c> is the cursor, so a browser resumes by itself.</summary>
internal sealed class EventSender : IStreamSender
{
    private readonly HttpContext _context;

    private EventSender(HttpContext context) => _context = context;

    public CancellationToken Closed => _context.RequestAborted;

    public static async Task<EventSender> StartAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
        return new EventSender(context);
    }

    public async Task SendAsync(IReadOnlyList<ReadOnlyMemory<byte>> changes, string cursor, bool isReset)
    {
        var output = _context.Response.BodyWriter;
        output.Write("id: "u8);
        output.Write(Encoding.ASCII.GetBytes(cursor));
        output.Write("\ndata: "u8);
        StreamDoor.Write(output, changes, cursor, isReset);
        output.Write("\n\n"u8);
        await output.FlushAsync(Closed).ConfigureAwait(false);
    }

    public async Task CloseAsync(string reason)
    {
        var output = _context.Response.BodyWriter;
        output.Write(Encoding.UTF8.GetBytes($": {reason}\n\n"));
        await output.FlushAsync(Closed).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
