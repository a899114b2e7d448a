namespace Twin.Model.Dtdl;

/// <content>Properties: literals, elements in place, references; those of extensions.</content>
internal sealed partial class ElementReader
{
    private void ReadProperties(LdObject json, Scope scope, Element element, in ElementTypes types)
    {
        var seen = new List<string>(8); // rules and extension properties only, so never many
        foreach (var member in json.Properties)
        {
            if (FindRule(member.Name, element.Rule) is { } rule)
            {
                if (CheckOnce(seen, rule.Name, element, member)) ReadValue(member, scope, element, rule);
            }
            else if (scope.Resolve(member.Name) is { } id && FindProperty(types, id) is { } extension)
            {
                if (CheckOnce(seen, extension.Id, element, member)) ReadExtensionValue(member, scope, element, extension);
            }
            else CheckUnknown(member, json, scope, element, types);
        }

        foreach (var rule in element.Rule.Properties.Values)
        {
            if (rule.Least > 0 && !seen.Contains(rule.Name)) TellMissing(rule, element);
        }

        foreach (var type in types.Extensions) CheckRequired(type, seen, element);
    }

    private static PropertyRule? FindRule(string name, ClassRule rule)
    {
        if (rule.Properties.TryGetValue(name, out var found)) return found;
        const string prefix = "dtmi:dtdl:property:";
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || name.Length < prefix.Length + 3 || name[^2] != ';' || name[^1] - '0' != rule.Version) return null;
        return rule.Properties.GetValueOrDefault(name[prefix.Length..^2]);
    }

    private static ExtensionProperty? FindProperty(in ElementTypes types, string id)
    {
        foreach (var type in types.Extensions)
        {
            if (type.FindProperty(id) is { } found) return found;
        }

        return null;
    }

    private bool CheckOnce(List<string> seen, string name, Element element, LdProperty member)
    {
        if (!seen.Contains(name))
        {
            seen.Add(name);
            return true;
        }

        errors.Add("duplicatePropertyName", element.Id, member.Name, null, $"{element.Id} has property '{member.Name}' more than once.", member.At);
        return false;
    }

    private void TellMissing(PropertyRule rule, Element element)
    {
        var id = rule.Form switch { ValueForm.Elements => "missingObjectProperty", ValueForm.Identifier => "missingIdentifierProperty", _ => "missingLiteralProperty" };
        errors.Add(id, element.Id, rule.Name, null, $"{element.Id} is a {element.Class} and needs '{rule.Name}'.", element.At);
    }

    private void CheckRequired(ExtensionType type, List<string> seen, Element element)
    {
        foreach (var property in type.Properties.Values)
        {
            if (!property.IsRequired || seen.Contains(property.Id)) continue;
            var form = property.Form switch { ExtensionForm.Element => "Object", ExtensionForm.Identifier => "Identifier", _ => "Literal" };
            throw Stop($"missingSupplemental{form}Property", element.Id, property.Name, null, $"{element.Id} has type {type.Name} and so needs '{property.Name}'.", element.At);
        }
    }

    private void CheckUnknown(LdProperty member, LdObject json, Scope scope, Element element, in ElementTypes types)
    {
        var name = member.Name;
        if (scope.Version > 2)
        {
            var (error, message) = scope.Resolve(name) is not null ? (scope.IsIncomplete ? null : "propertyIrrelevantDtmiOrTerm", "is not one that it can have with its types")
                : Dtmi.LooksLike(name) ? ("propertyInvalidDtmi", "is not a valid DTMI")
                : name.Contains(':', StringComparison.Ordinal) ? ("propertyNotDtmiNorTerm", "is neither a DTMI nor a term")
                : (scope.IsIncomplete ? null : "propertyUndefinedTerm", $"is not known in DTDL v{scope.Version} or in the extensions that @context names");
            if (error is not null)
            {
                errors.Add(error, element.Id, name, null, $"{element.Id} is a {element.Class} and has property '{name}', which {message}. Remove it, or add the type that brings it.", member.At);
                return;
            }
        }

        if (types.HasUndefined) return; // it may belong to the type nobody here knows
        errors.Add(json.Types is null ? "inferredTypeDoesNotAllow" : "noTypeThatAllows", element.Id, name, null, $"{element.Id} is a {element.Class} and has no type that brings property '{name}'. Remove it, or add the type.", member.At);
    }

    private void ReadValue(LdProperty member, Scope scope, Element element, PropertyRule rule)
    {
        var place = new Place(element.Id, rule.Name, scope);
        object? value = null;
        switch (rule.Form)
        {
            case ValueForm.Text: value = _literals.ReadText(place, member.Values, rule.Least, rule.LongestText(scope.LimitSet), rule.IsName, null, member.At); break;
            case ValueForm.LocalText:
                value = _literals.ReadDisplayText(place, member.Values, rule.LongestText(scope.LimitSet));
                break;
            case ValueForm.Integer: value = _literals.ReadInteger(place, member.Values, rule.Least, rule.Low, rule.High, member.At); break;
            case ValueForm.Boolean: value = _literals.ReadBoolean(place, member.Values, rule.Least, member.At); break;
            case ValueForm.Literal: value = _literals.ReadLiteral(place, member.Values, member.At); break;
            case ValueForm.Identifier:
                value = _literals.ReadIdentifier(place, member.Values, rule.Least, isDtmi: true, member.At);
                if (value is string id && id.Length > (rule.LongestText(scope.LimitSet) ?? int.MaxValue))
                    errors.Add("identifierTooLong", element.Id, rule.Name, id, $"'{rule.Name}' has {id.Length} characters; at most {rule.LongestText(scope.LimitSet)} are allowed.", member.At);
                break;
            default: ReadElements(member, scope, element, rule); break;
        }

        if (value is not null) element.Literals[rule.Name] = value;
    }

    private void ReadElements(LdProperty member, Scope scope, Element element, PropertyRule rule)
    {
        var count = 0;
        foreach (var value in member.Values.Items)
        {
            if (!rule.IsMany && count > 0)
            {
                TellMany(member, element, rule.Name);
                return;
            }

            switch (value.Kind)
            {
                case LdKind.Text:
                    if (AddReference(value.Text!, scope, element, rule, value.At)) count++;
                    else TellBadTerm(value, scope, element, rule.Name, ClassOf(rule, scope.Version));
                    break;
                case LdKind.Object:
                    if (ReadElement(value.Object!, scope, element, rule)) count++;
                    break;
                default: TellNoElement(value, element, rule.Name); break;
            }
        }

        if (count < rule.Least) TellFew(member, element, rule.Name, count, rule.Least);
    }

    private void TellMany(LdProperty member, Element element, string name) =>
        errors.Add("objectMultipleValues", element.Id, name, null, $"'{name}' of {element.Id} has {member.Values.Items.Count} values; one is allowed.", member.At);

    private void TellFew(LdProperty member, Element element, string name, int count, int least) =>
        errors.Add("objectCountBelowMin", element.Id, name, null, $"'{name}' of {element.Id} has {count} values that can be used; at least {least} is required.", member.At);

    private void TellBadTerm(LdValue value, Scope scope, Element element, string name, ClassRule? wanted = null)
    {
        var terms = scope.Dtdl.Terms.Where(t => wanted is not null && StandardElements.Find(t.Value) is { } standard && wanted.Refers.Contains(standard.Class)).Select(t => t.Key).Order(StringComparer.Ordinal).ToArray();
        var hint = terms.Length > 0 ? $" Terms that fit: {string.Join(", ", terms)}." : "";
        errors.Add("badDtmiOrTerm", element.Id, name, value.Text, $"'{name}' of {element.Id} is '{value.Text}', which is neither a valid DTMI nor a term of DTDL v{scope.Version} and the extensions that @context names.{hint}", value.At);
    }

    private void TellNoElement(LdValue value, Element element, string name) =>
        errors.Add("refNotStringOrObject", element.Id, name, value.ToString(), $"'{name}' of {element.Id} is {value}; a string or an object was expected.", value.At);

    private void ReadExtensionValue(LdProperty member, Scope scope, Element element, ExtensionProperty property)
    {
        var place = new Place(element.Id, property.Form == ExtensionForm.Element ? property.Name : property.Id, scope);
        var least = property.IsRequired ? 1 : 0;
        object? value = null;
        switch (property.Form)
        {
            case ExtensionForm.Text: value = _literals.ReadText(place, member.Values, least, property.LongestText, false, property.Pattern, member.At); break;
            case ExtensionForm.Integer: value = _literals.ReadInteger(place, member.Values, least, property.Low, null, member.At); break;
            case ExtensionForm.Decimal: value = _literals.ReadDecimal(place, member.Values, least, member.At); break;
            case ExtensionForm.Duration: value = _literals.ReadDuration(place, member.Values, least, member.At); break;
            case ExtensionForm.Identifier: value = _literals.ReadIdentifier(place, member.Values, least, isDtmi: false, member.At); break;
            default: ReadExtensionElement(member, scope, element, property, least); break;
        }

        if (value is not null) element.SetExtension(property.Id, value);
    }

    private void ReadExtensionElement(LdProperty member, Scope scope, Element element, ExtensionProperty property, int least)
    {
        var count = 0;
        foreach (var value in member.Values.Items)
        {
            if (count > 0)
            {
                TellMany(member, element, property.Name);
                return;
            }

            if (value.Kind == LdKind.Object)
                errors.Add("refObjectNotAllowed", element.Id, property.Name, value.ToString(), $"'{property.Name}' of {element.Id} is an object; a DTMI or a term is expected.", value.At);
            else if (value.Kind != LdKind.Text) TellNoElement(value, element, property.Name);
            else if (scope.Resolve(value.Text!) is not { } id) TellBadTerm(value, scope, element, property.Name);
            else
            {
                AddLink(new Link(element, property.Id, id, value.At) { Text = value.Text, Extension = property });
                count++;
            }
        }

        if (count < least) TellFew(member, element, property.Name, count, least);
    }
}
