using System.Buffers;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Twin.Wire.Mqtt;

namespace Twin.Devices.Mqtt;

/// <summary>The connection: opening, reading, sending, opening again.</summary>
public sealed partial class MqttDeviceClient
{
    private readonly Channel<MqttInbound> _inbox = Channel.CreateBounded<MqttInbound>(1_000); // full: reading waits
    private byte[] _receive = new byte[64 * 1024];
    private Task _handling = Task.CompletedTask;
    private int _received;
    private long _lastHeard;

    private async Task<Socket> OpenAsync(bool cleanStart, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(_options.Host, _options.Port, cancellationToken);
            var connect = new ArrayBufferWriter<byte>(256);
            MqttWriter.WriteConnect(connect, new MqttConnect
            {
                ClientId = _options.ClientId,
                CleanStart = cleanStart,
                KeepAliveSeconds = (ushort)_options.KeepAlive.TotalSeconds,
                UserName = _options.UserName,
                Password = _options.Password is null ? null : Encoding.UTF8.GetBytes(_options.Password),
                SessionExpirySeconds = (uint)_options.SessionExpiry.TotalSeconds,
                Will = _options.Will,
            });
            await SendAllAsync(socket, connect.WrittenMemory, cancellationToken);
            var answer = await ReadConnAckAsync(socket, cancellationToken);
            if (answer.Reason >= MqttReason.Unspecified) throw new MqttRefusedException(answer.Reason, answer.Detail);
            Opened(socket, answer, again: !cleanStart);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<MqttConnAck> ReadConnAckAsync(Socket socket, CancellationToken cancellationToken)
    {
        _received = 0;
        while (true)
        {
            var count = await socket.ReceiveAsync(_receive.AsMemory(_received), SocketFlags.None, cancellationToken);
            if (count == 0) throw new SocketException((int)SocketError.ConnectionReset);
            _received += count;
            var status = MqttFrame.Read(_receive.AsSpan(0, _received), _receive.Length, out var frame);
            if (status == MqttFrameStatus.Incomplete) continue;
            if (status != MqttFrameStatus.Complete || frame.Type != MqttPacketType.ConnAck) throw new MqttProtocolException(MqttReason.ProtocolError, "The broker's first packet is not a CONNACK.");
            var answer = MqttConnAck.Read(_receive.AsSpan(frame.HeaderLength, frame.BodyLength), MqttVersion.V5);
            Shift(frame.TotalLength);
            return answer;
        }
    }

    private void Opened(Socket socket, MqttConnAck answer, bool again)
    {
        lock (_lock)
        {
            if (!again)
            {
                for (var surplus = _options.Window - answer.ReceiveMaximum; surplus > 0; surplus--) _room.Wait(0);
            }

            _maxPacket = answer.MaximumPacketSize is 0 or > int.MaxValue ? int.MaxValue : (int)answer.MaximumPacketSize;
            _socket = socket;
            _pending.ResetWrittenCount();
            _window.WriteAgain(_pending, all: true);
            if (again)
                foreach (var (filter, qos, _) in _subscriptions) Ask(filter, qos);
            _lastHeard = _clock.GetTimestamp();
            _isReady = true;
        }

        Kick();
    }

    private async Task RunAsync(Socket socket)
    {
        var wait = _options.FirstReconnect;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using (socket) await ReadAsync(socket);
            }
            catch (Exception lost) when (lost is SocketException or ObjectDisposedException or MqttProtocolException or OperationCanceledException)
            {
                // Lost: connect again below.
            }

            Lost();
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    await Task.Delay(wait * (0.5 + _jitter.NextDouble()), _clock, _stop.Token);
                    socket = await OpenAsync(cleanStart: false, _stop.Token);
                    Interlocked.Increment(ref _reconnects);
                    wait = _options.FirstReconnect;
                    break;
                }
                catch (Exception failed) when (failed is SocketException or MqttRefusedException or MqttProtocolException or OperationCanceledException)
                {
                    wait = wait * 2 < _options.LongestReconnect ? wait * 2 : _options.LongestReconnect;
                }
            }
        }
    }

    private void Lost()
    {
        lock (_lock)
        {
            _isReady = false;
            _pending.ResetWrittenCount();
            Release(ref _unsent);
            foreach (var asked in _asked.Values) asked.TrySetException(new IOException("The connection was lost before the broker answered; the subscription is renewed with the next one."));
            _asked.Clear();
        }
    }

    private async Task ReadAsync(Socket socket)
    {
        while (true)
        {
            var inbound = Parse();
            if (inbound is not null)
                foreach (var message in inbound) await _inbox.Writer.WriteAsync(message, _stop.Token);
            var count = await socket.ReceiveAsync(_receive.AsMemory(_received), SocketFlags.None);
            if (count == 0) return;
            _received += count;
            Volatile.Write(ref _lastHeard, _clock.GetTimestamp());
        }
    }

    /// <summary>Handles every whole packet at hand; returns messages for handlers.</summary>
    private List<MqttInbound>? Parse()
    {
        List<MqttInbound>? inbound = null;
        var at = 0;
        var released = 0;
        while (true)
        {
            var status = MqttFrame.Read(_receive.AsSpan(at, _received - at), 16 << 20, out var frame);
            if (status == MqttFrameStatus.Incomplete)
            {
                Shift(at);
                if (frame.TotalLength > _receive.Length) Array.Resize(ref _receive, frame.TotalLength);
                break;
            }

            if (status != MqttFrameStatus.Complete) throw new MqttProtocolException(MqttReason.MalformedPacket, "The broker sent a packet that cannot be read.");
            var body = _receive.AsSpan(at + frame.HeaderLength, frame.BodyLength);
            at += frame.TotalLength;
            switch (frame.Type)
            {
                case MqttPacketType.PubAck: released += OnPubAck(MqttAck.Read(body, MqttVersion.V5)); break;
                case MqttPacketType.Publish: (inbound ??= []).Add(OnPublish(frame.Flags, body)); break;
                case MqttPacketType.SubAck: OnSubAck(body); break;
                case MqttPacketType.PingResp: break;
                case MqttPacketType.Disconnect: throw new MqttProtocolException(MqttDisconnect.Read(body, MqttVersion.V5).Reason, "The broker ended the connection.");
                default: throw new MqttProtocolException(MqttReason.ProtocolError, $"The broker sent {frame.Type}.");
            }
        }

        if (released > 0)
        {
            _room.Release(released);
            lock (_lock)
                if (_settled is not null && IsSettled) Release(ref _settled);
        }

        return inbound;
    }

    private int OnPubAck(MqttAck ack)
    {
        long tag;
        lock (_lock)
        {
            if (ack.Reason == MqttReason.QuotaExceeded)
            {
                _window.TryDefer(ack.PacketId);
                return 0;
            }

            if (!_window.TryRelease(ack.PacketId, out tag)) return 0;
        }

        if (ack.Reason < MqttReason.Unspecified) Interlocked.Increment(ref _acknowledged);
        else Interlocked.Increment(ref _refused);
        _observer?.OnAcknowledged(tag, ack.Reason);
        return 1;
    }

    private MqttInbound OnPublish(int flags, ReadOnlySpan<byte> body)
    {
        var publish = MqttPublish.Read(flags, body, MqttVersion.V5);
        string? response = null;
        byte[]? correlation = null;
        var properties = new MqttPropertyReader(publish.Properties);
        while (properties.Read())
        {
            if (properties.Id == MqttProperty.ResponseTopic) response = properties.Text;
            else if (properties.Id == MqttProperty.CorrelationData) correlation = properties.Bytes.ToArray();
        }

        if (publish.Qos == 1)
        {
            lock (_lock) MqttWriter.WriteAck(_pending, MqttVersion.V5, MqttPacketType.PubAck, publish.PacketId);
            Kick();
        }

        return new MqttInbound(publish.TopicText, body[publish.PayloadOffset..].ToArray(), response, correlation, publish.IsRetained);
    }

    private void OnSubAck(ReadOnlySpan<byte> body)
    {
        var (id, codes) = MqttAck.ReadCodes(body, MqttVersion.V5);
        lock (_lock)
            if (_asked.Remove(id, out var asked)) asked.TrySetResult(codes);
    }

    private async Task HandleAsync()
    {
        await foreach (var message in _inbox.Reader.ReadAllAsync())
        {
            Func<MqttInbound, ValueTask>[] handlers;
            lock (_lock) handlers = [.. _subscriptions.Where(s => MqttTopicFilter.Matches(PlainFilter(s.Filter), message.Topic)).Select(s => s.Handler)];
            foreach (var handler in handlers)
            {
                try
                {
                    await handler(message);
                }
                catch (Exception)
                {
                    Interlocked.Increment(ref _handlerFailures);
                }
            }
        }
    }

    private static string PlainFilter(string filter) => MqttTopicFilter.TryParse(filter, out var plain, out _) ? plain : filter;

    private void Shift(int count)
    {
        if (count == 0) return;
        _received -= count;
        _receive.AsSpan(count, _received).CopyTo(_receive);
    }

    /// <summary>Once a second: ping, notice a silent broker, send deferred messages again.</summary>
    private void Tick()
    {
        lock (_lock)
        {
            if (!_isReady) return;
            var now = _clock.GetTimestamp();
            if (_clock.GetElapsedTime(Volatile.Read(ref _lastHeard), now) > _options.KeepAlive * 1.5)
            {
                _socket?.Dispose();
                return;
            }

            _window.WriteAgain(_pending, all: false);
            if (_clock.GetElapsedTime(_lastSent, now) > _options.KeepAlive * 0.5) MqttWriter.WritePing(_pending, MqttPacketType.PingReq);
        }

        Kick();
    }

    /// <summary>Wakes the sender unless it is awake; it takes everything written meanwhile in one call.</summary>
    private void Kick()
    {
        lock (_lock)
        {
            if (_isSending || !_isReady || _pending.WrittenCount == 0) return;
            _isSending = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <inheritdoc/>
    void IThreadPoolWorkItem.Execute() => _ = SendAsync(); // ends by itself when the buffer is empty or the socket is gone

    private async Task SendAsync()
    {
        try
        {
            while (Swap() is { } socket)
            {
                await SendAllAsync(socket, _outgoing.WrittenMemory, CancellationToken.None);
                _outgoing.ResetWrittenCount();
            }
        }
        catch (Exception lost) when (lost is SocketException or ObjectDisposedException)
        {
            lock (_lock)
            {
                _outgoing.ResetWrittenCount();
                _isSending = false;
                Release(ref _quiet);
            }

            Kick(); // a new connection may have something to say
        }
    }

    private Socket? Swap()
    {
        lock (_lock)
        {
            Release(ref _unsent);
            if (!_isReady || _pending.WrittenCount == 0)
            {
                _isSending = false;
                Release(ref _quiet);
                if (_settled is not null && IsSettled) Release(ref _settled);
                return null;
            }

            (_pending, _outgoing) = (_outgoing, _pending);
            _lastSent = _clock.GetTimestamp();
            return _socket;
        }
    }

    private static void Release(ref TaskCompletionSource? waiting)
    {
        waiting?.TrySetResult();
        waiting = null;
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0) bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancellationToken)..];
    }
}
