using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Twin.Model.Policies;

/// <summary>What an entry says of one resource.</summary>
/// <param name="Resource">Of what.</param>
/// <param name="Grant">Given.</param>
/// <param name="Revoke">Taken; beats what is given at the same place.</param>
public sealed record PolicyRule(PolicyResource Resource, Permissions Grant, Permissions Revoke);

/// <summary>Who, and what is given to and taken from them.</summary>
/// <param name="Label">Name within the policy.</param>
/// <param name="Subjects"><c>key:name</c>, <c>jwt:sub</c>, <c>role:name</c> or <c>*</c>; none makes it a template for imports.</param>
/// <param name="Rules">What is said.</param>
/// <param name="Imports"><c>policy</c> or <c>policy/entry</c>: their rules hold for these subjects too.</param>
public sealed record PolicyEntry(string Label, IReadOnlyList<string> Subjects, IReadOnlyList<PolicyRule> Rules, IReadOnlyList<string> Imports);

/// <summary>
/// A policy as written: <c>{"entries":{"label":{"subjects":[...],"resources":{"twins:/power":{"grant":["read"],"revoke":["write"]}},"imports":["other/label"]}}}</c>.
/// Immutable.
/// </summary>
/// <param name="Id">Letters, digits and <c>- _ . :</c>, 1 to 128.</param>
/// <param name="Entries">In the order written.</param>
public sealed record PolicyDocument(string Id, IReadOnlyList<PolicyEntry> Entries)
{
    /// <summary>Most bytes of a document.</summary>
    public const int MostBytes = 256 * 1024;

    /// <summary>Most entries of a policy, subjects of an entry, resources of an entry, imports of an entry.</summary>
    public const int MostEach = 1_000;

