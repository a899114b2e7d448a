using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;

namespace Twin.Presence;

/// <summary>
/// A part of a recording that can be played by itself: the space's rules, everything as it was before its first tick, then what happened. A recording is chunks one after another; clause 10 of SPEC-spaces has the bytes.
/// </summary>
public sealed class SpaceChunk
{
    /// <summary>Bytes before a chunk's body.</summary>
    public const int HeadBytes = 40;

    /// <summary>Most bytes of a body, compressed or not.</summary>
    public const int MostBodyBytes = 256 * 1024 * 1024;

    private const byte Version = 1;
    private const byte IsBrotli = 1;
    private readonly Func<ReadOnlyMemory<byte>> _body;
    private int _whole;

    private SpaceChunk(Func<ReadOnlyMemory<byte>> body) => _body = body;

    /// <summary>The tick before its first.</summary>
    public long FirstTick { get; private init; }

    /// <summary>Ticks in it.</summary>
    public int Ticks { get; private init; }

    /// <summary>Ticks a second.</summary>
    public int TickHz { get; private init; }

    /// <summary>When its first tick was.</summary>
    public DateTimeOffset At { get; private init; }

    /// <summary>Bytes of the whole chunk.</summary>
    public int Bytes { get; private init; }

    /// <summary>Whether the body is compressed.</summary>
    public bool IsCompressed { get; private init; }

    /// <summary>The tick of its end.</summary>
    public long LastTick => FirstTick + Ticks;

