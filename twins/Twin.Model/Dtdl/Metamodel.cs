using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>What JSON a property of an element takes.</summary>
internal enum ValueForm : byte
{
    Text,
    LocalText,
    Boolean,
    Integer,
    Identifier,
    Literal,
    Elements,
    Term,
}

/// <summary>One property of one DTDL class. Two limits: v2's and v3's.</summary>
internal sealed record PropertyRule(string Name, ValueForm Form)
{
    public bool IsRequired { get; init; }

    /// <summary>Required in v2 only.</summary>
    public bool IsRequiredInV2 { get; init; }

    public bool IsMany { get; init; }

    /// <summary>Classes that element values may be of.</summary>
    public string[] Classes { get; init; } = [];

    /// <summary>Terms that element or term values may be.</summary>
    public FrozenSet<string> Terms { get; init; } = FrozenSet<string>.Empty;

    public (int V2, int V3) MaxLength { get; init; } = (int.MaxValue, int.MaxValue);

    public (int V2, int V3) MaxCount { get; init; } = (int.MaxValue, int.MaxValue);

    public (int Low, int High) Range { get; init; } = (int.MinValue, int.MaxValue);

    /// <summary>The text is a name: a letter, then letters, digits, underscores, not ending in one.</summary>
    public bool IsName { get; init; }

    /// <summary>DTDL version in which the property ceased to be; 0 when it still is.</summary>
    public int GoneIn { get; init; }

    /// <summary>DTDL version that brought the property.</summary>
    public int Since { get; init; } = 2;

    public bool IsRequiredIn(int version) => Since <= version && (IsRequired || (IsRequiredInV2 && version == 2));

    public int LengthLimit(int version) => version == 2 ? MaxLength.V2 : MaxLength.V3;

    public int CountLimit(int version) => version == 2 ? MaxCount.V2 : MaxCount.V3;
}

/// <summary>One DTDL class.</summary>
internal sealed record ClassRule(string Name, FrozenDictionary<string, PropertyRule> Properties)
{
    /// <summary>Semantic types may be added.</summary>
    public bool TakesSemanticTypes(int version) =>
        Name is "Telemetry" or "Property" || (version >= 3 && Name is ("Field" or "MapValue" or "CommandRequest" or "CommandResponse"));
}

/// <summary>The classes of DTDL v2 and v3 as tables; the reader and the checks follow them and know no class by name where a table will do.</summary>
internal static class Metamodel
{
    public static readonly FrozenSet<string> PrimitiveTerms = Set("boolean date dateTime double duration float integer long string time");

    public static readonly FrozenSet<string> GeospatialTerms = Set("lineString multiLineString multiPoint multiPolygon point polygon");

    public static readonly FrozenSet<string> SchemaTerms = Set("boolean date dateTime double duration float integer long string time lineString multiLineString multiPoint multiPolygon point polygon");

    private static readonly string[] SchemaClasses = ["Array", "Enum", "Map", "Object"];

    private static readonly PropertyRule Name = new("name", ValueForm.Text) { IsRequired = true, IsName = true, MaxLength = (64, 512) };

    private static readonly PropertyRule SchemaRule = new("schema", ValueForm.Elements) { IsRequired = true, Classes = SchemaClasses, Terms = SchemaTerms };

    private static readonly PropertyRule[] Common =
    [
        new("displayName", ValueForm.LocalText) { MaxLength = (64, 512) },
        new("description", ValueForm.LocalText) { MaxLength = (512, 512) },
        new("comment", ValueForm.Text) { MaxLength = (512, 512) },
    ];

