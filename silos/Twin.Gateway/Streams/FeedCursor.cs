using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using Twin.Model;

namespace Twin.Gateway.Streams;

/// <summary>Where a subscriber stands: a position a shard. As text: base64url of a version byte, the shard count (u16) and the positions (i64 each), little-endian.</summary>
internal static class FeedCursor
{
    private const byte Version = 1;

    public static string Format(ReadOnlySpan<long> positions)
    {
        var bytes = new byte[3 + (positions.Length * 8)];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(1), (ushort)positions.Length);
        for (var i = 0; i < positions.Length; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(3 + (i * 8)), positions[i]);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>False for what this server never gave; the positions may then be filled in part.</summary>
    public static bool TryParse(string text, int shards, [NotNullWhen(true)] out long[]? positions, [NotNullWhen(false)] out Problem? problem)
    {
        positions = null;
        problem = new Problem("CursorInvalid", "The cursor is not one that this server gave.", "cursor");
        if (text.Length > 16_384 || !Base64Url.IsValid(text)) return false;
        var bytes = Base64Url.DecodeFromChars(text);
        if (bytes.Length < 3 || bytes[0] != Version) return false;
        var count = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(1));
        if (bytes.Length != 3 + (count * 8)) return false;
        if (count != shards)
        {
            problem = new Problem("CursorInvalid", $"The cursor is of {count} shards; this graph has {shards}.", "cursor");
            return false;
        }

        positions = new long[count];
        for (var i = 0; i < count; i++)
        {
            positions[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(3 + (i * 8)));
            if (positions[i] < 0) return false; // below zero the feed means something else
        }

        problem = null;
        return true;
    }
}
