using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query.Standing;

namespace Twin.Grains;

/// <summary>A page of rows or relationships.</summary>
/// <param name="Status">Ok, Invalid (bad query), TooMuch (cost or time bound), NotFound, Unavailable.</param>
/// <param name="Rows">UTF-8 JSON, one object a row.</param>
/// <param name="Continuation">Pass back for the next page; null at the end.</param>
/// <param name="Problem">Why not; null when ok.</param>
public sealed record RowPage(TwinStatus Status, IReadOnlyList<ReadOnlyMemory<byte>> Rows, string? Continuation, Problem? Problem = null)
{
    /// <summary>What the query cost: rows looked at.</summary>
    public long RowsExamined { get; init; }
}

/// <summary>A query as a door receives it.</summary>
/// <param name="Text">The query language's text, at most 32 KiB.</param>
/// <param name="Parameters">Values for <c>$name</c> in the text.</param>
/// <param name="PageSize">Rows a page, 1 to 10,000; 100 by default.</param>
/// <param name="Continuation">From the page before; null at first.</param>
public sealed record QueryRequest(string Text, IReadOnlyDictionary<string, PropertyValue>? Parameters = null, int PageSize = 100, string? Continuation = null)
{
    /// <summary>Who asks; null sees everything.</summary>
    public PolicySubject? Subject { get; init; }
}

/// <summary>
/// The graph as every door sees it: commands and reads go to the owning shard grain, gathered into one grain call a
/// shard while calls are under way (never a grain call a reading). A read after an acknowledged command sees it.
/// Thread-safe. One instance a process.
/// </summary>
public interface ITwinStore
{
    /// <summary>The same graph for a subject: its commands, reads, queries and feeds go as far as the policies let them. Null is this process itself.</summary>
    ITwinStore As(PolicySubject? subject);

    /// <summary>What the subject of <see cref="As"/> may do with a twin, path by path, and the rule that says so: <c>{"twin","model","policyVersion","paths":[{"path","read":{"allowed","by"},...}]}</c>.</summary>
    ValueTask<Document> GetRightsAsync(string twinId, CancellationToken cancellationToken = default);

    /// <summary>Number of shards; fixed for the life of a data folder.</summary>
    int ShardCount { get; }

    /// <summary>Runs one command at the owner; returns after the journal has it. Relationship commands and cascading deletes that touch two shards are all-or-nothing.</summary>
    ValueTask<CommandResult> ExecuteAsync(TwinCommand command, CancellationToken cancellationToken = default);

    /// <summary>Runs up to 1,000 commands all-or-nothing, on any shards (two-phase; grains/decisions states the protocol). One result a command.</summary>
    ValueTask<CommandResult[]> ExecuteAtomicAsync(IReadOnlyList<TwinCommand> commands, CancellationToken cancellationToken = default);

    /// <summary>Runs up to 100,000 commands each on its own, in order per twin, in few large grain calls; the import path. One result a command.</summary>
    ValueTask<CommandResult[]> ExecuteManyAsync(IReadOnlyList<TwinCommand> commands, CancellationToken cancellationToken = default);

    /// <summary>Applies samples that all belong to one shard; returns after the journal has them.</summary>
    ValueTask<IngestOutcome> IngestAsync(int shard, SampleBatch batch, CancellationToken cancellationToken = default);

    /// <summary>A twin with <c>$dtId</c>, <c>$etag</c>, <c>$metadata</c>.</summary>
    ValueTask<Document> GetTwinAsync(string twinId, CancellationToken cancellationToken = default);

    /// <summary>One component of a twin.</summary>
    ValueTask<Document> GetComponentAsync(string twinId, string component, CancellationToken cancellationToken = default);

    /// <summary>A relationship with <c>$relationshipId</c>, <c>$sourceId</c>, <c>$targetId</c>, <c>$relationshipName</c>, <c>$etag</c>.</summary>
    ValueTask<Document> GetRelationshipAsync(string twinId, string relationshipId, CancellationToken cancellationToken = default);

    /// <summary>Relationships from a twin, optionally of one name.</summary>
    ValueTask<RowPage> ListRelationshipsAsync(string twinId, string? name, int pageSize, string? continuation, CancellationToken cancellationToken = default);

    /// <summary>Relationships to a twin: <c>$relationshipId</c>, <c>$sourceId</c>, <c>$relationshipName</c>, <c>$relationshipLink</c>.</summary>
    ValueTask<RowPage> ListIncomingAsync(string twinId, int pageSize, string? continuation, CancellationToken cancellationToken = default);

    /// <summary>Runs a query; sees every acknowledged write.</summary>
    ValueTask<RowPage> QueryAsync(QueryRequest query, CancellationToken cancellationToken = default);

    /// <summary>Runs a query for its rows with what is bound in them, for standing queries; sees every acknowledged write.</summary>
    ValueTask<BoundRows> QueryBoundAsync(BoundQuery query, CancellationToken cancellationToken = default);

    /// <summary>Reads one shard's feed after a position. Waits up to <paramref name="wait"/> when there is nothing. Position 0 means from the oldest kept; -1 means from now.</summary>
    ValueTask<FeedPage> ReadFeedAsync(int shard, long after, int maxChanges, TimeSpan wait, CancellationToken cancellationToken = default);

    /// <summary>Adds DTDL models (each text one JSON-LD object or an array); all or none. Created, Invalid or Conflict (exists).</summary>
    ValueTask<CommandResult> AddModelsAsync(IReadOnlyList<string> dtdl, CancellationToken cancellationToken = default);

    /// <summary>The models known now; refreshed within a second of a change anywhere in the cluster, at once after <see cref="AddModelsAsync"/> here.</summary>
    ModelSet Models { get; }

    /// <summary>A model's own DTDL text and state.</summary>
    ValueTask<StoredModel?> GetModelAsync(string dtmi, CancellationToken cancellationToken = default);

    /// <summary>All stored models, ordered by id.</summary>
    ValueTask<IReadOnlyList<StoredModel>> ListModelsAsync(CancellationToken cancellationToken = default);

    /// <summary>Deletes a model that no twin and no other model uses.</summary>
    ValueTask<CommandResult> DeleteModelAsync(string dtmi, CancellationToken cancellationToken = default);

    /// <summary>Marks a model decommissioned (no new twins) or not.</summary>
    ValueTask<CommandResult> DecommissionModelAsync(string dtmi, bool decommissioned, CancellationToken cancellationToken = default);

    /// <summary>Counts and rates of each shard, for health and the console.</summary>
    ValueTask<IReadOnlyList<ShardStatistics>> GetStatisticsAsync(CancellationToken cancellationToken = default);
}

/// <summary>A model as stored.</summary>
public sealed record StoredModel(string Id, string Dtdl, WallTime UploadTime, bool IsDecommissioned);

/// <summary>One shard's counts.</summary>
public sealed record ShardStatistics(int Shard, long Twins, long Relationships, long Sequence, long JournalBytes, long ChangesTotal, string Silo, IReadOnlyDictionary<string, long> TwinsByModel)
{
    /// <summary>Seconds the shard's last recovery took.</summary>
    public double RecoverySeconds { get; init; }

    /// <summary>Why the shard cannot serve now; null when it can.</summary>
    public string? Fault { get; init; }
}
