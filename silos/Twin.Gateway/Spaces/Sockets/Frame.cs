using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>The header of a client's frame (RFC 6455, 5.2), and what a server writes. Pure. Hot.</summary>
internal readonly struct Frame
{
    public const int Continuation = 0;
    public const int Text = 1;
    public const int Binary = 2;
    public const int CloseCode = 8;
    public const int Ping = 9;
    public const int Pong = 10;

    /// <summary>The longest header a server writes.</summary>
    public const int MostHeaderBytes = 10;

    /// <summary>Bytes of a control frame's payload.</summary>
    public const int MostControlBytes = 125;

    public int Opcode { get; private init; }

    public bool IsFinal { get; private init; }

    /// <summary>Bytes before the payload, the mask included.</summary>
    public int HeaderBytes { get; private init; }

    /// <summary>Bytes of the payload.</summary>
    public int PayloadBytes { get; private init; }

    /// <summary>The mask as it lies in memory.</summary>
    public uint Mask { get; private init; }

    public bool IsControl => Opcode >= CloseCode;

    /// <summary>Reads a client's header.</summary>
    /// <param name="bytes">From the frame's first byte on.</param>
    /// <param name="most">The longest payload taken.</param>
    /// <param name="frame">The header, when 0 is returned.</param>
    /// <returns>0, or -1 when bytes are missing, or the code to close with: 1002 for a broken rule, 1009 for too much.</returns>
    public static int Read(ReadOnlySpan<byte> bytes, int most, out Frame frame)
    {
        frame = default;
        if (bytes.Length < 2) return -1;
        int first = bytes[0], second = bytes[1], opcode = first & 0xF;
        if ((first & 0x70) != 0 || second < 0x80 || opcode is > Binary and < CloseCode or > Pong) return 1002;
        var length = second & 0x7F;
        if (opcode >= CloseCode && (length > MostControlBytes || first < 0x80)) return 1002;
        var header = 6;
        if (length > MostControlBytes)
        {
            var wide = length == 127;
            header = wide ? 14 : 8;
            if (bytes.Length < header - 4) return -1;
            var told = wide ? BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]) : BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
            if (told < (wide ? 65_536u : 126u) || told > long.MaxValue) return 1002; // the shortest form is a must
            if (told > (ulong)most) return 1009;
            length = (int)told;
        }
        else if (length > most)
        {
            return 1009;
        }

        if (bytes.Length < header) return -1;
        frame = new Frame { Opcode = opcode, IsFinal = first >= 0x80, HeaderBytes = header, PayloadBytes = length, Mask = MemoryMarshal.Read<uint>(bytes[(header - 4)..]) };
        return 0;
    }

    /// <summary>Takes the mask off in place.</summary>
    public static void Unmask(Span<byte> payload, uint mask)
    {
        ref var first = ref MemoryMarshal.GetReference(payload);
        var at = 0;
        if (Vector256.IsHardwareAccelerated && payload.Length >= 32)
        {
            var wide = Vector256.Create(mask).AsByte();
            for (; at <= payload.Length - 32; at += 32) (Vector256.LoadUnsafe(ref first, (nuint)at) ^ wide).StoreUnsafe(ref first, (nuint)at);
        }

        if (payload.Length - at >= 16)
        {
            var wide = Vector128.Create(mask).AsByte();
            for (; at <= payload.Length - 16; at += 16) (Vector128.LoadUnsafe(ref first, (nuint)at) ^ wide).StoreUnsafe(ref first, (nuint)at);
        }

        for (; at <= payload.Length - 4; at += 4)
        {
            ref var word = ref Unsafe.Add(ref first, at);
            Unsafe.WriteUnaligned(ref word, Unsafe.ReadUnaligned<uint>(ref word) ^ mask);
        }

        for (; at < payload.Length; at++) payload[at] ^= (byte)(BitConverter.IsLittleEndian ? mask >> (8 * (at & 3)) : mask >> (24 - (8 * (at & 3))));
    }

    /// <summary>Writes a server's header of a whole message.</summary>
    /// <returns>Its bytes: 2, 4 or 10.</returns>
    public static int WriteHeader(Span<byte> to, int opcode, int payloadBytes)
    {
        to[0] = (byte)(0x80 | opcode);
        if (payloadBytes < 126)
        {
            to[1] = (byte)payloadBytes;
            return 2;
        }

        if (payloadBytes < 65_536)
        {
            to[1] = 126;
            BinaryPrimitives.WriteUInt16BigEndian(to[2..], (ushort)payloadBytes);
            return 4;
        }

        to[1] = 127;
        BinaryPrimitives.WriteUInt64BigEndian(to[2..], (ulong)payloadBytes);
        return 10;
    }

    /// <summary>Whether a client may close with this code (RFC 6455, 7.4).</summary>
    public static bool IsCloseCode(int code) => code is (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999);
}
