namespace Twin.Graph;

/// <content>Taking back what commands of a refused batch did.</content>
public sealed partial class ShardState
{
    private readonly UndoLog _undo = new();

    /// <summary>Takes back everything recorded, newest first, and stops recording.</summary>
    private void RollBack(long lastSequence)
    {
        for (var i = _undo.Entries.Count - 1; i >= 0; i--) TakeBack(_undo.Entries[i]);
        _undo.Stop();
        LastSequence = lastSequence;
    }

    private void TakeBack(UndoLog.Entry entry)
    {
        var change = entry.Change;
        if (change.Kind == ChangeKind.TwinDeleted)
        {
            var (revived, newRow) = AddTwin(change.TwinId, entry.Image!.Model, entry.Version, entry.UpdateTime);
            entry.Image.Fill(revived, newRow);
            return;
        }
        if (!TryLocate(change.TwinId, out var table, out var row)) return; // telemetry of a twin that is gone again
        switch (change.Kind)
        {
            case ChangeKind.TwinCreated: RemoveTwin(table, row); break;
            case ChangeKind.PropertyChanged when change.Path == ModelPath: TakeBackModel(table, row, entry); break;
            case ChangeKind.PropertyChanged or ChangeKind.PropertyRemoved: TakeBackProperty(table, row, entry); break;
            case ChangeKind.RelationshipChanged or ChangeKind.RelationshipDeleted:
                RelationshipCount += Put(table.OutgoingForWrite(row), Relationship.Key(change.Path), entry.Relationship);
                break;
            case ChangeKind.IncomingLinked or ChangeKind.IncomingUnlinked:
                IncomingCount += Put(table.IncomingForWrite(row), UndoLog.KeyOf(change), entry.Link);
                break;
            default: break;
        }
        if (change.Kind != ChangeKind.TwinCreated && TryLocate(change.TwinId, out table, out row)) table.DropEmptyLinks(row);
    }

    private static void TakeBackProperty(ModelTable table, int row, UndoLog.Entry entry)
    {
        var column = table.Column(table.Model.FindProperty(entry.Change.Path)!.Ordinal);
        if (entry.Value.Kind == ValueKind.None) column.Clear(row);
        else column.Set(row, entry.Value, entry.SourceTime, entry.ValueTime, table.Capacity);
        table.Touch(row, entry.Version, entry.UpdateTime);
    }

    private void TakeBackModel(ModelTable table, int row, UndoLog.Entry entry)
    {
        if (entry.Image!.Model.Id != table.Model.Id)
        {
            var (old, oldRow) = MoveRow(table, row, entry.Image.Model);
            entry.Image.Fill(old, oldRow);
            table.Remove(row);
            (table, row) = (old, oldRow);
        }
        table.Touch(row, entry.Version, entry.UpdateTime);
    }

    /// <summary>Gives a twin a row in another model's table, with its links but without values; the old row stays to be read and removed.</summary>
    private (ModelTable Table, int Row) MoveRow(ModelTable from, int row, InterfaceDefinition model)
    {
        var to = TableOf(model);
        var id = from.IdOf(row);
        var newRow = to.Add(id);
        from.MoveLinksTo(row, to, newRow);
        _index.Move(id, from.Number, row, to.Number, newRow);
        return (to, newRow);
    }

    /// <summary>Puts the old link back, or removes the one that was not there; returns by how many the set grew.</summary>
    private static int Put<T>(LinkSet<T> links, T key, T? old) where T : class, ILink<T>
    {
        var before = links.Count;
        if (old is null) links.Remove(key);
        else links.Put(old);
        return links.Count - before;
    }
}
