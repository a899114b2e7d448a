namespace Twin.Graph;

/// <summary>
/// What stands for "unchanged" to a reader. One who sees all of a twin has the shard's sequence. To any other that number would tell
/// of changes it may not see, so it gets a hash of what it does see (values and their times): it changes when that changes and at no other
/// moment. Hashes have bit 62 set, sequences do not. Same thread as the table.
/// </summary>
internal static class VisibleVersion
{
    private const long Mark = 1L << 62;
    private const ulong Prime = 1099511628211;
    private const ulong Seed = 14695981039346656037;

    /// <summary>The version of a twin in the present read.</summary>
    public static long Of(ModelTable table, int row) => Of(table, row, table.ViewOf(row));

    public static long Of(ModelTable table, int row, TwinView? view)
    {
        if (view is null || !view.HidesAny) return table.VersionOf(row);
        var hash = Mix(Seed, table.Model.Id);
        for (var i = 0; i < table.Columns.Length; i++)
        {
            if (view.Hides(i) || !table.TryGet(row, i, out var value)) continue;
            var column = table.Column(i);
            hash = Mix(Mix(Mix(Mix(hash, (ulong)i), (ulong)column.UpdateTimeOf(row).UtcTicks), (ulong)column.SourceTimeOf(row).UtcTicks), value);
        }

        return (long)(hash & (Mark - 1)) | Mark;
    }

    /// <summary>The version of a relationship as a view of its source shows it.</summary>
    public static long Of(Relationship relationship, TwinView? view)
    {
        if (view is null || !view.HidesAny || view.MayAll(Permissions.Read, $"{PolicyResource.Relationships}/{relationship.Name}")) return relationship.Version;
        var hash = Mix(Mix(Seed, relationship.Name), relationship.TargetId);
        foreach (var property in relationship.Properties)
            if (view.ShowsRelationshipProperty(relationship.Name, property.Path)) hash = Mix(Mix(hash, property.Path), property.Value);
        return (long)(hash & (Mark - 1)) | Mark;
    }

    /// <summary>When the newest value that may be seen came; unknown when none may.</summary>
    public static WallTime TimeOf(ModelTable table, int row) => TimeOf(table, row, table.ViewOf(row));

    public static WallTime TimeOf(ModelTable table, int row, TwinView? view)
    {
        if (view is not { HidesAny: true }) return table.UpdateTimeOf(row);
        var newest = 0L;
        for (var i = 0; i < table.Columns.Length; i++)
            if (!view.Hides(i) && table.Column(i).Has(row)) newest = Math.Max(newest, table.Column(i).UpdateTimeOf(row).UtcTicks);
        return newest == 0 ? WallTime.None : new WallTime(newest);
    }

    private static ulong Mix(ulong hash, ulong value) => System.Numerics.BitOperations.RotateLeft((hash ^ value) * Prime, 29);

    private static ulong Mix(ulong hash, ReadOnlySpan<char> text)
    {
        foreach (var unit in text) hash = (hash ^ unit) * Prime;
        return Mix(hash, (ulong)text.Length);
    }

    private static ulong Mix(ulong hash, PropertyValue value)
    {
        hash = Mix(hash, (ulong)value.Kind);
        if (value.Kind == ValueKind.Text) return Mix(hash, value.AsText);
        if (value.Kind != ValueKind.Json) return Mix(hash, (ulong)value.Bits);
        foreach (var unit in value.AsJson) hash = (hash ^ unit) * Prime;
        return Mix(hash, (ulong)value.AsJson.Length);
    }
}
