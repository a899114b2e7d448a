namespace Twin.Graph;

/// <content>Commands: checked in full, then told as changes and applied; a refused command leaves neither.</content>
public sealed partial class ShardState
{
    private readonly PropertyDraft _draft = new();
    private readonly List<string> _leftBehind = [];

    /// <summary>
    /// Runs one command, all or nothing: on success its changes are added to <paramref name="changes"/> with the next sequences
    /// and the state has them; otherwise neither. Expected refusals are results; see the room's README for their codes.
    /// </summary>
    /// <param name="command">The command; its twin must be owned here.</param>
    /// <param name="now">The owner's clock; must be known.</param>
    /// <param name="changes">Receives the changes.</param>
    public CommandResult Execute(TwinCommand command, WallTime now, ChangeBuffer changes)
    {
        if (!now.IsKnown) throw new ArgumentOutOfRangeException(nameof(now), now, "The owner's clock must be known.");
        var mark = changes.Count;
        if (TryPlan(command, now, changes, out var result)) return result;
        changes.Truncate(mark);
        return result;
    }

    private bool TryPlan(TwinCommand command, WallTime now, ChangeBuffer changes, out CommandResult result)
    {
        if (command.TwinId.Length == 0 || (command is PutTwin && !IsId(command.TwinId)))
            return Refusals.Invalid("IdInvalid", IdRule(command.TwinId), "$dtId", out result);
        if (command.SourceTime.IsKnown && command.SourceTime - now > MaxFutureSkew)
            return Refusals.Invalid("SourceTimeInFuture", $"Source time {command.SourceTime} is more than {MaxFutureSkew} after the owner's clock {now}.", null, out result);
        if (IsReserved(command.TwinId, out result)) return false;
        var context = new Plan(changes, now, command.SourceTime.IsKnown ? command.SourceTime : now);
        return command switch
        {
            PatchTwin patch => TryPatchTwin(patch, context, out result),
            PutTwin put => TryPutTwin(put, context, out result),
            DeleteTwin delete => TryDeleteTwin(delete, context, out result),
            PutRelationship put => TryPutRelationship(put, context, out result),
            PatchRelationship patch => TryPatchRelationship(patch, context, out result),
            DeleteRelationship delete => TryDeleteRelationship(delete, context, out result),
            LinkIncoming link => TryLinkIncoming(link, context, out result),
            UnlinkIncoming unlink => TryUnlinkIncoming(unlink, context, out result),
            PublishTelemetry telemetry => TryPublishTelemetry(telemetry, context, out result),
            _ => Refusals.Invalid("CommandUnknown", $"The shard does not take {command.GetType().Name}.", null, out result),
        };
    }

    private readonly record struct Plan(ChangeBuffer Changes, WallTime Now, WallTime SourceTime);

    /// <summary>Tells one change and applies it. Only after every check of the command has passed.</summary>
    private void Commit(in Plan plan, ChangeKind kind, string twinId, string modelId, string path, PropertyValue value)
    {
        var change = new Change(LastSequence + 1, kind, twinId, modelId, path, value, plan.SourceTime, plan.Now);
        plan.Changes.Add(change);
        ApplyNext(change);
    }

    private bool TryPatchTwin(PatchTwin command, in Plan plan, out CommandResult result)
    {
        if (!TryLocate(command.TwinId, out var table, out var row)) return Refusals.NoTwin(command.TwinId, out result);
        if (!Matches(command, table.VersionOf(row), "the twin", out result)) return false;
        foreach (ref readonly var operation in command.Operations.AsSpan())
            if (IsModelPath(operation.Path)) return TryMigrate(command, table, row, plan, out result);
        _draft.Begin(table.Model, table, row);
        foreach (ref readonly var operation in command.Operations.AsSpan())
            if (!_draft.TryApply(operation, out result)) return false;
        CommitDraft(table, row, plan);
        result = new CommandResult(TwinStatus.Ok, table.VersionOf(row));
        return true;
    }

