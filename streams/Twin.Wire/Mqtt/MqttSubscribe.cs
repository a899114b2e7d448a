namespace Twin.Wire.Mqtt;

/// <summary>One filter of a SUBSCRIBE with its options (clause 3.8.3.1).</summary>
/// <param name="Filter">Topic filter, possibly <c>$share/group/filter</c>.</param>
/// <param name="Qos">Highest QoS wanted.</param>
/// <param name="NoLocal">Do not send back what this client published.</param>
/// <param name="RetainAsPublished">Keep the RETAIN flag when forwarding.</param>
/// <param name="RetainHandling">0 send retained messages; 1 only when the subscription is new; 2 never.</param>
public readonly record struct MqttFilter(string Filter, byte Qos, bool NoLocal = false, bool RetainAsPublished = false, byte RetainHandling = 0);

/// <summary>A SUBSCRIBE packet.</summary>
/// <param name="PacketId">1 to 65,535.</param>
/// <param name="SubscriptionId">0 when none.</param>
/// <param name="Filters">At least one.</param>
public sealed record MqttSubscribe(ushort PacketId, int SubscriptionId, IReadOnlyList<MqttFilter> Filters)
{
    /// <summary>Reads a SUBSCRIBE body.</summary>
    public static MqttSubscribe Read(ReadOnlySpan<byte> body, MqttVersion version)
    {
        var reader = new MqttReader(body);
        var packetId = MqttAck.ReadPacketId(ref reader);
        var id = 0;
        if (version == MqttVersion.V5)
        {
            var properties = new MqttPropertyReader(reader.ReadProperties());
            while (properties.Read())
            {
                if (properties.Id == MqttProperty.SubscriptionId && id == 0) id = (int)properties.Number;
                else if (properties.Id != MqttProperty.UserProperty)
                    throw new MqttProtocolException(MqttReason.ProtocolError, $"Property {properties.Id} is not allowed here in a SUBSCRIBE.");
            }
        }

        var filters = new List<MqttFilter>();
        while (reader.Remaining > 0)
        {
            var filter = reader.ReadText();
            var options = reader.ReadByte();
            var qos = (byte)(options & 3);
            var handling = (byte)((options >> 4) & 3);
            if (qos == 3 || handling == 3 || (options & 0xC0) != 0 || (version == MqttVersion.V311 && (options & 0xFC) != 0))
                throw new MqttProtocolException(MqttReason.MalformedPacket, $"Subscription options 0x{options:X2} are not allowed.");
            filters.Add(new MqttFilter(filter, qos, (options & 4) != 0, (options & 8) != 0, handling));
        }

        if (filters.Count == 0) throw new MqttProtocolException(MqttReason.ProtocolError, "A SUBSCRIBE has no filter.");
        return new MqttSubscribe(packetId, id, filters);
    }

    /// <summary>Reads an UNSUBSCRIBE body.</summary>
    public static (ushort PacketId, List<string> Filters) ReadUnsubscribe(ReadOnlySpan<byte> body, MqttVersion version)
    {
        var reader = new MqttReader(body);
        var packetId = MqttAck.ReadPacketId(ref reader);
        if (version == MqttVersion.V5)
        {
            var properties = new MqttPropertyReader(reader.ReadProperties());
            while (properties.Read())
                if (properties.Id != MqttProperty.UserProperty) throw new MqttProtocolException(MqttReason.ProtocolError, $"Property {properties.Id} is not allowed in an UNSUBSCRIBE.");
        }

        var filters = new List<string>();
        while (reader.Remaining > 0) filters.Add(reader.ReadText());
        if (filters.Count == 0) throw new MqttProtocolException(MqttReason.ProtocolError, "An UNSUBSCRIBE has no filter.");
        return (packetId, filters);
    }
}

/// <summary>PUBACK, PUBREC, PUBREL, PUBCOMP and the codes of SUBACK and UNSUBACK (clauses 3.4 to 3.11). Hot.</summary>
/// <param name="PacketId">1 to 65,535.</param>
/// <param name="Reason">Success when the packet does not say.</param>
public readonly record struct MqttAck(ushort PacketId, MqttReason Reason)
{
    /// <summary>Reads the body of a PUBACK, PUBREC, PUBREL or PUBCOMP.</summary>
    public static MqttAck Read(ReadOnlySpan<byte> body, MqttVersion version)
    {
        var reader = new MqttReader(body);
        var packetId = ReadPacketId(ref reader);
        if (reader.Remaining == 0) return new MqttAck(packetId, MqttReason.Success);
        if (version == MqttVersion.V311) throw new MqttProtocolException(MqttReason.MalformedPacket, "An acknowledgement has more than two bytes.");
        var reason = (MqttReason)reader.ReadByte();
        if (reader.Remaining > 0)
        {
            var properties = new MqttPropertyReader(reader.ReadProperties());
            while (properties.Read())
                if (properties.Id is not (MqttProperty.ReasonString or MqttProperty.UserProperty))
                    throw new MqttProtocolException(MqttReason.ProtocolError, $"Property {properties.Id} is not allowed in an acknowledgement.");
        }

        return new MqttAck(packetId, reason);
    }

    /// <summary>Reads a SUBACK or UNSUBACK body: packet id and one code a filter (none in a 3.1.1 UNSUBACK).</summary>
    public static (ushort PacketId, byte[] Codes) ReadCodes(ReadOnlySpan<byte> body, MqttVersion version)
    {
        var reader = new MqttReader(body);
        var packetId = ReadPacketId(ref reader);
        if (version == MqttVersion.V5) reader.ReadProperties();
        return (packetId, reader.ReadRest().ToArray());
    }

    /// <summary>Reads a packet identifier, which is never 0.</summary>
    public static ushort ReadPacketId(ref MqttReader reader)
    {
        var id = reader.ReadUInt16();
        return id != 0 ? id : throw new MqttProtocolException(MqttReason.ProtocolError, "A packet identifier is 0.");
    }
}

