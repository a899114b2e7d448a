using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Twin.Wire.Mqtt;

/// <summary>What a PUBLISH being written carries beside topic and payload.</summary>
/// <param name="Qos">0 to 2.</param>
/// <param name="Retain">RETAIN flag.</param>
/// <param name="Duplicate">DUP flag.</param>
/// <param name="PacketId">For QoS 1 and 2.</param>
/// <param name="TopicAlias">0 when none.</param>
/// <param name="ExpirySeconds">Null when none.</param>
public readonly record struct MqttPublishOptions(byte Qos, bool Retain = false, bool Duplicate = false, ushort PacketId = 0, ushort TopicAlias = 0, uint? ExpirySeconds = null);

/// <summary>Writes control packets. Hot: PUBLISH and acknowledgements allocate nothing.</summary>
public static class MqttWriter
{
    /// <summary>Bytes a variable byte integer takes.</summary>
    public static int SizeOf(int value) => value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;

    /// <summary>The whole size of a PUBLISH.</summary>
    public static int PublishSize(MqttVersion version, int topicLength, int payloadLength, in MqttPublishOptions options, int forwardedLength, ReadOnlySpan<int> subscriptionIds)
    {
        var body = 2 + topicLength + (options.Qos > 0 ? 2 : 0) + payloadLength;
        if (version == MqttVersion.V5)
        {
            var properties = PropertiesSize(options, forwardedLength, subscriptionIds);
            body += SizeOf(properties) + properties;
        }

        return 1 + SizeOf(body) + body;
    }

    /// <summary>Writes a PUBLISH. <paramref name="forwarded"/> is an encoded property block to pass on; ignored for 3.1.1.</summary>
    public static void WritePublish(
        IBufferWriter<byte> output, MqttVersion version, ReadOnlySpan<byte> topic, ReadOnlySpan<byte> payload, in MqttPublishOptions options,
        ReadOnlySpan<byte> forwarded = default, ReadOnlySpan<int> subscriptionIds = default)
    {
        var properties = version == MqttVersion.V5 ? PropertiesSize(options, forwarded.Length, subscriptionIds) : 0;
        var body = 2 + topic.Length + (options.Qos > 0 ? 2 : 0) + payload.Length + (version == MqttVersion.V5 ? SizeOf(properties) + properties : 0);
        var total = 1 + SizeOf(body) + body;
        var span = output.GetSpan(total);
        var flags = (options.Duplicate ? 8 : 0) | (options.Qos << 1) | (options.Retain ? 1 : 0);
        span[0] = (byte)(((int)MqttPacketType.Publish << 4) | flags);
        var at = 1 + WriteVariable(span[1..], body);
        at += WriteBinary(span[at..], topic);
        if (options.Qos > 0) at += WriteUInt16(span[at..], options.PacketId);
        if (version == MqttVersion.V5)
        {
            at += WriteVariable(span[at..], properties);
            if (properties > 0) at += WritePublishProperties(span[at..], options, forwarded, subscriptionIds);
        }

        payload.CopyTo(span[at..]);
        output.Advance(total);
    }

    private static int PropertiesSize(in MqttPublishOptions options, int forwardedLength, ReadOnlySpan<int> subscriptionIds)
    {
        var size = forwardedLength + (options.TopicAlias > 0 ? 3 : 0) + (options.ExpirySeconds is null ? 0 : 5);
        foreach (var id in subscriptionIds) size += 1 + SizeOf(id);
        return size;
    }

    private static int WritePublishProperties(Span<byte> span, in MqttPublishOptions options, ReadOnlySpan<byte> forwarded, ReadOnlySpan<int> subscriptionIds)
    {
        var at = 0;
        if (options.TopicAlias > 0)
        {
            span[at++] = (byte)MqttProperty.TopicAlias;
            at += WriteUInt16(span[at..], options.TopicAlias);
        }

        if (options.ExpirySeconds is { } seconds)
        {
            span[at++] = (byte)MqttProperty.MessageExpiry;
            BinaryPrimitives.WriteUInt32BigEndian(span[at..], seconds);
            at += 4;
        }

        foreach (var id in subscriptionIds)
        {
            span[at++] = (byte)MqttProperty.SubscriptionId;
            at += WriteVariable(span[at..], id);
        }

        forwarded.CopyTo(span[at..]);
        return at + forwarded.Length;
    }

