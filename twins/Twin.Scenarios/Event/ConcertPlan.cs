namespace Twin.Scenarios.Event;

/// <summary>A rectangle of the grounds, metres east and north of their south-west corner.</summary>
public readonly record struct GroundRectangle(double West, double South, double East, double North)
{
    /// <summary>Its outline.</summary>
    public double[][] Outline => [[West, South], [East, South], [East, North], [West, North]];

    /// <summary>Whether a place is in it or nearer than a margin.</summary>
    public bool Holds(double x, double z, double margin) => x > West - margin && x < East + margin && z > South - margin && z < North + margin;
}

/// <summary>The grounds of an open-air concert: 120 by 90 m, the stage in the north, three gates in the south, bars at both sides, the mixing desk in the middle.</summary>
public static class ConcertPlan
{
    /// <summary>The space's id.</summary>
    public const string Space = "concert";

    /// <summary>Along the east, in metres.</summary>
    public const double Width = 120;

    /// <summary>Along the north, in metres.</summary>
    public const double Depth = 90;

    /// <summary>The front of the stage, in the middle.</summary>
    public static readonly (double X, double Z) Front = (60, 73);

    /// <summary>Where nobody of the audience may be: stage, bars, mixing desk.</summary>
    public static readonly IReadOnlyList<GroundRectangle> Closed = [new(38, 74, 82, 90), new(3, 28, 9, 48), new(111, 28, 117, 48), new(56, 34, 64, 39)];

    /// <summary>Where one comes in.</summary>
    public static readonly IReadOnlyList<(double X, double Z)> Gates = [(28, 2), (60, 2), (92, 2)];

    /// <summary>Where one is served.</summary>
    public static readonly IReadOnlyList<(double X, double Z)> Counters = [.. Enumerable.Range(0, 5).Select(i => (10.2, 30.0 + (4 * i))), .. Enumerable.Range(0, 5).Select(i => (109.8, 30.0 + (4 * i)))];

    /// <summary>The space's definition as hosts write it.</summary>
    public static string Definition { get; } = System.Text.Json.JsonSerializer.Serialize(new
    {
        title = "Open-air concert", width = Width, depth = Depth, capacity = 6_000, maxSpeed = 6.0, cellsAcross = 2, nearRadius = 14.0, nearLimit = 96, middleRadius = 40.0, middleLimit = 96,
        entrance = new[] { 60.0, 8.0 }, entranceSpread = 4.0, closed = Closed.Select(c => c.Outline).ToArray(), hosts = new[] { "host" }, recording = "last30s",
    });
}
