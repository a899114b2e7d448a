using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Twin.Gateway.Security;
using Twin.Gateway.Spaces.Sockets;

namespace Twin.Gateway.Tests.Spaces.Sockets;

/// <summary>Answers each message with itself and keeps what it was told. The messages "throw", "close" and "flood" do what they say.</summary>
internal sealed class EchoHandler : ISocketHandler
{
    public const int FloodBytes = 16 * 1024;

    public SocketLoop Loop { get; private set; } = null!;

    public ConcurrentQueue<(SocketId Id, byte[] Payload, bool IsText)> Messages { get; } = [];

    public ConcurrentDictionary<SocketId, CloseCause> Ended { get; } = [];

    public ConcurrentQueue<SocketId> Ids { get; } = [];

    public ConcurrentQueue<string> Asked { get; } = [];

    public ConcurrentQueue<SendResult> Results { get; } = [];

    public volatile bool IsSilent;

    private int _writable;
    private int _turns;

    public int Writables => Volatile.Read(ref _writable);

    public int Turns => Volatile.Read(ref _turns);

    public Func<long, long> NextTurn { get; set; } = static now => now + (long.MaxValue / 4);

    public void Started(SocketLoop loop) => Loop = loop;

    public UpgradeAnswer TryOpen(SocketId id, in UpgradeRequest request)
    {
        Asked.Enqueue($"{Encoding.UTF8.GetString(request.Path)}|{Encoding.UTF8.GetString(request.Query)}|{Encoding.UTF8.GetString(request.Subprotocols)}|{Encoding.UTF8.GetString(request.Origin)}");
        if (request.Query.SequenceEqual("token=bad"u8)) return UpgradeAnswer.Refuse(403, "TokenRefused", "The token is not ours.");
        if (request.Query.SequenceEqual("token=throw"u8)) throw new InvalidOperationException("a fault of the test");
        return UpgradeAnswer.Accept(Handshake.HasToken(request.Subprotocols, "twin.spaces.1"u8) ? "twin.spaces.1" : null);
    }

    public void Opened(SocketId id) => Ids.Enqueue(id);

    public void Message(SocketId id, ReadOnlySpan<byte> payload, bool isText)
    {
        Messages.Enqueue((id, payload.ToArray(), isText));
        if (payload.SequenceEqual("throw"u8)) throw new InvalidOperationException("a fault of the test");
        if (payload.SequenceEqual("close"u8)) Loop.Close(id, 4001, "resumed elsewhere");
        else if (payload.SequenceEqual("flood"u8)) Flood(id);
        else if (!IsSilent) Results.Enqueue(Loop.Send(id, payload));
    }

    private void Flood(SocketId id)
    {
        var block = new byte[FloodBytes];
        for (var i = 0; i < 100_000; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(block, i);
            var result = Loop.Send(id, block);
            Results.Enqueue(result);
            if (result is SendResult.Full or SendResult.Gone) return;
        }
    }

    public void Writable(SocketId id) => Interlocked.Increment(ref _writable);

    public void Closed(SocketId id, CloseCause cause)
    {
        if (!Ended.TryAdd(id, cause)) throw new InvalidOperationException("Told twice.");
        if (Loop.Send(id, [1]) != SendResult.Gone) throw new InvalidOperationException("Closed, and yet it sends.");
    }

    public long Turn(long now)
    {
        Interlocked.Increment(ref _turns);
        return NextTurn(now);
    }
}

/// <summary>A loop and a port that gives it everything accepted.</summary>
internal sealed class SocketWorld : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Thread _accepting;

    public SocketWorld(SocketLoopOptions? options = null, TimeProvider? clock = null, AddressLimit? addresses = null, Func<long, long>? nextTurn = null)
    {
        if (nextTurn is not null) Handler.NextTurn = nextTurn;
        Loop = new SocketLoop(Handler, options ?? new SocketLoopOptions { Gather = TimeSpan.Zero, MostConnections = 2_000 }, clock ?? TimeProvider.System, addresses, NullLogger.Instance);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(2_048);
        Port = (IPEndPoint)_listener.LocalEndPoint!;
        _accepting = new Thread(AcceptAll) { IsBackground = true };
        _accepting.Start();
    }

    public EchoHandler Handler { get; } = new();

    public SocketLoop Loop { get; }

    public IPEndPoint Port { get; }

    private void AcceptAll()
    {
        try
        {
            while (true)
            {
                var socket = _listener.Accept();
                if (!Loop.Adopt(socket)) socket.Dispose();
            }
        }
        catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException)
        {
            // The world ends.
        }
    }

    public RawSocket Open(string target = "/spaces/hall/socket?token=x")
    {
        var raw = Connect();
        raw.Handshake(target);
        return raw;
    }

    public RawSocket Connect() => new(Port);

    /// <summary>Waits for something the loop's thread does.</summary>
    public static Task Until(Func<bool> isSo, string what) => Eventually.TrueAsync(() => Task.FromResult(isSo()), what, TestContext.Current.CancellationToken);

    public void Dispose()
    {
        _listener.Dispose();
        _accepting.Join();
        Loop.Dispose();
    }
}