    /// <summary>Every class by name.</summary>
    public static readonly FrozenDictionary<string, ClassRule> Classes = new[]
    {
        Class("Interface",
            new("contents", ValueForm.Elements) { IsMany = true, Classes = ["Command", "Component", "Property", "Relationship", "Telemetry"], MaxCount = (300, 100_000) },
            new("extends", ValueForm.Elements) { IsMany = true, Classes = ["Interface"], MaxCount = (2, 1024) },
            new("schemas", ValueForm.Elements) { IsMany = true, Classes = SchemaClasses }),
        Class("Telemetry", Name, SchemaRule),
        Class("Property", Name, SchemaRule, new("writable", ValueForm.Boolean)),
        Class("Command", Name,
            new("request", ValueForm.Elements) { Classes = ["CommandPayload", "CommandRequest"] },
            new("response", ValueForm.Elements) { Classes = ["CommandPayload", "CommandResponse"] },
            new("commandType", ValueForm.Term) { Terms = Set("synchronous asynchronous"), GoneIn = 3 }),
        Class("CommandPayload", Name, SchemaRule),
        Class("CommandRequest", Name, SchemaRule, new("nullable", ValueForm.Boolean) { Since = 3 }),
        Class("CommandResponse", Name, SchemaRule, new("nullable", ValueForm.Boolean) { Since = 3 }),
        Class("Relationship", Name,
            new("target", ValueForm.Identifier),
            new("minMultiplicity", ValueForm.Integer) { Range = (0, 0) },
            new("maxMultiplicity", ValueForm.Integer) { Range = (1, 500) },
            new("properties", ValueForm.Elements) { IsMany = true, Classes = ["Property"], MaxCount = (300, 100_000) },
            new("writable", ValueForm.Boolean)),
        Class("Component", Name, new("schema", ValueForm.Elements) { IsRequired = true, Classes = ["Interface"] }),
        Class("Array", new PropertyRule("elementSchema", ValueForm.Elements) { IsRequired = true, Classes = SchemaClasses, Terms = SchemaTerms }),
        Class("Enum",
            new("enumValues", ValueForm.Elements) { IsMany = true, IsRequiredInV2 = true, Classes = ["EnumValue"], MaxCount = (100, 100_000) },
            new("valueSchema", ValueForm.Term) { IsRequired = true, Terms = Set("integer string") }),
        Class("EnumValue", Name, new("enumValue", ValueForm.Literal) { IsRequired = true }),
        Class("Map",
            new("mapKey", ValueForm.Elements) { IsRequired = true, Classes = ["MapKey"] },
            new("mapValue", ValueForm.Elements) { IsRequired = true, Classes = ["MapValue"] }),
        Class("MapKey", Name, new("schema", ValueForm.Term) { IsRequired = true, Terms = Set("string") }),
        Class("MapValue", Name, SchemaRule),
        Class("Object", new PropertyRule("fields", ValueForm.Elements) { IsMany = true, IsRequiredInV2 = true, Classes = ["Field"], MaxCount = (30, 100_000) }),
        Class("Field", Name, SchemaRule),
    }.ToFrozenDictionary(c => c.Name, StringComparer.Ordinal);

    /// <summary>Every property name of any class, and every class and instance name: terms that mean something, though perhaps not here.</summary>
    public static readonly FrozenSet<string> KnownTerms = Classes.Keys
        .Concat(Classes.Values.SelectMany(c => c.Properties.Keys))
        .Concat(SchemaTerms).Concat(SemanticTypes.UnitTypeOf.Keys).Concat(SemanticTypes.UnitTypeOfUnit.Keys).Concat(SemanticTypes.UnitTypeOfUnit.Values)
        .Concat(["unit", "SemanticType", "synchronous", "asynchronous", "Entity", "Content", "Schema", "NamedEntity", "SchemaField", "PrimitiveSchema", "ComplexSchema", "CommandType"])
        .ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The classes of a DTDL version.</summary>
    public static ClassRule? FindClass(string name, int version)
    {
        if (version == 2 && name is ("CommandRequest" or "CommandResponse")) return null;
        if (version >= 3 && name == "CommandPayload") return null;
        return Classes.GetValueOrDefault(name);
    }

    private static ClassRule Class(string name, params PropertyRule[] properties) =>
        new(name, properties.Concat(Common).ToFrozenDictionary(p => p.Name, StringComparer.Ordinal));

    private static FrozenSet<string> Set(string words) => words.Split(' ').ToFrozenSet(StringComparer.Ordinal);
}
