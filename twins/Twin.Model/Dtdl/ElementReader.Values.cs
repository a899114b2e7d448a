using System.Text.Json;

namespace Twin.Model.Dtdl;

/// <content>Values: literals, texts in languages, identifiers, elements.</content>
internal sealed partial class ElementReader
{
    private void ReadValue(JsonElement json, Scope scope, Element element, PropertyRule rule)
    {
        if (json.ValueKind == JsonValueKind.Null)
        {
            errors.Add("propertyValueNull", element.Id, rule.Name, "null", $"{element.Id} has '{rule.Name}': null. Give a value or remove the property.");
            return;
        }

        switch (rule.Form)
        {
            case ValueForm.Text: ReadText(json, element, rule); break;
            case ValueForm.LocalText: ReadLocalText(json, element, rule); break;
            case ValueForm.Boolean:
                if (ReadLiteral(json, element, rule, "boolean", JsonValueKind.True, JsonValueKind.False) is { } flag) element.Booleans[rule.Name] = flag.GetBoolean();
                break;
            case ValueForm.Integer: ReadInteger(json, element, rule); break;
            case ValueForm.Literal: ReadEnumValue(json, element, rule); break;
            case ValueForm.Identifier: ReadIdentifier(json, element, rule); break;
            case ValueForm.Term: ReadTerm(json, element, rule); break;
            default: ReadElements(json, scope, element, rule); break;
        }
    }

    private void ReadText(JsonElement json, Element element, PropertyRule rule)
    {
        if (ReadLiteral(json, element, rule, "string", JsonValueKind.String, JsonValueKind.String) is not { } value) return;
        var text = value.GetString()!;
        var limit = rule.LengthLimit(element.Version);
        if (text.Length > limit)
            errors.Add("stringTooLong", element.Id, rule.Name, text, $"{element.Id} has a '{rule.Name}' of {text.Length} characters; at most {limit} are allowed.");
        else if (rule.IsName && !IsName(text))
            errors.Add("stringInvalid", element.Id, rule.Name, text, $"'{text}' is not a name: a letter, then letters, digits and underscores, not ending in an underscore.");
        else element.Texts[rule.Name] = text;
    }

    private void ReadInteger(JsonElement json, Element element, PropertyRule rule)
    {
        if (ReadLiteral(json, element, rule, "integer", JsonValueKind.Number, JsonValueKind.Number) is not { } value) return;
        if (!value.TryGetInt32(out var number))
        {
            errors.Add("integerNotInteger", element.Id, rule.Name, value.GetRawText(), $"'{rule.Name}' is a whole number of 32 bits.");
            return;
        }

        if (number < rule.Range.Low)
            errors.Add(rule.Range.Low == rule.Range.High ? "valueNotExact" : "valueBelowMin", element.Id, rule.Name, value.GetRawText(), $"'{rule.Name}' is {number}; the least allowed is {rule.Range.Low}.");
        else if (number > rule.Range.High)
            errors.Add(rule.Range.Low == rule.Range.High ? "valueNotExact" : "valueAboveMax", element.Id, rule.Name, value.GetRawText(), $"'{rule.Name}' is {number}; the greatest allowed is {rule.Range.High}.");
        else element.Integers[rule.Name] = number;
    }

    private void ReadEnumValue(JsonElement json, Element element, PropertyRule rule)
    {
        var inner = json.ValueKind == JsonValueKind.Array && json.GetArrayLength() == 1 ? json[0] : json;
        if (inner.ValueKind == JsonValueKind.Object && inner.TryGetProperty("@value", out var wrapped)) inner = wrapped;
        var isNumber = inner.ValueKind == JsonValueKind.Number;
        var value = ReadLiteral(json, element, rule, isNumber ? "integer" : "string", isNumber ? JsonValueKind.Number : JsonValueKind.String, isNumber ? JsonValueKind.Number : JsonValueKind.String);
        if (value is not { } literal) return;
        if (!isNumber) element.Literal = PropertyValue.From(literal.GetString()!);
        else if (literal.TryGetInt32(out var number)) element.Literal = PropertyValue.From((long)number);
        else errors.Add("literalNotValid", element.Id, rule.Name, literal.GetRawText(), "An enum value is a string or a whole number of 32 bits.");
    }

