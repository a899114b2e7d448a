using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Twin.Gateway.Spaces.Sockets;

namespace Twin.Benchmarks.Spaces;

/// <summary>What the clients of <see cref="LoadSockets"/> say and hear. Called from the load's thread.</summary>
internal interface ISocketLoad
{
    /// <summary>A client's turn to speak: writes its message and returns the length; 0 stays silent.</summary>
    int Speak(int client, Span<byte> to, long now);

    /// <summary>A client heard a message. The span is valid during the call.</summary>
    void Hear(int client, ReadOnlySpan<byte> message, long now);

    /// <summary>A client has a new connection.</summary>
    void Returned(int client)
    {
    }
}

/// <summary>
/// Thousands of WebSocket clients on one thread: each speaks at its own phase of the period, and must cost less than the server it loads: one send
/// for each message, one recv for all that came since the last look, nothing allocated. Masks come
/// from a plain generator: the RFC asks for unpredictable ones to protect proxies, and there is none here. Linux only.
/// </summary>
internal sealed unsafe class LoadSockets : IDisposable
{
    private const int ReceiveBytes = 256 * 1024;
    private readonly Socket[] _sockets;
    private readonly int[] _descriptors;
    private readonly byte[]?[] _kept; // a frame's beginning
    private readonly int[] _keptBytes;
    private readonly Readiness _readiness = new();
    private readonly byte[] _in = GC.AllocateArray<byte>(ReceiveBytes, pinned: true);
    private readonly byte[] _out = GC.AllocateArray<byte>(64 * 1024, pinned: true);
    private readonly bool _isMasked;
    private readonly ConcurrentQueue<(int Client, Socket? Socket, byte[] Early)> _returned = new();
    private readonly SemaphoreSlim _returning = new(24);
    private uint _mask = 0x9E3779B9;

    private LoadSockets(int clients, bool isMasked)
    {
        (_sockets, _descriptors, _kept, _keptBytes, _isMasked) = (new Socket[clients], new int[clients], new byte[]?[clients], new int[clients], isMasked);
    }

    public long Sent { get; private set; }

    public long Heard { get; private set; }

    public long BytesHeard { get; private set; }

    /// <summary>Messages the system did not take because the server does not read.</summary>
    public long Skipped { get; private set; }

    /// <summary>Clients whose connection ended.</summary>
    public int Lost { get; private set; }

    /// <summary>How late the latest message was given to the system, in stopwatch ticks.</summary>
    public long Latest { get; private set; }

    /// <summary>Where a client whose connection has ended connects again, and with what target; null gives it up.</summary>
    public Func<int, (IPEndPoint Server, string Target)?>? Elsewhere { get; set; }

    /// <summary>Times that a client came back.</summary>
    public int Returns { get; private set; }

    /// <summary>Clients without connections; see <see cref="Connect(int, IPEndPoint, string)"/>.</summary>
    public static LoadSockets Empty(int clients)
    {
        var load = new LoadSockets(clients, true);
        load._descriptors.AsSpan().Fill(-1);
        return load;
    }

    /// <summary>Connects one; blocks.</summary>
    public void Connect(int client, IPEndPoint server, string target) => ConnectOne(client, server, target);

    /// <summary>Connects clients one after another, each to its own server; blocks.</summary>
    /// <param name="clients">How many.</param>
    /// <param name="where">The server and the request target of each.</param>
    public static LoadSockets Connect(int clients, Func<int, (IPEndPoint Server, string Target)> where)
    {
        var load = new LoadSockets(clients, true);
        for (var i = 0; i < clients; i++) load.ConnectOne(i, where(i).Server, where(i).Target);
        return load;
    }

    private void ConnectOne(int client, IPEndPoint server, string target)
    {
        var (socket, rest) = Open(client, server, target);
        TakeIn(client, socket, rest);
    }