    private void CommitDraft(ModelTable table, int row, in Plan plan)
    {
        var twinId = table.IdOf(row);
        foreach (ref readonly var slot in _draft.Slots)
        {
            if (slot.IsCarried) continue;
            var column = table.Column(slot.Ordinal);
            var isRemoved = slot.Value.Kind == ValueKind.None;
            if (isRemoved && !column.Has(row)) continue;
            var change = new Change(LastSequence + 1, isRemoved ? ChangeKind.PropertyRemoved : ChangeKind.PropertyChanged, twinId, table.Model.Id, column.Definition.Path, slot.Value, plan.SourceTime, plan.Now);
            if (_undo.IsRecording) _undo.Record(this, change);
            LastSequence++;
            plan.Changes.Add(change);
            if (isRemoved) column.Clear(row);
            else column.Set(row, slot.Value, plan.SourceTime, plan.Now, table.Capacity);
            table.Touch(row, LastSequence, plan.Now);
        }
    }

    private bool TryPutTwin(PutTwin command, in Plan plan, out CommandResult result)
    {
        var model = FindModel(command.ModelId);
        if (model is null) return Refusals.NoModel(command.ModelId, out result);
        var exists = TryLocate(command.TwinId, out var table, out var row);
        if (IsClosed(model.Id) && !(exists && table!.Model.Id == model.Id)) return Refusals.ClosedModel(model.Id, out result);
        if (exists && command.OnlyIfAbsent) return Refusals.Exists("DigitalTwinAlreadyExists", $"twin '{command.TwinId}'", table!.VersionOf(row), out result);
        if (!Matches(command, exists ? table!.VersionOf(row) : 0, $"twin '{command.TwinId}'", out result)) return false;
        _draft.Begin(model, null, 0);
        foreach (ref readonly var assignment in command.Values.AsSpan())
            if (!_draft.TryApply(new PatchOperation(PatchVerb.Add, assignment.Path, assignment.Value), out result)) return false;
        if (exists) return TryReplace(table!, row, model, tellModel: _draft.Slots.IsEmpty, plan, out result);
        Commit(plan, ChangeKind.TwinCreated, command.TwinId, model.Id, "", default);
        TryLocate(command.TwinId, out table, out row);
        CommitDraft(table!, row, plan);
        result = new CommandResult(TwinStatus.Created, table!.VersionOf(row));
        return true;
    }

    /// <summary>
    /// A replaced twin keeps its relationships. It is told as the values that go, the model (when it changes or the caller
    /// named it; so a replacement always has a new version), and the values that come.
    /// </summary>
    private bool TryReplace(ModelTable table, int row, InterfaceDefinition model, bool tellModel, in Plan plan, out CommandResult result)
    {
        if (!LinksFit(table, row, model, out result)) return false;
        var twinId = table.IdOf(row);
        foreach (var column in table.Columns)
            if (column.Has(row) && (model.FindProperty(column.Definition.Path) is not { } kept || _draft.Current(kept.Ordinal).Kind == ValueKind.None))
                Commit(plan, ChangeKind.PropertyRemoved, twinId, table.Model.Id, column.Definition.Path, default);
        if (tellModel || model.Id != table.Model.Id)
            Commit(plan, ChangeKind.PropertyChanged, twinId, model.Id, ModelPath, PropertyValue.From(model.Id));
        TryLocate(twinId, out var now, out row);
        CommitDraft(now!, row, plan);
        result = new CommandResult(TwinStatus.Ok, now!.VersionOf(row));
        return true;
    }

