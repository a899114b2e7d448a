using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>The life of a connection: taken in, opened, closed, its place given back.</summary>
internal sealed unsafe partial class SocketLoop
{
    private static readonly UpgradeAnswer TooManyOfAddress = UpgradeAnswer.Refuse(429, "TooManyConnections", "Too many connections of this address are open.");
    private static readonly UpgradeAnswer TooOften = UpgradeAnswer.Refuse(429, "TooManyRequests", "This address opens connections too often.");
    private static readonly UpgradeAnswer Failed = UpgradeAnswer.Refuse(500, "Failed", "The server failed at this request; it has the details in its log.");
    private static readonly UpgradeAnswer TooSlow = UpgradeAnswer.Refuse(408, "HandshakeTimeout", "The handshake took too long.");

    private Connection _nobody;

    /// <summary>The connection, or one that is gone.</summary>
    private ref Connection Find(SocketId id)
    {
        if ((uint)id.Index < (uint)_connections.Length)
        {
            ref var connection = ref _connections[id.Index];
            if (connection.Generation == id.Generation) return ref connection;
        }

        _nobody = default;
        return ref _nobody;
    }

    private void TakeIn(Socket socket)
    {
        var remote = (socket.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
        var isLetIn = _addresses is null || _addresses.TryEnter(remote);
        var index = _stopping ? -1 : NewPlace();
        if (index < 0)
        {
            if (isLetIn) _addresses?.Leave(remote);
            SocketMetrics.Refused(503);
            socket.Dispose(); // no place to hold even a refusal in
            return;
        }

        ref var connection = ref _connections[index];
        (connection.Socket, connection.Descriptor, connection.Remote) = (socket, (int)socket.SafeHandle.DangerousGetHandle(), isLetIn ? remote : null);
        (connection.State, connection.Heard, connection.Deadline) = (ConnectionState.Handshake, _now, _now + Ticks(_options.HandshakeTimeout));
        socket.NoDelay = true;
        socket.SendBufferSize = _options.SendBufferBytes;
        socket.ReceiveBufferSize = _options.ReceiveBufferBytes;
        var off = 0;
        _ = LinuxCalls.SetOption(connection.Descriptor, LinuxCalls.TcpLevel, LinuxCalls.TcpQuickAck, &off, sizeof(int)); // acknowledgements ride on our messages
        if (!_readiness.Add(connection.Descriptor, Followed, Token(index))) Drop(index, CloseCause.Lost);
        else if (!isLetIn) Refuse(index, TooManyOfAddress);
        else if (IsTooOften(remote)) Refuse(index, TooOften);
    }

    private ulong Token(int index) => ((ulong)(uint)_connections[index].Generation << 32) | (uint)index;

    private int NewPlace()
    {
        if (_freeCount == 0) return -1;
        var index = _free[_freeCount - 1];
        Volatile.Write(ref _freeCount, _freeCount - 1);
        _used = Math.Max(_used, index + 1);
        ref var connection = ref _connections[index];
        connection = new Connection { Generation = connection.Generation + 1 == -1 ? 1 : connection.Generation + 1, Descriptor = -1 };
        SocketMetrics.Connected();
        return index;
    }

    private bool IsTooOften(IPAddress remote)
    {
        var second = _now / _clock.TimestampFrequency;
        if (second != _handshakeSecond) _handshakes.Clear();
        _handshakeSecond = second;
        ref var count = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_handshakes, remote, out _);
        return ++count > _options.HandshakesPerSecond;
    }

    /// <summary>The request head, once it is whole; how many bytes it has, or 0.</summary>
    private int TakeHandshake(int index, ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0 && bytes.Length < _options.HandshakeBytes) return 0;
        if (end < 0 || end + 4 > _options.HandshakeBytes)
        {
            Refuse(index, UpgradeAnswer.Refuse(431, "HeadTooLong", $"The request head may have {_options.HandshakeBytes} bytes."));
            return bytes.Length;
        }

        var answer = Handshake.Read(bytes[..(end + 4)], out var asked);
        var id = new SocketId(index, _connections[index].Generation);
        if (answer.Status == 0)
        {
            var request = new UpgradeRequest
            {
                Path = asked.Path, Query = asked.Query, Subprotocols = asked.Subprotocols, Origin = asked.Origin, Host = asked.Host, Remote = _connections[index].Remote!,
            };
            answer = _handler.TryOpen(id, request);
        }

        if (answer.Status != 0)
        {
            Refuse(index, answer);
            return bytes.Length;
        }