    /// <summary>Writes PUBACK, PUBREC, PUBREL or PUBCOMP; for 3.1.1 without reason. <paramref name="detail"/> is a reason string for 5.0.</summary>
    public static void WriteAck(IBufferWriter<byte> output, MqttVersion version, MqttPacketType type, ushort packetId, MqttReason reason = MqttReason.Success, string? detail = null)
    {
        var first = (byte)(((int)type << 4) | (type == MqttPacketType.PubRel ? 2 : 0));
        if (version == MqttVersion.V311 || (reason == MqttReason.Success && detail is null))
        {
            var plain = output.GetSpan(4);
            plain[0] = first;
            plain[1] = 2;
            BinaryPrimitives.WriteUInt16BigEndian(plain[2..], packetId);
            output.Advance(4);
            return;
        }

        var block = new ArrayBufferWriter<byte>(64);
        if (detail is not null) WriteTextProperty(block, MqttProperty.ReasonString, detail);
        var body = block.WrittenCount == 0 ? 3 : 3 + SizeOf(block.WrittenCount) + block.WrittenCount;
        var span = output.GetSpan(5 + body);
        span[0] = first;
        var at = 1 + WriteVariable(span[1..], body);
        at += WriteUInt16(span[at..], packetId);
        span[at++] = (byte)reason;
        if (block.WrittenCount > 0)
        {
            at += WriteVariable(span[at..], block.WrittenCount);
            block.WrittenSpan.CopyTo(span[at..]);
            at += block.WrittenCount;
        }

        output.Advance(at);
    }

    /// <summary>Writes PINGREQ or PINGRESP.</summary>
    public static void WritePing(IBufferWriter<byte> output, MqttPacketType type)
    {
        var span = output.GetSpan(2);
        span[0] = (byte)((int)type << 4);
        span[1] = 0;
        output.Advance(2);
    }

    /// <summary>Writes a CONNECT.</summary>
    public static void WriteConnect(IBufferWriter<byte> output, MqttConnect packet)
    {
        var body = new ArrayBufferWriter<byte>(128);
        WriteBinary(body, "MQTT"u8);
        var will = packet.Will;
        var flags = (packet.CleanStart ? 2 : 0) | (packet.UserName is null ? 0 : 0x80) | (packet.Password is null ? 0 : 0x40)
            | (will is null ? 0 : 4 | (will.Qos << 3) | (will.Retain ? 0x20 : 0));
        body.Write([(byte)packet.Version, (byte)flags]);
        WriteUInt16(body, packet.KeepAliveSeconds);
        if (packet.Version == MqttVersion.V5)
        {
            var block = new ArrayBufferWriter<byte>(32);
            if (packet.SessionExpirySeconds > 0) WriteNumberProperty(block, MqttProperty.SessionExpiry, packet.SessionExpirySeconds, 4);
            if (packet.ReceiveMaximum != ushort.MaxValue) WriteNumberProperty(block, MqttProperty.ReceiveMaximum, packet.ReceiveMaximum, 2);
            if (packet.MaximumPacketSize > 0) WriteNumberProperty(block, MqttProperty.MaximumPacketSize, packet.MaximumPacketSize, 4);
            if (packet.TopicAliasMaximum > 0) WriteNumberProperty(block, MqttProperty.TopicAliasMaximum, packet.TopicAliasMaximum, 2);
            if (!packet.WantsProblemDetails) WriteNumberProperty(block, MqttProperty.RequestProblemInformation, 0, 1);
            if (packet.AuthenticationMethod is { } method) WriteTextProperty(block, MqttProperty.AuthenticationMethod, method);
            WriteBlock(body, block);
        }

        WriteBinary(body, Encoding.UTF8.GetBytes(packet.ClientId));
        if (will is not null)
        {
            if (packet.Version == MqttVersion.V5)
            {
                var block = new ArrayBufferWriter<byte>(32);
                if (will.DelaySeconds > 0) WriteNumberProperty(block, MqttProperty.WillDelay, will.DelaySeconds, 4);
                if (will.ExpirySeconds is { } expiry) WriteNumberProperty(block, MqttProperty.MessageExpiry, expiry, 4);
                block.Write(will.Properties ?? []);
                WriteBlock(body, block);
            }

            WriteBinary(body, Encoding.UTF8.GetBytes(will.Topic));
            WriteBinary(body, will.Payload);
        }

        if (packet.UserName is { } user) WriteBinary(body, Encoding.UTF8.GetBytes(user));
        if (packet.Password is { } password) WriteBinary(body, password);
        WritePacket(output, MqttPacketType.Connect, 0, body.WrittenSpan);
    }

