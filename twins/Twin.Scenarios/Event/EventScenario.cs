using System.Globalization;
using Twin.Model;
using Twin.Scenarios.Behaviours;

namespace Twin.Scenarios.Event;

/// <summary>The venue of an open-air concert as twins: stage, screens, loudspeakers, bars, gates, sound level meters, generators; its people are in the space <see cref="ConcertPlan.Space"/>. Frame: metres from the middle of the grounds.</summary>
public static class EventScenario
{
    private const string Equipment = "dtmi:twin:event:Equipment;1";
    private const string Venue = "dtmi:twin:event:Venue;1";
    private const string Stage = "dtmi:twin:event:Stage;1";
    private const string Screen = "dtmi:twin:event:Screen;1";
    private const string Speaker = "dtmi:twin:event:LoudspeakerArray;1";
    private const string Bar = "dtmi:twin:event:Bar;1";
    private const string Gate = "dtmi:twin:event:Gate;1";
    private const string Meter = "dtmi:twin:event:SoundLevelMeter;1";
    private const string Generator = "dtmi:twin:event:Generator;1";

    /// <summary>Generates the venue.</summary>
    public static Scenario Create(ulong seed = 1)
    {
        var scenario = new ScenarioBuilder("event", seed);
        scenario.AddModels(Models());
        scenario.Areas.Add(new SceneArea("grounds", "park", [At(0, 0), At(ConcertPlan.Width, 0), At(ConcertPlan.Width, ConcertPlan.Depth), At(0, ConcertPlan.Depth)]));
        double[] heights = [9, 3, 3, 2.6];
        string[] names = ["stage-1", "bar-west", "bar-east", "desk-1"];
        for (var i = 0; i < ConcertPlan.Closed.Count; i++) scenario.Buildings.Add(new SceneBuilding(names[i], [.. ConcertPlan.Closed[i].Outline.Select(p => At(p[0], p[1]))], heights[i]));
        Add(scenario, "venue-1", Venue, "Grounds", 60, 45, new Assignment("space", PropertyValue.From(ConcertPlan.Space)), new Assignment("capacity", PropertyValue.From(6_000L)));
        Add(scenario, "stage-1", Stage, "Stage", 60, 80);
        scenario.Relate("venue-1", "contains", "stage-1");
        scenario.AddDevice("stage-1", "stage", TimeSpan.FromSeconds(1), () => new StageBehaviour());
        foreach (var (id, x, z) in new[] { ("screen-1", 36.0, 75.0), ("screen-2", 84.0, 75.0), ("screen-3", 60.0, 40.0), ("screen-4", 60.0, 84.0) }) Part(scenario, id, Screen, $"Screen {id[^1]}", x, z, TimeSpan.FromSeconds(2), () => new ScreenBehaviour());
        for (var i = 0; i < 8; i++)
        {
            var (x, z) = i < 6 ? (40 + (8.0 * i), 74.5) : (i == 6 ? 40 : 80, 45.0);
            Part(scenario, string.Create(CultureInfo.InvariantCulture, $"speaker-{i + 1}"), Speaker, $"Loudspeakers {i + 1}", x, z, TimeSpan.FromSeconds(2), () => new SpeakerBehaviour());
        }

        for (var i = 0; i < 10; i++)
        {
            var (x, z) = ConcertPlan.Counters[i];
            Part(scenario, string.Create(CultureInfo.InvariantCulture, $"counter-{i + 1}"), Bar, $"Counter {i + 1}", x < 60 ? 6 : 114, z, TimeSpan.FromSeconds(5), () => new BarBehaviour());
        }

        for (var i = 0; i < 3; i++) Part(scenario, string.Create(CultureInfo.InvariantCulture, $"gate-{i + 1}"), Gate, $"Gate {i + 1}", ConcertPlan.Gates[i].X, 0.5, TimeSpan.FromSeconds(2), () => new GateBehaviour());
        foreach (var (id, x, z) in new[] { ("sound-1", 60.0, 36.5), ("sound-2", 30.0, 60.0), ("sound-3", 90.0, 60.0), ("sound-4", 60.0, 5.0) })
            Part(scenario, id, Meter, $"Sound level {id[^1]}", x, z, TimeSpan.FromSeconds(1), () => new SoundBehaviour(Math.Sqrt(Math.Pow(x - 60, 2) + Math.Pow(z - 74, 2))));
        for (var i = 0; i < 2; i++) Part(scenario, string.Create(CultureInfo.InvariantCulture, $"generator-{i + 1}"), Generator, $"Generator {i + 1}", 30 - (4 * i), 86, TimeSpan.FromSeconds(1), () => new GeneratorBehaviour());
        return scenario.Build(originLongitude: 11.58, originLatitude: 48.14);
    }

    private static ModelSketch[] Models() =>
    [
        new ModelSketch(Equipment, "Equipment").Text("name")
            .Number("x", "Length", "metre").Number("y", "Length", "metre").Number("z", "Length", "metre").Number("heading", "Angle", "degreeOfArc", 0, 360),
        new ModelSketch(Venue, "Venue", Equipment).Text("space").Count("capacity", 0, 6_000).Related("contains", Equipment),
        new ModelSketch(Stage, "Stage", Equipment).Text("song").Number("power", "Power", "kilowatt", 20, 120).Number("smoke", "RelativeDensity", "percent", 0, 100),
        new ModelSketch(Screen, "Screen", Equipment).Flag("on").Number("brightness", "RelativeDensity", "percent", 0, 100).Number("temperature", "Temperature", "degreeCelsius", 20, 75).Alarmed(),
        new ModelSketch(Speaker, "Loudspeaker array", Equipment).Number("power", "Power", "kilowatt", 0, 12).Number("temperature", "Temperature", "degreeCelsius", 20, 80).Alarmed(),
        new ModelSketch(Bar, "Bar counter", Equipment).Count("served", 0, 400).Count("queue", 0, 20).Number("waiting", "TimeSpan", "second", 0, 240),
        new ModelSketch(Gate, "Gate", Equipment).Count("entered", 0, 3_000).Count("left", 0, 3_000).Number("flow", null, null, 0, 60).Alarmed(),
        new ModelSketch(Meter, "Sound level meter", Equipment).Number("level", null, null, 60, 110).Number("average", null, null, 60, 105).Alarmed(),
        new ModelSketch(Generator, "Generator", Equipment).Number("power", "Power", "kilowatt", 0, 150).Number("fuel", "RelativeDensity", "percent", 0, 100).Alarmed(),
    ];

    private static void Part(ScenarioBuilder scenario, string id, string model, string name, double x, double z, TimeSpan period, Func<IDeviceBehaviour> start)
    {
        Add(scenario, id, model, name, x, z);
        scenario.Relate("venue-1", "contains", id);
        scenario.AddDevice(id, model.Contains("Bar", StringComparison.Ordinal) || model.Contains("Gate", StringComparison.Ordinal) ? "front-of-house" : "stage", period, start);
    }

    private static void Add(ScenarioBuilder scenario, string id, string model, string name, double x, double z, params ReadOnlySpan<Assignment> more) =>
        scenario.AddTwin(id, model, At(x, z), 0, 180, [new Assignment("name", PropertyValue.From(name)), .. more]);

    private static PlanPoint At(double x, double z) => new(x - (ConcertPlan.Width / 2), z - (ConcertPlan.Depth / 2));
}
