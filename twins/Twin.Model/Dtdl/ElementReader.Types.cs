namespace Twin.Model.Dtdl;

/// <summary>What an element's <c>@type</c> says.</summary>
/// <param name="Rule">Its class; null when it was refused.</param>
/// <param name="Extensions">Types of extensions.</param>
/// <param name="HasUndefined">Some type is not known here and was let through.</param>
internal readonly record struct ElementTypes(ClassRule? Rule, List<ExtensionType> Extensions, bool HasUndefined);

/// <content>Types: the class, semantic types, types of extensions.</content>
internal sealed partial class ElementReader
{
    private ElementTypes ReadTypes(LdObject json, Scope scope, string id, Element? parent, PropertyRule via)
    {
        var wanted = ClassOf(via, scope.Version);
        var classes = new List<string>(1);
        var extensions = new List<ExtensionType>();
        var hasUndefined = false;
        var isBad = false;
        foreach (var name in json.Types ?? [via.ClassName])
        {
            if (ClassNameOf(name, wanted, scope.Version) is { } className)
            {
                CheckInterfaceId(className, id, scope, json);
                if (!classes.Contains(className)) classes.Add(className);
            }
            else isBad |= !ReadType(name, json, scope, id, parent, via, wanted, classes, extensions, ref hasUndefined);
        }

        if (isBad) return default;
        if (classes.Count == 0)
        {
            TellBadType(id, parent, via, wanted, string.Join(", ", json.Types ?? []), json.At);
            return default;
        }

        if (classes.Count == 1) return new(Metamodel.Class(scope.Version, classes[0]), extensions, hasUndefined);
        errors.Add("multipleMaterialTypes", id, "@type", string.Join(", ", classes), $"{id} is {string.Join(" and ", classes)} at once. Keep one.", json.At);
        return default;
    }

    private static string? ClassNameOf(string? name, ClassRule? wanted, int version)
    {
        if (name is null || wanted is null) return null;
        var takes = wanted.Name == "Entity" ? wanted.Refers : wanted.Takes; // the top of a text may say any class beside Interface, to be told there is one too many
        if (takes.Contains(name)) return name;
        const string prefix = "dtmi:dtdl:class:";
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || name.Length < prefix.Length + 3 || name[^2] != ';' || name[^1] - '0' != version) return null;
        return takes.TryGetValue(name[prefix.Length..^2], out var found) ? found : null;
    }

    private void CheckInterfaceId(string className, string id, Scope scope, LdObject json)
    {
        var longest = Dtmi.LongestInterfaceId(scope.Version, scope.LimitSet);
        if (className == "Interface" && id.Length > longest)
            errors.Add("idTooLongForType", id, "@id", id, $"The @id of the interface has {id.Length} characters; at most {longest} are allowed.", json.At);
    }

    /// <summary>Reads a type that is no class wanted here; false when it is an error.</summary>
    private bool ReadType(string? name, LdObject json, Scope scope, string id, Element? parent, PropertyRule via, ClassRule? wanted, List<string> classes, List<ExtensionType> extensions, ref bool hasUndefined)
    {
        if (name is null) return Refuse("typeNotDtmiNorTerm", "A value of @type is not a string.");
        if (Metamodel.ClassNames.Contains(name))
        {
            TellBadType(id, parent, via, wanted, name, json.At);
            return false;
        }

        if (scope.Resolve(name) is not { } typeId)
        {
            if (Dtmi.LooksLike(name)) return Refuse("typeInvalidDtmi", $"@type '{name}' is not a valid DTMI.");
            if (scope.Version > 2 && name.Contains(':', StringComparison.Ordinal)) return Refuse("typeNotDtmiNorTerm", $"@type '{name}' is neither a DTMI nor a term.");
            if (scope.Version > 2 && !scope.IsIncomplete) return Refuse("typeUndefinedTerm", $"@type '{name}' is not known in DTDL v{scope.Version} or in the extensions that @context names.");
            return hasUndefined = true;
        }

        if (ExtensionTypes.Find(typeId) is not { } extension)
            return scope.IsIncomplete ? hasUndefined = true : Refuse("typeIrrelevantDtmiOrTerm", $"'{name}' is not a type that an element can have.");
        if (extension.IsAbstract) return Refuse("abstractSupplementalType", $"@type '{name}' is abstract. Use one of the types below it.");
        if (extension.Kind is "Unit" or "UnitAttribute" or "LatentType" or "NamedLatentType")
        {
            if (parent is null) // beside Interface it is one class too many
            {
                classes.Add(extension.Kind);
                return true;
            }

            TellBadType(id, parent, via, wanted, name, json.At);
            return false;
        }

        if (!extensions.Contains(extension)) extensions.Add(extension);
        return true;

        bool Refuse(string error, string message)
        {
            errors.Add(error, id, "@type", name, message, json.At);
            return false;
        }
    }

    private void TellBadType(string id, Element? parent, PropertyRule via, ClassRule? wanted, string value, int at) =>
        errors.Add("badType", parent?.Id ?? id, via.Name.Length == 0 ? "@type" : via.Name, value, $"{id} has @type '{value}'{(via.Name.Length == 0 ? "" : $", which '{via.Name}' does not take")}. Allowed: {wanted?.DescribeTakes()}.", at);

    private void AddExtensions(Element element, in ElementTypes types, LdObject json)
    {
        var declared = types.Extensions;
        if (declared.Count == 0) return;
        var sources = new Dictionary<string, ExtensionType>(StringComparer.Ordinal);
        foreach (var type in declared)
        {
            var hasAlternative = type.Altcotypes.Any(a => declared.Exists(d => d.Id == a));
            if (!hasAlternative && Array.IndexOf(type.Cotypes, element.Class) < 0)
            {
                errors.Add("invalidCotype", element.Id, "@type", type.Name, $"{element.Id} is a {element.Class} and cannot have type {type.Name}; {string.Join(", ", type.Cotypes)} can.", json.At);
                continue;
            }

            if (!hasAlternative && Array.IndexOf(type.Versions, $"{element.Version}") < 0)
            {
                errors.Add("invalidCotypeVersion", element.Id, "@type", type.Name, $"{element.Id} is of DTDL v{element.Version} and cannot have type {type.Name}, which is for v{string.Join(", v", type.Versions)}.", json.At);
                continue;
            }

            AddExtension(element, type, declared, sources, json);
        }
    }

    private void AddExtension(Element element, ExtensionType type, List<ExtensionType> declared, Dictionary<string, ExtensionType> sources, LdObject json)
    {
        element.AddExtension(type);
        foreach (var property in type.Properties.Keys)
        {
            if (sources.TryAdd(property, type)) continue;
            errors.Add("conflictingSupplementalTypes", element.Id, "@type", type.Name, $"{element.Id} has types {sources[property].Name} and {type.Name}, which both bring '{Dtmi.LastSegment(property)}'. Keep one.", json.At);
            break;
        }

        foreach (var needed in type.Cocotypes)
        {
            if (!declared.Exists(d => d.Id == needed))
                errors.Add("missingCocotype", element.Id, "@type", type.Name, $"{element.Id} has type {type.Name}, which needs {Dtmi.LastSegment(needed)} beside it.", json.At);
        }
    }
}
