using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>
/// Turns checked elements into <see cref="InterfaceDefinition"/>s: bases first in the order of <c>extends</c>, then the
/// interface's own contents, then the properties of components as <c>component/name</c>.
/// </summary>
internal sealed class Flattener(ModelSet known, ErrorList errors)
{
    /// <summary>Most properties of one interface, inherited and component ones counted: they become columns.</summary>
    public const int MostProperties = 10_000;

    private readonly Dictionary<string, InterfaceDefinition> _done = new(StringComparer.Ordinal);
    private readonly Dictionary<Element, Schema> _schemas = [];

    public ModelSet Run(IEnumerable<Element> elements)
    {
        foreach (var element in elements)
        {
            if (element.Class == "Interface") Define(element);
        }

        return new ModelSet(known.Interfaces.Values.Where(i => !_done.ContainsKey(i.Id)).Concat(_done.Values));
    }

    private InterfaceDefinition Define(Element element)
    {
        if (_done.TryGetValue(element.Id, out var found)) return found;
        var parts = new Parts();
        foreach (var link in element.LinksOf("extends")) parts.Inherit(link.Target is { } target ? Define(target) : link.Known!);
        foreach (var link in element.LinksOf("contents")) AddContent(link.Target!, parts);
        if (parts.IsTooMuch)
        {
            errors.Document = element.Document;
            errors.AddOwn("tooManyProperties", element.Id, "contents", null, $"{element.Id} has more than {MostProperties} properties, its bases' and components' counted.");
        }

        parts.Bases.Add(element.Id);
        var properties = parts.Properties.Values.Select((p, ordinal) => p with { Ordinal = ordinal }).ToArray();
        var definition = new InterfaceDefinition(
            element.Id, element.Texts.GetValueOrDefault("displayName") ?? Dtmi.LastSegment(element.Id), parts.Bases, properties,
            parts.Components.Values, parts.Relationships.Values, parts.Telemetries.Values, parts.Commands.Values);
        return _done[element.Id] = definition;
    }

    private void AddContent(Element content, Parts parts)
    {
        switch (content.Class)
        {
            case "Property":
                parts.Add(new PropertyDefinition(
                    0, content.Name, SchemaOf(content), content.Booleans.GetValueOrDefault("writable"), content.Unit, content.SemanticType, content.IsIndexed));
                break;
            case "Telemetry":
                parts.Telemetries.TryAdd(content.Name, new TelemetryDefinition(content.Name, SchemaOf(content), content.Unit));
                break;
            case "Command":
                parts.Commands.TryAdd(content.Name, new CommandDefinition(content.Name, PayloadOf(content, "request"), PayloadOf(content, "response")));
                break;
            case "Relationship":
                var own = content.LinksOf("properties").ToFrozenDictionary(p => p.Target!.Name, p => SchemaOf(p.Target!), StringComparer.Ordinal);
                int? most = content.Integers.TryGetValue("maxMultiplicity", out var number) ? (int)number : null;
                parts.Relationships.TryAdd(content.Name, new RelationshipDefinition(content.Name, content.Texts.GetValueOrDefault("target"), most, own));
                break;
            case "Component":
                var link = content.LinkOf("schema")!;
                var definition = link.Target is { } target ? Define(target) : link.Known!;
                parts.Components.TryAdd(content.Name, new ComponentDefinition(content.Name, definition));
                foreach (var property in definition.Properties) parts.Add(property with { Path = $"{content.Name}/{property.Path}" });
                break;
        }
    }

    private Schema? PayloadOf(Element command, string property) => command.LinkOf(property)?.Target is { } payload ? SchemaOf(payload) : null;

    private Schema SchemaOf(Element holder) => ToSchema(holder.LinkOf("schema")!);

    private Schema ToSchema(Link link)
    {
        if (link.Term is { } term) return Terms[term];
        var element = link.Target!;
        if (_schemas.TryGetValue(element, out var found)) return found;
        return _schemas[element] = element.Class switch
        {
            "Array" => new Schema(SchemaKind.Array) { Element = ToSchema(element.LinkOf("elementSchema")!) },
            "Map" => new Schema(SchemaKind.Map) { Element = SchemaOf(element.LinkOf("mapValue")!.Target!) },
            "Object" => new Schema(SchemaKind.Object)
            {
                Fields = element.LinksOf("fields").ToFrozenDictionary(f => f.Target!.Name, f => SchemaOf(f.Target!), StringComparer.Ordinal),
            },
            _ => new Schema(SchemaKind.Enum)
            {
                Members = [.. element.LinksOf("enumValues").Select(m => new EnumMember(m.Target!.Name, m.Target.Literal))],
            },
        };
    }

    private static readonly FrozenDictionary<string, Schema> Terms = Metamodel.SchemaTerms.ToFrozenDictionary(t => t, ToPrimitive, StringComparer.Ordinal);

    private static Schema ToPrimitive(string term) => term switch
    {
        "boolean" => new Schema(SchemaKind.Boolean),
        "integer" => new Schema(SchemaKind.Integer) { Minimum = int.MinValue, Maximum = int.MaxValue },
        "long" => new Schema(SchemaKind.Long),
        "float" => new Schema(SchemaKind.Float),
        "double" => new Schema(SchemaKind.Double),
        "string" => new Schema(SchemaKind.String),
        "date" => new Schema(SchemaKind.Date),
        "dateTime" => new Schema(SchemaKind.DateTime),
        "time" => new Schema(SchemaKind.Time),
        "duration" => new Schema(SchemaKind.Duration),
        _ => new Schema(SchemaKind.Geospatial),
    };

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
            Bases.UnionWith(definition.Bases);
            foreach (var property in definition.Properties) Add(property);
            foreach (var component in definition.Components.Values) Components.TryAdd(component.Name, component);
            foreach (var relationship in definition.Relationships.Values) Relationships.TryAdd(relationship.Name, relationship);
            foreach (var telemetry in definition.Telemetries.Values) Telemetries.TryAdd(telemetry.Name, telemetry);
            foreach (var command in definition.Commands.Values) Commands.TryAdd(command.Name, command);
        }
    }
}
