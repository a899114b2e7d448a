using System.Text;

namespace Twin.Wire.Mqtt;

/// <summary>
/// A PUBLISH as it stands in the receive buffer (clause 3.3). Hot: every member is a slice or a number, reading allocates
/// nothing. Valid as long as the buffer is.
/// </summary>
public readonly ref struct MqttPublish
{
    private const ulong Allowed =
        (1UL << (int)MqttProperty.PayloadFormat) | (1UL << (int)MqttProperty.MessageExpiry) | (1UL << (int)MqttProperty.ContentType)
        | (1UL << (int)MqttProperty.ResponseTopic) | (1UL << (int)MqttProperty.CorrelationData) | (1UL << (int)MqttProperty.SubscriptionId)
        | (1UL << (int)MqttProperty.TopicAlias) | (1UL << (int)MqttProperty.UserProperty);

    private MqttPublish(int flags, ReadOnlySpan<byte> topic, ushort packetId, ReadOnlySpan<byte> properties, int payloadOffset, ushort alias, uint? expiry, bool subscriptionId)
    {
        IsDuplicate = (flags & 8) != 0;
        Qos = (byte)((flags >> 1) & 3);
        IsRetained = (flags & 1) != 0;
        Topic = topic;
        PacketId = packetId;
        Properties = properties;
        PayloadOffset = payloadOffset;
        TopicAlias = alias;
        ExpirySeconds = expiry;
        HasSubscriptionId = subscriptionId;
    }

    /// <summary>DUP flag.</summary>
    public bool IsDuplicate { get; }

    /// <summary>0, 1 or 2.</summary>
    public byte Qos { get; }

    /// <summary>RETAIN flag.</summary>
    public bool IsRetained { get; }

    /// <summary>UTF-8 topic; empty when an alias stands for it.</summary>
    public ReadOnlySpan<byte> Topic { get; }

    /// <summary>1 to 65,535 for QoS 1 and 2; 0 for QoS 0.</summary>
    public ushort PacketId { get; }

    /// <summary>The property block, checked; empty for 3.1.1.</summary>
    public ReadOnlySpan<byte> Properties { get; }

    /// <summary>Where the payload starts within the body; it reaches to the end.</summary>
    public int PayloadOffset { get; }

    /// <summary>1 to 65,535, or 0 when none.</summary>
    public ushort TopicAlias { get; }

    /// <summary>Seconds the message is worth keeping; null means for ever.</summary>
    public uint? ExpirySeconds { get; }

    /// <summary>True when a subscription identifier is present (only servers may send one).</summary>
    public bool HasSubscriptionId { get; }

    /// <summary>The topic as text (allocates).</summary>
    public string TopicText => Encoding.UTF8.GetString(Topic);

    /// <summary>Reads a PUBLISH body.</summary>
    /// <exception cref="MqttProtocolException">QoS 3, packet id 0, bad UTF-8, wildcard in the topic, property not allowed.</exception>
    public static MqttPublish Read(int flags, ReadOnlySpan<byte> body, MqttVersion version)
    {
        var reader = new MqttReader(body);
        var qos = (flags >> 1) & 3;
        if (qos == 3) throw new MqttProtocolException(MqttReason.MalformedPacket, "A PUBLISH has QoS 3; 0 to 2 is allowed.");
        if (qos == 0 && (flags & 8) != 0) throw new MqttProtocolException(MqttReason.MalformedPacket, "A PUBLISH has QoS 0 and the DUP flag.");
        var topic = reader.ReadUtf8();
        if (topic.IndexOfAny((byte)'+', (byte)'#') >= 0) throw new MqttProtocolException(MqttReason.TopicNameInvalid, "A topic name holds a wildcard.");
        ushort packetId = 0;
        if (qos > 0 && (packetId = reader.ReadUInt16()) == 0) throw new MqttProtocolException(MqttReason.ProtocolError, "A PUBLISH with QoS above 0 has packet identifier 0.");
        ushort alias = 0;
        uint? expiry = null;
        var subscriptionId = false;
        ReadOnlySpan<byte> block = default;
        if (version == MqttVersion.V5)
        {
            block = reader.ReadProperties();
            if (!block.IsEmpty) ScanProperties(block, out alias, out expiry, out subscriptionId);
        }

        if (topic.IsEmpty && alias == 0) throw new MqttProtocolException(MqttReason.ProtocolError, "A PUBLISH has neither topic nor topic alias.");
        return new MqttPublish(flags, topic, packetId, block, body.Length - reader.Remaining, alias, expiry, subscriptionId);
    }

    private static void ScanProperties(ReadOnlySpan<byte> block, out ushort alias, out uint? expiry, out bool subscriptionId)
    {
        alias = 0;
        expiry = null;
        subscriptionId = false;
        var properties = new MqttPropertyReader(block);
        while (properties.Read())
        {
            if ((Allowed & (1UL << (int)properties.Id)) == 0)
                throw new MqttProtocolException(MqttReason.ProtocolError, $"Property {properties.Id} is not allowed in a PUBLISH.");
            switch (properties.Id)
            {
                case MqttProperty.TopicAlias:
                    alias = (ushort)properties.Number;
                    if (alias == 0) throw new MqttProtocolException(MqttReason.TopicAliasInvalid, "A topic alias is 0.");
                    break;
                case MqttProperty.MessageExpiry: expiry = properties.Number; break;
                case MqttProperty.SubscriptionId: subscriptionId = true; break;
                case MqttProperty.ResponseTopic when properties.Bytes.IndexOfAny((byte)'+', (byte)'#') >= 0:
                    throw new MqttProtocolException(MqttReason.ProtocolError, "A response topic holds a wildcard.");
            }
        }
    }

    /// <summary>
    /// The properties a server passes on unchanged and in order (payload format, content type, response topic, correlation data,
    /// user properties): the block without alias, expiry and subscription identifiers. Allocates only when there are any.
    /// </summary>
    public byte[] CopyForwardedProperties()
    {
        if (Properties.IsEmpty) return [];
        var kept = new byte[Properties.Length];
        var count = 0;
        var rest = Properties;
        var reader = new MqttPropertyReader(Properties);
        var before = Properties.Length;
        while (reader.Read())
        {
            var size = before - reader.Remaining;
            before = reader.Remaining;
            if (reader.Id is not (MqttProperty.TopicAlias or MqttProperty.MessageExpiry or MqttProperty.SubscriptionId))
            {
                rest[..size].CopyTo(kept.AsSpan(count));
                count += size;
            }

            rest = rest[size..];
        }

        return count == kept.Length ? kept : kept[..count];
    }
}
