using System.Buffers;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Twin.Gateway.Http;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>
/// A WebSocket of Kestrel's (TLS, HTTP/2, systems without epoll) as a connection of the loop: the same identities, results and calls of the
/// handler. Messages cross in both directions in rented copies; at most 16 in, and <see cref="SocketLoopOptions.MostQueuedBytes"/> out, wait.
/// <see cref="RunAsync"/> is the request's; what the loop calls says so.
/// </summary>
internal sealed class BridgedSocket
{
    private readonly SocketLoop _loop;
    private readonly CancellationTokenSource _over;
    private readonly TaskCompletionSource<UpgradeAnswer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<(byte[] Bytes, int Length, bool IsText)> _in = Channel.CreateBounded<(byte[], int, bool)>(new BoundedChannelOptions(16) { SingleReader = true, SingleWriter = true });
    private readonly Channel<(byte[] Bytes, int Length)> _out = Channel.CreateUnbounded<(byte[], int)>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private int _queued;
    private int _posted;
    private int _ended = -1; // the cause
    private int _endCode; // 0 until someone has one; the first wins
    private string _endReason = "";

    private BridgedSocket(SocketLoop loop, HttpContext context)
    {
        (_loop, Remote) = (loop, context.Connection.RemoteIpAddress ?? IPAddress.None);
        _over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        Path = Encoding.UTF8.GetBytes(context.Request.Path.ToUriComponent());
        Query = Encoding.UTF8.GetBytes(context.Request.QueryString.Value is { Length: > 0 } query ? query[1..] : "");
        Subprotocols = Encoding.UTF8.GetBytes(string.Join(',', context.WebSockets.WebSocketRequestedProtocols));
        Origin = Encoding.UTF8.GetBytes(context.Request.Headers.Origin.ToString());
        Host = Encoding.UTF8.GetBytes(context.Request.Host.ToUriComponent());
    }

    public byte[] Path { get; }

    public byte[] Query { get; }

    public byte[] Subprotocols { get; }

    public byte[] Origin { get; }

    public byte[] Host { get; }

    public IPAddress Remote { get; }

    /// <summary>The place it has in the loop. Of the loop's thread.</summary>
    public SocketId Id { get; set; }

    /// <summary>Bytes the client has yet to read.</summary>
    public int QueuedBytes => Volatile.Read(ref _queued);

