namespace Twin.Graph;

/// <summary>
/// Decides whether a subject's command may run, before it runs. Deleting or replacing a twin needs <c>write</c> on everything of it; a
/// patch needs it on each path it names, and <c>read</c> where its outcome would tell something (test, replace, remove). What a subject may
/// neither read nor write does not exist for it. Same thread as the state.
/// </summary>
public static class CommandGuard
{
    /// <summary>False with Forbidden (code <c>NotAllowed</c>, naming permission and resource) or NotFound. On true <paramref name="command"/> may have its precondition taken out, already checked.</summary>
    public static bool TryAllow(ShardState state, SubjectRules rules, ref TwinCommand command, out CommandResult refusal)
    {
        refusal = default;
        var exists = state.TryLocate(command.TwinId, out var table, out var row);
        if (rules.WritesAllTwins && rules.ReadsAllTwins) return true;
        if (!exists && command is not PutTwin) return true; // it is told that there is none
        var view = exists ? rules.ViewsOf(table!.Model).ViewOf(command.TwinId) : null;
        var isAllowed = command switch
        {
            PutTwin put => MayPut(state, rules, put, view, out refusal),
            PatchTwin patch => MayPatch(state, rules, patch, table!.Model, view!, out refusal),
            DeleteTwin => view!.MayWriteAll || Refuse(command, Permissions.Write, FirstUnwritable(view, table!.Model), out refusal),
            PutRelationship put => MayPutRelationship(state, rules, put, view!, out refusal),
            PatchRelationship patch => MayPatchRelationship(patch, table!.OutgoingOf(row).Find(Relationship.Key(patch.RelationshipId)), view!, out refusal),
            DeleteRelationship delete => MayDeleteRelationship(delete, table!.OutgoingOf(row).Find(Relationship.Key(delete.RelationshipId)), view!, out refusal),
            LinkIncoming => view!.Exists || Refusals.NoTwin(command.TwinId, out refusal),
            PublishTelemetry telemetry => view!.Decide(Permissions.Write, telemetry.Component).IsAllowed || Refuse(command, Permissions.Write, telemetry.Component, out refusal),
            _ => Refuse(command, Permissions.Write, "", out refusal),
        };
        if (!isAllowed)
        {
            // Of a twin that does not exist for the subject nothing is told, not even a refusal.
            if (view is { Exists: false } && refusal.Status == TwinStatus.Forbidden && command is not PutTwin) Refusals.NoTwin(command.TwinId, out refusal);
            return false;
        }

        return !exists || !view!.HidesAny || MeetsPrecondition(ref command, table!, row, view, out refusal);
    }

    /// <summary>The result as the subject may see it: its version is that of what it sees.</summary>
    public static CommandResult Show(ShardState state, SubjectRules rules, TwinCommand command, CommandResult result)
    {
        if (!result.IsDone || rules.ReadsAllTwins || !state.TryLocate(command.TwinId, out var table, out var row)) return result;
        var view = rules.ViewsOf(table.Model).ViewOf(command.TwinId);
        var relationshipId = RelationshipOf(command);
        if (relationshipId is null) return result with { Version = VisibleVersion.Of(table, row, view) };
        return table.OutgoingOf(row).Find(Relationship.Key(relationshipId)) is { } link ? result with { Version = VisibleVersion.Of(link, view) } : result;
    }

    private static bool MeetsPrecondition(ref TwinCommand command, ModelTable table, int row, TwinView view, out CommandResult refusal)
    {
        refusal = default;
        if (command.IfMatch is not { } seen || seen == 0) return true;
        var version = VisibleVersion.Of(table, row, view);
        if (RelationshipOf(command) is { } id)
        {
            if (table.OutgoingOf(row).Find(Relationship.Key(id)) is not { } link || !view.ShowsRelationship(link.Name)) return true;
            version = VisibleVersion.Of(link, view);
        }

        if (seen != version) return Refusals.Stale(seen, version, "it", out refusal);
        command = command with { IfMatch = null };
        return true;
    }

    private static string? RelationshipOf(TwinCommand command) => command switch
    {
        PutRelationship put => put.RelationshipId,
        PatchRelationship patch => patch.RelationshipId,
        DeleteRelationship delete => delete.RelationshipId,
        _ => null,
    };

    private static bool MayPut(ShardState state, SubjectRules rules, PutTwin put, TwinView? present, out CommandResult refusal)
    {
        refusal = default;
        if (present is { MayWriteAll: false }) return Refuse(put, Permissions.Write, "", out refusal);
        if (present is not null && put.OnlyIfAbsent && !present.Exists) return Refuse(put, Permissions.Write, "", out refusal);
        if (state.Models.Find(put.ModelId) is not { } model) return rules.WritesAllTwins || Refuse(put, Permissions.Write, "", out refusal);
        var view = rules.ViewsOf(model).ViewOf(put.TwinId);
        if (present is not null) return view.MayWriteAll || Refuse(put, Permissions.Write, "", out refusal);
        if (!view.Decide(Permissions.Write, "").IsAllowed) return Refuse(put, Permissions.Write, "", out refusal);
        foreach (ref readonly var value in put.Values.AsSpan())
            if (!view.MayAll(Permissions.Write, Plain(value.Path))) return Refuse(put, Permissions.Write, Plain(value.Path), out refusal);
        return true;
    }