/// <summary>A DISCONNECT packet (clause 3.14).</summary>
/// <param name="Reason">Why.</param>
/// <param name="SessionExpirySeconds">A new session expiry; null leaves it.</param>
/// <param name="Detail">Reason string; null when absent.</param>
public readonly record struct MqttDisconnect(MqttReason Reason, uint? SessionExpirySeconds = null, string? Detail = null)
{
    /// <summary>Reads a DISCONNECT body.</summary>
    public static MqttDisconnect Read(ReadOnlySpan<byte> body, MqttVersion version)
    {
        if (body.IsEmpty) return new MqttDisconnect(MqttReason.Success);
        if (version == MqttVersion.V311) throw new MqttProtocolException(MqttReason.MalformedPacket, "A DISCONNECT has a body.");
        var reader = new MqttReader(body);
        var result = new MqttDisconnect((MqttReason)reader.ReadByte());
        if (reader.Remaining == 0) return result;
        var properties = new MqttPropertyReader(reader.ReadProperties());
        while (properties.Read())
        {
            result = properties.Id switch
            {
                MqttProperty.SessionExpiry => result with { SessionExpirySeconds = properties.Number },
                MqttProperty.ReasonString => result with { Detail = properties.Text },
                MqttProperty.UserProperty or MqttProperty.ServerReference => result,
                _ => throw new MqttProtocolException(MqttReason.ProtocolError, $"Property {properties.Id} is not allowed in a DISCONNECT."),
            };
        }

        return result;
    }
}

/// <summary>A CONNACK packet (clause 3.2). Members the server does not send keep the protocol's defaults.</summary>
public sealed record MqttConnAck
{
    /// <summary>The server had a session of this client.</summary>
    public bool SessionPresent { get; init; }

    /// <summary>5.0 reason, also on a 3.1.1 connection (written as the old return code there).</summary>
    public MqttReason Reason { get; init; }

    /// <summary>Null when as asked.</summary>
    public uint? SessionExpirySeconds { get; init; }

    /// <summary>How many unacknowledged messages the server takes.</summary>
    public ushort ReceiveMaximum { get; init; } = ushort.MaxValue;

    /// <summary>Largest packet the server takes; 0 when it does not say.</summary>
    public uint MaximumPacketSize { get; init; }

    /// <summary>Highest alias the server takes.</summary>
    public ushort TopicAliasMaximum { get; init; }

    /// <summary>The identifier given to a client without one.</summary>
    public string? AssignedClientId { get; init; }

    /// <summary>The keep-alive the client must use instead of its own.</summary>
    public ushort? ServerKeepAliveSeconds { get; init; }

    /// <summary>Reason string.</summary>
    public string? Detail { get; init; }

    /// <summary>Reads a CONNACK body.</summary>
    public static MqttConnAck Read(ReadOnlySpan<byte> body, MqttVersion version)
    {
        var reader = new MqttReader(body);
        var flags = reader.ReadByte();
        if (flags > 1) throw new MqttProtocolException(MqttReason.MalformedPacket, "CONNACK's reserved flags are set.");
        var ack = new MqttConnAck { SessionPresent = flags == 1, Reason = (MqttReason)reader.ReadByte() };
        if (version == MqttVersion.V311) return ack with { Reason = FromReturnCode((byte)ack.Reason) };
        var properties = new MqttPropertyReader(reader.ReadProperties());
        while (properties.Read())
        {
            ack = properties.Id switch
            {
                MqttProperty.SessionExpiry => ack with { SessionExpirySeconds = properties.Number },
                MqttProperty.ReceiveMaximum => ack with { ReceiveMaximum = (ushort)properties.Number },
                MqttProperty.MaximumPacketSize => ack with { MaximumPacketSize = properties.Number },
                MqttProperty.TopicAliasMaximum => ack with { TopicAliasMaximum = (ushort)properties.Number },
                MqttProperty.AssignedClientId => ack with { AssignedClientId = properties.Text },
                MqttProperty.ServerKeepAlive => ack with { ServerKeepAliveSeconds = (ushort)properties.Number },
                MqttProperty.ReasonString => ack with { Detail = properties.Text },
                _ => ack,
            };
        }

        return ack;
    }

    /// <summary>The 3.1.1 return code nearest to a reason (3.1.1 clause 3.2.2.3).</summary>
    public static byte ToReturnCode(MqttReason reason) => reason switch
    {
        MqttReason.Success => 0,
        MqttReason.UnsupportedVersion => 1,
        MqttReason.ClientIdNotValid => 2,
        MqttReason.BadUserNameOrPassword => 4,
        MqttReason.NotAuthorized or MqttReason.Banned or MqttReason.BadAuthenticationMethod => 5,
        _ => 3,
    };

    private static MqttReason FromReturnCode(byte code) => code switch
    {
        0 => MqttReason.Success,
        1 => MqttReason.UnsupportedVersion,
        2 => MqttReason.ClientIdNotValid,
        3 => MqttReason.ServerUnavailable,
        4 => MqttReason.BadUserNameOrPassword,
        _ => MqttReason.NotAuthorized,
    };
}
