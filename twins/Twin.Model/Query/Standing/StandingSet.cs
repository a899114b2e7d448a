using System.Runtime.InteropServices;
using System.Text.Json;
using Twin.Model.Policies;

namespace Twin.Model.Query.Standing;

/// <summary>Rows that must be asked for anew: those that bind any of some twins at a source. Give the answer to <see cref="StandingSet.Exchange"/>.</summary>
public sealed record StandingWork(BoundQuery Query)
{
    internal StandingGroup Group { get; init; } = null!;
}

/// <summary>
/// Many standing queries and the rows in their answers. Changes are noted (<see cref="Touch"/>), what they may have altered is
/// asked for anew (<see cref="TakeWork"/>), and the difference to the rows known is what the queries are told. A row changes only
/// when a twin or relationship bound in it does, so asking for the rows that bind a touched twin finds every difference; asking
/// again finds none. Rows may be newer than the changes noted so far: those that follow are noted again and find nothing.
/// Where links of several relationships are followed, a query whose rows a link may have altered is in <see cref="Stale"/>.
/// Not thread-safe.
/// </summary>
public sealed class StandingSet
{
    private const string ModelPath = "$metadata/$model";
    private const int MostMissed = 100_000; // beyond it what no reading needs any more is forgotten

    private readonly Dictionary<(string Shape, PolicySubject? Subject), StandingGroup> _groups = [];
    private readonly Dictionary<string, List<Place>> _byPath = new(StringComparer.Ordinal); // first segment of a path that conditions ask about
    private readonly List<Place> _anyPath = [];
    private readonly List<Place> _bare = []; // where a twin without values may stand
    private readonly List<StandingGroup> _linked = []; // groups with links
    private readonly List<StandingGroup> _loading = []; // groups with queries whose answers are being read
    private readonly Dictionary<string, List<Place>> _known = new(StringComparer.Ordinal); // by twin where rows bind it
    private readonly Dictionary<Place, HashSet<string>> _touched = [];
    private readonly HashSet<StandingMember> _changed = [];
    private readonly HashSet<StandingMember> _stale = [];
    private readonly Dictionary<string, List<Place>>.AlternateLookup<ReadOnlySpan<char>> _bySegment;
    private int _numbers;
    private bool _isReady;

    private readonly int _mostRows;

