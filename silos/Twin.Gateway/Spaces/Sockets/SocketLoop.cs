using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Twin.Gateway.Security;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>
/// The sockets of spaces: one thread that reads, answers and ticks for thousands of WebSocket connections. In steady state a client costs two
/// system calls a tick, recv and send, and what the kernel does in them; nothing is allocated, locked or awaited. Sockets are looked at before
/// each turn and at most once in <see cref="SocketLoopOptions.Gather"/>, so that one epoll_wait tells of many. Hot.
/// Bounds: connections, bytes of a message, bytes queued for a client, commands that wait; see <see cref="SocketLoopOptions"/>.
/// <see cref="Adopt"/>, <see cref="Post"/> and <see cref="Dispose"/> are for every thread, everything else is for the loop's own.
/// </summary>
internal sealed unsafe partial class SocketLoop : IDisposable
{
    private const int ReceiveBytes = 64 * 1024;
    private const uint Followed = LinuxCalls.In | LinuxCalls.Out | LinuxCalls.ReadHangUp | LinuxCalls.EdgeTriggered;

    private readonly ISocketHandler _handler;
    private readonly SocketLoopOptions _options;
    private readonly TimeProvider _clock;
    private readonly AddressLimit? _addresses;
    private readonly ILogger _log;
    private readonly Readiness _readiness = new();
    private readonly SocketMetrics _metrics = new();
    private readonly Inbox<(Action<SocketLoop, object?> Run, object? State)> _inbox;
    private readonly Connection[] _connections;
    private readonly int[] _free;
    private readonly List<int> _again = [];
    private readonly List<int> _againNow = [];
    private readonly List<(SocketId Id, CloseCause Cause)> _ended = [];
    private readonly List<int> _gone = [];
    private readonly Dictionary<IPAddress, int> _handshakes = [];
    private readonly byte[] _received = GC.AllocateArray<byte>(ReceiveBytes, pinned: true);
    private readonly byte[] _frame;
    private readonly double _nanoseconds; // of one tick of the clock
    private readonly long _gather;
    private readonly long _sweepEvery;
    private readonly Thread _thread;

    private int _freeCount;
    private int _used; // places below this were in use at some time
    private long _now;
    private long _looked;
    private long _nextSweep;
    private long _nextTurn;
    private long _handshakeSecond;
    private int _asleep;
    private int _waking;
    private volatile bool _stopping;

    /// <summary>Starts the thread.</summary>
    /// <param name="handler">What speaks over the sockets.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="clock">Of turns and timeouts.</param>
    /// <param name="addresses">Connections by address, shared with the HTTP port; null for no such limit.</param>
    /// <param name="log">Told of the handler's exceptions.</param>
    public SocketLoop(ISocketHandler handler, SocketLoopOptions options, TimeProvider clock, AddressLimit? addresses, ILogger log)
    {
        (_handler, _options, _clock, _addresses, _log) = (handler, options.Checked(), clock, addresses, log);
        _connections = new Connection[options.MostConnections];
        _free = new int[options.MostConnections];
        for (var i = 0; i < _free.Length; i++) _free[i] = _free.Length - 1 - i;
        _freeCount = _free.Length;
        _frame = GC.AllocateArray<byte>(Math.Max(options.MostMessageBytes, 4_096) + Frame.MostHeaderBytes, pinned: true);
        _inbox = new(options.MostCommands);
        _nanoseconds = 1e9 / clock.TimestampFrequency;
        _gather = Ticks(options.Gather);
        _sweepEvery = Ticks(TimeSpan.FromMilliseconds(250));
        _now = _nextTurn = clock.GetTimestamp();
        _nextSweep = _now + _sweepEvery;
        _looked = _now - _gather;
        _thread = new Thread(Run) { IsBackground = true, Name = "spaces" };
        _thread.Start();
    }

    /// <summary>True on the loop's thread.</summary>
    public bool IsHere => Thread.CurrentThread == _thread;

    /// <summary>Connections, handshakes included.</summary>
    public int Count => _connections.Length - Volatile.Read(ref _freeCount);

    /// <summary>The time of the present pass, in the clock's timestamp.</summary>
    public long Now => _now;

    /// <summary>What was counted, for tests and measurements; exact on the loop's thread.</summary>
    public SocketMetrics Metrics => _metrics;

    /// <summary>Runs something on the loop's thread. Of any thread.</summary>
    /// <returns>False when <see cref="SocketLoopOptions.MostCommands"/> wait already or the loop has ended; it is not run then.</returns>
    public bool Post(Action<SocketLoop, object?> run, object? state)
    {
        if (_stopping || !_inbox.TryAdd((run, state)))
        {
            SocketMetrics.Overflowed();
            return false;
        }

        Interlocked.MemoryBarrier(); // either we see it asleep or it sees the command
        if (Volatile.Read(ref _asleep) == 1) WakeUp();
        return true;
    }

    private void WakeUp()
    {
        Interlocked.Increment(ref _waking); // Dispose waits for it: the descriptor must not be another's by then
        if (Interlocked.Exchange(ref _asleep, 0) == 1) _readiness.Wake();
        Interlocked.Decrement(ref _waking);
    }

