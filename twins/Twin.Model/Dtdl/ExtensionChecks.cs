using System.Text;

namespace Twin.Model.Dtdl;

/// <summary>What extension types demand of an element, its values, its holders and its siblings.</summary>
/// <param name="contentsOf">Contents of an interface by name, inherited ones too.</param>
/// <param name="errors">Where errors go.</param>
internal sealed class ExtensionChecks(Func<Element, Dictionary<string, Element>> contentsOf, ErrorList errors)
{
    private readonly HashSet<(string Holder, string Property, string Key, string Path)> _references = [];

    public void Check(Element element)
    {
        foreach (var links in element.Links.Values)
        {
            foreach (var link in links)
            {
                if (link is { Extension: { } property, Target: { } target } && !target.Is(property.TypeId))
                    errors.Add("notRequiredType", element.Id, property.Name, link.Text, $"'{property.Name}' of {element.Id} is '{link.Text}', which is not a {Dtmi.LastSegment(property.TypeId)}.", link.At);
            }
        }

        foreach (var type in element.Extensions)
        {
            foreach (var other in type.Discotypes)
            {
                if (element.Extensions.Exists(e => e.Id == other))
                    errors.Add("disallowedCocotype", element.Id, "@type", type.Name, $"{element.Id} has type {type.Name}, which cannot stand beside {Dtmi.LastSegment(other)}.", element.At);
            }

            for (var at = type; at is not null; at = at.Parent) CheckType(element, at);
        }
    }

    private void CheckType(Element element, ExtensionType type)
    {
        foreach (var demand in type.Demands)
        {
            if (demand.IsWithin) CheckHolders(element, type, demand);
            else CheckValues(element, type, demand);
        }

        foreach (var sibling in type.Siblings) CheckSibling(element, sibling);
        foreach (var property in type.Properties.Values)
        {
            if (!element.ExtensionLiterals.TryGetValue(property.Id, out var value)) continue;
            if (property.IsUnique) CheckUnique(element, property, value);
            if (property.Instance is { } instance) CheckInstance(element, property, value, instance);
        }
    }

    private void CheckValues(Element element, ExtensionType type, Demand demand)
    {
        foreach (var link in element.LinksOf(demand.Property))
        {
            if (link.Target is not { } target) continue;
            if (demand.RequiredTypes.Length > 0 && !demand.RequiredTypes.Any(target.Is))
                errors.Add("notRequiredType", element.Id, demand.Property, target.Id, $"{element.Id} has type {type.Name}, so its '{demand.Property}' must be {Names(demand.RequiredTypes)}; {target.Id} is not.", link.At);
            if (demand.RequiredValues.Length > 0 && !demand.RequiredValues.Contains(target.Id))
                errors.Add("notRequiredValue", element.Id, demand.Property, target.Id, $"{element.Id} has type {type.Name}, so its '{demand.Property}' must be {Names(demand.RequiredValues)}; it is {target.Id}.", link.At);
            if (demand is { SiblingKeyref: { } keyref, SiblingParentOf: { } parentOf }) CheckSchemaOfSibling(element, demand.Property, target, keyref, parentOf);
        }
    }

    private void CheckSchemaOfSibling(Element element, string property, Element target, string keyref, string parentOf)
    {
        if (element.ExtensionLiterals.GetValueOrDefault(keyref) is not string name || element.ExtensionLiterals.GetValueOrDefault(parentOf) is not string propertyId) return;
        foreach (var (holder, by) in element.Holders)
        {
            if (SiblingOf(holder, by, name) is not { } sibling) continue;
            foreach (var type in sibling.Extensions)
            {
                if (type.Properties.TryGetValue(propertyId, out var overridden) && target.Id != overridden.ChildOf)
                    errors.Add("siblingPropertyMismatch", element.Id, property, target.Id, $"{element.Id} overrides '{overridden.Name}' of {sibling.Id}, so its '{property}' must be {overridden.ChildOf}; it is {target.Id}.", element.AtOf(property));
            }
        }
    }

