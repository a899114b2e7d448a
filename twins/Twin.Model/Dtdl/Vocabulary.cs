using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>One version of one context: which identifiers its terms stand for.</summary>
/// <param name="Specifier">Its DTMI, e.g. <c>dtmi:dtdl:context;3</c>.</param>
/// <param name="Name">The DTMI without version.</param>
/// <param name="Version">Its version.</param>
/// <param name="Terms">Identifier by term.</param>
internal sealed record ContextTerms(string Specifier, string Name, int Version, FrozenDictionary<string, string> Terms)
{
    /// <summary>Which set of raised limits it chooses: 1 or 2; 0 when it is no limit context. They hold for DTDL v4.</summary>
    public int LimitSet { get; } = Name switch { "dtmi:dtdl:limits:aio" => 1, "dtmi:dtdl:limits:onvif" => 2, _ => 0 };

    /// <summary>What ids within its reach must not begin with.</summary>
    public IReadOnlyList<string> ReservedPrefixes { get; } = Name switch
    {
        Vocabulary.DtdlName => ["dtmi:dtdl:", "dtmi:standard:"],
        "dtmi:iotcentral:context" => ["dtmi:iotcentral:"],
        "dtmi:iotoperations:context" => ["dtmi:iotoperations:"],
        _ => [],
    };
}

/// <summary>Every context known here: DTDL v2 to v4 and the extensions. Immutable; thread-safe.</summary>
internal static class Vocabulary
{
    public const string DtdlName = "dtmi:dtdl:context";

    private static readonly FrozenDictionary<string, ContextTerms[]> ByName = Read();

    private static readonly string[] Reserved = [.. ByName.Values.SelectMany(c => c[0].ReservedPrefixes).Distinct()];

    /// <summary>The versions of a context, oldest first; empty when it is not known.</summary>
    public static IReadOnlyList<ContextTerms> Versions(string name) => ByName.GetValueOrDefault(name, []);

    /// <summary>A version of a context, or null.</summary>
    public static ContextTerms? Find(string name, int version)
    {
        foreach (var context in ByName.GetValueOrDefault(name, []))
        {
            if (context.Version == version) return context;
        }

        return null;
    }

    /// <summary>True when an id belongs to the language or an extension, whichever contexts are in force.</summary>
    public static bool IsReserved(string id)
    {
        foreach (var prefix in Reserved)
        {
            if (id.StartsWith(prefix, StringComparison.Ordinal)) return true;
        }

        return false;
    }

    private static FrozenDictionary<string, ContextTerms[]> Read()
    {
        var contexts = new List<ContextTerms>();
        var terms = new Dictionary<string, string>(StringComparer.Ordinal);
        string? specifier = null;
        foreach (var (_, line) in Table.Read("vocabulary"))
        {
            if (line[0] == "context")
            {
                Close();
                specifier = line[1];
                continue;
            }

            for (var i = 1; i < line.Count; i++) terms[line[i]] = line[0].Replace("*", line[i], StringComparison.Ordinal);
        }

        Close();
        return contexts.GroupBy(c => c.Name, StringComparer.Ordinal).ToFrozenDictionary(g => g.Key, g => g.OrderBy(c => c.Version).ToArray(), StringComparer.Ordinal);

        void Close()
        {
            if (specifier is null) return;
            var at = specifier.IndexOf(';', StringComparison.Ordinal);
            var version = int.Parse(specifier.AsSpan(at + 1), System.Globalization.CultureInfo.InvariantCulture);
            contexts.Add(new ContextTerms(specifier, specifier[..at], version, terms.ToFrozenDictionary(StringComparer.Ordinal)));
            terms.Clear();
        }
    }
}
