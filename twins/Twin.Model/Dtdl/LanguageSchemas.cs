using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>The schemas that DTDL itself defines, by DTMI: <c>dtmi:dtdl:instance:Schema:double;2</c>, geometries and others. Immutable; thread-safe.</summary>
public static class LanguageSchemas
{
    private static readonly FrozenDictionary<string, Schema> ById = StandardElements.All
        .Where(e => e.Element.Rule.Ancestors.Contains("Schema")).ToFrozenDictionary(e => e.Id, e => SchemaBuilder.Build(e.Element), StringComparer.Ordinal);

    /// <summary>The schema of a DTMI; null when the language defines none of that id.</summary>
    public static Schema? Find(string dtmi) => ById.GetValueOrDefault(dtmi);
}
