using System.Text.Json;

namespace Twin.Model.Policies;

/// <summary>The change feed as a subject may see it. Hot where nothing is cut: allocates only for relationships that are shown in part.</summary>
public static class ChangeView
{
    /// <summary>False when the subject must not learn of the change; else the change as it may be shown.</summary>
    /// <param name="rules">Whose.</param>
    /// <param name="models">For the model the change names.</param>
    /// <param name="change">The change.</param>
    /// <param name="shown">The same, or a relationship without its hidden properties.</param>
    public static bool TryShow(SubjectRules rules, ModelSet models, in Change change, out Change shown)
    {
        shown = change;
        if (rules.ReadsAllTwins || !change.IsPublic) return true;
        var model = models.Find(change.ModelId);
        var view = model is null ? rules.ViewOfUnknown(change.TwinId) : rules.ViewsOf(model).ViewOf(change.TwinId);
        if (!view.Exists) return false;
        if (!view.HidesAny) return true;
        switch (change.Kind)
        {
            case ChangeKind.PropertyChanged or ChangeKind.PropertyRemoved:
                if (change.Path.StartsWith('$')) return true; // the model of a twin that exists for the subject
                return model?.FindProperty(change.Path) is { } property ? !view.Hides(property.Ordinal) : view.MayAll(Permissions.Read, change.Path);
            case ChangeKind.Telemetry:
                return view.MayAll(Permissions.Read, change.Path);
            case ChangeKind.RelationshipChanged:
                return TryShowRelationship(view, change, out shown);
            case ChangeKind.RelationshipDeleted:
                return view.MayAll(Permissions.Read, PolicyResource.Relationships); // its name is not told, so all must be shown
            default:
                return true;
        }
    }

    private static bool TryShowRelationship(TwinView view, in Change change, out Change shown)
    {
        shown = change;
        using var document = JsonDocument.Parse(change.Value.AsJson.ToArray());
        if (!document.RootElement.TryGetProperty("$relationshipName", out var text) || text.GetString() is not { } name || !view.ShowsRelationship(name)) return false;
        if (view.MayAll(Permissions.Read, $"{PolicyResource.Relationships}/{name}")) return true;
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            foreach (var member in document.RootElement.EnumerateObject())
                if (member.Name.StartsWith('$') || view.ShowsRelationshipProperty(name, member.Name)) member.WriteTo(writer);
            writer.WriteEndObject();
        }

        shown = change with { Value = PropertyValue.FromJson(bytes.ToArray()) };
        return true;
    }
}
