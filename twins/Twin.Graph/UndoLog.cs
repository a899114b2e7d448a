namespace Twin.Graph;

/// <summary>Pictures of twins taken before commands touch them, to put back when a later command of the same batch is refused.</summary>
internal sealed class UndoLog
{
    private readonly Dictionary<string, TwinImage?> _images = new(StringComparer.Ordinal); // null: it did not exist

    /// <summary>Ids remembered: every twin that the commands may change.</summary>
    public IEnumerable<string> Touched => _images.Keys;

    public void Clear() => _images.Clear();

    /// <summary>Takes pictures of every twin the command may change, unless there is an earlier one.</summary>
    public void Remember(ShardState state, TwinCommand command)
    {
        Remember(state, command.TwinId);
        switch (command)
        {
            case PutRelationship put:
                Remember(state, put.TargetId);
                if (state.FindRelationship(put.TwinId, put.RelationshipId) is { } old) Remember(state, old.TargetId);
                break;
            case DeleteRelationship delete when state.FindRelationship(delete.TwinId, delete.RelationshipId) is { } gone:
                Remember(state, gone.TargetId);
                break;
            case DeleteTwin delete when state.TryLocate(delete.TwinId, out var table, out var row):
                foreach (var relationship in table.OutgoingOf(row)) Remember(state, relationship.TargetId);
                foreach (var link in table.IncomingOf(row)) Remember(state, link.SourceId);
                break;
            default: break;
        }
    }

    /// <summary>Puts every pictured twin back and forgets the pictures.</summary>
    public void Restore(ShardState state)
    {
        foreach (var (twinId, image) in _images) state.Restore(twinId, image);
        _images.Clear();
    }

    private void Remember(ShardState state, string twinId)
    {
        if (!_images.ContainsKey(twinId)) _images.Add(twinId, state.TryLocate(twinId, out var table, out var row) ? TwinImage.Of(table, row) : null);
    }
}

/// <summary>All that the state holds of one twin.</summary>
internal sealed record TwinImage(
    InterfaceDefinition Model, long Version, WallTime UpdateTime, (int Ordinal, PropertyValue Value, WallTime SourceTime, WallTime UpdateTime)[] Values, Relationship[] Outgoing, IncomingLink[] Incoming)
{
    public static TwinImage Of(ModelTable table, int row)
    {
        var values = new List<(int, PropertyValue, WallTime, WallTime)>();
        for (var ordinal = 0; ordinal < table.Columns.Length; ordinal++)
            if (table.Column(ordinal) is var column && column.TryGet(row, out var value)) values.Add((ordinal, value, column.SourceTimeOf(row), column.UpdateTimeOf(row)));
        return new TwinImage(table.Model, table.VersionOf(row), table.UpdateTimeOf(row), [.. values], [.. table.OutgoingOf(row)], [.. table.IncomingOf(row)]);
    }
}
