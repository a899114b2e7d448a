namespace Twin.Wire.Mqtt;

/// <summary>A will: what the server publishes when the client goes without goodbye (clause 3.1.2.5).</summary>
/// <param name="Topic">Where.</param>
/// <param name="Payload">What.</param>
/// <param name="Qos">0 to 2.</param>
/// <param name="Retain">Keep it as the topic's retained message.</param>
/// <param name="DelaySeconds">Wait this long for the client to come back.</param>
/// <param name="ExpirySeconds">Message expiry; null for ever.</param>
/// <param name="Properties">Forwarded properties, encoded.</param>
public sealed record MqttWill(string Topic, byte[] Payload, byte Qos, bool Retain, uint DelaySeconds = 0, uint? ExpirySeconds = null, byte[]? Properties = null);

/// <summary>A CONNECT packet (clause 3.1).</summary>
public sealed record MqttConnect
{
    /// <summary>Protocol level.</summary>
    public MqttVersion Version { get; init; } = MqttVersion.V5;

    /// <summary>Client identifier; may be empty (the server assigns one).</summary>
    public string ClientId { get; init; } = "";

    /// <summary>Start with no session.</summary>
    public bool CleanStart { get; init; } = true;

    /// <summary>Seconds; 0 switches it off.</summary>
    public ushort KeepAliveSeconds { get; init; } = 60;

    /// <summary>Null when absent.</summary>
    public string? UserName { get; init; }

    /// <summary>Null when absent.</summary>
    public byte[]? Password { get; init; }

    /// <summary>Null when absent.</summary>
    public MqttWill? Will { get; init; }

    /// <summary>Seconds the session outlives the connection; 0xFFFFFFFF for ever. For 3.1.1: for ever without clean session, else 0.</summary>
    public uint SessionExpirySeconds { get; init; }

    /// <summary>How many QoS 1 and 2 messages the sender of this packet takes unacknowledged; 65,535 when absent.</summary>
    public ushort ReceiveMaximum { get; init; } = ushort.MaxValue;

    /// <summary>Largest packet it takes; 0 when it does not say.</summary>
    public uint MaximumPacketSize { get; init; }

    /// <summary>Highest topic alias it takes; 0 means none.</summary>
    public ushort TopicAliasMaximum { get; init; }

    /// <summary>False when it wants no reason strings.</summary>
    public bool WantsProblemDetails { get; init; } = true;

    /// <summary>Enhanced authentication method; null when absent.</summary>
    public string? AuthenticationMethod { get; init; }

    /// <summary>Reads a CONNECT body.</summary>
    /// <exception cref="MqttProtocolException">Not CONNECT's shape, or a version other than 3.1.1 and 5.0.</exception>
    public static MqttConnect Read(ReadOnlySpan<byte> body)
    {
        var reader = new MqttReader(body);
        if (!reader.ReadUtf8().SequenceEqual("MQTT"u8)) throw new MqttProtocolException(MqttReason.UnsupportedVersion, "The protocol name is not MQTT.");
        var level = reader.ReadByte();
        if (level is not (4 or 5)) throw new MqttProtocolException(MqttReason.UnsupportedVersion, $"Protocol level {level} is not spoken; 4 (3.1.1) and 5 (5.0) are.");
        var version = (MqttVersion)level;
        var flags = reader.ReadByte();
        if ((flags & 1) != 0) throw new MqttProtocolException(MqttReason.MalformedPacket, "CONNECT's reserved flag is set.");
        var keepAlive = reader.ReadUInt16();
        var clean = (flags & 2) != 0;
        var packet = new MqttConnect { Version = version, CleanStart = clean, KeepAliveSeconds = keepAlive };
        packet = version == MqttVersion.V5
            ? ReadProperties(packet, reader.ReadProperties())
            : packet with { SessionExpirySeconds = clean ? 0 : uint.MaxValue };
        packet = packet with { ClientId = reader.ReadText() };
        if (version == MqttVersion.V311 && packet.ClientId.Length == 0 && !clean)
            throw new MqttProtocolException(MqttReason.ClientIdNotValid, "An empty client identifier needs a clean session.");
        packet = packet with { Will = ReadWill(flags, version, ref reader) };
        if ((flags & 0x80) != 0) packet = packet with { UserName = reader.ReadText() };
        if ((flags & 0x40) != 0) packet = packet with { Password = reader.ReadBinary().ToArray() };
        if (reader.Remaining != 0) throw new MqttProtocolException(MqttReason.MalformedPacket, "CONNECT has bytes after its payload.");
        return packet;
    }

    private static MqttConnect ReadProperties(MqttConnect packet, ReadOnlySpan<byte> block)
    {
        var properties = new MqttPropertyReader(block);
        while (properties.Read())
        {
            packet = properties.Id switch
            {
                MqttProperty.SessionExpiry => packet with { SessionExpirySeconds = properties.Number },
                MqttProperty.ReceiveMaximum when properties.Number > 0 => packet with { ReceiveMaximum = (ushort)properties.Number },
                MqttProperty.MaximumPacketSize when properties.Number > 0 => packet with { MaximumPacketSize = properties.Number },
                MqttProperty.TopicAliasMaximum => packet with { TopicAliasMaximum = (ushort)properties.Number },
                MqttProperty.RequestProblemInformation => packet with { WantsProblemDetails = properties.Number != 0 },
                MqttProperty.AuthenticationMethod => packet with { AuthenticationMethod = properties.Text },
                MqttProperty.AuthenticationData or MqttProperty.UserProperty or MqttProperty.RequestResponseInformation => packet,
                _ => throw new MqttProtocolException(MqttReason.ProtocolError, $"Property {properties.Id} with value {properties.Number} is not allowed in a CONNECT."),
            };
        }

        return packet;
    }

    private static MqttWill? ReadWill(int flags, MqttVersion version, ref MqttReader reader)
    {
        var qos = (byte)((flags >> 3) & 3);
        if ((flags & 4) == 0)
            return qos == 0 && (flags & 0x20) == 0 ? null : throw new MqttProtocolException(MqttReason.MalformedPacket, "CONNECT has will flags without a will.");
        if (qos == 3) throw new MqttProtocolException(MqttReason.MalformedPacket, "The will has QoS 3; 0 to 2 is allowed.");
        uint delay = 0;
        uint? expiry = null;
        var kept = new List<byte>();
        if (version == MqttVersion.V5)
        {
            var block = reader.ReadProperties();
            var properties = new MqttPropertyReader(block);
            var at = 0;
            while (properties.Read())
            {
                var end = block.Length - properties.Remaining;
                switch (properties.Id)
                {
                    case MqttProperty.WillDelay: delay = properties.Number; break;
                    case MqttProperty.MessageExpiry: expiry = properties.Number; break;
                    case MqttProperty.PayloadFormat or MqttProperty.ContentType or MqttProperty.ResponseTopic or MqttProperty.CorrelationData or MqttProperty.UserProperty:
                        kept.AddRange(block[at..end]);
                        break;
                    default: throw new MqttProtocolException(MqttReason.ProtocolError, $"Property {properties.Id} is not allowed in a will.");
                }

                at = end;
            }
        }

        var topic = reader.ReadText();
        if (topic.Length == 0 || topic.AsSpan().IndexOfAny('+', '#') >= 0) throw new MqttProtocolException(MqttReason.TopicNameInvalid, "The will's topic is empty or holds a wildcard.");
        return new MqttWill(topic, reader.ReadBinary().ToArray(), qos, (flags & 0x20) != 0, delay, expiry, kept.Count == 0 ? null : [.. kept]);
    }
}