    /// <summary>Writes a CONNACK, telling what this server offers.</summary>
    public static void WriteConnAck(IBufferWriter<byte> output, MqttVersion version, MqttConnAck ack)
    {
        var body = new ArrayBufferWriter<byte>(64);
        var present = (byte)(ack.SessionPresent && ack.Reason == MqttReason.Success ? 1 : 0);
        body.Write([present, version == MqttVersion.V5 ? (byte)ack.Reason : MqttConnAck.ToReturnCode(ack.Reason)]);
        if (version == MqttVersion.V5)
        {
            var block = new ArrayBufferWriter<byte>(64);
            if (ack.SessionExpirySeconds is { } expiry) WriteNumberProperty(block, MqttProperty.SessionExpiry, expiry, 4);
            if (ack.ReceiveMaximum != ushort.MaxValue) WriteNumberProperty(block, MqttProperty.ReceiveMaximum, ack.ReceiveMaximum, 2);
            if (ack.MaximumPacketSize > 0) WriteNumberProperty(block, MqttProperty.MaximumPacketSize, ack.MaximumPacketSize, 4);
            if (ack.TopicAliasMaximum > 0) WriteNumberProperty(block, MqttProperty.TopicAliasMaximum, ack.TopicAliasMaximum, 2);
            if (ack.AssignedClientId is { } id) WriteTextProperty(block, MqttProperty.AssignedClientId, id);
            if (ack.ServerKeepAliveSeconds is { } keepAlive) WriteNumberProperty(block, MqttProperty.ServerKeepAlive, keepAlive, 2);
            if (ack.Detail is { } detail) WriteTextProperty(block, MqttProperty.ReasonString, detail);
            WriteBlock(body, block);
        }

        WritePacket(output, MqttPacketType.ConnAck, 0, body.WrittenSpan);
    }

    /// <summary>Writes a SUBSCRIBE.</summary>
    public static void WriteSubscribe(IBufferWriter<byte> output, MqttVersion version, MqttSubscribe packet)
    {
        var body = new ArrayBufferWriter<byte>(64);
        WriteUInt16(body, packet.PacketId);
        if (version == MqttVersion.V5)
        {
            var block = new ArrayBufferWriter<byte>(8);
            if (packet.SubscriptionId > 0)
            {
                block.Write([(byte)MqttProperty.SubscriptionId]);
                block.Advance(WriteVariable(block.GetSpan(4), packet.SubscriptionId));
            }

            WriteBlock(body, block);
        }

        foreach (var filter in packet.Filters)
        {
            WriteBinary(body, Encoding.UTF8.GetBytes(filter.Filter));
            var more = version == MqttVersion.V5 ? (filter.NoLocal ? 4 : 0) | (filter.RetainAsPublished ? 8 : 0) | (filter.RetainHandling << 4) : 0;
            body.Write([(byte)(filter.Qos | more)]);
        }

        WritePacket(output, MqttPacketType.Subscribe, 2, body.WrittenSpan);
    }

    /// <summary>Writes a SUBACK or UNSUBACK with one code a filter (a 3.1.1 UNSUBACK has none).</summary>
    public static void WriteCodes(IBufferWriter<byte> output, MqttVersion version, MqttPacketType type, ushort packetId, ReadOnlySpan<byte> codes)
    {
        var body = new ArrayBufferWriter<byte>(8 + codes.Length);
        WriteUInt16(body, packetId);
        if (version == MqttVersion.V5) body.Write([(byte)0]);
        if (version == MqttVersion.V5 || type == MqttPacketType.SubAck) body.Write(codes);
        WritePacket(output, type, 0, body.WrittenSpan);
    }