    /// <summary>A literal, alone, in an array of one, or as a value object <c>{"@value": ..., "@type": "xsd:string"}</c>.</summary>
    private JsonElement? ReadLiteral(JsonElement json, Element element, PropertyRule rule, string kind, JsonValueKind first, JsonValueKind second)
    {
        if (json.ValueKind == JsonValueKind.Array)
        {
            if (json.GetArrayLength() == 1) return ReadLiteral(json[0], element, rule, kind, first, second);
            if (json.GetArrayLength() > 1)
                errors.Add(kind + "MultipleValues", element.Id, rule.Name, json.GetRawText(), $"'{rule.Name}' has several values; one is allowed.");
            else if (rule.IsRequired)
                errors.Add(kind + "CountBelowMin", element.Id, rule.Name, "[]", $"'{rule.Name}' has no value; one is required.");
            return null;
        }

        if (json.ValueKind == first || json.ValueKind == second) return json;
        if (json.ValueKind == JsonValueKind.Object) return ReadValueObject(json, element, rule, kind, first, second);
        errors.Add($"{kind}Not{char.ToUpperInvariant(kind[0])}{kind[1..]}", element.Id, rule.Name, json.GetRawText(), $"'{rule.Name}' is a JSON {kind}, not {json.GetRawText()}.");
        return null;
    }

    private JsonElement? ReadValueObject(JsonElement json, Element element, PropertyRule rule, string kind, JsonValueKind first, JsonValueKind second)
    {
        foreach (var member in json.EnumerateObject())
        {
            var error = member.Name switch
            {
                "@value" or "@type" => null,
                "@context" => "valueObjectContext",
                "@id" => "valueObjectId",
                "@graph" => "valueObjectGraph",
                "@language" => element.Version >= 3 ? "valueObjectLanguage" : null,
                _ when member.Name.StartsWith('@') => element.Version >= 3 ? "valueObjectKeyword" : null,
                _ => "valueObjectInvalidProp",
            };
            if (error is null) continue;
            errors.Add(error, element.Id, rule.Name, member.Name, $"The value of '{rule.Name}' has '{member.Name}'; a value object has only @value and @type.");
            return null;
        }

        var display = char.ToUpperInvariant(kind[0]) + kind[1..];
        if (!json.TryGetProperty("@value", out var value))
            errors.Add(kind + "ObjectNoValue", element.Id, rule.Name, null, $"The value of '{rule.Name}' is an object without @value.");
        else if (json.TryGetProperty("@type", out var type) && !HasDatatype(type, kind))
            errors.Add($"{kind}TypeNot{display}", element.Id, rule.Name, type.GetRawText(), $"The value of '{rule.Name}' has @type {type.GetRawText()}; xsd:{kind} is allowed.");
        else if (value.ValueKind != first && value.ValueKind != second)
            errors.Add($"{kind}ValueNot{display}", element.Id, rule.Name, value.GetRawText(), $"The @value of '{rule.Name}' is a JSON {kind}, not {value.GetRawText()}.");
        else return value;
        return null;
    }

    private static bool HasDatatype(JsonElement type, string kind) =>
        (type.ValueKind == JsonValueKind.String && IsDatatype(type.GetString()!, kind)) ||
        (type.ValueKind == JsonValueKind.Array && type.GetArrayLength() == 1 && type[0].ValueKind == JsonValueKind.String && IsDatatype(type[0].GetString()!, kind));

    private static bool IsDatatype(string type, string kind) =>
        type == "xsd:" + kind || type == "http://www.w3.org/2001/XMLSchema#" + kind;

