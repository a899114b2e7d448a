using System.Numerics;

namespace Twin.Graph.Query;

/// <summary>The columns a place is in: two of degrees, or one of GeoJSON points or objects with longitude and latitude.</summary>
internal readonly record struct PlaceColumns(Column First, Column? Latitude)
{
    public SpatialIndex? Index => First.Places is { } places && places.IsOver(First, Latitude) ? places : null;

    public double NanosecondsPerRow => Latitude is null ? 150 : 15; // JSON is read anew for each row

    public bool TryRead(int row, out GeoPlace place) => SpatialIndex.TryRead(First, Latitude, row, out place);

    public override string ToString() => Latitude is null ? First.Definition.Path : $"{First.Definition.Path}, {Latitude.Definition.Path}";

    /// <summary>The columns an expression reads its place from; null when they are no such columns.</summary>
    public static PlaceColumns? Find(ModelTable table, Expression place)
    {
        if (place is PointExpression { Longitude: PathExpression longitude, Latitude: PathExpression latitude })
            return Whole(table, longitude) is { Storage: ValueKind.Double } x && Whole(table, latitude) is { Storage: ValueKind.Double } y ? new PlaceColumns(x, y) : null;
        return place is PathExpression path && Whole(table, path) is { Storage: ValueKind.Json } column ? new PlaceColumns(column, null) : null;
    }

    private static Column? Whole(ModelTable table, PathExpression path) =>
        TwinPaths.FindColumn(table, path, out var names) is { } column && names == path.Segments.Count ? column : null;
}

/// <summary>Places in an area. Hot.</summary>
internal sealed class AreaFilter(PlaceColumns columns, GeoPolygon area) : RowFilter
{
    public override IndexProbe? Probe => IndexProbe.For(columns, area.Box);

    public override double NanosecondsPerRow => columns.NanosecondsPerRow;

    public override ulong Filter(int start, int count, ulong care)
    {
        var found = 0UL;
        for (; care != 0; care &= care - 1)
        {
            var i = BitOperations.TrailingZeroCount(care);
            if (columns.TryRead(start + i, out var place) && area.Contains(place)) found |= 1UL << i;
        }
        return found;
    }

    public override string Explain() => $"{columns} within {area.Corners} corners";
}

/// <summary>Places within a distance of one. Hot.</summary>
internal sealed class NearFilter(PlaceColumns columns, GeoPlace centre, PropertyValue metres, Comparison comparison) : RowFilter
{
    private readonly GeoBox _box = GeoBox.Around(centre, metres.AsNumber);

    public override IndexProbe? Probe => IndexProbe.For(columns, _box);

    public override double NanosecondsPerRow => columns.NanosecondsPerRow;

    public override ulong Filter(int start, int count, ulong care)
    {
        var found = 0UL;
        for (; care != 0; care &= care - 1)
        {
            var i = BitOperations.TrailingZeroCount(care);
            if (columns.TryRead(start + i, out var place) && _box.Contains(place) && QueryValues.Holds(comparison, PropertyValue.From(Geodesic.Metres(place, centre)), metres)) found |= 1UL << i;
        }
        return found;
    }

    public override string Explain() => $"{columns} {comparison} {metres} m from {centre.Longitude} {centre.Latitude}";
}
