using Twin.Model;

namespace Twin.Scenarios.City;

internal enum StreetKind
{
    Ring,
    Radial,
    Local,
}

/// <summary>A street: one run between junctions or cut off by the river.</summary>
internal sealed record CityStreet(PathLine Path, double Width, StreetKind Kind, int District)
{
    public string Id { get; set; } = "";
}

/// <summary>
/// The shape of the ground: a winding river, four uneven rings, nine radials that swirl a little, and between them districts,
/// the old town in the middle being the first. Which district a point lies in follows from polar coordinates alone, so that
/// street grids of any orientation can be clipped to their district point by point.
/// </summary>
internal sealed class CityPlan
{
    public const int Sectors = 9;
    private static readonly double[] RingFractions = [0.15, 0.40, 0.68, 1.0];
    private readonly double[] _phases = new double[8];
    private readonly double[] _radials = new double[Sectors];
    private readonly double _radius;

    public CityPlan(ulong seed, double radiusMetres)
    {
        _radius = radiusMetres;
        var random = new SeededRandom(seed, 1, 10);
        for (var i = 0; i < _phases.Length; i++) _phases[i] = random.NextDouble(0, 2 * Math.PI);
        for (var i = 0; i < Sectors; i++) _radials[i] = ((i + random.NextDouble(-0.18, 0.18)) * 2 * Math.PI / Sectors) + 0.3;
    }

    public static int Rings => RingFractions.Length;

    /// <summary>Districts: the old town, then each zone's sectors.</summary>
    public static int Districts => 1 + ((Rings - 1) * Sectors);

    public double RiverWidth => 0.034 * _radius;

    /// <summary>0 in the old town, 1 to 3 outwards.</summary>
    public static int ZoneOf(int district) => district == 0 ? 0 : 1 + ((district - 1) / Sectors);

    /// <summary>Radius of a ring in a direction, metres.</summary>
    public double RingRadius(int ring, double angle) =>
        _radius * RingFractions[ring] * (1 + (0.06 * Math.Sin((2 * angle) + _phases[0] + ring)) + (0.04 * Math.Sin((3 * angle) + _phases[1])));

    /// <summary>A point by radius and the radials' own angle, which swirls with the radius.</summary>
    public PlanPoint FromPolar(double radius, double angle)
    {
        var a = angle + Swirl(radius);
        return new(radius * Math.Cos(a), radius * Math.Sin(a));
    }

    public double RadialAngle(int radial) => _radials[radial % Sectors];

    /// <summary>The district of a point; -1 outside the city.</summary>
    public int DistrictOf(PlanPoint p)
    {
        var radius = Math.Sqrt((p.East * p.East) + (p.North * p.North));
        var angle = Math.Atan2(p.North, p.East);
        var zone = 0;
        while (zone < RingFractions.Length && radius > RingRadius(zone, angle)) zone++;
        if (zone == RingFractions.Length) return -1;
        return zone == 0 ? 0 : 1 + ((zone - 1) * Sectors) + SectorOf(angle - Swirl(radius));
    }

    /// <summary>Metres from the river's bank; negative in the water.</summary>
    public double DistanceToRiver(PlanPoint p)
    {
        var slope = (RiverNorth(p.East + 1) - RiverNorth(p.East - 1)) / 2;
        return (Math.Abs(p.North - RiverNorth(p.East)) / Math.Sqrt(1 + (slope * slope))) - (RiverWidth / 2);
    }

    /// <summary>The river's middle north of the origin, by how far east.</summary>
    public double RiverNorth(double east) =>
        _radius * ((0.14 * Math.Sin(_phases[3])) + (0.13 * Math.Sin((east * 2.7 / _radius) + _phases[4])) + (0.05 * Math.Sin((east * 6.3 / _radius) + _phases[5])) + 0.2);

    public IReadOnlyList<PlanPoint> RiverOutline()
    {
        var north = new List<PlanPoint>();
        var south = new List<PlanPoint>();
        for (var east = -1.15 * _radius; east <= 1.15 * _radius; east += _radius / 50)
        {
            var slope = (RiverNorth(east + 1) - RiverNorth(east - 1)) / 2;
            var half = RiverWidth / 2 * Math.Sqrt(1 + (slope * slope));
            north.Add(new(east, RiverNorth(east) + half));
            south.Add(new(east, RiverNorth(east) - half));
        }

        south.Reverse();
        return [.. north, .. south];
    }

