using System.Text.Json;

namespace Twin.Pipelines.Routes;

/// <summary>A route's position in each shard's feed, on disk. Positions are written only after what came before them was delivered or is a dead letter. Thread-safe.</summary>
internal sealed class RouteCursor
{
    private readonly string _path;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, long> _positions;
    private bool _isDirty;

    /// <summary>Opens the file, or starts without positions.</summary>
    /// <exception cref="InvalidDataException">The file is damaged; names it.</exception>
    public RouteCursor(string path)
    {
        _path = path;
        try
        {
            _positions = File.Exists(path) ? JsonSerializer.Deserialize<Dictionary<int, long>>(File.ReadAllBytes(path)) ?? [] : [];
        }
        catch (JsonException damaged)
        {
            throw new InvalidDataException($"Route cursor {path} is damaged: {damaged.Message}", damaged);
        }
    }

    /// <summary>The position of a shard; null when it has none.</summary>
    public long? Read(int shard)
    {
        lock (_lock) return _positions.TryGetValue(shard, out var position) ? position : null;
    }

    /// <summary>Moves a shard on; on disk at once only when <paramref name="durable"/>: a page without matches costs no flush.</summary>
    public void Move(int shard, long position, bool durable)
    {
        lock (_lock)
        {
            _positions[shard] = position;
            _isDirty = true;
            if (durable) WriteLocked();
        }
    }

    /// <summary>Writes what has moved.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            if (_isDirty) WriteLocked();
        }
    }

    private void WriteLocked()
    {
        DurableFile.Replace(_path, JsonSerializer.SerializeToUtf8Bytes(_positions));
        _isDirty = false;
    }
}
