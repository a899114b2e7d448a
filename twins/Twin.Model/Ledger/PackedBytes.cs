using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Twin.Model.Ledger;

/// <summary>Writes varints, fixed numbers and texts, little-endian. Not thread-safe. Hot.</summary>
internal readonly struct PackedWriter(IBufferWriter<byte> output)
{
    public void Byte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    public void Int64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    public void UInt128(UInt128 value)
    {
        BinaryPrimitives.WriteUInt128LittleEndian(output.GetSpan(16), value);
        output.Advance(16);
    }

    public void Varint(ulong value)
    {
        var span = output.GetSpan(10);
        var at = 0;
        for (; value >= 0x80; value >>= 7) span[at++] = (byte)(value | 0x80);
        span[at++] = (byte)value;
        output.Advance(at);
    }

    public void Signed(long value) => Varint((ulong)((value << 1) ^ (value >> 63)));

    /// <summary>Zigzag, seven bits a byte, at most 19 bytes.</summary>
    public void Wide(Int128 value)
    {
        var bits = (UInt128)((value << 1) ^ (value >> 127));
        var span = output.GetSpan(19);
        var at = 0;
        for (; bits >= 0x80; bits >>= 7) span[at++] = (byte)((byte)bits | 0x80);
        span[at++] = (byte)bits;
        output.Advance(at);
    }

    public void Text(string text)
    {
        var count = Encoding.UTF8.GetByteCount(text);
        Varint((ulong)count);
        Encoding.UTF8.GetBytes(text, output.GetSpan(count));
        output.Advance(count);
    }

    /// <summary>0 for null, else 1 and the text.</summary>
    public void TextOrNull(string? text)
    {
        Byte(text is null ? (byte)0 : (byte)1);
        if (text is not null) Text(text);
    }
}

/// <summary>Reads what <see cref="PackedWriter"/> wrote; every length is checked against what is left. Throws InvalidDataException.</summary>
internal ref struct PackedReader(ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> _rest = bytes;

    public readonly int Left => _rest.Length;

    public byte Byte() => Take(1)[0];

    public bool Flag() => Byte() switch
    {
        0 => false,
        1 => true,
        var other => throw new InvalidDataException($"A flag is {other}; 0 or 1 was expected."),
    };

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public UInt128 UInt128() => BinaryPrimitives.ReadUInt128LittleEndian(Take(16));

    public ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            if (shift == 63 && next > 1) break;
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }

        throw new InvalidDataException("A varint is longer than 64 bits.");
    }

    public long Signed()
    {
        var value = Varint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    public Int128 Wide()
    {
        var value = System.UInt128.Zero;
        for (var shift = 0; shift < 128; shift += 7)
        {
            var next = Byte();
            if (shift == 126 && next > 3) break;
            value |= (UInt128)(next & 0x7Fu) << shift;
            if (next < 0x80) return (Int128)(value >> 1) ^ -(Int128)(value & 1);
        }

        throw new InvalidDataException("A wide number is longer than 128 bits.");
    }

    /// <summary>A count of things of at least <paramref name="leastBytes"/> each, so that a damaged count cannot ask for memory.</summary>
    public int Count(int leastBytes)
    {
        var count = Varint();
        if (count > (ulong)(_rest.Length / leastBytes)) throw new InvalidDataException($"A count of {count} needs more than the {_rest.Length} bytes left.");
        return (int)count;
    }

    public string Text()
    {
        try
        {
            return Strict.GetString(Take(Count(1)));
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException("A text is not valid UTF-8.");
        }
    }

    public string? TextOrNull() => Flag() ? Text() : null;

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length) throw new InvalidDataException($"{count} bytes are needed, {_rest.Length} are left.");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
