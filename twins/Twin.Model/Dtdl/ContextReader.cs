namespace Twin.Model.Dtdl;

/// <summary>What the contexts around an element bring: a DTDL version, a limit set, extensions. Immutable.</summary>
/// <param name="Dtdl">The language's own context.</param>
/// <param name="Extensions">Extension contexts in force, one of each name.</param>
/// <param name="LimitSet">Which limits hold: 0 the language's own, 1 and 2 raised ones.</param>
/// <param name="IsIncomplete">An extension is named that nobody here knows, so unknown types and properties may be its.</param>
internal sealed record Scope(ContextTerms Dtdl, IReadOnlyList<ContextTerms> Extensions, int LimitSet, bool IsIncomplete)
{
    public int Version => Dtdl.Version;

    /// <summary>JSON-LD keywords that DTDL does not use are errors.</summary>
    public bool RestrictsKeywords => Version >= 3;

    /// <summary>The DTMI a term or DTMI stands for; null when it is neither here.</summary>
    public string? Resolve(string text)
    {
        if (Dtmi.LooksLike(text)) return Dtmi.IsReference(text, Version, LimitSet) ? text : null;
        if (Dtdl.Terms.TryGetValue(text, out var id)) return id;
        foreach (var extension in Extensions)
        {
            if (extension.Terms.TryGetValue(text, out id)) return id;
        }

        return null;
    }

    /// <summary>True when an author may not use ids like this one.</summary>
    public bool Reserves(string id) => Begins(Dtdl, id) || Extensions.Any(e => Begins(e, id));

    private static bool Begins(ContextTerms context, string id)
    {
        foreach (var prefix in context.ReservedPrefixes)
        {
            if (id.StartsWith(prefix, StringComparison.Ordinal)) return true;
        }

        return false;
    }
}

/// <summary>
/// Reads <c>@context</c>. The order is fixed: contexts of DTDL, each followed by a limit context where it is named
/// <c>#limitless</c>; then extensions. A wrong context ends the reading of the text: nothing below it would have a meaning.
/// </summary>
internal sealed class ContextReader(DtdlOptions options, ErrorList errors)
{
    private const string DtdlPrefix = "dtmi:dtdl:context;";
    private const string CentralContext = "dtmi:iotcentral:context;2"; // may stand before DTDL's, which for it is v2

    /// <summary>What holds within an object; <paramref name="outer"/> is null at the top of a text.</summary>
    public Scope Read(LdObject element, Scope? outer)
    {
        if (element.Context is not { } context)
            return outer ?? throw Stop(element, "missingContext", null, "The model has no @context. Add \"@context\": \"dtmi:dtdl:context;3\".");
        if (context.Count == 0)
            return outer ?? throw Stop(element, "emptyContext", null, "The @context is empty. Add \"dtmi:dtdl:context;3\".");
        var at = 0;
        var preface = ReadPreface(element, context, ref at);
        var dtdl = outer?.Dtdl;
        var limitSet = 0;
        while (at < context.Count && context[at] is { } specifier && specifier.StartsWith(DtdlPrefix, StringComparison.Ordinal))
        {
            dtdl = ReadDtdl(element, specifier, out var hasLimits);
            at++;
            limitSet = 0;
            if (hasLimits) continue;
            if (at >= context.Count || !TryReadLimits(element, context[at], dtdl.Version, out limitSet))
                throw Stop(element, "missingLimitContext", specifier, $"'{specifier}' sets no limits, so a limit context must follow it, e.g. \"dtmi:dtdl:limits:onvif;1\" or \"dtmi:dtdl:context;4#limits\".");
            at++;
        }

        if (dtdl is null)
            throw Stop(element, "missingDtdlContext", context[0], "The @context does not begin with a DTDL version. Put \"dtmi:dtdl:context;2\", \";3\" or \";4\" first.");
        if (context[^1] is null)
            throw Stop(element, "disallowedLocalContext", null, $"DTDL v{dtdl.Version} does not allow a context that defines terms of its own. Remove the object from @context.");
        return ReadExtensions(element, context, at, dtdl, limitSet, outer, preface);
    }

