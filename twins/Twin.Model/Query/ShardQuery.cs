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

/// <summary>A joined row half done: the source side, on its way to the shard that owns the target.</summary>
/// <param name="TargetId">The twin to fetch.</param>
/// <param name="Bindings">Values of the source side's paths that the rest of the query asks for, in <see cref="JoinPlan.Bindings"/> order.</param>
/// <param name="Place">Tie-breaks; the keys come at the target.</param>
/// <param name="Position">Where to go on after this row.</param>
/// <param name="Fragment">UTF-8 JSON members of the source side, without braces.</param>
public sealed record JoinRow(string TargetId, PropertyValue[] Bindings, OrderKey Place, ShardPosition Position, ReadOnlyMemory<byte> Fragment);

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

    /// <summary>The second half of a JOIN: rows whose targets live here. Null for everything else.</summary>
    public JoinRow[]? Targets { get; init; }
}

/// <summary>A shard's answer to a slice.</summary>
/// <param name="Status">Ok; Invalid for a text or position it cannot take; TooMuch when time ran out.</param>
/// <param name="Rows">Complete rows as UTF-8 JSON; empty for COUNT and for the first half of a JOIN.</param>
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

    /// <summary>The first half of a JOIN: what to send to the targets' shards.</summary>
    public JoinRow[] Halves { get; init; } = [];

    /// <summary>The second half of a JOIN: for each row its number in <see cref="ShardQuery.Targets"/>, ascending.</summary>
    public int[] Kept { get; init; } = [];

    /// <summary>For EXPLAIN: this shard's plan, a JSON object.</summary>
    public ReadOnlyMemory<byte> Plan { get; init; }
}