/// <summary>A client that writes what bytes it likes and reads whole frames; nothing of it is shared with the server's code.</summary>
internal sealed class RawSocket : IDisposable
{
    public const string Key = "dGhlIHNhbXBsZSBub25jZQ==";
    private readonly NetworkStream _stream;

    public RawSocket(IPEndPoint port, int receiveBuffer = 0)
    {
        Socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer > 0) Socket.ReceiveBufferSize = receiveBuffer;
        Socket.ReceiveTimeout = Socket.SendTimeout = 20_000;
        Socket.Connect(port);
        _stream = new NetworkStream(Socket, ownsSocket: true);
    }

    public Socket Socket { get; }

    public string Answer { get; private set; } = "";

    public void Write(params ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

    public static string Head(string target, string more = "") => $"GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {Key}\r\n{more}\r\n";

    public void Handshake(string target, string more = "")
    {
        Write(Encoding.ASCII.GetBytes(Head(target, more)));
        Assert.StartsWith("HTTP/1.1 101 ", ReadHead(), StringComparison.Ordinal);
        Assert.Contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", Answer, StringComparison.Ordinal);
    }

    public string ReadHead()
    {
        var head = new StringBuilder();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            var next = _stream.ReadByte();
            Assert.True(next >= 0, $"The server closed after '{head}'.");
            head.Append((char)next);
        }

        return Answer = head.ToString();
    }

    /// <summary>Everything up to the server's end.</summary>
    public string ReadToEnd()
    {
        using var reader = new StreamReader(_stream, Encoding.UTF8, leaveOpen: true);
        return reader.ReadToEnd();
    }

    public static byte[] FrameOf(int first, ReadOnlySpan<byte> payload, uint mask = 0x01020304)
    {
        var frame = new List<byte> { (byte)first };
        if (payload.Length < 126)
        {
            frame.Add((byte)(0x80 | payload.Length));
        }
        else
        {
            var wide = payload.Length > 65_535;
            frame.Add((byte)(wide ? 0xFF : 0xFE));
            for (var shift = wide ? 56 : 8; shift >= 0; shift -= 8) frame.Add((byte)((ulong)payload.Length >> shift));
        }

        var key = BitConverter.GetBytes(mask);
        frame.AddRange(key);
        for (var i = 0; i < payload.Length; i++) frame.Add((byte)(payload[i] ^ key[i % 4]));
        return [.. frame];
    }

    public void Send(ReadOnlySpan<byte> payload, int first = 0x82) => Write(FrameOf(first, payload));

    public (int First, byte[] Payload) Read()
    {
        var head = new byte[10];
        _stream.ReadExactly(head, 0, 2);
        long length = head[1];
        Assert.True(length < 128, "A server's frame is not masked.");
        if (length >= 126)
        {
            var more = length == 126 ? 2 : 8;
            _stream.ReadExactly(head, 2, more);
            length = more == 2 ? BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(2)) : BinaryPrimitives.ReadInt64BigEndian(head.AsSpan(2));
        }

        var payload = new byte[length];
        _stream.ReadExactly(payload);
        return (head[0], payload);
    }

    /// <summary>Reads on until a close frame; its code, after which the server ends the connection.</summary>
    public int ReadClose()
    {
        while (true)
        {
            var (first, payload) = Read();
            if (first != 0x88) continue;
            return payload.Length == 0 ? 1005 : BinaryPrimitives.ReadUInt16BigEndian(payload);
        }
    }

    public bool IsAtEnd() => _stream.ReadByte() < 0;

    public void Dispose() => _stream.Dispose();
}