    /// <summary>Serves a WebSocket request until it ends; refusals are written as problem+json.</summary>
    public static async Task RunAsync(HttpContext context, SocketLoop loop)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            await TwinProblems.WriteAsync(context, 426, "UpgradeRequired", "Here is a WebSocket: send Connection: Upgrade and Upgrade: websocket.").ConfigureAwait(false);
            return;
        }

        var bridge = new BridgedSocket(loop, context);
        using var over = bridge._over;
        var isPosted = loop.Post(static (l, state) => ((BridgedSocket)state!)._answer.TrySetResult(l.TakeIn((BridgedSocket)state!)), bridge);
        var answer = isPosted ? await bridge._answer.Task.ConfigureAwait(false) : UpgradeAnswer.Refuse(503, "Busy", "Too much waits; try again in a second.");
        if (answer.Status != 0)
        {
            if (answer.Status is 429 or 503) context.Response.Headers.RetryAfter = "1";
            await TwinProblems.WriteAsync(context, answer.Status, answer.Code, answer.Detail).ConfigureAwait(false);
            return;
        }

        try
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync(answer.Subprotocol).ConfigureAwait(false);
            await bridge.PumpAsync(socket).ConfigureAwait(false);
        }
        finally
        {
            bridge.EndWith(CloseCause.Lost);
        }
    }

    private async Task PumpAsync(WebSocket socket)
    {
        var sending = SendAllAsync(socket);
        EndWith(await ReceiveAllAsync(socket).ConfigureAwait(false));
        _out.Writer.TryComplete();
        await sending.ConfigureAwait(false);
    }

    private async Task<CloseCause> ReceiveAllAsync(WebSocket socket)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(_loop.MostMessageBytes + 1);
        try
        {
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult got;
                do
                {
                    got = await socket.ReceiveAsync(buffer.AsMemory(length, _loop.MostMessageBytes + 1 - length), _over.Token).ConfigureAwait(false);
                    length += got.Count;
                    if (length > _loop.MostMessageBytes) return Say(1009, "", CloseCause.Protocol);
                }
                while (!got.EndOfMessage);
                if (got.MessageType == WebSocketMessageType.Close) return Say(1000, "", CloseCause.Client);
                var copy = ArrayPool<byte>.Shared.Rent(length);
                buffer.AsSpan(0, length).CopyTo(copy);
                await _in.Writer.WriteAsync((copy, length, got.MessageType == WebSocketMessageType.Text), _over.Token).ConfigureAwait(false);
                Signal();
            }
        }
        catch (WebSocketException fault)
        {
            return fault.WebSocketErrorCode == WebSocketError.Faulted ? CloseCause.Protocol : CloseCause.Lost;
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or ObjectDisposedException)
        {
            return CloseCause.Lost;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private CloseCause Say(int code, string reason, CloseCause cause)
    {
        SetEnd(code, reason);
        return cause;
    }

    private async Task SendAllAsync(WebSocket socket)
    {
        try
        {
            await foreach (var (bytes, length) in _out.Reader.ReadAllAsync(_over.Token).ConfigureAwait(false))
            {
                await socket.SendAsync(bytes.AsMemory(0, length), WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, _over.Token).ConfigureAwait(false);
                ArrayPool<byte>.Shared.Return(bytes);
                if (Interlocked.Add(ref _queued, -length) == 0) _loop.Post(static (l, state) => l.TellWritable((BridgedSocket)state!), this);
            }

            _over.CancelAfter(TimeSpan.FromSeconds(2)); // for the client's part of the close
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived) await socket.CloseOutputAsync((WebSocketCloseStatus)(_endCode == 0 ? 1000 : _endCode), _endReason, _over.Token).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or WebSocketException or ObjectDisposedException)
        {
            await _over.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Queues one message. Of the loop's thread.</summary>
    public SendResult Send(ReadOnlySpan<byte> payload)
    {
        if (Volatile.Read(ref _queued) + payload.Length > _loop.MostQueuedBytes) return SendResult.Full;
        var copy = ArrayPool<byte>.Shared.Rent(payload.Length);
        payload.CopyTo(copy);
        Interlocked.Add(ref _queued, payload.Length);
        if (_out.Writer.TryWrite((copy, payload.Length))) return SendResult.Sent;
        Interlocked.Add(ref _queued, -payload.Length);
        ArrayPool<byte>.Shared.Return(copy);
        return SendResult.Gone;
    }

    /// <summary>Closes after what is queued. Of the loop's thread.</summary>
    public void Close(int code, string reason)
    {
        SetEnd(code, reason.Length > 40 ? reason[..40] : reason); // 40 characters have at most 120 bytes
        _out.Writer.TryComplete();
    }

    private void SetEnd(int code, string reason)
    {
        if (Interlocked.CompareExchange(ref _endCode, code, 0) == 0) _endReason = reason;
    }

    /// <summary>Gives the handler what came. Of the loop's thread; called when something came and by each sweep.</summary>
    public void Deliver()
    {
        Volatile.Write(ref _posted, 0);
        Interlocked.MemoryBarrier();
        while (_in.Reader.TryRead(out var message))
        {
            _loop.Deliver(this, message.Bytes.AsSpan(0, message.Length), message.IsText);
            ArrayPool<byte>.Shared.Return(message.Bytes);
        }

        if (Volatile.Read(ref _ended) is >= 0 and var cause) _loop.End(this, (CloseCause)cause);
    }

    private void EndWith(CloseCause cause)
    {
        if (Interlocked.CompareExchange(ref _ended, (int)cause, -1) == -1) Signal();
    }

    private void Signal()
    {
        // When too many commands wait, the next sweep delivers.
        if (Interlocked.Exchange(ref _posted, 1) == 0 && !_loop.Post(static (_, state) => ((BridgedSocket)state!).Deliver(), this)) Volatile.Write(ref _posted, 0);
    }
}
