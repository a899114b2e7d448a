using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;

namespace Twin.Cli.Load;

/// <summary>What the clients of <see cref="LoadSockets"/> say and hear. Called from the load's one thread.</summary>
internal interface ISocketTalk
{
    /// <summary>A client's turn to speak: writes one message and returns its length; 0 stays silent.</summary>
    int Speak(int client, Span<byte> to, long now);

    /// <summary>A client heard a message, which had come at <paramref name="at"/>. The span is valid during the call.</summary>
    /// <returns>False when it makes no sense: the connection is given up.</returns>
    bool Hear(int client, ReadOnlySpan<byte> message, long at);

    /// <summary>A client's connection ended. The code is the server's, or 0.</summary>
    void Lost(int client, int code);
}

/// <summary>
/// Thousands of WebSocket clients on one thread, on any system. Arrivals complete on the system's threads, which only note the time and the client; everything else happens on the thread of <see cref="Run"/>.
/// Each client speaks at its own phase of the period. Hot: nothing is allocated once all are connected.
/// </summary>
/// <remarks>Masks come from a plain generator: the RFC asks for unpredictable ones to protect proxies from pages, and there is no page here.</remarks>
internal sealed class LoadSockets(int clients, TimeProvider clock) : IDisposable
{
    private const int ReceiveBytes = 8 * 1024;
    private const int MostMessage = 2 * 1024 * 1024;
    private const int MostSpoken = 64 * 1024;
    private readonly Line?[] _lines = new Line?[clients];
    private readonly ConcurrentQueue<Line> _ready = new(); // each line at most once: bounded by their number
    private readonly ConcurrentQueue<(int Client, Socket Socket, byte[] Early)> _arrived = new();
    private readonly byte[] _out = new byte[MostSpoken + 8];
    private uint _mask = 0x9E3779B9;

    /// <summary>Messages given to the system.</summary>
    public long Sent { get; private set; }

    /// <summary>Bytes read, frames' headers included.</summary>
    public long BytesHeard { get; private set; }

    /// <summary>Messages the system did not take because the server does not read.</summary>
    public long Skipped { get; private set; }

    /// <summary>The latest that a client spoke after its time, in the clock's ticks: shows that the load itself is too slow.</summary>
    public long Latest { get; set; }

    /// <summary>Takes in a connection that has been upgraded. Any thread.</summary>
    /// <param name="client">Whose; one that had another loses it.</param>
    /// <param name="socket">Owned from now on.</param>
    /// <param name="early">What came behind the handshake's answer.</param>
    public void Add(int client, Socket socket, byte[] early) => _arrived.Enqueue((client, socket, early));

    /// <summary>Runs on this thread until the time of the clock has come.</summary>
    public void Run(ISocketTalk talk, TimeSpan period, long until, CancellationToken cancellationToken)
    {
        var ticks = (long)(period.TotalSeconds * clock.TimestampFrequency);
        var start = clock.GetTimestamp();
        long spoken = 0;
        for (var now = start; now < until && !cancellationToken.IsCancellationRequested; now = clock.GetTimestamp())
        {
            TakeIn(talk);
            while (_ready.TryDequeue(out var line)) Hear(talk, line);
            now = clock.GetTimestamp();
            for (var due = (now - start) * clients / ticks; spoken < due; spoken++) Speak(talk, (int)(spoken % clients), start + (spoken * ticks / clients));
            Thread.Sleep(1); // many in one waking
        }
    }

    /// <summary>Ends a client's connection without a goodbye.</summary>
    public void Drop(int client)
    {
        if (_lines[client] is not { } line) return;
        _lines[client] = null;
        line.Dispose();
    }

    public void Dispose()
    {
        for (var i = 0; i < clients; i++) Drop(i);
        while (_arrived.TryDequeue(out var late)) late.Socket.Dispose();
    }

    private void TakeIn(ISocketTalk talk)
    {
        while (_arrived.TryDequeue(out var one))
        {
            Drop(one.Client);
            one.Socket.Blocking = false;
            var line = _lines[one.Client] = new Line(one.Client, one.Socket, this);
            if (Understand(talk, line, one.Early)) Receive(talk, line);
        }
    }

    private void Speak(ISocketTalk talk, int client, long due)
    {
        if (_lines[client] is not { } line) return;
        var now = clock.GetTimestamp();
        Latest = Math.Max(Latest, now - due);
        var length = talk.Speak(client, _out.AsSpan(8), now);
        if (length > 0) Send(talk, line, 0x82, length);
    }

    /// <summary>Sends what lies behind the room for the header, header and payload in one piece.</summary>
    private void Send(ISocketTalk talk, Line line, byte first, int length)
    {
        var start = length < 126 ? 2 : 0;
        _out[start] = first;
        if (length < 126) _out[start + 1] = (byte)(0x80 | length);
        else
        {
            _out[1] = 0xFE;
            BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(2), (ushort)length);
        }

