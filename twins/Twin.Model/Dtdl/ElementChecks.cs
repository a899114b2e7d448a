namespace Twin.Model.Dtdl;

/// <summary>
/// What concerns several elements: references resolve to the right class, nothing contains or extends itself, depth and
/// count stay in bounds, names are unique, enum values match their schema. Run after all documents are read.
/// </summary>
internal sealed class ElementChecks(ElementReader reader, ModelSet known, ErrorList errors)
{
    private const int DeepestExtends = 10;
    private const int DeepestComponents = 32;
    private readonly Dictionary<Element, int> _extendsDepth = [];
    private readonly Dictionary<Element, int> _schemaDepth = [];
    private readonly Dictionary<string, int> _knownDepth = new(StringComparer.Ordinal);

    public void Run()
    {
        foreach (var element in reader.All)
        {
            errors.Document = element.Document;
            foreach (var (property, links) in element.Links) Resolve(element, property, links);
        }

        if (errors.Errors.Count > 0) return; // what follows walks the links
        foreach (var element in reader.All)
        {
            errors.Document = element.Document;
            CheckOne(element);
        }

        if (errors.Errors.Count > 0) return;
        foreach (var element in reader.All)
        {
            if (element.Class != "Interface") continue;
            errors.Document = element.Document;
            CheckInherited(element);
        }
    }

    private void Resolve(Element element, string property, List<Link> links)
    {
        var rule = element.Rule.Properties[property];
        foreach (var link in links)
        {
            if (link.Reference is not { } id) continue;
            if (reader.ById.TryGetValue(id, out var target))
            {
                link.Target = target;
                if (!rule.Classes.Contains(target.Class))
                    errors.Add("badType", element.Id, property, id, $"'{property}' of {element.Id} refers to {id}, which is a {target.Class}; allowed: {string.Join(", ", rule.Classes)}.");
                else if (target.Class != "Interface" && target.Partition != element.Partition)
                    errors.Add("crossPartitionReference", element.Id, property, id, $"'{property}' of {element.Id} refers to {id}, which belongs to another interface ({target.Partition.Id}). Define it in this interface.");
                else if (target.Version > element.Version)
                    errors.Add("disallowedVersionReference", element.Id, property, id, $"{element.Id} is DTDL v{element.Version} and refers to {id}, which is v{target.Version}.");
            }
            else if (known.Find(id) is { } definition)
            {
                link.Known = definition;
                if (!rule.Classes.Contains("Interface"))
                    errors.Add("badType", element.Id, property, id, $"'{property}' of {element.Id} refers to {id}, which is an Interface; allowed: {string.Join(", ", rule.Classes)}.");
            }
            else
                errors.AddOwn("unresolvedReference", element.Id, property, id, $"'{property}' of {element.Id} refers to {id}, which is not defined here or among the known models.");
        }
    }

    private void CheckOne(Element element)
    {
        switch (element.Class)
        {
            case "Interface":
                CheckUnique(element, "contents");
                CheckExtends(element);
                break;
            case "Object": CheckUnique(element, "fields"); break;
            case "Enum": CheckEnum(element); break;
            case "Relationship": CheckUnique(element, "properties"); break;
            case "Component" when element.Version == 2: CheckNoNestedComponents(element); break;
        }

        foreach (var link in element.LinksOf("schemas")) CheckSchema(element, "schemas", link);
        foreach (var property in SchemaProperties)
        {
            if (element.LinkOf(property) is not { } link || element.Class == "Component") continue;
            CheckSchema(element, property, link);
        }

        if (element.SemanticType is not null) CheckNumeric(element);
    }

    private static readonly string[] SchemaProperties = ["schema", "elementSchema"];