    private void ReadIdentifier(JsonElement json, Element element, PropertyRule rule)
    {
        if (json.ValueKind == JsonValueKind.Array && json.GetArrayLength() == 1) json = json[0];
        if (json.ValueKind == JsonValueKind.Array)
        {
            if (json.GetArrayLength() > 1) errors.Add("identifierMultipleValues", element.Id, rule.Name, json.GetRawText(), $"'{rule.Name}' has several values; one is allowed.");
            return;
        }

        if (json.ValueKind == JsonValueKind.Object && options.AllowIdReferences && json.EnumerateObject().Count() == 1 && json.TryGetProperty("@id", out var id)) json = id;
        if (json.ValueKind != JsonValueKind.String)
        {
            errors.Add("identifierNotString", element.Id, rule.Name, json.GetRawText(), $"'{rule.Name}' is a DTMI as a string.");
            return;
        }

        var text = json.GetString()!;
        if (Dtmi.IsValid(text, element.Version, versionRequired: false)) element.Texts[rule.Name] = text;
        else errors.Add("identifierNotDtmi", element.Id, rule.Name, text, $"'{rule.Name}' is '{text}', which is not a valid DTMI.");
    }

    private void ReadTerm(JsonElement json, Element element, PropertyRule rule)
    {
        if (json.ValueKind == JsonValueKind.Array && json.GetArrayLength() == 1) json = json[0];
        if (json.ValueKind == JsonValueKind.Array)
        {
            if (json.GetArrayLength() > 1) errors.Add("objectMultipleValues", element.Id, rule.Name, json.GetRawText(), $"'{rule.Name}' has several values; one is allowed.");
            else if (rule.IsRequired) errors.Add("objectCountBelowMin", element.Id, rule.Name, "[]", $"'{rule.Name}' has no value; one is required.");
            return;
        }

        if (json.ValueKind != JsonValueKind.String)
        {
            errors.Add("refNotStringOrObject", element.Id, rule.Name, json.GetRawText(), $"'{rule.Name}' is one of: {string.Join(", ", rule.Terms)}.");
            return;
        }

        var text = json.GetString()!;
        if (TermOf(text) is { } term && rule.Terms.Contains(term)) element.Texts[rule.Name] = term;
        else if (Dtmi.LooksLike(text) && !Dtmi.IsWellFormed(text)) errors.Add("badDtmiOrTerm", element.Id, rule.Name, text, $"'{rule.Name}' is '{text}', which is not a valid DTMI.");
        else errors.Add("incorrectPropertyValue", element.Id, rule.Name, text, $"'{rule.Name}' is '{text}'; allowed: {string.Join(", ", rule.Terms.Order(StringComparer.Ordinal))}.");
    }

    private void ReadUnit(JsonElement json, Element element)
    {
        if (json.ValueKind == JsonValueKind.Array && json.GetArrayLength() == 1) json = json[0];
        if (json.ValueKind == JsonValueKind.Array)
        {
            if (json.GetArrayLength() > 1) errors.Add("objectMultipleValues", element.Id, "unit", json.GetRawText(), $"{element.Id} has several units; one is allowed.");
            else errors.Add("objectCountBelowMin", element.Id, "unit", "[]", $"{element.Id} has an empty list of units; one is required.");
            return;
        }

        if (json.ValueKind != JsonValueKind.String)
        {
            errors.Add("refNotStringOrObject", element.Id, "unit", json.GetRawText(), "A unit is a string such as \"degreeCelsius\".");
            return;
        }

        var text = json.GetString()!;
        var unit = text.StartsWith("dtmi:standard:unit:", StringComparison.Ordinal) || text.StartsWith("dtmi:dtdl:extension:quantitativeTypes:v1:unit:", StringComparison.Ordinal) ? Dtmi.LastSegment(text) : text;
        var wanted = SemanticTypes.UnitTypeOf[element.SemanticType!];
        if (!SemanticTypes.UnitTypeOfUnit.TryGetValue(unit, out var unitType))
            errors.Add("badDtmiOrTerm", element.Id, "unit", text, $"'{text}' is not a unit. {element.SemanticType} takes {SemanticTypes.UnitsOf(element.SemanticType!)}.");
        else if (unitType != wanted)
            errors.Add("wrongParent", element.Id, "unit", text, $"Unit '{text}' is a {unitType}, but {element.SemanticType} takes a {wanted}: {SemanticTypes.UnitsOf(element.SemanticType!)}.");
        else element.Unit = unit;
    }

