namespace Twin.Model.Dtdl;

/// <summary>One thing wrong with a model.</summary>
/// <param name="Id">
/// What kind: <c>dtmi:dtdl:parsingError:...</c> as the DTDL reference documentation names them where one fits, else
/// <c>dtmi:twin:modelError:...</c>.
/// </param>
/// <param name="Element">The element's DTMI, given or derived from its place; null when it has none.</param>
/// <param name="Property">The property within the element; null when the element itself is wrong.</param>
/// <param name="Value">The offending value, shortened to 200 characters; null when there is none.</param>
/// <param name="Message">What is wrong and what to do, for a person.</param>
/// <param name="Document">Index of the text it was found in, 0-based.</param>
public sealed record DtdlError(string Id, string? Element, string? Property, string? Value, string Message, int Document)
{
    /// <summary>Prefix of the ids that the DTDL documentation gives.</summary>
    public const string ParsingPrefix = "dtmi:dtdl:parsingError:";

    /// <summary>Prefix of ids for what DTDL has no id: unresolved references, size bounds of this runtime.</summary>
    public const string ModelPrefix = "dtmi:twin:modelError:";

    /// <summary>Line in the text, from 1; null when the error has no place of its own.</summary>
    public int? Line { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Message} [{Id}]";
}

/// <summary>The outcome of reading models.</summary>
/// <param name="Models">Known and new interfaces, closed under extends and components; only the known ones when there are errors.</param>
/// <param name="Errors">Everything wrong, at most <see cref="DtdlParser.MostErrors"/>; empty when the models may be used.</param>
public sealed record DtdlParseResult(ModelSet Models, IReadOnlyList<DtdlError> Errors)
{
    /// <summary>True when there are no errors.</summary>
    public bool IsValid => Errors.Count == 0;

    /// <summary>Elements of every class in the texts, with those of the language and its extensions that they refer to, directly or not.</summary>
    public int ElementCount { get; init; }

    /// <summary>DTMIs that are referred to and defined nowhere; the errors name them too.</summary>
    public IReadOnlyList<string> Unresolved { get; init; } = [];

    /// <summary>Complex schemas of the texts by DTMI. <see cref="LanguageSchemas"/> has those of the language.</summary>
    public IReadOnlyDictionary<string, Schema> Schemas { get; init; } = System.Collections.Frozen.FrozenDictionary<string, Schema>.Empty;
}

/// <summary>What to do with extensions that are not known here.</summary>
public enum UndefinedExtensions
{
    /// <summary>As the language version says: v2 lets them through, v3 and v4 refuse them.</summary>
    ByVersion,

    /// <summary>They are let through, and unknown types and properties may be theirs.</summary>
    Allow,

    /// <summary>They are errors.</summary>
    Refuse,
}

/// <summary>Finds the texts that define DTMIs; texts may define more than was asked for. A missing one is reported as unresolved.</summary>
public delegate ValueTask<IReadOnlyList<string>> DtmiResolver(IReadOnlyList<string> dtmis, CancellationToken cancellationToken);

/// <summary>Choices a caller has.</summary>
public sealed record DtdlOptions
{
    /// <summary>The defaults.</summary>
    public static DtdlOptions Default { get; } = new();

    /// <summary>What to do with extensions that are not known here.</summary>
    public UndefinedExtensions UndefinedExtensions { get; init; }

    /// <summary>In DTDL v2, an object with nothing but <c>@id</c> is taken as a reference. Off: it is an error.</summary>
    public bool AllowIdReferences { get; init; }

    /// <summary>Newest DTDL version accepted: 2, 3 or 4.</summary>
    public int NewestVersion { get; init; } = 4;

    /// <summary>Limit contexts accepted in DTDL v4, e.g. <c>dtmi:dtdl:limits:onvif;1</c>; without a version all of them. None by default.</summary>
    public IReadOnlyList<string> LimitContexts { get; init; } = [];
}

/// <summary>Collects errors up to a bound.</summary>
internal sealed class ErrorList
{
    public List<DtdlError> Errors { get; } = [];

    /// <summary>The text that is read; null outside any.</summary>
    public LdDocument? Document { get; set; }

    public bool IsFull => Errors.Count >= DtdlParser.MostErrors;

    /// <summary>Adds an error with one of DTDL's ids. <paramref name="at"/> is a byte of the document, -1 when there is no place.</summary>
    public void Add(string name, string? element, string? property, string? value, string message, int at = -1) =>
        AddWithId(DtdlError.ParsingPrefix + name, element, property, value, message, at);

    /// <summary>Adds an error with one of our ids.</summary>
    public void AddOwn(string name, string? element, string? property, string? value, string message, int at = -1) =>
        AddWithId(DtdlError.ModelPrefix + name, element, property, value, message, at);

    /// <summary>Drops errors from <paramref name="start"/> on that say what an earlier one there said.</summary>
    public void DropRepeats(int start)
    {
        var seen = new HashSet<DtdlError>();
        var next = start;
        for (var i = start; i < Errors.Count; i++)
        {
            if (seen.Add(Errors[i])) Errors[next++] = Errors[i];
        }

        Errors.RemoveRange(next, Errors.Count - next);
    }

    private void AddWithId(string id, string? element, string? property, string? value, string message, int at)
    {
        if (IsFull) return;
        if (value is { Length: > 200 }) value = value[..200] + "...";
        if (message.Length > 1000) message = message[..1000] + "...";
        var line = at >= 0 && Document is not null ? Document.LineOf(at) : default(int?);
        Errors.Add(new DtdlError(id, element, property, value, message, Document?.Index ?? 0) { Line = line });
    }
}

/// <summary>Ends the reading of one text; the error is already in the list.</summary>
internal sealed class StopReadingException : Exception;
