using System.Text.Json;
using Twin.Gateway.Http;
using Twin.Scenarios;
using Twin.Scenarios.City;
using Twin.Scenarios.Event;
using Twin.Scenarios.Factory;

namespace Twin.Silo;

/// <summary>What the settings ask to be generated. The same seed and size give the same world at every start, so it is made anew each time and only written once.</summary>
internal sealed class WorldScenario
{
    private readonly Lazy<Scenario[]> _parts;
    private readonly Lazy<SceneStill> _still;

    public WorldScenario(TwinSettings settings)
    {
        _parts = new Lazy<Scenario[]>(() => settings.Scenario switch
        {
            "city" => [CityScenario.Create(settings.Seed, settings.ScenarioSize), FactoryScenario.Create(settings.Seed)],
            "factory" => [FactoryScenario.Create(settings.Seed)],
            "event" => [EventScenario.Create(settings.Seed)],
            _ => [],
        });
        _still = new Lazy<SceneStill>(() => Parts.Count == 0 ? SceneStill.Empty : Draw(Parts));
    }

    public IReadOnlyList<Scenario> Parts => _parts.Value;

    public SceneStill Still => _still.Value;

    private static SceneStill Draw(IReadOnlyList<Scenario> parts)
    {
        static double[] Point(PlanPoint p) => [Math.Round(p.East, 2), Math.Round(p.North, 2)];
        var scenes = parts.Select(p => p.Scene).ToArray();
        return new SceneStill(
            scenes[0].OriginLongitude, scenes[0].OriginLatitude,
            JsonSerializer.SerializeToUtf8Bytes(scenes.SelectMany(s => s.Buildings).Select(b => new { id = b.Id, footprint = b.Footprint.Select(Point), height = Math.Round(b.Height, 1) })),
            JsonSerializer.SerializeToUtf8Bytes(scenes.SelectMany(s => s.Roads).Select(r => new { id = r.Id, line = r.Line.Select(Point), width = r.Width })),
            JsonSerializer.SerializeToUtf8Bytes(scenes.SelectMany(s => s.Areas).Select(a => new { id = a.Id, kind = a.Kind, outline = a.Outline.Select(Point) })),
            [.. scenes.SelectMany(s => s.Ranges).Select(r => new SceneRange(r.ModelId, r.Path, r.Unit, r.Minimum, r.Maximum))]);
    }
}