    private List<ContextTerms> ReadPreface(LdObject element, List<string?> context, ref int at)
    {
        var preface = new List<ContextTerms>();
        for (; at < context.Count && context[at] == CentralContext; at++)
        {
            if (ReadExtension(element, CentralContext, 2, options.UndefinedExtensions == UndefinedExtensions.Allow) is { } found) preface.Add(found);
        }

        return preface;
    }

    private Scope ReadExtensions(LdObject element, List<string?> context, int at, ContextTerms dtdl, int limitSet, Scope? outer, List<ContextTerms> preface)
    {
        var allowsUndefined = options.UndefinedExtensions == UndefinedExtensions.Allow || (options.UndefinedExtensions == UndefinedExtensions.ByVersion && dtdl.Version == 2);
        var extensions = new List<ContextTerms>(outer?.Extensions ?? []);
        var isIncomplete = outer?.IsIncomplete ?? false;
        foreach (var found in preface) Put(extensions, found);
        for (; at < context.Count; at++)
        {
            if (context[at] is not { } specifier)
                throw Stop(element, "localContextNotLast", null, "A context that defines terms of its own stands before others. Remove it.");
            if (ReadExtension(element, specifier, dtdl.Version, allowsUndefined) is { } found) Put(extensions, found);
            else isIncomplete = true;
        }

        return new Scope(dtdl, extensions, limitSet, isIncomplete);
    }

    private static void Put(List<ContextTerms> extensions, ContextTerms found)
    {
        var at = extensions.FindIndex(e => e.Name == found.Name);
        if (at >= 0) extensions[at] = found;
        else extensions.Add(found);
    }

    private ContextTerms ReadDtdl(LdObject element, string specifier, out bool hasLimits)
    {
        if (!Dtmi.TryParse(specifier, out var parts)) throw Stop(element, "invalidContextSpecifier", specifier, $"The context '{specifier}' is not a valid DTMI.");
        if (parts.Fragment is not ("" or "#limitless" or "#limits"))
            throw Stop(element, "invalidContextFragment", specifier, $"The context '{specifier}' ends in '{parts.Fragment}'; #limitless and #limits are known.");
        if (parts.HasFragment && parts.Major is 2 or 3)
            throw Stop(element, "disallowedContextFragment", specifier, $"DTDL v{parts.Major} has no limit contexts, so '{parts.Fragment}' cannot follow its context. Remove it.");
        if (parts.HasFragment && parts.Major != 4)
            throw Stop(element, "disallowedContextFragment", specifier, $"'{parts.Fragment}' cannot follow the context '{specifier}'. Remove it.");
        if (parts.Fragment == "#limits")
            throw Stop(element, "misplacedLimitContext", specifier, $"The limit context '{specifier}' stands where the language's context is expected. Put \"{DtdlPrefix}{parts.Major}#limitless\" before it.");
        if (Vocabulary.Find(Vocabulary.DtdlName, parts.Major) is not { } found)
            throw Stop(element, "unrecognizedContextVersion", specifier, $"'{specifier}' is not a DTDL version known here: dtmi:dtdl:context;2, ;3 and ;4 are.");
        if (parts.Major > options.NewestVersion)
            throw Stop(element, "disallowedContextVersion", specifier, $"'{specifier}' is DTDL v{parts.Major}; at most v{options.NewestVersion} is wanted here.");
        if (parts.Major == 2 && parts.Minor != 0)
            throw Stop(element, "invalidContextSpecifierForVersion", specifier, $"The context '{specifier}' is not a valid DTMI in DTDL v2, which knows no minor versions.");
        hasLimits = parts.Fragment != "#limitless";
        return found;
    }

