using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace Twin.Model.Dtdl;

/// <summary>What JSON a property that an extension brings takes.</summary>
internal enum ExtensionForm : byte
{
    Text,
    Integer,
    Decimal,
    Duration,
    Identifier,
    Element,
}

/// <summary>A property that an extension type brings.</summary>
internal sealed class ExtensionProperty
{
    public ExtensionProperty(TableLine line, string substitute)
    {
        Id = line[1];
        TypeId = line[2].Replace("%", substitute, StringComparison.Ordinal);
        Form = TypeId switch
        {
            "string" => ExtensionForm.Text,
            "integer" => ExtensionForm.Integer,
            "decimal" => ExtensionForm.Decimal,
            "duration" => ExtensionForm.Duration,
            "identifier" => ExtensionForm.Identifier,
            _ => ExtensionForm.Element,
        };
        Name = Dtmi.LastSegment(Id);
        ChildOf = line.Find("childOf")?.Replace("%", substitute, StringComparison.Ordinal);
        IsRequired = line.Has("required");
        IsUnique = line.Has("unique");
        Low = line.FindNumber("low");
        LongestText = line.FindNumber("length");
        Instance = line.Find("instance");
        Pattern = line.Find("pattern") is { } pattern ? new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)) : null;
    }

    public string Id { get; }

    public string Name { get; }

    public ExtensionForm Form { get; }

    /// <summary>What a value must be, where it is an element.</summary>
    public string TypeId { get; }

    /// <summary>The element whose part a value must be; null when any will do.</summary>
    public string? ChildOf { get; }

    public bool IsRequired { get; }

    /// <summary>No two siblings share a value.</summary>
    public bool IsUnique { get; }

    public int? Low { get; }

    public int? LongestText { get; }

    public Regex? Pattern { get; }

    /// <summary>The property of the element whose schema the value must conform to.</summary>
    public string? Instance { get; }
}

/// <summary>A demand on the values of a property, or (<see cref="IsWithin"/>) on the elements that hold this one by it.</summary>
internal sealed record Demand(bool IsWithin, string Property)
{
    public string[] RequiredTypes { get; init; } = [];

    public string[] RequiredValues { get; init; } = [];

    public string? NoneOther { get; init; }

    public string? SomeOther { get; init; }

    /// <summary>Property that names the sibling whose unit type is wanted.</summary>
    public string? SiblingKeyref { get; init; }

    public string? SiblingParentOf { get; init; }
}

/// <summary>A demand on the sibling that a property names.</summary>
internal sealed record SiblingDemand(string Keyref, string[] RequiredTypes, string? DisallowedType, string? SupplementalProperty, string? UniqueReference);

/// <summary>A type that is added to an element beside its class: semantic types, and those of the extensions.</summary>
internal sealed class ExtensionType(string id, TableLine head)
{
    public string Id { get; } = id;

    public string Name { get; } = Dtmi.LastSegment(id);

    /// <summary>SemanticType, AdjunctType, Unit, UnitAttribute, SemanticUnit, LatentType, NamedLatentType or None.</summary>
    public string Kind { get; } = head[1];

    public bool IsAbstract { get; } = head.Has("abstract");

    public string? ParentId { get; } = head.Find("parent");

    public ExtensionType? Parent { get; set; }

    /// <summary>Classes it may stand beside.</summary>
    public string[] Cotypes { get; } = head.List("cotypes");

    /// <summary>DTDL versions of those.</summary>
    public string[] Versions { get; } = head.List("versions");

    /// <summary>Types one of which lets it stand beside any class.</summary>
    public string[] Altcotypes { get; } = head.List("altcotypes");

    /// <summary>Types it needs beside it.</summary>
    public string[] Cocotypes { get; } = head.List("cocotypes");

    /// <summary>Types it cannot stand beside.</summary>
    public string[] Discotypes { get; } = head.List("discotypes");

    public Dictionary<string, ExtensionProperty> Properties { get; } = new(StringComparer.Ordinal);

    public List<Demand> Demands { get; } = [];

    public List<SiblingDemand> Siblings { get; } = [];

    /// <summary>True for the type of that id and those below it.</summary>
    public bool Is(string typeId)
    {
        for (var at = this; at is not null; at = at.Parent)
        {
            if (at.Id == typeId) return true;
        }

        return false;
    }

    /// <summary>The property of that id here or above.</summary>
    public ExtensionProperty? FindProperty(string propertyId)
    {
        for (var at = this; at is not null; at = at.Parent)
        {
            if (at.Properties.TryGetValue(propertyId, out var found)) return found;
        }

        return null;
    }
}

/// <summary>Every extension type by id. Immutable after reading; thread-safe.</summary>
internal static class ExtensionTypes
{
    private static readonly FrozenDictionary<string, ExtensionType> ById = Read();

    public static ExtensionType? Find(string id) => ById.GetValueOrDefault(id);

    private static FrozenDictionary<string, ExtensionType> Read()
    {
        var types = new Dictionary<string, ExtensionType>(StringComparer.Ordinal);
        var head = default(TableLine);
        var inner = new List<TableLine>();
        foreach (var (isInner, line) in Table.Read("types"))
        {
            if (!isInner)
            {
                head = line;
                inner.Clear();
            }
            else if (line[0] == "is") AddAll(types, head, inner, line);
            else inner.Add(line);
        }

        foreach (var type in types.Values)
        {
            if (type.ParentId is not null) type.Parent = types.GetValueOrDefault(type.ParentId);
        }

        return types.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static void AddAll(Dictionary<string, ExtensionType> types, TableLine head, List<TableLine> inner, TableLine names)
    {
        for (var i = 2; i < names.Count; i++)
        {
            var at = names[i].IndexOf('>', StringComparison.Ordinal);
            var name = at < 0 ? names[i] : names[i][..at];
            var type = new ExtensionType(names[1].Replace("*", name, StringComparison.Ordinal), head);
            foreach (var line in inner) AddPart(type, line, at < 0 ? "" : names[i][(at + 1)..]);
            types[type.Id] = type;
        }
    }

    private static void AddPart(ExtensionType type, TableLine line, string substitute)
    {
        switch (line[0])
        {
            case "prop":
                var property = new ExtensionProperty(line, substitute);
                type.Properties[property.Id] = property;
                break;
            case "sibling":
                type.Siblings.Add(new SiblingDemand(line.Find("keyref")!, line.List("requiredTypes"), line.Find("disallowedType"), line.Find("supplementalProperty"), line.Find("uniqueReference")));
                break;
            default:
                type.Demands.Add(new Demand(line[0] == "within", line[1])
                {
                    RequiredTypes = line.List("requiredTypes"), RequiredValues = line.List("requiredValues"), NoneOther = line.Find("noneOtherType"),
                    SomeOther = line.Find("someOtherType"), SiblingKeyref = line.Find("siblingKeyref"), SiblingParentOf = line.Find("siblingParentOf"),
                });
                break;
        }
    }
}
