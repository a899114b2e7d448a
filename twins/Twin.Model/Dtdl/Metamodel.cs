using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>What JSON a property of a class takes.</summary>
internal enum ValueForm : byte
{
    Text,
    LocalText,
    Integer,
    Boolean,
    Literal,
    Identifier,
    Elements,
}

/// <summary>One property of one class in one version of the language.</summary>
internal sealed class PropertyRule
{
    private readonly int[] _lengths;

    public PropertyRule(TableLine line)
    {
        Name = line[1];
        (Form, ClassName) = line[2] switch
        {
            "string" => (ValueForm.Text, ""),
            "langString" => (ValueForm.LocalText, ""),
            "integer" => (ValueForm.Integer, ""),
            "boolean" => (ValueForm.Boolean, ""),
            "literal" => (ValueForm.Literal, ""),
            "identifier" => (ValueForm.Identifier, ""),
            var name => (ValueForm.Elements, name),
        };
        Least = line.FindNumber("least") ?? (line.Has("required") ? 1 : 0);
        IsMany = line.Has("many");
        Most = line.FindNumber("most");
        Low = line.FindNumber("low");
        High = line.FindNumber("high");
        IsName = line.Has("name");
        Segment = line.Find("segment");
        Key = line.Find("key");
        Unique = line.List("unique");
        Values = line.List("values");
        Versions = [.. line.List("versions").Select(v => int.Parse(v, System.Globalization.CultureInfo.InvariantCulture))];
        NeedsId = line.Has("id");
        NeedsType = !line.Has("untyped");
        _lengths = [.. (line.Find("length") ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries).Select(v => int.Parse(v, System.Globalization.CultureInfo.InvariantCulture))];
    }

    public string Name { get; }

    public ValueForm Form { get; }

    /// <summary>Class of the elements it takes; empty for literals.</summary>
    public string ClassName { get; }

    /// <summary>Fewest values; with 1 or more the property must be there.</summary>
    public int Least { get; }

    public bool IsMany { get; }

    /// <summary>Most values; null is unbounded. Only where <see cref="IsMany"/>.</summary>
    public int? Most { get; }

    public int? Low { get; }

    public int? High { get; }

    /// <summary>The text is a name: a letter, then letters, digits and underscores, not ending in an underscore.</summary>
    public bool IsName { get; }

    /// <summary>The property of a value that its derived id ends in.</summary>
    public string? Segment { get; }

    /// <summary>The property that tells values apart.</summary>
    public string? Key { get; }

    /// <summary>Properties of the values that no two may share.</summary>
    public string[] Unique { get; }

    /// <summary>Terms it may have, of those its class allows; empty allows all.</summary>
    public string[] Values { get; }

    /// <summary>DTDL versions its values may be of.</summary>
    public int[] Versions { get; }

    /// <summary>A value written in place must have an @id.</summary>
    public bool NeedsId { get; }

    /// <summary>A value written in place must have a @type.</summary>
    public bool NeedsType { get; }

    /// <summary>Longest text in UTF-16 units under a limit set; null is unbounded.</summary>
    public int? LongestText(int limitSet) => _lengths.Length == 0 ? null : _lengths[Math.Min(limitSet, _lengths.Length - 1)];
}

/// <summary>One class in one version of the language.</summary>
internal sealed class ClassRule(string name, int version, string parent, string[] takes, string[] refers)
{
    public string Name { get; } = name;

    public int Version { get; } = version;

    public string Parent { get; } = parent;

    /// <summary>Concrete classes that an element written in place may be of where this class is asked for.</summary>
    public FrozenSet<string> Takes { get; } = takes.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Concrete classes that a referenced element may be of.</summary>
    public FrozenSet<string> Refers { get; } = refers.ToFrozenSet(StringComparer.Ordinal);

    public FrozenDictionary<string, PropertyRule> Properties { get; set; } = FrozenDictionary<string, PropertyRule>.Empty;

    /// <summary>Itself and all above it.</summary>
    public FrozenSet<string> Ancestors { get; set; } = FrozenSet<string>.Empty;

    public string DescribeTakes() => string.Join(", ", Takes.Order(StringComparer.Ordinal));

    public string Describe() => string.Join(", ", Refers.Order(StringComparer.Ordinal));
}

/// <summary>The classes of DTDL v2, v3 and v4 as tables: the reader and the checks follow them. Immutable; thread-safe.</summary>
internal static class Metamodel
{
    public const int OldestVersion = 2;
    public const int NewestVersion = 4;

    private static readonly FrozenDictionary<string, ClassRule>[] ByVersion = Read();

    /// <summary>Every class name of any version: words that no extension type may have.</summary>
    public static readonly FrozenSet<string> ClassNames = ByVersion.SelectMany(c => c.Keys)
        .Concat(ByVersion.SelectMany(c => c.Values.Select(r => $"dtmi:dtdl:class:{r.Name};{r.Version}"))).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The classes of a version by name.</summary>
    public static FrozenDictionary<string, ClassRule> Classes(int version) => ByVersion[version - OldestVersion];

    /// <summary>A class of a version; throws when the tables name none.</summary>
    public static ClassRule Class(int version, string name) => ByVersion[version - OldestVersion][name];

    private static FrozenDictionary<string, ClassRule>[] Read()
    {
        var classes = new Dictionary<string, ClassRule>[NewestVersion - OldestVersion + 1];
        for (var i = 0; i < classes.Length; i++) classes[i] = new(StringComparer.Ordinal);
        var common = new Dictionary<int, List<PropertyRule>>();
        var properties = new Dictionary<ClassRule, List<PropertyRule>>();
        List<PropertyRule> into = [];
        foreach (var (isInner, line) in Table.Read("classes"))
        {
            if (isInner)
            {
                into.Add(new PropertyRule(line));
                continue;
            }

            var version = int.Parse(line[1], System.Globalization.CultureInfo.InvariantCulture);
            if (line[0] == "common")
            {
                common[version] = into = [];
                continue;
            }

            var isAbstract = line.Has("abstract");
            string[] self = isAbstract ? [] : [line[2]];
            var rule = new ClassRule(line[2], version, line[3], line.Find("takes") is null ? self : line.List("takes"), line.Find("refers") is null ? self : line.List("refers"));
            classes[version - OldestVersion][rule.Name] = rule;
            properties[rule] = into = [];
        }

        foreach (var (rule, own) in properties)
        {
            rule.Properties = own.Concat(common[rule.Version]).ToFrozenDictionary(p => p.Name, StringComparer.Ordinal);
            rule.Ancestors = AncestorsOf(rule, classes[rule.Version - OldestVersion]).ToFrozenSet(StringComparer.Ordinal);
        }

        return [.. classes.Select(c => c.ToFrozenDictionary(StringComparer.Ordinal))];
    }

    private static IEnumerable<string> AncestorsOf(ClassRule rule, Dictionary<string, ClassRule> classes)
    {
        for (var at = rule; ; at = classes[at.Parent])
        {
            yield return at.Name;
            if (at.Parent == "-") yield break;
        }
    }
}
