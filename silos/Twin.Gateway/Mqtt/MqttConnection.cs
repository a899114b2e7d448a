using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Twin.Model;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>
/// One client's socket. The read loop takes what the socket has, handles every whole packet in it, offers the twin messages as one
/// chunk and reads again only when the pipeline took the chunk and the bounds allow: that is how back-pressure reaches the sender. Hot.
/// </summary>
internal sealed partial class MqttConnection : IThreadPoolWorkItem
{
    private const int FirstBlock = 4096;
    private const int LargestBlock = 128 * 1024;

    private readonly MqttBroker _broker;
    private readonly Socket _socket;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _ackLock = new();
    private readonly Queue<InboundBatch> _underWay = [];
    private readonly Stack<InboundBatch> _spare = [];
    private ReceiveBlock _block = new(FirstBlock);
    private InboundBatch? _open;
    private MqttProtocolException? _failure;
    private TaskCompletionSource? _resume;
    private int _blockSize = FirstBlock;
    private int _underWayCount;
    private int _underWayBytes;
    private int _unackedQos1;
    private int _closing;
    private MqttReason _closeReason;
    private string? _closeDetail;
    private bool _saidGoodbye;
    private bool _peerLeft;
    private long _lastRead;
    private bool _isPaused;
    private TokenBucket _messageBucket;
    private TokenBucket _byteBucket;

    public MqttConnection(MqttBroker broker, Socket socket, long number)
    {
        (_broker, _socket, Number, DeviceSession) = (broker, socket, number, number);
        var now = broker.Clock.GetTimestamp();
        _lastRead = now;
        var options = broker.Options;
        _messageBucket = new TokenBucket(options.MessagesPerSecond, options.MessagesPerSecond, now);
        _byteBucket = new TokenBucket(options.BytesPerSecond, options.BytesPerSecond, now);
    }

    /// <summary>Grows with each connection of this process.</summary>
    public long Number { get; }

    /// <summary>The session mark a device's owner compares: the number, or a later one when the owner knew a later session.</summary>
    public long DeviceSession { get; set; }

    public MqttConnect? Connect { get; private set; }

    public MqttIdentity? Identity { get; private set; }

    public MqttSession? Session { get; private set; }

    public string ClientId { get; private set; } = "";

    public TimeSpan KeepAlive { get; private set; }

    public MqttVersion Version { get; private set; } = MqttVersion.V5;

    public int SendWindow { get; private set; }

    public MqttWill? Will { get; private set; }

    /// <summary>Why it may not stay; null when it may. It is told in the CONNACK.</summary>
    public MqttReason? Refusal { get; init; }

    /// <summary>The client id is a registered device.</summary>
    public bool IsDevice { get; set; }

    /// <summary>Its owner could not be told of it, or has forgotten it.</summary>
    public bool IsUntold { get; set; }

    /// <summary>A call to its owner is under way.</summary>
    public bool IsTelling { get; set; }

    private int _seen; // 1: something was read since the last TakeSeen

    /// <summary>Messages under way to the journal.</summary>
    public int UnderWay
    {
        get
        {
            lock (_ackLock) return _underWayCount;
        }
    }

