using Twin.Model;
using Twin.Pipelines.Ingest;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>What each packet does.</summary>
internal sealed partial class MqttConnection
{
    private TopicEntry?[]? _aliases;
    private int _wanted;

    /// <summary>Handles every whole packet at hand. False when the client said goodbye; a broken packet is kept in <see cref="_failure"/>.</summary>
    private bool Parse(out int messages, out int bytes)
    {
        messages = 0;
        bytes = 0;
        try
        {
            while (true)
            {
                var status = MqttFrame.Read(_block.Unparsed, _broker.Options.MaxPacketBytes, out var frame);
                _wanted = frame.TotalLength;
                if (status == MqttFrameStatus.Incomplete) return true;
                if (status == MqttFrameStatus.Malformed) throw new MqttProtocolException(MqttReason.MalformedPacket, "A remaining length has more than four bytes.");
                if (status == MqttFrameStatus.TooLarge)
                {
                    _broker.Metrics.Limit("packet");
                    throw new MqttProtocolException(MqttReason.PacketTooLarge, $"A packet has {frame.TotalLength} bytes; at most {_broker.Options.MaxPacketBytes} are allowed.");
                }

                var start = _block.Parsed + frame.HeaderLength;
                _block.Parsed += frame.TotalLength;
                bytes += frame.TotalLength;
                if (frame.Type == MqttPacketType.Publish)
                {
                    messages++;
                    OnPublish(frame.Flags, start, frame.BodyLength);
                }
                else if (!OnControl(frame, _block.Bytes.AsSpan(start, frame.BodyLength)))
                {
                    return false;
                }
            }
        }
        catch (MqttProtocolException broken)
        {
            _failure = broken;
            return false;
        }
    }

    private void OnPublish(int flags, int start, int length)
    {
        var publish = MqttPublish.Read(flags, _block.Bytes.AsSpan(start, length), Version);
        if (publish.HasSubscriptionId) throw new MqttProtocolException(MqttReason.ProtocolError, "A client may not send a subscription identifier.");
        var topic = Resolve(publish);
        if (publish.Qos > 0 && !Admits(publish)) return;
        var batch = _open ??= NewBatch();
        if (topic.Kind == TopicKind.Changes || !Identity!.MayPublish(topic.Topic, topic.TwinId))
        {
            _broker.Metrics.Refuse("not authorized");
            _broker.Denied?.Invoke(Identity!.SubjectName, $"MQTT PUBLISH {topic.Topic}", nameof(MqttReason.NotAuthorized), 1);
            batch.Add(publish.PacketId, publish.Qos, 0, MqttReason.NotAuthorized);
            return;
        }

        var payload = _block.Bytes.AsMemory(start + publish.PayloadOffset, length - publish.PayloadOffset);
        var listened = _broker.Subscriptions.MayMatch(topic.Kind);
        if (listened || publish.IsRetained)
        {
            var reason = Forward(publish, topic, payload.Span, listened);
            if (reason >= MqttReason.Unspecified || topic.Kind == TopicKind.Ordinary)
            {
                batch.Add(publish.PacketId, publish.Qos, payload.Length, reason);
                return;
            }
        }

        if (topic.Kind == TopicKind.Samples) batch.AddSample(topic, payload, publish.PacketId, publish.Qos);
        else if (topic.Kind == TopicKind.Ordinary) batch.Add(publish.PacketId, publish.Qos, payload.Length, Version == MqttVersion.V5 ? MqttReason.NoMatchingSubscribers : MqttReason.Success);
        else Hand(batch, topic, payload, publish);
    }

    /// <summary>Retains and routes. Returns the answer for an ordinary message.</summary>
    private MqttReason Forward(in MqttPublish publish, TopicEntry topic, ReadOnlySpan<byte> payload, bool listened)
    {
        var expires = publish.ExpirySeconds is { } seconds ? _broker.NowMs + (seconds * 1000L) : 0;
        var message = new MqttMessage(topic.Topic, payload.ToArray(), publish.Qos, publish.IsRetained, publish.CopyForwardedProperties(), expires);
        if (publish.IsRetained && !_broker.Retain(message)) return MqttReason.QuotaExceeded;
        var receivers = listened ? _broker.Route(message, Session) : 0;
        return receivers > 0 ? MqttReason.Success : MqttReason.NoMatchingSubscribers;
    }