    /// <summary>An empty set.</summary>
    /// <param name="mostRows">Rows one query may have.</param>
    public StandingSet(int mostRows = 100_000)
    {
        _mostRows = mostRows;
        _bySegment = _byPath.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Which models extend which.</summary>
    public ModelSet Models { get; set; } = ModelSet.Empty;

    /// <summary>Queries held.</summary>
    public int Count { get; private set; }

    /// <summary>Groups of queries that are worked out together.</summary>
    public int GroupCount => _groups.Count;

    /// <summary>Rows kept, over all queries; one that several share counts once.</summary>
    public long RowCount => _groups.Values.Sum(g => (long)g.RowCount);

    /// <summary>True when something must be asked for anew.</summary>
    public bool HasWork => _touched.Count > 0;

    /// <summary>Queries to be read whole again.</summary>
    public IReadOnlyCollection<StandingMember> Stale => _stale;

    /// <summary>Queries with changes to be published.</summary>
    public IReadOnlyCollection<StandingMember> Changed => _changed;

    /// <summary>Adds a query; then its whole answer must be read (<see cref="BeginLoad"/>).</summary>
    public StandingMember Add(StandingForm form, PolicySubject? subject)
    {
        ArgumentNullException.ThrowIfNull(form);
        if (!_groups.TryGetValue((form.Shape, subject), out var group))
        {
            _groups.Add((form.Shape, subject), group = new StandingGroup(form, subject, Know, m => _changed.Add(m)));
            Register(group, true);
        }

        var member = new StandingMember(++_numbers, form, group);
        group.Members.Add(member);
        Count++;
        return member;
    }

    /// <summary>Removes a query.</summary>
    public void Remove(StandingMember member)
    {
        ArgumentNullException.ThrowIfNull(member);
        var group = member.Group;
        EndLoad(member);
        group.Remove(member);
        _changed.Remove(member);
        _stale.Remove(member);
        Count--;
        if (group.Members.All.Count > 0) return;
        Register(group, false);
        _groups.Remove((group.Form.Shape, group.Subject));
    }

    /// <summary>Asks for a query's whole answer, to be given to <see cref="Load"/>. From here on changes are noted for it.</summary>
    public BoundQuery BeginLoad(StandingMember member)
    {
        ArgumentNullException.ThrowIfNull(member);
        if (member.LoadsFrom < 0 && member.Group.Loading++ == 0) _loading.Add(member.Group);
        member.LoadsFrom = member.Group.Missed.Count;
        return AnswerOf(member);
    }

    /// <summary>The whole answer of a query.</summary>
    public BoundQuery AnswerOf(StandingMember member) => new(member.Form.FullText, member.Form.Names, _mostRows) { Subject = member.Group.Subject };

    /// <summary>Takes a query's whole answer, read after <see cref="BeginLoad"/>. What was touched since then is to be asked for again.</summary>
    public void Load(StandingMember member, IReadOnlyList<BoundRow> rows)
    {
        ArgumentNullException.ThrowIfNull(member);
        if (member.LoadsFrom < 0) throw new InvalidOperationException("The load was not begun.");
        member.Group.Load(member, rows);
        foreach (var (source, twin) in CollectionsMarshal.AsSpan(member.Group.Missed)[member.LoadsFrom..]) Add(new Place(member.Group, source), twin);
        EndLoad(member);
    }

    private void EndLoad(StandingMember member)
    {
        if (member.LoadsFrom < 0) return;
        member.LoadsFrom = -1;
        if (--member.Group.Loading > 0)
        {
            if (member.Group.Missed.Count > MostMissed) member.Group.ForgetMissed();
            return;
        }

        member.Group.Missed.Clear();
        _loading.Remove(member.Group);
    }

    /// <summary>The query must be read whole again; what is known of it stays until then.</summary>
    public void MakeStale(StandingMember member) => _stale.Add(member);

    /// <summary>Every query must be read whole again: changes were lost, or what a subject may see is another.</summary>
    public void MakeAllStale(Predicate<PolicySubject?> concerns)
    {
        foreach (var group in _groups.Values)
            if (concerns(group.Subject)) _stale.UnionWith(group.Members.All);
    }

    /// <summary>Takes what is stale.</summary>
    public StandingMember[] TakeStale()
    {
        StandingMember[] taken = [.. _stale];
        _stale.Clear();
        return taken;
    }

    /// <summary>Takes the queries with changes.</summary>
    public StandingMember[] TakeChanged()
    {
        StandingMember[] taken = [.. _changed];
        _changed.Clear();
        return taken;
    }

    /// <summary>Notes a change.</summary>
    public void Touch(in Change change)
    {
        if (!_isReady) Ready();
        foreach (var group in CollectionsMarshal.AsSpan(_loading)) group.Miss(change);
        switch (change.Kind)
        {
            case ChangeKind.PropertyChanged when change.Path == ModelPath: TouchModel(change); break;
            case ChangeKind.PropertyChanged or ChangeKind.PropertyRemoved: TouchProperty(change); break;
            case ChangeKind.TwinCreated:
                foreach (var place in _bare)
                    if (IsModel(place, change.ModelId)) Add(place, change.TwinId);
                TouchKnown(change.TwinId);
                break;
            case ChangeKind.TwinDeleted: TouchKnown(change.TwinId); break;
            case ChangeKind.RelationshipChanged: TouchLink(change, isSource: true, RelationshipNameOf(change)); break;
            case ChangeKind.RelationshipDeleted: TouchLink(change, isSource: true, null); break;
            case ChangeKind.IncomingLinked: TouchLink(change, isSource: false, RelationshipNameOf(change)); break;
            case ChangeKind.IncomingUnlinked: TouchLink(change, isSource: false, null); break;
            default: break;
        }
    }

    /// <summary>Takes what must be asked for anew.</summary>
    public StandingWork[] TakeWork()
    {
        if (_touched.Count == 0) return [];
        StandingWork[] work = [.. _touched.Where(t => t.Key.Group.Members.All.Count > 0).Select(t => new StandingWork(
            new BoundQuery(t.Key.Group.Form.Skeleton.Text, t.Key.Group.Form.Names, _mostRows) { Parsed = t.Key.Group.Form.Skeleton, Source = t.Key.Source, Twins = [.. t.Value], Subject = t.Key.Group.Subject })
        {
            Group = t.Key.Group,
        })];
        _touched.Clear();
        return work;
    }

    /// <summary>Takes what was asked for.</summary>
    public void Exchange(StandingWork work, IReadOnlyList<BoundRow> rows)
    {
        ArgumentNullException.ThrowIfNull(work);
        work.Group.Exchange(work.Query.Source, work.Query.Twins, rows);
    }

    /// <summary>What was asked for cannot be given: each query of the group must be read whole.</summary>
    public void Fail(StandingWork work)
    {
        ArgumentNullException.ThrowIfNull(work);
        _stale.UnionWith(work.Group.Members.All);
    }

    private void TouchProperty(in Change change)
    {
        var segment = change.Path.AsSpan();
        var slash = segment.IndexOf('/');
        if (_bySegment.TryGetValue(slash < 0 ? segment : segment[..slash], out var places))
            foreach (var place in CollectionsMarshal.AsSpan(places))
                if (IsModel(place, change.ModelId) && place.Group.MayEnter(place.Source, change)) Add(place, change.TwinId);
        foreach (var place in CollectionsMarshal.AsSpan(_anyPath))
            if (IsModel(place, change.ModelId)) Add(place, change.TwinId);
        if (!_known.TryGetValue(change.TwinId, out var known)) return;
        foreach (var place in CollectionsMarshal.AsSpan(known))
            if (place.Group.Shows(place.Source, change.Path)) Add(place, change.TwinId);
    }

    // The twin is of another model now, with the values that it keeps.
    private void TouchModel(in Change change)
    {
        foreach (var group in _groups.Values)
            for (var source = 0; source < group.Interests.Length; source++)
                if (group.Interests[source] is not null && IsModel(new Place(group, source), change.ModelId)) Add(new Place(group, source), change.TwinId);
        TouchKnown(change.TwinId);
    }

    private void TouchKnown(string twin)
    {
        if (!_known.TryGetValue(twin, out var known)) return;
        foreach (var place in CollectionsMarshal.AsSpan(known)) Add(place, twin);
    }

    // A link may bring rows in or alter them at the source that its end stands for. Of another name, or gone, it can only take rows
    // away, which bind that end: it may have had the name before. Walks bind no links, so any may alter them.
    private void TouchLink(in Change change, bool isSource, string? name)
    {
        foreach (var group in CollectionsMarshal.AsSpan(_linked))
            foreach (var hop in group.Form.Skeleton.Hops)
            {
                if (!hop.IsSingle)
                {
                    _stale.UnionWith(group.Members.All);
                    continue;
                }

                var mayEnter = name is not null && (hop.Names.Count == 0 || hop.Names.Contains(name));
                if (hop.Direction is not HopDirection.In) TouchEnd(group, isSource ? hop.From : hop.To, change, mayEnter);
                if (hop.Direction is not HopDirection.Out) TouchEnd(group, isSource ? hop.To : hop.From, change, mayEnter);
            }
    }

    private void TouchEnd(StandingGroup group, int source, in Change change, bool mayEnter)
    {
        if (group.Knows(source, change.TwinId) || (mayEnter && (change.ModelId.Length == 0 || IsModel(new Place(group, source), change.ModelId)))) Add(new Place(group, source), change.TwinId);
    }

    private void Add(Place place, string twin)
    {
        ref var twins = ref CollectionsMarshal.GetValueRefOrAddDefault(_touched, place, out _);
        (twins ??= new HashSet<string>(StringComparer.Ordinal)).Add(twin);
    }

    private bool IsModel(Place place, string model)
    {
        foreach (var asked in place.Group.Interests[place.Source]!.Models)
        {
            var wanted = ((LiteralExpression)asked.Model).Value.AsText!;
            if (model == wanted) continue;
            if (asked.IsExact || Models.Find(model) is not { } definition || !definition.Bases.Contains(wanted)) return false;
        }

        return true;
    }

    private static string? RelationshipNameOf(in Change change)
    {
        var reader = new Utf8JsonReader(change.Value.AsJson);
        if (!reader.Read()) return null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isName = reader.ValueTextEquals("$relationshipName"u8);
            reader.Read();
            if (isName) return reader.GetString();
            reader.Skip();
        }

        return null;
    }

