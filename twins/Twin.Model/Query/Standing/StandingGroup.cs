using System.Runtime.InteropServices;
using Twin.Model.Policies;

namespace Twin.Model.Query.Standing;

/// <summary>A source of twins of a group's pattern: what of a twin there can change rows.</summary>
internal sealed class SourceInterest
{
    /// <summary>Paths that the condition asks about, keys included, without ids and models, which do not change.</summary>
    public List<string> Conditions { get; } = [];

    /// <summary>Paths that rows show.</summary>
    public List<string> Shown { get; } = [];

    /// <summary>Rows show what any change alters: the whole twin, its ETag or metadata.</summary>
    public bool ShowsAll { get; set; }

    /// <summary>The condition asks about what any change alters.</summary>
    public bool AsksAll { get; set; }

    /// <summary>Keys by path; null where a term that is no key asks about the path too.</summary>
    public Dictionary<string, List<int>?> Keys { get; } = new(StringComparer.Ordinal);

    /// <summary>Only twins of these models stand here.</summary>
    public List<OfModelExpression> Models { get; } = [];

    /// <summary>A twin without values may stand here.</summary>
    public bool MayBeBare { get; set; } = true;
}

/// <summary>A row that some standing queries of a group have.</summary>
internal sealed class StandingRow(string id, IReadOnlyList<string?> twins)
{
    public string Id { get; } = id;

    /// <summary>By source; null for sources of relationships.</summary>
    public IReadOnlyList<string?> Twins { get; } = twins;

    /// <summary>As it reads now.</summary>
    public ReadOnlyMemory<byte> Row { get; set; }

    /// <summary>The queries that have it, by number.</summary>
    public StandingMember[] Wanted { get; set; } = [];
}

/// <summary>Standing queries of one shape and subject, worked out together; see <see cref="StandingForm"/>. Keeps the rows that any of them has. Not thread-safe.</summary>
internal sealed class StandingGroup
{
    private readonly Dictionary<string, StandingRow> _rows = new(StringComparer.Ordinal);
    private readonly Dictionary<(int Source, string Twin), HashSet<StandingRow>> _binding = [];
    private readonly Action<StandingGroup, int, string, bool> _known;
    private readonly Action<StandingMember> _changed;

    /// <param name="form">Of the first query.</param>
    /// <param name="subject">Who asks.</param>
    /// <param name="known">Told when the first row binds a twin at a source, and when the last does no longer.</param>
    /// <param name="changed">Told when a query has changes.</param>
    public StandingGroup(StandingForm form, PolicySubject? subject, Action<StandingGroup, int, string, bool> known, Action<StandingMember> changed)
    {
        (Form, Subject, _known, _changed) = (form, subject, known, changed);
        Members = new KeyedMembers(form.Keys);
        Interests = new SourceInterest?[form.Skeleton.Sources.Count];
        for (var i = 0; i < Interests.Length; i++)
            if (form.Skeleton.Sources[i].Kind == SourceKind.Twins) Interests[i] = new SourceInterest();
        foreach (var term in ConditionPaths.Conjuncts(form.Skeleton.Where)) NoteTerm(term);
        for (var i = 0; i < form.Keys.Count; i++) NoteKey(i);
        var shown = form.Skeleton.Items.Take(Math.Max(1, form.Names.Count));
        foreach (var item in shown) ConditionPaths.VisitReads(item.Value, NoteShown);
    }

    public StandingForm Form { get; }

    public PolicySubject? Subject { get; }

    public KeyedMembers Members { get; }

    /// <summary>By source; null for sources of relationships.</summary>
    public SourceInterest?[] Interests { get; }

    /// <summary>Queries whose answers are being read.</summary>
    public int Loading { get; set; }

    /// <summary>Twins touched while answers are being read, which may show them as they were before.</summary>
    public List<(int Source, string Twin)> Missed { get; } = [];

    /// <summary>Rows kept.</summary>
    public int RowCount => _rows.Count;

    /// <summary>True when a change of a path may bring a twin in.</summary>
    public bool MayEnter(int source, in Change change)
    {
        var interest = Interests[source]!;
        if (interest.AsksAll) return true;
        var isAsked = false;
        foreach (var path in interest.Conditions)
        {
            if (!Overlaps(path, change.Path)) continue;
            if (path != change.Path || interest.Keys.GetValueOrDefault(path) is not { } keys) return true;
            isAsked = true;
            foreach (var key in keys)
                if (!Members.MayHold(key, change.Value)) return false;
        }

        return isAsked;
    }

