namespace Twin.Model.Dtdl;

/// <summary>One element of a model as read: its class, its properties, its links to others. The in-memory form between JSON and definitions.</summary>
internal sealed class Element(string id, ClassRule rule, string? parentId, string? definedIn, int limitSet)
{
    private static readonly List<Link> None = [];
    private static readonly List<ExtensionType> NoExtensions = [];
    private static readonly List<(Element, string)> NoHolders = [];
    private static readonly Dictionary<string, object> NoLiterals = [];
    private List<ExtensionType>? _extensions;
    private List<(Element, string)>? _holders;
    private Dictionary<string, object>? _extensionLiterals;

    /// <summary>Its DTMI, given or derived.</summary>
    public string Id { get; } = id;

    public ClassRule Rule { get; } = rule;

    public string Class => Rule.Name;

    public int Version => Rule.Version;

    /// <summary>The element it was written in; null at the top of a text.</summary>
    public string? ParentId { get; } = parentId;

    /// <summary>The interface it is part of; null for an interface at the top and for the language's own elements.</summary>
    public string? DefinedIn { get; } = definedIn;

    public int LimitSet { get; } = limitSet;

    /// <summary>The text it stands in; null for the language's own elements and for interfaces known before.</summary>
    public LdDocument? Document { get; init; }

    public LdObject? Source { get; init; }

    /// <summary>An interface from the models known before.</summary>
    public InterfaceDefinition? Known { get; init; }

    /// <summary>Extension types that apply. Read only.</summary>
    public List<ExtensionType> Extensions => _extensions ?? NoExtensions;

    /// <summary>Literals by property: text, int, double or bool.</summary>
    public Dictionary<string, object> Literals { get; } = new(StringComparer.Ordinal);

    /// <summary>Values of extension properties that are not elements, by the property's id. Read only.</summary>
    public Dictionary<string, object> ExtensionLiterals => _extensionLiterals ?? NoLiterals;

    /// <summary>Elements by property name, or by id for extension properties.</summary>
    public Dictionary<string, List<Link>> Links { get; } = new(StringComparer.Ordinal);

    /// <summary>Who holds this element and by which property. Not kept for the language's own elements. Read only.</summary>
    public List<(Element Holder, string Property)> Holders => _holders ?? NoHolders;

    public bool IsInterface => Class == "Interface";

    public string Name => Literals.GetValueOrDefault("name") as string ?? "";

    public int At => Source?.At ?? -1;

    public void AddExtension(ExtensionType type) => (_extensions ??= []).Add(type);

    public void AddHolder(Element holder, string property) => (_holders ??= []).Add((holder, property));

    public void SetExtension(string property, object value) => (_extensionLiterals ??= new(StringComparer.Ordinal))[property] = value;

    public List<Link> LinksOf(string property) => Links.TryGetValue(property, out var links) ? links : None;

    /// <summary>The elements of a property, those that were found.</summary>
    public IEnumerable<Element> Targets(string property) => LinksOf(property).Where(l => l.Target is not null).Select(l => l.Target!);

    public Element? Target(string property) => Links.TryGetValue(property, out var links) && links.Count > 0 ? links[0].Target : null;

    /// <summary>True for its class, those above it and its extension types. Classes are compared without version.</summary>
    public bool Is(string typeId)
    {
        const string classPrefix = "dtmi:dtdl:class:";
        if (typeId.StartsWith(classPrefix, StringComparison.Ordinal) && Rule.Ancestors.Contains(Dtmi.LastSegment(typeId))) return true;
        foreach (var extension in Extensions)
        {
            if (extension.Is(typeId)) return true;
        }

        return false;
    }

    /// <summary>Offset of a property in the text; of the element when it is not there.</summary>
    public int AtOf(string property) => Source?.Find(property)?.At ?? At;
}

/// <summary>A value that is an element, by its DTMI. Resolution fills in the element.</summary>
internal sealed class Link(Element holder, string property, string id, int at)
{
    public Element Holder { get; } = holder;

    /// <summary>Property name, or id for extension properties.</summary>
    public string Property { get; } = property;

    public string Id { get; } = id;

    public int At { get; } = at;

    /// <summary>What the model wrote, where it is a reference; null for elements in place.</summary>
    public string? Text { get; init; }

    /// <summary>What a reference must be of; null when the element stands in place, or for extension properties.</summary>
    public ClassRule? Expected { get; init; }

    public PropertyRule? Rule { get; init; }

    public ExtensionProperty? Extension { get; init; }

    public Element? Target { get; set; }
}
