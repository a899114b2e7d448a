namespace Twin.Graph;

/// <content>Changes become state; the only place that writes twins and relationships, for commands and recovery alike.</content>
public sealed partial class ShardState
{
    /// <summary>Path of the change that tells a twin's new model.</summary>
    public const string ModelPath = "$metadata/$model";

    /// <summary>
    /// Starts an epoch (at recovery, before anything else): its first change. <paramref name="epoch"/> must be above every earlier
    /// one. The change's value is the last sequence kept before it, by which a position from a lost tail is recognised.
    /// </summary>
    public void StartEpoch(long epoch, WallTime now, ChangeBuffer changes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(epoch, FeedSequence.EpochOf(LastSequence));
        var kept = PropertyValue.From(LastSequence);
        LastSequence = FeedSequence.StartOf(epoch);
        changes.Add(new Change(++LastSequence, ChangeKind.EpochStarted, "", "", "", kept, now, now));
    }

    /// <summary>
    /// Recovery: applies one decoded change. Changes at or before <see cref="LastSequence"/> are already in the state (a snapshot
    /// held them) and are skipped: false.
    /// </summary>
    /// <exception cref="InvalidDataException">A change is missing before this one, or it does not fit the state or the models.</exception>
    public bool Apply(in Change change)
    {
        if (change.Sequence <= LastSequence) return false;
        var startsEpoch = change.Kind == ChangeKind.EpochStarted && change.Sequence == FeedSequence.StartOf(FeedSequence.EpochOf(change.Sequence)) + 1;
        if (!startsEpoch && change.Sequence != LastSequence + 1)
            throw new InvalidDataException($"Change {change.Sequence:x} follows {LastSequence:x}: the journal has a gap before it.");
        if (startsEpoch && change.Value.AsInteger != LastSequence)
            throw new InvalidDataException($"Epoch {FeedSequence.EpochOf(change.Sequence)} began after {change.Value.AsInteger:x}, but {LastSequence:x} is the last change found: the journal has a gap before it.");
        ApplyNext(change);
        return true;
    }

    private void ApplyNext(in Change change)
    {
        if (_undo.IsRecording) _undo.Record(this, change);
        LastSequence = change.Sequence;
        switch (change.Kind)
        {
            case ChangeKind.TwinCreated: ApplyCreated(change); break;
            case ChangeKind.TwinDeleted: ApplyDeleted(change); break;
            case ChangeKind.PropertyChanged when change.Path == ModelPath: ApplyModel(change); break;
            case ChangeKind.PropertyChanged: ApplyProperty(change); break;
            case ChangeKind.PropertyRemoved: ApplyProperty(change); break;
            case ChangeKind.RelationshipChanged: ApplyRelationship(change); break;
            case ChangeKind.RelationshipDeleted: ApplyRelationshipDeleted(change); break;
            case ChangeKind.IncomingLinked: ApplyLinked(change); break;
            case ChangeKind.IncomingUnlinked: ApplyUnlinked(change); break;
            case ChangeKind.TransactionPrepared: Promise(change); break;
            case ChangeKind.TransactionDecided: ApplyDecided(change); break;
            case ChangeKind.SampleHistorical or ChangeKind.Telemetry or ChangeKind.EpochStarted: break;
            default: throw new InvalidDataException($"Change {change.Sequence:x} is of unknown kind {(byte)change.Kind}.");
        }
    }

    private void ApplyCreated(in Change change)
    {
        if (TryLocate(change.TwinId, out _, out _)) throw Misfit(change, "the twin exists already");
        var model = FindModel(change.ModelId) ?? throw Misfit(change, $"model '{change.ModelId}' is not known");
        AddTwin(change.TwinId, model, change.Sequence, change.CommitTime);
    }

    private (ModelTable Table, int Row) AddTwin(string twinId, InterfaceDefinition model, long version, WallTime updateTime)
    {
        var table = TableOf(model);
        var row = table.Add(twinId);
        table.Touch(row, version, updateTime);
        _index.Add(twinId, table.Number, row);
        return (table, row);
    }

