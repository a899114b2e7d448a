using System.Buffers;
using System.Text;
using MessagePack;

namespace Twin.Wire.Spaces;

/// <summary>Reads the fields of one message in order, each within its bounds (SPEC-spaces, clause 1). A field past the array's end has its default: yesterday's sender did not know it.</summary>
internal ref struct SpaceFields
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private MessagePackReader _reader;
    private int _left;

    /// <summary>Opens a message and reads its type.</summary>
    public SpaceFields(ReadOnlyMemory<byte> message)
    {
        _reader = new MessagePackReader(message);
        _left = _reader.ReadArrayHeader();
        Type = (int)Whole("type", 0, int.MaxValue);
    }

    public int Type { get; }

    public readonly bool HasMore => _left > 0;

    public long Whole(string name, long least, long most, long? ifMissing = null)
    {
        if (!Next(name, ifMissing is not null)) return ifMissing!.Value;
        // A script's number that was computed arrives as a float; it is taken when it is whole.
        var value = _reader.NextMessagePackType == MessagePackType.Float ? Whole(name, _reader.ReadDouble()) : _reader.ReadInt64();
        return value >= least && value <= most ? value : throw new SpaceWireException($"{name} is {value}; {least} to {most} are allowed");
    }

    public double Real(string name, double least, double most, double? ifMissing = null)
    {
        if (!Next(name, ifMissing is not null)) return ifMissing!.Value;
        var value = _reader.ReadDouble();
        return value >= least && value <= most ? value : throw new SpaceWireException($"{name} is {value}; {least} to {most} are allowed");
    }

    public bool Truth(string name, bool? ifMissing = null) => Next(name, ifMissing is not null) ? _reader.ReadBoolean() : ifMissing!.Value;

    public string Text(string name, int most, string? ifMissing = null)
    {
        if (!Next(name, ifMissing is not null)) return ifMissing!;
        var bytes = _reader.ReadStringSequence() ?? throw new SpaceWireException($"{name} is nil");
        if (bytes.Length > most * 3L) throw new SpaceWireException($"{name} has {bytes.Length} bytes; at most {most} characters are allowed");
        var text = Strict.GetString(bytes);
        return text.Length <= most ? text : throw new SpaceWireException($"{name} has {text.Length} characters; at most {most} are allowed");
    }

    public byte[] Bytes(string name, int most)
    {
        Next(name, false);
        var bytes = _reader.ReadBytes() ?? throw new SpaceWireException($"{name} is nil");
        return bytes.Length <= most ? bytes.ToArray() : throw new SpaceWireException($"{name} has {bytes.Length} bytes; at most {most} are allowed");
    }

    /// <summary>Enters an array; its elements then are the fields. <see cref="Leave"/> skips those not read.</summary>
    public int Enter(string name, int most, out int outer)
    {
        Next(name, false);
        var count = _reader.ReadArrayHeader();
        if (count > most) throw new SpaceWireException($"{name} has {count} elements; at most {most} are allowed");
        (outer, _left) = (_left, count);
        return count;
    }

    /// <summary>Enters a map; each entry then is a key by <see cref="Text"/> and a value. 0 when the field is missing.</summary>
    public int EnterMap(string name, out int outer)
    {
        outer = _left;
        if (_left == 0) return 0;
        _left--;
        var count = _reader.ReadMapHeader();
        if (count > 64) throw new SpaceWireException($"{name} has {count} entries; at most 64 are allowed");
        (outer, _left) = (_left, count * 2);
        return count;
    }

    public void Leave(int outer)
    {
        while (_left > 0) Skip();
        _left = outer;
    }

    /// <summary>Skips one field, however deep, without recursion: a stranger's nesting must not use up the stack.</summary>
    public void Skip()
    {
        _left--;
        for (var open = 1L; open > 0; open--)
        {
            switch (_reader.NextMessagePackType)
            {
                case MessagePackType.Array:
                    open += _reader.ReadArrayHeader();
                    break;
                case MessagePackType.Map:
                    open += 2L * _reader.ReadMapHeader();
                    break;
                default:
                    _reader.Skip();
                    break;
            }
        }
    }

    private static long Whole(string name, double value) => Math.Abs(value) <= SpaceLimits.Number && Math.Floor(value) == value
        ? (long)value
        : throw new SpaceWireException($"{name} is {value}, not a whole number");

    private bool Next(string name, bool mayBeMissing)
    {
        if (_left > 0)
        {
            _left--;
            return true;
        }

        return mayBeMissing ? false : throw new SpaceWireException($"{name} is missing");
    }
}
