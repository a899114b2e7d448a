namespace Twin.Model.Dtdl;

/// <summary>
/// How deep schemas nest, and whether one contains itself: an error before DTDL v4, fine from then on as long as every
/// way down either ends or comes back within the limit. Work is bounded; a schema too tangled for it is refused.
/// </summary>
internal sealed class SchemaChecks(ErrorList errors)
{
    private const int MostSteps = 100_000;
    private const int FarEnough = 64; // elements followed for an array; deeper schemas are refused for their depth
    private static readonly string[] Parts = ["fields", "mapValue", "schema", "elementSchema"];
    private readonly Dictionary<Element, int> _depths = []; // of those that cannot come back to themselves
    private int _steps;

    /// <summary>Nesting allowed in a version under a limit set.</summary>
    public static int Deepest(int version, int limitSet) => version < 4 ? 5 : limitSet switch { 1 => 12, 2 => 24, _ => 8 };

    public void CheckDepth(Element element)
    {
        var limit = Deepest(element.Version, element.LimitSet);
        _steps = 0;
        switch (Walk(element, 0, limit, [], element))
        {
            case Finding.ComesBack when element.Version < 4:
                errors.Add("recursiveStructureWide", element.Id, "schema", element.Id, $"The schema {element.Id} contains itself, which DTDL v{element.Version} does not allow.", element.At);
                break;
            case Finding.TooDeep:
                errors.Add("excessiveDepthWide", element.Id, "schema", element.Id, $"The schema {element.Id} nests more than {limit} deep.", element.At);
                break;
        }
    }

    /// <summary>DTDL v2 keeps arrays, and geospatial schemas, which hold them, out of properties.</summary>
    public void CheckNoArray(Element property)
    {
        if (FindArray(property, []) is { } found)
            errors.Add("excludedType", property.Id, "schema", found.Id, $"The schema of property {property.Id} is or contains an Array ({found.Id}), which DTDL v2 allows only in telemetries and commands. Use DTDL v3.", property.AtOf("schema"));
    }

    private static Element? FindArray(Element element, HashSet<Element> seen, int depth = 0)
    {
        if (depth > FarEnough || !seen.Add(element)) return null;
        foreach (var name in Parts)
        {
            foreach (var part in element.Targets(name))
            {
                if (name == "schema" && part.Class == "Array") return part;
                if (FindArray(part, seen, depth + 1) is { } found) return found;
            }
        }

        return null;
    }

    private enum Finding : byte
    {
        Ends,
        ComesBack,
        TooDeep,
    }

    /// <summary>Follows every way down until one comes back to <paramref name="root"/> or is too deep without coming back anywhere.</summary>
    private Finding Walk(Element element, int depth, int limit, HashSet<Element> path, Element root)
    {
        if (path.Contains(element)) return element == root ? Finding.ComesBack : Finding.Ends;
        if (_depths.TryGetValue(element, out var known)) return depth + known > limit ? Finding.TooDeep : Finding.Ends;
        if (++_steps > MostSteps) return Finding.TooDeep;
        path.Add(element);
        var found = Finding.Ends;
        var isOpen = false; // some way down came back, so the depth from here is not one number
        var deepest = 0;
        foreach (var name in Parts)
        {
            var cost = name is "schema" or "elementSchema" ? 1 : 0;
            foreach (var part in element.Targets(name))
            {
                if (depth + cost > limit) return Leave(path, element, Finding.TooDeep);
                var next = Walk(part, depth + cost, limit, path, root);
                if (next == Finding.TooDeep) return Leave(path, element, next);
                if (next == Finding.ComesBack) found = next;
                if (_depths.TryGetValue(part, out var below)) deepest = Math.Max(deepest, below + cost);
                else isOpen = true;
            }
        }

        if (!isOpen) _depths[element] = deepest;
        return Leave(path, element, found);
    }

    private static Finding Leave(HashSet<Element> path, Element element, Finding finding)
    {
        path.Remove(element);
        return finding;
    }
}