    /// <summary>A chunk's bytes.</summary>
    /// <param name="body">As <see cref="SpaceRecorder"/> wrote it.</param>
    /// <param name="firstTick">The tick before its first.</param>
    /// <param name="ticks">Ticks in it.</param>
    /// <param name="tickHz">Ticks a second.</param>
    /// <param name="at">When its first tick was.</param>
    /// <param name="isCompressed">Whether to compress: slower, a half to a third of the size.</param>
    public static byte[] ToBytes(ReadOnlySpan<byte> body, long firstTick, int ticks, int tickHz, DateTimeOffset at, bool isCompressed)
    {
        var chunk = new byte[HeadBytes + (isCompressed ? BrotliEncoder.GetMaxCompressedLength(body.Length) : body.Length)];
        var length = body.Length;
        if (!isCompressed) body.CopyTo(chunk.AsSpan(HeadBytes));
        else if (!BrotliEncoder.TryCompress(body, chunk.AsSpan(HeadBytes), out length, quality: 1, window: 20)) throw new InvalidOperationException("A chunk could not be compressed.");
        if (length != chunk.Length - HeadBytes) Array.Resize(ref chunk, HeadBytes + length);
        "TWSR"u8.CopyTo(chunk);
        (chunk[4], chunk[5], chunk[6]) = (Version, isCompressed ? IsBrotli : (byte)0, (byte)tickHz);
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(8), length);
        BinaryPrimitives.WriteInt64LittleEndian(chunk.AsSpan(16), firstTick);
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(24), ticks);
        BinaryPrimitives.WriteInt64LittleEndian(chunk.AsSpan(28), at.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(36), body.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk.AsSpan(12), Sum(chunk));
        return chunk;
    }

    /// <summary>Reads the chunk at the beginning of some bytes.</summary>
    /// <param name="bytes">The recording from there.</param>
    /// <returns>Null at the end, and where the rest is only the beginning of a chunk: a writer that was killed leaves such.</returns>
    /// <exception cref="SpaceRecordingException">It is not a recording, of another version, or damaged.</exception>
    public static SpaceChunk? Read(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < HeadBytes || !(ReadHead(bytes.Span, out var length) is var chunk && bytes.Length >= HeadBytes + length)) return null;
        var whole = bytes[..(HeadBytes + length)];
        Check(whole.Span);
        return chunk(() => whole[HeadBytes..]);
    }

    /// <summary>The chunks of a file, their heads only: bodies are read when they are played.</summary>
    /// <exception cref="SpaceRecordingException">It is not a recording.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static List<SpaceChunk> ReadFile(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var chunks = new List<SpaceChunk>();
        Span<byte> head = stackalloc byte[HeadBytes];
        for (var at = 0L; file.Length - at >= HeadBytes;)
        {
            file.Position = at;
            file.ReadExactly(head);
            var chunk = ReadHead(head, out var length);
            var from = at;
            at += HeadBytes + length;
            if (at > file.Length) break;
            chunks.Add(chunk(() => ReadBody(path, from, HeadBytes + length)));
        }

        return chunks;
    }

    private static ReadOnlyMemory<byte> ReadBody(string path, long from, int length)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var whole = new byte[length];
        file.Position = from;
        file.ReadExactly(whole);
        Check(whole);
        return whole.AsMemory(HeadBytes);
    }

    private static Func<Func<ReadOnlyMemory<byte>>, SpaceChunk> ReadHead(ReadOnlySpan<byte> bytes, out int length)
    {
        var head = bytes[..HeadBytes];
        if (!head.StartsWith("TWSR"u8)) throw new SpaceRecordingException("Not a recording of a space: it must begin with TWSR.");
        if (head[4] != Version) throw new SpaceRecordingException($"A recording of version {head[4]}; version {Version} is read.");
        length = BinaryPrimitives.ReadInt32LittleEndian(head[8..]);
        var (size, ticks, whole) = (length, BinaryPrimitives.ReadInt32LittleEndian(head[24..]), BinaryPrimitives.ReadInt32LittleEndian(head[36..]));
        if (size is < 0 or > MostBodyBytes || whole is < 0 or > MostBodyBytes || ticks < 0 || whole > 1024L * 1024 + (1000L * size) || head[6] is < 1 or > 60 || head[5] > 1) throw new SpaceRecordingException("The head of a chunk is damaged.");
        var (first, tickHz, isCompressed, at) = (BinaryPrimitives.ReadInt64LittleEndian(head[16..]), head[6], head[5] == IsBrotli, BinaryPrimitives.ReadInt64LittleEndian(head[28..]));
        return body => new SpaceChunk(body)
        {
            FirstTick = first, Ticks = ticks, TickHz = tickHz, IsCompressed = isCompressed, Bytes = HeadBytes + size, _whole = whole, At = DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(at, 0, 253_402_300_799_000)),
        };
    }

    private static void Check(ReadOnlySpan<byte> chunk)
    {
        if (Sum(chunk) != BinaryPrimitives.ReadUInt32LittleEndian(chunk[12..])) throw new SpaceRecordingException("The sum of a chunk does not hold: it is damaged.");
    }

    /// <summary>All chunks of a recording; a part of one at the end is left out.</summary>
    /// <exception cref="SpaceRecordingException">It is not a recording, or damaged.</exception>
    public static List<SpaceChunk> ReadAll(ReadOnlyMemory<byte> bytes)
    {
        var chunks = new List<SpaceChunk>();
        while (Read(bytes) is { } chunk)
        {
            chunks.Add(chunk);
            bytes = bytes[chunk.Bytes..];
        }

        return chunks;
    }

    /// <summary>What is in it, decompressed.</summary>
    /// <exception cref="SpaceRecordingException">It cannot be decompressed.</exception>
    public ReadOnlyMemory<byte> Body()
    {
        var packed = _body();
        if (!IsCompressed) return packed;
        var body = new byte[_whole];
        return BrotliDecoder.TryDecompress(packed.Span, body, out var length) && length == _whole ? body : throw new SpaceRecordingException("A chunk cannot be decompressed.");
    }

    /// <summary>CRC-32C of the head but for the sum, and of the body.</summary>
    private static uint Sum(ReadOnlySpan<byte> chunk)
    {
        var sum = uint.MaxValue;
        sum = Add(sum, chunk[..12]);
        sum = Add(sum, chunk[16..]);
        return ~sum;
    }

    private static uint Add(uint sum, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 8)
        {
            sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        foreach (var one in bytes) sum = BitOperations.Crc32C(sum, one);
        return sum;
    }
}