    /// <summary>True for a text that can name a policy.</summary>
    public static bool IsId(string? id) => id is { Length: > 0 and <= 128 } && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':');

    /// <summary>Reads a document. False with code <c>PolicyInvalid</c> or <c>JsonInvalid</c> and the place that is wrong.</summary>
    public static bool TryParse(string id, ReadOnlyMemory<byte> utf8, [NotNullWhen(true)] out PolicyDocument? policy, [NotNullWhen(false)] out Problem? problem)
    {
        policy = null;
        problem = null;
        if (!IsId(id)) problem = Wrong("A policy's id is 1 to 128 letters, digits and - _ . : characters.", "id");
        else if (utf8.Length > MostBytes) problem = Wrong($"The document has {utf8.Length} bytes; at most {MostBytes} are taken.", "body");
        if (problem is not null) return false;
        try
        {
            using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = 16 });
            var entries = new List<PolicyEntry>();
            problem = Members(document.RootElement, "body", "entries") ?? Each(document.RootElement, "entries", "", (label, entry) =>
            {
                if (ReadEntry(label, entry, out var wrong) is not { } read) return wrong;
                if (entries.Exists(e => e.Label == label)) return Wrong($"Entry '{label}' comes twice.", "entries");
                entries.Add(read);
                return null;
            });
            if (problem is null && entries.Count == 0) problem = Wrong("A policy has at least one entry: {\"entries\":{\"label\":{\"subjects\":[],\"resources\":{}}}}.", "entries");
            policy = problem is null ? new PolicyDocument(id, entries) : null;
            return policy is not null;
        }
        catch (JsonException fault)
        {
            problem = new Problem("JsonInvalid", fault.Message, "body");
            return false;
        }
        catch (InvalidOperationException)
        {
            problem = Wrong("The document is not valid UTF-8 text.", "body");
            return false;
        }
    }

    private static PolicyEntry? ReadEntry(string label, JsonElement entry, out Problem? problem)
    {
        var where = $"entries/{label}";
        var rules = new List<PolicyRule>();
        var (subjects, imports) = (new List<string>(), new List<string>());
        problem = !IsId(label) ? Wrong($"'{label}' is no label: 1 to 128 letters, digits and - _ . : characters.", "entries") : Members(entry, where, "subjects", "resources", "imports");
        problem ??= Texts(entry, "subjects", where, IsSubject, "key:NAME, jwt:NAME, role:NAME or *", subjects);
        problem ??= Texts(entry, "imports", where, IsImport, "POLICY or POLICY/ENTRY", imports);
        problem ??= Each(entry, "resources", where, (text, rule) =>
        {
            var at = $"{where}/resources/{text}";
            if (!PolicyResource.TryParse(text, out var resource, out var wrong)) return Wrong(wrong!, at);
            if (Members(rule, at, "grant", "revoke") is { } bad) return bad;
            var (grant, revoke) = (new List<string>(), new List<string>());
            if (Texts(rule, "grant", at, IsPermission, "read, write, command or administer", grant) is { } badGrant) return badGrant;
            if (Texts(rule, "revoke", at, IsPermission, "read, write, command or administer", revoke) is { } badRevoke) return badRevoke;
            rules.Add(new PolicyRule(resource!, Sum(grant), Sum(revoke)));
            return null;
        });
        return problem is null ? new PolicyEntry(label, subjects, rules, imports) : null;
    }

    private static Permissions Sum(List<string> names) => names.Aggregate(Permissions.None, (sum, name) => sum | PermissionNames.Parse(name));

    private static bool IsPermission(string text) => PermissionNames.Parse(text) != Permissions.None;

    private static bool IsSubject(string text) => text == "*" || (text.Length is > 4 and <= 256 && (text.StartsWith("key:", StringComparison.Ordinal) || text.StartsWith("jwt:", StringComparison.Ordinal) || (text.Length > 5 && text.StartsWith("role:", StringComparison.Ordinal))));

    private static bool IsImport(string text) => text.IndexOf('/', StringComparison.Ordinal) is var slash && slash < 0 ? IsId(text) : IsId(text[..slash]) && IsId(text[(slash + 1)..]);

    private static Problem? Members(JsonElement element, string where, params ReadOnlySpan<string> known)
    {
        if (element.ValueKind != JsonValueKind.Object) return Wrong("A JSON object was expected.", where);
        foreach (var member in element.EnumerateObject())
            if (!known.Contains(member.Name)) return Wrong($"'{member.Name}' is not known here; {string.Join(", ", known.ToArray())} are.", where);
        return null;
    }

    private static Problem? Each(JsonElement element, string name, string above, Func<string, JsonElement, Problem?> take)
    {
        if (!element.TryGetProperty(name, out var members)) return null;
        var where = above.Length == 0 ? name : $"{above}/{name}";
        if (members.ValueKind != JsonValueKind.Object) return Wrong("A JSON object was expected.", where);
        var count = 0;
        foreach (var member in members.EnumerateObject())
        {
            if (++count > MostEach) return Wrong($"At most {MostEach} are taken.", where);
            if (take(member.Name, member.Value) is { } problem) return problem;
        }

        return null;
    }

    private static Problem? Texts(JsonElement element, string name, string above, Func<string, bool> isGood, string what, List<string> into)
    {
        if (!element.TryGetProperty(name, out var items)) return null;
        var where = $"{above}/{name}";
        if (items.ValueKind != JsonValueKind.Array) return Wrong($"An array of texts was expected: {what}.", where);
        foreach (var item in items.EnumerateArray())
        {
            if (into.Count == MostEach) return Wrong($"At most {MostEach} are taken.", where);
            if (item.ValueKind != JsonValueKind.String || !isGood(item.GetString()!)) return Wrong($"'{(item.GetRawText() is { Length: <= 96 } raw ? raw : item.GetRawText()[..96])}' is none of: {what}.", where);
            into.Add(item.GetString()!);
        }

        return null;
    }

    private static Problem Wrong(string detail, string where) => new("PolicyInvalid", detail, where);
}