    private ContextTerms? ReadExtension(LdObject element, string specifier, int version, bool allowsUndefined)
    {
        if (specifier.StartsWith(DtdlPrefix, StringComparison.Ordinal))
            throw Stop(element, "dtdlContextFollowsAffiliate", specifier, $"The context '{specifier}' of the language stands after that of an extension. Put it first.");
        var parts = CheckForm(element, specifier, version, mayHaveFragment: false);
        if (Vocabulary.Versions(parts.Versionless) is not { Count: > 0 } known)
        {
            if (allowsUndefined) return null;
            throw Stop(element, "unresolvableContextSpecifier", specifier, $"The extension '{specifier}' is not known here. Remove it, or allow undefined extensions.");
        }

        if (known.FirstOrDefault(c => c.Version == parts.Major) is not { } found)
        {
            if (allowsUndefined) return null;
            throw Stop(element, "unresolvableContextVersion", specifier, $"The extension '{parts.Versionless}' has no version {parts.Major} here; known: {string.Join(", ", known.Select(c => c.Version))}.");
        }

        if (found.LimitSet > 0)
            throw Stop(element, "misplacedLimitContext", specifier, $"The limit context '{specifier}' must directly follow \"{DtdlPrefix}4#limitless\".");
        return found;
    }

    private bool TryReadLimits(LdObject element, string? specifier, int version, out int limitSet)
    {
        limitSet = 0;
        if (specifier is null) return false;
        var parts = CheckForm(element, specifier, version, mayHaveFragment: true);
        if (parts.Versionless == Vocabulary.DtdlName)
        {
            if (parts.Fragment is not ("" or "#limitless" or "#limits"))
                throw Stop(element, "invalidContextFragment", specifier, $"The context '{specifier}' ends in '{parts.Fragment}'; #limits is expected.");
            return parts.Fragment != "#limitless" && parts.Major == version;
        }

        if (parts.HasFragment) throw Stop(element, "invalidContextSpecifier", specifier, $"The limit context '{specifier}' has a fragment. Remove it.");
        if (Vocabulary.Find(parts.Versionless, parts.Major) is not { LimitSet: > 0 } found || version != 4) return false;
        if (!options.LimitContexts.Any(l => Accepts(l, parts)))
            throw Stop(element, "disallowedLimitContext", specifier, $"The limits '{specifier}' are not accepted here. Accepted: {(options.LimitContexts.Count == 0 ? "none" : string.Join(", ", options.LimitContexts))}.");
        limitSet = found.LimitSet;
        return true;
    }

    private static bool Accepts(string accepted, in DtmiParts parts) =>
        Dtmi.TryParse(accepted, out var wanted) && wanted.Versionless == parts.Versionless
        && (wanted.Major == 0 || (wanted.Major == parts.Major && wanted.Minor <= parts.Minor));

    private DtmiParts CheckForm(LdObject element, string specifier, int version, bool mayHaveFragment)
    {
        if (!Dtmi.LooksLike(specifier)) throw Stop(element, "nonDtmiContextSpecifier", specifier, $"The context '{specifier}' is not a DTMI. DTDL takes only contexts named by DTMIs.");
        if (!Dtmi.TryParse(specifier, out var parts) || (parts.HasFragment && !mayHaveFragment))
            throw Stop(element, "invalidContextSpecifier", specifier, $"The context '{specifier}' is not a valid DTMI.");
        var plain = parts.HasFragment ? specifier[..specifier.IndexOf('#', StringComparison.Ordinal)] : specifier;
        if (mayHaveFragment && parts.Major == 0) throw MissingVersion();
        if (!Dtmi.IsReference(plain, version, 0))
            throw Stop(element, "invalidContextSpecifierForVersion", specifier, $"The context '{specifier}' is not a valid DTMI in DTDL v{version}.");
        if (parts.Major == 0) throw MissingVersion();
        return parts;

        StopReadingException MissingVersion() => Stop(element, "missingContextVersion", specifier, $"The context '{specifier}' has no version; write '{specifier};1'.");
    }

    private StopReadingException Stop(LdObject element, string id, string? value, string message)
    {
        errors.Add(id, null, "@context", value, message, element.At);
        return new StopReadingException();
    }
}
