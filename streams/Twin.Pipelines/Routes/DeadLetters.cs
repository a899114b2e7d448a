using System.Globalization;
using System.Text.Json;

namespace Twin.Pipelines.Routes;

/// <summary>A batch that could not be delivered.</summary>
/// <param name="Batch">The batch.</param>
/// <param name="Error">Why.</param>
/// <param name="At">When it was given up, RFC 3339.</param>
public sealed record DeadLetter(RouteBatch Batch, string Error, string At);

/// <summary>
/// A route's undeliverable batches: NDJSON segments in a folder, one batch a line, on the device before the cursor moves.
/// Bounded in bytes: the oldest segments beyond the bound are dropped and counted. Thread-safe.
/// </summary>
internal sealed class DeadLetters
{
    private const long SegmentBytes = 1 << 20;
    private readonly string _folder;
    private readonly long _maxBytes;
    private readonly Lock _lock = new();
    private long _bytes;
    private long _dropped;

    public DeadLetters(string folder, long maxBytes)
    {
        (_folder, _maxBytes) = (folder, maxBytes);
        Directory.CreateDirectory(folder);
        foreach (var path in Segments()) _bytes += new FileInfo(path).Length;
    }

    /// <summary>Bytes that wait.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Changes lost to the bound since the start.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Keeps a batch.</summary>
    public void Add(RouteBatch batch, string error, DateTimeOffset at)
    {
        var line = Encode(batch, error, at);
        lock (_lock)
        {
            var segments = Segments();
            var last = segments.Length == 0 ? null : segments[^1];
            if (last is null || new FileInfo(last).Length >= Math.Min(SegmentBytes, _maxBytes / 4)) last = PathOf(last is null ? 1 : NumberOf(last) + 1);
            using (var file = new FileStream(last, FileMode.Append, FileAccess.Write, FileShare.Read, 1))
            {
                file.Write(line);
                file.Flush(flushToDisk: true);
            }
            _bytes += line.Length;
            for (var i = 0; _bytes > _maxBytes && i < segments.Length && segments[i] != last; i++) Drop(segments[i]);
        }
    }

    /// <summary>The oldest letters, at most <paramref name="limit"/>; a torn last line (crash in mid-write) is passed over.</summary>
    public List<DeadLetter> Read(int limit)
    {
        var letters = new List<DeadLetter>();
        lock (_lock)
        {
            foreach (var path in Segments())
            {
                foreach (var line in File.ReadLines(path))
                {
                    if (letters.Count == limit) return letters;
                    if (Decode(line) is { } letter) letters.Add(letter);
                }
            }
        }
        return letters;
    }

    /// <summary>Forgets the letters with these batch keys, after they were delivered.</summary>
    public void Remove(IReadOnlySet<string> keys)
    {
        if (keys.Count == 0) return;
        lock (_lock)
        {
            foreach (var path in Segments())
            {
                var lines = File.ReadAllLines(path);
                var rest = lines.Where(line => Decode(line) is { } letter && !keys.Contains(letter.Batch.Key)).ToArray();
                if (rest.Length == lines.Length) continue;
                _bytes -= new FileInfo(path).Length;
                if (rest.Length == 0)
                {
                    File.Delete(path);
                    continue;
                }
                var bytes = System.Text.Encoding.UTF8.GetBytes(string.Concat(rest.Select(line => line + "\n")));
                DurableFile.Replace(path, bytes);
                _bytes += bytes.Length;
            }
        }
    }

    private void Drop(string path)
    {
        foreach (var line in File.ReadLines(path)) _dropped += Decode(line)?.Batch.Changes.Count ?? 0;
        _bytes -= new FileInfo(path).Length;
        File.Delete(path);
    }

    private string[] Segments() => [.. Directory.EnumerateFiles(_folder, "dead-*.ndjson").Order(StringComparer.Ordinal)];

    private string PathOf(long number) => Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"dead-{number:D10}.ndjson"));

    private static long NumberOf(string path) => long.Parse(Path.GetFileNameWithoutExtension(path).AsSpan(5), CultureInfo.InvariantCulture);

    private static byte[] Encode(RouteBatch batch, string error, DateTimeOffset at)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("route", batch.RouteId);
            writer.WriteNumber("shard", batch.Shard);
            writer.WriteNumber("first", batch.First);
            writer.WriteNumber("last", batch.Last);
            writer.WriteString("error", error);
            writer.WriteString("at", at.ToString("O", CultureInfo.InvariantCulture));
            writer.WriteStartArray("changes");
            foreach (var change in batch.Changes) writer.WriteRawValue(change.Json, skipInputValidation: true);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static DeadLetter? Decode(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            var changes = root.GetProperty("changes").EnumerateArray()
                .Select(c => new OutboundChange(c.GetProperty("id").GetString()!, System.Text.Encoding.UTF8.GetBytes(c.GetRawText()))).ToList();
            var batch = new RouteBatch(root.GetProperty("route").GetString()!, root.GetProperty("shard").GetInt32(), root.GetProperty("first").GetInt64(), root.GetProperty("last").GetInt64(), changes);
            return new DeadLetter(batch, root.GetProperty("error").GetString()!, root.GetProperty("at").GetString()!);
        }
        catch (Exception torn) when (torn is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}
