using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>
/// Reads DTDL v2, v3 and v4 (JSON-LD as the language profiles it) into interfaces ready for owners. Pure; thread-safe.
/// </summary>
/// <remarks>
/// Stages: text to elements by the tables of the metamodel, links to what they name, checks across elements, flattening.
/// Each stage runs when those before it found nothing wrong. All or nothing: with any error the known models come back unchanged.
/// A property is indexed when the model names the context <c>dtmi:twin:context;1</c> and gives it the type <c>Indexed</c>:
/// <c>"@type": ["Property", "Indexed"]</c>.
/// </remarks>
public static class DtdlParser
{
    /// <summary>Errors are told up to this many.</summary>
    public const int MostErrors = 1_000;

    /// <summary>Most characters of one text.</summary>
    public const int LongestText = 8 << 20;

    /// <summary>Most texts at once, those that a resolver adds included.</summary>
    public const int MostTexts = 10_000;

    /// <summary>Most times a resolver is asked: texts it gives may name DTMIs that are not known yet.</summary>
    public const int MostRounds = 64;

    /// <summary>Reads texts, each one interface or an array of interfaces; they may refer to each other and to <paramref name="known"/>.</summary>
    /// <exception cref="ArgumentException">More than <see cref="MostTexts"/> texts.</exception>
    public static DtdlParseResult Parse(IReadOnlyList<string> jsonTexts, ModelSet known) => Parse(jsonTexts, known, DtdlOptions.Default);

    /// <summary>Reads texts with choices.</summary>
    /// <exception cref="ArgumentException">More than <see cref="MostTexts"/> texts, or an option out of range.</exception>
    public static DtdlParseResult Parse(IReadOnlyList<string> jsonTexts, ModelSet known, DtdlOptions options)
    {
        var parse = new OneParse(known, options);
        var missing = parse.Read(jsonTexts);
        return parse.Finish(missing);
    }

    /// <summary>Reads texts and asks <paramref name="resolver"/> for the DTMIs they refer to and nobody defines, until all are found or it has none.</summary>
    /// <exception cref="ArgumentException">More than <see cref="MostTexts"/> texts, or an option out of range.</exception>
    public static async ValueTask<DtdlParseResult> ParseAsync(IReadOnlyList<string> jsonTexts, ModelSet known, DtdlOptions options, DtmiResolver resolver, CancellationToken cancellationToken = default)
    {
        var parse = new OneParse(known, options);
        var missing = parse.Read(jsonTexts);
        for (var round = 0; missing.Count > 0 && !parse.HasErrors && round < MostRounds; round++)
        {
            var asked = missing.ConvertAll(l => l.Id);
            var texts = await resolver(asked, cancellationToken).ConfigureAwait(false);
            if (texts.Count == 0) break;
            missing = parse.Read(texts);
            var wanted = asked.ToHashSet(StringComparer.Ordinal);
            if (missing.Exists(l => wanted.Contains(l.Id))) break; // what it gave does not define what it was asked for
        }

        return parse.Finish(missing);
    }

    /// <summary>One parse from the first text to the result.</summary>
    private sealed class OneParse
    {
        private readonly ErrorList _errors = new();
        private readonly ElementReader _reader;
        private readonly ElementLinker _linker;
        private readonly ModelSet _known;
        private int _texts;

        public OneParse(ModelSet known, DtdlOptions options)
        {
            if (options.NewestVersion is < Metamodel.OldestVersion or > Metamodel.NewestVersion)
                throw new ArgumentException($"NewestVersion is {options.NewestVersion}; allowed are {Metamodel.OldestVersion} to {Metamodel.NewestVersion}.", nameof(options));
            (_known, _reader) = (known, new ElementReader(options, _errors));
            _linker = new ElementLinker(_reader, known, _errors);
        }

        public bool HasErrors => _errors.Errors.Count > 0;

        /// <summary>Reads texts and finds what links name. Returns links to what is defined nowhere.</summary>
        public List<Link> Read(IReadOnlyList<string> texts)
        {
            if (_texts + texts.Count > MostTexts) throw new ArgumentException($"{_texts + texts.Count} texts; at most {MostTexts} at once.", nameof(texts));
            foreach (var text in texts)
            {
                var index = _texts++;
                if (text.Length <= LongestText) _reader.ReadDocument(text, index);
                else
                {
                    _errors.Document = new LdDocument(index, []);
                    _errors.AddOwn("textTooLong", null, null, null, $"The text has {text.Length} characters; at most {LongestText} are allowed.");
                }
            }

            return HasErrors ? [] : _linker.Find();
        }

        public DtdlParseResult Finish(List<Link> missing)
        {
            if (HasErrors) return Failed([]);
            foreach (var link in missing)
            {
                _errors.Document = link.Holder.Document;
                var property = ElementLinker.PropertyName(link);
                _errors.AddOwn("unresolvedReference", link.Holder.Id, property, link.Id, $"'{property}' of {link.Holder.Id} refers to {link.Id}, which is not defined here or among the known models.", link.At);
            }

            if (HasErrors) return Failed(missing.ConvertAll(l => l.Id));
            _linker.Check();
            if (HasErrors) return Failed([]);
            new ElementChecks(_reader, _errors).Run();
            if (HasErrors) return Failed([]);
            var schemas = new SchemaBuilder();
            var models = new Flattener(_known, schemas, _errors).Run(_reader.ById.Values);
            if (HasErrors) return Failed([]);
            var named = _reader.ById.Values.Where(e => e.Rule.Ancestors.Contains("ComplexSchema")).ToFrozenDictionary(e => e.Id, schemas.Get, StringComparer.Ordinal);
            return new DtdlParseResult(models, []) { ElementCount = _linker.ElementCount, Schemas = named };
        }

        private DtdlParseResult Failed(List<string> unresolved) => new(_known, _errors.Errors) { Unresolved = unresolved };
    }
}
