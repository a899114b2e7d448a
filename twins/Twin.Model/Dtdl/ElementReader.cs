using System.Text.Json;

namespace Twin.Model.Dtdl;

/// <summary>
/// Turns JSON into <see cref="Element"/>s by the tables of <see cref="Metamodel"/> and <see cref="ExtensionTypes"/>, and
/// reports what has the wrong form. What concerns several elements is left to <see cref="ElementLinker"/> and
/// <see cref="ElementChecks"/>. One reader a parse; not thread-safe.
/// </summary>
internal sealed partial class ElementReader(DtdlOptions options, ErrorList errors)
{
    /// <summary>Longest text of an interface without those written within it, in UTF-16 units; from DTDL v3 on.</summary>
    private const int LongestPartition = 1 << 20;

    private readonly ContextReader _contexts = new(options, errors);
    private readonly LiteralReader _literals = new(errors);
    private readonly List<(string Id, int At, int End)> _partitions = []; // interfaces of the text at hand

    private readonly HashSet<string> _open = new(StringComparer.Ordinal); // ids of the elements around the one that is read

    /// <summary>Every element by id.</summary>
    public Dictionary<string, Element> ById { get; } = new(StringComparer.Ordinal);

    /// <summary>Every link, in order of reading.</summary>
    public List<Link> Links { get; } = [];

    /// <summary>Reads one text: an interface or an array of them.</summary>
    public void ReadDocument(string json, int index)
    {
        _partitions.Clear();
        _open.Clear();
        errors.Document = new LdDocument(index, []);
        try
        {
            var document = LdReader.Read(json, index);
            errors.Document = document;
            foreach (var root in document.Roots) ReadRoot(root);
        }
        catch (JsonException fault)
        {
            errors.AddOwn("malformedJson", null, null, null, $"The text is not JSON (line {fault.LineNumber + 1}, byte {fault.BytePositionInLine + 1}), or nests more than 64 deep: {fault.Message}");
        }
        catch (LdException fault)
        {
            errors.Document = new LdDocument(index, System.Text.Encoding.UTF8.GetBytes(json));
            errors.Add(fault.Id, null, fault.Property, null, fault.Message, fault.At);
        }
        catch (StopReadingException)
        {
        }
    }

    private void ReadRoot(LdValue root)
    {
        if (root.Kind != LdKind.Object) throw Stop("notJsonObject", null, null, root.ToString(), "A model is a JSON object, or an array of JSON objects.", root.At);
        var json = root.Object!;
        var scope = _contexts.Read(json, null);
        if (json.HasGraph) throw Stop("topLevelGraphDisallowed", json.Id, "@graph", null, "The model has @graph. Give the interfaces as a JSON array instead.", json.At);
        if (json.Id is null) throw Stop("missingTopLevelId", null, "@id", null, "The model has no @id. Add one, e.g. \"@id\": \"dtmi:com:example:Lamp;1\".", json.At);
        if (json.Types?.Any(t => t == "Interface" || t == $"dtmi:dtdl:class:Interface;{scope.Version}") != true)
            throw Stop("typeNotRootable", json.Id, "@type", json.Types is { } types ? string.Join(", ", types) : null, "Only an Interface can stand at the top of a model. Give it \"@type\": \"Interface\".", json.At);
        foreach (var keyword in scope.RestrictsKeywords ? KeywordsOf(json) : [])
            throw Stop("topLevelKeywordDisallowed", json.Id, keyword, null, $"The model has '{keyword}', which DTDL does not know. Remove it.", json.At);
        ReadElement(json, scope, null, RootRule);
    }

    private static readonly PropertyRule RootRule = new(new TableLine(["prop", "", "Entity", "id"]));

    private static IEnumerable<string> KeywordsOf(LdObject json)
    {
        if (json.Language is not null) yield return "@language";
        if (json.Value is not null) yield return "@value";
        foreach (var keyword in json.Keywords) yield return keyword;
    }

