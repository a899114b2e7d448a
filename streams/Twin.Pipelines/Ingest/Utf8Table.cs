using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Turns UTF-8 names that come again and again into the same string without allocating. Hot. Thread-safe.
/// A fixed number of slots, four to a set: a new name takes the place of the oldest of its set, so the table never
/// grows and hostile names can only cost what they would cost without it.
/// </summary>
public sealed class Utf8Table
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private const int Ways = 4;

    private readonly Entry?[] _slots;
    private readonly uint _setMask;
    private readonly int _longest;
    private long _misses;

    /// <summary>A table of at least <paramref name="capacity"/> entries; names of more than <paramref name="longest"/> bytes are not kept.</summary>
    public Utf8Table(int capacity, int longest)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, Ways);
        _slots = new Entry?[BitOperations.RoundUpToPowerOf2((uint)capacity)];
        _setMask = (uint)((_slots.Length / Ways) - 1);
        _longest = longest;
    }

    /// <summary>Names that had to be allocated since the start.</summary>
    public long Misses => Volatile.Read(ref _misses);

    /// <summary>The string of these bytes.</summary>
    /// <exception cref="DecoderFallbackException">They are not UTF-8.</exception>
    public string Get(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty) return "";
        var hash = Hash(utf8);
        var set = (int)((uint)hash & _setMask) * Ways;
        for (var i = set; i < set + Ways; i++)
        {
            var entry = _slots[i];
            if (entry is null) break;
            if (entry.Hash == hash && entry.Utf8.AsSpan().SequenceEqual(utf8)) return entry.Text;
        }
        return Add(utf8, hash, set);
    }

    // The newest entry takes the first slot and pushes the others on. A race loses an entry, never mixes two.
    private string Add(ReadOnlySpan<byte> utf8, ulong hash, int set)
    {
        Interlocked.Increment(ref _misses);
        var text = Strict.GetString(utf8);
        if (utf8.Length > _longest) return text;
        for (var i = set + Ways - 1; i > set; i--) _slots[i] = _slots[i - 1];
        _slots[set] = new Entry(hash, utf8.ToArray(), text);
        return text;
    }

    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = (ulong)bytes.Length * 0x9E3779B97F4A7C15UL;
        while (bytes.Length >= 8)
        {
            hash = BitOperations.RotateLeft((hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes)) * 0xD6E8FEB86659FD93UL, 29);
            bytes = bytes[8..];
        }
        foreach (var one in bytes) hash = (hash ^ one) * 0x100000001B3UL;
        hash = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93UL;
        return hash ^ (hash >> 29);
    }

    private sealed record Entry(ulong Hash, byte[] Utf8, string Text);
}
