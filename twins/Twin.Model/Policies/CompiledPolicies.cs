using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Twin.Model.Policies;

/// <summary>A rule after imports, with the entry it came into force by.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Origin"><c>policy/entry</c>, and <c>via other/entry</c> for an imported one.</param>
public sealed record RuleInForce(PolicyRule Rule, string Origin);

/// <summary>
/// All policies at one version. Decisions are kept for as long as this object is in use: a change of any policy makes another object,
/// so nothing decided under older rules outlives it. Immutable but for those caches; thread-safe.
/// </summary>
public sealed class CompiledPolicies
{
    /// <summary>Most levels of imports.</summary>
    public const int DeepestImport = 8;

    /// <summary>Most rules one entry may gather by imports.</summary>
    public const int MostRules = 20_000;

    private const int MostSubjects = 10_000;
    private static readonly Counter<long> Flushes = new Meter("Twin").CreateCounter<long>("twin_policy_cache_flushes_total", description: "Times the decisions of too many subjects were dropped.");

    private readonly (string[] Subjects, RuleInForce[] Rules)[] _entries;
    private readonly ConcurrentDictionary<PolicySubject, SubjectRules> _bySubject = new();

    private CompiledPolicies(long version, (string[], RuleInForce[])[] entries) => (Version, _entries) = (version, entries);

    /// <summary>No policy: coarse rights hold.</summary>
    public static CompiledPolicies None { get; } = new(0, []);

    /// <summary>What holds before any policy was read: nothing is allowed.</summary>
    public static CompiledPolicies Closed { get; } = new(0, [(["*"], [new RuleInForce(new PolicyRule(new PolicyResource(ResourceKind.Everything, "", ""), Permissions.None, Permissions.All), "not read yet")])]);

    /// <summary>Grows with every change of a policy.</summary>
    public long Version { get; }

    /// <summary>True when no entry speaks of anybody.</summary>
    public bool IsEmpty => _entries.Length == 0;

    /// <summary>Joins documents. False with <c>PolicyImportMissing</c>, <c>PolicyImportCycle</c>, <c>PolicyImportTooDeep</c> or <c>PolicyTooLarge</c>.</summary>
    public static bool TryCompile(long version, IReadOnlyCollection<PolicyDocument> documents, out CompiledPolicies? compiled, out Problem? problem)
    {
        compiled = null;
        problem = null;
        var byId = documents.ToDictionary(d => d.Id, StringComparer.Ordinal);
        var entries = new List<(string[], RuleInForce[])>();
        foreach (var document in documents.OrderBy(d => d.Id, StringComparer.Ordinal))
            foreach (var entry in document.Entries)
            {
                var rules = new List<RuleInForce>();
                problem = Gather(byId, document.Id, entry, $"{document.Id}/{entry.Label}", [document.Id], rules);
                if (problem is not null) return false;
                if (entry.Subjects.Count > 0 && rules.Count > 0) entries.Add(([.. entry.Subjects], [.. rules]));
            }

        compiled = new CompiledPolicies(version, [.. entries]);
        return true;
    }

    /// <summary>What holds for a subject.</summary>
    public SubjectRules For(PolicySubject subject)
    {
        if (_bySubject.TryGetValue(subject, out var known)) return known;
        if (_bySubject.Count >= MostSubjects)
        {
            Flushes.Add(1);
            _bySubject.Clear();
        }

        return _bySubject.GetOrAdd(subject, new SubjectRules(subject, _entries.Where(e => e.Subjects.Any(subject.Is)).SelectMany(e => e.Rules)));
    }

    private static Problem? Gather(Dictionary<string, PolicyDocument> byId, string policy, PolicyEntry entry, string origin, List<string> way, List<RuleInForce> rules)
    {
        var own = $"{policy}/{entry.Label}";
        foreach (var rule in entry.Rules) rules.Add(new RuleInForce(rule, own == origin ? origin : $"{origin} via {own}"));
        if (rules.Count > MostRules) return new Problem("PolicyTooLarge", $"Entry '{origin}' gathers more than {MostRules} rules by its imports.", origin);
        foreach (var import in entry.Imports)
        {
            var slash = import.IndexOf('/', StringComparison.Ordinal);
            var id = slash < 0 ? import : import[..slash];
            if (way.Contains(id)) return new Problem("PolicyImportCycle", $"The imports go round: {string.Join(" -> ", way.Append(id))}.", own);
            if (way.Count > DeepestImport) return new Problem("PolicyImportTooDeep", $"Imports go at most {DeepestImport} deep; these go on: {string.Join(" -> ", way.Append(id))}.", own);
            if (!byId.TryGetValue(id, out var other)) return new Problem("PolicyImportMissing", $"Entry '{own}' imports '{import}'; there is no policy '{id}'.", own);
            var taken = slash < 0 ? other.Entries : [.. other.Entries.Where(e => e.Label == import[(slash + 1)..])];
            if (taken.Count == 0) return new Problem("PolicyImportMissing", $"Entry '{own}' imports '{import}'; policy '{id}' has no such entry.", own);
            foreach (var each in taken)
                if (Gather(byId, id, each, origin, [.. way, id], rules) is { } problem) return problem;
        }

        return null;
    }
}
