using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>A row of a pattern, bound so far: its twins, what was read of them, the links that led there, and those that lead on.</summary>
internal sealed class PatternRow
{
    private PatternRow(string[] twins, PropertyValue[]?[] values, FoundLink[] path)
    {
        Twins = twins;
        Values = values;
        Path = path;
    }

    /// <summary>Twin ids by source; null where not bound.</summary>
    public string[] Twins { get; }

    /// <summary>What was read, by source.</summary>
    public PropertyValue[]?[] Values { get; }

    /// <summary>The link taken at each step so far.</summary>
    public FoundLink[] Path { get; }

    /// <summary>Links that the next step may follow; null when not asked for yet.</summary>
    public FoundLink[]? Found { get; set; }

    /// <summary>Where the shard stopped looking for links; null when it saw all.</summary>
    public FoundLink? More { get; set; }

    /// <summary>It is, so far, the last row of the page before: links before that row's were done.</summary>
    public bool IsResumed { get; init; }

    /// <summary>Where the scan goes on after its start's twin; null when starts are named.</summary>
    public ShardPosition? Next { get; init; }

    public static PatternRow Begin(MatchPlan plan, VisitedTwin start, ShardPosition? next, bool isResumed)
    {
        var row = new PatternRow(new string[plan.Query.Sources.Count], new PropertyValue[]?[plan.Query.Sources.Count], []) { IsResumed = isResumed, Next = next };
        row.Twins[plan.Start] = start.TwinId;
        row.Values[plan.Start] = start.Values;
        return row;
    }

    public PatternRow Extend(MatchStep step, FoundLink link, VisitedTwin twin, PropertyValue[] linkValues, bool isResumed)
    {
        var row = new PatternRow([.. Twins], [.. Values], [.. Path, link]) { IsResumed = isResumed, Next = Next };
        row.Twins[step.To] = twin.TwinId;
        row.Values[step.To] = twin.Values;
        row.Values[step.Hop.Link] = linkValues;
        return row;
    }
}

/// <summary>A pattern row's values for conditions over several sources, ordering, grouping and distances.</summary>
internal readonly struct PatternReader(MatchPlan plan, PatternRow row) : IPathReader
{
    public PropertyValue Read(PathExpression path)
    {
        var (source, index) = plan.PlaceOf(path);
        return row.Values[source]![index];
    }

    public bool IsOfModel(OfModelExpression asked, string dtmi)
    {
        var (source, index) = plan.PlaceOf(asked);
        return row.Values[source]![index].AsBoolean;
    }
}
