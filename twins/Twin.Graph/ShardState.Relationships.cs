namespace Twin.Graph;

/// <content>Relationships: owned by the source; the target's shard holds a link back.</content>
public sealed partial class ShardState
{
    private bool TryPutRelationship(PutRelationship command, in Plan plan, out CommandResult result)
    {
        if (!IsId(command.RelationshipId)) return Refusals.Invalid("IdInvalid", IdRule(command.RelationshipId), "$relationshipId", out result);
        if (!IsId(command.TargetId)) return Refusals.Invalid("IdInvalid", IdRule(command.TargetId), "$targetId", out result);
        if (!TryLocate(command.TwinId, out var table, out var row)) return Refusals.NoTwin(command.TwinId, out result);
        var old = table.OutgoingOf(row).Find(Relationship.Key(command.RelationshipId));
        if (old is not null && command.OnlyIfAbsent) return Refusals.Exists("RelationshipAlreadyExists", $"relationship '{old.Id}'", old.Version, out result);
        if (!Matches(command, old?.Version ?? 0, $"relationship '{command.RelationshipId}'", out result)) return false;
        if (!table.Model.Relationships.TryGetValue(command.Name, out var definition))
            return Refusals.Invalid("RelationshipNotInModel", $"Model '{table.Model.Id}' has no relationship '{command.Name}'.", "$relationshipName", out result);
        if (!HasRoom(table, row, definition, old, out result)) return false;
        if (!TryConvert(definition, command.Values, out var properties, out result)) return false;
        if (Owns(command.TargetId) && !TargetFits(command.TargetId, definition.Target, out result)) return false;
        var moves = old is not null && old.TargetId != command.TargetId;
        if (moves && Owns(old!.TargetId) && IsReserved(old.TargetId, out result)) return false;

        var source = table.IdOf(row);
        if (moves && Owns(old!.TargetId)) Commit(plan, ChangeKind.IncomingUnlinked, old.TargetId, "", old.Id, PropertyValue.From(source));
        Commit(plan, ChangeKind.RelationshipChanged, source, table.Model.Id, command.RelationshipId, RelationshipJson.Write(source, command.RelationshipId, definition.Name, command.TargetId, properties));
        var version = LastSequence;
        if (Owns(command.TargetId) && (old is null || moves || old.Name != definition.Name))
            Commit(plan, ChangeKind.IncomingLinked, command.TargetId, "", command.RelationshipId, RelationshipJson.WriteLink(source, definition.Name));
        result = new CommandResult(old is null ? TwinStatus.Created : TwinStatus.Ok, version);
        return true;
    }

    private static bool HasRoom(ModelTable table, int row, RelationshipDefinition definition, Relationship? replaced, out CommandResult result)
    {
        result = default;
        if (definition.MaxMultiplicity is not { } most || replaced?.Name == definition.Name) return true;
        var count = 0;
        foreach (var relationship in table.OutgoingOf(row))
            if (relationship.Name == definition.Name) count++;
        return count < most
            || Refusals.Give(TwinStatus.Conflict, "RelationshipMultiplicityReached", $"Twin '{table.IdOf(row)}' has {count} '{definition.Name}' relationships; its model allows at most {most}.", "$relationshipName", out result);
    }

    private static bool TryConvert(RelationshipDefinition definition, Assignment[] values, out Assignment[] properties, out CommandResult result)
    {
        properties = values.Length == 0 ? [] : new Assignment[values.Length];
        result = default;
        for (var i = 0; i < values.Length; i++)
        {
            var (path, value) = values[i];
            if (!definition.Properties.TryGetValue(path, out var schema))
                return Refusals.Invalid("PropertyNotInModel", $"Relationship '{definition.Name}' has no property '{path}'.", path, out result);
            for (var before = 0; before < i; before++)
                if (properties[before].Path == path) return Refusals.Invalid("PropertyInvalid", $"Property '{path}' is given twice.", path, out result);
            if (!SchemaValidation.TryConvert(schema, value, out var stored, out var error)) return Refusals.Invalid("PropertyInvalid", error!, path, out result);
            properties[i] = new Assignment(path, stored);
        }
        return true;
    }

    private bool TargetFits(string targetId, string? targetModel, out CommandResult result)
    {
        if (!TryLocate(targetId, out var table, out _))
            return Refusals.Give(TwinStatus.NotFound, "TargetNotFound", $"There is no twin '{targetId}' to lead to.", "$targetId", out result);
        if (IsReserved(targetId, out result)) return false;
        return targetModel is null || table.Model.Bases.Contains(targetModel)
            || Refusals.Invalid("TargetModelMismatch", $"Target '{targetId}' is of model '{table.Model.Id}', which is not and does not extend '{targetModel}'.", "$targetId", out result);
    }

