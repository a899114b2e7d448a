using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Twin.Presence;

/// <summary>Bytes of a recording as they grow: little-endian, whole numbers as LEB128. One thread at a time; allocates only when it grows.</summary>
internal sealed class TapeWriter
{
    private byte[] _bytes = new byte[64 * 1024];

    /// <summary>Bytes so far.</summary>
    public int Length { get; private set; }

    /// <summary>What was written. Valid until the next call.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>Starts again, at a length from before.</summary>
    public void Rewind(int length = 0) => Length = length;

    public void Byte(byte value)
    {
        if (Length == _bytes.Length) Grow(1);
        _bytes[Length++] = value;
    }

    public void Flag(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void Number(ulong value)
    {
        if (Length + 10 > _bytes.Length) Grow(10);
        while (value >= 0x80)
        {
            _bytes[Length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        _bytes[Length++] = (byte)value;
    }

    public void Count(int value) => Number((uint)value);

    public void Signed(long value) => Number((ulong)((value << 1) ^ (value >> 63)));

    public void Word(uint value)
    {
        if (Length + 4 > _bytes.Length) Grow(4);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(Length), value);
        Length += 4;
    }

    public void Float(float value) => Word(BitConverter.SingleToUInt32Bits(value));

    public void Double(double value)
    {
        var bits = BitConverter.DoubleToUInt64Bits(value);
        Word((uint)bits);
        Word((uint)(bits >> 32));
    }

    public void Text(string value)
    {
        var count = Encoding.UTF8.GetByteCount(value);
        Count(count);
        if (Length + count > _bytes.Length) Grow(count);
        Length += Encoding.UTF8.GetBytes(value, _bytes.AsSpan(Length));
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Count(value.Length);
        Append(value);
    }

    /// <summary>Without a length before it.</summary>
    public void Append(ReadOnlySpan<byte> value)
    {
        if (Length + value.Length > _bytes.Length) Grow(value.Length);
        value.CopyTo(_bytes.AsSpan(Length));
        Length += value.Length;
    }

    private void Grow(int by) => Array.Resize(ref _bytes, (int)Math.Min((ulong)Array.MaxLength, BitOperations.RoundUpToPowerOf2((ulong)(Length + by) * 2)));
}
