using System.Buffers;

namespace Twin.Wire.Mqtt;

/// <summary>How far the bytes at hand reach.</summary>
public enum MqttFrameStatus : byte
{
    /// <summary>A whole packet is there.</summary>
    Complete,
    /// <summary>More bytes are needed.</summary>
    Incomplete,
    /// <summary>The packet is larger than allowed; it must not be buffered.</summary>
    TooLarge,
    /// <summary>The length field has more than four bytes.</summary>
    Malformed,
}

/// <summary>
/// Cuts a byte stream into control packets: first byte (type and flags), remaining length, body (clause 2.1). Hot.
/// </summary>
/// <param name="First">Type in the upper four bits, flags in the lower.</param>
/// <param name="HeaderLength">2 to 5 bytes.</param>
/// <param name="BodyLength">The remaining length.</param>
public readonly record struct MqttFrame(byte First, int HeaderLength, int BodyLength)
{
    /// <summary>Packet type.</summary>
    public MqttPacketType Type => (MqttPacketType)(First >> 4);

    /// <summary>The lower four bits.</summary>
    public int Flags => First & 0x0F;

    /// <summary>Header and body.</summary>
    public int TotalLength => HeaderLength + BodyLength;

    /// <summary>Looks for a packet at the start of <paramref name="bytes"/>. When only the header is there the frame tells how much is to come.</summary>
    public static MqttFrameStatus Read(ReadOnlySpan<byte> bytes, int maximumPacketSize, out MqttFrame frame)
    {
        frame = default;
        if (bytes.Length < 2) return MqttFrameStatus.Incomplete;
        var length = 0;
        for (var i = 1; i <= 4; i++)
        {
            if (i >= bytes.Length) return MqttFrameStatus.Incomplete;
            length |= (bytes[i] & 0x7F) << (7 * (i - 1));
            if (bytes[i] >= 0x80) continue;
            frame = new MqttFrame(bytes[0], i + 1, length);
            if (frame.TotalLength > maximumPacketSize) return MqttFrameStatus.TooLarge;
            return bytes.Length >= frame.TotalLength ? MqttFrameStatus.Complete : MqttFrameStatus.Incomplete;
        }

        return MqttFrameStatus.Malformed;
    }

    /// <summary>As <see cref="Read(ReadOnlySpan{byte}, int, out MqttFrame)"/>, over segments.</summary>
    public static MqttFrameStatus Read(in ReadOnlySequence<byte> bytes, int maximumPacketSize, out MqttFrame frame)
    {
        if (bytes.IsSingleSegment) return Read(bytes.FirstSpan, maximumPacketSize, out frame);
        Span<byte> head = stackalloc byte[5];
        var count = (int)Math.Min(5, bytes.Length);
        bytes.Slice(0, count).CopyTo(head);
        var status = Read(head[..count], maximumPacketSize, out frame);
        return status == MqttFrameStatus.Incomplete && frame.HeaderLength > 0 && bytes.Length >= frame.TotalLength ? MqttFrameStatus.Complete : status;
    }
}
