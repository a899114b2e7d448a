using System.Net.WebSockets;
using Twin.Wire.Spaces;

namespace Twin.Sdk;

/// <summary>One connection to a space. One reader; senders take turns.</summary>
internal sealed class SpaceSocket : IDisposable
{
    private const int MostMessage = SpaceLimits.CrowdBytes + 64;
    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private byte[] _buffer = new byte[16 * 1024];

    /// <summary>Opens it; false and how it ended when the server cannot be reached or refuses.</summary>
    public async Task<SpaceEnding?> OpenAsync(Uri address, HttpMessageHandler? handler, CancellationToken cancellationToken)
    {
        _socket.Options.CollectHttpResponseDetails = true;
        try
        {
            using var invoker = handler is null ? null : new HttpMessageInvoker(handler, disposeHandler: false);
            await _socket.ConnectAsync(address, invoker, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (Exception fault) when (fault is WebSocketException or HttpRequestException or IOException)
        {
            return new SpaceEnding(0, _socket.HttpStatusCode, Plain(fault));
        }
    }

    /// <summary>The next message, valid until the next call; null when the connection has ended.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        for (var filled = 0; ;)
        {
            var part = await _socket.ReceiveAsync(_buffer.AsMemory(filled), cancellationToken).ConfigureAwait(false);
            if (part.MessageType == WebSocketMessageType.Close) return null;
            filled += part.Count;
            if (part.EndOfMessage) return _buffer.AsMemory(0, filled);
            if (filled < _buffer.Length) continue;
            if (_buffer.Length >= MostMessage) throw new SpaceWireException($"a message has more than {MostMessage} bytes");
            Array.Resize(ref _buffer, Math.Min(_buffer.Length * 4, MostMessage));
        }
    }

    public async ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await _socket.SendAsync(message, WebSocketMessageType.Binary, true, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>How it ended, after <see cref="ReadAsync"/> has said so.</summary>
    public SpaceEnding Ending => new((int)(_socket.CloseStatus ?? 0), 0, _socket.CloseStatusDescription ?? "");

    /// <summary>Ends it at once; a pending read fails.</summary>
    public void Abort() => _socket.Abort();

    public void Dispose()
    {
        _socket.Dispose();
        _turn.Dispose();
    }

    /// <summary>What went wrong, for people: the innermost words.</summary>
    private static string Plain(Exception fault)
    {
        while (fault.InnerException is { } inner) fault = inner;
        return fault.Message;
    }
}