    /// <summary>Telemetry, reported state, replies and tapped topics: each has its own owner and answers later.</summary>
    private void Hand(InboundBatch batch, TopicEntry topic, ReadOnlyMemory<byte> payload, in MqttPublish publish)
    {
        var entry = batch.Add(publish.PacketId, publish.Qos, payload.Length);
        var code = topic.Kind == TopicKind.Reply ? ReplyCode(publish.Properties) : 0;
        batch.Expect();
        ValueTask<MessageFate> fate;
        try
        {
            fate = _broker.HandAsync(topic, payload, code, batch.ArrivalTime, _stop.Token);
        }
        catch (Exception failed)
        {
            fate = ValueTask.FromException<MessageFate>(failed);
        }

        if (fate.IsCompletedSuccessfully) batch.Decide(entry, fate.Result);
        else _ = DecideAsync(batch, entry, fate); // owned by the batch: it stays under way until decided
    }

    private async Task DecideAsync(InboundBatch batch, int entry, ValueTask<MessageFate> pending)
    {
        MessageFate fate;
        try
        {
            fate = await pending;
        }
        catch (Exception failed)
        {
            fate = new MessageFate(false, SampleFate.Unavailable, failed is OperationCanceledException ? "Cancelled." : failed.Message);
        }

        batch.Decide(entry, fate);
    }

    /// <summary>A reply's status code is the user property <c>code</c>; 200 without one.</summary>
    private static int ReplyCode(ReadOnlySpan<byte> block)
    {
        var properties = new MqttPropertyReader(block);
        while (properties.Read())
        {
            if (properties.Id == MqttProperty.UserProperty && properties.Bytes.SequenceEqual("code"u8)
                && System.Buffers.Text.Utf8Parser.TryParse(properties.Second, out int code, out var used) && used == properties.Second.Length) return code;
        }

        return 200;
    }

    private TopicEntry Resolve(in MqttPublish publish)
    {
        if (publish.TopicAlias == 0) return _broker.Topics.Find(publish.Topic);
        if (publish.TopicAlias > _broker.Options.TopicAliasMaximum)
            throw new MqttProtocolException(MqttReason.TopicAliasInvalid, $"Topic alias {publish.TopicAlias} is above {_broker.Options.TopicAliasMaximum}.");
        _aliases ??= new TopicEntry?[_broker.Options.TopicAliasMaximum + 1];
        if (publish.Topic.IsEmpty)
            return _aliases[publish.TopicAlias] ?? throw new MqttProtocolException(MqttReason.ProtocolError, $"Topic alias {publish.TopicAlias} was not set on this connection.");
        return _aliases[publish.TopicAlias] = _broker.Topics.Find(publish.Topic);
    }

    /// <summary>Counts against the receive maximum and filters QoS 2 repeats; false when the message must not be handled (again).</summary>
    private bool Admits(in MqttPublish publish)
    {
        if (publish.Qos == 1)
        {
            var unacked = Interlocked.Increment(ref _unackedQos1);
            if (Version == MqttVersion.V5 && unacked > _broker.Options.ReceiveMaximum) ThrowReceiveMaximum();
            return true;
        }

        if (!Session!.BeginQos2(publish.PacketId, out var answerNow))
        {
            if (answerNow) WriteAck(MqttPacketType.PubRec, publish.PacketId);
            return false;
        }

        if (Session.ReceivedCount > _broker.Options.ReceiveMaximum) ThrowReceiveMaximum();
        return true;
    }

    private void ThrowReceiveMaximum()
    {
        _broker.Metrics.Limit("receive maximum");
        throw new MqttProtocolException(MqttReason.ReceiveMaximumExceeded, $"More than {_broker.Options.ReceiveMaximum} unacknowledged messages.");
    }