    /// <summary>A district's middle.</summary>
    public PlanPoint CentreOf(int district)
    {
        if (district == 0) return default;
        var zone = ZoneOf(district);
        var sector = (district - 1) % Sectors;
        var angle = MiddleAngle(sector);
        var radius = (RingRadius(zone - 1, angle) + RingRadius(zone, angle)) / 2;
        return FromPolar(radius, angle);
    }

    /// <summary>A radius around the middle that covers the district, metres.</summary>
    public double ReachOf(int district)
    {
        if (district == 0) return _radius * RingFractions[0] * 1.15;
        var zone = ZoneOf(district);
        var across = _radius * RingFractions[zone] * 1.1 * 2 * Math.PI / Sectors * 0.72;
        var deep = _radius * (RingFractions[zone] - RingFractions[zone - 1]) * 0.65;
        return Math.Sqrt((across * across) + (deep * deep));
    }

    public double MiddleAngle(int sector)
    {
        var next = sector + 1 < Sectors ? _radials[sector + 1] : _radials[0] + (2 * Math.PI);
        return (_radials[sector] + next) / 2;
    }

    /// <summary>Rings by sector, then radials by zone; they bridge the river.</summary>
    public IEnumerable<CityStreet> Arterials()
    {
        for (var ring = 0; ring < Rings; ring++)
        for (var sector = 0; sector < Sectors; sector++)
        {
            var to = sector + 1 < Sectors ? _radials[sector + 1] : _radials[0] + (2 * Math.PI);
            yield return new(new PathLine(RingArc(ring, _radials[sector], to)), ring == 0 ? 16 : 22, StreetKind.Ring, DistrictIndex(ring + 1 == Rings ? ring : ring + 1, sector));
        }

        for (var radial = 0; radial < Sectors; radial++)
        for (var zone = 1; zone < Rings; zone++)
            yield return new(new PathLine(RadialRun(radial, zone)), 18, StreetKind.Radial, DistrictIndex(zone, radial));
    }

    /// <summary>Points along a ring between two of the radials' angles (counter-clockwise).</summary>
    public List<PlanPoint> RingArc(int ring, double from, double to)
    {
        var steps = Math.Max(2, (int)(Math.Abs(to - from) * _radius * RingFractions[ring] / 60));
        var points = new List<PlanPoint>(steps + 1);
        for (var i = 0; i <= steps; i++) points.Add(OnRing(ring, from + ((to - from) * i / steps)));
        return points;
    }

    /// <summary>Points along a radial through a zone, outwards.</summary>
    public List<PlanPoint> RadialRun(int radial, int zone)
    {
        var inner = OnRingRadius(zone - 1, _radials[radial]);
        var outer = OnRingRadius(zone, _radials[radial]);
        var steps = Math.Max(2, (int)((outer - inner) / 60));
        var points = new List<PlanPoint>(steps + 1);
        for (var i = 0; i <= steps; i++) points.Add(FromPolar(inner + ((outer - inner) * i / steps), _radials[radial]));
        return points;
    }

    private static int DistrictIndex(int zone, int sector) => 1 + ((zone - 1) * Sectors) + sector;

    private PlanPoint OnRing(int ring, double radialAngle) => FromPolar(OnRingRadius(ring, radialAngle), radialAngle);

    /// <summary>Where a ring is met along a radial's angle: the ring's radius depends on the true angle, which swirls with the radius.</summary>
    private double OnRingRadius(int ring, double radialAngle)
    {
        var radius = _radius * RingFractions[ring];
        for (var i = 0; i < 8; i++) radius = RingRadius(ring, radialAngle + Swirl(radius));
        return radius;
    }

    private double Swirl(double radius) => 0.13 * Math.Sin((radius / (0.38 * _radius)) + _phases[2]);

    private int SectorOf(double angle)
    {
        var a = angle - _radials[0];
        a -= 2 * Math.PI * Math.Floor(a / (2 * Math.PI));
        var sector = 0;
        while (sector + 1 < Sectors && a >= _radials[sector + 1] - _radials[0]) sector++;
        return sector;
    }
}
