using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>
/// Accepts, looks at the first bytes, and gives the connection to the loop or to Kestrel. Whose bytes are there already is decided at once; the
/// others wait with <see cref="FirstBytes"/>, so that a silent one holds up nobody, for a second at most: then it is Kestrel's, with its timeouts.
/// </summary>
internal sealed class SpaceListener : IConnectionListener
{
    private readonly Socket _socket;
    private readonly SocketLoop _loop;
    private readonly TimeProvider _clock;
    private readonly bool _noDelay;
    private readonly SocketConnectionContextFactory _contexts;
    private readonly FirstBytes _firstBytes;
    private readonly Channel<Socket> _ordinary = Channel.CreateBounded<Socket>(new BoundedChannelOptions(FirstBytes.Most) { SingleReader = true });
    private readonly Task _accepting;

    public SpaceListener(Socket socket, SocketLoop loop, SocketTransportOptions options, TimeProvider clock, ILoggerFactory log)
    {
        (_socket, _loop, _clock, _noDelay, EndPoint) = (socket, loop, clock, options.NoDelay, socket.LocalEndPoint!);
        _contexts = new SocketConnectionContextFactory(
            OptionsOf(options),
            log.CreateLogger("Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets"));
        _firstBytes = new FirstBytes(Decide, clock);
        _accepting = Task.Run(AcceptAllAsync);
    }

    public EndPoint EndPoint { get; }

    // Kestrel's own: with the public constructor connections have another memory pool, whose smallest buffer is empty; Kestrel asks it for the smallest.
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SocketConnectionFactoryOptions OptionsOf(SocketTransportOptions options);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _ordinary.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            while (_ordinary.Reader.TryRead(out var socket))
            {
                try
                {
                    socket.NoDelay = _noDelay;
                    return _contexts.Create(socket);
                }
                catch (SocketException)
                {
                    socket.Dispose(); // reset meanwhile
                }
            }
        }

        return null;
    }

    private async Task AcceptAllAsync()
    {
        while (true)
        {
            try
            {
                var socket = await _socket.AcceptAsync().ConfigureAwait(false);
                var first = FirstBytes.Look(socket);
                if (first != FirstBytes.Verdict.Unknown || !_firstBytes.TryWait(socket)) Decide(socket, first == FirstBytes.Verdict.Space);
            }
            catch (Exception closed) when (closed is ObjectDisposedException || closed is SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                _ordinary.Writer.TryComplete();
                return;
            }
            catch (SocketException)
            {
                // One connection was reset before it was accepted, or descriptors have run out.
                await Task.Delay(TimeSpan.FromMilliseconds(10), _clock).ConfigureAwait(false);
            }
        }
    }

    private void Decide(Socket socket, bool isSpace)
    {
        if (isSpace && _loop.Adopt(socket)) return;
        if (_ordinary.Writer.TryWrite(socket)) return;
        SocketMetrics.Refused(503); // Kestrel does not keep up, or stops
        socket.Dispose();
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _socket.Dispose();
        await _accepting.ConfigureAwait(false); // ends at once, so a token that is cancelled already does no harm
    }

    public async ValueTask DisposeAsync()
    {
        await UnbindAsync().ConfigureAwait(false);
        _firstBytes.Dispose();
        while (_ordinary.Reader.TryRead(out var socket)) socket.Dispose();
        _contexts.Dispose();
    }
}
