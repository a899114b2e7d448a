using System.Text.Json;

namespace Twin.Model.Dtdl;

/// <summary>What the contexts around an element bring.</summary>
/// <param name="Version">DTDL version, 2 or 3.</param>
/// <param name="HasSemanticTypes">Semantic types and units are known: always in v2, by the QuantitativeTypes extension in v3.</param>
/// <param name="HasIndexed">Our own context <c>dtmi:twin:context;1</c> is there.</param>
/// <param name="IsIncomplete">An extension is named that nobody here knows, so unknown types and properties may be its.</param>
internal readonly record struct Scope(int Version, bool HasSemanticTypes, bool HasIndexed, bool IsIncomplete)
{
    /// <summary>Historization is there: co-type <c>Historized</c>.</summary>
    public bool HasHistorization { get; init; }

    /// <summary>Annotation is there: co-type <c>ValueAnnotation</c>, property <c>annotates</c>.</summary>
    public bool HasAnnotation { get; init; }
}

/// <summary>Reads <c>@context</c>: which DTDL version and which extensions hold here.</summary>
internal static class ContextReader
{
    private const string DtdlPrefix = "dtmi:dtdl:context;";

    /// <summary>The context of a document's top-level element; null after reporting an error.</summary>
    public static Scope? ReadRoot(JsonElement element, string? id, DtdlOptions options, ErrorList errors)
    {
        if (!element.TryGetProperty("@context", out var context))
        {
            errors.Add("missingContext", id, "@context", null, "The model has no @context. Add \"@context\": \"dtmi:dtdl:context;3\" (or ;2).");
            return null;
        }

        return Read(context, default, id, options, errors);
    }

    /// <summary>A context within an element; adds to what is around it.</summary>
    public static Scope? ReadNested(JsonElement element, Scope outer, string? id, DtdlOptions options, ErrorList errors) =>
        element.TryGetProperty("@context", out var context) ? Read(context, outer, id, options, errors) : outer;

    private static Scope? Read(JsonElement context, Scope outer, string? id, DtdlOptions options, ErrorList errors)
    {
        var scope = outer;
        var before = errors.Errors.Count;
        var affiliateFirst = false;
        if (context.ValueKind == JsonValueKind.Array)
        {
            foreach (var entry in context.EnumerateArray())
            {
                scope = ReadEntry(entry, scope, id, options, errors);
                affiliateFirst |= scope.Version == 0 && entry.ValueKind == JsonValueKind.String && entry.GetString() != "dtmi:iotcentral:context;2";
            }
        }
        else scope = ReadEntry(context, scope, id, options, errors);

        if (errors.Errors.Count > before) return null;
        if (scope.Version == 0)
        {
            errors.Add("missingDtdlContext", id, "@context", null, "The @context names no DTDL version. Add \"dtmi:dtdl:context;3\" (or ;2) as its first value.");
            return null;
        }

        if (affiliateFirst)
        {
            errors.Add("dtdlContextFollowsAffiliate", id, "@context", null, "The DTDL context must stand before the contexts of extensions.");
            return null;
        }

        if (outer.Version != 0 && scope.Version > outer.Version)
        {
            errors.Add("disallowedVersionDefinition", id, "@context", null, $"An element of DTDL v{scope.Version} stands inside one of v{outer.Version}. Use one version for both.");
            return null;
        }

        return scope.Version == 2 ? scope with { HasSemanticTypes = true } : scope;
    }

    private static Scope ReadEntry(JsonElement entry, Scope scope, string? id, DtdlOptions options, ErrorList errors)
    {
        switch (entry.ValueKind)
        {
            case JsonValueKind.String: return ReadSpecifier(entry.GetString()!, scope, id, options, errors);
            case JsonValueKind.Object:
                errors.Add("disallowedLocalContext", id, "@context", null, "A context that defines terms of its own is not allowed. Remove it.");
                return scope;
            default:
                errors.Add("invalidContextSpecifier", id, "@context", entry.GetRawText(), "A context is a DTMI as a string.");
                return scope;
        }
    }

    private static Scope ReadSpecifier(string text, Scope scope, string? id, DtdlOptions options, ErrorList errors)
    {
        switch (text)
        {
            case DtdlPrefix + "2": return scope with { Version = 2 };
            case DtdlPrefix + "3": return scope with { Version = 3 };
            case "dtmi:dtdl:extension:quantitativeTypes;1": return scope with { HasSemanticTypes = true };
            case "dtmi:dtdl:extension:historization;1": return scope with { HasHistorization = true };
            case "dtmi:dtdl:extension:annotation;1": return scope with { HasAnnotation = true };
            case "dtmi:twin:context;1": return scope with { HasIndexed = true };
            case "dtmi:iotcentral:context;2": return scope;
            case "dtmi:iotcentral:context;3":
            case "dtmi:dtdl:extension:streaming;1":
            case "dtmi:dtdl:extension:overriding;1":
            case "dtmi:dtdl:extension:mqtt;1":
            case "dtmi:dtdl:extension:requirement;1": return scope with { IsIncomplete = true };
        }

        if (text.StartsWith(DtdlPrefix, StringComparison.Ordinal))
            errors.Add("unrecognizedContextVersion", id, "@context", text, $"'{text}' is not a DTDL version known here: dtmi:dtdl:context;2 and dtmi:dtdl:context;3 are.");
        else if (!Dtmi.LooksLike(text) || !Dtmi.IsWellFormed(text))
            errors.Add("invalidContextSpecifier", id, "@context", text, $"'{text}' is not a DTMI.");
        else if (!text.Contains(';', StringComparison.Ordinal))
            errors.Add("missingContextVersion", id, "@context", text, $"'{text}' has no version; write '{text};1'.");
        else if (options.AllowUndefinedExtensions)
            return scope with { IsIncomplete = true };
        else
            errors.Add("unresolvableContextSpecifier", id, "@context", text, $"The extension '{text}' is not known here. Remove it, or allow unknown extensions.");
        return scope;
    }
}
