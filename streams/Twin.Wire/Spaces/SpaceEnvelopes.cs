using System.Buffers.Binary;

namespace Twin.Wire.Spaces;

/// <summary>The frame's envelope, of fixed size, so that the body is encoded in place behind it (SPEC-spaces, clause 1). Hot: allocates nothing.</summary>
public static class FrameEnvelope
{
    /// <summary>Bytes in front of the body: array of 2, type, bin 16 with its length.</summary>
    public const int HeaderBytes = 5;

    /// <summary>The longest body.</summary>
    public const int MostBodyBytes = ushort.MaxValue;

    /// <summary>Writes the header in front of a body that is there or will be.</summary>
    /// <param name="message">At least <see cref="HeaderBytes"/>.</param>
    /// <param name="bodyLength">0 to <see cref="MostBodyBytes"/>.</param>
    /// <returns>The message's length.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The body is too long.</exception>
    public static int Write(Span<byte> message, int bodyLength)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bodyLength, (uint)MostBodyBytes, nameof(bodyLength));
        message[0] = 0x92;
        message[1] = (byte)SpaceMessageType.Frame;
        message[2] = 0xC5;
        BinaryPrimitives.WriteUInt16BigEndian(message[3..], (ushort)bodyLength);
        return HeaderBytes + bodyLength;
    }

    /// <summary>The body, or false when it is another message.</summary>
    /// <exception cref="SpaceWireException">It is a frame that breaks the specification.</exception>
    public static bool TryRead(ReadOnlySpan<byte> message, out ReadOnlySpan<byte> body) => HotEnvelope.TryRead(message, (byte)SpaceMessageType.Frame, out body);
}

/// <summary>The input's envelope (SPEC-spaces, clause 1). Hot: allocates nothing.</summary>
public static class InputEnvelope
{
    /// <summary>Bytes in front of the body: array of 2, type, bin 8 with its length.</summary>
    public const int HeaderBytes = 4;

    /// <summary>Bytes that a buffer for <see cref="Write"/> must have.</summary>
    public const int BufferBytes = HeaderBytes + AvatarInput.MostBytes + 8;

    /// <summary>Writes the whole message.</summary>
    /// <param name="message">At least <see cref="BufferBytes"/>.</param>
    /// <param name="input">What is said.</param>
    /// <returns>The message's length.</returns>
    public static int Write(Span<byte> message, in AvatarInput input)
    {
        var length = input.Write(message[HeaderBytes..]);
        message[0] = 0x92;
        message[1] = (byte)SpaceMessageType.Input;
        message[2] = 0xC4;
        message[3] = (byte)length;
        return HeaderBytes + length;
    }

    /// <summary>The input, or false when it is another message (or one in a long-winded form, which <see cref="SpaceMessage.ReadFromClient"/> reads).</summary>
    /// <exception cref="SpaceWireException">It is an input that breaks the specification.</exception>
    public static bool TryRead(ReadOnlySpan<byte> message, out AvatarInput input)
    {
        input = default;
        if (!HotEnvelope.TryRead(message, (byte)SpaceMessageType.Input, out var body)) return false;
        if (body.Length > AvatarInput.MostBytes) throw new SpaceWireException("an input is longer than 20 bytes");
        input = AvatarInput.Read(body);
        return true;
    }
}

/// <summary>Reads <c>[type, bin, ...]</c>; further elements are tomorrow's and are not looked at.</summary>
internal static class HotEnvelope
{
    public static bool TryRead(ReadOnlySpan<byte> message, byte type, out ReadOnlySpan<byte> body)
    {
        body = default;
        if (message.Length < 3 || (message[0] & 0xF0) != 0x90 || (message[0] & 15) < 2 || message[1] != type) return false;
        var (header, length) = message[2] switch
        {
            0xC4 when message.Length >= 4 => (4, message[3]),
            0xC5 when message.Length >= 5 => (5, BinaryPrimitives.ReadUInt16BigEndian(message[3..])),
            _ => (0, 0),
        };
        if (header == 0) return false;
        var isLast = (message[0] & 15) == 2;
        if (message.Length - header < length || (isLast && message.Length - header != length))
            throw new SpaceWireException($"a body says {length} bytes where {message.Length - header} are");
        body = message.Slice(header, length);
        return true;
    }
}
