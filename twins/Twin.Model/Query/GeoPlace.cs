using System.Text.Json;

namespace Twin.Model.Query;

/// <summary>A place on WGS 84.</summary>
/// <param name="Longitude">Degrees east, -180 to 180.</param>
/// <param name="Latitude">Degrees north, -90 to 90.</param>
public readonly record struct GeoPlace(double Longitude, double Latitude)
{
    /// <summary>Makes a place of two numbers; false when one is missing, no number or out of range.</summary>
    public static bool TryMake(in PropertyValue longitude, in PropertyValue latitude, out GeoPlace place)
    {
        place = new GeoPlace(longitude.AsNumber, latitude.AsNumber); // NaN fails both tests
        return Math.Abs(place.Longitude) <= 180 && Math.Abs(place.Latitude) <= 90;
    }

    /// <summary>Reads a GeoJSON point or an object with <c>longitude</c> and <c>latitude</c>; false for anything else. Allocates nothing.</summary>
    public static bool TryRead(in PropertyValue value, out GeoPlace place)
    {
        place = default;
        if (value.AsJson is not [(byte)'{', ..]) return false;
        var reader = new Utf8JsonReader(value.AsJson);
        double longitude = double.NaN, latitude = double.NaN;
        var isPoint = true;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("longitude"u8)) ReadNumber(ref reader, ref longitude);
            else if (reader.ValueTextEquals("latitude"u8)) ReadNumber(ref reader, ref latitude);
            else if (reader.ValueTextEquals("coordinates"u8)) ReadPair(ref reader, ref longitude, ref latitude);
            else
            {
                var isType = reader.ValueTextEquals("type"u8);
                reader.Read();
                if (isType && reader.TokenType == JsonTokenType.String) isPoint = reader.ValueTextEquals("Point"u8);
                reader.Skip();
            }
        }
        place = new GeoPlace(longitude, latitude);
        return isPoint && Math.Abs(longitude) <= 180 && Math.Abs(latitude) <= 90;
    }

    private static void ReadNumber(ref Utf8JsonReader reader, ref double number)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number) number = reader.GetDouble();
        else reader.Skip();
    }

    private static void ReadPair(ref Utf8JsonReader reader, ref double longitude, ref double latitude)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }
        for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
        {
            if (reader.TokenType == JsonTokenType.Number && i == 0) longitude = reader.GetDouble();
            else if (reader.TokenType == JsonTokenType.Number && i == 1) latitude = reader.GetDouble();
            else reader.Skip();
        }
    }
}

/// <summary>A rectangle of longitudes and latitudes, degrees, both ends included; never across the 180th meridian.</summary>
public readonly record struct GeoBox(double West, double South, double East, double North)
{
    /// <summary>Everything.</summary>
    public static GeoBox World { get; } = new(-180, -90, 180, 90);

    /// <summary>True when the place is inside or on the edge.</summary>
    public bool Contains(GeoPlace place) => place.Longitude >= West && place.Longitude <= East && place.Latitude >= South && place.Latitude <= North;

    /// <summary>A box that holds every place within a distance; the world when the distance reaches a pole or the 180th meridian.</summary>
    public static GeoBox Around(GeoPlace centre, double metres)
    {
        // The shortest degree of latitude is 110,574 m, at the equator; the same number is safe for longitude after the cosine.
        var north = metres / 110_500;
        var widest = Math.Abs(centre.Latitude) + north;
        if (!(widest < 89)) return World;
        var east = north / Math.Cos(widest * Math.PI / 180);
        var box = new GeoBox(centre.Longitude - east, centre.Latitude - north, centre.Longitude + east, centre.Latitude + north);
        return box.West < -180 || box.East > 180 ? World : box;
    }
}

/// <summary>
/// An area bounded by rings of corners; a place is inside when a ray from it crosses the rings an odd number of times, so later
/// rings are holes in the first. Edges are straight in longitude and latitude, as in GeoJSON; an area across the 180th meridian
/// is written as two. Immutable; thread-safe.
/// </summary>
public sealed class GeoPolygon
{
    private readonly double[][] _rings;

    /// <summary>Makes an area of rings of longitude, latitude pairs, three or more each; a ring closes itself.</summary>
    public GeoPolygon(IEnumerable<double[]> rings)
    {
        _rings = [.. rings];
        double west = 180, south = 90, east = -180, north = -90;
        foreach (var ring in _rings)
        {
            for (var i = 0; i < ring.Length; i += 2)
            {
                (west, east) = (Math.Min(west, ring[i]), Math.Max(east, ring[i]));
                (south, north) = (Math.Min(south, ring[i + 1]), Math.Max(north, ring[i + 1]));
            }
        }
        Box = new GeoBox(west, south, east, north);
    }

    /// <summary>The least box around it.</summary>
    public GeoBox Box { get; }

    internal IReadOnlyList<double[]> Rings => _rings;

    /// <summary>Corners over all rings.</summary>
    public int Corners => _rings.Sum(r => r.Length / 2);