    private void ApplyDeleted(in Change change)
    {
        var (table, row) = Locate(change);
        RemoveTwin(table, row);
    }

    private void RemoveTwin(ModelTable table, int row)
    {
        RelationshipCount -= table.OutgoingOf(row).Count;
        IncomingCount -= table.IncomingOf(row).Count;
        _index.Remove(table.IdOf(row));
        table.Remove(row);
    }

    private void ApplyProperty(in Change change)
    {
        var (table, row) = Locate(change);
        var property = table.Model.FindProperty(change.Path) ?? throw Misfit(change, $"model '{table.Model.Id}' has no such property");
        var column = table.Column(property.Ordinal);
        if (change.Kind == ChangeKind.PropertyRemoved) column.Clear(row);
        else if (change.Value.Kind == column.Storage) column.Set(row, change.Value, change.SourceTime, change.CommitTime, table.Capacity);
        else throw Misfit(change, $"a value of kind {change.Value.Kind} does not fit {column.Storage}");
        table.Touch(row, change.Sequence, change.CommitTime);
    }

    /// <summary>Migration: values whose paths the new model also has and accepts go along, others stay behind (the command removed them before).</summary>
    private void ApplyModel(in Change change)
    {
        var (from, row) = Locate(change);
        var model = FindModel(change.Value.AsText ?? "") ?? throw Misfit(change, $"model '{change.Value}' is not known");
        if (model.Id != from.Model.Id)
        {
            var (to, newRow) = MoveRow(from, row, model);
            foreach (var property in model.Properties)
            {
                if (from.Model.FindProperty(property.Path) is not { } old || !from.TryGet(row, old.Ordinal, out var value)) continue;
                var column = from.Column(old.Ordinal);
                if (SchemaValidation.TryConvert(property.Schema, value, out var stored, out _))
                    to.Column(property.Ordinal).Set(newRow, stored, column.SourceTimeOf(row), column.UpdateTimeOf(row), to.Capacity);
            }
            from.Remove(row);
            (from, row) = (to, newRow);
        }
        from.Touch(row, change.Sequence, change.CommitTime);
    }

    private void ApplyRelationship(in Change change)
    {
        var (table, row) = Locate(change);
        if (!RelationshipJson.TryRead(table.Model, change, out var relationship)) throw Misfit(change, "its value is not a relationship of the twin's model");
        var links = table.OutgoingForWrite(row);
        RelationshipCount -= links.Count;
        links.Put(relationship);
        RelationshipCount += links.Count;
    }

    private void ApplyRelationshipDeleted(in Change change)
    {
        var (table, row) = Locate(change);
        if (!table.OutgoingForWrite(row).Remove(Relationship.Key(change.Path))) throw Misfit(change, "there is no such relationship");
        table.DropEmptyLinks(row);
        RelationshipCount--;
    }

    private void ApplyLinked(in Change change)
    {
        var (table, row) = Locate(change);
        if (!RelationshipJson.TryReadLink(change, out var link)) throw Misfit(change, "its value is not an incoming link");
        var links = table.IncomingForWrite(row);
        IncomingCount -= links.Count;
        links.Put(link);
        IncomingCount += links.Count;
    }

    private void ApplyUnlinked(in Change change)
    {
        var (table, row) = Locate(change);
        if (!table.IncomingForWrite(row).Remove(IncomingLink.Key(change.Value.AsText ?? "", change.Path))) throw Misfit(change, "there is no such link");
        table.DropEmptyLinks(row);
        IncomingCount--;
    }

    private (ModelTable Table, int Row) Locate(in Change change) =>
        TryLocate(change.TwinId, out var table, out var row) ? (table, row) : throw Misfit(change, "there is no such twin");

    private static InvalidDataException Misfit(in Change change, string why) =>
        new($"Change {change.Sequence:x} ({change.Kind} of '{change.TwinId}', path '{change.Path}') does not fit the state: {why}.");
}
