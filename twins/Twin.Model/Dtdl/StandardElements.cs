using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>Elements that the language and its extensions define: primitive and geospatial schemas, units. Immutable after reading; thread-safe.</summary>
internal static class StandardElements
{
    private static readonly (string Short, string Long)[] Prefixes =
    [
        ("q:", "dtmi:dtdl:extension:quantitativeTypes:v#:"), ("i:", "dtmi:dtdl:instance:Schema:"), ("s:", "dtmi:standard:schema:"), ("t:", "dtmi:standard:"),
        ("n:", "dtmi:dtdl:instance:"), ("c:", "dtmi:iotcentral:schema:"), ("k:", "dtmi:dtdl:class:"),
    ];

    private static readonly FrozenDictionary<string, Element> ById = Read();

    /// <summary>The element of an id, an alias followed to what it stands for; null when there is none.</summary>
    public static Element? Find(string id)
    {
        while (ById.TryGetValue(id, out var found))
        {
            if (AliasOf(found) is not { } other) return found;
            id = other;
        }

        return null;
    }

    /// <summary>Every element and alias by id.</summary>
    public static IEnumerable<(string Id, Element Element)> All => ById.Keys.Select(id => (id, Find(id)!));

    private static string? AliasOf(Element element) => element.Links.TryGetValue("aliasFor", out var links) ? links[0].Id : null;

    private static FrozenDictionary<string, Element> Read()
    {
        var elements = new Dictionary<string, Element>(StringComparer.Ordinal);
        string[] editions = [];
        foreach (var (_, line) in Table.Read("elements"))
        {
            if (line[0] == "for") editions = [.. Enumerable.Range(1, line.Count - 1).Select(i => line[i])];
            else
            {
                foreach (var edition in editions)
                {
                    var element = ReadElement(line, edition[0] - '0', edition[2..]);
                    elements[element.Id] = element;
                }
            }
        }

        foreach (var element in elements.Values)
        {
            foreach (var link in element.Links.Values.SelectMany(l => l)) link.Target = Follow(elements, link.Id);
        }

        return elements.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static Element Follow(Dictionary<string, Element> elements, string id)
    {
        var found = elements[id];
        while (AliasOf(found) is { } other) found = elements[other];
        return found;
    }

    private static Element ReadElement(TableLine line, int version, string edition)
    {
        var parent = line.Find("in") is { } holder ? Expand(holder, version, edition) : null;
        var element = new Element(Expand(line[0], version, edition), Metamodel.Class(version, line[1]), parent, null, 0);
        for (var i = 2; i < line.Count; i++)
        {
            var at = line[i].IndexOf('=', StringComparison.Ordinal);
            var (key, value) = (line[i][..at], line[i][(at + 1)..]);
            switch (key)
            {
                case "in": break;
                case "name": element.Literals["name"] = value; break;
                case "enumValue": element.Literals["enumValue"] = value.Trim('"'); break;
                case "types":
                    foreach (var type in value.Split(',')) element.AddExtension(ExtensionTypes.Find(Expand(type, version, edition))!);
                    break;
                default:
                    element.Links[key] = [.. value.Split(',').Select(id => new Link(element, key, Expand(id, version, edition), -1))];
                    break;
            }
        }

        return element;
    }

    private static string Expand(string text, int version, string edition)
    {
        if (text.EndsWith(";*", StringComparison.Ordinal)) text = $"{text[..^1]}{version}";
        foreach (var (brief, full) in Prefixes)
        {
            if (text.StartsWith(brief, StringComparison.Ordinal)) return full.Replace("#", edition, StringComparison.Ordinal) + text[brief.Length..];
        }

        return text;
    }
}
