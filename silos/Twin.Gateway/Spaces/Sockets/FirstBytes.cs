using System.Net.Sockets;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>
/// Waits, on a thread of its own that mostly sleeps, for the first bytes of accepted connections without taking them. Its own epoll and not
/// Socket's asynchronous calls: a socket once known to those stays with their epoll, which would wake a thread for each of its messages.
/// </summary>
internal sealed unsafe class FirstBytes : IDisposable
{
    /// <summary>Connections that wait at once; others are decided without waiting, as Kestrel's.</summary>
    public const int Most = 4_096;
    private const int LongestTarget = 512;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Action<Socket, bool> _decide;
    private readonly TimeProvider _clock;
    private readonly Readiness _readiness = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, (Socket Socket, long Until)> _waiting = [];
    private readonly List<ulong> _due = [];
    private readonly Thread _thread;
    private ulong _next;
    private volatile bool _stopping;

    public enum Verdict
    {
        /// <summary>More bytes are needed.</summary>
        Unknown,

        /// <summary>A space's socket is asked for.</summary>
        Space,

        /// <summary>Something else.</summary>
        Other,
    }

    /// <param name="decide">Told of each connection, and whether it asks for a space's socket; from the thread here.</param>
    /// <param name="clock">Of the patience.</param>
    public FirstBytes(Action<Socket, bool> decide, TimeProvider clock)
    {
        (_decide, _clock) = (decide, clock);
        _thread = new Thread(Run) { IsBackground = true, Name = "spaces: first bytes" };
        _thread.Start();
    }

    /// <summary>Looks at what has come, without waiting.</summary>
    public static Verdict Look(Socket socket)
    {
        var bytes = stackalloc byte[LongestTarget];
        var got = (int)LinuxCalls.Receive((int)socket.SafeHandle.DangerousGetHandle(), bytes, LongestTarget, LinuxCalls.Peek | LinuxCalls.DontWait);
        if (got > 0) return Judge(new ReadOnlySpan<byte>(bytes, got));
        return got < 0 && System.Runtime.InteropServices.Marshal.GetLastPInvokeError() == LinuxCalls.Again ? Verdict.Unknown : Verdict.Other;
    }

    /// <summary>Judges the beginning of a connection.</summary>
    public static Verdict Judge(ReadOnlySpan<byte> bytes)
    {
        var start = "GET /spaces/"u8;
        if (bytes.Length < start.Length) return start.StartsWith(bytes) ? Verdict.Unknown : Verdict.Other;
        if (!bytes.StartsWith(start)) return Verdict.Other;
        var rest = bytes[start.Length..];
        var end = rest.IndexOfAny(" ?\r"u8);
        var path = end < 0 ? rest : rest[..end];
        var slash = path.IndexOf((byte)'/');
        if (end < 0 && bytes.Length < LongestTarget) return slash < 0 || "socket"u8.StartsWith(path[(slash + 1)..]) ? Verdict.Unknown : Verdict.Other;
        return slash > 0 && path[(slash + 1)..].SequenceEqual("socket"u8) ? Verdict.Space : Verdict.Other;
    }

    /// <summary>Waits for a connection's bytes; false when it cannot and the caller must decide. Of any thread.</summary>
    public bool TryWait(Socket socket)
    {
        lock (_lock)
        {
            if (_stopping || _waiting.Count >= Most) return false;
            var token = _next++;
            _waiting.Add(token, (socket, _clock.GetTimestamp() + (long)(Patience.TotalSeconds * _clock.TimestampFrequency)));
            if (_readiness.Add((int)socket.SafeHandle.DangerousGetHandle(), LinuxCalls.In | LinuxCalls.ReadHangUp | LinuxCalls.EdgeTriggered, token))
            {
                if (_waiting.Count == 1) _readiness.Wake(); // it sleeps without end while nobody waits
                return true;
            }

            _waiting.Remove(token);
            return false;
        }
    }

    private void Run()
    {
        while (!_stopping)
        {
            bool isEmpty;
            lock (_lock) isEmpty = _waiting.Count == 0;
            var count = _readiness.Wait(isEmpty ? 60_000_000_000 : 100_000_000);
            for (var i = 0; i < count; i++)
                if (_readiness.At(i, out var token, out var events)) Judge(token, (events & ~LinuxCalls.In) != 0);
            EndPatience();
        }
    }

    private void Judge(ulong token, bool isOver)
    {
        (Socket Socket, long Until) waiting;
        lock (_lock)
            if (!_waiting.TryGetValue(token, out waiting)) return;
        var verdict = Look(waiting.Socket);
        if (verdict != Verdict.Unknown || isOver) Release(token, verdict == Verdict.Space);
    }

    private void EndPatience()
    {
        lock (_lock)
        {
            var now = _clock.GetTimestamp();
            foreach (var (token, (_, until)) in _waiting)
                if (now >= until) _due.Add(token);
        }

        foreach (var token in _due) Release(token, false);
        _due.Clear();
    }

    private void Release(ulong token, bool isSpace)
    {
        Socket socket;
        lock (_lock)
        {
            if (!_waiting.Remove(token, out var waiting)) return;
            socket = waiting.Socket;
            _readiness.Remove((int)socket.SafeHandle.DangerousGetHandle());
        }

        _decide(socket, isSpace);
    }

    public void Dispose()
    {
        lock (_lock) _stopping = true;
        _readiness.Wake();
        _thread.Join();
        foreach (var (socket, _) in _waiting.Values) socket.Dispose();
        _waiting.Clear();
        _readiness.Dispose();
    }
}
