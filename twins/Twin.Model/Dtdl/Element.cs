namespace Twin.Model.Dtdl;

/// <summary>One element of a model as read: its class, its properties, its links to others. The in-memory form between JSON and definitions.</summary>
internal sealed class Element(string id, ClassRule rule, int version, int document, Element? parent)
{
    /// <summary>Its DTMI, given or derived.</summary>
    public string Id { get; } = id;

    public ClassRule Rule { get; } = rule;

    public string Class => Rule.Name;

    /// <summary>DTDL version, 2 or 3.</summary>
    public int Version { get; } = version;

    /// <summary>Index of the text it stands in.</summary>
    public int Document { get; } = document;

    public Element? Parent { get; } = parent;

    /// <summary>The interface it is part of: itself when it is one.</summary>
    public Element Partition => Class == "Interface" || Parent is null ? this : Parent.Partition;

    public string? SemanticType { get; set; }

    public string? Unit { get; set; }

    public bool IsIndexed { get; set; }

    public Dictionary<string, string> Texts { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, long> Integers { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, bool> Booleans { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, List<Link>> Links { get; } = new(StringComparer.Ordinal);

    /// <summary>The value of an enum value: Text, Integer or None.</summary>
    public PropertyValue Literal { get; set; }

    public string Name => Texts.GetValueOrDefault("name", "");

    public List<Link> LinksOf(string property) => Links.TryGetValue(property, out var links) ? links : [];

    public Link? LinkOf(string property) => Links.TryGetValue(property, out var links) && links.Count > 0 ? links[0] : null;
}

/// <summary>A value that is an element: nested, referred to, or a term such as <c>double</c>. Resolution fills in what is referred to.</summary>
internal sealed class Link
{
    /// <summary>A schema term; null for elements.</summary>
    public string? Term { get; init; }

    /// <summary>The DTMI referred to; null for nested elements and terms.</summary>
    public string? Reference { get; init; }

    /// <summary>The element, nested or found.</summary>
    public Element? Target { get; set; }

    /// <summary>An interface from the models known before.</summary>
    public InterfaceDefinition? Known { get; set; }
}
