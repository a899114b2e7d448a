using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twin.Simulation;

/// <summary>A fast 64-bit hash in which order counts: one multiplication a word (the folded product of wyhash). Not for security.</summary>
public static class StateHash
{
    /// <summary>Adds one word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Add(ulong hash, ulong word)
    {
        var high = Math.BigMul(hash ^ 0xA0761D6478BD642FUL, word ^ 0xE7037ED1A0B428DBUL, out var low);
        return (high ^ low) + (hash << 1 | hash >> 63);
    }

    /// <summary>Adds an event: its time, source, sequence, kind and payload.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Add(ulong hash, in SimEvent e) =>
        Add(Add(hash, BitConverter.DoubleToUInt64Bits(e.Time) ^ (((ulong)(uint)e.Priority << 16) | e.Kind)), (((ulong)(uint)e.Source << 32) | e.Sequence) + ((ulong)e.Payload * 0x9E3779B97F4A7C15UL));

    /// <summary>Adds bytes, the last word filled with zeros.</summary>
    public static ulong Add(ulong hash, ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words) hash = Add(hash, word);
        if (bytes.Length % 8 == 0) return hash;
        Span<byte> rest = stackalloc byte[8];
        rest.Clear();
        bytes[(words.Length * 8)..].CopyTo(rest);
        return Add(hash, MemoryMarshal.Read<ulong>(rest));
    }
}