    /// <summary>Writes a DISCONNECT; for 3.1.1 without reason.</summary>
    public static void WriteDisconnect(IBufferWriter<byte> output, MqttVersion version, MqttReason reason, string? detail = null)
    {
        var body = new ArrayBufferWriter<byte>(8);
        if (version == MqttVersion.V5 && (reason != MqttReason.Success || detail is not null))
        {
            body.Write([(byte)reason]);
            var block = new ArrayBufferWriter<byte>(8);
            if (detail is not null) WriteTextProperty(block, MqttProperty.ReasonString, detail);
            WriteBlock(body, block);
        }

        WritePacket(output, MqttPacketType.Disconnect, 0, body.WrittenSpan);
    }

    /// <summary>Writes a text property into a block; longer than 65,535 bytes is cut off.</summary>
    public static void WriteTextProperty(IBufferWriter<byte> block, MqttProperty id, string text)
    {
        block.Write([(byte)id]);
        WriteBinary(block, Encoding.UTF8.GetBytes(text.Length > 16_000 ? text[..16_000] : text));
    }

    /// <summary>Writes a binary property into a block.</summary>
    public static void WriteBinaryProperty(IBufferWriter<byte> block, MqttProperty id, ReadOnlySpan<byte> bytes)
    {
        block.Write([(byte)id]);
        WriteBinary(block, bytes);
    }

    /// <summary>Writes a user property into a block.</summary>
    public static void WriteUserProperty(IBufferWriter<byte> block, string name, string value)
    {
        block.Write([(byte)MqttProperty.UserProperty]);
        WriteBinary(block, Encoding.UTF8.GetBytes(name));
        WriteBinary(block, Encoding.UTF8.GetBytes(value));
    }

    private static void WriteNumberProperty(ArrayBufferWriter<byte> block, MqttProperty id, uint value, int size)
    {
        var span = block.GetSpan(5);
        span[0] = (byte)id;
        for (var i = 0; i < size; i++) span[1 + i] = (byte)(value >> (8 * (size - 1 - i)));
        block.Advance(1 + size);
    }

    private static void WriteBlock(ArrayBufferWriter<byte> body, ArrayBufferWriter<byte> block)
    {
        body.Advance(WriteVariable(body.GetSpan(4), block.WrittenCount));
        body.Write(block.WrittenSpan);
    }

    private static void WritePacket(IBufferWriter<byte> output, MqttPacketType type, int flags, ReadOnlySpan<byte> body)
    {
        var span = output.GetSpan(5 + body.Length);
        span[0] = (byte)(((int)type << 4) | flags);
        var at = 1 + WriteVariable(span[1..], body.Length);
        body.CopyTo(span[at..]);
        output.Advance(at + body.Length);
    }

    private static void WriteUInt16(ArrayBufferWriter<byte> output, ushort value)
    {
        WriteUInt16(output.GetSpan(2), value);
        output.Advance(2);
    }

    private static void WriteBinary(IBufferWriter<byte> output, ReadOnlySpan<byte> bytes) =>
        output.Advance(WriteBinary(output.GetSpan(2 + bytes.Length), bytes));

    private static int WriteUInt16(Span<byte> span, ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(span, value);
        return 2;
    }

    private static int WriteBinary(Span<byte> span, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > ushort.MaxValue) throw new ArgumentOutOfRangeException(nameof(bytes), bytes.Length, "A text or binary field holds at most 65,535 bytes.");
        BinaryPrimitives.WriteUInt16BigEndian(span, (ushort)bytes.Length);
        bytes.CopyTo(span[2..]);
        return 2 + bytes.Length;
    }

    private static int WriteVariable(Span<byte> span, int value)
    {
        var at = 0;
        while (value >= 0x80)
        {
            span[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[at++] = (byte)value;
        return at;
    }
}
