using System.Collections.Frozen;

namespace Twin.Model;

/// <summary>A property as the owner needs it: where it is, how it is held, what it accepts. Immutable.</summary>
/// <param name="Ordinal">Column number within the interface's flattened properties, 0-based.</param>
/// <param name="Path"><c>name</c>, or <c>component/name</c>; nested fields of objects are addressed below this path.</param>
/// <param name="Schema">What values it accepts.</param>
/// <param name="IsWritable">DTDL <c>writable</c>: may be set as desired state of a device. State may always be written through the doors.</param>
/// <param name="Unit">DTDL unit, e.g. <c>degreeCelsius</c>; null when none.</param>
/// <param name="SemanticType">DTDL semantic type, e.g. <c>Temperature</c>; null when none.</param>
/// <param name="IsIndexed">A secondary index is kept.</param>
public sealed record PropertyDefinition(
    int Ordinal, string Path, Schema Schema, bool IsWritable = false, string? Unit = null, string? SemanticType = null, bool IsIndexed = false);

/// <summary>A relationship an interface may have.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Target">Model id the target must be of; null accepts any.</param>
/// <param name="MaxMultiplicity">Most relationships of this name from one twin; null is unbounded.</param>
/// <param name="Properties">Its own properties, by name.</param>
public sealed record RelationshipDefinition(string Name, string? Target, int? MaxMultiplicity, FrozenDictionary<string, Schema> Properties);

/// <summary>A telemetry an interface may send.</summary>
public sealed record TelemetryDefinition(string Name, Schema Schema, string? Unit);

/// <summary>A command an interface takes. Null schemas mean no payload.</summary>
public sealed record CommandDefinition(string Name, Schema? Request, Schema? Response)
{
    /// <summary>The request may be null in place of a value of its schema.</summary>
    public bool IsRequestNullable { get; init; }

    /// <summary>The response may be null in place of a value of its schema.</summary>
    public bool IsResponseNullable { get; init; }
}

/// <summary>A component: its name and the interface it is of.</summary>
public sealed record ComponentDefinition(string Name, InterfaceDefinition Interface);

/// <summary>
/// One DTDL interface with everything it inherits, flattened for the owner: properties have fixed ordinals, component
/// properties are addressed as <c>component/name</c>. Immutable; thread-safe.
/// </summary>
public sealed class InterfaceDefinition
{
    private readonly string[] _bases;
    private FrozenSet<string>? _baseSet;
    private FrozenDictionary<string, ComponentDefinition>? _components;
    private FrozenDictionary<string, RelationshipDefinition>? _relationships;
    private FrozenDictionary<string, TelemetryDefinition>? _telemetries;
    private FrozenDictionary<string, CommandDefinition>? _commands;
    private PathIndex? _paths;

    /// <summary>Builds the definition; <paramref name="properties"/> must have ordinals 0..n-1 in order.</summary>
    public InterfaceDefinition(
        string id,
        string displayName,
        IEnumerable<string> basesIncludingSelf,
        IReadOnlyList<PropertyDefinition> properties,
        IEnumerable<ComponentDefinition> components,
        IEnumerable<RelationshipDefinition> relationships,
        IEnumerable<TelemetryDefinition> telemetries,
        IEnumerable<CommandDefinition> commands)
    {
        Id = id;
        DisplayName = displayName;
        _bases = [.. basesIncludingSelf];
        Properties = properties;
        ComponentList = [.. components];
        RelationshipList = [.. relationships];
        TelemetryList = [.. telemetries];
        CommandList = [.. commands];
    }

    /// <summary>The DTMI, e.g. <c>dtmi:twin:city:Streetlight;1</c>.</summary>
    public string Id { get; }

    /// <summary>Name for people; the id's last segment when the model gives none.</summary>
    public string DisplayName { get; }

    /// <summary>This interface and every one it extends, directly or not: what <c>IS_OF_MODEL</c> asks.</summary>
    public FrozenSet<string> Bases => _baseSet ??= _bases.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>All properties, inherited and component ones too, by ordinal.</summary>
    public IReadOnlyList<PropertyDefinition> Properties { get; }

    /// <summary>Components by name.</summary>
    public FrozenDictionary<string, ComponentDefinition> Components => _components ??= ComponentList.ToFrozenDictionary(c => c.Name, StringComparer.Ordinal);

    /// <summary>Relationships by name.</summary>
    public FrozenDictionary<string, RelationshipDefinition> Relationships => _relationships ??= RelationshipList.ToFrozenDictionary(r => r.Name, StringComparer.Ordinal);

    /// <summary>Telemetries by name.</summary>
    public FrozenDictionary<string, TelemetryDefinition> Telemetries => _telemetries ??= TelemetryList.ToFrozenDictionary(t => t.Name, StringComparer.Ordinal);

    /// <summary>Commands by name.</summary>
    public FrozenDictionary<string, CommandDefinition> Commands => _commands ??= CommandList.ToFrozenDictionary(c => c.Name, StringComparer.Ordinal);

    // The same in plain lists. Frozen dictionaries cost more to make than models to read, so they are made when first asked
    // for; two threads may both make one, and either will do.
    internal IReadOnlyList<string> BaseList => _bases;

    internal IReadOnlyList<ComponentDefinition> ComponentList { get; }

    internal IReadOnlyList<RelationshipDefinition> RelationshipList { get; }

    internal IReadOnlyList<TelemetryDefinition> TelemetryList { get; }

    internal IReadOnlyList<CommandDefinition> CommandList { get; }

    private PathIndex Paths => _paths ??= new PathIndex(Properties);

    /// <summary>The property at a path, or null.</summary>
    public PropertyDefinition? FindProperty(string path) => Paths.ByPath.GetValueOrDefault(path);

    /// <summary>The property at a path, or null. Allocates nothing after the first time.</summary>
    public PropertyDefinition? FindProperty(ReadOnlySpan<char> path) => Paths.BySpan.TryGetValue(path, out var found) ? found : null;

    private sealed class PathIndex
    {
        public PathIndex(IReadOnlyList<PropertyDefinition> properties)
        {
            ByPath = properties.ToFrozenDictionary(p => p.Path, StringComparer.Ordinal);
            BySpan = ByPath.GetAlternateLookup<ReadOnlySpan<char>>();
        }

        public FrozenDictionary<string, PropertyDefinition> ByPath { get; }

        public FrozenDictionary<string, PropertyDefinition>.AlternateLookup<ReadOnlySpan<char>> BySpan { get; }
    }
}

/// <summary>A closed set of interfaces: everything they extend or contain is in it. Immutable; thread-safe.</summary>
public sealed class ModelSet
{
    /// <summary>No models.</summary>
    public static ModelSet Empty { get; } = new([]);

    /// <summary>Builds the set.</summary>
    public ModelSet(IEnumerable<InterfaceDefinition> interfaces) =>
        Interfaces = interfaces.ToFrozenDictionary(i => i.Id, StringComparer.Ordinal);

    /// <summary>The interfaces by DTMI.</summary>
    public FrozenDictionary<string, InterfaceDefinition> Interfaces { get; }

    /// <summary>The interface of that id, or null.</summary>
    public InterfaceDefinition? Find(string dtmi) => Interfaces.GetValueOrDefault(dtmi);
}
