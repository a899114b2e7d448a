namespace Twin.Model.Query;

/// <summary>What a subscriber asks of the change feed. Null or empty members do not restrict.</summary>
/// <param name="Twins">Only these twins.</param>
/// <param name="Prefix">Only twins whose id begins so.</param>
/// <param name="Model">Only twins of this model or one that extends it.</param>
/// <param name="Path">Only changes that touch this property (state path, <c>component/property</c>).</param>
/// <param name="Where">A condition of the query language over one property, <c>$dtId</c> and the model.</param>
public sealed record ChangeFilterRequest(
    IReadOnlyCollection<string>? Twins = null, string? Prefix = null, string? Model = null, string? Path = null, string? Where = null);

/// <summary>
/// A standing filter over the change feed. A condition over a property sees only changes of that property: a change of
/// another one says nothing about it and does not match. A condition over id and model alone sees every change.
/// Immutable; thread-safe. Hot: matching allocates nothing except where a nested text field is read.
/// </summary>
public sealed class ChangeFilter
{
    /// <summary>Most twins one filter may name.</summary>
    public const int MostTwins = 10_000;

    private readonly HashSet<string>? _twins;
    private readonly Expression? _where;
    private readonly ModelSet _models;

    private ChangeFilter(ChangeFilterRequest request, Expression? where, PathExpression? property, ModelSet models)
    {
        Request = request;
        _twins = request.Twins is { Count: > 0 } twins ? new HashSet<string>(twins, StringComparer.Ordinal) : null;
        _where = where;
        _models = models;
        WherePath = property?.StatePath;
        WhereSegments = property?.Segments ?? [];
        Threshold = ChangeThreshold.TryFind(where);
    }

    /// <summary>What was asked.</summary>
    public ChangeFilterRequest Request { get; }

    /// <summary>The property the condition is over, as a state path; null when it is over none.</summary>
    public string? WherePath { get; }

    internal IReadOnlyList<string> WhereSegments { get; }

    /// <summary>The condition when it is one numeric comparison of the property; for the set's ordered index.</summary>
    internal ChangeThreshold? Threshold { get; }

    /// <summary>Makes a filter. False and a problem (code <c>FilterInvalid</c> or <c>QuerySyntax</c>, where = the member) when it makes no sense.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="models">Known models, for "extends" questions.</param>
    /// <param name="filter">The filter.</param>
    /// <param name="problem">Why not.</param>
    public static bool TryCreate(ChangeFilterRequest request, ModelSet models, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ChangeFilter? filter, out Problem? problem)
    {
        ArgumentNullException.ThrowIfNull(request);
        filter = null;
        request = request with
        {
            Prefix = NullIfEmpty(request.Prefix), Model = NullIfEmpty(request.Model), Path = NullIfEmpty(request.Path), Where = NullIfEmpty(request.Where),
        };
        if (request.Twins?.Count > MostTwins)
            return Refuse($"{request.Twins.Count} twins are named; at most {MostTwins} are taken. Use prefix or model.", "twins", out problem);
        if (request.Path is { } p && (p.StartsWith('/') || p.EndsWith('/') || p.Contains('.', StringComparison.Ordinal)))
            return Refuse($"'{p}' is no property path; write names joined by '/', as in thermostat/target.", "path", out problem);
        Expression? where = null;
        PathExpression? property = null;
        if (request.Where is not null)
        {
            if (!QueryParser.TryParseCondition(request.Where, out where, out problem)) return false;
            if (!TryFindProperty(where, out property, out problem)) return false;
            if (property is not null && request.Path is not null && request.Path != property.StatePath)
                return Refuse($"path asks for changes of '{request.Path}' and the condition is over '{property.StatePath}': no change is both.", "where", out problem);
        }
        filter = new ChangeFilter(request, where, property, models);
        problem = null;
        return true;
    }

    /// <summary>The same filter under newer models.</summary>
    public ChangeFilter WithModels(ModelSet models) =>
        TryCreate(Request, models, out var filter, out var problem) ? filter : throw new InvalidOperationException(problem!.Detail);

    /// <summary>True when the subscriber shall see the change. Changes that are not public never match.</summary>
    public bool Matches(in Change change)
    {
        if (!change.IsPublic) return false;
        if (_twins is not null && !_twins.Contains(change.TwinId)) return false;
        if (Request.Prefix is not null && !change.TwinId.StartsWith(Request.Prefix, StringComparison.Ordinal)) return false;
        if (Request.Path is not null && !(HasPropertyPath(change.Kind) && Touches(change.Path, Request.Path))) return false;
        if (Request.Model is not null && !IsOfModel(change.ModelId, Request.Model, isExact: false)) return false;
        return _where is null || MatchesWhere(change);
    }

