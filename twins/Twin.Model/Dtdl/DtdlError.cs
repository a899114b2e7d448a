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
}

/// <summary>Choices a caller has.</summary>
public sealed record DtdlOptions
{
    /// <summary>The defaults.</summary>
    public static DtdlOptions Default { get; } = new();

    /// <summary>Contexts nobody here knows are let through and their types and properties passed over. Off: they are errors.</summary>
    public bool AllowUndefinedExtensions { get; init; }

    /// <summary>An object with nothing but <c>@id</c> is taken as a reference. Off: it is an error.</summary>
    public bool AllowIdReferences { get; init; }
}

/// <summary>Collects errors up to a bound.</summary>
internal sealed class ErrorList
{
    public List<DtdlError> Errors { get; } = [];

    public int Document { get; set; }

    public bool IsFull => Errors.Count >= DtdlParser.MostErrors;

    /// <summary>Adds an error with one of DTDL's ids.</summary>
    public void Add(string name, string? element, string? property, string? value, string message) =>
        AddWithId(DtdlError.ParsingPrefix + name, element, property, value, message);

    /// <summary>Adds an error with one of our ids.</summary>
    public void AddOwn(string name, string? element, string? property, string? value, string message) =>
        AddWithId(DtdlError.ModelPrefix + name, element, property, value, message);

    private void AddWithId(string id, string? element, string? property, string? value, string message)
    {
        if (IsFull) return;
        if (value is { Length: > 200 }) value = value[..200] + "...";
        Errors.Add(new DtdlError(id, element, property, value, message, Document));
    }
}