    private InboundBatch NewBatch()
    {
        InboundBatch? batch;
        lock (_ackLock)
            if (!_spare.TryPop(out batch)) batch = new InboundBatch(this);
        batch.Open(_block, WallTime.Now(_broker.Clock));
        return batch;
    }

    private bool OnControl(MqttFrame frame, ReadOnlySpan<byte> body)
    {
        var flags = frame.Type is MqttPacketType.PubRel or MqttPacketType.Subscribe or MqttPacketType.Unsubscribe ? 2 : 0;
        if (frame.Flags != flags) throw new MqttProtocolException(MqttReason.MalformedPacket, $"{frame.Type} has flags {frame.Flags}; {flags} is required.");
        switch (frame.Type)
        {
            case MqttPacketType.PubAck or MqttPacketType.PubRec or MqttPacketType.PubComp:
                Session!.OnAck(frame.Type, MqttAck.Read(body, Version));
                return true;
            case MqttPacketType.PubRel:
                var release = MqttAck.Read(body, Version);
                WriteAck(MqttPacketType.PubComp, release.PacketId, Session!.ReleaseQos2(release.PacketId) ? MqttReason.Success : MqttReason.PacketIdNotFound);
                return true;
            case MqttPacketType.Subscribe:
                _broker.Subscribe(this, MqttSubscribe.Read(body, Version));
                return true;
            case MqttPacketType.Unsubscribe:
                var (packetId, filters) = MqttSubscribe.ReadUnsubscribe(body, Version);
                WriteCodes(MqttPacketType.UnsubAck, packetId, _broker.Unsubscribe(this, filters));
                return true;
            case MqttPacketType.PingReq:
                WritePing();
                return true;
            case MqttPacketType.Disconnect:
                OnDisconnect(MqttDisconnect.Read(body, Version));
                return false;
            default:
                throw new MqttProtocolException(MqttReason.ProtocolError, $"A client may not send {frame.Type} here.");
        }
    }

    private void OnDisconnect(MqttDisconnect goodbye)
    {
        if (goodbye.SessionExpirySeconds is { } seconds)
        {
            if (Connect!.SessionExpirySeconds == 0 && seconds > 0) throw new MqttProtocolException(MqttReason.ProtocolError, "A session without expiry cannot get one at DISCONNECT.");
            Session!.Expiry = _broker.BoundExpiry(seconds);
        }

        if (goodbye.Reason != MqttReason.DisconnectWithWill) Will = null;
        _peerLeft = true;
        State(goodbye.Reason, null);
    }

    private void Answer(InboundBatch batch)
    {
        foreach (ref readonly var entry in batch.Entries)
        {
            if (entry.Reason >= MqttReason.Unspecified && entry.Reason != MqttReason.NotAuthorized) _broker.Metrics.Refuse(entry.Acknowledge ? "samples" : "unavailable");
            if (entry.Qos == 1)
            {
                Interlocked.Decrement(ref _unackedQos1);
                AnswerOne(this, MqttPacketType.PubAck, entry);
            }
            else if (entry.Qos == 2)
            {
                var again = Session!.EndQos2(entry.PacketId, entry.Acknowledge && (Version == MqttVersion.V311 || entry.Reason < MqttReason.Unspecified));
                AnswerOne(this, MqttPacketType.PubRec, entry);
                if (again is not null && !ReferenceEquals(again, this)) AnswerOne(again, MqttPacketType.PubRec, entry);
            }
        }
    }

    /// <summary>5.0: the reason code tells. 3.1.1 knows no reasons: what is refused for good is acknowledged, what should be sent again ends the connection, for only then does the client resend.</summary>
    private static void AnswerOne(MqttConnection to, MqttPacketType type, in InboundEntry entry)
    {
        if (to.Version == MqttVersion.V311 && !entry.Acknowledge)
        {
            to.Abort(MqttReason.QuotaExceeded, "A message could not be kept; connect again and resend it.");
            return;
        }

        var detail = entry.Reason >= MqttReason.Unspecified && to.Connect!.WantsProblemDetails ? entry.Detail : null;
        to.WriteAck(type, entry.PacketId, entry.Reason, detail);
    }
}
