using System.Buffers;
using System.Buffers.Binary;

namespace Twin.Graph;

/// <summary>
/// Changes as bytes: one frame a commit group, as FORMAT.md specifies it. An instance reuses its memory and is not thread-safe;
/// the static readers are. Hot.
/// </summary>
public sealed class ChangeCodec
{
    /// <summary>Version of the frame format.</summary>
    public const byte Version = 1;

    /// <summary>Bytes before the body: version, body length, checksum.</summary>
    public const int HeaderBytes = 9;

    /// <summary>Longest body; a longer commit is refused by <see cref="Encode"/>.</summary>
    public const int MaxBodyBytes = 256 * 1024 * 1024;

    private const int LeastChangeBytes = 6;

    private readonly ByteWriter _writer = new();

    /// <summary>Encodes changes with consecutive sequences as one frame. The memory is valid until the next call.</summary>
    /// <exception cref="ArgumentException">There are no changes, their sequences are not consecutive, or the frame would be too long.</exception>
    public ReadOnlySpan<byte> Encode(ReadOnlySpan<Change> changes)
    {
        if (changes.IsEmpty) throw new ArgumentException("A frame holds at least one change.", nameof(changes));
        var writer = _writer;
        writer.Clear();
        writer.Byte(Version);
        writer.Take(HeaderBytes - 1);
        var sequence = changes[0].Sequence;
        writer.Int64(sequence);
        writer.Varint((ulong)changes.Length);
        long sourceTime = 0, commitTime = 0;
        foreach (ref readonly var change in changes)
        {
            if (change.Sequence != sequence++) throw new ArgumentException($"Sequence {change.Sequence:x} stands where {sequence - 1:x} belongs.", nameof(changes));
            writer.Byte((byte)((byte)change.Kind | ((byte)change.Value.Kind << 4)));
            writer.PassingText(change.TwinId);
            writer.Text(change.ModelId);
            writer.Text(change.Path);
            writer.Signed(change.CommitTime.UtcTicks - commitTime);
            commitTime = change.CommitTime.UtcTicks;
            writer.Signed(change.SourceTime.UtcTicks - sourceTime);
            sourceTime = change.SourceTime.UtcTicks;
            WriteValue(writer, change.Value);
        }
        if (writer.Length - HeaderBytes > MaxBodyBytes) throw new ArgumentException($"The frame's body has {writer.Length - HeaderBytes} bytes; at most {MaxBodyBytes} are allowed.", nameof(changes));
        writer.PatchUInt32(1, (uint)(writer.Length - HeaderBytes));
        writer.PatchUInt32(5, Checksum(writer.Written));
        return writer.Written;
    }

    /// <summary>Encodes and copies the frame to <paramref name="output"/>.</summary>
    public void Encode(ReadOnlySpan<Change> changes, IBufferWriter<byte> output) => output.Write(Encode(changes));

    /// <summary>First and last sequence of a frame whose checksum holds.</summary>
    /// <exception cref="InvalidDataException">The frame is damaged.</exception>
    public static (long First, long Last) RangeOf(ReadOnlySpan<byte> frame)
    {
        var reader = new ByteReader(BodyOf(frame));
        var first = reader.Int64();
        return (first, first + reader.Count(LeastChangeBytes) - 1);
    }

    /// <summary>Length of the frame at the start of <paramref name="bytes"/>, by its header alone; 0 when not even the header is there. Says nothing about damage.</summary>
    public static long FrameLength(ReadOnlySpan<byte> bytes) =>
        bytes.Length < HeaderBytes ? 0 : HeaderBytes + (long)BinaryPrimitives.ReadUInt32LittleEndian(bytes[1..]);

    /// <summary>True when the bytes are exactly one undamaged frame.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> frame) =>
        frame.Length > HeaderBytes && frame[0] == Version && FrameLength(frame) == frame.Length
        && BinaryPrimitives.ReadUInt32LittleEndian(frame[5..]) == Checksum(frame);

