using System.Buffers.Text;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>
/// Where the next page begins. Opaque to callers: base64url of a version byte, a hash of the query's text and parameters,
/// how many rows were given, and either (first shard, shards done, position; for a pattern also its start and the last row's
/// links) or the last row's place in the order, with a checksum. A token of another query, another version or a damaged one is refused.
/// </summary>
internal sealed record ContinuationToken(ulong QueryHash, long RowsGiven, int FirstShard, int ShardsDone, ShardPosition? Position, OrderKey? After)
{
    private const byte Version = 2;
    private const int MaxLength = 64 * 1024;

    /// <summary>For a pattern: the source it is run from and the last row given; null otherwise.</summary>
    public PatternPlace? Place { get; init; }

    /// <summary>The hash that binds a token to its query.</summary>
    public static ulong HashOf(string text, PropertyValue[] parameters)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(text);
        foreach (var value in parameters) QueryCodec.Write(writer, value);
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
        QueryCodec.Write(writer, Position);
        QueryCodec.Write(writer, After);
        writer.Write(Place is not null);
        if (Place is not null)
        {
            writer.Write7BitEncodedInt(Place.Start);
            writer.Write(Place.TwinId);
            writer.Write7BitEncodedInt(Place.Path.Length);
            foreach (var link in Place.Path) QueryCodec.Write(writer, link with { Values = null });
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
            var position = QueryCodec.ReadPosition(reader);
            var after = QueryCodec.ReadKey(reader);
            PatternPlace? place = null;
            if (reader.ReadBoolean())
            {
                place = new PatternPlace(reader.Read7BitEncodedInt(), reader.ReadString(), new FoundLink[Math.Clamp(reader.Read7BitEncodedInt(), 0, QueryLimits.Hops)]);
                for (var i = 0; i < place.Path.Length; i++) place.Path[i] = QueryCodec.ReadLink(reader);
            }
            if (given < 0 || first < 0 || first >= shardCount || done < 0 || done >= shardCount || position is { Table: < 0 } or { Row: < 0 }) return broken;
            if (orderTerms > 0 != after is not null || (after is not null && after.Keys.Length != orderTerms)) return broken;
            token = new ContinuationToken(hash, given, first, done, position, after) { Place = place };
            return null;
        }
        catch (Exception error) when (error is IOException or FormatException or ArgumentException)
        {
            return broken;
        }
    }

    private static ulong Fnv(ReadOnlySpan<byte> bytes)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in bytes) hash = (hash ^ b) * 1099511628211UL;
        return hash ^ (hash >> 32);
    }
}

/// <summary>The last row given of a pattern that is run in order of its start twins and their links.</summary>
/// <param name="Start">Source the plan starts from.</param>
/// <param name="TwinId">The start's twin.</param>
/// <param name="Path">The link taken at each step.</param>
internal sealed record PatternPlace(int Start, string TwinId, FoundLink[] Path);
