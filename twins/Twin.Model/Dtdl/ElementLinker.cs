namespace Twin.Model.Dtdl;

/// <summary>
/// Finds what links refer to: elements of the texts, of the language, or interfaces known before; then checks that each
/// is of the class, version and interface it may be of. One linker a parse.
/// </summary>
internal sealed class ElementLinker(ElementReader reader, ModelSet known, ErrorList errors)
{
    private readonly Dictionary<string, Element> _known = new(StringComparer.Ordinal);
    private readonly HashSet<Element> _standard = [];
    private int _found; // links before this one have targets

    /// <summary>Elements of the texts, and of the language as far as they are referred to.</summary>
    public int ElementCount => reader.ById.Count + _standard.Count;

    /// <summary>Gives links their targets, as far as they can be found. Returns what is defined nowhere, each once with a link.</summary>
    public List<Link> Find()
    {
        var missing = new Dictionary<string, Link>(StringComparer.Ordinal);
        var next = reader.Links.Count;
        for (var i = _found; i < reader.Links.Count; i++)
        {
            var link = reader.Links[i];
            if (FindElement(link.Id) is { } target)
            {
                link.Target = target;
                continue;
            }

            errors.Document = link.Holder.Document;
            if (link.Text is { } text && link.Expected is not null && !Dtmi.LooksLike(text)) TellBadType(link, $"the term '{text}'");
            else if (Vocabulary.IsReserved(link.Id))
                errors.Add("undefinedReservedId", link.Holder.Id, PropertyName(link), link.Text, $"'{PropertyName(link)}' of {link.Holder.Id} refers to '{link.Text ?? link.Id}', which neither the language nor an extension defines.", link.At);
            else
            {
                missing.TryAdd(link.Id, link);
                next = Math.Min(next, i);
            }
        }

        _found = next;
        return [.. missing.Values];
    }

    /// <summary>Checks each link by itself, and tells holders.</summary>
    public void Check()
    {
        foreach (var link in reader.Links)
        {
            if (link.Target is not { } target) continue;
            errors.Document = link.Holder.Document;
            CheckPartition(link, target);
            if (link.Expected is { } expected && !expected.Refers.Contains(target.Class))
            {
                TellBadType(link, $"{link.Id}, which is a {target.Class}");
                continue;
            }

            if (link is { Expected: not null, Rule: { } rule } && rule.Versions.Length > 0 && Array.IndexOf(rule.Versions, target.Version) < 0)
                errors.Add("disallowedVersionReference", link.Holder.Id, link.Property, link.Id, $"'{link.Property}' of {link.Holder.Id} refers to {link.Id}, which is of DTDL v{target.Version}; allowed here: v{string.Join(", v", rule.Versions)}.", link.At);
            if (link.Extension is { ChildOf: { } parent } && target.ParentId != parent)
                errors.Add("wrongParent", link.Holder.Id, PropertyName(link), link.Text, $"'{PropertyName(link)}' of {link.Holder.Id} is '{link.Text}', which is not one of {Dtmi.LastSegment(parent)}.", link.At);
            if (!Vocabulary.IsReserved(target.Id)) target.AddHolder(link.Holder, link.Property);
        }
    }

    public static string PropertyName(Link link) => link.Extension?.Name ?? link.Property;

    private void CheckPartition(Link link, Element target)
    {
        if (target.IsInterface || target.DefinedIn is not { } owner) return;
        var from = link.Holder.IsInterface ? link.Holder.Id : link.Holder.DefinedIn ?? link.Holder.Id;
        if (owner != from)
            errors.Add("crossPartitionReference", link.Holder.Id, PropertyName(link), link.Id, $"'{PropertyName(link)}' of {link.Holder.Id} refers to {link.Id}, which belongs to the interface {owner}. Define it in {from}.", link.At);
    }

    private void TellBadType(Link link, string what) =>
        errors.Add("badType", link.Holder.Id, link.Property, link.Text, $"'{link.Property}' of {link.Holder.Id} refers to {what}. Allowed: {link.Expected!.Describe()}.", link.At);

    private Element? FindElement(string id)
    {
        if (reader.ById.TryGetValue(id, out var found)) return found;
        if (StandardElements.Find(id) is not { } standard) return known.Find(id) is { } definition ? Stub(definition) : null;
        AddStandard(standard);
        return standard;
    }

    private void AddStandard(Element element)
    {
        if (!_standard.Add(element)) return;
        foreach (var links in element.Links.Values)
        {
            foreach (var link in links) AddStandard(link.Target!);
        }
    }

    /// <summary>An element for an interface known before: its name's contents and bases, as far as checks ask for them.</summary>
    private Element Stub(InterfaceDefinition definition)
    {
        if (_known.TryGetValue(definition.Id, out var found)) return found;
        var stub = new Element(definition.Id, Metamodel.Class(Metamodel.OldestVersion, "Interface"), null, null, 0) { Known = definition };
        _known[definition.Id] = stub;
        var bases = definition.Bases.Where(b => b != definition.Id).Select(known.Find).OfType<InterfaceDefinition>().ToArray();
        var direct = bases.Where(b => !bases.Any(other => other != b && other.Bases.Contains(b.Id)));
        stub.Links["extends"] = [.. direct.Select(b => new Link(stub, "extends", b.Id, -1) { Target = Stub(b) })];
        stub.Links["contents"] = [.. Contents(definition).Where(c => !bases.Any(b => Has(b, c.Name))).Select(c => ContentOf(stub, c.Name, c.Class))];
        return stub;
    }

    private static Link ContentOf(Element stub, string name, string className)
    {
        var id = Dtmi.Derive(stub.Id, "contents", name);
        var content = new Element(id, Metamodel.Class(Metamodel.OldestVersion, className), stub.Id, stub.Id, 0);
        content.Literals["name"] = name;
        return new Link(stub, "contents", id, -1) { Target = content };
    }

    private static IEnumerable<(string Name, string Class)> Contents(InterfaceDefinition definition) =>
        definition.Properties.Where(p => !p.Path.Contains('/', StringComparison.Ordinal)).Select(p => (p.Path, "Property"))
            .Concat(definition.Components.Keys.Select(k => (k, "Component"))).Concat(definition.Relationships.Keys.Select(k => (k, "Relationship")))
            .Concat(definition.Telemetries.Keys.Select(k => (k, "Telemetry"))).Concat(definition.Commands.Keys.Select(k => (k, "Command")));

    private static bool Has(InterfaceDefinition definition, string name) =>
        definition.FindProperty(name) is not null || definition.Components.ContainsKey(name) || definition.Relationships.ContainsKey(name)
        || definition.Telemetries.ContainsKey(name) || definition.Commands.ContainsKey(name);
}
