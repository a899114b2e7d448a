using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>
/// What a client has beyond a connection: subscriptions, messages on their way to it, QoS 2 identifiers it has sent. Lives in memory
/// until its expiry; a restart of the process ends it. Thread-safe by one lock, taken before a connection's.
/// </summary>
internal sealed class MqttSession(string clientId, MqttDoorOptions options, MqttMetrics metrics, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ushort, Inflight> _inflight = [];
    private readonly Queue<Outbound> _queue = [];
    private readonly Dictionary<ushort, Qos2State> _received = [];
    private long _queuedBytes;
    private long _order;
    private ushort _lastPacketId;
    private MqttConnection? _connection;

    private enum Qos2State : byte
    {
        Pending,
        PendingAskedAgain,
        Received,
    }

    private readonly record struct Outbound(MqttMessage Message, byte Qos, bool Retain, int[] Ids);

    private sealed class Inflight(Outbound outbound, long order)
    {
        public Outbound? Outbound { get; set; } = outbound; // null: PUBREC has come, PUBCOMP is awaited

        public long Order { get; } = order;
    }

    public string ClientId { get; } = clientId;

    /// <summary>Who has it; guarded by the broker's session lock. Another who comes under the same client identifier gets a session of its own.</summary>
    public MqttIdentity? Identity { get; set; }

    /// <summary>Subscriptions by filter text; guarded by the broker's session lock.</summary>
    public Dictionary<string, Subscription> Subscriptions { get; } = new(StringComparer.Ordinal);

    public TimeSpan Expiry { get; set; }

    /// <summary>Timestamp at which the connection was lost.</summary>
    public long AbsentSince { get; private set; }

    public MqttConnection? Connection => Volatile.Read(ref _connection);

    public bool IsConnected => Connection is not null;

    /// <summary>QoS 2 messages whose PUBREL has not come.</summary>
    public int ReceivedCount
    {
        get
        {
            lock (_lock) return _received.Count;
        }
    }

    /// <summary>Takes the session for a connection; returns the one that had it.</summary>
    public MqttConnection? Attach(MqttConnection connection)
    {
        lock (_lock)
        {
            var before = _connection;
            Volatile.Write(ref _connection, connection);
            return before;
        }
    }

    /// <summary>Resends what the client has not acknowledged, then what waited. Called once the CONNACK is written.</summary>
    public void Resume()
    {
        lock (_lock)
        {
            if (_connection is not { } connection) return;
            foreach (var (id, inflight) in _inflight.OrderBy(pair => pair.Value.Order))
            {
                if (inflight.Outbound is { } outbound) connection.WritePublish(outbound.Message, outbound.Qos, outbound.Retain, outbound.Ids, id, duplicate: true);
                else connection.WriteAck(MqttPacketType.PubRel, id);
            }

            Pump();
        }
    }

    /// <summary>The connection is gone; false when another one has the session already.</summary>
    public bool Detach(MqttConnection connection)
    {
        lock (_lock)
        {
            if (!ReferenceEquals(_connection, connection)) return false;
            Volatile.Write(ref _connection, null);
            AbsentSince = clock.GetTimestamp();
            return true;
        }
    }

    /// <summary>Hands a message to the client, now or when it can take it.</summary>
    public void Deliver(MqttMessage message, byte qos, bool retain, int[] ids)
    {
        lock (_lock)
        {
            var outbound = new Outbound(message, qos, retain, ids);
            if (qos == 0)
            {
                if (_connection is null || !_connection.TryWriteQos0(message, retain, ids)) metrics.Drop(_connection is null ? "absent" : "slow");
                return;
            }

            if (_queue.Count == 0 && CanSend(message)) Send(outbound);
            else Enqueue(outbound);
        }
    }

    /// <summary>PUBACK, PUBREC, PUBCOMP from the client.</summary>
    public void OnAck(MqttPacketType type, MqttAck ack)
    {
        lock (_lock)
        {
            if (!_inflight.TryGetValue(ack.PacketId, out var inflight))
            {
                if (type == MqttPacketType.PubRec) _connection?.WriteAck(MqttPacketType.PubRel, ack.PacketId, MqttReason.PacketIdNotFound);
                return;
            }

            if (type == MqttPacketType.PubRec && ack.Reason < MqttReason.Unspecified)
            {
                inflight.Outbound = null;
                _connection?.WriteAck(MqttPacketType.PubRel, ack.PacketId);
                return;
            }

            _inflight.Remove(ack.PacketId);
            Pump();
        }
    }

    /// <summary>The connection has room again.</summary>
    public void OnDrained()
    {
        lock (_lock)
            if (_queue.Count > 0) Pump();
    }

    /// <summary>A QoS 2 PUBLISH came. True when it is new and must be handled; else <paramref name="answerNow"/> says whether to repeat the PUBREC.</summary>
    public bool BeginQos2(ushort packetId, out bool answerNow)
    {
        lock (_lock)
        {
            answerNow = false;
            if (!_received.TryGetValue(packetId, out var state))
            {
                _received[packetId] = Qos2State.Pending;
                return true;
            }

            answerNow = state == Qos2State.Received;
            if (!answerNow) _received[packetId] = Qos2State.PendingAskedAgain;
            return false;
        }
    }

    /// <summary>A QoS 2 message is decided. Returns a connection that must get the PUBREC because the client asked again on it.</summary>
    public MqttConnection? EndQos2(ushort packetId, bool success)
    {
        lock (_lock)
        {
            var asked = _received.TryGetValue(packetId, out var state) && state == Qos2State.PendingAskedAgain;
            if (success) _received[packetId] = Qos2State.Received;
            else _received.Remove(packetId);
            return asked ? _connection : null;
        }
    }

    /// <summary>PUBREL: forgets the identifier; false when it was not known.</summary>
    public bool ReleaseQos2(ushort packetId)
    {
        lock (_lock) return _received.Remove(packetId);
    }

    private bool CanSend(MqttMessage message) =>
        _connection is { } connection && _inflight.Count < connection.SendWindow && connection.HasRoomFor(message.Size);

    private void Send(in Outbound outbound)
    {
        do
        {
            if (++_lastPacketId == 0) _lastPacketId = 1;
        }
        while (_inflight.ContainsKey(_lastPacketId));

        if (!_connection!.WritePublish(outbound.Message, outbound.Qos, outbound.Retain, outbound.Ids, _lastPacketId, duplicate: false)) return; // larger than the client takes, or expired
        _inflight[_lastPacketId] = new Inflight(outbound, _order++);
    }

    private void Enqueue(in Outbound outbound)
    {
        if (_queue.Count < options.MaxOutboundMessages && _queuedBytes + outbound.Message.Size <= options.MaxOutboundBytes)
        {
            _queue.Enqueue(outbound);
            _queuedBytes += outbound.Message.Size;
            return;
        }

        metrics.Drop("queue full");
        if (_connection is not { } connection) return;
        metrics.Limit("outbound");
        connection.Abort(MqttReason.QuotaExceeded, "The client takes messages more slowly than they come.");
    }

    private void Pump()
    {
        while (_queue.TryPeek(out var next) && CanSend(next.Message))
        {
            _queue.Dequeue();
            _queuedBytes -= next.Message.Size;
            Send(next);
        }
    }
}