    private static bool MayPatch(ShardState state, SubjectRules rules, PatchTwin patch, InterfaceDefinition model, TwinView view, out CommandResult refusal)
    {
        refusal = default;
        foreach (ref readonly var operation in patch.Operations.AsSpan())
        {
            var path = Plain(operation.Path);
            if (path == ShardState.ModelPath)
            {
                var isTest = operation.Verb == PatchVerb.Test;
                var next = operation.Value.AsText is { } id && state.Models.Find(id) is { } found ? rules.ViewsOf(found).ViewOf(patch.TwinId) : null;
                if (isTest ? !view.Exists : !view.MayWriteAll || view.HidesAny || next is { MayWriteAll: false }) return Refuse(patch, isTest ? Permissions.Read : Permissions.Write, path, out refusal);
                continue;
            }

            if (operation.Verb != PatchVerb.Test && !view.MayAll(Permissions.Write, path)) return Refuse(patch, Permissions.Write, path, out refusal);
            if (operation.Verb != PatchVerb.Add && !Reads(view, model, path)) return Refuse(patch, Permissions.Read, path, out refusal);
        }

        return true;
    }

    // The property that a path is in, or every one below it, is shown.
    private static bool Reads(TwinView view, InterfaceDefinition model, string path)
    {
        if (!view.MayAll(Permissions.Read, path)) return false;
        for (var end = path.Length; end > 0; end = path.LastIndexOf('/', end - 1))
            if (model.FindProperty(path.AsSpan(0, end)) is { } property) return !view.Hides(property.Ordinal);
        return true;
    }

    private static bool MayPutRelationship(ShardState state, SubjectRules rules, PutRelationship put, TwinView view, out CommandResult refusal)
    {
        refusal = default;
        var path = $"{PolicyResource.Relationships}/{put.Name}";
        if (!view.MayAll(Permissions.Write, path)) return Refuse(put, Permissions.Write, path, out refusal);
        if (state.TryLocate(put.TwinId, out var source, out var row) && source.OutgoingOf(row).Find(Relationship.Key(put.RelationshipId)) is { } old && !view.MayAll(Permissions.Write, $"{PolicyResource.Relationships}/{old.Name}"))
            return Refuse(put, Permissions.Write, $"{PolicyResource.Relationships}", out refusal);
        if (!state.TryLocate(put.TargetId, out var table, out _) || rules.ViewsOf(table.Model).ViewOf(put.TargetId).Exists) return true;
        return Refusals.NoTwin(put.TargetId, out refusal);
    }

    private static bool MayPatchRelationship(PatchRelationship patch, Relationship? present, TwinView view, out CommandResult refusal)
    {
        refusal = default;
        if (present is null) return true;
        if (!view.ShowsRelationship(present.Name)) return Refusals.NoRelationship(patch.TwinId, patch.RelationshipId, out refusal);
        foreach (ref readonly var operation in patch.Operations.AsSpan())
        {
            var path = $"{PolicyResource.Relationships}/{present.Name}/{Plain(operation.Path)}";
            if (operation.Verb != PatchVerb.Test && !view.MayAll(Permissions.Write, path)) return Refuse(patch, Permissions.Write, path, out refusal);
            if (operation.Verb != PatchVerb.Add && !view.MayAll(Permissions.Read, path)) return Refuse(patch, Permissions.Read, path, out refusal);
        }

        return true;
    }

    private static bool MayDeleteRelationship(DeleteRelationship delete, Relationship? present, TwinView view, out CommandResult refusal)
    {
        refusal = default;
        if (present is null) return true;
        var path = $"{PolicyResource.Relationships}/{present.Name}";
        if (view.MayAll(Permissions.Write, path)) return true;
        return view.ShowsRelationship(present.Name) ? Refuse(delete, Permissions.Write, path, out refusal) : Refusals.NoRelationship(delete.TwinId, delete.RelationshipId, out refusal);
    }

    private static string FirstUnwritable(TwinView view, InterfaceDefinition model) =>
        model.Properties.FirstOrDefault(p => view.Decide(Permissions.Read, p.Path).IsAllowed && !view.MayAll(Permissions.Write, p.Path))?.Path ?? "";

    private static string Plain(string path) => path.TrimStart('/');

    private static bool Refuse(TwinCommand command, Permissions permission, string path, out CommandResult refusal)
    {
        var resource = path.Length == 0 ? $"twin:{command.TwinId}" : $"twin:{command.TwinId}/{path}";
        return Refusals.Give(TwinStatus.Forbidden, "NotAllowed", $"This needs the permission '{permission.ToText()}' on {resource}.", resource, out refusal);
    }
}