        _mask = (_mask * 1_664_525) + 1_013_904_223;
        BinaryPrimitives.WriteUInt32LittleEndian(_out.AsSpan(4), _mask);
        for (var i = 0; i < length; i++) _out[8 + i] ^= _out[4 + (i & 3)];
        var whole = 8 - start + length;
        var sent = line.Socket.Send(_out.AsSpan(start, whole), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock) Skipped++;
        else if (error != SocketError.Success || sent != whole) Lose(talk, line, 0); // cut in the middle of a frame, or gone
        else Sent++;
    }

    private void Receive(ISocketTalk talk, Line line)
    {
        for (var turns = 0; !line.Socket.ReceiveAsync(line.Args); turns++) // there already
        {
            line.At = clock.GetTimestamp();
            if (turns == 16) // others too
            {
                _ready.Enqueue(line);
                return;
            }

            if (!Take(talk, line)) return;
        }
    }

    private void Hear(ISocketTalk talk, Line line)
    {
        if (_lines[line.Client] == line && Take(talk, line)) Receive(talk, line);
    }

    private bool Take(ISocketTalk talk, Line line)
    {
        if (line.Args.SocketError == SocketError.Success && line.Args.BytesTransferred > 0) return Understand(talk, line, line.Bytes.AsSpan(0, line.Args.BytesTransferred));
        Lose(talk, line, 0);
        return false;
    }

    private bool Understand(ISocketTalk talk, Line line, ReadOnlySpan<byte> got)
    {
        BytesHeard += got.Length;
        var bytes = line.KeptBytes == 0 ? got : line.Keep(got);
        var at = 0;
        while (bytes.Length - at >= 2)
        {
            int length = bytes[at + 1], header = length switch { 126 => 4, 127 => 10, _ => 2 };
            if (bytes.Length - at < header) break;
            if (header == 4) length = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 2)..]);
            else if (header == 10) length = (int)Math.Min(int.MaxValue, BinaryPrimitives.ReadUInt64BigEndian(bytes[(at + 2)..]));
            if (length > MostMessage)
            {
                Lose(talk, line, 1009);
                return false;
            }

            if (bytes.Length - at < header + length) break;
            if (!Understand(talk, line, bytes[at] & 0xF, bytes.Slice(at + header, length))) return false;
            at += header + length;
        }

        line.KeepRest(bytes[at..]);
        return true;
    }

    private bool Understand(ISocketTalk talk, Line line, int opcode, ReadOnlySpan<byte> payload)
    {
        switch (opcode)
        {
            case 2:
                if (talk.Hear(line.Client, payload, line.At)) return true;
                Lose(talk, line, 0);
                return false;
            case 8:
                Lose(talk, line, payload.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(payload) : 0);
                return false;
            case 9:
                payload.CopyTo(_out.AsSpan(8));
                Send(talk, line, 0x8A, payload.Length);
                return _lines[line.Client] == line;
            default:
                return true;
        }
    }

    private void Lose(ISocketTalk talk, Line line, int code)
    {
        if (_lines[line.Client] != line) return;
        Drop(line.Client);
        talk.Lost(line.Client, code);
    }

    /// <summary>One connection. Its arguments belong to the system from a pending receive to its completion.</summary>
    private sealed class Line : IDisposable
    {
        private byte[] _kept = [];

        public Line(int client, Socket socket, LoadSockets of)
        {
            (Client, Socket) = (client, socket);
            Args = new SocketAsyncEventArgs(true); // no execution context flows
            Args.SetBuffer(Bytes);
            Args.Completed += (_, _) =>
            {
                At = of.Now();
                of._ready.Enqueue(this);
            };
        }

        public int Client { get; }

        public Socket Socket { get; }

        public SocketAsyncEventArgs Args { get; }

        public byte[] Bytes { get; } = GC.AllocateUninitializedArray<byte>(ReceiveBytes);

        public int KeptBytes { get; private set; }

        /// <summary>When its newest bytes came.</summary>
        public long At { get; set; }

        /// <summary>What was kept of a frame with what came after it.</summary>
        public ReadOnlySpan<byte> Keep(ReadOnlySpan<byte> more)
        {
            if (_kept.Length < KeptBytes + more.Length) Array.Resize(ref _kept, (KeptBytes + more.Length) * 2);
            more.CopyTo(_kept.AsSpan(KeptBytes));
            KeptBytes += more.Length;
            return _kept.AsSpan(0, KeptBytes);
        }

        public void KeepRest(ReadOnlySpan<byte> rest)
        {
            if (_kept.Length < rest.Length) _kept = new byte[rest.Length * 2]; // never where the rest lies in it
            rest.CopyTo(_kept); // may overlap: CopyTo minds it
            KeptBytes = rest.Length;
        }

        public void Dispose() => Socket.Dispose();
    }

    private long Now() => clock.GetTimestamp();
}