    private void Know(StandingGroup group, int source, string twin, bool isKnown)
    {
        ref var places = ref CollectionsMarshal.GetValueRefOrAddDefault(_known, twin, out _);
        places ??= [];
        if (isKnown) places.Add(new Place(group, source));
        else places.Remove(new Place(group, source));
        if (places.Count == 0) _known.Remove(twin);
    }

    // Many queries may come at once: their places are filed before the next change.
    private void Register(StandingGroup group, bool isNew)
    {
        _isReady = false;
        if (!isNew)
            for (var source = 0; source < group.Interests.Length; source++) _touched.Remove(new Place(group, source));
    }

    private void Ready()
    {
        _isReady = true;
        _byPath.Clear();
        _anyPath.Clear();
        _bare.Clear();
        _linked.Clear();
        foreach (var group in _groups.Values)
        {
            if (group.Form.Skeleton.Hops.Count > 0) _linked.Add(group);
            for (var source = 0; source < group.Interests.Length; source++)
            {
                if (group.Interests[source] is not { } interest) continue;
                var place = new Place(group, source);
                if (interest.AsksAll) _anyPath.Add(place);
                if (interest.MayBeBare) _bare.Add(place);
                foreach (var segment in interest.Conditions.Select(p => p.Split('/')[0]).Distinct(StringComparer.Ordinal))
                {
                    ref var places = ref CollectionsMarshal.GetValueRefOrAddDefault(_byPath, segment, out _);
                    (places ??= []).Add(place);
                }
            }
        }
    }

    private readonly record struct Place(StandingGroup Group, int Source);
}
