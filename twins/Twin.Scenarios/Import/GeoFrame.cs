using System.Globalization;
using ProjNet.CoordinateSystems;
using ProjNet.CoordinateSystems.Transformations;

namespace Twin.Scenarios.Import;

/// <summary>
/// East and north about a point of the earth, for places within some tens of kilometres: metres a degree by the radii of
/// curvature of the WGS 84 ellipsoid at that latitude; the error is below one in a thousand at 50 km.
/// </summary>
internal readonly record struct GeoFrame(double Longitude, double Latitude)
{
    private const double SemiMajor = 6_378_137;
    private const double EccentricitySquared = 0.00669437999014;

    public PlanPoint ToPlan(double longitude, double latitude)
    {
        var phi = Latitude * Math.PI / 180;
        var w = 1 - (EccentricitySquared * Math.Sin(phi) * Math.Sin(phi));
        var meridian = SemiMajor * (1 - EccentricitySquared) / Math.Pow(w, 1.5);
        var prime = SemiMajor / Math.Sqrt(w);
        return new((longitude - Longitude) * Math.PI / 180 * prime * Math.Cos(phi), (latitude - Latitude) * Math.PI / 180 * meridian);
    }
}

/// <summary>From the coordinates of a reference system to WGS 84 longitude and latitude: EPSG 7415 and 28992 (Dutch), 4326 and kin, UTM on WGS 84 and ETRS89.</summary>
internal sealed class ReferenceSystem
{
    // EPSG 28992 with its seven-parameter shift to WGS 84 (EPSG transformation 15934: below 1 m).
    private const string AmersfoortRd = """
        PROJCS["Amersfoort / RD New",GEOGCS["Amersfoort",DATUM["Amersfoort",SPHEROID["Bessel 1841",6377397.155,299.1528128],TOWGS84[565.2369,50.0087,465.658,-0.406857,0.350733,-1.87035,4.0812]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Oblique_Stereographic"],PARAMETER["latitude_of_origin",52.1561605555556],PARAMETER["central_meridian",5.38763888888889],PARAMETER["scale_factor",0.9999079],PARAMETER["false_easting",155000],PARAMETER["false_northing",463000],UNIT["metre",1]]
        """;

    private readonly MathTransform? _toWgs84;

    private ReferenceSystem(MathTransform? toWgs84) => _toWgs84 = toWgs84;

    /// <summary>The system of an EPSG code, or null when it is not one of ours.</summary>
    public static ReferenceSystem? Find(int epsg)
    {
        if (epsg is 4326 or 4979 or 4258) return new(null);
        CoordinateSystem? source = epsg switch
        {
            28992 or 7415 => new CoordinateSystemFactory().CreateFromWkt(AmersfoortRd),
            >= 32601 and <= 32660 => ProjectedCoordinateSystem.WGS84_UTM(epsg - 32600, true),
            >= 32701 and <= 32760 => ProjectedCoordinateSystem.WGS84_UTM(epsg - 32700, false),
            >= 25828 and <= 25838 => ProjectedCoordinateSystem.WGS84_UTM(epsg - 25800, true), // ETRS89 and WGS 84 differ by less than 1 m
            _ => null,
        };
        return source is null ? null : new(new CoordinateTransformationFactory().CreateFromCoordinateSystems(source, GeographicCoordinateSystem.WGS84).MathTransform);
    }

    /// <summary>
    /// The EPSG code a URL, a URN or a plain <c>EPSG:7415</c> names; of a compound (<c>urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783</c>,
    /// <c>EPSG:25832+5783</c>) the horizontal one, which comes first. Null when there is none.
    /// </summary>
    public static int? CodeOf(string? reference)
    {
        if (reference is null) return null;
        var at = reference.IndexOf("EPSG", StringComparison.OrdinalIgnoreCase);
        if (at < 0) return null;
        var first = reference.AsSpan(at + 4);
        if (first.IndexOfAny(",+&") is >= 0 and var end) first = first[..end];
        var last = first[(first.LastIndexOfAny("/:") + 1)..];
        return int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var code) ? code : null;
    }

    public (double Longitude, double Latitude) ToWgs84(double x, double y) => _toWgs84 is null ? (x, y) : _toWgs84.Transform(x, y);
}