    private void ReadElements(JsonElement json, Scope scope, Element element, PropertyRule rule)
    {
        var links = new List<Link>();
        element.Links[rule.Name] = links;
        if (json.ValueKind == JsonValueKind.Array)
        {
            foreach (var entry in json.EnumerateArray()) AddLink(entry, scope, element, rule, links);
            if (!rule.IsMany && json.GetArrayLength() > 1)
                errors.Add("objectMultipleValues", element.Id, rule.Name, null, $"'{rule.Name}' of {element.Id} has {json.GetArrayLength()} values; one is allowed.");
            else if (rule.IsRequiredIn(element.Version) && json.GetArrayLength() == 0)
                errors.Add("objectCountBelowMin", element.Id, rule.Name, "[]", $"'{rule.Name}' of {element.Id} has no value; one is required.");
        }
        else AddLink(json, scope, element, rule, links);

        var limit = rule.CountLimit(element.Version);
        if (links.Count > limit)
            errors.Add("objectCountAboveMax", element.Id, rule.Name, null, $"'{rule.Name}' of {element.Id} has {links.Count} values; at most {limit} are allowed.");
    }

    private void AddLink(JsonElement json, Scope scope, Element element, PropertyRule rule, List<Link> links)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.String:
                if (ReadReference(json.GetString()!, element, rule) is { } link) links.Add(link);
                break;
            case JsonValueKind.Object:
                if (HasDuplicateKeys(json)) break;
                if (IsIdReference(json, out var id))
                {
                    if (!options.AllowIdReferences)
                        errors.Add("idReference", element.Id, rule.Name, id, $"A value of '{rule.Name}' is an object with nothing but @id. Write the id as a string instead: \"{id}\".");
                    else if (ReadReference(id, element, rule) is { } reference) links.Add(reference);
                    break;
                }

                if (ContextReader.ReadNested(json, scope, element.Id, options, errors) is not { } inner) break;
                if (ReadElement(json, inner, element, rule) is { } target) links.Add(new Link { Target = target });
                break;
            case JsonValueKind.Null:
                errors.Add("refNotStringOrObject", element.Id, rule.Name, "null", $"A value of '{rule.Name}' is null; a string or an object was expected.");
                break;
            default:
                errors.Add("refNotStringOrObject", element.Id, rule.Name, json.GetRawText(), $"A value of '{rule.Name}' is {json.GetRawText()}; a string or an object was expected.");
                break;
        }
    }

    private static bool IsIdReference(JsonElement json, out string id)
    {
        id = "";
        var count = 0;
        foreach (var member in json.EnumerateObject())
        {
            if (++count > 1 || member.Name != "@id" || member.Value.ValueKind != JsonValueKind.String) return false;
            id = member.Value.GetString()!;
        }

        return count == 1;
    }

    private Link? ReadReference(string text, Element element, PropertyRule rule)
    {
        if (rule.Terms.Count > 0 && TermOf(text) is { } term && rule.Terms.Contains(term)) return new Link { Term = term };
        if (Dtmi.IsReserved(text) && Dtmi.IsWellFormed(text))
            errors.Add("undefinedReservedId", element.Id, rule.Name, text, $"'{rule.Name}' refers to '{text}', which the language does not define for it.");
        else if (Dtmi.LooksLike(text) && Dtmi.IsValid(text, element.Version, versionRequired: false)) return new Link { Reference = text };
        else
            errors.Add("badDtmiOrTerm", element.Id, rule.Name, text, $"'{rule.Name}' is '{text}', which is neither a valid DTMI nor a term allowed there{(rule.Terms.Count > 0 ? $" ({string.Join(", ", rule.Terms.Order(StringComparer.Ordinal))})" : "")}.");
        return null;
    }

    private static string? TermOf(string text)
    {
        if (!Dtmi.LooksLike(text)) return text;
        return text.StartsWith("dtmi:dtdl:instance:", StringComparison.Ordinal) || text.StartsWith("dtmi:standard:schema:", StringComparison.Ordinal)
            ? Dtmi.LastSegment(text) : null;
    }

    private static bool IsName(string text)
    {
        if (text.Length == 0 || !char.IsAsciiLetter(text[0]) || text[^1] == '_') return false;
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        }

        return true;
    }
}