    private bool TryPatchRelationship(PatchRelationship command, in Plan plan, out CommandResult result)
    {
        if (!TryLocate(command.TwinId, out var table, out var row)) return Refusals.NoTwin(command.TwinId, out result);
        if (table.OutgoingOf(row).Find(Relationship.Key(command.RelationshipId)) is not { } old) return Refusals.NoRelationship(command.TwinId, command.RelationshipId, out result);
        if (!Matches(command, old.Version, $"relationship '{old.Id}'", out result)) return false;
        if (!TryEdit(table.Model.Relationships[old.Name], old, command.Operations, out var properties, out var isChanged, out result)) return false;
        if (isChanged)
            Commit(plan, ChangeKind.RelationshipChanged, table.IdOf(row), table.Model.Id, old.Id, RelationshipJson.Write(table.IdOf(row), old.Id, old.Name, old.TargetId, properties));
        result = new CommandResult(TwinStatus.Ok, isChanged ? LastSequence : old.Version);
        return true;
    }

    private static bool TryEdit(RelationshipDefinition definition, Relationship old, PatchOperation[] operations, out Assignment[] properties, out bool isChanged, out CommandResult result)
    {
        var values = old.Properties.ToDictionary(p => p.Path, p => p.Value, StringComparer.Ordinal);
        properties = [];
        isChanged = false;
        result = default;
        foreach (var operation in operations)
        {
            var path = operation.Path.TrimStart('/');
            var slash = path.IndexOf('/');
            var name = slash < 0 ? path : path[..slash];
            if (!definition.Properties.TryGetValue(name, out var schema))
                return Refusals.Invalid("PropertyNotInModel", $"Relationship '{definition.Name}' has no property '{name}'.", operation.Path, out result);
            if (!PropertyEdit.TryApply(schema, values.GetValueOrDefault(name), slash < 0 ? default : path.AsSpan(slash + 1), operation, out var next, out result)) return false;
            if (operation.Verb == PatchVerb.Test) continue;
            isChanged = true;
            if (next.Kind == ValueKind.None) values.Remove(name);
            else values[name] = next;
        }
        properties = [.. values.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => new Assignment(v.Key, v.Value))];
        return true;
    }

    private bool TryDeleteRelationship(DeleteRelationship command, in Plan plan, out CommandResult result)
    {
        if (!TryLocate(command.TwinId, out var table, out var row)) return Refusals.NoTwin(command.TwinId, out result);
        if (table.OutgoingOf(row).Find(Relationship.Key(command.RelationshipId)) is not { } old) return Refusals.NoRelationship(command.TwinId, command.RelationshipId, out result);
        if (!Matches(command, old.Version, $"relationship '{old.Id}'", out result)) return false;
        if (Owns(old.TargetId) && IsReserved(old.TargetId, out result)) return false;
        CommitUnrelate(table, row, old, plan);
        result = new CommandResult(TwinStatus.Ok, 0);
        return true;
    }

    private void CommitUnrelate(ModelTable table, int row, Relationship relationship, in Plan plan)
    {
        var source = table.IdOf(row);
        Commit(plan, ChangeKind.RelationshipDeleted, source, table.Model.Id, relationship.Id, default);
        if (HasLink(relationship.TargetId, source, relationship.Id))
            Commit(plan, ChangeKind.IncomingUnlinked, relationship.TargetId, "", relationship.Id, PropertyValue.From(source));
    }

    private bool HasLink(string targetId, string sourceId, string relationshipId) =>
        TryLocate(targetId, out var table, out var row) && table.IncomingOf(row).Find(IncomingLink.Key(sourceId, relationshipId)) is not null;

    private bool TryLinkIncoming(LinkIncoming command, in Plan plan, out CommandResult result)
    {
        if (!IsId(command.SourceId)) return Refusals.Invalid("IdInvalid", IdRule(command.SourceId), "$sourceId", out result);
        if (!IsId(command.RelationshipId)) return Refusals.Invalid("IdInvalid", IdRule(command.RelationshipId), "$relationshipId", out result);
        if (!TargetFits(command.TwinId, command.TargetModel, out result)) return false;
        TryLocate(command.TwinId, out var table, out var row);
        var old = table!.IncomingOf(row).Find(IncomingLink.Key(command.SourceId, command.RelationshipId));
        if (old is null || old.Name != command.Name)
            Commit(plan, ChangeKind.IncomingLinked, table.IdOf(row), "", command.RelationshipId, RelationshipJson.WriteLink(command.SourceId, command.Name));
        result = new CommandResult(old is null ? TwinStatus.Created : TwinStatus.Ok, table.VersionOf(row));
        return true;
    }

    /// <summary>Idempotent: a link, or a whole twin, that is gone already is as asked.</summary>
    private bool TryUnlinkIncoming(UnlinkIncoming command, in Plan plan, out CommandResult result)
    {
        if (HasLink(command.TwinId, command.SourceId, command.RelationshipId))
            Commit(plan, ChangeKind.IncomingUnlinked, command.TwinId, "", command.RelationshipId, PropertyValue.From(command.SourceId));
        result = new CommandResult(TwinStatus.Ok, 0);
        return true;
    }

    private bool TryDeleteTwin(DeleteTwin command, in Plan plan, out CommandResult result)
    {
        if (!TryLocate(command.TwinId, out var table, out var row)) return Refusals.NoTwin(command.TwinId, out result);
        if (!Matches(command, table.VersionOf(row), "the twin", out result)) return false;
        int outgoing = table.OutgoingOf(row).Count, incoming = table.IncomingOf(row).Count;
        if (outgoing + incoming > 0 && !command.Cascade)
            return Refusals.Give(TwinStatus.Conflict, "RelationshipsNotDeleted", $"Twin '{command.TwinId}' still has {outgoing} outgoing and {incoming} incoming relationships; delete them first or ask for cascade.", null, out result, table.VersionOf(row));
        if (2L * ((long)outgoing + incoming) >= MaxChangesPerCommand)
            return Refusals.Give(TwinStatus.TooMuch, "CascadeTooLarge", $"Twin '{command.TwinId}' has {outgoing + incoming} relationships; one command may make at most {MaxChangesPerCommand} changes. Delete relationships first.", null, out result);
        if (IsAnyNeighbourReserved(table, row, out result)) return false;
        CommitDelete(table, row, plan);
        result = new CommandResult(TwinStatus.Ok, 0);
        return true;
    }

    private bool IsAnyNeighbourReserved(ModelTable table, int row, out CommandResult result)
    {
        result = default;
        if (_reserved.Count == 0) return false;
        foreach (var relationship in table.OutgoingOf(row))
            if (IsReserved(relationship.TargetId, out result)) return true;
        foreach (var link in table.IncomingOf(row))
            if (IsReserved(link.SourceId, out result)) return true;
        return false;
    }

    private void CommitDelete(ModelTable table, int row, in Plan plan)
    {
        var twinId = table.IdOf(row);
        foreach (var relationship in table.OutgoingOf(row).ToArray()) CommitUnrelate(table, row, relationship, plan);
        foreach (var link in table.IncomingOf(row).ToArray())
        {
            if (TryLocate(link.SourceId, out var source, out var sourceRow) && source.OutgoingOf(sourceRow).Find(Relationship.Key(link.RelationshipId)) is { } relationship && relationship.TargetId == twinId)
                CommitUnrelate(source, sourceRow, relationship, plan);
            else Commit(plan, ChangeKind.IncomingUnlinked, twinId, "", link.RelationshipId, PropertyValue.From(link.SourceId));
        }
        Commit(plan, ChangeKind.TwinDeleted, twinId, table.Model.Id, "", default);
    }

    /// <summary>A twin's relationships and the ones that lead to it from here must be allowed by its new model.</summary>
    private bool LinksFit(ModelTable table, int row, InterfaceDefinition model, out CommandResult result)
    {
        result = default;
        if (model.Id == table.Model.Id) return true;
        foreach (var relationship in table.OutgoingOf(row))
        {
            if (!model.Relationships.TryGetValue(relationship.Name, out var definition))
                return Refusals.Invalid("MigrationRefused", $"Model '{model.Id}' has no relationship '{relationship.Name}', which the twin has.", relationship.Id, out result);
            if (!TryConvert(definition, relationship.Properties, out var properties, out _) || !properties.AsSpan().SequenceEqual(relationship.Properties))
                return Refusals.Invalid("MigrationRefused", $"Model '{model.Id}' does not take the properties of relationship '{relationship.Id}'.", relationship.Id, out result);
        }
        foreach (var link in table.IncomingOf(row))
            if (TryLocate(link.SourceId, out var source, out _) && source.Model.Relationships.TryGetValue(link.Name, out var asked)
                && asked.Target is { } target && !model.Bases.Contains(target))
                return Refusals.Invalid("MigrationRefused", $"Relationship '{link.RelationshipId}' from '{link.SourceId}' needs a target of model '{target}'.", link.RelationshipId, out result);
        return true;
    }
}
