using Twin.Model;

namespace Twin.Scenarios;

/// <summary>
/// A world to start with: models, twins, relationships between them, the devices that drive them and the picture behind
/// them. A value: nothing here opens a connection or reads a clock. The same seed gives the same scenario.
/// </summary>
/// <param name="Name">For people and logs.</param>
/// <param name="Models">DTDL texts.</param>
/// <param name="Twins">One <see cref="PutTwin"/> each.</param>
/// <param name="Relationships">One <see cref="PutRelationship"/> each; their twins are all in <paramref name="Twins"/>.</param>
/// <param name="Devices">What sends.</param>
/// <param name="Scene">What stands still.</param>
public sealed record Scenario(
    string Name,
    IReadOnlyList<string> Models,
    IReadOnlyList<TwinCommand> Twins,
    IReadOnlyList<TwinCommand> Relationships,
    IReadOnlyList<DeviceProfile> Devices,
    ScenePicture Scene);

/// <summary>A point of the plan: metres east and north of the scene's origin.</summary>
public readonly record struct PlanPoint(double East, double North)
{
    /// <summary>Metres to another point.</summary>
    public double DistanceTo(PlanPoint other) => Math.Sqrt(((East - other.East) * (East - other.East)) + ((North - other.North) * (North - other.North)));

    /// <summary>Sum, as vectors.</summary>
    public static PlanPoint operator +(PlanPoint a, PlanPoint b) => new(a.East + b.East, a.North + b.North);

    /// <summary>Difference, as vectors.</summary>
    public static PlanPoint operator -(PlanPoint a, PlanPoint b) => new(a.East - b.East, a.North - b.North);

    /// <summary>Scaled, as a vector.</summary>
    public static PlanPoint operator *(PlanPoint a, double factor) => new(a.East * factor, a.North * factor);
}

/// <summary>
/// The map's still picture. Frame: east, north, up in metres from the origin; twins carry their place in the same frame as
/// properties <c>x</c>, <c>y</c>, <c>z</c> and <c>heading</c> (degrees clockwise from north).
/// </summary>
/// <param name="OriginLongitude">Degrees east, WGS 84.</param>
/// <param name="OriginLatitude">Degrees north, WGS 84.</param>
/// <param name="Buildings">Prisms.</param>
/// <param name="Roads">Ribbons.</param>
/// <param name="Areas">Flat polygons below everything else: water, parks, squares, floors.</param>
/// <param name="Ranges">How to colour properties.</param>
public sealed record ScenePicture(
    double OriginLongitude,
    double OriginLatitude,
    IReadOnlyList<SceneBuilding> Buildings,
    IReadOnlyList<SceneRoad> Roads,
    IReadOnlyList<SceneArea> Areas,
    IReadOnlyList<PropertyRange> Ranges);

/// <summary>A building: its outline (not closed: the first point is not repeated) and height in metres.</summary>
/// <param name="Id">The twin's id where it has one, else its own.</param>
public sealed record SceneBuilding(string Id, IReadOnlyList<PlanPoint> Footprint, double Height);

/// <summary>A road: its centre line and width in metres.</summary>
/// <param name="Id">The street twin's id where it has one, else its own.</param>
public sealed record SceneRoad(string Id, IReadOnlyList<PlanPoint> Line, double Width);

/// <summary>A flat area.</summary>
/// <param name="Kind"><c>water</c>, <c>park</c>, <c>carPark</c> or <c>floor</c>.</param>
public sealed record SceneArea(string Id, string Kind, IReadOnlyList<PlanPoint> Outline);

/// <summary>What values of a property are ordinary: the ends of the colour scale. Not a limit: the schema is.</summary>
/// <param name="ModelId">The model that has the property.</param>
/// <param name="Path">The property.</param>
/// <param name="Unit">DTDL unit; null when none.</param>
/// <param name="Minimum">Lower end, in the unit.</param>
/// <param name="Maximum">Upper end, in the unit.</param>
public sealed record PropertyRange(string ModelId, string Path, string? Unit, double Minimum, double Maximum);
