using System.Runtime.InteropServices;

namespace Twin.Model.Query;

/// <summary>
/// Many standing filters, asked together which of them want a change. Filters are filed under the first of these they
/// have: named twins, an id prefix, a property path, a model; the rest under "any". A property's filters with one numeric
/// threshold are kept in order of it, so a change visits only those it satisfies. Adding and removing are not
/// thread-safe with matching. Hot: matching allocates nothing.
/// </summary>
public sealed class ChangeFilterSet
{
    private readonly Dictionary<string, List<int>> _byTwin = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<int>> _byPrefix = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<int>> _byModel = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PathShelf> _byPath = new(StringComparer.Ordinal);
    private readonly SortedList<int, int> _prefixLengths = []; // length -> filters having it
    private readonly List<int> _any = [];
    private readonly List<ChangeFilter?> _filters = [];
    private readonly Stack<int> _free = new();
    private readonly Dictionary<string, List<int>>.AlternateLookup<ReadOnlySpan<char>> _prefixBySpan;
    private readonly Dictionary<string, PathShelf>.AlternateLookup<ReadOnlySpan<char>> _pathBySpan;
    private ModelSet _models;

    /// <summary>An empty set. <paramref name="models"/> tell which models extend which.</summary>
    public ChangeFilterSet(ModelSet models)
    {
        _models = models;
        _prefixBySpan = _byPrefix.GetAlternateLookup<ReadOnlySpan<char>>();
        _pathBySpan = _byPath.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Filters held.</summary>
    public int Count => _filters.Count - _free.Count;

    /// <summary>Adds a filter and returns its number, which <see cref="Match"/> gives and <see cref="Remove"/> takes. Numbers of removed filters are used again.</summary>
    public int Add(ChangeFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        if (!_free.TryPop(out var number))
        {
            number = _filters.Count;
            _filters.Add(null);
        }
        _filters[number] = filter;
        File(number, filter, isAdding: true);
        return number;
    }

    /// <summary>Removes a filter.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no filter of that number.</exception>
    public void Remove(int number)
    {
        if ((uint)number >= (uint)_filters.Count || _filters[number] is not { } filter)
            throw new ArgumentOutOfRangeException(nameof(number), number, "No filter of that number is held.");
        File(number, filter, isAdding: false);
        _filters[number] = null;
        _free.Push(number);
    }

    /// <summary>Takes newer models into use for every filter.</summary>
    public void UseModels(ModelSet models)
    {
        _models = models;
        for (var i = 0; i < _filters.Count; i++)
            if (_filters[i] is { } filter) _filters[i] = filter.WithModels(models);
    }

    /// <summary>Adds to <paramref name="hits"/> the number of every filter that matches, each once, in no promised order.</summary>
    public void Match(in Change change, List<int> hits)
    {
        if (!change.IsPublic) return;
        if (_byTwin.Count > 0 && _byTwin.TryGetValue(change.TwinId, out var named)) Check(named, change, hits);
        if (_byPrefix.Count > 0) MatchPrefixes(change, hits);
        if (_byPath.Count > 0 && ChangeFilter.HasPropertyPath(change.Kind)) MatchPaths(change, hits);
        if (_byModel.Count > 0) MatchModels(change, hits);
        Check(_any, change, hits);
    }

    private void MatchPrefixes(in Change change, List<int> hits)
    {
        var id = change.TwinId.AsSpan();
        var lengths = _prefixLengths.Keys;
        for (var i = 0; i < lengths.Count && lengths[i] <= id.Length; i++)
            if (_prefixBySpan.TryGetValue(id[..lengths[i]], out var filters)) Check(filters, change, hits);
    }

    private void MatchPaths(in Change change, List<int> hits)
    {
        // Filters at the path itself and above it; filters below it are filed on the "below" list of each path above them.
        var path = change.Path.AsSpan();
        for (var end = path.Length; end > 0; end = path[..end].LastIndexOf('/'))
        {
            if (!_pathBySpan.TryGetValue(path[..end], out var shelf)) continue;
            Check(shelf.Plain, change, hits);
            if (end != path.Length) continue;
            Check(shelf.Below, change, hits);
            MatchThresholds(shelf, change, hits);
        }
    }

    private void MatchThresholds(PathShelf shelf, in Change change, List<int> hits)
    {
        if (change.Kind != ChangeKind.PropertyChanged || !change.Value.IsNumber) return;
        var value = change.Value.AsNumber;
        var above = CollectionsMarshal.AsSpan(shelf.WhenAbove); // ascending bounds: those at or under the value can hold
        for (var i = 0; i < above.Length && above[i].Bound <= value; i++) Check(above[i].Number, change, hits);
        var below = CollectionsMarshal.AsSpan(shelf.WhenBelow); // descending bounds
        for (var i = 0; i < below.Length && below[i].Bound >= value; i++) Check(below[i].Number, change, hits);
    }

    private void MatchModels(in Change change, List<int> hits)
    {
        if (_models.Find(change.ModelId) is not { } definition)
        {
            if (_byModel.TryGetValue(change.ModelId, out var exact)) Check(exact, change, hits);
            return;
        }
        foreach (var model in definition.Bases)
            if (_byModel.TryGetValue(model, out var filters)) Check(filters, change, hits);
    }

    private void Check(List<int> numbers, in Change change, List<int> hits)
    {
        foreach (var number in CollectionsMarshal.AsSpan(numbers)) Check(number, change, hits);
    }

    private void Check(int number, in Change change, List<int> hits)
    {
        if (_filters[number]!.Matches(change)) hits.Add(number);
    }

    private void File(int number, ChangeFilter filter, bool isAdding)
    {
        var request = filter.Request;
        if (request.Twins is { Count: > 0 } twins)
        {
            foreach (var twin in new HashSet<string>(twins, StringComparer.Ordinal)) Place(_byTwin, twin, number, isAdding);
        }
        else if (request.Prefix is { } prefix)
        {
            Place(_byPrefix, prefix, number, isAdding);
            var users = _prefixLengths.GetValueOrDefault(prefix.Length) + (isAdding ? 1 : -1);
            if (users == 0) _prefixLengths.Remove(prefix.Length);
            else _prefixLengths[prefix.Length] = users;
        }
        else if ((request.Path ?? filter.WherePath) is { } path) FilePath(path, number, filter, isAdding);
        else if (request.Model is { } model) Place(_byModel, model, number, isAdding);
        else if (isAdding) _any.Add(number);
        else _any.Remove(number);
    }

    private void FilePath(string path, int number, ChangeFilter filter, bool isAdding)
    {
        ref var shelf = ref CollectionsMarshal.GetValueRefOrAddDefault(_byPath, path, out _);
        shelf ??= new PathShelf();
        shelf.Place(number, filter, isAdding);
        for (var slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/', slash - 1))
        {
            ref var upper = ref CollectionsMarshal.GetValueRefOrAddDefault(_byPath, path[..slash], out _);
            upper ??= new PathShelf();
            if (isAdding) upper.Below.Add(number);
            else upper.Below.Remove(number);
            if (upper.IsEmpty) _byPath.Remove(path[..slash]);
        }
        if (!isAdding && _byPath.TryGetValue(path, out var own) && own.IsEmpty) _byPath.Remove(path);
    }

    private static void Place(Dictionary<string, List<int>> index, string key, int number, bool isAdding)
    {
        ref var numbers = ref CollectionsMarshal.GetValueRefOrAddDefault(index, key, out _);
        numbers ??= [];
        if (isAdding) numbers.Add(number);
        else numbers.Remove(number);
        if (numbers.Count == 0) index.Remove(key);
    }

    /// <summary>The filters of one path.</summary>
    private sealed class PathShelf
    {
        /// <summary>No usable threshold.</summary>
        public List<int> Plain { get; } = [];

        /// <summary>Filters of paths below this one: a change of the whole object may change them.</summary>
        public List<int> Below { get; } = [];

        /// <summary>&gt;, &gt;= and =, by ascending bound.</summary>
        public List<(double Bound, int Number)> WhenAbove { get; } = [];

        /// <summary>&lt; and &lt;=, by descending bound.</summary>
        public List<(double Bound, int Number)> WhenBelow { get; } = [];

        public bool IsEmpty => Plain.Count + Below.Count + WhenAbove.Count + WhenBelow.Count == 0;

        public void Place(int number, ChangeFilter filter, bool isAdding)
        {
            if (filter.Threshold is not { Comparison: not Comparison.NotEqual } threshold)
            {
                if (isAdding) Plain.Add(number);
                else Plain.Remove(number);
                return;
            }
            var isBelow = threshold.Comparison is Comparison.Less or Comparison.LessOrEqual;
            var list = isBelow ? WhenBelow : WhenAbove;
            var bound = threshold.Bound.AsNumber;
            if (!isAdding)
            {
                list.Remove((bound, number));
                return;
            }
            var at = 0;
            for (var high = list.Count; at < high;)
            {
                var middle = (at + high) / 2;
                if (isBelow ? list[middle].Bound > bound : list[middle].Bound < bound) at = middle + 1;
                else high = middle;
            }
            list.Insert(at, (bound, number));
        }
    }
}
