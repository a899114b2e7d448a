using System.Collections.Frozen;
using System.Text;

namespace Twin.Graph.Tests;

/// <summary>Three models by hand, with every storage kind, a component, indexes and bounded relationships.</summary>
internal static class TestModels
{
    public const string Lamp = "dtmi:test:Lamp;1";
    public const string SmartLamp = "dtmi:test:SmartLamp;1";
    public const string Room = "dtmi:test:Room;1";

    public static readonly Schema Mode = new(SchemaKind.Enum) { Members = [new("off", PropertyValue.From("off")), new("low", PropertyValue.From("low")), new("high", PropertyValue.From("high"))] };

    public static readonly Schema Address = new(SchemaKind.Object)
    {
        Fields = new Dictionary<string, Schema> { ["street"] = new(SchemaKind.String), ["number"] = new(SchemaKind.Integer) }.ToFrozenDictionary(),
    };

    public static readonly Schema Tags = new(SchemaKind.Map) { Element = new Schema(SchemaKind.String) };

    private static readonly InterfaceDefinition Thermostat = Make("dtmi:test:Thermostat;1", [], ("target", new(SchemaKind.Double), false), ("note", new(SchemaKind.String), false));

    public static ModelSet Set { get; } = new(
    [
        Thermostat,
        Make(Lamp, [Near(2), new("in", null, null, FrozenDictionary<string, Schema>.Empty)], LampProperties()),
        Make(SmartLamp, [Near(null)], [Lamp],
            ("power", new(SchemaKind.Double), true), ("count", new(SchemaKind.Double), false), ("on", new(SchemaKind.Boolean), false),
            ("level", new(SchemaKind.Integer), true), ("thermostat/target", new(SchemaKind.Double), false), ("thermostat/note", new(SchemaKind.String), false)),
        Make(Room, [new("contains", Lamp, null, FrozenDictionary<string, Schema>.Empty)], ("temperature", new(SchemaKind.Double), true)),
    ]);

    public static (string, Schema, bool)[] LampProperties() =>
    [
        ("power", new(SchemaKind.Double), true), ("count", new(SchemaKind.Integer), true), ("on", new(SchemaKind.Boolean), false), ("mode", Mode, true),
        ("label", new(SchemaKind.String), false), ("installed", new(SchemaKind.DateTime), true), ("runtime", new(SchemaKind.Duration), false),
        ("address", Address, false), ("tags", Tags, false), ("thermostat/target", new(SchemaKind.Double), false), ("thermostat/note", new(SchemaKind.String), false),
    ];

    private static RelationshipDefinition Near(int? most) =>
        new("near", Lamp, most, new Dictionary<string, Schema> { ["distance"] = new(SchemaKind.Double), ["seen"] = new(SchemaKind.DateTime) }.ToFrozenDictionary());

    private static InterfaceDefinition Make(string id, RelationshipDefinition[] relationships, params (string Path, Schema Schema, bool IsIndexed)[] properties) =>
        Make(id, relationships, [], properties);

    private static InterfaceDefinition Make(string id, RelationshipDefinition[] relationships, string[] bases, params (string Path, Schema Schema, bool IsIndexed)[] properties) =>
        new(id, id, [id, .. bases], [.. properties.Select((p, i) => new PropertyDefinition(i, p.Path, p.Schema, IsIndexed: p.IsIndexed))],
            properties.Any(p => p.Path.Contains('/')) ? [new("thermostat", Thermostat)] : [], relationships,
            [new("alarm", new Schema(SchemaKind.Double), null)], []);

    public static WallTime At(double seconds) => new(new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks + (long)(seconds * TimeSpan.TicksPerSecond));

    public static PropertyValue Json(string json) => PropertyValue.FromJson(Encoding.UTF8.GetBytes(json));

    public static PropertyValue Number(double value) => PropertyValue.From(value);

    public static ShardState NewState() => new(0, 1, Set);
}
