using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>
/// Kestrel's sockets, but connections that begin with <c>GET /spaces/{id}/socket</c> go to the socket loop before Kestrel sees them. TLS never
/// begins so and stays Kestrel's, as do endpoints that are no TCP and every other request: it costs them one look at their first bytes.
/// </summary>
internal sealed class SpaceListenerFactory(IServiceProvider services, IOptions<SocketTransportOptions> options, TimeProvider clock, ILoggerFactory log) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly SocketTransportFactory _plain = new(options, log);

    public bool CanBind(EndPoint endpoint) => _plain.CanBind(endpoint);

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (!Readiness.IsNative || endpoint is not IPEndPoint) return _plain.BindAsync(endpoint, cancellationToken);
        var loop = services.GetRequiredService<SocketLoop>(); // it starts with the first listener, not when the host is built
        var socket = options.Value.CreateBoundListenSocket(endpoint);
        try
        {
            socket.Listen(options.Value.Backlog);
        }
        catch (SocketException fault) when (fault.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            socket.Dispose();
            throw new AddressInUseException(fault.Message, fault);
        }

        return ValueTask.FromResult<IConnectionListener>(new SpaceListener(socket, loop, options.Value, clock, log));
    }
}