    /// <summary>True when a change of a path may alter rows that bind the twin.</summary>
    public bool Shows(int source, string path)
    {
        var interest = Interests[source]!;
        return interest.ShowsAll || interest.AsksAll || OverlapsAny(interest.Shown, path) || OverlapsAny(interest.Conditions, path);
    }

    /// <summary>Notes what a change may alter in answers that are being read.</summary>
    public void Miss(in Change change)
    {
        if (!change.IsPublic && change.Kind is not (ChangeKind.IncomingLinked or ChangeKind.IncomingUnlinked)) return;
        var isProperty = change.Kind is ChangeKind.PropertyChanged or ChangeKind.PropertyRemoved && change.Path[0] != '$';
        for (var source = 0; source < Interests.Length; source++)
            if (Interests[source] is not null && (!isProperty || Shows(source, change.Path))) Missed.Add((source, change.TwinId));
    }

    /// <summary>Forgets what was missed before every reading that goes on began.</summary>
    public void ForgetMissed()
    {
        var first = Missed.Count;
        foreach (var member in Members.All)
            if (member.LoadsFrom >= 0) first = Math.Min(first, member.LoadsFrom);
        if (first == 0) return;
        Missed.RemoveRange(0, first);
        foreach (var member in Members.All)
            if (member.LoadsFrom >= 0) member.LoadsFrom -= first;
    }

    /// <summary>True when rows bind the twin at the source.</summary>
    public bool Knows(int source, string twin) => _binding.ContainsKey((source, twin));

    /// <summary>Takes all rows that bind any of some twins at a source.</summary>
    public void Exchange(int source, IReadOnlyList<string> twins, IReadOnlyList<BoundRow> rows)
    {
        var gone = new HashSet<StandingRow>();
        foreach (var twin in twins)
            if (_binding.TryGetValue((source, twin), out var bound)) gone.UnionWith(bound);
        foreach (var row in rows)
        {
            if (_rows.TryGetValue(row.Id, out var entry)) gone.Remove(entry);
            Take(entry, row, Members.Find(row.Keys));
        }

        foreach (var entry in gone) Want(entry, []);
    }