    /// <summary>Decodes a frame and adds its changes to <paramref name="changes"/>; on an error none is added.</summary>
    /// <exception cref="InvalidDataException">The frame is cut, damaged or of another version.</exception>
    public static void Decode(ReadOnlySpan<byte> frame, ChangeBuffer changes)
    {
        var mark = changes.Count;
        try
        {
            DecodeBody(BodyOf(frame), changes);
        }
        catch (InvalidDataException)
        {
            changes.Truncate(mark);
            throw;
        }
    }

    private static ReadOnlySpan<byte> BodyOf(ReadOnlySpan<byte> frame)
    {
        if (frame.Length <= HeaderBytes) throw new InvalidDataException($"A frame of {frame.Length} bytes is cut short.");
        if (frame[0] != Version) throw new InvalidDataException($"The frame is of version {frame[0]}; this program reads version {Version}.");
        if (FrameLength(frame) != frame.Length) throw new InvalidDataException($"The frame says {FrameLength(frame)} bytes and has {frame.Length}.");
        if (!IsIntact(frame)) throw new InvalidDataException("The frame's checksum does not hold.");
        return frame[HeaderBytes..];
    }

    internal static uint Checksum(ReadOnlySpan<byte> frame) => ~Crc32C.Continue(Crc32C.Continue(uint.MaxValue, frame[..5]), frame[HeaderBytes..]);

    private static void DecodeBody(ReadOnlySpan<byte> body, ChangeBuffer changes)
    {
        var reader = new ByteReader(body);
        var sequence = reader.Int64();
        var count = reader.Count(LeastChangeBytes);
        long sourceTime = 0, commitTime = 0;
        for (var i = 0; i < count; i++)
        {
            var kinds = reader.Byte();
            var kind = (ChangeKind)(kinds & 0xF);
            if (kind is < ChangeKind.TwinCreated or > ChangeKind.TransactionDecided) throw new InvalidDataException($"Change {i} is of unknown kind {(byte)kind}.");
            var twinId = reader.Text();
            var modelId = reader.Text();
            var path = reader.Text();
            commitTime += reader.Signed();
            sourceTime += reader.Signed();
            if ((ulong)commitTime > (ulong)DateTime.MaxValue.Ticks || (ulong)sourceTime > (ulong)DateTime.MaxValue.Ticks) throw new InvalidDataException($"Change {i} has a time outside the calendar.");
            changes.Add(new Change(sequence++, kind, twinId, modelId, path, ReadValue(ref reader, kinds >> 4), new WallTime(sourceTime), new WallTime(commitTime)));
        }
        if (reader.Left != 0) throw new InvalidDataException($"{reader.Left} bytes follow the last change.");
    }

    internal static void WriteValue(ByteWriter writer, PropertyValue value)
    {
        switch (value.Kind)
        {
            case ValueKind.None: break;
            case ValueKind.Boolean: writer.Byte((byte)value.Bits); break;
            case ValueKind.Integer: writer.Signed(value.Bits); break;
            case ValueKind.Text: writer.Text(value.AsText!); break;
            case ValueKind.Json: writer.Bytes(value.AsJson); break;
            default: writer.Int64(value.Bits); break;
        }
    }

    internal static PropertyValue ReadValue(ref ByteReader reader, int kind) => (ValueKind)kind switch
    {
        ValueKind.None => default,
        ValueKind.Boolean => ReadBoolean(reader.Byte()),
        ValueKind.Integer => PropertyValue.From(reader.Signed()),
        ValueKind.Text => PropertyValue.From(reader.Text()),
        ValueKind.Json => PropertyValue.FromJson(reader.Bytes().ToArray()),
        ValueKind.Double or ValueKind.DateTime or ValueKind.Duration => PropertyValue.FromBits((ValueKind)kind, reader.Int64()),
        _ => throw new InvalidDataException($"A value is of unknown kind {kind}."),
    };

    private static PropertyValue ReadBoolean(byte flag) =>
        flag <= 1 ? PropertyValue.From(flag == 1) : throw new InvalidDataException($"A boolean is {flag}; 0 or 1 was expected.");
}
