using System.Globalization;
using System.Text;

namespace Twin.Model.Query;

/// <summary>A row of a standing query.</summary>
/// <param name="Bound">Ids bound in it, in a fixed order that tells two bindings apart; see <see cref="StandingRows.KeyOf"/>.</param>
/// <param name="Twins">Twins bound in it, relationships' ends included.</param>
/// <param name="Row">The row's JSON.</param>
internal sealed record StandingRow(IReadOnlyList<string> Bound, IReadOnlyList<string> Twins, string Row);

/// <summary>What changed in a standing query's answer. Each key is in at most one of the three.</summary>
internal sealed record StandingDelta(IReadOnlyList<KeyValuePair<string, string>> Added, IReadOnlyList<KeyValuePair<string, string>> Changed, IReadOnlyList<string> Removed)
{
    /// <summary>True when there is nothing to send.</summary>
    public bool IsEmpty => Added.Count == 0 && Changed.Count == 0 && Removed.Count == 0;
}

/// <summary>
/// The rows a subscriber of a standing query knows, found by key and by bound twin. Some twins were touched and the rows that bind them
/// now were asked for: the difference to the rows known to bind them is what the subscriber is sent. Doing so twice sends nothing the
/// second time. Not thread-safe.
/// </summary>
internal sealed class StandingRows(int mostRows)
{
    private readonly Dictionary<string, StandingRow> _rows = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _keysOfTwin = new(StringComparer.Ordinal);

    /// <summary>Rows known.</summary>
    public int Count => _rows.Count;

    /// <summary>Names a binding. Each id is led by its length, so no two lists of ids share a key.</summary>
    public static string KeyOf(IReadOnlyList<string> bound)
    {
        var key = new StringBuilder();
        foreach (var id in bound) key.Append(CultureInfo.InvariantCulture, $"{id.Length}:{id}");
        return key.ToString();
    }

    /// <summary>Takes all rows that now bind any of the touched twins. Null when more rows than the bound would be known: nothing is taken then.</summary>
    public StandingDelta? Exchange(IEnumerable<string> touched, IEnumerable<StandingRow> now)
    {
        var gone = new HashSet<string>(StringComparer.Ordinal);
        foreach (var twin in touched)
            if (_keysOfTwin.TryGetValue(twin, out var keys)) gone.UnionWith(keys);
        var fresh = new Dictionary<string, StandingRow>(StringComparer.Ordinal);
        foreach (var row in now) fresh[KeyOf(row.Bound)] = row;
        gone.ExceptWith(fresh.Keys);
        var added = new List<KeyValuePair<string, string>>();
        var changed = new List<KeyValuePair<string, string>>();
        foreach (var (key, row) in fresh)
        {
            if (!_rows.TryGetValue(key, out var known)) added.Add(new(key, row.Row));
            else if (known.Row != row.Row) changed.Add(new(key, row.Row));
        }

        if (_rows.Count - gone.Count + added.Count > mostRows) return null;
        foreach (var key in gone) Forget(key);
        foreach (var (key, row) in fresh) Know(key, row);
        return new StandingDelta(added, changed, [.. gone]);
    }

    private void Know(string key, StandingRow row)
    {
        Forget(key);
        _rows.Add(key, row);
        foreach (var twin in row.Twins)
        {
            if (!_keysOfTwin.TryGetValue(twin, out var keys)) _keysOfTwin.Add(twin, keys = new HashSet<string>(StringComparer.Ordinal));
            keys.Add(key);
        }
    }

    private void Forget(string key)
    {
        if (!_rows.Remove(key, out var row)) return;
        foreach (var twin in row.Twins)
            if (_keysOfTwin.TryGetValue(twin, out var keys) && keys.Remove(key) && keys.Count == 0) _keysOfTwin.Remove(twin);
    }
}
