namespace Twin.Model.Dtdl;

/// <summary>
/// Reads DTDL v2 and v3 (JSON-LD as the language profiles it) into interfaces ready for owners. Pure; thread-safe.
/// </summary>
/// <remarks>
/// Stages: text to elements by the tables of the metamodel, then checks across elements, then flattening. All or nothing:
/// with any error the known models come back unchanged.
/// A property is indexed when the model names the context <c>dtmi:twin:context;1</c> and gives it the co-type <c>Indexed</c>:
/// <c>"@type": ["Property", "Indexed"]</c>.
/// </remarks>
public static class DtdlParser
{
    /// <summary>Errors are told up to this many.</summary>
    public const int MostErrors = 1_000;

    /// <summary>Most characters of one text.</summary>
    public const int LongestText = 8 << 20;

    /// <summary>Most texts at once.</summary>
    public const int MostTexts = 10_000;

    /// <summary>Reads texts, each one interface or an array of interfaces; they may refer to each other and to <paramref name="known"/>.</summary>
    /// <exception cref="ArgumentException">More than <see cref="MostTexts"/> texts.</exception>
    public static DtdlParseResult Parse(IReadOnlyList<string> jsonTexts, ModelSet known) => Parse(jsonTexts, known, DtdlOptions.Default);

    /// <summary>Reads texts with choices.</summary>
    /// <exception cref="ArgumentException">More than <see cref="MostTexts"/> texts.</exception>
    public static DtdlParseResult Parse(IReadOnlyList<string> jsonTexts, ModelSet known, DtdlOptions options)
    {
        if (jsonTexts.Count > MostTexts) throw new ArgumentException($"{jsonTexts.Count} texts; at most {MostTexts} at once.", nameof(jsonTexts));
        var errors = new ErrorList();
        var reader = new ElementReader(options, errors);
        for (var i = 0; i < jsonTexts.Count; i++)
        {
            errors.Document = i;
            if (jsonTexts[i].Length > LongestText)
                errors.AddOwn("textTooLong", null, null, null, $"The text has {jsonTexts[i].Length} characters; at most {LongestText} are allowed.");
            else reader.ReadDocument(jsonTexts[i], i);
        }

        if (errors.Errors.Count == 0) new ElementChecks(reader, known, errors).Run();
        if (errors.Errors.Count > 0) return new DtdlParseResult(known, errors.Errors);
        var models = new Flattener(known, errors).Run(reader.All);
        return errors.Errors.Count > 0 ? new DtdlParseResult(known, errors.Errors) : new DtdlParseResult(models, []);
    }
}
