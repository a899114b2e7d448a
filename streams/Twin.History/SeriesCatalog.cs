namespace Twin.History;

/// <summary>
/// Numbers for (branch, twin, path), so that a stored value names its series in four bytes. The catalogue is held in
/// memory whole and written through; one writer, guarded by the store's write lock.
/// </summary>
internal sealed class SeriesCatalog
{
    private readonly Dictionary<(string Branch, string Twin, string Path), int> _numbers = [];
    private readonly Dictionary<(string Branch, string Twin, string Path), int> _uncommitted = [];
    private int _next = 1;

    /// <summary>Series met since the last <see cref="Commit"/>: to be inserted in the same transaction as their values.</summary>
    public IReadOnlyDictionary<(string Branch, string Twin, string Path), int> Uncommitted => _uncommitted;

    public void Load(string branch, string twin, string path, int number)
    {
        _numbers[(branch, twin, path)] = number;
        _next = Math.Max(_next, number + 1);
    }

    public int NumberOf(string branch, string twin, string path)
    {
        var key = (branch, twin, path);
        if (_numbers.TryGetValue(key, out var number)) return number;
        if (_uncommitted.TryGetValue(key, out number)) return number;
        _uncommitted.Add(key, _next);
        return _next++;
    }

    public void Commit()
    {
        foreach (var (key, number) in _uncommitted) _numbers[key] = number;
        _uncommitted.Clear();
    }

    /// <summary>The transaction failed: forget what it would have added. Numbers given out are not used again.</summary>
    public void Rollback() => _uncommitted.Clear();

    public void Clear()
    {
        _numbers.Clear();
        _uncommitted.Clear();
        _next = 1;
    }
}
