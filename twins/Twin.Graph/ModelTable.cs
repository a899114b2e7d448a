namespace Twin.Graph;

/// <summary>
/// All twins of one model in one shard, by row. Rows of deleted twins are reused; a row number means nothing across a change.
/// Reads must not overlap writes: use only while the owner's state stands still. Hot.
/// </summary>
public sealed class ModelTable
{
    private readonly Column[] _columns;
    private string?[] _ids = [];
    private int _viewed = -1; // the row whose view is kept
    private TwinView? _view;
    private long[] _versions = [];
    private long[] _updateTimes = [];
    private LinkSet<Relationship>?[] _outgoing = [];
    private LinkSet<IncomingLink>?[] _incoming = [];
    private readonly Stack<int> _free = new();
    private object _linkOwner = new(); // link sets of another owner are another state's too: copied before the first write
    private bool _hasSharedIds;
    private bool _hasSharedTimes;
    private bool _hasSharedLinks;

    private ModelTable(ModelTable from)
    {
        (Number, Model, RowCount, Count, _free) = (from.Number, from.Model, from.RowCount, from.Count, new Stack<int>(from._free.Reverse()));
        (_ids, _versions, _updateTimes, _outgoing, _incoming) = (from._ids, from._versions, from._updateTimes, from._outgoing, from._incoming);
        _columns = [.. from._columns.Select(c => c.Fork(from.RowCount))];
        foreach (var places in from._columns.Select(c => c.Places).Distinct()) places?.ForkTo(_columns, RowCount);
        _hasSharedIds = _hasSharedTimes = _hasSharedLinks = true;
    }

    internal ModelTable(int number, InterfaceDefinition model)
    {
        Number = number;
        Model = model;
        _columns = new Column[model.Properties.Count];
        for (var i = 0; i < _columns.Length; i++)
        {
            _columns[i] = new Column(model.Properties[i]);
            if (model.Properties[i].IsIndexed) KeepIndex(_columns[i]);
        }
    }

    private static readonly (string Longitude, string Latitude)[] PlaceNames = [("longitude", "latitude"), ("lon", "lat"), ("lng", "lat")];

    /// <summary>Starts keeping an index on a column: of values; of places when it is JSON, or when the other of longitude and latitude beside it has one too.</summary>
    internal void KeepIndex(Column column)
    {
        column.KeepIndex(RowCount);
        if (column.Places is not null) return;
        if (column.Storage == ValueKind.Json) KeepPlaces(column, null);
        else if (column.Storage == ValueKind.Double)
        {
            var path = column.Definition.Path;
            var prefix = path[..(path.LastIndexOf('/') + 1)];
            foreach (var (longitude, latitude) in PlaceNames)
            {
                if (path[prefix.Length..] == longitude && Indexed(prefix + latitude) is { } north) KeepPlaces(column, north);
                else if (path[prefix.Length..] == latitude && Indexed(prefix + longitude) is { } east) KeepPlaces(east, column);
            }
        }
    }

    private Column? Indexed(string path) =>
        Model.FindProperty(path) is { } property && property.Ordinal < _columns.Length && _columns[property.Ordinal] is { Storage: ValueKind.Double, Index: not null, Places: null } column ? column : null;

    private void KeepPlaces(Column first, Column? latitude)
    {
        first.Places = new SpatialIndex(first, latitude);
        if (latitude is not null) latitude.Places = first.Places;
        first.Places.MarkAll(RowCount);
    }

    /// <summary>Position among the shard's tables.</summary>
    public int Number { get; }

    /// <summary>The twins' model.</summary>
    public InterfaceDefinition Model { get; }

    /// <summary>How the twins look to whom the present read is for; null shows everything. Set for the length of one read.</summary>
    internal ModelViews? Seen
    {
        get;
        set
        {
            field = value;
            _viewed = -1;
        }
    }

    /// <summary>How a row looks in the present read; null shows everything.</summary>
    internal TwinView? ViewOf(int row)
    {
        if (Seen is null) return null;
        if (Seen.IsUniform) return Seen.Common;
        if (row == _viewed) return _view; // a row is asked about several times on end
        _view = _ids[row] is { } id ? Seen.ViewOf(id) : Seen.Common;
        _viewed = row;
        return _view;
    }

    /// <summary>False when the present read must not know of the row.</summary>
    internal bool Exists(int row) => Seen is null || ViewOf(row)!.Exists;

    /// <summary>Rows ever used (high-water): scan 0 to this, asking <see cref="IsLive"/>.</summary>
    public int RowCount { get; private set; }

    /// <summary>Twins now.</summary>
    public int Count { get; private set; }

    /// <summary>One column a property, by ordinal.</summary>
    public ReadOnlySpan<Column> Columns => _columns;

    /// <summary>Ids by row; null where a row is free. Shorter than or as long as the capacity; use rows below <see cref="RowCount"/>.</summary>
    public ReadOnlySpan<string?> Ids => _ids.AsSpan(0, RowCount);

    internal int Capacity => _ids.Length;

    internal DocumentLayout Layout => field ??= DocumentLayout.Of(Model);

    /// <summary>The column of a property.</summary>
    public Column Column(int ordinal) => _columns[ordinal];

    /// <summary>True when a twin lives in the row.</summary>
    public bool IsLive(int row) => _ids[row] is not null;

    /// <summary>The twin's id.</summary>
    public string IdOf(int row) => _ids[row]!;

    /// <summary>Sequence of the twin's last change: its ETag.</summary>
    public long VersionOf(int row) => _versions[row];

