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
    private readonly FrozenDictionary<string, PropertyDefinition> _byPath;
    private readonly FrozenDictionary<string, PropertyDefinition>.AlternateLookup<ReadOnlySpan<char>> _bySpan;

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
        Bases = basesIncludingSelf.ToFrozenSet(StringComparer.Ordinal);
        Properties = properties;
        Components = components.ToFrozenDictionary(c => c.Name, StringComparer.Ordinal);
        Relationships = relationships.ToFrozenDictionary(r => r.Name, StringComparer.Ordinal);
        Telemetries = telemetries.ToFrozenDictionary(t => t.Name, StringComparer.Ordinal);
        Commands = commands.ToFrozenDictionary(c => c.Name, StringComparer.Ordinal);
        _byPath = properties.ToFrozenDictionary(p => p.Path, StringComparer.Ordinal);
        _bySpan = _byPath.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The DTMI, e.g. <c>dtmi:twin:city:Streetlight;1</c>.</summary>
    public string Id { get; }

    /// <summary>Name for people; the id's last segment when the model gives none.</summary>
    public string DisplayName { get; }

    /// <summary>This interface and every one it extends, directly or not: what <c>IS_OF_MODEL</c> asks.</summary>
    public FrozenSet<string> Bases { get; }

    /// <summary>All properties, inherited and component ones too, by ordinal.</summary>
    public IReadOnlyList<PropertyDefinition> Properties { get; }

    /// <summary>Components by name.</summary>
    public FrozenDictionary<string, ComponentDefinition> Components { get; }

    /// <summary>Relationships by name.</summary>
    public FrozenDictionary<string, RelationshipDefinition> Relationships { get; }

    /// <summary>Telemetries by name.</summary>
    public FrozenDictionary<string, TelemetryDefinition> Telemetries { get; }

    /// <summary>Commands by name.</summary>
    public FrozenDictionary<string, CommandDefinition> Commands { get; }

    /// <summary>The property at a path, or null.</summary>
    public PropertyDefinition? FindProperty(string path) => _byPath.GetValueOrDefault(path);

    /// <summary>The property at a path, or null. Allocates nothing.</summary>
    public PropertyDefinition? FindProperty(ReadOnlySpan<char> path) => _bySpan.TryGetValue(path, out var found) ? found : null;
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
