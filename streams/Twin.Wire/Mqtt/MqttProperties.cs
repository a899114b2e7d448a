using System.Text;

namespace Twin.Wire.Mqtt;

/// <summary>
/// Walks a property block (clause 2.2.2). Hot: values are slices. Each identifier may come once, except user properties
/// (and, where a packet allows it, subscription identifiers).
/// </summary>
public ref struct MqttPropertyReader(ReadOnlySpan<byte> block)
{
    private MqttReader _reader = new(block);
    private ulong _seen;

    /// <summary>The property just read.</summary>
    public MqttProperty Id { get; private set; }

    /// <summary>Its number, for byte, two-byte, four-byte and variable types.</summary>
    public uint Number { get; private set; }

    /// <summary>Its bytes, for text and binary; for a pair the name.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>A pair's value.</summary>
    public ReadOnlySpan<byte> Second { get; private set; }

    /// <summary>Bytes of the block not read yet.</summary>
    public readonly int Remaining => _reader.Remaining;

    /// <summary>The bytes as text (allocates).</summary>
    public readonly string Text => Encoding.UTF8.GetString(Bytes);

    /// <summary>Reads the next property; false at the end.</summary>
    /// <exception cref="MqttProtocolException">Unknown identifier, repeated property, or a value past the end.</exception>
    public bool Read()
    {
        if (_reader.Remaining == 0) return false;
        var id = _reader.ReadByte();
        Id = (MqttProperty)id;
        switch (Id)
        {
            case MqttProperty.PayloadFormat or MqttProperty.RequestProblemInformation or MqttProperty.RequestResponseInformation
                or MqttProperty.MaximumQos or MqttProperty.RetainAvailable or MqttProperty.WildcardAvailable
                or MqttProperty.SubscriptionIdAvailable or MqttProperty.SharedAvailable:
                Number = _reader.ReadByte();
                if (Number > 1) throw new MqttProtocolException(MqttReason.ProtocolError, $"Property {Id} is {Number}; 0 or 1 is allowed.");
                break;
            case MqttProperty.ServerKeepAlive or MqttProperty.ReceiveMaximum or MqttProperty.TopicAliasMaximum or MqttProperty.TopicAlias:
                Number = _reader.ReadUInt16();
                break;
            case MqttProperty.MessageExpiry or MqttProperty.SessionExpiry or MqttProperty.WillDelay or MqttProperty.MaximumPacketSize:
                Number = _reader.ReadUInt32();
                break;
            case MqttProperty.SubscriptionId:
                Number = (uint)_reader.ReadVariable();
                if (Number == 0) throw new MqttProtocolException(MqttReason.ProtocolError, "A subscription identifier is 0; 1 to 268,435,455 is allowed.");
                return true; // may repeat in a PUBLISH from the server
            case MqttProperty.ContentType or MqttProperty.ResponseTopic or MqttProperty.AssignedClientId or MqttProperty.AuthenticationMethod
                or MqttProperty.ResponseInformation or MqttProperty.ServerReference or MqttProperty.ReasonString:
                Bytes = _reader.ReadUtf8();
                break;
            case MqttProperty.CorrelationData or MqttProperty.AuthenticationData:
                Bytes = _reader.ReadBinary();
                break;
            case MqttProperty.UserProperty:
                Bytes = _reader.ReadUtf8();
                Second = _reader.ReadUtf8();
                return true;
            default:
                throw new MqttProtocolException(MqttReason.MalformedPacket, $"Property 0x{id:X2} is unknown.");
        }

        if ((_seen & (1UL << id)) != 0) throw new MqttProtocolException(MqttReason.ProtocolError, $"Property {Id} comes twice.");
        _seen |= 1UL << id;
        return true;
    }
}
