namespace Twin.Model.Query;

/// <summary>Which queries cannot stand: those whose rows depend on other rows, or on another time or branch.</summary>
internal static class StandingRefusal
{
    /// <summary>Why a query cannot be subscribed to; null when it can.</summary>
    public static Problem? Of(TwinQuery query)
    {
        var part = query switch
        {
            { IsExplain: true } => "EXPLAIN",
            { AsOf: not null } => "AS OF",
            { Branch: not null } => "IN BRANCH",
            { Top: not null } => "TOP",
            { Order.Count: > 0 } => "ORDER BY",
            { Selection: SelectionKind.Count } => "COUNT",
            { Selection: SelectionKind.Groups } => "GROUP BY and aggregates",
            _ => null,
        };
        return part is null ? null : new Problem("StandingQueryInvalid", $"A standing query cannot have {part}; subscribe to the rows without it.", "query");
    }
}
