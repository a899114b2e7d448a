using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>A line between a client and a door on a port of its own, which a test can cut: at once, in both directions, without a goodbye.</summary>
internal sealed class CutLine : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Socket> _ends = [];
    private readonly int _door;
    private readonly Task _taking;
    private volatile bool _isCut;

    public CutLine(int door)
    {
        _door = door;
        _listener.Start();
        _taking = TakeAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>Ends what goes through now; nothing new goes through either.</summary>
    public void Cut()
    {
        _isCut = true;
        CutOnce();
    }

    /// <summary>Ends what goes through now.</summary>
    public void CutOnce()
    {
        while (_ends.TryTake(out var end)) end.Close(0);
    }

    public async ValueTask DisposeAsync()
    {
        Cut();
        _listener.Stop();
        await _taking;
    }

    private async Task TakeAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync();
                if (_isCut)
                {
                    near.Close(0);
                    continue;
                }

                var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                near.NoDelay = true;
                _ends.Add(near);
                _ends.Add(far);
                await far.ConnectAsync(IPAddress.Loopback, _door);
                _ = PassAsync(near, far);
                _ = PassAsync(far, near);
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // The listener has stopped.
        }
    }

    private static async Task PassAsync(Socket from, Socket to)
    {
        var bytes = new byte[64 * 1024];
        try
        {
            for (int count; (count = await from.ReceiveAsync(bytes)) > 0;) await to.SendAsync(bytes.AsMemory(0, count));
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            from.Close(0);
            to.Close(0);
        }
    }
}
