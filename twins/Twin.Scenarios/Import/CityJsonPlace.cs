using System.Text.Json;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>Where the file's coordinates are on earth and in the plan.</summary>
internal sealed record CityJsonPlace(ReferenceSystem? System, GeoFrame Frame, double CentreX, double CentreY, string Stated, string? Note)
{
    public double Longitude => Frame.Longitude;

    public double Latitude => Frame.Latitude;

    public static CityJsonPlace Of(JsonElement root, IReadOnlyList<CityJsonPart> parts)
    {
        var box = CityBox.Empty;
        foreach (var part in parts) box = box.With(part.Geometry.Box());
        var (x, y) = box.Centre;
        var reference = root.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object
            && metadata.TryGetProperty("referenceSystem", out var system) && system.ValueKind == JsonValueKind.String ? system.GetString() : null;
        var code = ReferenceSystem.CodeOf(reference);
        if (code is null || ReferenceSystem.Find(code.Value) is not { } found)
        {
            var note = reference is null ? "the file names no reference system: coordinates are taken as local metres." : $"'{reference}' is not a reference system known here: coordinates are taken as local metres.";
            return new(null, default, x, y, "local metres from the middle of the file", note);
        }

        var (longitude, latitude) = found.ToWgs84(x, y);
        return new(found, new GeoFrame(longitude, latitude), x, y, $"EPSG:{code} to WGS 84 longitude and latitude; x east and y north in metres from the file's middle", null);
    }

    public PlanPoint ToPlan(PlanPoint p)
    {
        if (System is null) return new(Math.Round(p.East - CentreX, 3), Math.Round(p.North - CentreY, 3));
        var (longitude, latitude) = System.ToWgs84(p.East, p.North);
        var plan = Frame.ToPlan(longitude, latitude);
        return new(Math.Round(plan.East, 3), Math.Round(plan.North, 3));
    }

    public void AddTo(List<Assignment> values, CityShape shape)
    {
        var plan = ToPlan(shape.Centre);
        values.Add(new("x", PropertyValue.From(plan.East)));
        values.Add(new("y", PropertyValue.From(plan.North)));
        values.Add(new("z", PropertyValue.From(Math.Round(shape.Ground, 3))));
        values.Add(new("height", PropertyValue.From(Math.Round(shape.Height, 3))));
        values.Add(new("lod", PropertyValue.From(shape.Lod)));
        if (System is null) return;
        var (longitude, latitude) = System.ToWgs84(shape.Centre.East, shape.Centre.North);
        values.Add(new("longitude", PropertyValue.From(Math.Round(longitude, 8))));
        values.Add(new("latitude", PropertyValue.From(Math.Round(latitude, 8))));
    }
}
