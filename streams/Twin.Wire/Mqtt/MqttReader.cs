using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Twin.Wire.Mqtt;

/// <summary>
/// Reads the elementary types of clause 1.5 from one packet's body. Hot: returns slices of the input, allocates nothing.
/// Every method throws <see cref="MqttProtocolException"/> (malformed packet) instead of reading past the end.
/// </summary>
public ref struct MqttReader(ReadOnlySpan<byte> body)
{
    private ReadOnlySpan<byte> _rest = body;

    /// <summary>Bytes not read yet.</summary>
    public readonly int Remaining => _rest.Length;

    /// <summary>One byte.</summary>
    public byte ReadByte()
    {
        if (_rest.IsEmpty) ThrowShort("a byte");
        var value = _rest[0];
        _rest = _rest[1..];
        return value;
    }

    /// <summary>Two bytes, big-endian.</summary>
    public ushort ReadUInt16()
    {
        if (_rest.Length < 2) ThrowShort("a two-byte integer");
        var value = BinaryPrimitives.ReadUInt16BigEndian(_rest);
        _rest = _rest[2..];
        return value;
    }

    /// <summary>Four bytes, big-endian.</summary>
    public uint ReadUInt32()
    {
        if (_rest.Length < 4) ThrowShort("a four-byte integer");
        var value = BinaryPrimitives.ReadUInt32BigEndian(_rest);
        _rest = _rest[4..];
        return value;
    }

    /// <summary>A variable byte integer, 0 to 268,435,455 (clause 1.5.5).</summary>
    public int ReadVariable()
    {
        var value = 0;
        for (var shift = 0; shift < 28; shift += 7)
        {
            var next = ReadByte();
            value |= (next & 0x7F) << shift;
            if (next >= 0x80) continue;
            if (next == 0 && shift > 0) throw new MqttProtocolException(MqttReason.MalformedPacket, "A variable byte integer is longer than it needs to be.");
            return value;
        }

        throw new MqttProtocolException(MqttReason.MalformedPacket, "A variable byte integer has more than four bytes.");
    }

    /// <summary>Length-prefixed binary.</summary>
    public ReadOnlySpan<byte> ReadBinary() => ReadBytes(ReadUInt16());

    /// <summary>Length-prefixed UTF-8, checked: well formed and without U+0000 (clause 1.5.4).</summary>
    public ReadOnlySpan<byte> ReadUtf8()
    {
        var text = ReadBytes(ReadUInt16());
        if (!Utf8.IsValid(text) || text.Contains((byte)0)) ThrowText();
        return text;
    }

    /// <summary>Length-prefixed UTF-8 as a string (allocates).</summary>
    public string ReadText() => Encoding.UTF8.GetString(ReadUtf8());

    /// <summary>A property block: its length, then that many bytes.</summary>
    public ReadOnlySpan<byte> ReadProperties() => ReadBytes(ReadVariable());

    /// <summary>Exactly <paramref name="count"/> bytes.</summary>
    public ReadOnlySpan<byte> ReadBytes(int count)
    {
        if (_rest.Length < count) ThrowShort("as many bytes as its length says");
        var value = _rest[..count];
        _rest = _rest[count..];
        return value;
    }

    /// <summary>Everything left.</summary>
    public ReadOnlySpan<byte> ReadRest()
    {
        var value = _rest;
        _rest = default;
        return value;
    }

    [DoesNotReturn]
    private static void ThrowShort(string what) =>
        throw new MqttProtocolException(MqttReason.MalformedPacket, $"The packet ends before {what}.");

    [DoesNotReturn]
    private static void ThrowText() =>
        throw new MqttProtocolException(MqttReason.MalformedPacket, "A text is not UTF-8 or holds U+0000.");
}
