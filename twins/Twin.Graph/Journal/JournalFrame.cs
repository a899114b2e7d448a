using System.Buffers.Binary;

namespace Twin.Graph.Journal;

/// <summary>
/// The envelope of a frame whose entries are not changes of twins: version, length and checksum as <see cref="ChangeCodec"/> writes them, then the
/// first sequence and the count, so that every journal keeps, checks and finds it the same way. The entries follow, of at least 6 bytes each. Hot.
/// </summary>
public static class JournalFrame
{
    /// <summary>Bytes before the entries: header, first sequence, count.</summary>
    public const int PrefixBytes = ChangeCodec.HeaderBytes + sizeof(long) + CountBytes;

    private const int CountBytes = 5; // a varint padded to its greatest length, because it is filled in last

    /// <summary>Fills in the first <see cref="PrefixBytes"/> bytes.</summary>
    /// <param name="frame">The whole frame, its prefix free.</param>
    /// <param name="firstSequence">Of the first entry.</param>
    /// <param name="count">Entries, at least 1.</param>
    /// <exception cref="ArgumentException">There are no entries, or they are too long for a frame.</exception>
    public static void Seal(Span<byte> frame, long firstSequence, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (frame.Length <= PrefixBytes || frame.Length - ChangeCodec.HeaderBytes > ChangeCodec.MaxBodyBytes) throw new ArgumentException($"A frame of {frame.Length} bytes is not taken.", nameof(frame));
        frame[0] = ChangeCodec.Version;
        BinaryPrimitives.WriteUInt32LittleEndian(frame[1..], (uint)(frame.Length - ChangeCodec.HeaderBytes));
        BinaryPrimitives.WriteInt64LittleEndian(frame[ChangeCodec.HeaderBytes..], firstSequence);
        var at = ChangeCodec.HeaderBytes + sizeof(long);
        for (var i = 0; i < CountBytes - 1; i++, count >>= 7) frame[at++] = (byte)(count | 0x80);
        frame[at] = (byte)count;
        BinaryPrimitives.WriteUInt32LittleEndian(frame[5..], ChangeCodec.Checksum(frame));
    }

    /// <summary>The entries of a frame.</summary>
    /// <exception cref="InvalidDataException">The frame is cut or damaged.</exception>
    public static ReadOnlySpan<byte> Open(ReadOnlySpan<byte> frame, out long firstSequence, out int count)
    {
        if (frame.Length <= PrefixBytes || !ChangeCodec.IsIntact(frame)) throw new InvalidDataException($"A frame of {frame.Length} bytes is cut short or damaged.");
        (firstSequence, var last) = ChangeCodec.RangeOf(frame);
        count = (int)(last - firstSequence + 1);
        return frame[PrefixBytes..];
    }
}
