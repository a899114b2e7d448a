using System.Globalization;
using Twin.Model;
using Twin.Scenarios.City;

namespace Twin.Scenarios.Factory;

/// <summary>
/// A factory of two lines of ten stations, with buffers and conveyors between them, robots at the welding and assembly
/// stations, guided vehicles that supply the lines, meters and a compressor. Frame: metres from the middle of the floor.
/// </summary>
public static class FactoryScenario
{
    private const int StationsPerLine = 10;
    private const int BufferCapacity = 8;
    private const double Pitch = 11;
    private static readonly string[] Processes = ["press", "press", "weld", "weld", "paint", "assemble", "assemble", "assemble", "test", "pack"];

    /// <summary>Generates the factory.</summary>
    public static Scenario Create(ulong seed = 1)
    {
        var scenario = new ScenarioBuilder("factory", seed);
        scenario.AddModels(FactoryModels.All());
        scenario.Areas.Add(new SceneArea("floor", "floor", [new(-68, -34), new(68, -34), new(68, 34), new(-68, 34)]));
        Add(scenario, "site-1", FactoryModels.Site, "Site", default);
        Add(scenario, "area-production", FactoryModels.Area, "Production", default);
        Add(scenario, "area-utilities", FactoryModels.Area, "Utilities", new(60, 30));
        scenario.Relate("site-1", "contains", "area-production");
        scenario.Relate("site-1", "contains", "area-utilities");
        for (var line = 1; line <= 2; line++) AddLine(scenario, line);
        AddVehicles(scenario);
        Add(scenario, "compressor-1", FactoryModels.Compressor, "Compressor", new(60, 30));
        scenario.Relate("area-utilities", "contains", "compressor-1");
        scenario.AddDevice("compressor-1", "utilities", TimeSpan.FromSeconds(2), () => new CompressorBehaviour());
        return scenario.Build(originLongitude: 8.51, originLatitude: 50.03);
    }

    private static void AddLine(ScenarioBuilder scenario, int line)
    {
        var north = line == 1 ? -14.0 : 14.0;
        var lineId = Id("line", line);
        var plans = Plans(scenario.Seed, line);
        LineFlow Flow() => new(scenario.Seed, line, plans, BufferCapacity);
        Add(scenario, lineId, FactoryModels.Line, $"Line {line}", new(0, north));
        scenario.Relate("area-production", "contains", lineId);
        scenario.AddDevice(lineId, lineId, TimeSpan.FromSeconds(5), () => new LineBehaviour(Flow(), plans));
        string? before = null;
        for (var s = 0; s < StationsPerLine; s++)
        {
            var station = s;
            var place = new PlanPoint(((s - ((StationsPerLine - 1) / 2.0)) * Pitch), north);
            var id = $"{Id("station", line)}-{s + 1:D2}";
            Add(scenario, id, FactoryModels.Station, $"Station {line}.{s + 1}", place, new Assignment("process", PropertyValue.From(Processes[s])));
            scenario.Relate(lineId, "contains", id);
            if (before is not null) scenario.Relate(before, "feeds", id);
            scenario.AddDevice(id, lineId, TimeSpan.FromSeconds(1), () => new StationBehaviour(Flow(), station, plans[station], Processes[station] is "paint" or "weld" ? 72 : 48));
            if (Processes[s] is "weld" or "assemble") AddRobot(scenario, line, s, place, id, lineId, Flow);
            if (s + 1 < StationsPerLine) before = AddLink(scenario, line, s, place, id, lineId, Flow);
        }

        var meter = Id("meter", line);
        Add(scenario, meter, FactoryModels.Meter, $"Meter {line}", new(-64, north));
        scenario.Relate("area-utilities", "contains", meter);
        scenario.Relate(meter, "measures", lineId);
        scenario.AddDevice(meter, "utilities", TimeSpan.FromSeconds(1), () => new MeterBehaviour(Flow()));
    }

