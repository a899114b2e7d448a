using System.Buffers.Binary;
using System.Text;

namespace Twin.Presence;

/// <summary>A recording is not one, or is damaged.</summary>
public sealed class SpaceRecordingException(string message) : Exception(message);

/// <summary>Reads what <see cref="TapeWriter"/> wrote; whatever the bytes are, it ends in a value within its bounds or in an exception.</summary>
internal ref struct TapeReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Bytes read.</summary>
    public int At { get; private set; }

    /// <summary>Whether all is read.</summary>
    public readonly bool IsAtEnd => At >= _bytes.Length;

    public byte Byte() => At < _bytes.Length ? _bytes[At++] : throw Cut();

    public bool Flag() => Byte() switch { 0 => false, 1 => true, var other => throw new SpaceRecordingException($"Byte {At - 1} must be 0 or 1, is {other}.") };

    public ulong Number()
    {
        var value = 0ul;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }

        throw new SpaceRecordingException($"The number before byte {At} is longer than 64 bits.");
    }

    /// <summary>A count or an index.</summary>
    /// <param name="most">The largest allowed.</param>
    public int Count(int most)
    {
        var value = Number();
        return value <= (ulong)most ? (int)value : throw new SpaceRecordingException($"The count before byte {At} is {value}; at most {most} is allowed.");
    }

    public long Signed()
    {
        var value = Number();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    public int Integer() => Signed() is >= int.MinValue and <= int.MaxValue and var value ? (int)value : throw new SpaceRecordingException($"The number before byte {At} is beyond 32 bits.");

    public uint Word()
    {
        if (_bytes.Length - At < 4) throw Cut();
        var value = BinaryPrimitives.ReadUInt32LittleEndian(_bytes[At..]);
        At += 4;
        return value;
    }

    public float Float() => BitConverter.UInt32BitsToSingle(Word()) is var value && float.IsFinite(value) ? value : throw new SpaceRecordingException($"The number before byte {At} is not finite.");

    public double Double() => BitConverter.UInt64BitsToDouble(Word() | ((ulong)Word() << 32));

    public string Text(int mostBytes) => Encoding.UTF8.GetString(Bytes(mostBytes));

    public ReadOnlySpan<byte> Bytes(int most) => Take(Count(most));

    public ReadOnlySpan<byte> Take(int count)
    {
        if (_bytes.Length - At < count) throw Cut();
        At += count;
        return _bytes.Slice(At - count, count);
    }

    private readonly SpaceRecordingException Cut() => new($"The recording is cut off at byte {_bytes.Length}.");
}
