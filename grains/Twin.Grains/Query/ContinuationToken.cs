using System.Buffers.Text;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>
/// Where the next page begins. Opaque to callers: base64url of a version byte, a hash of the query's text and parameters,
/// how many rows were given, and either (first shard, shards done, position) or the last row's place in the order, with a
/// checksum. A token of another query, another version or a damaged one is refused.
/// </summary>
internal sealed record ContinuationToken(ulong QueryHash, long RowsGiven, int FirstShard, int ShardsDone, ShardPosition? Position, OrderKey? After)
{
    private const byte Version = 1;
    private const int MaxLength = 64 * 1024;

    /// <summary>The hash that binds a token to its query.</summary>
    public static ulong HashOf(string text, PropertyValue[] parameters)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(text);
        foreach (var value in parameters) WriteValue(writer, value);
        writer.Flush();
        return Fnv(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    /// <summary>As text.</summary>
    public string Encode()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Version);
        writer.Write(QueryHash);
        writer.Write7BitEncodedInt64(RowsGiven);
        writer.Write7BitEncodedInt(FirstShard);
        writer.Write7BitEncodedInt(ShardsDone);
        writer.Write((byte)((Position is null ? 0 : 1) | (Position?.LinkId is null ? 0 : 2) | (After is null ? 0 : 4)));
        if (Position is not null)
        {
            writer.Write7BitEncodedInt64(Position.Epoch);
            writer.Write7BitEncodedInt(Position.Table);
            writer.Write7BitEncodedInt(Position.Row);
            if (Position.LinkId is not null) writer.Write(Position.LinkId);
        }
        if (After is not null)
        {
            writer.Write7BitEncodedInt(After.Keys.Length);
            foreach (var key in After.Keys) WriteValue(writer, key);
            writer.Write(After.TwinId);
            writer.Write(After.LinkId);
        }
        writer.Flush();
        writer.Write((uint)Fnv(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        writer.Flush();
        return Base64Url.EncodeToString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    /// <summary>Reads a token; a problem when it is none, damaged, or of another query.</summary>
    public static Problem? TryDecode(string text, ulong queryHash, int shardCount, int orderTerms, out ContinuationToken? token)
    {
        token = null;
        var broken = new Problem("ContinuationInvalid", "The continuation token is damaged or of another version; start the query again.", "continuationToken");
        if (text.Length > MaxLength || !Base64Url.IsValid(text)) return broken;
        var bytes = Base64Url.DecodeFromChars(text);
        if (bytes.Length < 16 || BitConverter.ToUInt32(bytes.AsSpan(bytes.Length - 4)) != (uint)Fnv(bytes.AsSpan(0, bytes.Length - 4))) return broken;
        try
        {
            using var reader = new BinaryReader(new MemoryStream(bytes, 0, bytes.Length - 4));
            if (reader.ReadByte() != Version) return broken;
            var hash = reader.ReadUInt64();
            if (hash != queryHash) return new Problem("ContinuationInvalid", "The continuation token was given for another query or other parameters.", "continuationToken");
            var given = reader.Read7BitEncodedInt64();
            var first = reader.Read7BitEncodedInt();
            var done = reader.Read7BitEncodedInt();
            var flags = reader.ReadByte();
            var position = (flags & 1) == 0 ? null : new ShardPosition(
                reader.Read7BitEncodedInt64(), reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt(), (flags & 2) == 0 ? null : reader.ReadString());
            var after = (flags & 4) == 0 ? null : ReadAfter(reader);
            if (given < 0 || first < 0 || first >= shardCount || done < 0 || done >= shardCount || position is { Table: < 0 } or { Row: < 0 }) return broken;
            if (orderTerms > 0 != after is not null || (after is not null && after.Keys.Length != orderTerms)) return broken;
            token = new ContinuationToken(hash, given, first, done, position, after);
            return null;
        }
        catch (Exception error) when (error is IOException or FormatException or ArgumentException)
        {
            return broken;
        }
    }

    private static OrderKey ReadAfter(BinaryReader reader)
    {
        var count = reader.Read7BitEncodedInt();
        if (count is < 0 or > QueryLimits.Items) throw new FormatException("Too many keys.");
        var keys = new PropertyValue[count];
        for (var i = 0; i < count; i++) keys[i] = ReadValue(reader);
        return new OrderKey(keys, reader.ReadString(), reader.ReadString());
    }

    private static void WriteValue(BinaryWriter writer, PropertyValue value)
    {
        writer.Write((byte)value.Kind);
        if (value.Kind == ValueKind.Text) writer.Write(value.AsText!);
        else if (value.Kind == ValueKind.Json)
        {
            writer.Write7BitEncodedInt(value.AsJson.Length);
            writer.Write(value.AsJson);
        }
        else if (value.Kind != ValueKind.None) writer.Write(value.Bits);
    }

    private static PropertyValue ReadValue(BinaryReader reader)
    {
        var kind = (ValueKind)reader.ReadByte();
        return kind switch
        {
            ValueKind.None => default,
            ValueKind.Text => PropertyValue.From(reader.ReadString()),
            ValueKind.Json => PropertyValue.FromJson(reader.ReadBytes(Math.Clamp(reader.Read7BitEncodedInt(), 0, MaxLength))),
            <= ValueKind.Json => PropertyValue.FromBits(kind, reader.ReadInt64()),
            _ => throw new FormatException("Unknown kind of value."),
        };
    }

    private static ulong Fnv(ReadOnlySpan<byte> bytes)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in bytes) hash = (hash ^ b) * 1099511628211UL;
        return hash ^ (hash >> 32);
    }
}
