using System.Collections.Concurrent;

namespace Twin.Model.Policies;

/// <summary>A decision and what made it.</summary>
/// <param name="IsAllowed">Yes or no.</param>
/// <param name="By">The rule; null when only the subject's coarse rights speak.</param>
public readonly record struct PolicyDecision(bool IsAllowed, RuleInForce? By);

/// <summary>
/// What holds for one subject. Of the rules that cover a path the one with the longest path decides; with equal paths the nearer one:
/// one twin before a longer prefix before a shorter, before its own model, before a model it extends, before all twins, before everything. At the same place
/// a revoke beats a grant. Where no rule covers a path the subject's coarse rights hold. Thread-safe; views are kept.
/// </summary>
public sealed class SubjectRules
{
    private readonly RuleInForce[] _rules;
    private readonly HashSet<string> _ids;
    private readonly string[] _prefixes; // longest first
    private readonly ConcurrentDictionary<InterfaceDefinition, ModelViews> _views = new();

    internal SubjectRules(PolicySubject subject, IEnumerable<RuleInForce> rules)
    {
        Subject = subject;
        _rules = [.. rules];
        _ids = [.. Names(ResourceKind.OneTwin)];
        _prefixes = [.. Names(ResourceKind.TwinsByPrefix).OrderByDescending(n => n.Length).ThenBy(n => n, StringComparer.Ordinal)];
        ReadsAllTwins = HoldsForAllTwins(Permissions.Read);
        WritesAllTwins = HoldsForAllTwins(Permissions.Write);
    }

    /// <summary>Whose rules.</summary>
    public PolicySubject Subject { get; }

    /// <summary>True when nothing of any twin is hidden.</summary>
    public bool ReadsAllTwins { get; }

    /// <summary>True when everything of every twin may be written.</summary>
    public bool WritesAllTwins { get; }

    /// <summary>True when twins are not told apart by id: all of a model look alike.</summary>
    internal bool IsUniform => _ids.Count == 0 && _prefixes.Length == 0;

    /// <summary>True when the permission may hold somewhere; the owner decides where.</summary>
    public bool MayAnywhere(Permissions permission) => (Subject.Rights & permission) != 0 || Array.Exists(_rules, r => (r.Rule.Grant & permission) != 0);

    /// <summary>True when some rule concerns resources of that kind.</summary>
    public bool SpeaksOf(ResourceKind kind) => Array.Exists(_rules, r => r.Rule.Resource.Kind == kind || r.Rule.Resource.Kind == ResourceKind.Everything);

    /// <summary>How twins of a model look.</summary>
    public ModelViews ViewsOf(InterfaceDefinition model) => _views.TryGetValue(model, out var known) ? known : _views.GetOrAdd(model, new ModelViews(this, model));

    /// <summary>How a twin looks whose model is not known (it is gone): rules about models take what they take from any, and give nothing.</summary>
    public TwinView ViewOfUnknown(string twinId) => new(this, null, [.. _rules.Where(r => IsOfTwin(r.Rule.Resource, null, twinId))]);

    /// <summary>Decides about models, devices, ledgers and doors.</summary>
    /// <param name="permission">One permission.</param>
    /// <param name="kind"><see cref="ResourceKind.Models"/>, <see cref="ResourceKind.Devices"/>, <see cref="ResourceKind.Ledger"/> or <see cref="ResourceKind.Doors"/>.</param>
    /// <param name="name">Which one; empty for all.</param>
    /// <param name="path">Below it.</param>
    public PolicyDecision Decide(Permissions permission, ResourceKind kind, string name, string path = "")
    {
        RuleInForce? best = null;
        foreach (var rule in _rules)
        {
            var resource = rule.Rule.Resource;
            if (resource.Kind != ResourceKind.Everything && (resource.Kind != kind || (resource.Name.Length > 0 && resource.Name != name))) continue;
            if (PolicyResource.Covers(resource.Path, path)) best = Nearer(best, rule, permission, null);
        }

        return Conclude(best, permission);
    }

    internal PolicyDecision DecideOn(ReadOnlySpan<RuleInForce> rules, Permissions permission, ReadOnlySpan<char> path, InterfaceDefinition? model)
    {
        RuleInForce? best = null;
        foreach (var rule in rules)
            if (PolicyResource.Covers(rule.Rule.Resource.Path, path)) best = Nearer(best, rule, permission, model);
        return Conclude(best, permission);
    }

