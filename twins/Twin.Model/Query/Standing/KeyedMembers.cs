using System.Runtime.InteropServices;

namespace Twin.Model.Query.Standing;

/// <summary>
/// Which of many queries of one shape a row belongs to, by the row's keys. Queries are filed under the value of their first
/// equality, each file in order of the first threshold, so that only those that may want a row are tried. Not thread-safe.
/// </summary>
internal sealed class KeyedMembers(IReadOnlyList<StandingKey> shape)
{
    private readonly int _equal = IndexOf(shape, k => k.Operator == Comparison.Equal);
    private readonly int _bound = IndexOf(shape, k => k.Operator != Comparison.Equal);
    private readonly Dictionary<Mark, List<(double Bound, StandingMember Member)>> _files = [];
    private readonly List<StandingMember> _all = [];
    private readonly double[] _widest = new double[shape.Count]; // by threshold key the value easiest to pass; NaN when not known
    private readonly Dictionary<Mark, int>?[] _values = new Dictionary<Mark, int>?[shape.Count]; // by equality key how many ask for a value; null when not known
    private bool _isKnown;

    /// <summary>All queries, in no promised order.</summary>
    public IReadOnlyList<StandingMember> All => _all;

    public void Add(StandingMember member)
    {
        _all.Add(member);
        _isKnown = false;
        foreach (var mark in MarksOf(member))
        {
            ref var file = ref CollectionsMarshal.GetValueRefOrAddDefault(_files, mark, out _);
            file ??= [];
            var entry = (BoundOf(member), member);
            var at = file.BinarySearch(entry, Ascending.Instance);
            file.Insert(at < 0 ? ~at : at, entry);
        }
    }

    public void Remove(StandingMember member)
    {
        _all.Remove(member);
        _isKnown = false;
        foreach (var mark in MarksOf(member))
        {
            var file = _files[mark];
            file.RemoveAll(e => e.Member == member);
            if (file.Count == 0) _files.Remove(mark);
        }
    }

    /// <summary>False when no query can want a row whose key has this value.</summary>
    public bool MayHold(int key, in PropertyValue value)
    {
        if (!_isKnown) Learn();
        var mark = Mark.Of(value);
        if (mark.IsOpen) return true;
        if (_values[key] is { } values) return values.ContainsKey(mark) || values.ContainsKey(Mark.Open);
        if (double.IsNaN(_widest[key]) || !value.IsNumber) return true;
        return shape[key].Operator is Comparison.Greater or Comparison.GreaterOrEqual ? value.AsNumber >= _widest[key] : value.AsNumber <= _widest[key]; // as doubles, which may round: equal may pass
    }

    /// <summary>The queries that want a row, ordered by number.</summary>
    public StandingMember[] Find(PropertyValue[] keys)
    {
        if (_all.Count == 1) return Holds(_all[0], keys) ? [_all[0]] : [];
        var found = new List<StandingMember>();
        if (_equal < 0 || Mark.Of(keys[_equal]).IsOpen)
        {
            if (_equal < 0 && _files.TryGetValue(default, out var only)) FindIn(only, keys, found);
            else
                foreach (var member in _all)
                    if (Holds(member, keys)) found.Add(member);
        }
        else
        {
            if (_files.TryGetValue(Mark.Of(keys[_equal]), out var file)) FindIn(file, keys, found);
            if (_files.TryGetValue(Mark.Open, out var open)) FindIn(open, keys, found);
        }

        if (found.Count == 0) return [];
        found.Sort((a, b) => a.Number.CompareTo(b.Number));
        return found.Count == 1 ? [found[0]] : [.. found.Distinct()];
    }

    // In order of the bound those that pass stand together at one end; a bound that is no number is NaN and stands first.
    private void FindIn(List<(double Bound, StandingMember Member)> file, PropertyValue[] keys, List<StandingMember> found)
    {
        var entries = CollectionsMarshal.AsSpan(file);
        if (_bound < 0 || !keys[_bound].IsNumber)
        {
            foreach (var (_, member) in entries)
                if (Holds(member, keys)) found.Add(member);
            return;
        }

        var value = keys[_bound].AsNumber;
        var isLower = shape[_bound].Operator is Comparison.Greater or Comparison.GreaterOrEqual;
        if (isLower)
        {
            for (var i = 0; i < entries.Length && !(entries[i].Bound > value); i++)
                if (Holds(entries[i].Member, keys)) found.Add(entries[i].Member);
            return;
        }

        for (var i = entries.Length - 1; i >= 0 && !(entries[i].Bound < value); i--)
            if (Holds(entries[i].Member, keys)) found.Add(entries[i].Member);
    }

    private static bool Holds(StandingMember member, PropertyValue[] keys)
    {
        if (!member.IsLoaded) return false;
        for (var i = 0; i < keys.Length; i++)
            if (!member.Form.Keys[i].Holds(keys[i])) return false;
        return true;
    }

    private void Learn()
    {
        _isKnown = true;
        for (var key = 0; key < shape.Count; key++)
        {
            if (shape[key].Operator == Comparison.Equal)
            {
                var values = _values[key] = [];
                foreach (var member in _all)
                    foreach (var value in member.Form.Keys[key].Values) CollectionsMarshal.GetValueRefOrAddDefault(values, Mark.Of(value), out _)++;
                continue;
            }

            var isLower = shape[key].Operator is Comparison.Greater or Comparison.GreaterOrEqual;
            var widest = isLower ? double.PositiveInfinity : double.NegativeInfinity;
            foreach (var member in _all) widest = isLower ? Math.Min(widest, member.Form.Keys[key].Values[0].AsNumber) : Math.Max(widest, member.Form.Keys[key].Values[0].AsNumber); // NaN stays
            _widest[key] = widest;
        }
    }

    private IEnumerable<Mark> MarksOf(StandingMember member) => _equal < 0 ? [default] : member.Form.Keys[_equal].Values.Select(v => Mark.Of(v)).Distinct();

    private double BoundOf(StandingMember member) => _bound < 0 ? 0 : member.Form.Keys[_bound].Values[0].AsNumber;

    private static int IndexOf(IReadOnlyList<StandingKey> keys, Func<StandingKey, bool> isIt)
    {
        for (var i = 0; i < keys.Count; i++)
            if (isIt(keys[i])) return i;
        return -1;
    }

    /// <summary>A value as a dictionary finds it: equal values have equal marks. Values that may equal those of another kind (times equal texts that read as them) are open.</summary>
    private readonly record struct Mark(byte Kind, double Number, string? Text)
    {
        public static Mark Open => new(9, 0, null);

        public bool IsOpen => Kind == 9;

        public static Mark Of(in PropertyValue value) => value.Kind switch
        {
            ValueKind.Boolean => new Mark(1, value.AsBoolean ? 1 : 0, null),
            ValueKind.Integer or ValueKind.Double => new Mark(2, value.AsNumber + 0.0, null), // -0 is 0
            ValueKind.Text => new Mark(3, 0, value.AsText),
            _ => Open,
        };
    }

    private sealed class Ascending : IComparer<(double Bound, StandingMember Member)>
    {
        public static Ascending Instance { get; } = new();

        public int Compare((double Bound, StandingMember Member) x, (double Bound, StandingMember Member) y) => x.Bound.CompareTo(y.Bound); // NaN first
    }
}
