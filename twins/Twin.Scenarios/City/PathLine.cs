namespace Twin.Scenarios.City;

/// <summary>A polyline measured by length. Immutable; shared by all that move along it.</summary>
internal sealed class PathLine
{
    private readonly double[] _ends; // metres from the start to each point

    public PathLine(IReadOnlyList<PlanPoint> points)
    {
        if (points.Count < 2) throw new ArgumentException($"A path needs at least 2 points, not {points.Count}.", nameof(points));
        Points = points;
        _ends = new double[points.Count];
        for (var i = 1; i < points.Count; i++) _ends[i] = _ends[i - 1] + points[i].DistanceTo(points[i - 1]);
    }

    public IReadOnlyList<PlanPoint> Points { get; }

    /// <summary>Metres.</summary>
    public double Length => _ends[^1];

    /// <summary>The place some metres from the start (clamped to the ends), and the unit vector ahead.</summary>
    public (PlanPoint Place, PlanPoint Ahead) At(double metres)
    {
        var i = Array.BinarySearch(_ends, metres);
        i = Math.Clamp(i >= 0 ? i : ~i, 1, _ends.Length - 1);
        var length = _ends[i] - _ends[i - 1];
        var ahead = length > 0 ? (Points[i] - Points[i - 1]) * (1 / length) : new PlanPoint(0, 1);
        var along = Math.Clamp(metres - _ends[i - 1], 0, length);
        return (Points[i - 1] + (ahead * along), ahead);
    }

    /// <summary>Degrees clockwise from north of a direction.</summary>
    public static double HeadingOf(PlanPoint ahead)
    {
        var degrees = Math.Atan2(ahead.East, ahead.North) * (180 / Math.PI);
        return degrees < 0 ? degrees + 360 : degrees;
    }

    /// <summary>To the right of a direction.</summary>
    public static PlanPoint RightOf(PlanPoint ahead) => new(ahead.North, -ahead.East);
}