    private static (Socket Socket, byte[] Early) Open(int client, IPEndPoint server, string target)
    {
        var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 5_000 };
        try
        {
            socket.Connect(server);
            socket.Send(Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
            var head = new byte[4_096];
            var filled = 0;
            int end;
            while ((end = head.AsSpan(0, filled).IndexOf("\r\n\r\n"u8)) < 0)
            {
                var got = filled == head.Length ? 0 : socket.Receive(head, filled, head.Length - filled, SocketFlags.None);
                if (got == 0) throw new InvalidOperationException($"Client {client}: the server answered {Encoding.ASCII.GetString(head, 0, filled)}");
                filled += got;
            }

            return head.AsSpan().StartsWith("HTTP/1.1 101"u8) ? (socket, head[(end + 4)..filled]) : throw new InvalidOperationException($"Client {client}: the server answered {Encoding.ASCII.GetString(head, 0, filled)}");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void TakeIn(int client, Socket socket, byte[] rest)
    {
        _sockets[client] = socket;
        _descriptors[client] = (int)socket.SafeHandle.DangerousGetHandle();
        Keep(client, rest, 0);
        if (!_readiness.Add(_descriptors[client], LinuxCalls.In | LinuxCalls.ReadHangUp | LinuxCalls.EdgeTriggered, (ulong)client)) throw new InvalidOperationException("epoll_ctl refused a client.");
    }

    /// <summary>Runs on this thread until the time (of <paramref name="clock"/>) has come.</summary>
    /// <param name="load">What is said and heard.</param>
    /// <param name="period">Between two messages of a client; phases are spread evenly.</param>
    /// <param name="until">The end, a timestamp of the clock.</param>
    /// <param name="clock">The clock.</param>
    public void Run(ISocketLoad load, TimeSpan period, long until, TimeProvider clock)
    {
        var ticks = (long)(period.TotalSeconds * clock.TimestampFrequency);
        var step = clock.TimestampFrequency / 500; // sockets are looked at every 2 ms: many in one waking
        var start = clock.GetTimestamp();
        long spoken = 0;
        for (var next = start; next < until; next += step)
        {
            var now = clock.GetTimestamp();
            if (next > now) _readiness.WaitForWake((next - now) * 1_000_000_000 / clock.TimestampFrequency);
            HearAll(load, clock);
            TakeBack(load);
            now = clock.GetTimestamp();
            for (var due = (now - start) * _sockets.Length / ticks; spoken < due; spoken++) Speak(load, (int)(spoken % _sockets.Length), start + (spoken * ticks / _sockets.Length), clock);
        }
    }

    private void Speak(ISocketLoad load, int client, long due, TimeProvider clock)
    {
        if (_descriptors[client] < 0) return;
        var now = clock.GetTimestamp();
        Latest = Math.Max(Latest, now - due);
        var length = load.Speak(client, _out.AsSpan(8), now);
        if (length <= 0) return;
        var start = length < 126 ? 2 : 0; // header and payload are one piece
        _out[start] = 0x82;
        if (length < 126)
        {
            _out[start + 1] = (byte)(0x80 | length);
        }
        else
        {
            _out[1] = 0xFE;
            BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(2), (ushort)length);
        }

        _mask = _isMasked ? (_mask * 1_664_525) + 1_013_904_223 : 0;
        MemoryMarshal.Write(_out.AsSpan(4), _mask);
        if (_isMasked) Frame.Unmask(_out.AsSpan(8, length), _mask);
        nint sent;
        fixed (byte* first = _out) sent = LinuxCalls.Send(_descriptors[client], first + start, (nuint)(8 - start + length), LinuxCalls.NoSignal | LinuxCalls.DontWait);
        if (sent == 8 - start + length) Sent++;
        else if (sent < 0 && Marshal.GetLastPInvokeError() == LinuxCalls.Again) Skipped++;
        else Lose(client); // cut in the middle of a frame, or gone
    }

    private void HearAll(ISocketLoad load, TimeProvider clock)
    {
        int count;
        do
        {
            count = _readiness.Wait(0);
            for (var i = 0; i < count; i++)
                if (_readiness.At(i, out var token, out _)) HearOne(load, (int)token, clock.GetTimestamp());
        }
        while (count == Readiness.MostHappenings);
    }

    private void HearOne(ISocketLoad load, int client, long now)
    {
        if (_descriptors[client] < 0) return;
        while (true)
        {
            var filled = _keptBytes[client];
            if (filled > 0) _kept[client].AsSpan(0, filled).CopyTo(_in);
            nint got;
            fixed (byte* first = _in) got = LinuxCalls.Receive(_descriptors[client], first + filled, (nuint)(ReceiveBytes - filled), LinuxCalls.DontWait);
            if (got == 0 || (got < 0 && Marshal.GetLastPInvokeError() != LinuxCalls.Again)) Lose(client);
            if (got <= 0) return;
            Understand(load, client, _in.AsSpan(0, filled + (int)got), now);
            if (got < ReceiveBytes - filled) return;
        }
    }

    private void Understand(ISocketLoad load, int client, ReadOnlySpan<byte> bytes, long now)
    {
        var at = 0;
        while (bytes.Length - at >= 2)
        {
            int length = bytes[at + 1], header = length switch { 126 => 4, 127 => 10, _ => 2 };
            if (bytes.Length - at < header) break;
            if (header == 4) length = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 2)..]);
            else if (header == 10) length = (int)BinaryPrimitives.ReadUInt64BigEndian(bytes[(at + 2)..]);
            if (bytes.Length - at < header + length) break;
            if ((bytes[at] & 0xF) == Frame.CloseCode)
            {
                Lose(client);
                return;
            }