    private void CheckUnique(Element element, string property)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var link in element.LinksOf(property))
        {
            if (link.Target is { } target && !names.Add(target.Name))
                errors.Add("nonUniquePropertyValue", element.Id, property, target.Name, $"'{property}' of {element.Id} has two elements named '{target.Name}'. Names are unique.");
        }
    }

    private void CheckEnum(Element element)
    {
        CheckUnique(element, "enumValues");
        var isText = element.Texts.GetValueOrDefault("valueSchema") == "string";
        var values = new HashSet<PropertyValue>();
        foreach (var link in element.LinksOf("enumValues"))
        {
            if (link.Target is not { } member) continue;
            if (member.Literal.Kind != (isText ? ValueKind.Text : ValueKind.Integer))
                errors.Add("literalNotValid", member.Id, "enumValue", member.Literal.ToString(), $"The enum value '{member.Name}' is {member.Literal}, but valueSchema is {(isText ? "string" : "integer")}.");
            else if (!values.Add(member.Literal))
                errors.Add("nonUniquePropertyValue", element.Id, "enumValues", member.Literal.ToString(), $"Two values of {element.Id} are {member.Literal}. Values are unique.");
        }
    }

    private void CheckExtends(Element element)
    {
        var depth = DepthOf(element, []);
        if (depth < 0)
            errors.Add("recursiveStructureNarrow", element.Id, "extends", null, $"{element.Id} extends itself, directly or through others.");
        else if (depth > DeepestExtends)
            errors.Add("excessiveDepthNarrow", element.Id, "extends", null, $"The extends chain of {element.Id} is {depth} deep; at most {DeepestExtends} are allowed.");
    }

    /// <summary>Longest chain of extends below an interface; -1 when it comes back to itself.</summary>
    private int DepthOf(Element element, HashSet<Element> path)
    {
        if (_extendsDepth.TryGetValue(element, out var found)) return found;
        if (path.Count > 4 * DeepestExtends) return 0; // deep enough to be refused at the top
        if (!path.Add(element)) return -1;
        var depth = 0;
        foreach (var link in element.LinksOf("extends"))
        {
            var below = link.Target is { } target ? DepthOf(target, path) : link.Known is { } definition ? KnownDepth(definition) : 0;
            if (below < 0) return -1;
            depth = Math.Max(depth, below + 1);
        }

        path.Remove(element);
        return _extendsDepth[element] = depth;
    }

    /// <summary>Longest chain among a known interface's bases: the base sets are transitive, so the longest chain of ever smaller sets.</summary>
    private int KnownDepth(InterfaceDefinition definition)
    {
        if (_knownDepth.TryGetValue(definition.Id, out var found)) return found;
        var depth = 0;
        foreach (var id in definition.Bases)
        {
            if (id != definition.Id && known.Find(id) is { } further) depth = Math.Max(depth, KnownDepth(further) + 1);
        }

        return _knownDepth[definition.Id] = depth;
    }

    private void CheckSchema(Element element, string property, Link link)
    {
        if (link.Target is null)
        {
            CheckPropertySchema(element, property, link);
            return;
        }

        var limit = element.Version == 2 ? 5 : 8;
        var depth = SchemaDepth(link.Target, limit, []);
        if (depth < 0)
            errors.Add("recursiveStructureWide", element.Id, property, link.Target.Id, $"The schema of {element.Id} contains itself.");
        else if (depth > limit)
            errors.Add("excessiveDepthWide", element.Id, property, link.Target.Id, $"The schema of {element.Id} is nested more than {limit} deep.");
        else CheckPropertySchema(element, property, link);
    }

    private void CheckPropertySchema(Element element, string property, Link link)
    {
        if (element.Version == 2 && element.Class == "Property" && ContainsArray(link, []))
            errors.Add("excludedType", element.Id, property, link.Term ?? link.Target!.Id, $"The schema of property {element.Id} is or contains an Array or a geospatial type, which DTDL v2 allows only in telemetry and commands. Use DTDL v3.");
    }

    private static IEnumerable<Element> Parts(Element schema) => PartLinks(schema).Where(p => p.Target is not null).Select(p => p.Target!);

    private static IEnumerable<Link> PartLinks(Element schema)
    {
        foreach (var field in schema.LinksOf("fields"))
        {
            if (field.Target?.LinkOf("schema") is { } link) yield return link;
        }

        if (schema.LinkOf("mapValue")?.Target?.LinkOf("schema") is { } value) yield return value;
        if (schema.LinkOf("elementSchema") is { } element) yield return element;
    }

    /// <summary>Nesting of a schema, itself 1; -1 when it contains itself. Looks no deeper than a little past the limit.</summary>
    private int SchemaDepth(Element schema, int limit, HashSet<Element> path)
    {
        if (_schemaDepth.TryGetValue(schema, out var found)) return found;
        if (!path.Add(schema)) return -1;
        var depth = 1;
        foreach (var part in Parts(schema))
        {
            var below = path.Count > limit + 2 && !path.Contains(part) ? limit : SchemaDepth(part, limit, path);
            if (below < 0) return -1;
            depth = Math.Max(depth, below + 1);
        }

        path.Remove(schema);
        return _schemaDepth[schema] = depth;
    }

    private static bool ContainsArray(Link link, HashSet<Element> visited) => link.Target is { } schema
        ? schema.Class == "Array" || (visited.Add(schema) && PartLinks(schema).Any(p => ContainsArray(p, visited)))
        : link.Term is { } term && Metamodel.GeospatialTerms.Contains(term);

    private void CheckNumeric(Element element)
    {
        if (element.LinkOf("schema") is not { } link) return;
        var isNumeric = link.Term is "integer" or "long" or "float" or "double" || (link.Target?.Class == "Enum" && link.Target.Texts.GetValueOrDefault("valueSchema") == "integer");
        if (!isNumeric)
            errors.Add("notRequiredValue", element.Id, "schema", link.Term ?? link.Target?.Id, $"{element.Id} has semantic type {element.SemanticType}, so its schema must be integer, long, float or double.");
    }

    private void CheckNoNestedComponents(Element component)
    {
        var link = component.LinkOf("schema");
        var nested = link?.Known is { } definition ? definition.Components.Count > 0 : link?.Target is { } target && HasComponents(target);
        if (nested)
            errors.Add("excludedType", component.Id, "schema", link!.Reference ?? link.Target!.Id, $"Component {component.Id} is of an interface that has components itself, which DTDL v2 does not allow.");
    }

    private static bool HasComponents(Element definition) =>
        definition.LinksOf("contents").Any(c => c.Target?.Class == "Component") ||
        definition.LinksOf("extends").Any(e => e.Target is { } target ? HasComponents(target) : e.Known?.Components.Count > 0);

    private void CheckInherited(Element element)
    {
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        var visited = new HashSet<string>(StringComparer.Ordinal);
        AddNames(element, owners, visited, element);
        if (ComponentDepth(element, []) is < 0 or > DeepestComponents)
            errors.Add("recursiveStructureNarrow", element.Id, "contents", null, $"{element.Id} contains itself through its components, or nests components more than {DeepestComponents} deep.");
    }

    private void AddNames(Element element, Dictionary<string, string> owners, HashSet<string> visited, Element root)
    {
        if (!visited.Add(element.Id)) return;
        foreach (var link in element.LinksOf("contents"))
        {
            if (link.Target is not { } content || owners.TryAdd(content.Name, element.Id) || owners[content.Name] == element.Id) continue;
            ReportInherited(root, content.Name, owners[content.Name], element.Id);
        }

        foreach (var link in element.LinksOf("extends"))
        {
            if (link.Target is { } target) AddNames(target, owners, visited, root);
            else if (link.Known is { } definition && visited.Add(definition.Id)) AddKnownNames(definition, owners, visited, root);
        }
    }

    private void AddKnownNames(InterfaceDefinition definition, Dictionary<string, string> owners, HashSet<string> visited, Element root)
    {
        var names = definition.Properties.Where(p => !p.Path.Contains('/', StringComparison.Ordinal)).Select(p => p.Path)
            .Concat(definition.Components.Keys).Concat(definition.Relationships.Keys).Concat(definition.Telemetries.Keys).Concat(definition.Commands.Keys);
        foreach (var name in names)
        {
            if (owners.TryAdd(name, definition.Id)) continue;
            if (known.Find(owners[name]) is { } other && SharesBaseWith(other, definition, name)) continue;
            ReportInherited(root, name, owners[name], definition.Id);
        }

        visited.UnionWith(definition.Bases);
    }

    private bool SharesBaseWith(InterfaceDefinition a, InterfaceDefinition b, string name) =>
        a.Bases.Any(id => b.Bases.Contains(id) && known.Find(id) is { } shared && Has(shared, name));

    private static bool Has(InterfaceDefinition definition, string name) =>
        definition.FindProperty(name) is not null || definition.Components.ContainsKey(name) || definition.Relationships.ContainsKey(name)
        || definition.Telemetries.ContainsKey(name) || definition.Commands.ContainsKey(name);

    private void ReportInherited(Element root, string name, string first, string second) =>
        errors.Add("nonUniqueImportedPropertyValue", root.Id, "contents", name, $"{root.Id} gets '{name}' from both {first} and {second}. Rename one.");

    private readonly Dictionary<Element, int> _componentDepth = [];

    /// <summary>Longest chain of components and bases below an interface; -1 when it comes back to itself or is deeper than we go.</summary>
    private int ComponentDepth(Element at, HashSet<Element> path)
    {
        if (_componentDepth.TryGetValue(at, out var found)) return found;
        if (path.Count > DeepestComponents || !path.Add(at)) return -1;
        var depth = 0;
        foreach (var next in at.LinksOf("contents").Where(c => c.Target?.Class == "Component").Select(c => c.Target!.LinkOf("schema")?.Target)
            .Concat(at.LinksOf("extends").Select(e => e.Target)))
        {
            if (next is null) continue;
            var below = ComponentDepth(next, path);
            if (below < 0) return -1;
            depth = Math.Max(depth, below + 1);
        }

        path.Remove(at);
        return _componentDepth[at] = depth;
    }
}