    /// <summary>When the twin last changed, by the owner's clock.</summary>
    public WallTime UpdateTimeOf(int row) => new(_updateTimes[row]);

    /// <summary>A property's value; false when absent.</summary>
    public bool TryGet(int row, int ordinal, out PropertyValue value) => _columns[ordinal].TryGet(row, out value);

    /// <summary>Relationships from the twin, ordered by id (ordinal).</summary>
    public LinkSet<Relationship> OutgoingOf(int row) => (uint)row < (uint)_outgoing.Length ? _outgoing[row] ?? LinkSet<Relationship>.Empty : LinkSet<Relationship>.Empty;

    /// <summary>Relationships to the twin, ordered by source id, then relationship id (ordinal).</summary>
    public LinkSet<IncomingLink> IncomingOf(int row) => (uint)row < (uint)_incoming.Length ? _incoming[row] ?? LinkSet<IncomingLink>.Empty : LinkSet<IncomingLink>.Empty;

    /// <summary>The same twins in another state; whichever of the two writes first copies what it writes to.</summary>
    internal ModelTable Fork()
    {
        _hasSharedIds = _hasSharedTimes = _hasSharedLinks = true;
        _linkOwner = new object();
        return new ModelTable(this);
    }

    private void OwnIds()
    {
        if (_hasSharedIds) _ids = [.. _ids];
        _hasSharedIds = false;
    }

    private void OwnTimes()
    {
        if (_hasSharedTimes) (_versions, _updateTimes) = ([.. _versions], [.. _updateTimes]);
        _hasSharedTimes = false;
    }

    private void OwnLinks()
    {
        if (_hasSharedLinks) (_outgoing, _incoming) = ([.. _outgoing], [.. _incoming]);
        _hasSharedLinks = false;
    }

    /// <summary>Asks the processor to fetch the row's id and version.</summary>
    internal void Prefetch(int row)
    {
        Memory.Prefetch(ref _ids[row]);
        Memory.Prefetch(ref _versions[row]);
        Memory.Prefetch(ref _updateTimes[row]);
    }

    internal int Add(string id)
    {
        if (!_free.TryPop(out var row))
        {
            if (RowCount == _ids.Length) Reserve(_ids.Length < 4096 ? Math.Max(16, _ids.Length * 2) : _ids.Length + (_ids.Length / 4));
            row = RowCount++;
        }
        OwnIds();
        _ids[row] = id;
        _viewed = -1;
        Count++;
        return row;
    }

    internal void Remove(int row)
    {
        foreach (var column in _columns) column.Clear(row);
        OwnIds();
        OwnTimes();
        OwnLinks();
        if (row < _outgoing.Length) _outgoing[row] = null;
        if (row < _incoming.Length) _incoming[row] = null;
        _ids[row] = null;
        _viewed = -1;
        _versions[row] = 0;
        _updateTimes[row] = 0;
        _free.Push(row);
        Count--;
    }

    internal void Touch(int row, long version, WallTime updateTime)
    {
        if (_hasSharedTimes) OwnTimes();
        _versions[row] = version;
        _updateTimes[row] = updateTime.UtcTicks;
    }

    internal LinkSet<Relationship> OutgoingForWrite(int row)
    {
        OwnLinks();
        if (row >= _outgoing.Length) Array.Resize(ref _outgoing, Capacity);
        return _outgoing[row] = LinkSet<Relationship>.Owned(_outgoing[row], _linkOwner);
    }

    internal LinkSet<IncomingLink> IncomingForWrite(int row)
    {
        OwnLinks();
        if (row >= _incoming.Length) Array.Resize(ref _incoming, Capacity);
        return _incoming[row] = LinkSet<IncomingLink>.Owned(_incoming[row], _linkOwner);
    }

    /// <summary>Gives versions and update times to a snapshot load.</summary>
    internal (long[] Versions, long[] UpdateTimes) Fill() => (_versions, _updateTimes);

    /// <summary>Rows in use, in order.</summary>
    internal int[] LiveRows()
    {
        var rows = new int[Count];
        for (int row = 0, at = 0; row < RowCount; row++)
            if (_ids[row] is not null) rows[at++] = row;
        return rows;
    }

    internal void DropEmptyLinks(int row)
    {
        if ((row < _outgoing.Length && _outgoing[row] is { Count: 0 }) || (row < _incoming.Length && _incoming[row] is { Count: 0 })) OwnLinks();
        if (row < _outgoing.Length && _outgoing[row] is { Count: 0 }) _outgoing[row] = null;
        if (row < _incoming.Length && _incoming[row] is { Count: 0 }) _incoming[row] = null;
    }

    internal void MoveLinksTo(int row, ModelTable other, int otherRow)
    {
        if (row < _outgoing.Length && _outgoing[row] is { } outgoing)
        {
            other.OutgoingForWrite(otherRow);
            other._outgoing[otherRow] = outgoing;
        }
        if (row < _incoming.Length && _incoming[row] is { } incoming)
        {
            other.IncomingForWrite(otherRow);
            other._incoming[otherRow] = incoming;
        }
    }

    /// <summary>Grows to at least this many rows.</summary>
    internal void Reserve(int capacity)
    {
        if (capacity <= _ids.Length) return;
        Array.Resize(ref _ids, capacity);
        Array.Resize(ref _versions, capacity);
        Array.Resize(ref _updateTimes, capacity);
        _hasSharedIds = _hasSharedTimes = false; // larger arrays are new ones
    }
}