    /// <summary>A patch with <c>$metadata/$model</c>: the other operations speak of the new model, removals also of the old one, in any order.</summary>
    private bool TryMigrate(PatchTwin command, ModelTable table, int row, in Plan plan, out CommandResult result)
    {
        if (!TryFindNewModel(command, table, out var model, out var isAsked, out result)) return false;
        if (!LinksFit(table, row, model, out result)) return false;
        _draft.Begin(model, null, 0);
        _leftBehind.Clear();
        foreach (var column in table.Columns)
        {
            if (!column.TryGet(row, out var value)) continue;
            if (model.FindProperty(column.Definition.Path) is { } same && SchemaValidation.TryConvert(same.Schema, value, out var stored, out _)) _draft.Set(same.Ordinal, stored, isCarried: true);
            else _leftBehind.Add(column.Definition.Path);
        }
        foreach (ref readonly var operation in command.Operations.AsSpan())
        {
            if (IsModelPath(operation.Path)) continue;
            var path = operation.Path.TrimStart('/');
            if (operation.Verb == PatchVerb.Remove && _leftBehind.Remove(path)) continue;
            if (!_draft.TryApply(operation, out result)) return false;
            if (operation.Verb != PatchVerb.Test) _leftBehind.Remove(path);
        }
        if (_leftBehind.Count > 0)
            return Refusals.Invalid("MigrationRefused", $"Model '{model.Id}' does not take the present value of '{_leftBehind[0]}'; remove or replace it in the same patch.", _leftBehind[0], out result);
        return TryReplace(table, row, model, isAsked, plan, out result);
    }

    private bool TryFindNewModel(PatchTwin command, ModelTable table, out InterfaceDefinition model, out bool isAsked, out CommandResult result)
    {
        isAsked = false;
        model = table.Model;
        result = default;
        foreach (ref readonly var operation in command.Operations.AsSpan())
        {
            if (!IsModelPath(operation.Path)) continue;
            if (operation.Verb == PatchVerb.Remove || operation.Value.AsText is not { } id)
                return Refusals.Invalid("JsonPatchInvalid", "$metadata/$model takes replace, add and test with a model id.", operation.Path, out result);
            if (operation.Verb == PatchVerb.Test && id != model.Id) return Refusals.TestFailed(operation, PropertyValue.From(model.Id), out result);
            if (operation.Verb == PatchVerb.Test) continue;
            if (FindModel(id) is not { } found) return Refusals.NoModel(id, out result);
            if (found.Id != table.Model.Id && IsClosed(found.Id)) return Refusals.ClosedModel(found.Id, out result);
            model = found;
            isAsked = true;
        }
        return true;
    }

    private static bool IsModelPath(string path) => path.AsSpan().TrimStart('/').SequenceEqual(ModelPath);

    private bool TryPublishTelemetry(PublishTelemetry command, in Plan plan, out CommandResult result)
    {
        if (!TryLocate(command.TwinId, out var table, out var row)) return Refusals.NoTwin(command.TwinId, out result);
        if (!TelemetryMessage.TryRead(table.Model, command, out var values, out result)) return false;
        foreach (var value in values) Commit(plan, ChangeKind.Telemetry, table.IdOf(row), table.Model.Id, value.Path, value.Value);
        result = new CommandResult(TwinStatus.Ok, table.VersionOf(row));
        return true;
    }

    /// <summary>If-Match: null does not care, 0 wants it to exist, a version wants just that one.</summary>
    private static bool Matches(TwinCommand command, long version, string what, out CommandResult result)
    {
        result = default;
        if (command.IfMatch is not { } seen || (seen == 0 ? version != 0 : seen == version)) return true;
        return Refusals.Stale(seen, version, what, out result);
    }

    internal static bool IsId(string id)
    {
        if (id.Length is 0 or > MaxIdLength || SchemaValidation.TextProblem(id) is not null) return false;
        foreach (var unit in id)
            if (char.IsControl(unit) || char.IsWhiteSpace(unit) || unit is '/' or '\\' or '?' or '#' or '"') return false;
        return true;
    }

    private static string IdRule(string id) =>
        $"'{(id.Length > 160 ? id[..160] + "..." : id)}' is not an id: 1 to {MaxIdLength} characters, none of them a space, a control character or one of / \\ ? # \".";
}
