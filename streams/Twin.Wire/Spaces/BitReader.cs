using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Twin.Wire.Spaces;

/// <summary>Reads bits, least significant first (SPEC-spaces, clause 3). Hot: allocates nothing. Whoever reads past the end gets <see cref="SpaceWireException"/>, never another's bytes.</summary>
/// <param name="bytes">What is read; it stays the caller's.</param>
public ref struct BitReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at;

    /// <summary>Bits not read yet.</summary>
    public readonly int Remaining => (_bytes.Length * 8) - _at;

    /// <summary>The next <paramref name="bits"/> bits.</summary>
    /// <param name="bits">0 to 57.</param>
    /// <exception cref="SpaceWireException">There are fewer.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Read(int bits)
    {
        if (bits > Remaining) ThrowShort(bits, Remaining);
        var from = _at >> 3;
        var word = from + 8 <= _bytes.Length ? BinaryPrimitives.ReadUInt64LittleEndian(_bytes[from..]) : Tail(_bytes[from..]);
        word = (word >> (_at & 7)) & ((1UL << bits) - 1);
        _at += bits;
        return word;
    }

    /// <summary>One bit.</summary>
    public bool ReadBit() => Read(1) != 0;

    /// <summary>A signed number in two's complement.</summary>
    /// <param name="bits">1 to 32.</param>
    public int ReadSigned(int bits) => (int)((long)(Read(bits) << (64 - bits)) >> (64 - bits));

    private static ulong Tail(ReadOnlySpan<byte> rest)
    {
        var word = 0UL;
        for (var i = 0; i < rest.Length; i++) word |= (ulong)rest[i] << (8 * i);
        return word;
    }

    [DoesNotReturn]
    private static void ThrowShort(int wanted, int left) => throw new SpaceWireException($"{wanted} bits are wanted where {left} are left");
}
