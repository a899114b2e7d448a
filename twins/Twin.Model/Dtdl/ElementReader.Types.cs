using System.Text.Json;

namespace Twin.Model.Dtdl;

/// <summary>What an element's <c>@type</c> says.</summary>
internal readonly record struct ElementTypes(ClassRule? Rule, string? SemanticType, bool IsIndexed, bool IsAnnotation, bool AllowsUnknownProperties);

/// <content>Types: the class, semantic types, co-types of extensions.</content>
internal sealed partial class ElementReader
{
    private ElementTypes ReadTypes(JsonElement json, Scope scope, string? id, PropertyRule via)
    {
        var candidates = via.Classes.Where(c => Metamodel.FindClass(c, scope.Version) is not null).ToArray();
        var names = ReadTypeNames(json, id);
        if (names is null) return default;
        var found = default(FoundTypes);
        foreach (var name in names) ReadType(name, scope, id, ref found);
        if (found.IsBad) return default;
        if (found.Class is null)
        {
            if (names.Count == 0 && candidates.Length == 1 && candidates[0] is not ("Interface" or "Property")) found.Class = candidates[0];
            else
            {
                ReportNoClass(names, found, id, candidates, via);
                return default;
            }
        }

        if (!candidates.Contains(found.Class))
        {
            if (via.Name.Length == 0) errors.Add("typeNotRootable", id, "@type", found.Class, $"A {found.Class} cannot stand at the top of a model; an Interface can.");
            else errors.Add("badType", id, via.Name, found.Class, $"A {found.Class} cannot be a value of '{via.Name}'; allowed: {string.Join(", ", candidates)}.");
            return default;
        }

        var rule = Metamodel.FindClass(found.Class, scope.Version)!;
        if (!CheckCotypes(rule, found, id, scope.Version)) return default;
        return new(rule, found.SemanticType, found.IsIndexed, found.IsAnnotation, found.HasUnknown);
    }

    private List<string>? ReadTypeNames(JsonElement json, string? id)
    {
        if (!json.TryGetProperty("@type", out var type)) return [];
        if (type.ValueKind == JsonValueKind.String) return [type.GetString()!];
        var names = new List<string>();
        if (type.ValueKind == JsonValueKind.Array)
        {
            foreach (var entry in type.EnumerateArray())
            {
                if (entry.ValueKind != JsonValueKind.String) break;
                names.Add(entry.GetString()!);
            }

            if (names.Count == type.GetArrayLength()) return names;
        }

        errors.Add("typeNotDtmiNorTerm", id, "@type", type.GetRawText(), "@type is a string or an array of strings.");
        return null;
    }

    private void ReadType(string name, Scope scope, string? id, ref FoundTypes found)
    {
        var isDtmi = Dtmi.LooksLike(name);
        var term = name switch
        {
            _ when name.StartsWith("dtmi:dtdl:class:", StringComparison.Ordinal) => Dtmi.LastSegment(name),
            _ when name.StartsWith("dtmi:standard:class:", StringComparison.Ordinal) => Dtmi.LastSegment(name),
            _ when name.StartsWith("dtmi:dtdl:extension:quantitativeTypes:v1:class:", StringComparison.Ordinal) => Dtmi.LastSegment(name),
            _ => name,
        };
        if (Metamodel.FindClass(term, scope.Version) is not null)
        {
            if (found.Class is not null && found.Class != term)
            {
                found.IsBad = true;
                errors.Add("multipleMaterialTypes", id, "@type", $"{found.Class} and {term}", $"The element is both a {found.Class} and a {term}. Keep one.");
            }

            found.Class = term;
        }
        else if (scope.HasSemanticTypes && SemanticTypes.UnitTypeOf.ContainsKey(term)) found.AddSemanticType(term);
        else if (scope.HasIndexed && name is "Indexed" or "dtmi:twin:class:Indexed;1") found.IsIndexed = true;
        else if (scope.HasHistorization && name == "Historized") found.NeedsState = name;
        else if (scope.HasAnnotation && name == "ValueAnnotation") found.IsAnnotation = true;
        else if (isDtmi && !Dtmi.IsWellFormed(name)) Refuse("typeInvalidDtmi", $"@type '{name}' is not a valid DTMI.", ref found);
        else if (scope.IsIncomplete) found.HasUnknown = true;
        else if (isDtmi || Metamodel.KnownTerms.Contains(name)) Refuse("typeIrrelevantDtmiOrTerm", $"'{name}' is not a type an element can have here.", ref found);
        else if (scope.Version == 2) found.HasUnknown = true; // v2 lets undefined terms ride along with a class
        else if (name.Contains(':', StringComparison.Ordinal)) Refuse("typeNotDtmiNorTerm", $"@type '{name}' is neither a DTMI nor a DTDL term.", ref found);
        else Refuse("typeUndefinedTerm", $"@type '{name}' is not known in DTDL v{scope.Version} or the extensions named in @context.", ref found);

        void Refuse(string error, string message, ref FoundTypes types)
        {
            types.IsBad = true;
            errors.Add(error, id, "@type", name, message);
        }
    }

    private void ReportNoClass(List<string> names, in FoundTypes found, string? id, string[] candidates, PropertyRule via)
    {
        var allowed = string.Join(", ", candidates);
        if (names.Count == 0) errors.Add("missingTypeInfo", id, "@type", null, $"The element has no @type; allowed{(via.Name.Length == 0 ? "" : $" for '{via.Name}'")}: {allowed}.");
        else if (found.HasUnknown) errors.Add("typeUndefinedTerm", id, "@type", names[0], $"@type '{string.Join(", ", names)}' names no DTDL class; allowed: {allowed}.");
        else errors.Add("layerMissingMaterialType", id, "@type", names[0], $"@type '{string.Join(", ", names)}' names no DTDL class; allowed: {allowed}.");
    }

    private bool CheckCotypes(ClassRule rule, in FoundTypes found, string? id, int version)
    {
        if (found.SecondSemanticType is not null)
        {
            errors.Add("conflictingSupplementalTypes", id, "@type", found.SecondSemanticType, $"The element has semantic types {found.SemanticType} and {found.SecondSemanticType}. Keep one.");
            return false;
        }

        var wrong = found switch
        {
            { SemanticType: { } semantic } when !rule.TakesSemanticTypes(version) => semantic,
            { IsIndexed: true } when rule.Name != "Property" => "Indexed",
            { NeedsState: { } state } when rule.Name is not ("Property" or "Telemetry") => state,
            { IsAnnotation: true } when rule.Name is not ("Property" or "Telemetry" or "Field") => "ValueAnnotation",
            _ => null,
        };
        if (wrong is null) return true;
        errors.Add("invalidCotype", id, "@type", wrong, $"A {rule.Name} cannot have type {wrong}.");
        return false;
    }

    private struct FoundTypes
    {
        public string? Class;
        public string? SemanticType;
        public string? SecondSemanticType;
        public string? NeedsState;
        public bool IsIndexed;
        public bool IsAnnotation;
        public bool HasUnknown;
        public bool IsBad;

        public void AddSemanticType(string name)
        {
            if (SemanticType is null || SemanticType == name) SemanticType = name;
            else SecondSemanticType = name;
        }
    }
}
