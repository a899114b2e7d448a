namespace Twin.Graph;

/// <summary>
/// What changes overwrote while several commands run as one, so that a refusal of a later one can take them back, newest first.
/// Costs in proportion to what is changed, not to how many links a twin has.
/// </summary>
internal sealed class UndoLog
{
    private readonly List<Entry> _entries = [];

    /// <summary>What one change overwrote. Only the fields of its kind are filled.</summary>
    internal sealed record Entry(Change Change)
    {
        public PropertyValue Value { get; init; }
        public WallTime SourceTime { get; init; }
        public WallTime ValueTime { get; init; }
        public long Version { get; init; }
        public WallTime UpdateTime { get; init; }
        public Relationship? Relationship { get; init; }
        public IncomingLink? Link { get; init; }
        public TwinImage? Image { get; init; }
    }

    /// <summary>True between <see cref="Start"/> and <see cref="Stop"/>.</summary>
    public bool IsRecording { get; private set; }

    public IReadOnlyList<Entry> Entries => _entries;

    public void Start() => IsRecording = true;

    public void Stop()
    {
        IsRecording = false;
        _entries.Clear();
    }

    /// <summary>Notes what the change is about to overwrite.</summary>
    public void Record(ShardState state, in Change change)
    {
        var entry = new Entry(change);
        if (state.TryLocate(change.TwinId, out var table, out var row))
        {
            entry = entry with { Version = table.VersionOf(row), UpdateTime = table.UpdateTimeOf(row) };
            entry = change.Kind switch
            {
                ChangeKind.TwinDeleted => entry with { Image = TwinImage.Of(table, row) },
                ChangeKind.PropertyChanged when change.Path == ShardState.ModelPath => entry with { Image = TwinImage.Of(table, row) },
                ChangeKind.PropertyChanged or ChangeKind.PropertyRemoved => OfProperty(entry, table, row),
                ChangeKind.RelationshipChanged or ChangeKind.RelationshipDeleted => entry with { Relationship = table.OutgoingOf(row).Find(Relationship.Key(change.Path)) },
                ChangeKind.IncomingLinked or ChangeKind.IncomingUnlinked => entry with { Link = table.IncomingOf(row).Find(KeyOf(change)) },
                _ => entry,
            };
        }
        _entries.Add(entry);
    }

    /// <summary>The key of the link that a bookkeeping change speaks of.</summary>
    public static IncomingLink KeyOf(in Change change) =>
        change.Kind == ChangeKind.IncomingLinked && RelationshipJson.TryReadLink(change, out var link) ? link : IncomingLink.Key(change.Value.AsText ?? "", change.Path);

    private static Entry OfProperty(Entry entry, ModelTable table, int row)
    {
        if (table.Model.FindProperty(entry.Change.Path) is not { } property) return entry;
        var column = table.Column(property.Ordinal);
        return entry with { Value = column.Get(row), SourceTime = column.SourceTimeOf(row), ValueTime = column.UpdateTimeOf(row) };
    }
}

/// <summary>A twin's model and values, without its links.</summary>
internal sealed record TwinImage(InterfaceDefinition Model, (int Ordinal, PropertyValue Value, WallTime SourceTime, WallTime UpdateTime)[] Values)
{
    public static TwinImage Of(ModelTable table, int row)
    {
        var values = new List<(int, PropertyValue, WallTime, WallTime)>();
        for (var ordinal = 0; ordinal < table.Columns.Length; ordinal++)
            if (table.Column(ordinal) is var column && column.TryGet(row, out var value)) values.Add((ordinal, value, column.SourceTimeOf(row), column.UpdateTimeOf(row)));
        return new TwinImage(table.Model, [.. values]);
    }

    public void Fill(ModelTable table, int row)
    {
        foreach (var (ordinal, value, sourceTime, updateTime) in Values) table.Column(ordinal).Set(row, value, sourceTime, updateTime, table.Capacity);
    }
}
