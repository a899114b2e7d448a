using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Twin.Wire.Spaces;

/// <summary>
/// Writes bits, least significant first, into a caller's buffer (SPEC-spaces, clause 3). Hot: allocates nothing.
/// The buffer must have eight bytes more than what is written: whole words are stored.
/// </summary>
/// <param name="buffer">Where the bits go; it stays the caller's.</param>
public ref struct BitWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;
    private ulong _word;
    private int _used;
    private int _at;

    /// <summary>Bits written so far.</summary>
    public readonly int BitCount => (_at * 8) + _used;

    /// <summary>Bytes that <see cref="Finish"/> will have filled.</summary>
    public readonly int ByteCount => _at + ((_used + 7) >> 3);

    /// <summary>Bytes that may still be written.</summary>
    public readonly int Room => _buffer.Length - 8 - ByteCount;

    /// <summary>Writes the lowest <paramref name="bits"/> bits.</summary>
    /// <param name="value">Higher bits must be zero.</param>
    /// <param name="bits">0 to 64.</param>
    /// <exception cref="ArgumentOutOfRangeException">The buffer is full.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(ulong value, int bits)
    {
        _word |= value << _used;
        var used = _used + bits;
        if (used < 64)
        {
            _used = used;
            return;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(_buffer[_at..], _word);
        _at += 8;
        _word = _used == 0 ? 0 : value >> (64 - _used);
        _used = used - 64;
    }

    /// <summary>One bit.</summary>
    public void Write(bool bit) => Write(bit ? 1UL : 0UL, 1);

    /// <summary>A signed number in two's complement.</summary>
    /// <param name="value">Within [-2^(bits-1), 2^(bits-1)).</param>
    /// <param name="bits">1 to 32.</param>
    public void WriteSigned(int value, int bits) => Write((uint)value & (uint)((1UL << bits) - 1), bits);

    /// <summary>Fills the last byte with zeros and gives the number of bytes.</summary>
    public int Finish()
    {
        var count = ByteCount;
        if (_used > 0) BinaryPrimitives.WriteUInt64LittleEndian(_buffer[_at..], _word);
        return count;
    }
}