    /// <summary>Reads an element and registers it, with a link from the one that holds it. False when it was refused.</summary>
    private bool ReadElement(LdObject json, Scope outer, Element? parent, PropertyRule via)
    {
        if (errors.IsFull) return false;
        var scope = _contexts.Read(json, outer);
        if (json is { Count: 1, Id: not null }) return ReadIdReference(json, outer, scope, parent, via);
        CheckKeywords(json, scope, parent);
        if (via.Versions.Length > 0 && Array.IndexOf(via.Versions, scope.Version) < 0)
            errors.Add("disallowedVersionDefinition", parent?.Id, via.Name, $"{scope.Version}", $"'{via.Name}' holds an element of DTDL v{scope.Version}; allowed here: v{string.Join(", v", via.Versions)}.", json.At);
        var id = ReadId(json, scope, parent, via);
        if (!CheckNew(id, json, scope, parent, via)) return false;
        if (via.NeedsType && json.Types is null)
        {
            var wanted = ClassOf(via, scope.Version);
            errors.Add("badType", parent?.Id, via.Name, id, $"{id} has no @type; '{via.Name}' takes: {wanted?.DescribeTakes()}.", json.At);
            return false;
        }

        var definedIn = parent is null ? null : parent.IsInterface ? parent.Id : parent.DefinedIn ?? parent.Id;
        var types = ReadTypes(json, scope, id, parent, via);
        if (types.Rule is not { } rule) return false;
        var element = new Element(id, rule, parent?.Id, definedIn, outer.LimitSet) { Document = errors.Document, Source = json };
        AddExtensions(element, types, json);
        _open.Add(id);
        ReadProperties(json, scope, element, types);
        _open.Remove(id);
        if (element.IsInterface) CheckPartition(element, json, scope);
        ById[id] = element;
        if (parent is not null) AddLink(new Link(parent, via.Name, id, json.At) { Rule = via });
        return true;
    }

    private void AddLink(Link link)
    {
        Links.Add(link);
        if (!link.Holder.Links.TryGetValue(link.Property, out var links)) link.Holder.Links[link.Property] = links = [];
        links.Add(link);
    }

    private static ClassRule? ClassOf(PropertyRule via, int version) => Metamodel.Classes(version).GetValueOrDefault(via.ClassName);

    private bool ReadIdReference(LdObject json, Scope outer, Scope scope, Element? parent, PropertyRule via)
    {
        if (!options.AllowIdReferences || outer.Version > 2 || parent is null)
        {
            errors.Add("idReference", parent?.Id, via.Name, json.Id, $"A value of '{via.Name}' is an object with nothing but @id. Write the id as a string instead: \"{json.Id}\".", json.At);
            return false;
        }

        if (AddReference(json.Id!, scope, parent, via, json.At)) return true;
        errors.Add("idRefBadDtmiOrTerm", parent.Id, via.Name, json.Id, $"The @id '{json.Id}' in a value of '{via.Name}' is neither a valid DTMI nor a term of DTDL v{scope.Version}.", json.At);
        return false;
    }

    /// <summary>Adds a link to what a DTMI or term stands for; false when it is neither.</summary>
    private bool AddReference(string text, Scope scope, Element parent, PropertyRule via, int at)
    {
        if (scope.Resolve(text) is not { } id) return false;
        AddLink(new Link(parent, via.Name, id, at) { Text = text, Rule = via, Expected = ClassOf(via, scope.Version) });
        return true;
    }

    private void CheckKeywords(LdObject json, Scope scope, Element? parent)
    {
        var owner = json.Id ?? parent?.Id;
        if (json.HasGraph) errors.Add("graphDisallowed", owner, "@graph", null, "An element has @graph, which DTDL does not allow. Remove it.", json.At);
        if (!scope.RestrictsKeywords) return;
        foreach (var keyword in KeywordsOf(json)) errors.Add("keywordDisallowed", owner, keyword, null, $"An element has '{keyword}', which DTDL does not know. Remove it.", json.At);
    }