        ref var connection = ref _connections[index];
        (connection.State, connection.IsTold) = (ConnectionState.Open, true);
        Span<byte> accept = stackalloc byte[512];
        if (Transmit(index, accept[..Handshake.WriteAccept(accept, asked.Key, answer.Subprotocol)], int.MaxValue) != SendResult.Gone) _handler.Opened(id);
        return end + 4;
    }

    private void Refuse(int index, UpgradeAnswer answer)
    {
        SocketMetrics.Refused(answer.Status);
        Transmit(index, Handshake.Refusal(answer), int.MaxValue);
        Linger(index);
    }

    /// <summary>The handler is to be told of the end, once.</summary>
    private void Leave(int index, CloseCause cause)
    {
        ref var connection = ref _connections[index];
        if (!connection.IsTold) return;
        connection.IsTold = false;
        _ended.Add((new SocketId(index, connection.Generation), cause));
        SocketMetrics.Closed(cause);
    }

    /// <summary>Nothing more is said: half-closes and gives the client time to read the last words.</summary>
    private void Linger(int index)
    {
        ref var connection = ref _connections[index];
        if (connection.State is ConnectionState.Gone or ConnectionState.Free) return;
        connection.State = ConnectionState.Lingering;
        connection.Deadline = _now + Ticks(_options.CloseTimeout);
        connection.WillShut = true;
        if (connection.Queue is null) Shut(index);
    }

    private void Shut(int index)
    {
        _connections[index].WillShut = false;
        _ = LinuxCalls.Shutdown(_connections[index].Descriptor, LinuxCalls.ShutdownWrite);
        MarkAgain(index); // the client's end may have come already
    }

    private void Drop(int index, CloseCause cause)
    {
        ref var connection = ref _connections[index];
        if (connection.State is ConnectionState.Gone or ConnectionState.Free) return;
        Leave(index, cause);
        connection.State = ConnectionState.Gone;
        connection.Descriptor = -1;
        connection.Socket?.Dispose();
        connection.Bridge?.Close(1001, "");
        _gone.Add(index);
    }

    /// <summary>Tells the handler who ended, then gives the places back.</summary>
    private void TellEnded()
    {
        for (var i = 0; i < _ended.Count; i++) // telling may end others
        {
            try
            {
                _handler.Closed(_ended[i].Id, _ended[i].Cause);
            }
            catch (Exception fault)
            {
                SocketMetrics.Faulted();
                _log.LogError(fault, "What speaks over the sockets of spaces failed at an ended connection.");
            }
        }

        _ended.Clear();
        foreach (var index in _gone) GiveBack(index);
        _gone.Clear();
    }

    private void GiveBack(int index)
    {
        ref var connection = ref _connections[index];
        if (connection.Remote is { } remote && connection.Bridge is null) _addresses?.Leave(remote);
        Return(ref connection.Kept);
        Return(ref connection.Assembly);
        Return(ref connection.Queue);
        connection = new Connection { Generation = connection.Generation, Descriptor = -1, IsAgain = connection.IsAgain };
        _free[_freeCount] = index;
        Volatile.Write(ref _freeCount, _freeCount + 1);
        SocketMetrics.Disconnected();
    }

    private void Faulted(int index, Exception fault)
    {
        SocketMetrics.Faulted();
        _log.LogError(fault, "What speaks over the sockets of spaces failed; its connection is closed.");
        if (_connections[index].Bridge is null) Fail(index, 1011, CloseCause.Fault);
        else if (_connections[index].State == ConnectionState.Open) BeginClose(index, 1011, "", CloseCause.Fault);
    }

    /// <summary>Timeouts and counts, a few times a second.</summary>
    private void Sweep()
    {
        _nextSweep = _now + _sweepEvery;
        var (ping, silent) = (Ticks(_options.PingAfter), Ticks(_options.SilentAfter));
        for (var i = 0; i < _used; i++)
        {
            ref var connection = ref _connections[i];
            if (connection.Bridge is { } bridge) bridge.Deliver();
            else if (connection.State == ConnectionState.Open) SweepOpen(i, _now - connection.Heard, ping, silent);
            else if (connection.State == ConnectionState.Handshake && _now >= connection.Deadline) Refuse(i, TooSlow);
            else if (connection.State is ConnectionState.Closing or ConnectionState.Lingering && _now >= connection.Deadline) Drop(i, CloseCause.Lost);
        }

        _metrics.Publish();
    }

    private void SweepOpen(int index, long quiet, long ping, long silent)
    {
        if (quiet >= silent)
        {
            BeginClose(index, 1001, "nothing was heard", CloseCause.Silent);
        }
        else if (quiet >= ping && !_connections[index].IsPinged)
        {
            _connections[index].IsPinged = true;
            Control(index, Frame.Ping, default);
        }
    }

    private void End()
    {
        _now = _clock.GetTimestamp();
        for (var i = 0; i < _used; i++)
        {
            if (_connections[i].State == ConnectionState.Open) BeginClose(i, 1001, "the server stops", CloseCause.Stopping);
            Drop(i, CloseCause.Stopping);
        }

        RunCommands(); // what was given to us in the last moment is closed by this
        TellEnded();
        _metrics.Publish();
    }
}
