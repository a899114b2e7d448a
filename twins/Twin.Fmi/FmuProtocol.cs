using System.Buffers.Binary;

namespace Twin.Fmi;

/// <summary>What the parent asks. The answer's first byte says whether it was done.</summary>
internal enum FmuRequest : byte
{
    Load = 1,
    EnterInitialization,
    ExitInitialization,
    Get,
    Set,
    Step,
    SaveState,
    RestoreState,
    Terminate,
}

/// <summary>How the child answers.</summary>
internal enum FmuAnswer : byte
{
    Done = 0,

    /// <summary>The model answered with an error; a text follows.</summary>
    Refused = 1,

    /// <summary>A step was discarded: nothing happened beyond the last successful time, which follows.</summary>
    Discarded = 2,
}

/// <summary>
/// The pipe between parent and child: a frame is its length in 4 bytes, little-endian, 1 to <see cref="LongestFrame"/>, and that many
/// bytes; one answer a request. Fields are little-endian, texts UTF-8 with a length before them (BinaryWriter's). A longer or
/// shorter frame ends the child; a broken answer ends the parent's use of it.
/// </summary>
internal static class FmuProtocol
{
    public const int LongestFrame = 8 * 1024 * 1024;

    /// <summary>Most variables in one request; callers ask in parts.</summary>
    public const int MostValues = 65_536;

    /// <summary>Bytes of one value of a type in memory and on the pipe; 0 for texts.</summary>
    public static int SizeOf(FmuType type) => type switch
    {
        FmuType.Float64 or FmuType.Int64 or FmuType.UInt64 => 8,
        FmuType.Float32 or FmuType.Int32 or FmuType.UInt32 => 4,
        FmuType.Int16 or FmuType.UInt16 => 2,
        FmuType.String => 0,
        _ => 1,
    };

    /// <summary>Reads a frame; null at the end of the stream between frames.</summary>
    /// <exception cref="InvalidDataException">The length is out of its range.</exception>
    /// <exception cref="EndOfStreamException">The stream ends within a frame.</exception>
    public static byte[]? Read(Stream stream)
    {
        Span<byte> head = stackalloc byte[4];
        var read = stream.ReadAtLeast(head, 4, throwOnEndOfStream: false);
        if (read == 0) return null;
        if (read < 4) throw new EndOfStreamException("The pipe ended within a frame.");
        var frame = new byte[LengthOf(head)];
        stream.ReadExactly(frame);
        return frame;
    }

    /// <summary>Reads a frame; null at the end of the stream between frames.</summary>
    /// <exception cref="InvalidDataException">The length is out of its range.</exception>
    /// <exception cref="EndOfStreamException">The stream ends within a frame.</exception>
    public static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new byte[4];
        var read = await stream.ReadAtLeastAsync(head, 4, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (read == 0) return null;
        if (read < 4) throw new EndOfStreamException("The pipe ended within a frame.");
        var frame = new byte[LengthOf(head)];
        await stream.ReadExactlyAsync(frame, cancellationToken).ConfigureAwait(false);
        return frame;
    }

    /// <summary>A frame around what was written.</summary>
    public static byte[] Frame(Action<BinaryWriter> write)
    {
        var memory = new MemoryStream();
        memory.SetLength(4);
        memory.Position = 4;
        using (var writer = new BinaryWriter(memory, System.Text.Encoding.UTF8, leaveOpen: true)) write(writer);
        var length = memory.Length - 4;
        if (length is < 1 or > LongestFrame) throw new InvalidDataException($"A frame of {length} bytes; it must be 1 to {LongestFrame}.");
        var bytes = memory.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes, (int)length);
        return bytes;
    }

    private static int LengthOf(ReadOnlySpan<byte> head)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(head);
        return length is >= 1 and <= LongestFrame ? length : throw new InvalidDataException($"A frame of {(uint)length} bytes is announced; it must be 1 to {LongestFrame}.");
    }
}
