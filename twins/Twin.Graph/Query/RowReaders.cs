namespace Twin.Graph.Query;

/// <summary>One twin's values for the plain evaluator. Every path is taken to be of this twin, whatever its source number.</summary>
internal readonly struct TwinReader(ModelTable table, int row) : IPathReader
{
    public PropertyValue Read(PathExpression path) => TwinPaths.Read(table, row, path);

    public bool IsOfModel(OfModelExpression asked, string dtmi) => TwinPaths.IsOfModel(table.Model, dtmi, asked.IsExact);
}

/// <summary>One relationship's values. Every path is taken to be of this relationship, whatever its source number.</summary>
internal readonly struct LinkReader(ModelTable table, int row, Relationship link) : IPathReader
{
    public PropertyValue Read(PathExpression path) => LinkPaths.Read(table, row, link, path);

    public bool IsOfModel(OfModelExpression asked, string dtmi) => false; // the parser refuses the question
}

/// <summary>Where a twin's paths lead.</summary>
internal static class TwinPaths
{
    private static readonly PropertyValue ComponentMark = PropertyValue.FromJson("{}"u8.ToArray());

    public static bool IsOfModel(InterfaceDefinition model, string dtmi, bool isExact) => isExact ? model.Id == dtmi : model.Bases.Contains(dtmi);

    /// <summary><see cref="FindColumn"/> where a column may be read without asking about each row; null where twins of the table look different.</summary>
    public static Column? FindPlainColumn(ModelTable table, PathExpression path, out int names)
    {
        names = 0;
        return table.Seen is { AreColumnsAlike: false } ? null : FindColumn(table, path, out names);
    }

    /// <summary>The column a path is in, and how many of its names lead to it (fewer than all for a field of an object); null when the model has none.</summary>
    public static Column? FindColumn(ModelTable table, PathExpression path, out int names)
    {
        names = path.Segments.Count;
        if (path.IsSystem || names == 0) return null;
        if (names == 1) return table.Model.FindProperty(path.Segments[0]) is { } single && !IsHidden(table, single.Ordinal) ? table.Column(single.Ordinal) : null;
        for (; names > 0; names--)
        {
            if (table.Model.FindProperty(string.Join('/', path.Segments.Take(names))) is not { } property) continue;
            if (IsHidden(table, property.Ordinal)) return null;
            var column = table.Column(property.Ordinal);
            return names == path.Segments.Count || column.Storage == ValueKind.Json ? column : null;
        }
        return null;
    }

    private static bool IsHidden(ModelTable table, int ordinal) => table.Seen is { AreColumnsAlike: true } seen && seen.Common.Hides(ordinal);

    private static bool IsHidden(ModelTable table, int row, Column column) => table.ViewOf(row)?.Hides(column.Definition.Ordinal) == true;

    /// <summary>True when a path is a component of the model, itself or inside others.</summary>
    public static bool IsComponent(ModelTable table, PathExpression path)
    {
        var model = table.Model;
        for (var i = 0; i < path.Segments.Count; i++)
        {
            if (!model.Components.TryGetValue(path.Segments[i], out var component)) return false;
            model = component.Interface;
        }
        return path.Segments.Count > 0;
    }

    public static PropertyValue Read(ModelTable table, int row, PathExpression path)
    {
        if (path.IsSystem) return ReadSystem(table, row, path);
        if (FindColumn(table, path, out var names) is not { } column) return IsComponent(table, path) ? ComponentMark : default;
        if (IsHidden(table, row, column)) return default;
        var value = column.Get(row);
        return names == path.Segments.Count || value.Kind != ValueKind.Json ? value : QueryValues.Find(value.AsJson, path.Segments, names);
    }

    private static PropertyValue ReadSystem(ModelTable table, int row, PathExpression path)
    {
        if (path.IsName("$dtId")) return PropertyValue.From(table.IdOf(row));
        if (path.IsModel) return PropertyValue.From(table.Model.Id);
        if (path.IsName("$etag")) return PropertyValue.From(ETag.Format(VisibleVersion.Of(table, row)));
        if (path.Segments[0] != "$metadata" || path.Segments.Count < 2) return default;
        if (path.Segments[1] == "$lastUpdateTime" && path.Segments.Count == 2)
            return VisibleVersion.TimeOf(table, row) is { IsKnown: true } time ? PropertyValue.From(time) : default;
        var inner = path.Segments[^1];
        var property = new PathExpression(path.Source, [.. path.Segments.Skip(1).Take(path.Segments.Count - 2)], path.Position);
        if (FindColumn(table, property, out var names) is not { } column || names != property.Segments.Count || !column.Has(row) || IsHidden(table, row, column)) return default;
        return inner switch
        {
            "lastUpdateTime" => PropertyValue.From(column.UpdateTimeOf(row)),
            "sourceTime" => PropertyValue.From(column.SourceTimeOf(row)),
            _ => default,
        };
    }
}

/// <summary>Where a relationship's paths lead.</summary>
internal static class LinkPaths
{
    public static PropertyValue Read(ModelTable table, int row, Relationship link, PathExpression path)
    {
        if (!path.IsSystem) return table.ViewOf(row)?.ShowsRelationshipProperty(link.Name, path.Segments[0]) == false ? default : ReadProperty(link, path);
        if (path.Segments.Count != 1) return default;
        return path.Segments[0] switch
        {
            "$relationshipId" => PropertyValue.From(link.Id),
            "$relationshipName" => PropertyValue.From(link.Name),
            "$sourceId" => PropertyValue.From(table.IdOf(row)),
            "$targetId" => PropertyValue.From(link.TargetId),
            "$etag" => PropertyValue.From(ETag.Format(VisibleVersion.Of(link, table.ViewOf(row)))),
            _ => default,
        };
    }

    private static PropertyValue ReadProperty(Relationship link, PathExpression path)
    {
        if (path.Segments.Count == 1) return link.Find(path.Segments[0]);
        for (var names = path.Segments.Count; names > 0; names--)
        {
            var value = link.Find(string.Join('/', path.Segments.Take(names)));
            if (value.Kind == ValueKind.None) continue;
            if (names == path.Segments.Count) return value;
            return value.Kind == ValueKind.Json ? QueryValues.Find(value.AsJson, path.Segments, names) : default;
        }
        return default;
    }
}