    /// <summary>The conveyor and the buffer behind a station; answers the buffer's id.</summary>
    private static string AddLink(ScenarioBuilder scenario, int line, int s, PlanPoint place, string station, string lineId, Func<LineFlow> flow)
    {
        var conveyor = $"{Id("conveyor", line)}-{s + 1:D2}";
        var buffer = $"{Id("buffer", line)}-{s + 1:D2}";
        Add(scenario, conveyor, FactoryModels.Conveyor, $"Conveyor {line}.{s + 1}", place + new PlanPoint(Pitch * 0.36, 0));
        Add(scenario, buffer, FactoryModels.Buffer, $"Buffer {line}.{s + 1}", place + new PlanPoint(Pitch * 0.6, 0), new Assignment("capacity", PropertyValue.From((long)BufferCapacity)));
        scenario.Relate(lineId, "contains", conveyor);
        scenario.Relate(lineId, "contains", buffer);
        scenario.Relate(station, "feeds", conveyor);
        scenario.Relate(conveyor, "feeds", buffer);
        scenario.AddDevice(conveyor, lineId, TimeSpan.FromSeconds(1), () => new ConveyorBehaviour(flow(), s));
        scenario.AddDevice(buffer, lineId, TimeSpan.FromSeconds(1), () => new BufferBehaviour(flow(), s));
        return buffer;
    }

    private static void AddRobot(ScenarioBuilder scenario, int line, int s, PlanPoint place, string station, string lineId, Func<LineFlow> flow)
    {
        var id = $"{Id("robot", line)}-{s + 1:D2}";
        Add(scenario, id, FactoryModels.Robot, $"Robot {line}.{s + 1}", place + new PlanPoint(0, line == 1 ? -3.2 : 3.2));
        scenario.Relate(lineId, "contains", id);
        scenario.Relate(id, "serves", station);
        scenario.AddDevice(id, lineId, TimeSpan.FromSeconds(1), () => new RobotBehaviour(flow(), s));
    }

    private static void AddVehicles(ScenarioBuilder scenario)
    {
        for (var line = 1; line <= 2; line++)
        {
            var (near, far) = line == 1 ? (-7.0, -24.0) : (7.0, 24.0);
            PlanPoint[] loop = [new(-62, near), new(58, near), new(62, (near + far) / 2), new(58, far), new(-62, far), new(-66, (near + far) / 2), new(-62, near)];
            var path = new PathLine(loop);
            scenario.Roads.Add(new SceneRoad(Id("aisle", line), loop, 3));
            for (var i = 0; i < 3; i++)
            {
                var start = i / 3.0;
                var id = $"{Id("agv", line)}-{i + 1}";
                Add(scenario, id, FactoryModels.Vehicle, $"Vehicle {line}.{i + 1}", path.At(start * path.Length).Place);
                scenario.Relate("area-production", "contains", id);
                scenario.Relate(id, "suppliesLine", Id("line", line));
                scenario.AddDevice(id, "vehicles", TimeSpan.FromSeconds(0.5), () => new VehicleBehaviour(path, start));
            }
        }
    }

    private static StationPlan[] Plans(ulong seed, int line)
    {
        var random = new SeededRandom(seed, (ulong)line, 30);
        return [.. Processes.Select(p => new StationPlan(
            p switch { "press" => 29, "weld" => 33, "paint" => 34, "assemble" => 32, "test" => 31, _ => 28 } + random.NextDouble(-1.5, 1.5),
            random.NextDouble(3, 12), random.NextDouble(3, 9), p is "paint" or "test" ? random.NextDouble(0.01, 0.03) : random.NextDouble(0.001, 0.006)))];
    }

    private static string Id(string kind, int line) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{line}");

    private static void Add(ScenarioBuilder scenario, string id, string model, string name, PlanPoint place, params ReadOnlySpan<Assignment> more) =>
        scenario.AddTwin(id, model, place, 0, 90, [new Assignment("name", PropertyValue.From(name)), .. more]);
}
