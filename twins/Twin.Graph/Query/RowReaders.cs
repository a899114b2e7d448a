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
    public PropertyValue Read(PathExpression path) => LinkPaths.Read(link, table.IdOf(row), path);

    public bool IsOfModel(OfModelExpression asked, string dtmi) => false; // the parser refuses the question
}

/// <summary>Where a twin's paths lead.</summary>
internal static class TwinPaths
{
    private static readonly PropertyValue ComponentMark = PropertyValue.FromJson("{}"u8.ToArray());

    public static bool IsOfModel(InterfaceDefinition model, string dtmi, bool isExact) => isExact ? model.Id == dtmi : model.Bases.Contains(dtmi);

    /// <summary>The column a path is in, and how many of its names lead to it (fewer than all for a field of an object); null when the model has none.</summary>
    public static Column? FindColumn(ModelTable table, PathExpression path, out int names)
    {
        names = path.Segments.Count;
        if (path.IsSystem || names == 0) return null;
        if (names == 1) return table.Model.FindProperty(path.Segments[0]) is { } single ? table.Column(single.Ordinal) : null;
        for (; names > 0; names--)
        {
            if (table.Model.FindProperty(string.Join('/', path.Segments.Take(names))) is not { } property) continue;
            var column = table.Column(property.Ordinal);
            return names == path.Segments.Count || column.Storage == ValueKind.Json ? column : null;
        }
        return null;
    }

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
        var value = column.Get(row);
        return names == path.Segments.Count || value.Kind != ValueKind.Json ? value : QueryValues.Find(value.AsJson, path.Segments, names);
    }

    private static PropertyValue ReadSystem(ModelTable table, int row, PathExpression path)
    {
        if (path.IsName("$dtId")) return PropertyValue.From(table.IdOf(row));
        if (path.IsModel) return PropertyValue.From(table.Model.Id);
        if (path.IsName("$etag")) return PropertyValue.From(ETag.Format(table.VersionOf(row)));
        if (path.Segments[0] != "$metadata" || path.Segments.Count < 2) return default;
        if (path.Segments[1] == "$lastUpdateTime" && path.Segments.Count == 2) return PropertyValue.From(table.UpdateTimeOf(row));
        var inner = path.Segments[^1];
        var property = new PathExpression(path.Source, [.. path.Segments.Skip(1).Take(path.Segments.Count - 2)], path.Position);
        if (FindColumn(table, property, out var names) is not { } column || names != property.Segments.Count || !column.Has(row)) return default;
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
    public static PropertyValue Read(Relationship link, string sourceId, PathExpression path)
    {
        if (!path.IsSystem) return ReadProperty(link, path);
        if (path.Segments.Count != 1) return default;
        return path.Segments[0] switch
        {
            "$relationshipId" => PropertyValue.From(link.Id),
            "$relationshipName" => PropertyValue.From(link.Name),
            "$sourceId" => PropertyValue.From(sourceId),
            "$targetId" => PropertyValue.From(link.TargetId),
            "$etag" => PropertyValue.From(ETag.Format(link.Version)),
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
