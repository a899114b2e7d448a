using System.Diagnostics.Metrics;
using System.Text;

namespace Twin.Model;

/// <summary>
/// Turns the UTF-8 of names that come again and again (property paths, member names) into the same string each time.
/// Hot: a hit allocates nothing. Bound: 4,096 entries of at most 128 bytes; a newcomer takes the place of the entry with
/// the same hash, so a flood of new names costs strings, never memory. Thread-safe without locks: entries are immutable
/// and replaced by one reference write.
/// </summary>
public sealed class TextPool
{
    private const int Slots = 4096;
    private const int LongestBytes = 128;
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> Misses = Meter.CreateCounter<long>("twin_text_pool_misses_total", description: "Names that were not in the pool of interned paths.");
    private readonly Entry?[] _entries = new Entry?[Slots];

    /// <summary>The pool of property paths shared by the doors.</summary>
    public static TextPool Paths { get; } = new();

    /// <summary>The text of some UTF-8, the same instance while it stays in the pool.</summary>
    public string Get(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > LongestBytes) return Encoding.UTF8.GetString(utf8);
        var hash = 2166136261u;
        foreach (var unit in utf8) hash = (hash ^ unit) * 16777619u;
        ref var slot = ref _entries[(hash ^ (hash >> 15)) & (Slots - 1)];
        var entry = Volatile.Read(ref slot);
        if (entry is not null && utf8.SequenceEqual(entry.Utf8)) return entry.Text;
        return Add(ref slot, utf8);
    }

    private static string Add(ref Entry? slot, ReadOnlySpan<byte> utf8)
    {
        Misses.Add(1);
        var entry = new Entry(utf8.ToArray(), Encoding.UTF8.GetString(utf8));
        Volatile.Write(ref slot, entry);
        return entry.Text;
    }

    private sealed record Entry(byte[] Utf8, string Text);
}
