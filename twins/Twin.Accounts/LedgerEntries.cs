using System.Buffers;
using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Accounts;

/// <summary>
/// Entries as a journal keeps them, behind each other: the time in ticks (8 bytes, little-endian), then the command as <see cref="LedgerCodec"/> writes it.
/// Their numbers follow from their order. At least <see cref="LeastBytes"/> bytes each.
/// </summary>
public static class LedgerEntries
{
    /// <summary>Fewest bytes of one entry.</summary>
    public const int LeastBytes = sizeof(long) + LedgerCodec.LeastBytes;

    /// <summary>Writes one.</summary>
    public static void Write(IBufferWriter<byte> output, LedgerCommand command, WallTime time)
    {
        new PackedWriter(output).Int64(time.UtcTicks);
        LedgerCodec.Write(output, command);
    }

    /// <summary>Does every entry again.</summary>
    /// <exception cref="InvalidDataException">The bytes are damaged, or do not follow the book's state.</exception>
    public static void Replay(ReadOnlySpan<byte> entries, LedgerBook book)
    {
        var reader = new PackedReader(entries);
        while (reader.Left > 0)
        {
            var time = new WallTime(reader.Int64());
            book.Replay(LedgerCodec.Read(ref reader), time);
        }
    }
}