    internal RuleInForce[] RulesOf(InterfaceDefinition model, string? id, string? prefix) => [.. _rules.Where(r => r.Rule.Resource switch
    {
        { Kind: ResourceKind.OneTwin } one => one.Name == id,
        { Kind: ResourceKind.TwinsByPrefix } some => (id ?? prefix)?.StartsWith(some.Name, StringComparison.Ordinal) == true,
        var other => IsOfTwin(other, model, ""),
    })];

    /// <summary>How many ids and prefixes of twins the rules name.</summary>
    internal int NamesOfTwins => _ids.Count + _prefixes.Length;

    /// <summary>Every way a twin of a model may look that some rule names.</summary>
    internal IEnumerable<TwinView> LooksOf(InterfaceDefinition model) =>
        _ids.Select(id => new TwinView(this, model, RulesOf(model, id, null))).Concat(_prefixes.Select(prefix => new TwinView(this, model, RulesOf(model, null, prefix))));

    internal bool IsNamed(string twinId) => _ids.Contains(twinId);

    internal string? LongestPrefix(string twinId)
    {
        foreach (var prefix in _prefixes)
            if (twinId.StartsWith(prefix, StringComparison.Ordinal)) return prefix;
        return null;
    }

    private static bool IsOfTwin(PolicyResource resource, InterfaceDefinition? model, string twinId) => resource.Kind switch
    {
        ResourceKind.Everything or ResourceKind.Twins => true,
        ResourceKind.TwinsOfModel => model is null || model.Bases.Contains(resource.Name),
        ResourceKind.TwinsByPrefix => twinId.StartsWith(resource.Name, StringComparison.Ordinal),
        ResourceKind.OneTwin => twinId == resource.Name,
        _ => false,
    };

    private static RuleInForce? Nearer(RuleInForce? best, RuleInForce rule, Permissions permission, InterfaceDefinition? model)
    {
        if (!Speaks(rule, permission, model)) return best;
        if (best is null) return rule;
        var order = Compare(rule.Rule.Resource, best.Rule.Resource, model);
        return order > 0 || (order == 0 && (rule.Rule.Revoke & permission) != 0) ? rule : best;
    }

    private static bool Speaks(RuleInForce rule, Permissions permission, InterfaceDefinition? model) =>
        (rule.Rule.Revoke & permission) != 0 || ((rule.Rule.Grant & permission) != 0 && (model is not null || rule.Rule.Resource.Kind != ResourceKind.TwinsOfModel));

    private static int Compare(PolicyResource left, PolicyResource right, InterfaceDefinition? model)
    {
        if (left.Depth != right.Depth) return left.Depth.CompareTo(right.Depth);
        if (left.Kind != right.Kind) return left.Kind.CompareTo(right.Kind);
        return left.Kind switch
        {
            ResourceKind.TwinsByPrefix => left.Name.Length.CompareTo(right.Name.Length),
            ResourceKind.TwinsOfModel => (left.Name == model?.Id).CompareTo(right.Name == model?.Id),
            _ => (left.Name.Length > 0).CompareTo(right.Name.Length > 0),
        };
    }

    private PolicyDecision Conclude(RuleInForce? best, Permissions permission) =>
        best is null ? new PolicyDecision((Subject.Rights & permission) != 0, null) : new PolicyDecision((best.Rule.Revoke & permission) == 0, best);

    private bool HoldsForAllTwins(Permissions permission) =>
        DecideOn(_rules.Where(r => r.Rule.Resource.Kind <= ResourceKind.Twins && r.Rule.Resource.Depth == 0).ToArray(), permission, "", null).IsAllowed
        && !Array.Exists(_rules, r => (r.Rule.Revoke & permission) != 0 && r.Rule.Resource.Kind <= ResourceKind.OneTwin && (r.Rule.Resource.Kind > ResourceKind.Twins || r.Rule.Resource.Depth > 0));

    private IEnumerable<string> Names(ResourceKind kind) => _rules.Where(r => r.Rule.Resource.Kind == kind).Select(r => r.Rule.Resource.Name).Distinct(StringComparer.Ordinal);
}
