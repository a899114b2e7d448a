using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>
/// Turns checked elements into <see cref="InterfaceDefinition"/>s: bases first in the order of <c>extends</c>, then the
/// interface's own contents, then the properties of components as <c>component/name</c>.
/// </summary>
internal sealed class Flattener(ModelSet known, SchemaBuilder schemas, ErrorList errors)
{
    /// <summary>Most properties of one interface, inherited and component ones counted: they become columns.</summary>
    public const int MostProperties = 10_000;

    private readonly Dictionary<string, InterfaceDefinition> _done = new(StringComparer.Ordinal);

    public ModelSet Run(IEnumerable<Element> elements)
    {
        foreach (var element in elements)
        {
            if (element.IsInterface) Define(element);
        }

        return new ModelSet(known.Interfaces.Values.Where(i => !_done.ContainsKey(i.Id)).Concat(_done.Values));
    }

    private InterfaceDefinition Define(Element element)
    {
        if (element.Known is { } before) return before;
        if (_done.TryGetValue(element.Id, out var found)) return found;
        var parts = new Parts();
        foreach (var extended in element.Targets("extends")) parts.Inherit(Define(extended));
        foreach (var content in element.Targets("contents")) AddContent(content, parts);
        if (parts.IsTooMuch)
        {
            errors.Document = element.Document;
            errors.AddOwn("tooManyProperties", element.Id, "contents", null, $"{element.Id} has more than {MostProperties} properties, its bases' and components' counted.", element.At);
        }

        parts.Bases.Add(element.Id);
        var properties = parts.Properties.Values.Select((p, ordinal) => p with { Ordinal = ordinal }).ToArray();
        var definition = new InterfaceDefinition(
            element.Id, element.Literals.GetValueOrDefault("displayName") as string ?? Dtmi.LastSegment(element.Id), parts.Bases, properties,
            parts.Components.Values, parts.Relationships.Values, parts.Telemetries.Values, parts.Commands.Values);
        return _done[element.Id] = definition;
    }

    private void AddContent(Element content, Parts parts)
    {
        switch (content.Class)
        {
            case "Property":
                parts.Add(new PropertyDefinition(
                    0, content.Name, SchemaOf(content), content.Literals.GetValueOrDefault("writable") is true, UnitOf(content), SemanticTypeOf(content), content.Extensions.Exists(e => e.Id == IndexedType)));
                break;
            case "Telemetry":
                parts.Telemetries.TryAdd(content.Name, new TelemetryDefinition(content.Name, SchemaOf(content), UnitOf(content)));
                break;
            case "Command":
                parts.Commands.TryAdd(content.Name, new CommandDefinition(content.Name, PayloadOf(content, "request"), PayloadOf(content, "response"))
                {
                    IsRequestNullable = IsNullable(content, "request"), IsResponseNullable = IsNullable(content, "response"),
                });
                break;
            case "Relationship":
                var own = content.Targets("properties").ToFrozenDictionary(p => p.Name, SchemaOf, StringComparer.Ordinal);
                parts.Relationships.TryAdd(content.Name, new RelationshipDefinition(content.Name, content.Literals.GetValueOrDefault("target") as string, content.Literals.GetValueOrDefault("maxMultiplicity") as int?, own));
                break;
            case "Component":
                var definition = Define(content.Target("schema")!);
                parts.Components.TryAdd(content.Name, new ComponentDefinition(content.Name, definition));
                foreach (var property in definition.Properties) parts.Add(property with { Path = $"{content.Name}/{property.Path}" });
                break;
        }
    }

    private const string IndexedType = "dtmi:twin:class:Indexed;1";

    private Schema? PayloadOf(Element command, string property) => command.Target(property) is { } payload ? SchemaOf(payload) : null;

    private static bool IsNullable(Element command, string property) => command.Target(property)?.Literals.GetValueOrDefault("nullable") is true;

    private Schema SchemaOf(Element holder) => schemas.Get(holder.Target("schema")!);

    private static string? SemanticTypeOf(Element content) => content.Extensions.FirstOrDefault(e => e.Kind == "SemanticType")?.Name;

    private static string? UnitOf(Element content)
    {
        foreach (var links in content.Links.Values)
        {
            if (links is [{ Extension.Name: "unit", Target: { } unit }, ..]) return Dtmi.LastSegment(unit.Id);
        }

        return null;
    }

    private sealed class Parts
    {
        public HashSet<string> Bases { get; } = new(StringComparer.Ordinal);

        public OrderedDictionary<string, PropertyDefinition> Properties { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, ComponentDefinition> Components { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, RelationshipDefinition> Relationships { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, TelemetryDefinition> Telemetries { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, CommandDefinition> Commands { get; } = new(StringComparer.Ordinal);

        /// <summary>More properties than may be; what came later was left out.</summary>
        public bool IsTooMuch { get; private set; }

        public void Add(PropertyDefinition property)
        {
            if (Properties.Count < MostProperties) Properties.TryAdd(property.Path, property);
            else IsTooMuch |= !Properties.ContainsKey(property.Path);
        }

        public void Inherit(InterfaceDefinition definition)
        {
            Bases.UnionWith(definition.BaseList);
            foreach (var property in definition.Properties) Add(property);
            foreach (var component in definition.ComponentList) Components.TryAdd(component.Name, component);
            foreach (var relationship in definition.RelationshipList) Relationships.TryAdd(relationship.Name, relationship);
            foreach (var telemetry in definition.TelemetryList) Telemetries.TryAdd(telemetry.Name, telemetry);
            foreach (var command in definition.CommandList) Commands.TryAdd(command.Name, command);
        }
    }
}
