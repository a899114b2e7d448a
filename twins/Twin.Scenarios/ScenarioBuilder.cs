using System.Globalization;
using Twin.Model;

namespace Twin.Scenarios;

/// <summary>Gathers a scenario's parts while it is generated.</summary>
internal sealed class ScenarioBuilder(string name, ulong seed)
{
    private readonly List<TwinCommand> _twins = [];
    private readonly List<TwinCommand> _relationships = [];
    private readonly List<DeviceProfile> _devices = [];
    private readonly List<string> _models = [];
    private readonly List<PropertyRange> _ranges = [];
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);

    public ulong Seed => seed;

    public List<SceneBuilding> Buildings { get; } = [];

    public List<SceneRoad> Roads { get; } = [];

    public List<SceneArea> Areas { get; } = [];

    public int TwinCount => _twins.Count;

    public void AddModels(IEnumerable<ModelSketch> models)
    {
        foreach (var model in models)
        {
            _models.Add(model.ToJson());
            _ranges.AddRange(model.Ranges);
        }
    }

    /// <summary>The next id of a kind: <c>lamp-00001</c>.</summary>
    public string NextId(string kind, int digits = 5)
    {
        var number = _numbers[kind] = _numbers.GetValueOrDefault(kind) + 1;
        return string.Create(CultureInfo.InvariantCulture, $"{kind}-{number.ToString($"D{digits}", CultureInfo.InvariantCulture)}");
    }

    /// <summary>Adds a twin with a place: metres east, north, up; degrees clockwise from north.</summary>
    public void AddTwin(string id, string modelId, PlanPoint place, double up, double heading, params ReadOnlySpan<Assignment> more)
    {
        var values = new Assignment[4 + more.Length];
        values[0] = new("x", PropertyValue.From(Round(place.East)));
        values[1] = new("y", PropertyValue.From(Round(place.North)));
        values[2] = new("z", PropertyValue.From(Round(up)));
        values[3] = new("heading", PropertyValue.From(Round(heading)));
        more.CopyTo(values.AsSpan(4));
        _twins.Add(new PutTwin(id, modelId, values));
    }

    /// <summary>Adds a relationship; its id is the target's, unique within a source's relationships of one kind of target.</summary>
    public void Relate(string source, string relationship, string target) =>
        _relationships.Add(new PutRelationship(source, $"{relationship}-{target}", relationship, target, []));

    public void AddDevice(string twinId, string group, TimeSpan period, Func<IDeviceBehaviour> start, DeviceSetting? setting = null)
    {
        var spread = new SeededRandom(seed, SeededRandom.EntityOf(twinId), 2).NextDouble();
        _devices.Add(new DeviceProfile(twinId, group, period, new TimeSpan((long)(period.Ticks * spread)), seed, start) { Setting = setting });
    }

    public Scenario Build(double originLongitude, double originLatitude) =>
        new(name, _models, _twins, _relationships, _devices, new ScenePicture(originLongitude, originLatitude, Buildings, Roads, Areas, _ranges));

    public static double Round(double metres) => Math.Round(metres, 2);
}
