using System.Text.Json;

namespace Twin.Model.Dtdl;

/// <summary>
/// Turns JSON into <see cref="Element"/>s by the tables of <see cref="Metamodel"/>, and reports what has the wrong form.
/// What concerns several elements (names, references, depth) is left to <see cref="ElementChecks"/>. One reader a parse.
/// </summary>
internal sealed partial class ElementReader(DtdlOptions options, ErrorList errors)
{
    private static readonly JsonDocumentOptions JsonOptions = new() { MaxDepth = 64 };

    /// <summary>Every element that has an id, by id.</summary>
    public Dictionary<string, Element> ById { get; } = new(StringComparer.Ordinal);

    /// <summary>Every element, in order of reading.</summary>
    public List<Element> All { get; } = [];

    /// <summary>Reads one text: an interface or an array of them.</summary>
    public void ReadDocument(string json, int document)
    {
        errors.Document = document;
        JsonDocument parsed;
        try
        {
            parsed = JsonDocument.Parse(json.TrimStart('\uFEFF'), JsonOptions);
        }
        catch (JsonException e)
        {
            errors.AddOwn("malformedJson", null, null, null, $"The text is not JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}): {e.Message}");
            return;
        }

        using (parsed)
        {
            if (parsed.RootElement.ValueKind != JsonValueKind.Array) ReadRoot(parsed.RootElement);
            else
            {
                foreach (var root in parsed.RootElement.EnumerateArray()) ReadRoot(root);
            }
        }
    }

    private void ReadRoot(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            errors.Add("notJsonObject", null, null, json.GetRawText(), "A model is a JSON object, or an array of JSON objects.");
            return;
        }

        if (HasDuplicateKeys(json)) return;
        var id = json.TryGetProperty("@id", out var given) && given.ValueKind == JsonValueKind.String ? given.GetString() : null;
        if (ContextReader.ReadRoot(json, id, options, errors) is not { } scope) return;
        if (json.TryGetProperty("@graph", out _))
        {
            errors.Add("topLevelGraphDisallowed", id, "@graph", null, "The model has @graph. Give the interfaces as a JSON array instead.");
            return;
        }

