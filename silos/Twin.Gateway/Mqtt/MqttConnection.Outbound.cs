using System.Net.Sockets;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>The writing side: everything goes into one buffer, whoever writes; one sender empties it with as few system calls as it can.</summary>
internal sealed partial class MqttConnection
{
    private readonly Lock _gate = new();
    private OutboundBuffer _pending = new();
    private OutboundBuffer _sendingBuffer = new();
    private Dictionary<string, ushort>? _outAliases;
    private TaskCompletionSource? _idle;
    private int _pendingMessages;
    private int _sendingBytes;
    private bool _isSending;
    private bool _isBroken;
    private Task _sending = Task.CompletedTask;

    /// <summary>Is there room for a message of that many bytes?</summary>
    public bool HasRoomFor(int bytes)
    {
        lock (_gate) return !_isBroken && _pending.Count + _sendingBytes + bytes <= _broker.Options.MaxOutboundBytes && _pendingMessages < _broker.Options.MaxOutboundMessages;
    }

    /// <summary>Writes a QoS 0 message; false when there is no room.</summary>
    public bool TryWriteQos0(MqttMessage message, bool retain, int[] ids)
    {
        if (!HasRoomFor(message.Size)) return false;
        WritePublish(message, 0, retain, ids, 0, duplicate: false);
        return true;
    }

    /// <summary>Writes a message; false when it has expired or is larger than the client takes.</summary>
    public bool WritePublish(MqttMessage message, byte qos, bool retain, int[] ids, ushort packetId, bool duplicate)
    {
        var nowMs = message.ExpiresAtMs == 0 ? 0 : _broker.NowMs;
        if (message.IsExpired(nowMs))
        {
            _broker.Metrics.Drop("expired");
            return false;
        }

        var options = new MqttPublishOptions(qos, retain, duplicate, packetId, 0, message.SecondsLeft(nowMs));
        if (Connect!.MaximumPacketSize > 0 && MqttWriter.PublishSize(Version, message.TopicUtf8.Length, message.Payload.Length, options, message.Forwarded.Length, ids) > Connect.MaximumPacketSize)
        {
            _broker.Metrics.Drop("too large");
            return false;
        }

        lock (_gate)
        {
            if (_isBroken) return true;
            var topic = message.TopicUtf8.AsSpan();
            if (Connect.TopicAliasMaximum > 0) options = options with { TopicAlias = Alias(message.Topic, ref topic) };
            MqttWriter.WritePublish(_pending, Version, topic, message.Payload, options, message.Forwarded, ids);
            _pendingMessages++;
        }

        _broker.Metrics.Send();
        Flush();
        return true;
    }

    /// <summary>Writes an acknowledgement.</summary>
    public void WriteAck(MqttPacketType type, ushort packetId, MqttReason reason = MqttReason.Success, string? detail = null)
    {
        lock (_gate)
            if (!_isBroken) MqttWriter.WriteAck(_pending, Version, type, packetId, reason, detail);
        Flush();
    }

    public void WriteConnAck(MqttConnAck ack)
    {
        lock (_gate) MqttWriter.WriteConnAck(_pending, Version, ack);
        Flush();
    }

    public void WriteCodes(MqttPacketType type, ushort packetId, byte[] codes)
    {
        lock (_gate) MqttWriter.WriteCodes(_pending, Version, type, packetId, codes);
        Flush();
    }

    private void WritePing()
    {
        lock (_gate) MqttWriter.WritePing(_pending, MqttPacketType.PingResp);
        Flush();
    }

    private ushort Alias(string topic, ref Span<byte> utf8)
    {
        _outAliases ??= new Dictionary<string, ushort>(StringComparer.Ordinal);
        if (_outAliases.TryGetValue(topic, out var known))
        {
            utf8 = default;
            return known;
        }

        if (_outAliases.Count >= Math.Min(Connect!.TopicAliasMaximum, _broker.Options.TopicAliasMaximum)) return 0;
        return _outAliases[topic] = (ushort)(_outAliases.Count + 1);
    }

    /// <summary>Wakes the sender unless it is awake. It runs from the pool's queue, so what is written meanwhile leaves in the same call.</summary>
    private void Flush()
    {
        lock (_gate)
        {
            if (_isSending || _isBroken || _pending.Count == 0) return;
            _isSending = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <inheritdoc/>
    void IThreadPoolWorkItem.Execute() => _sending = SendAsync();

    private async Task SendAsync()
    {
        try
        {
            while (Swap() is { } buffer)
            {
                var rest = buffer.Written;
                while (rest.Length > 0) rest = rest[await _socket.SendAsync(rest, SocketFlags.None)..];
                buffer.Reset();
                lock (_gate) _sendingBytes = 0;
                Session?.OnDrained();
            }
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            lock (_gate)
            {
                _isBroken = true;
                _isSending = false;
            }

            _broken.TrySetResult();
            Interrupt();
        }
    }

    private OutboundBuffer? Swap()
    {
        lock (_gate)
        {
            if (_pending.Count == 0)
            {
                _isSending = false;
                _drained?.TrySetResult();
                return null;
            }

            (_pending, _sendingBuffer) = (_sendingBuffer, _pending);
            _sendingBytes = _sendingBuffer.Count;
            _pendingMessages = 0;
            return _sendingBuffer;
        }
    }

    private readonly TaskCompletionSource _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _drained;

    private Task DrainedAsync()
    {
        lock (_gate)
        {
            if (_isBroken || (!_isSending && _pending.Count == 0)) return Task.CompletedTask;
            _drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return Task.WhenAny(_drained.Task, _broken.Task);
        }
    }

    private Task IdleAsync()
    {
        lock (_ackLock)
        {
            if (_underWayCount == 0) return Task.CompletedTask;
            _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    /// <summary>Says why, lets the last bytes leave, closes; then the broker settles session and will.</summary>
    private async Task CloseAsync()
    {
        var clock = _broker.Clock;
        try
        {
            if (_closeReason == MqttReason.ServerShuttingDown) await IdleAsync().WaitAsync(_broker.Options.StopTimeout, clock);
            var speaks = !_peerLeft && !_saidGoodbye && Session is not null;
            if (speaks && Version == MqttVersion.V5)
            {
                var detail = Connect!.WantsProblemDetails ? _closeDetail : null;
                lock (_gate) MqttWriter.WriteDisconnect(_pending, Version, _closeReason, detail);
                Flush();
            }

            if (!_peerLeft) await LingerAsync(clock);
        }
        catch (Exception gave) when (gave is TimeoutException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client does not take its goodbye: the socket is closed without it.
        }

        if (Session is not null) _broker.Metrics.Disconnect(_peerLeft && _closeReason == MqttReason.Success ? "client left" : _closeReason.ToString());
        _socket.Dispose();
        lock (_gate) _isBroken = true;
        _broken.TrySetResult();
        await _sending;
        _block.Release();
        _broker.OnClosed(this);
    }

    /// <summary>Waits for the goodbye to leave, then reads and forgets what the client was still sending: closing at once would reset the connection and take the goodbye with it.</summary>
    private async Task LingerAsync(TimeProvider clock)
    {
        await DrainedAsync().WaitAsync(TimeSpan.FromSeconds(2), clock);
        _socket.Shutdown(SocketShutdown.Send);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2), clock);
        var waste = new byte[16 * 1024];
        for (var total = 0L; total < 32 << 20;)
        {
            var count = await _socket.ReceiveAsync(waste, SocketFlags.None, limit.Token);
            if (count == 0) return;
            total += count;
        }
    }
}
