namespace Twin.Model.Query;

/// <summary>A place in a shard's rows: everything before it has been examined. Means something only within one epoch of the shard.</summary>
/// <param name="Epoch">The shard's epoch, see <see cref="FeedSequence"/>; a recovery may lay rows out anew.</param>
/// <param name="Table">Model table number.</param>
/// <param name="Row">Row within it.</param>
/// <param name="LinkId">Last relationship of that row examined, when rows are relationships; null begins at the row.</param>
public sealed record ShardPosition(long Epoch, int Table, int Row, string? LinkId = null);

/// <summary>A row's place in the asked order.</summary>
/// <param name="Keys">Values of the ORDER BY terms.</param>
/// <param name="TwinId">First tie-break: FROM's twin, or a relationship's source.</param>
/// <param name="LinkId">Second tie-break: the relationship's id; empty without one.</param>
public sealed record OrderKey(PropertyValue[] Keys, string TwinId, string LinkId);

/// <summary>A relationship followed from a twin.</summary>
/// <param name="TwinId">The twin at its other end.</param>
/// <param name="LinkId">Its id, unique at its source; empty when only the twin counts (several hops).</param>
/// <param name="IsIncoming">It leads to the twin it was followed from.</param>
/// <param name="Values">What <see cref="MatchPlan.ReadsOf"/> asks of it; null when its source, at the other end, must be asked.</param>
public readonly record struct FoundLink(string TwinId, string LinkId, bool IsIncoming, PropertyValue[]? Values)
{
    /// <summary>The order links of a twin are found in: outgoing by id, then incoming by source and id, ordinal.</summary>
    public static int Compare(in FoundLink a, in FoundLink b)
    {
        if (a.IsIncoming != b.IsIncoming) return a.IsIncoming ? 1 : -1;
        var byTwin = a.IsIncoming ? string.CompareOrdinal(a.TwinId, b.TwinId) : 0;
        return byTwin != 0 ? byTwin : string.CompareOrdinal(a.LinkId, b.LinkId);
    }
}

/// <summary>A twin that a pattern has come to.</summary>
/// <param name="TwinId">The twin.</param>
/// <param name="Links">Relationships from it that must be read here, having been found at their target, which is each one's <see cref="FoundLink.TwinId"/>.</param>
/// <param name="From">Links before this one are not found again; null finds from the first.</param>
public sealed record TwinVisit(string TwinId, FoundLink[] Links, FoundLink? From = null);

/// <summary>What a shard says of a visited twin.</summary>
/// <param name="TwinId">The twin.</param>
/// <param name="IsKept">It exists and holds the terms of its source.</param>
/// <param name="Values">What <see cref="MatchPlan.ReadsOf"/> asks of it; empty unless kept.</param>
/// <param name="Links">For each of <see cref="TwinVisit.Links"/> what is asked of it; null when it is gone or does not hold its terms.</param>
/// <param name="Found">Links to follow, in order; empty unless kept.</param>
/// <param name="More">The first link that was not looked at; null when all were.</param>
public sealed record VisitedTwin(string TwinId, bool IsKept, PropertyValue[] Values, PropertyValue[]?[] Links, FoundLink[] Found, FoundLink? More)
{
    /// <summary>For a start's twin: where the scan goes on after it.</summary>
    public ShardPosition? Next { get; init; }
}

/// <summary>A slice of a pattern: start twins, or what becomes of twins that others led to.</summary>
/// <param name="Start">Source the plan starts from; see <see cref="MatchPlan"/>.</param>
/// <param name="Visit">Source the twins stand for, whose terms they must hold; -1 when they were kept before and only their links are asked for.</param>
/// <param name="Expand">Step whose links are to be found; -1 when none.</param>
/// <param name="Visits">The twins, all of this shard; null scans for start twins.</param>
public sealed record PatternSlice(int Start, int Visit, int Expand, TwinVisit[]? Visits);

/// <summary>One bounded slice of a query on one shard. Immutable.</summary>
/// <param name="Text">The whole query's text.</param>
/// <param name="Parameters">Values by slot.</param>
/// <param name="Limit">Most rows to answer.</param>
/// <param name="RowBudget">Most rows to examine before answering with a position.</param>
/// <param name="TimeBudget">Longest time to spend.</param>
public sealed record ShardQuery(string Text, PropertyValue[] Parameters, int Limit, long RowBudget, TimeSpan TimeBudget)
{
    /// <summary>Where to go on; null begins.</summary>
    public ShardPosition? Position { get; init; }

    /// <summary>With ORDER BY: only rows after this one.</summary>
    public OrderKey? After { get; init; }

    /// <summary>A slice of a pattern of several twins; null for rows of one source.</summary>
    public PatternSlice? Pattern { get; init; }

    /// <summary>True to answer with <see cref="ShardRows.Estimates"/> alone.</summary>
    public bool IsEstimate { get; init; }

    /// <summary>Who asks: paths hidden from it behave as undefined. Null sees everything.</summary>
    public Policies.PolicySubject? Subject { get; init; }

    /// <summary>The policies the caller knows; an owner that knows less refreshes first.</summary>
    public long PolicyVersion { get; init; }

    /// <summary>Stops the slice within its silo; it does not travel.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>A shard's answer to a slice.</summary>
/// <param name="Status">Ok; Invalid for a text or position it cannot take; TooMuch when time ran out.</param>
/// <param name="Rows">Complete rows as UTF-8 JSON; empty for COUNT, groups and patterns.</param>
/// <param name="Examined">Rows and relationships looked at.</param>
/// <param name="Problem">Why not; null when ok.</param>
public sealed record ShardRows(TwinStatus Status, ReadOnlyMemory<byte>[] Rows, long Examined, Problem? Problem = null)
{
    /// <summary>Where the next slice begins; null when the shard is done.</summary>
    public ShardPosition? Next { get; init; }

    /// <summary>Rows counted, for COUNT.</summary>
    public long Count { get; init; }

    /// <summary>With ORDER BY: each row's place, ascending.</summary>
    public OrderKey[] Places { get; init; } = [];

    /// <summary>For a pattern: the start twins, or the twins of <see cref="PatternSlice.Visits"/> in order, from the first to where the budget ended.</summary>
    public VisitedTwin[] Visited { get; init; } = [];

    /// <summary>For GROUP BY: this slice's groups.</summary>
    public GroupRow[] Groups { get; init; } = [];

    /// <summary>By source: how many twins of this shard hold its terms, about; 0 for relationships.</summary>
    public long[] Estimates { get; init; } = [];

    /// <summary>For EXPLAIN: this shard's plan, a JSON object.</summary>
    public ReadOnlyMemory<byte> Plan { get; init; }
}
