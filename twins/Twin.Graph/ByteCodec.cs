using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace Twin.Graph;

/// <summary>CRC-32C (Castagnoli), the checksum of frames and snapshots; the processor's own instruction where there is one. Hot.</summary>
internal static class Crc32C
{
    public static uint Compute(ReadOnlySpan<byte> bytes) => ~Continue(uint.MaxValue, bytes);

    /// <summary>Goes on from an unfinished checksum (start with all ones, end by complementing).</summary>
    public static uint Continue(uint crc, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return crc;
    }
}

/// <summary>Grows a byte array: varints, fixed numbers, texts by reference to their first use. Little-endian. Reused; not thread-safe. Hot.</summary>
internal sealed class ByteWriter
{
    /// <summary>Texts longer than this (UTF-8 bytes) are written anew each time and take no place in the table.</summary>
    public const int LongestShared = 128;

    /// <summary>Most texts in the table; later ones are written anew each time.</summary>
    public const int MostShared = 65_536;

    private readonly Dictionary<string, int> _shared = new(StringComparer.Ordinal);
    private readonly (string? Text, int Place)[] _recent = new (string?, int)[12];
    private int _nextRecent;
    private string? _passing;
    private int _passingPlace;
    private int _places; // texts in the reader's table
    private byte[] _bytes = new byte[4096];
    private int _length;

    public int Length => _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Clear()
    {
        _length = 0;
        _shared.Clear();
        Array.Clear(_recent);
        (_passing, _passingPlace, _places) = (null, 0, 0);
    }

    /// <summary>Drops the bytes written so far, not the shared texts: the caller has passed them on.</summary>
    public void Drain() => _length = 0;

    public Span<byte> Take(int count)
    {
        if (_bytes.Length - _length < count) Array.Resize(ref _bytes, checked((int)Math.Min(Math.Max((long)_bytes.Length * 2, (long)_length + count), Array.MaxLength)));
        var span = _bytes.AsSpan(_length, count);
        _length += count;
        return span;
    }

    public void Byte(byte value) => Take(1)[0] = value;

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    public void Varint(ulong value)
    {
        if (_bytes.Length - _length < 10) { Take(10); _length -= 10; }
        var bytes = _bytes;
        var at = _length;
        while (value >= 0x80)
        {
            bytes[at++] = (byte)(value | 0x80);
            value >>= 7;
        }
        bytes[at++] = (byte)value;
        _length = at;
    }

    public void Signed(long value) => Varint((ulong)((value << 1) ^ (value >> 63)));

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Varint((ulong)bytes.Length);
        bytes.CopyTo(Take(bytes.Length));
    }

    public void Longs(ReadOnlySpan<long> values)
    {
        if (BitConverter.IsLittleEndian) MemoryMarshal.AsBytes(values).CopyTo(Take(values.Length * 8));
        else foreach (var value in values) Int64(value);
    }

    /// <summary>A text that is likely to come again: 0 and its bytes at first use, then its place in the table of shared texts, from 1.</summary>
    public void Text(string text)
    {
        for (var i = 0; i < _recent.Length; i++)
        {
            if (!ReferenceEquals(_recent[i].Text, text)) continue;
            Varint((ulong)_recent[i].Place);
            return;
        }
        if (_shared.TryGetValue(text, out var place)) Varint((ulong)place);
        else if ((place = NewText(text)) > 0) _shared.Add(text, place);
        if (place == 0) return;
        _recent[_nextRecent] = (text, place);
        _nextRecent = (_nextRecent + 1) % _recent.Length;
    }

    /// <summary>A text that may come again at once, but hardly later (the twin of a change): compared with the last such one only.</summary>
    public void PassingText(string text)
    {
        if (_passingPlace > 0 && text == _passing)
        {
            Varint((ulong)_passingPlace);
            return;
        }
        _passing = text;
        _passingPlace = NewText(text);
    }

    private int NewText(string text)
    {
        int count;
        if (text.Length <= LongestShared / 3)
        {
            var bytes = Take(2 + (text.Length * 3));
            count = Encoding.UTF8.GetBytes(text, bytes[2..]);
            bytes[0] = 0;
            bytes[1] = (byte)count; // at most 126: one byte of varint
            _length -= bytes.Length - 2 - count;
        }
        else
        {
            Byte(0);
            count = Encoding.UTF8.GetByteCount(text);
            Varint((ulong)count);
            Encoding.UTF8.GetBytes(text, Take(count));
        }
        return count <= LongestShared && _places < MostShared ? ++_places : 0;
    }

    public void PatchUInt32(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at), value);
}

/// <summary>Reads what <see cref="ByteWriter"/> wrote; every length is checked against what is left. Throws InvalidDataException.</summary>
internal ref struct ByteReader(ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly List<string> _shared = [];
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly int Left => _rest.Length;

    public byte Byte() => Take(1)[0];

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

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

    /// <summary>A count of things that take at least <paramref name="leastBytes"/> each, so that a damaged count cannot ask for memory.</summary>
    public int Count(int leastBytes)
    {
        var count = Varint();
        if (count > (ulong)(_rest.Length / leastBytes)) throw new InvalidDataException($"A count of {count} needs more than the {_rest.Length} bytes left.");
        return (int)count;
    }

    public ReadOnlySpan<byte> Bytes() => Take(Count(1));

    public void Longs(Span<long> into)
    {
        var bytes = Take(checked(into.Length * 8));
        if (BitConverter.IsLittleEndian) bytes.CopyTo(MemoryMarshal.AsBytes(into));
        else for (var i = 0; i < into.Length; i++) into[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(i * 8)..]);
    }

    public string Text()
    {
        var place = Varint();
        if (place > (ulong)_shared.Count) throw new InvalidDataException($"Text {place} is not among the {_shared.Count} shared ones.");
        if (place > 0) return _shared[(int)place - 1];
        var bytes = Bytes();
        try
        {
            var text = Strict.GetString(bytes);
            if (bytes.Length <= ByteWriter.LongestShared && _shared.Count < ByteWriter.MostShared) _shared.Add(text);
            return text;
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException("A text is not valid UTF-8.");
        }
    }

    public ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length) throw new InvalidDataException($"{count} bytes are needed, {_rest.Length} are left.");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
