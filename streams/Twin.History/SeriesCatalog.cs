using System.Runtime.InteropServices;

namespace Twin.History;

/// <summary>
/// Numbers for (branch, twin, path), so that a stored value names its series in four bytes. The catalogue is held in
/// memory whole and written through: about 40 bytes a twin and 12 a series beside the twins' own ids, in chunks that the
/// collector never moves or copies. One writer, guarded by the store's write lock. Hot.
/// </summary>
internal sealed class SeriesCatalog
{
    private const int ChunkBits = 12;
    private const int ChunkSize = 1 << ChunkBits;

    private readonly Dictionary<string, Dictionary<string, int>> _branches = new(StringComparer.Ordinal); // twin -> its newest series' place
    private readonly Dictionary<string, int> _paths = new(StringComparer.Ordinal);
    private readonly List<Series[]> _chunks = [];
    private readonly List<(string Branch, string Twin, string Path, int Number)> _uncommitted = [];
    private int _count;
    private int _next = 1;

    // A twin's series are a chain from its newest to its oldest.
    private struct Series
    {
        public int Number;
        public int Earlier; // place in the chunks; -1 ends the chain
        public int Path;
    }

    /// <summary>Series met since the last <see cref="Commit"/>: to be inserted in the same transaction as their values.</summary>
    public IReadOnlyList<(string Branch, string Twin, string Path, int Number)> Uncommitted => _uncommitted;

    /// <summary>Takes in a series that the database has.</summary>
    public void Load(string branch, string twin, string path, int number)
    {
        ref var newest = ref NewestOf(branch, twin);
        var numberOfPath = PathOf(path);
        if (Find(newest, numberOfPath) < 0) newest = Add(number, newest, numberOfPath);
        _next = Math.Max(_next, number + 1);
    }

    /// <summary>The series' number; a new one is given out when it was never met.</summary>
    public int NumberOf(string branch, string twin, string path)
    {
        ref var newest = ref NewestOf(branch, twin);
        var numberOfPath = PathOf(path);
        if (Find(newest, numberOfPath) is >= 0 and var place) return At(place).Number;
        newest = Add(_next, newest, numberOfPath);
        _uncommitted.Add((branch, twin, path, _next));
        return _next++;
    }

    /// <summary>The transaction holds: what it added is known from here on.</summary>
    public void Commit()
    {
        _uncommitted.Clear();
        if (_uncommitted.Capacity > ChunkSize) _uncommitted.Capacity = 0; // a first import's thousands do not come again
    }

    /// <summary>The transaction failed: forget what it would have added. Numbers given out are not used again.</summary>
    public void Rollback()
    {
        for (var i = _uncommitted.Count - 1; i >= 0; i--)
        {
            var (branch, twin, path, _) = _uncommitted[i];
            var twins = _branches[branch];
            var place = twins[twin];
            if (At(place).Path != _paths[path] || place != _count - 1) throw new InvalidOperationException("Series are taken back in the order they came.");
            if (At(place).Earlier < 0) twins.Remove(twin);
            else twins[twin] = At(place).Earlier;
            _count--;
        }

        _uncommitted.Clear();
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _branches.Clear();
        _paths.Clear();
        _chunks.Clear();
        _uncommitted.Clear();
        (_count, _next) = (0, 1);
    }

    private ref Series At(int place) => ref _chunks[place >> ChunkBits][place & (ChunkSize - 1)];

    private ref int NewestOf(string branch, string twin)
    {
        if (!_branches.TryGetValue(branch, out var twins)) _branches.Add(branch, twins = new(StringComparer.Ordinal));
        ref var newest = ref CollectionsMarshal.GetValueRefOrAddDefault(twins, twin, out var isKnown);
        if (!isKnown) newest = -1;
        return ref newest;
    }

    private int PathOf(string path)
    {
        if (_paths.TryGetValue(path, out var number)) return number;
        _paths.Add(path, _paths.Count);
        return _paths.Count - 1;
    }

    private int Find(int place, int path)
    {
        while (place >= 0 && At(place).Path != path) place = At(place).Earlier;
        return place;
    }

    private int Add(int number, int earlier, int path)
    {
        if (_count >> ChunkBits == _chunks.Count) _chunks.Add(new Series[ChunkSize]);
        At(_count) = new Series { Number = number, Earlier = earlier, Path = path };
        return _count++;
    }
}