    private void CheckHolders(Element element, ExtensionType type, Demand demand)
    {
        foreach (var (holder, property) in element.Holders)
        {
            if (property != demand.Property) continue;
            if (demand.RequiredTypes.Length > 0 && !demand.RequiredTypes.Any(t => holder.Extensions.Exists(e => e.Id == t)))
                errors.Add("parentMissingCotype", element.Id, property, type.Name, $"{element.Id} has type {type.Name}, so {holder.Id} must have type {Names(demand.RequiredTypes)}.", element.At);
            if (demand.NoneOther is { } none)
            {
                foreach (var other in ChildrenOf(holder, property).Where(c => c != element && c.Extensions.Exists(e => e.Id == none)))
                    errors.Add("siblingDuplicatesCotype", element.Id, property, type.Name, $"{element.Id} and {other.Id} both have type {Dtmi.LastSegment(none)}; one element of '{property}' of {holder.Id} may have it.", element.At);
            }

            if (demand.SomeOther is { } some && !ChildrenOf(holder, property).Any(c => c != element && c.Extensions.Exists(e => e.Id == some)))
                errors.Add("siblingMissingCotype", element.Id, property, type.Name, $"{element.Id} has type {type.Name}, so another element of '{property}' of {holder.Id} must have type {Dtmi.LastSegment(some)}.", element.At);
        }
    }

    private void CheckSibling(Element element, SiblingDemand demand)
    {
        if (element.ExtensionLiterals.GetValueOrDefault(demand.Keyref) is not string name) return;
        foreach (var (holder, property) in element.Holders)
        {
            if (SiblingOf(holder, property, name) is not { } sibling) continue;
            var path = demand.UniqueReference is { } unique ? element.ExtensionLiterals.GetValueOrDefault(unique) as string : null;
            if (path is not null && !_references.Add((holder.Id, property, name, path)))
                errors.Add("multipleReference", element.Id, Dtmi.LastSegment(demand.Keyref), name, $"{element.Id} refers to '{Dtmi.LastSegment(path)}' of '{name}', and so does another element of {holder.Id}.", element.At);
            if (demand.RequiredTypes.Length > 0 && !demand.RequiredTypes.Any(sibling.Is))
                errors.Add("notSiblingRequiredType", element.Id, Dtmi.LastSegment(demand.Keyref), name, $"{element.Id} names '{name}', which is a {sibling.Class}; it must be {Names(demand.RequiredTypes)}.", element.At);
            if (demand.DisallowedType is { } disallowed && sibling.Is(disallowed))
                errors.Add("disallowedType", element.Id, Dtmi.LastSegment(demand.Keyref), name, $"{element.Id} names '{name}', which has type {Dtmi.LastSegment(disallowed)} itself.", element.At);
            if (demand.SupplementalProperty is { } supplemental) CheckSupplemental(element, sibling, supplemental);
        }
    }

    private void CheckSupplemental(Element element, Element sibling, string supplemental)
    {
        if (element.ExtensionLiterals.GetValueOrDefault(supplemental) is not string propertyId) return;
        if (sibling.Extensions.Exists(e => e.Properties.ContainsKey(propertyId))) return;
        var term = Dtmi.LastSegment(propertyId);
        var isOfClass = sibling.Rule.Properties.ContainsKey(term);
        errors.Add(isOfClass ? "matchingPropertyNotSupplemental" : "noMatchingSupplementalProperty", element.Id, Dtmi.LastSegment(supplemental), term,
            $"{element.Id} overrides '{term}' of {sibling.Id}, which {(isOfClass ? "its class brings; only properties that extensions bring can be overridden" : "has no such property")}.", element.At);
    }

    private void CheckUnique(Element element, ExtensionProperty property, object value)
    {
        foreach (var (holder, by) in element.Holders)
        {
            if (ChildrenOf(holder, by).Any(c => c != element && value.Equals(c.ExtensionLiterals.GetValueOrDefault(property.Id))))
                errors.Add("nonUniquePropertyValue", holder.Id, property.Name, value.ToString(), $"'{by}' of {holder.Id} has two elements whose '{property.Name}' is {value}. Make them differ.", element.At);
        }
    }

    private void CheckInstance(Element element, ExtensionProperty property, object value, string instance)
    {
        if (element.Target(instance) is not { } schema) return;
        var text = value is double number ? number.ToString(System.Globalization.CultureInfo.InvariantCulture) : value.ToString()!;
        if (InstanceValidation.Check(SchemaBuilder.Build(schema), Encoding.UTF8.GetBytes(text)) is { Count: > 0 } problems)
            errors.Add("nonConformantPropertyValue", element.Id, property.Name, text, $"'{property.Name}' of {element.Id} is {text}, which its {instance} does not take: {problems[0]}", element.At);
    }

    private Element? SiblingOf(Element holder, string property, string name) =>
        property == "contents" ? contentsOf(holder).GetValueOrDefault(name) : null;

    private IEnumerable<Element> ChildrenOf(Element holder, string property) => property == "contents" ? contentsOf(holder).Values : holder.Targets(property);

    private static string Names(string[] ids) => string.Join(" or ", ids.Select(Dtmi.LastSegment).Distinct());
}