    /// <summary>Serves the client until it leaves or is sent away; never throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            _socket.NoDelay = true;
            if (await ReadConnectAsync() is { } connect && await AdmitAsync(connect)) await ServeAsync();
        }
        catch (MqttProtocolException broken)
        {
            State(broken.Reason, broken.Message);
        }
        catch (Exception ended) when (ended is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            _peerLeft = Volatile.Read(ref _closing) == 0;
        }
        catch (Exception unexpected)
        {
            _broker.Log.LogError(unexpected, "MQTT client {ClientId}: the connection failed.", ClientId);
            State(MqttReason.Unspecified, "Internal error.");
        }

        await CloseAsync();
    }

    /// <summary>Ends the connection from outside: tells the client why, as far as it still listens. Any thread; returns at once.</summary>
    public void Abort(MqttReason reason, string detail)
    {
        if (!State(reason, detail)) return;
        ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Interrupt(), this, preferLocal: false);
    }

    /// <summary>Keep-alive and connect timeout; called about once a second.</summary>
    public void Sweep(long now)
    {
        if (Volatile.Read(ref _isPaused)) return;
        var silence = _broker.Clock.GetElapsedTime(Volatile.Read(ref _lastRead), now);
        if (Session is null)
        {
            if (silence > _broker.Options.ConnectTimeout) Abort(MqttReason.KeepAliveTimeout, "No CONNECT in time.");
        }
        else if (KeepAlive > TimeSpan.Zero && silence > KeepAlive * 1.5)
        {
            Abort(MqttReason.KeepAliveTimeout, "Silent for 1.5 keep-alive intervals.");
        }
    }

    /// <summary>Was it heard since the last call?</summary>
    public bool TakeSeen() => Interlocked.Exchange(ref _seen, 0) != 0;

    private bool State(MqttReason reason, string? detail)
    {
        if (Interlocked.Exchange(ref _closing, 1) != 0) return false;
        _closeReason = reason;
        _closeDetail = detail;
        return true;
    }

    private void Interrupt()
    {
        try
        {
            _stop.Cancel();
            _socket.Shutdown(SocketShutdown.Receive);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // The socket is closed already: what we wanted.
        }
    }

    private async Task<MqttConnect?> ReadConnectAsync()
    {
        while (true)
        {
            var status = MqttFrame.Read(_block.Unparsed, Math.Min(_broker.Options.MaxPacketBytes, 256 * 1024), out var frame);
            if (status is MqttFrameStatus.TooLarge or MqttFrameStatus.Malformed || (frame.HeaderLength > 0 && frame.First != 0x10))
            {
                _peerLeft = true; // not an MQTT client: no answer (clause 3.1.4)
                return null;
            }

            if (status == MqttFrameStatus.Complete)
            {
                var start = _block.Parsed + frame.HeaderLength;
                _block.Parsed += frame.TotalLength;
                return ReadConnectBody(start, frame.BodyLength);
            }

            if (!await ReceiveAsync(frame.TotalLength)) return null;
        }
    }

    private MqttConnect? ReadConnectBody(int start, int length)
    {
        try
        {
            var connect = MqttConnect.Read(_block.Bytes.AsSpan(start, length));
            Version = connect.Version;
            return connect;
        }
        catch (MqttProtocolException broken)
        {
            if (broken.Reason == MqttReason.UnsupportedVersion) Version = MqttVersion.V311;
            RefuseConnect(broken.Reason, broken.Message);
            return null;
        }
    }

    private void RefuseConnect(MqttReason reason, string? detail)
    {
        State(reason, detail);
        _broker.Metrics.Disconnect(reason.ToString());
        WriteConnAck(new MqttConnAck { Reason = reason, Detail = detail });
        _saidGoodbye = true;
    }

    private async Task<bool> AdmitAsync(MqttConnect connect)
    {
        if (Refusal is { } full) return Refused(full, "The door has too many connections or too many new ones; try again later.");
        if (connect.AuthenticationMethod is not null) return Refused(MqttReason.BadAuthenticationMethod, "Enhanced authentication is not offered.");
        ClientId = connect.ClientId.Length > 0 ? connect.ClientId : _broker.NewClientId(Number);
        if (ClientId.Length > 256) return Refused(MqttReason.ClientIdNotValid, "A client identifier holds at most 256 characters.");
        var login = new MqttLogin(ClientId, connect.UserName, connect.Password, _socket.RemoteEndPoint);
        var answer = await _broker.Admission.AdmitAsync(login, _stop.Token);
        if (answer.Identity is not { } identity)
        {
            _broker.Denied?.Invoke("anonymous", "MQTT CONNECT", answer.Reason.ToString(), 1); // names that nobody vouches for are not kept
            return Refused(answer.Reason, answer.Detail);
        }

        if (connect.Will is { } will && !identity.MayPublish(will.Topic, TopicEntry.Parse(System.Text.Encoding.UTF8.GetBytes(will.Topic), null).TwinId))
        {
            _broker.Denied?.Invoke(identity.SubjectName, $"MQTT WILL {will.Topic}", nameof(MqttReason.NotAuthorized), 1);
            return Refused(MqttReason.NotAuthorized, $"{identity.Name} may not publish to {will.Topic}.");
        }

        if (!_broker.TryCount(identity)) return Refused(MqttReason.QuotaExceeded, "Too many connections of this identity.");
        Identity = identity;
        Connect = connect;
        Will = connect.Will;
        SendWindow = Math.Min(connect.ReceiveMaximum, _broker.Options.MaxInflight);
        var asked = TimeSpan.FromSeconds(connect.KeepAliveSeconds);
        var longest = _broker.Options.MaxKeepAlive;
        KeepAlive = connect.Version == MqttVersion.V5 && (asked == TimeSpan.Zero || asked > longest) ? longest : asked;
        Session = _broker.OpenSession(this, connect);
        return true;
    }

    private bool Refused(MqttReason reason, string? detail)
    {
        RefuseConnect(reason, detail);
        return false;
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            var more = Parse(out var messages, out var bytes);
            _broker.Metrics.Take(messages, bytes);
            if (_open is { } batch) await SubmitAsync(batch);
            if (_failure is { } failure) throw failure;
            if (!more || Volatile.Read(ref _closing) != 0) return;
            if (!HasRoomFor(0)) throw new MqttProtocolException(MqttReason.QuotaExceeded, "The client does not read its acknowledgements.");
            await HoldBackAsync(messages, bytes);
            if (!await ReceiveAsync(_wanted)) return;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SubmitAsync(InboundBatch batch)
    {
        _open = null;
        lock (_ackLock)
        {
            _underWay.Enqueue(batch);
            _underWayCount += batch.EntryCount;
            _underWayBytes += batch.Bytes;
        }

        if (batch.HasSamples)
        {
            batch.Expect();
            Volatile.Write(ref _isPaused, true);
            try
            {
                await _broker.Entrance.OfferAsync(batch, _stop.Token);
            }
            catch (Exception refused)
            {
                if (refused is not OperationCanceledException) _broker.Log.LogError(refused, "MQTT client {ClientId}: the pipeline refused a chunk.", ClientId);
                batch.Refuse();
            }

            Resumed();
        }

        batch.Seal();
    }

    /// <summary>Waits while too much is under way or a rate is exceeded.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask HoldBackAsync(int messages, int bytes)
    {
        Task? wait = null;
        lock (_ackLock)
        {
            if (_underWayCount >= _broker.Options.ReceiveMaximum || _underWayBytes >= _broker.Options.MaxBytesUnderWay)
            {
                _resume = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                wait = _resume.Task;
            }
        }

        if (wait is not null)
        {
            Volatile.Write(ref _isPaused, true);
            await wait.WaitAsync(_stop.Token);
            Resumed();
        }

        var now = _broker.Clock.GetTimestamp();
        var forMessages = messages == 0 ? TimeSpan.Zero : _messageBucket.Take(messages, now, _broker.Clock);
        var forBytes = _byteBucket.Take(bytes, now, _broker.Clock);
        if (forMessages == TimeSpan.Zero && forBytes == TimeSpan.Zero) return;
        _broker.Metrics.Limit(forMessages > forBytes ? "messages" : "bytes");
        Volatile.Write(ref _isPaused, true);
        await Task.Delay(forMessages > forBytes ? forMessages : forBytes, _broker.Clock, _stop.Token);
        Resumed();
    }

    private void Resumed()
    {
        Volatile.Write(ref _lastRead, _broker.Clock.GetTimestamp());
        Volatile.Write(ref _isPaused, false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> ReceiveAsync(int wanted)
    {
        MakeRoom(wanted);
        var count = await _socket.ReceiveAsync(_block.Bytes.AsMemory(_block.Written), SocketFlags.None);
        if (count == 0)
        {
            _peerLeft = Volatile.Read(ref _closing) == 0;
            return false;
        }

        if (count == _block.Free && _blockSize < LargestBlock) _blockSize *= 2;
        _block.Written += count;
        Volatile.Write(ref _lastRead, _broker.Clock.GetTimestamp());
        Volatile.Write(ref _seen, 1);
        return true;
    }

    /// <summary>Room for the next read: the same block while it has some, else a fresh one with the unread tail. A large packet's block grows as its bytes come, not as its header promises.</summary>
    private void MakeRoom(int wanted)
    {
        var tail = _block.Written - _block.Parsed;
        if (tail == 0 && !_block.IsShared && _block.Bytes.Length >= _blockSize)
        {
            _block.Written = 0;
            _block.Parsed = 0;
            return;
        }

        if (_block.Free >= Math.Max(512, _block.Bytes.Length / 4)) return;
        var size = Math.Max(_blockSize, wanted > tail ? Math.Min(wanted, Math.Max(_blockSize, tail * 2)) : 0);
        var fresh = new ReceiveBlock(Math.Max(size, tail + 512));
        _block.Unparsed.CopyTo(fresh.Bytes);
        fresh.Written = tail;
        _block.Release();
        _block = fresh;
    }

    /// <summary>Every part of a batch is decided: acknowledges it and those behind it that are ready. Any thread.</summary>
    public void OnBatchDone(InboundBatch batch)
    {
        TaskCompletionSource? resume = null;
        lock (_ackLock)
        {
            batch.IsDone = true;
            while (_underWay.TryPeek(out var head) && head.IsDone)
            {
                _underWay.Dequeue();
                Answer(head);
                _underWayCount -= head.EntryCount;
                _underWayBytes -= head.Bytes;
                head.Clear();
                if (_spare.Count < 8) _spare.Push(head);
            }

            if (_resume is not null && _underWayCount < _broker.Options.ReceiveMaximum && _underWayBytes < _broker.Options.MaxBytesUnderWay)
                (resume, _resume) = (_resume, null);
            if (_underWayCount == 0) _idle?.TrySetResult();
        }

        resume?.TrySetResult();
        Flush();
    }
}