    /// <summary>Takes all rows of one query, which is loaded from here on. Rows kept for others read at least as new.</summary>
    public void Load(StandingMember member, IReadOnlyList<BoundRow> rows)
    {
        member.IsLoaded = true;
        var ids = rows.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in member.Rows.Where(e => !ids.Contains(e.Id)).ToList()) Want(entry, [.. entry.Wanted.Where(m => m != member)]);
        foreach (var row in rows)
        {
            if (!_rows.TryGetValue(row.Id, out var entry)) Take(null, row, [member]);
            else if (entry.Wanted.Length == 1 && entry.Wanted[0] == member) Take(entry, row, entry.Wanted);
            else if (!entry.Wanted.Contains(member)) Want(entry, [.. entry.Wanted.Append(member).OrderBy(m => m.Number)]);
        }
    }

    /// <summary>Forgets a query and what only it wanted; tells nobody.</summary>
    public void Remove(StandingMember member)
    {
        Members.Remove(member);
        foreach (var entry in member.Rows)
        {
            entry.Wanted = [.. entry.Wanted.Where(m => m != member)];
            if (entry.Wanted.Length == 0) Forget(entry);
        }

        member.Rows.Clear();
    }

    private void Take(StandingRow? entry, BoundRow row, StandingMember[] wanted)
    {
        if (entry is null)
        {
            if (wanted.Length == 0) return;
            entry = new StandingRow(row.Id, row.Twins) { Row = row.Row };
            Keep(entry);
        }
        else if (!entry.Row.Span.SequenceEqual(row.Row.Span))
        {
            entry.Row = row.Row;
            var change = new RowChange(RowChangeKind.Changed, entry.Id, entry.Row);
            foreach (var member in entry.Wanted)
                if (wanted.Contains(member)) Tell(member, change);
        }

        Want(entry, wanted);
    }

    // Both lists are ordered by number.
    private void Want(StandingRow entry, StandingMember[] wanted)
    {
        var had = entry.Wanted;
        entry.Wanted = wanted;
        RowChange? added = null, removed = null;
        for (int i = 0, j = 0; i < had.Length || j < wanted.Length;)
        {
            var order = i == had.Length ? 1 : j == wanted.Length ? -1 : had[i].Number.CompareTo(wanted[j].Number);
            if (order < 0)
            {
                had[i].Rows.Remove(entry);
                Tell(had[i], removed ??= new RowChange(RowChangeKind.Removed, entry.Id, default));
            }
            else if (order > 0)
            {
                wanted[j].Rows.Add(entry);
                Tell(wanted[j], added ??= new RowChange(RowChangeKind.Added, entry.Id, entry.Row));
            }

            if (order <= 0) i++;
            if (order >= 0) j++;
        }

        if (wanted.Length == 0) Forget(entry);
    }

    private void Tell(StandingMember member, RowChange change)
    {
        if (member.Changes.Count == 0) _changed(member);
        member.Changes.Add(change);
    }

    private void Keep(StandingRow entry)
    {
        _rows.Add(entry.Id, entry);
        for (var source = 0; source < entry.Twins.Count; source++)
        {
            if (entry.Twins[source] is not { } twin) continue;
            ref var bound = ref CollectionsMarshal.GetValueRefOrAddDefault(_binding, (source, twin), out var isKnown);
            (bound ??= []).Add(entry);
            if (!isKnown) _known(this, source, twin, true);
        }
    }

    private void Forget(StandingRow entry)
    {
        if (!_rows.Remove(entry.Id)) return;
        for (var source = 0; source < entry.Twins.Count; source++)
        {
            if (entry.Twins[source] is not { } twin) continue;
            var bound = _binding[(source, twin)];
            bound.Remove(entry);
            if (bound.Count > 0) continue;
            _binding.Remove((source, twin));
            _known(this, source, twin, false);
        }
    }

    private void NoteTerm(Expression term)
    {
        if (term is OfModelExpression { Model: LiteralExpression } ofModel) Interests[ofModel.Source]!.Models.Add(ofModel);
        ConditionPaths.VisitReads(term, read =>
        {
            if (read is not PathExpression path || Interests[path.Source] is not { } interest) return;
            if (IsLasting(path)) return;
            if (path.IsSystem) interest.AsksAll = true;
            else
            {
                Add(interest.Conditions, path.StatePath);
                interest.Keys[path.StatePath] = null;
            }
        });
    }

    private void NoteKey(int key)
    {
        var item = Form.Skeleton.Items[Math.Max(1, Form.Names.Count) + key];
        var path = (PathExpression)item.Value;
        if (Interests[path.Source] is not { } interest || IsLasting(path)) return;
        if (path.IsSystem)
        {
            interest.AsksAll = true;
            return;
        }

        interest.MayBeBare = false; // no comparison holds for a missing value
        Add(interest.Conditions, path.StatePath);
        if (!interest.Keys.TryGetValue(path.StatePath, out var keys)) interest.Keys[path.StatePath] = [key];
        else keys?.Add(key);
    }

    private void NoteShown(Expression read)
    {
        if (read is not PathExpression path || Interests[path.Source] is not { } interest || IsLasting(path)) return;
        if (path.Segments.Count == 0 || path.IsSystem) interest.ShowsAll = true;
        else Add(interest.Shown, path.StatePath);
    }

    // An id and a model are a twin's for its life.
    private static bool IsLasting(PathExpression path) => path.IsName("$dtId") || path.IsModel;

    private static void Add(List<string> paths, string path)
    {
        if (!paths.Contains(path)) paths.Add(path);
    }

    private static bool OverlapsAny(List<string> paths, string path)
    {
        foreach (var one in paths)
            if (Overlaps(one, path)) return true;
        return false;
    }

    // The same path, or one within the other.
    private static bool Overlaps(string a, string b)
    {
        if (ReferenceEquals(a, b)) return true;
        var (shorter, longer) = a.Length <= b.Length ? (a, b) : (b, a);
        return longer.StartsWith(shorter, StringComparison.Ordinal) && (longer.Length == shorter.Length || longer[shorter.Length] == '/');
    }
}
