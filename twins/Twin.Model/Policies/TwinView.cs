using System.Collections.Concurrent;

namespace Twin.Model.Policies;

/// <summary>How twins of one model look to one subject: alike, unless rules name twins by id or prefix. Thread-safe. Hot.</summary>
public sealed class ModelViews
{
    private const int MostCompared = 256;

    private readonly SubjectRules _rules;
    private readonly ConcurrentDictionary<string, TwinView>? _byId;
    private readonly ConcurrentDictionary<string, TwinView>? _byPrefix;

    private bool? _areColumnsAlike;

    internal ModelViews(SubjectRules rules, InterfaceDefinition model)
    {
        (_rules, Model) = (rules, model);
        Common = new TwinView(rules, model, rules.RulesOf(model, null, null));
        if (!rules.IsUniform) (_byId, _byPrefix) = (new(StringComparer.Ordinal), new(StringComparer.Ordinal));
    }

    /// <summary>Of which model.</summary>
    public InterfaceDefinition Model { get; }

    /// <summary>How a twin looks that no rule names.</summary>
    public TwinView Common { get; }

    /// <summary>True when <see cref="Common"/> is how every twin of the model looks.</summary>
    public bool IsUniform => _byId is null;

    /// <summary>
    /// True when every twin of the model hides the same properties, though rules tell twins apart (by what is no property of the model, or
    /// alike): columns may be read without asking about each row. Worked out once; false without looking when rules name very many twins.
    /// </summary>
    public bool AreColumnsAlike => IsUniform || (_areColumnsAlike ??= _rules.NamesOfTwins <= MostCompared && _rules.LooksOf(Model).All(v => v.HidesAsMuchAs(Common)));

    /// <summary>How a twin looks. Views kept are as many as there are ids and prefixes in the rules.</summary>
    public TwinView ViewOf(string twinId)
    {
        if (_byId is null) return Common;
        if (_rules.IsNamed(twinId)) return _byId.TryGetValue(twinId, out var named) ? named : _byId.GetOrAdd(twinId, new TwinView(_rules, Model, _rules.RulesOf(Model, twinId, null)));
        if (_rules.LongestPrefix(twinId) is not { } prefix) return Common;
        return _byPrefix!.TryGetValue(prefix, out var some) ? some : _byPrefix.GetOrAdd(prefix, new TwinView(_rules, Model, _rules.RulesOf(Model, null, prefix)));
    }
}

/// <summary>
/// How one twin looks to one subject. A property is the smallest thing hidden: a read revoked below one of object schema hides the
/// whole property. Immutable but for the relationships it was asked about; thread-safe. Hot: columns are decided once.
/// </summary>
public sealed class TwinView
{
    private readonly SubjectRules _rules;
    private readonly InterfaceDefinition? _model;
    private readonly RuleInForce[] _matching;
    private readonly bool[] _hidden;

    internal TwinView(SubjectRules rules, InterfaceDefinition? model, RuleInForce[] matching)
    {
        (_rules, _model, _matching) = (rules, model, matching);
        _hidden = new bool[model?.Properties.Count ?? 0];
        for (var i = 0; i < _hidden.Length; i++) _hidden[i] = !MayAll(Permissions.Read, model!.Properties[i].Path);
        HidesAny = !MayAll(Permissions.Read, "");
        HidesColumns = Array.Exists(_hidden, h => h);
        Exists = Decide(Permissions.Read, "").IsAllowed || Array.Exists(_hidden, h => !h) || Array.Exists(matching, r => (r.Rule.Grant & Permissions.Read) != 0 && Decide(Permissions.Read, r.Rule.Resource.Path).IsAllowed);
        MayWriteAll = MayAll(Permissions.Write, "");
    }

    /// <summary>True when at least something of the twin may be read; else it does not exist for the subject.</summary>
    public bool Exists { get; }

    /// <summary>True when some path of the twin, whether there is a value or not, may not be read.</summary>
    public bool HidesAny { get; }

    /// <summary>True when some property of the model may not be read.</summary>
    public bool HidesColumns { get; }

    /// <summary>True when everything of the twin may be written.</summary>
    public bool MayWriteAll { get; }

    internal bool HidesAsMuchAs(TwinView other) => _hidden.AsSpan().SequenceEqual(other._hidden);

    /// <summary>True when a property may not be read.</summary>
    public bool Hides(int ordinal) => _hidden[ordinal];

    /// <summary>Decides about one path.</summary>
    public PolicyDecision Decide(Permissions permission, ReadOnlySpan<char> path) => _rules.DecideOn(_matching, permission, path, _model);

    /// <summary>True when a path and everything below it is allowed.</summary>
    public bool MayAll(Permissions permission, ReadOnlySpan<char> path)
    {
        if (!Decide(permission, path).IsAllowed) return false;
        foreach (var rule in _matching)
        {
            var below = rule.Rule.Resource.Path;
            if ((rule.Rule.Revoke & permission) != 0 && below.Length > path.Length && (path.Length == 0 || (below[path.Length] == '/' && below.AsSpan().StartsWith(path, StringComparison.Ordinal)))
                && !Decide(permission, below).IsAllowed) return false;
        }

        return true;
    }

    /// <summary>True when relationships of a name may be seen (perhaps without some of their properties).</summary>
    public bool ShowsRelationship(string name) => !HidesAny || Decide(Permissions.Read, $"{PolicyResource.Relationships}/{name}").IsAllowed;

    /// <summary>True when a relationship's property may be seen.</summary>
    public bool ShowsRelationshipProperty(string name, string property) => !HidesAny || MayAll(Permissions.Read, $"{PolicyResource.Relationships}/{name}/{property}");
}