            if ((bytes[at] & 0xF) == Frame.Binary)
            {
                Heard++;
                load.Hear(client, bytes.Slice(at + header, length), now);
            }

            at += header + length;
        }

        BytesHeard += at;
        Keep(client, bytes, at);
    }

    private void Keep(int client, ReadOnlySpan<byte> bytes, int from)
    {
        var rest = bytes.Length - from;
        if (rest > 0)
        {
            if (_kept[client] is null || _kept[client]!.Length < rest) _kept[client] = new byte[Math.Max(512, rest * 2)];
            bytes[from..].CopyTo(_kept[client]);
        }

        _keptBytes[client] = rest;
    }

    private void Lose(int client)
    {
        if (_descriptors[client] < 0) return;
        _descriptors[client] = -1;
        _sockets[client].Dispose();
        _keptBytes[client] = 0;
        if (Elsewhere is null) Lost++;
        else new Thread(() => ComeBack(client)) { IsBackground = true }.Start();
    }

    /// <summary>One whose connection has ended tries again, each 50 ms, beside the loop: people do not wait for one another.</summary>
    private void ComeBack(int client)
    {
        _returning.Wait();
        try
        {
            for (var tries = 0; tries < 600 && Elsewhere?.Invoke(client) is { } where; tries++)
            {
                try
                {
                    var (socket, rest) = Open(client, where.Server, where.Target);
                    _returned.Enqueue((client, socket, rest));
                    return;
                }
                catch (Exception fault) when (fault is SocketException or InvalidOperationException)
                {
                    Thread.Sleep(50);
                }
            }

            _returned.Enqueue((client, null, []));
        }
        finally
        {
            _returning.Release();
        }
    }

    private void TakeBack(ISocketLoad load)
    {
        while (_returned.TryDequeue(out var one))
        {
            if (one.Socket is null)
            {
                Lost++;
                continue;
            }

            load.Returned(one.Client);
            TakeIn(one.Client, one.Socket, one.Early);
            Returns++;
        }
    }

    public void Dispose()
    {
        foreach (var socket in _sockets) socket?.Dispose();
        _readiness.Dispose();
    }
}
