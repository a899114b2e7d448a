namespace Twin.Model.Dtdl;

/// <summary>
/// What concerns several elements: names are unique, own and inherited ones; nothing extends itself; counts and depths
/// stay in bounds; enum values match their schema. Run after all links have targets.
/// </summary>
internal sealed class ElementChecks(ElementReader reader, ErrorList errors)
{
    private const int MostExtended = 1024; // interfaces an interface extends, directly or not; from v3 on
    private const int MostParts = 100_000; // parts of an interface; from v3 on
    private const int FarEnough = 64; // followed no further: beyond every limit
    private readonly Dictionary<Element, int> _extendsDepth = [];
    private readonly Dictionary<Element, Dictionary<string, Element>> _contents = [];
    private readonly Dictionary<Element, Dictionary<string, Element>> _own = []; // without inherited ones
    private readonly PartCounter _extended = new(["extends"]);
    private readonly PartCounter _parts = new(["contents", "fields", "enumValues", "request", "response", "properties", "schema", "elementSchema", "mapValue"]);

    public void Run()
    {
        foreach (var element in reader.ById.Values)
        {
            if (!element.IsInterface) continue;
            errors.Document = element.Document;
            Import(element);
        }

        var schemas = new SchemaChecks(errors);
        var extensions = new ExtensionChecks(ContentsOf, errors);
        foreach (var element in reader.ById.Values)
        {
            errors.Document = element.Document;
            extensions.Check(element);
            CheckCounts(element);
            CheckUnique(element);
            switch (element.Class)
            {
                case "Interface": CheckInterface(element); break;
                case "Component": CheckComponent(element); break;
                case "Property" when element.Version == 2: schemas.CheckNoArray(element); break;
                case "Enum": CheckEnum(element); break;
            }

            if (element.Rule.Ancestors.Contains("ComplexSchema")) schemas.CheckDepth(element);
        }
    }

    /// <summary>Contents by name, inherited ones too.</summary>
    private Dictionary<string, Element> ContentsOf(Element element) => _contents.TryGetValue(element, out var found) ? found : _contents[element] = OwnContents(element, tells: false);

    private Dictionary<string, Element> OwnContents(Element element, bool tells)
    {
        var contents = new Dictionary<string, Element>(StringComparer.Ordinal);
        foreach (var content in element.Targets("contents"))
        {
            if (content.Name.Length > 0 && !contents.TryAdd(content.Name, content) && tells && contents[content.Name].Id != content.Id)
                errors.Add("nonUniquePropertyValue", element.Id, "contents", content.Name, $"'contents' of {element.Id} has two elements named '{content.Name}'. Names are unique.", content.At);
        }

        return contents;
    }

    private void Import(Element element)
    {
        var contents = OwnContents(element, tells: true);
        _contents[element] = contents;
        var deepest = element.Version >= 4 ? 12 : 10;
        var depth = DepthOf(element, []);
        if (depth < 0)
        {
            errors.Add("recursiveStructureNarrow", element.Id, "extends", null, $"{element.Id} extends itself, directly or through others.", element.AtOf("extends"));
            return;
        }

        if (depth > deepest)
        {
            errors.Add("excessiveDepthNarrow", element.Id, "extends", null, $"The chain of extends from {element.Id} is {depth} deep; at most {deepest} are allowed.", element.AtOf("extends"));
            return;
        }

        var seen = new HashSet<Element> { element };
        foreach (var link in element.LinksOf("extends")) ImportFrom(link.Target, element, contents, seen);
    }

    private void ImportFrom(Element? source, Element into, Dictionary<string, Element> contents, HashSet<Element> seen)
    {
        if (source is null || !seen.Add(source)) return;
        if (!_own.TryGetValue(source, out var own)) _own[source] = own = OwnContents(source, tells: false);
        foreach (var (name, content) in own)
        {
            if (contents.TryAdd(name, content)) content.AddHolder(into, "contents");
            else if (contents[name].Id != content.Id)
                errors.Add("nonUniqueImportedPropertyValue", into.Id, "contents", name, $"{into.Id} has '{name}' both as {contents[name].Id} and, through 'extends', as {content.Id}. Rename one.", into.AtOf("extends"));
        }

        foreach (var link in source.LinksOf("extends")) ImportFrom(link.Target, into, contents, seen);
    }

    /// <summary>Longest chain of extends from an interface; -1 when it is on a ring; one that only leads to a ring counts up to it.</summary>
    private int DepthOf(Element element, List<Element> path)
    {
        if (_extendsDepth.TryGetValue(element, out var found)) return found;
        var at = path.IndexOf(element);
        if (at >= 0)
        {
            for (var i = at; i < path.Count; i++) _extendsDepth[path[i]] = -1;
            return -1;
        }

        if (path.Count >= FarEnough) return 0; // the first of the path is refused; nobody needs the exact number
        path.Add(element);
        var depth = 0;
        foreach (var link in element.LinksOf("extends"))
        {
            if (link.Target is { } target) depth = Math.Max(depth, DepthOf(target, path) + 1);
        }

        path.RemoveAt(path.Count - 1);
        return _extendsDepth.TryGetValue(element, out found) ? found : _extendsDepth[element] = depth;
    }