    private string ReadId(LdObject json, Scope scope, Element? parent, PropertyRule via)
    {
        if (json.Id is not { } id) return DeriveId(json, scope, parent, via);
        if (id.Length == 0) throw Stop("idNotString", null, "@id", null, "@id is a DTMI as a string.", json.At);
        var longest = Dtmi.LongestId(scope.Version, scope.LimitSet);
        if (id.Length > longest) throw Stop("idTooLong", id, "@id", id, $"The @id has {id.Length} characters; at most {longest} are allowed.", json.At);
        if (!Dtmi.IsValid(id, scope.Version))
            throw Stop("invalidId", null, "@id", id, $"'{id}' is not a valid id. An id is like dtmi:com:example:Lamp;1: segments of letters, digits and inner underscores that begin with a letter, then a version.", json.At);
        if (scope.Reserves(id) && !(options.AllowIdReferences && scope.Version == 2))
            throw Stop("reservedId", null, "@id", id, $"'{id}' begins as ids of the language or an extension do, which are reserved. Choose another.", json.At);
        return id;
    }

    private string DeriveId(LdObject json, Scope scope, Element? parent, PropertyRule via)
    {
        if (via.NeedsId || parent is null)
            throw Stop("missingRequiredId", parent?.Id, via.Name, null, $"A value of '{via.Name}' has no @id, which is required there.", json.At);
        if (via.Segment is not { } segment) return Dtmi.Derive(parent.Id, via.Name, null);
        var named = json.Properties.FirstOrDefault(p => p.Name == segment || (p.Name.StartsWith($"dtmi:dtdl:property:{segment};", StringComparison.Ordinal)))
            ?? throw Stop("missingDtmiSegPropertyValue", parent.Id, via.Name, null, $"A value of '{via.Name}' of {parent.Id} has no '{segment}'. Give it one, or an @id.", json.At);
        var ignored = new ErrorList();
        return new LiteralReader(ignored).ReadLiteral(new Place(parent.Id, segment, scope), named.Values, named.At) switch
        {
            string text => Dtmi.Derive(parent.Id, via.Name, text),
            int number => Dtmi.Derive(parent.Id, via.Name, number.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            double number => Dtmi.Derive(parent.Id, via.Name, number.ToString(System.Globalization.CultureInfo.InvariantCulture).Replace('.', '_')),
            _ => throw Stop("dtmiSegPropertyNotStringOrNumber", parent.Id, via.Name, segment, $"The '{segment}' of a value of '{via.Name}' of {parent.Id} is neither text nor a number.", named.At),
        };
    }

    private bool CheckNew(string id, LdObject json, Scope scope, Element? parent, PropertyRule via)
    {
        if (!ById.ContainsKey(id) && !_open.Contains(id)) return true;
        if (!Dtmi.IsDerived(id))
            errors.Add("duplicateDefinition", id, null, null, $"'{id}' is defined more than once. Give each element an @id of its own, or refer to the first by its id.", json.At);
        else if (via.Segment is { } segment && !(options.AllowIdReferences && scope.Version == 2))
            errors.Add("nonUniquePropertyValue", parent?.Id, via.Name, json.Find(segment)?.Values.Items.FirstOrDefault()?.ToString(), $"'{via.Name}' of {parent?.Id} has two elements with the same '{segment}'. Make them differ.", json.At);
        return false;
    }

    private void CheckPartition(Element element, LdObject json, Scope scope)
    {
        var from = _partitions.FindIndex(p => p.At > json.At);
        if (scope.Version >= 3 && json.End - json.At >= LongestPartition)
        {
            var length = errors.Document!.LengthOf(json.At, json.End);
            for (var i = from; i >= 0 && i < _partitions.Count; i++) length -= errors.Document.LengthOf(_partitions[i].At, _partitions[i].End) - _partitions[i].Id.Length - 2;
            if (length > LongestPartition)
                errors.Add("partitionTooLarge", element.Id, null, null, $"The interface {element.Id} has {length} characters; at most {LongestPartition} are allowed.", json.At);
        }

        if (from >= 0) _partitions.RemoveRange(from, _partitions.Count - from); // they are part of this one now
        _partitions.Add((element.Id, json.At, json.End));
    }

    private StopReadingException Stop(string id, string? element, string? property, string? value, string message, int at)
    {
        errors.Add(id, element, property, value, message, at);
        return new StopReadingException();
    }
}