    /// <summary>True when the place is inside. On an edge either answer may come. Allocates nothing.</summary>
    public bool Contains(GeoPlace place)
    {
        if (!Box.Contains(place)) return false;
        var isInside = false;
        foreach (var ring in _rings)
        {
            double x = ring[^2], y = ring[^1];
            for (var i = 0; i < ring.Length; i += 2)
            {
                double nextX = ring[i], nextY = ring[i + 1];
                if (nextY > place.Latitude != y > place.Latitude && place.Longitude < ((x - nextX) * (place.Latitude - nextY) / (y - nextY)) + nextX) isInside = !isInside;
                (x, y) = (nextX, nextY);
            }
        }
        return isInside;
    }
}

/// <summary>
/// Distance along the WGS 84 ellipsoid. Problem: metres between two places, exact to millimetres. Idea: T. Vincenty's inverse
/// iteration (Survey Review 23/176, 1975). It does not settle for places nearly opposite each other; those get the distance on
/// the sphere of mean radius, at most 0.6 % off.
/// </summary>
public static class Geodesic
{
    private const double Equatorial = 6_378_137.0; // metres, defined by WGS 84
    private const double Flattening = 1 / 298.257223563; // defined by WGS 84
    private const double Polar = Equatorial * (1 - Flattening);
    private const double MeanRadius = 6_371_008.8; // metres, IUGG
    private const int MostSteps = 100;

    /// <summary>Metres between two places.</summary>
    public static double Metres(GeoPlace from, GeoPlace to)
    {
        if (from == to) return 0;
        double u1 = Math.Atan((1 - Flattening) * Math.Tan(Radians(from.Latitude))), u2 = Math.Atan((1 - Flattening) * Math.Tan(Radians(to.Latitude)));
        var (sinU1, cosU1) = Math.SinCos(u1);
        var (sinU2, cosU2) = Math.SinCos(u2);
        var difference = Math.IEEERemainder(Radians(to.Longitude - from.Longitude), 2 * Math.PI);
        var lambda = difference;
        for (var step = 0; step < MostSteps; step++)
        {
            var (sinLambda, cosLambda) = Math.SinCos(lambda);
            var a = cosU2 * sinLambda;
            var b = (cosU1 * sinU2) - (sinU1 * cosU2 * cosLambda);
            var sinSigma = Math.Sqrt((a * a) + (b * b));
            if (sinSigma == 0) return 0;
            var cosSigma = (sinU1 * sinU2) + (cosU1 * cosU2 * cosLambda);
            var sigma = Math.Atan2(sinSigma, cosSigma);
            var sinAlpha = cosU1 * cosU2 * sinLambda / sinSigma;
            var cosAlpha2 = 1 - (sinAlpha * sinAlpha);
            var cosMiddle = cosAlpha2 == 0 ? 0 : cosSigma - (2 * sinU1 * sinU2 / cosAlpha2);
            var c = Flattening / 16 * cosAlpha2 * (4 + (Flattening * (4 - (3 * cosAlpha2))));
            var last = lambda;
            lambda = difference + ((1 - c) * Flattening * sinAlpha * (sigma + (c * sinSigma * (cosMiddle + (c * cosSigma * ((2 * cosMiddle * cosMiddle) - 1))))));
            if (Math.Abs(lambda) > Math.PI) break; // nearly opposite: will not settle
            if (Math.Abs(lambda - last) < 1e-12) return Length(cosAlpha2, cosMiddle, sinSigma, cosSigma, sigma);
        }
        return OnSphere(from, to);
    }

    private static double Length(double cosAlpha2, double cosMiddle, double sinSigma, double cosSigma, double sigma)
    {
        var u = cosAlpha2 * ((Equatorial * Equatorial) - (Polar * Polar)) / (Polar * Polar);
        var a = 1 + (u / 16384 * (4096 + (u * (-768 + (u * (320 - (175 * u)))))));
        var b = u / 1024 * (256 + (u * (-128 + (u * (74 - (47 * u))))));
        var middle2 = (2 * cosMiddle * cosMiddle) - 1;
        var correction = b * sinSigma * (cosMiddle + (b / 4 * ((cosSigma * middle2) - (b / 6 * cosMiddle * ((4 * sinSigma * sinSigma) - 3) * ((4 * cosMiddle * cosMiddle) - 3)))));
        return Polar * a * (sigma - correction);
    }

    private static double OnSphere(GeoPlace from, GeoPlace to)
    {
        var north = Math.Sin(Radians(to.Latitude - from.Latitude) / 2);
        var east = Math.Sin(Radians(to.Longitude - from.Longitude) / 2);
        var half = (north * north) + (Math.Cos(Radians(from.Latitude)) * Math.Cos(Radians(to.Latitude)) * east * east);
        return 2 * MeanRadius * Math.Asin(Math.Min(1, Math.Sqrt(half)));
    }

    private static double Radians(double degrees) => degrees * Math.PI / 180;
}