    private bool MatchesWhere(in Change change)
    {
        PropertyValue value = default;
        if (WherePath is not null)
        {
            if (change.Kind is not (ChangeKind.PropertyChanged or ChangeKind.PropertyRemoved) || !TryReadValue(change, out value)) return false;
            if (Threshold is { } threshold) return threshold.Holds(value);
        }
        return ConditionEvaluator.Holds(_where!, new Reader(this, change.TwinId, change.ModelId, value), []);
    }

    /// <summary>True for changes whose path is a property's (a relationship change's is the relationship's id).</summary>
    internal static bool HasPropertyPath(ChangeKind kind) => kind is ChangeKind.PropertyChanged or ChangeKind.PropertyRemoved or ChangeKind.Telemetry;

    // The condition's property as this change leaves it; false when the change says nothing about it.
    private bool TryReadValue(in Change change, out PropertyValue value)
    {
        value = change.Kind == ChangeKind.PropertyRemoved ? default : change.Value;
        if (change.Path.Length == WherePath!.Length) return change.Path == WherePath;
        if (!IsBelow(WherePath, change.Path)) return false;
        if (change.Kind == ChangeKind.PropertyRemoved || change.Value.Kind != ValueKind.Json) value = default;
        else value = QueryValues.Find(change.Value.AsJson, WhereSegments, 1 + change.Path.AsSpan().Count('/'));
        return true;
    }

    internal bool IsOfModel(string model, string wanted, bool isExact) =>
        model == wanted || (!isExact && _models.Find(model) is { } definition && definition.Bases.Contains(wanted));

    /// <summary>True when one path is the other or lies below it.</summary>
    internal static bool Touches(string path, string other) =>
        path.Length == other.Length ? path == other : path.Length > other.Length ? IsBelow(path, other) : IsBelow(other, path);

    private static bool IsBelow(string path, string above) =>
        above.Length > 0 && path.Length > above.Length && path[above.Length] == '/' && path.StartsWith(above, StringComparison.Ordinal);

    private static bool TryFindProperty(Expression where, out PathExpression? property, out Problem? problem)
    {
        PathExpression? found = null;
        PathExpression? second = null;
        ConditionPaths.Visit(where, path =>
        {
            if (path.IsModel || path.IsName("$dtId")) return;
            if (found is null) found = path;
            else if (found.StatePath != path.StatePath) second ??= path;
        });
        property = found;
        problem = null;
        if (found is { IsSystem: true })
            return Refuse($"A subscription's condition knows the changed property, $dtId and the model; '{string.Join('.', found.Segments)}' is none of them.", "where", out problem);
        return second is null || Refuse(
            $"A change carries one property: a condition over both '{string.Join('.', found!.Segments)}' and '{string.Join('.', second.Segments)}' can never be decided from it. Use one property, $dtId and the model.",
            "where", out problem);
    }

    private static bool Refuse(string detail, string where, out Problem? problem)
    {
        problem = new Problem("FilterInvalid", detail, where);
        return false;
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private readonly struct Reader(ChangeFilter filter, string twinId, string modelId, PropertyValue value) : IPathReader
    {
        public PropertyValue Read(PathExpression path) =>
            path.IsName("$dtId") ? PropertyValue.From(twinId) : path.IsModel ? PropertyValue.From(modelId) : value;

        public bool IsOfModel(OfModelExpression asked, string dtmi) => filter.IsOfModel(modelId, dtmi, asked.IsExact);
    }
}

/// <summary>A condition that is one comparison of a property with a number.</summary>
internal sealed record ChangeThreshold(Comparison Comparison, PropertyValue Bound)
{
    public static ChangeThreshold? TryFind(Expression? where) => where switch
    {
        ComparisonExpression { Left: PathExpression { IsSystem: false }, Right: LiteralExpression { Value.IsNumber: true } bound } c => new ChangeThreshold(c.Operator, bound.Value),
        ComparisonExpression { Left: LiteralExpression { Value.IsNumber: true } bound, Right: PathExpression { IsSystem: false } } c =>
            new ChangeThreshold(QueryValues.Mirror(c.Operator), bound.Value),
        _ => null,
    };

    public bool Holds(in PropertyValue value) => QueryValues.Holds(Comparison, value, Bound);
}
