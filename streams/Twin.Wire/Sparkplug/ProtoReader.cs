using System.Buffers.Binary;
using System.Text;

namespace Twin.Wire.Sparkplug;

/// <summary>Reads protobuf fields from bytes (public encoding specification): varint, 64-bit, length-delimited, 32-bit. Throws <see cref="InvalidDataException"/> on anything else.</summary>
public ref struct ProtoReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The field just found.</summary>
    public int Field { get; private set; }

    private int _wire;

    /// <summary>Goes to the next field; false at the end.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty) return false;
        var key = ReadVarint();
        Field = (int)(key >> 3);
        _wire = (int)(key & 7);
        if (key >> 3 is 0 or > 536_870_911) throw new InvalidDataException($"Protobuf field number {key >> 3} is out of range.");
        return true;
    }

    /// <summary>The field's varint.</summary>
    public ulong Varint()
    {
        Expect(0);
        return ReadVarint();
    }

    /// <summary>The field's 64 bits.</summary>
    public ulong Fixed64()
    {
        Expect(1);
        return BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
    }

    /// <summary>The field's 32 bits.</summary>
    public uint Fixed32()
    {
        Expect(5);
        return BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
    }

    /// <summary>The field's bytes.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        Expect(2);
        var length = ReadVarint();
        if (length > (ulong)_rest.Length) throw new InvalidDataException($"A protobuf field of {length} bytes reaches past the end.");
        return Take((int)length);
    }

    /// <summary>The field's text.</summary>
    public string Text() => Encoding.UTF8.GetString(Bytes());

    /// <summary>Goes past a field nobody asks for.</summary>
    public void Skip()
    {
        switch (_wire)
        {
            case 0: ReadVarint(); break;
            case 1: Take(8); break;
            case 2: Bytes(); break;
            case 5: Take(4); break;
            default: throw new InvalidDataException($"Protobuf wire type {_wire} is not taken.");
        }
    }

    private readonly void Expect(int wire)
    {
        if (_wire != wire) throw new InvalidDataException($"Protobuf field {Field} has wire type {_wire}; {wire} is required.");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (_rest.Length < count) throw new InvalidDataException("A protobuf field reaches past the end.");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (_rest.IsEmpty) throw new InvalidDataException("A protobuf varint reaches past the end.");
            var next = _rest[0];
            _rest = _rest[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }

        throw new InvalidDataException("A protobuf varint has more than ten bytes.");
    }
}
