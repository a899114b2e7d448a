using System.Globalization;
using Twin.Model;
using Twin.Scenarios.Behaviours;

namespace Twin.Scenarios.City;

/// <summary>Bus routes: nine that cross the middle from edge to edge, and two round the rings; their stops and buses.</summary>
internal static class CityTransit
{
    private const double StopSpacing = 380;

    public static void Add(CityBuilder city)
    {
        var lines = new List<(PathLine Path, bool IsLoop)>();
        for (var radial = 0; radial < CityPlan.Sectors; radial++) lines.Add((new PathLine(CrossTown(city.Plan, radial)), false));
        for (var ring = 1; ring <= 2; ring++) lines.Add((new PathLine(city.Plan.RingArc(ring, city.Plan.RadialAngle(0), city.Plan.RadialAngle(0) + (2 * Math.PI))), true));

        var buses = city.Share(13);
        var total = lines.Sum(l => l.Path.Length);
        for (var i = 0; i < lines.Count; i++)
        {
            var (path, isLoop) = lines[i];
            var share = i == lines.Count - 1 ? buses : Math.Max(1, (int)Math.Round(buses * path.Length / total));
            total -= path.Length;
            buses -= share;
            AddRoute(city, path, isLoop, i + 1, share);
        }
    }

    /// <summary>In along one radial, round the old town by the shorter way, out along another across.</summary>
    private static List<PlanPoint> CrossTown(CityPlan plan, int radial)
    {
        var other = (radial + 4) % CityPlan.Sectors;
        var points = new List<PlanPoint>();
        for (var zone = CityPlan.Rings - 1; zone >= 1; zone--)
        {
            var run = plan.RadialRun(radial, zone);
            run.Reverse();
            points.AddRange(points.Count == 0 ? run : run[1..]);
        }

        var (from, to) = (plan.RadialAngle(radial), plan.RadialAngle(other));
        while (to - from > Math.PI) to -= 2 * Math.PI;
        while (from - to > Math.PI) to += 2 * Math.PI;
        points.AddRange(plan.RingArc(0, from, to)[1..]);
        for (var zone = 1; zone < CityPlan.Rings; zone++) points.AddRange(plan.RadialRun(other, zone)[1..]);
        return points;
    }

    private static void AddRoute(CityBuilder city, PathLine path, bool isLoop, int number, int buses)
    {
        var scenario = city.Scenario;
        var routeId = scenario.NextId("route", 2);
        var text = number.ToString(CultureInfo.InvariantCulture);
        scenario.AddTwin(routeId, CityModels.Route, path.At(path.Length / 2).Place, 0, 0,
            new("name", PropertyValue.From($"Line {text}")), new("number", PropertyValue.From(text)), new("length", PropertyValue.From(Math.Round(path.Length))));
        scenario.Relate("city-1", "hasRoute", routeId);

        var plan = new BusRoutePlan(path, isLoop, []);
        var count = Math.Max(2, (int)(plan.RoundMetres / StopSpacing));
        var stops = new (double At, string Id)[count];
        for (var i = 0; i < count; i++)
        {
            var at = (i + 0.5) * plan.RoundMetres / count;
            var id = scenario.NextId("stop", 4);
            stops[i] = (at, id);
            var (place, ahead) = plan.At(at, laneMetres: 11);
            scenario.AddTwin(id, CityModels.Stop, place, 0, PathLine.HeadingOf(ahead));
            scenario.Relate(routeId, "serves", id);
        }

        plan = plan with { Stops = stops };
        for (var i = 0; i < buses; i++)
        {
            var id = scenario.NextId("bus", 4);
            var start = (i + 0.5) / buses;
            var (place, ahead) = plan.At(start * plan.RoundMetres);
            scenario.AddTwin(id, CityModels.Bus, place, 0, PathLine.HeadingOf(ahead));
            scenario.Relate(id, "follows", routeId);
            scenario.AddDevice(id, $"{routeId}-buses", TimeSpan.FromSeconds(1), () => new BusBehaviour(plan, start));
        }
    }
}