    /// <summary>Takes a connected stream socket whose client has yet to send, or has sent, a WebSocket handshake. The loop owns it from here on. Of any thread.</summary>
    /// <returns>False when too many commands wait; the socket is then still the caller's.</returns>
    /// <exception cref="PlatformNotSupportedException">Raw sockets are followed on Linux only; bridge instead.</exception>
    public bool Adopt(Socket socket)
    {
        if (!Readiness.IsNative) throw new PlatformNotSupportedException("Raw sockets are followed on Linux only.");
        return Post(static (loop, state) => loop.TakeIn((Socket)state!), socket);
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _clock.TimestampFrequency);

    private long Nanoseconds(long ticks) => ticks <= 0 ? 0 : (long)Math.Min(ticks * _nanoseconds, 60e9);

    private void Run()
    {
        _handler.Started(this);
        while (!_stopping)
        {
            var soonest = Math.Min(_nextTurn, _nextSweep);
            Rest(Math.Min(_looked + _gather, soonest));
            Look(soonest);
            RunCommands();
            _now = _clock.GetTimestamp();
            if (_now >= _nextTurn) Turn();
            if (_now >= _nextSweep) Sweep();
            TellEnded();
        }

        End();
    }

    /// <summary>Lets the sockets collect until then; commands are run meanwhile.</summary>
    private void Rest(long until)
    {
        if (_used == 0) return;
        while (_again.Count == 0 && !_stopping)
        {
            var now = _clock.GetTimestamp();
            if (now >= until) return;
            if (FallAsleep()) _readiness.WaitForWake(Nanoseconds(until - now));
            Volatile.Write(ref _asleep, 0);
            _now = now;
            RunCommands();
            TellEnded();
        }
    }

    /// <summary>Reads every socket that has something; waits for one until <paramref name="until"/>.</summary>
    private void Look(long until)
    {
        var wait = _again.Count > 0 ? 0 : Nanoseconds(until - _clock.GetTimestamp());
        if (wait > 0 && !FallAsleep()) wait = 0;
        for (var rounds = (_used / Readiness.MostHappenings) + 1; rounds > 0; rounds--)
        {
            var count = _readiness.Wait(wait);
            Volatile.Write(ref _asleep, 0);
            _now = _looked = _clock.GetTimestamp();
            ReadAgain();
            for (var i = 0; i < count; i++)
                if (_readiness.At(i, out var token, out var events)) Happen((int)(uint)token, (int)(token >> 32), events);
            if (count < Readiness.MostHappenings) return;
            wait = 0;
        }
    }

    private void Happen(int index, int generation, uint events)
    {
        ref var connection = ref _connections[index];
        if (connection.Generation != generation || connection.Descriptor < 0) return; // of one that ended in this pass
        if ((events & LinuxCalls.Out) != 0 && connection.Queue is not null) Flush(index);
        if ((events & ~LinuxCalls.Out) == 0 || connection.Descriptor < 0) return;
        Receive(index);
        // An end that came behind the bytes makes no edge of its own.
        if ((events & (LinuxCalls.ReadHangUp | LinuxCalls.HangUp | LinuxCalls.Error)) != 0) MarkAgain(index);
    }

    private void MarkAgain(int index)
    {
        ref var connection = ref _connections[index];
        if (connection.IsAgain || connection.Descriptor < 0) return;
        connection.IsAgain = true;
        _again.Add(index);
    }

    private void ReadAgain()
    {
        if (_again.Count == 0) return;
        _againNow.AddRange(_again);
        _again.Clear();
        foreach (var index in _againNow)
        {
            _connections[index].IsAgain = false;
            if (_connections[index].Descriptor >= 0) Receive(index);
        }

        _againNow.Clear();
    }

    /// <summary>False when a command came in between; it would not wake us.</summary>
    private bool FallAsleep()
    {
        Interlocked.Exchange(ref _asleep, 1);
        if (_inbox.IsEmpty && !_stopping) return true;
        Volatile.Write(ref _asleep, 0);
        return false;
    }

    private void RunCommands()
    {
        for (var most = _options.MostCommands; most > 0 && _inbox.TryTake(out var command); most--)
        {
            try
            {
                command.Run(this, command.State);
            }
            catch (Exception fault)
            {
                SocketMetrics.Faulted();
                _log.LogError(fault, "A command to the sockets of spaces failed.");
            }
        }
    }

    private void Turn()
    {
        var asked = _nextTurn;
        try
        {
            _nextTurn = _handler.Turn(_now);
        }
        catch (Exception fault)
        {
            SocketMetrics.Faulted();
            _log.LogError(fault, "A turn of the spaces failed; the next is in 50 ms.");
            _nextTurn = _now + Ticks(TimeSpan.FromMilliseconds(50));
        }

        var seconds = (double)_clock.TimestampFrequency;
        SocketMetrics.Turned((_clock.GetTimestamp() - _now) / seconds, (_now - asked) / seconds);
    }

    /// <summary>Stops the thread, tells the clients 1001 and closes. Of any thread but the loop's.</summary>
    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        _readiness.Wake();
        _thread.Join();
        SpinWait.SpinUntil(() => Volatile.Read(ref _waking) == 0);
        _readiness.Dispose();
    }
}
