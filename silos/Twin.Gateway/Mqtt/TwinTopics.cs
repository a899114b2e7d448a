using System.Buffers.Binary;
using System.Text;
using Twin.Pipelines.Ingest;

namespace Twin.Gateway.Mqtt;

/// <summary>What a topic means to the door.</summary>
internal enum TopicKind : byte
{
    /// <summary>Plain publish and subscribe.</summary>
    Ordinary = 0,
    /// <summary><c>twins/{id}/properties[/mp]</c>, <c>twins/batch[/mp]</c>: into the pipeline.</summary>
    Samples = 1,
    /// <summary><c>twins/{id}/telemetry</c>.</summary>
    Telemetry = 2,
    /// <summary><c>twins/{id}/reported</c>.</summary>
    Reported = 3,
    /// <summary><c>twins/{id}/replies/{correlation}</c>.</summary>
    Reply = 4,
    /// <summary><c>twins/{id}/changes</c>, which only the door publishes.</summary>
    Changes = 5,
    /// <summary>Belongs to an in-process tap, e.g. Sparkplug.</summary>
    Tapped = 6,
}

/// <summary>A topic, taken apart once. Immutable.</summary>
internal sealed class TopicEntry
{
    private TopicEntry(byte[] utf8, string topic, TopicKind kind, string twinId, string leaf, PayloadFormat format)
    {
        (Utf8, Topic, Kind, TwinId, Leaf, Format) = (utf8, topic, kind, twinId, leaf, format);
    }

    public byte[] Utf8 { get; }

    public string Topic { get; }

    public TopicKind Kind { get; }

    /// <summary>The twin the topic names; empty when none.</summary>
    public string TwinId { get; }

    /// <summary>The correlation of a reply.</summary>
    public string Leaf { get; }

    public PayloadFormat Format { get; }

    public static TopicEntry Parse(ReadOnlySpan<byte> utf8, string? tapPrefix)
    {
        var topic = Encoding.UTF8.GetString(utf8);
        var bytes = utf8.ToArray();
        if (tapPrefix is not null && topic.StartsWith(tapPrefix, StringComparison.Ordinal)) return new TopicEntry(bytes, topic, TopicKind.Tapped, "", "", default);
        if (topic == "twins/batch") return new TopicEntry(bytes, topic, TopicKind.Samples, "", "", PayloadFormat.JsonMany);
        if (topic == "twins/batch/mp") return new TopicEntry(bytes, topic, TopicKind.Samples, "", "", PayloadFormat.MessagePackMany);
        if (!topic.StartsWith("twins/", StringComparison.Ordinal)) return new TopicEntry(bytes, topic, TopicKind.Ordinary, "", "", default);
        var slash = topic.IndexOf('/', 6);
        if (slash <= 6) return new TopicEntry(bytes, topic, TopicKind.Ordinary, "", "", default);
        var twin = topic[6..slash];
        var tail = topic[(slash + 1)..];
        return tail switch
        {
            "properties" => new TopicEntry(bytes, topic, TopicKind.Samples, twin, "", PayloadFormat.Json),
            "properties/mp" => new TopicEntry(bytes, topic, TopicKind.Samples, twin, "", PayloadFormat.MessagePack),
            "telemetry" => new TopicEntry(bytes, topic, TopicKind.Telemetry, twin, "", default),
            "reported" => new TopicEntry(bytes, topic, TopicKind.Reported, twin, "", default),
            "changes" => new TopicEntry(bytes, topic, TopicKind.Changes, twin, "", default),
            _ when tail.StartsWith("replies/", StringComparison.Ordinal) && tail.Length > 8 => new TopicEntry(bytes, topic, TopicKind.Reply, twin, tail[8..], default),
            _ => new TopicEntry(bytes, topic, TopicKind.Ordinary, twin, "", default),
        };
    }
}

/// <summary>
/// Topic bytes to <see cref="TopicEntry"/> without decoding text each time. Hot. Direct-mapped: 65,536 places, a clash
/// replaces the older entry; topics longer than 512 bytes are not kept. Thread-safe: entries are immutable, a lost race costs one parse.
/// </summary>
internal sealed class TopicCache(string? tapPrefix)
{
    private const int Places = 1 << 16;
    private readonly TopicEntry?[] _entries = new TopicEntry?[Places];

    public TopicEntry Find(ReadOnlySpan<byte> utf8)
    {
        var place = (int)(Hash(utf8) >> 48);
        var entry = Volatile.Read(ref _entries[place]);
        if (entry is not null && utf8.SequenceEqual(entry.Utf8)) return entry;
        entry = TopicEntry.Parse(utf8, tapPrefix);
        if (utf8.Length <= 512) Volatile.Write(ref _entries[place], entry);
        return entry;
    }

    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = 0x9E3779B97F4A7C15UL ^ (ulong)bytes.Length;
        while (bytes.Length >= 8)
        {
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes)) * 0xFF51AFD7ED558CCDUL;
            hash ^= hash >> 32;
            bytes = bytes[8..];
        }

        foreach (var next in bytes) hash = (hash ^ next) * 0x100000001B3UL;
        hash ^= hash >> 29;
        return hash * 0xC4CEB9FE1A85EC53UL;
    }
}