    private void CheckCounts(Element element)
    {
        foreach (var rule in element.Rule.Properties.Values)
        {
            if (rule.Most is not { } most || (rule.Name != "contents" && element.LinksOf(rule.Name).Count <= most)) continue;
            var count = rule.Name == "contents" ? ContentsOf(element).Count : element.LinksOf(rule.Name).Select(l => l.Id).Distinct().Count();
            if (count > most)
                errors.Add("objectCountAboveMax", element.Id, rule.Name, null, $"'{rule.Name}' of {element.Id} has {count} values{(rule.Name == "contents" ? " with the inherited ones" : "")}; at most {most} are allowed.", element.AtOf(rule.Name));
        }
    }

    private void CheckUnique(Element element)
    {
        foreach (var rule in element.Rule.Properties.Values)
        {
            foreach (var key in rule.Unique)
            {
                var values = new HashSet<object>();
                foreach (var target in element.Targets(rule.Name))
                {
                    if (target.Literals.TryGetValue(key, out var value) && !values.Add(value))
                        errors.Add("nonUniquePropertyValue", element.Id, rule.Name, value.ToString(), $"'{rule.Name}' of {element.Id} has two elements whose '{key}' is '{value}'. Make them differ.", target.AtOf(key));
                }
            }
        }
    }

    private void CheckInterface(Element element)
    {
        if (element.Version < 3) return;
        Count(element, _extended, "extends", MostExtended, "extends interfaces", allowsSelf: false);
        Count(element, _parts, "contents", MostParts, "has parts", allowsSelf: element.Version >= 4);
    }

    private void Count(Element element, PartCounter counter, string property, int most, string what, bool allowsSelf)
    {
        var count = counter.Count(element, ContentsOf, out var onRing);
        if (onRing is not null && !allowsSelf)
            errors.Add("recursiveStructureNarrow", onRing.Id, property, null, $"{onRing.Id} contains itself, directly or through others.", onRing.At);
        if (count > most)
            errors.Add("excessiveCount", element.Id, property, null, $"{element.Id} {what}, directly or not, {count} times; at most {most} are allowed.", element.AtOf(property));
    }

    private void CheckComponent(Element element)
    {
        if (element.Target("schema") is not { } definition) return;
        var inner = ContentsOf(definition).Values.FirstOrDefault(c => c.Class == "Component") ?? InheritedOf(definition).FirstOrDefault(c => c.Class == "Component");
        if (inner is not null)
            errors.Add("excludedType", element.Id, "schema", definition.Id, $"Component {element.Id} is of {definition.Id}, which has a component itself ({inner.Id}). DTDL does not allow components within components.", element.AtOf("schema"));
    }

    private static IEnumerable<Element> InheritedOf(Element definition)
    {
        if (definition.Known is null) return []; // interfaces of the texts have theirs imported
        return definition.Targets("extends").SelectMany(b => b.Targets("contents").Concat(InheritedOf(b)));
    }

    private void CheckEnum(Element element)
    {
        if (element.Target("valueSchema") is not { } schema) return;
        if (schema.Class is not ("Integer" or "String"))
        {
            errors.Add("incorrectPropertyValue", element.Id, "valueSchema", schema.Id, $"'valueSchema' of {element.Id} is {schema.Id}; integer and string are allowed.", element.AtOf("valueSchema"));
            if (schema.Class != "Boolean") return;
        }

        foreach (var member in element.Targets("enumValues"))
        {
            if (!member.Literals.TryGetValue("enumValue", out var value)) continue;
            var fits = schema.Class switch { "Integer" => value is int, "String" => value is string, _ => value is bool };
            if (!fits)
                errors.Add("nonConformantDatatype", member.Id, "enumValue", value.ToString(), $"The enum value '{member.Name}' is {value}, but 'valueSchema' of {element.Id} is {Dtmi.LastSegment(schema.Id)}.", member.AtOf("enumValue"));
        }
    }
}

/// <summary>Counts the parts of an element over some properties, each path for itself. What was counted is remembered.</summary>
internal sealed class PartCounter(string[] properties)
{
    private const int FarEnough = 256; // deeper nesting is refused by the checks of depth
    private readonly Dictionary<Element, long> _counts = [];
    private readonly HashSet<Element> _open = [];

    /// <summary>The count; <paramref name="onRing"/> is an element that contains itself, if one was met.</summary>
    public long Count(Element element, Func<Element, Dictionary<string, Element>> contentsOf, out Element? onRing)
    {
        onRing = null;
        return Walk(element, contentsOf, ref onRing);
    }

    private long Walk(Element element, Func<Element, Dictionary<string, Element>> contentsOf, ref Element? onRing)
    {
        if (_counts.TryGetValue(element, out var found)) return found;
        if (_open.Count >= FarEnough) return 0;
        if (!_open.Add(element))
        {
            onRing = element;
            return 0;
        }

        var count = 0L;
        foreach (var property in properties)
        {
            if (property == "contents" && element.IsInterface)
            {
                foreach (var content in contentsOf(element).Values) count += Walk(content, contentsOf, ref onRing) + 1;
                continue;
            }

            if (!element.Links.TryGetValue(property, out var links)) continue;
            foreach (var link in links)
            {
                if (link.Target is { } target) count += Walk(target, contentsOf, ref onRing) + 1;
            }
        }

        _open.Remove(element);
        return _counts[element] = Math.Min(count, int.MaxValue);
    }
}