        ReadElement(json, scope, null, RootRule);
    }

    private static readonly PropertyRule RootRule = new("", ValueForm.Elements) { Classes = ["Interface"] };

    /// <summary>Reads an element whose context is known; null after an error that leaves nothing to go on with.</summary>
    private Element? ReadElement(JsonElement json, Scope scope, Element? parent, PropertyRule via)
    {
        if (errors.IsFull) return null;
        var provisional = parent is null ? null : Dtmi.Derive(parent.Id, via.Name, NameIn(json));
        if (!TryReadId(json, scope, out var id)) return null;
        var types = ReadTypes(json, scope, id ?? provisional, via);
        if (types.Rule is null) return null;
        if (id is null && (types.Rule.Name == "Interface" || via.Name == "schemas"))
        {
            if (parent is null) errors.Add("missingTopLevelId", null, "@id", null, "The interface has no @id. Add one, e.g. \"@id\": \"dtmi:example:Lamp;1\".");
            else errors.Add("missingRequiredId", parent.Id, via.Name, null, $"A value of {parent.Id}'s '{via.Name}' has no @id, which is required there.");
            return null;
        }

        if (id is not null && !CheckIdForClass(id, types.Rule.Name, scope)) return null;
        var element = new Element(id ?? provisional!, types.Rule, scope.Version, errors.Document, parent) { SemanticType = types.SemanticType, IsIndexed = types.IsIndexed };
        Register(element, id is not null);
        ReadProperties(json, scope, element, types);
        return element;
    }

    private void Register(Element element, bool hasOwnId)
    {
        All.Add(element);
        if (ById.TryAdd(element.Id, element)) return;
        if (hasOwnId)
            errors.Add("duplicateDefinition", element.Id, null, null, $"'{element.Id}' is defined more than once. Give each element an @id of its own, or refer to the first by its id.");
    }

    private bool TryReadId(JsonElement json, Scope scope, out string? id)
    {
        id = null;
        if (!json.TryGetProperty("@id", out var given)) return true;
        id = given.ValueKind == JsonValueKind.String ? given.GetString() : null;
        if (string.IsNullOrEmpty(id))
        {
            errors.Add("idNotString", null, "@id", given.GetRawText(), "@id is a DTMI as a string.");
            return false;
        }

        if (id.Length > Dtmi.Longest)
        {
            errors.Add("idTooLong", id, "@id", id, $"The @id has {id.Length} characters; at most {Dtmi.Longest} are allowed.");
            return false;
        }

        if (!Dtmi.IsValid(id, scope.Version, versionRequired: false))
        {
            errors.Add("invalidId", null, "@id", id, $"'{id}' is not a valid id. An id is like dtmi:com:example:Lamp;1: segments of letters, digits and inner underscores that begin with a letter, then a version.");
            return false;
        }

        if (!Dtmi.IsReserved(id)) return true;
        errors.Add("reservedId", null, "@id", id, $"'{id}' begins with dtmi:dtdl:, dtmi:standard: or dtmi:iotcentral:, which are reserved.");
        return false;
    }

    private bool CheckIdForClass(string id, string className, Scope scope)
    {
        if (className != "Interface") return true;
        if (scope.Version == 2 && id.Length > Dtmi.LongestInterfaceV2)
        {
            errors.Add("idTooLongForType", id, "@id", id, $"The interface's @id has {id.Length} characters; at most {Dtmi.LongestInterfaceV2} are allowed.");
            return false;
        }

        if (Dtmi.IsValid(id, scope.Version)) return true;
        errors.Add("invalidIdForType", id, "@id", id, $"The interface's @id '{id}' needs a version, e.g. '{id};1'.");
        return false;
    }

    private void ReadProperties(JsonElement json, Scope scope, Element element, in ElementTypes types)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in json.EnumerateObject())
        {
            var key = member.Name;
            if (key.StartsWith('@'))
            {
                ReadKeyword(key, scope, element);
                continue;
            }

            var name = PropertyNameOf(key);
            if (name == "unit" && element.SemanticType is not null)
            {
                if (CheckOnce(seen, name, element)) ReadUnit(member.Value, element);
                continue;
            }

            if (name is null || !element.Rule.Properties.TryGetValue(name, out var rule) || rule.Since > scope.Version || (rule.GoneIn > 0 && rule.GoneIn <= scope.Version))
            {
                if (name == "annotates" && types.IsAnnotation) continue;
                if (!types.AllowsUnknownProperties) ReportUnknownProperty(key, element);
                continue;
            }

            if (CheckOnce(seen, name, element)) ReadValue(member.Value, scope, element, rule);
        }

        foreach (var rule in element.Rule.Properties.Values)
        {
            if (rule.IsRequiredIn(scope.Version) && !seen.Contains(rule.Name)) ReportMissing(rule, element);
        }

        if (element.SemanticType is not null && !seen.Contains("unit"))
            errors.Add("missingSupplementalObjectProperty", element.Id, "unit", null, $"{element.Id} has semantic type {element.SemanticType} and so needs a unit: {SemanticTypes.UnitsOf(element.SemanticType)}.");
    }

    private bool CheckOnce(HashSet<string> seen, string name, Element element)
    {
        if (seen.Add(name)) return true;
        errors.Add("duplicatePropertyName", element.Id, name, null, $"{element.Id} has property '{name}' more than once.");
        return false;
    }

    private void ReadKeyword(string key, Scope scope, Element element)
    {
        if (key == "@graph") errors.Add("graphDisallowed", element.Id, key, null, $"{element.Id} has @graph, which is not allowed.");
        else if (scope.Version >= 3 && key is not ("@id" or "@type" or "@context"))
            errors.Add("keywordDisallowed", element.Id, key, null, $"{element.Id} has '{key}', which DTDL does not know.");
    }

    private void ReportMissing(PropertyRule rule, Element element)
    {
        var id = rule.Form switch { ValueForm.Elements or ValueForm.Term => "missingObjectProperty", ValueForm.Identifier => "missingIdentifierProperty", _ => "missingLiteralProperty" };
        errors.Add(id, element.Id, rule.Name, null, $"{element.Id} ({element.Class}) has no '{rule.Name}', which is required.");
    }

    private void ReportUnknownProperty(string key, Element element)
    {
        if (Dtmi.LooksLike(key) && !Dtmi.IsWellFormed(key))
            errors.Add("propertyInvalidDtmi", element.Id, key, null, $"{element.Id} has a property '{key}' that is not a valid DTMI.");
        else if (Dtmi.LooksLike(key) || Metamodel.KnownTerms.Contains(key))
            errors.Add("propertyIrrelevantDtmiOrTerm", element.Id, key, null, $"A {element.Class} has no property '{key}'. Remove it, or add the type that brings it.");
        else if (key.Contains(':', StringComparison.Ordinal))
            errors.Add("propertyNotDtmiNorTerm", element.Id, key, null, $"{element.Id} has a property '{key}' that is neither a DTMI nor a DTDL term.");
        else
            errors.Add("propertyUndefinedTerm", element.Id, key, null, $"{element.Id} has a property '{key}' that DTDL v{element.Version} does not know.");
    }

    private static string? PropertyNameOf(string key)
    {
        if (!Dtmi.LooksLike(key)) return key;
        return key.StartsWith("dtmi:dtdl:property:", StringComparison.Ordinal) ? Dtmi.LastSegment(key) : null;
    }

    private static string? NameIn(JsonElement json) =>
        json.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;

    private bool HasDuplicateKeys(JsonElement json)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in json.EnumerateObject())
        {
            if (seen.Add(member.Name)) continue;
            errors.Add("duplicatePropertyName", null, member.Name, null, $"The object has '{member.Name}' more than once.");
            return true;
        }

        return false;
    }
}
