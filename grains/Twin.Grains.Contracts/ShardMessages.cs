using Orleans;
using Orleans.Concurrency;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Grains;

/// <summary>What a shard is asked to do with one twin.</summary>
public enum ShardAction : byte
{
    /// <summary>Run <see cref="ShardOperation.Command"/>.</summary>
    Execute,
    /// <summary>Run <see cref="ShardOperation.Batch"/> all-or-nothing; every twin is owned here.</summary>
    ExecuteAtomic,
    /// <summary>Read a twin.</summary>
    GetTwin,
    /// <summary>Read component <see cref="ShardOperation.Name"/>.</summary>
    GetComponent,
    /// <summary>Read relationship <see cref="ShardOperation.Name"/>.</summary>
    GetRelationship,
    /// <summary>List relationships, optionally of name <see cref="ShardOperation.Name"/>.</summary>
    ListRelationships,
    /// <summary>List incoming relationships.</summary>
    ListIncoming,
    /// <summary>Tell what the subject may do with the twin.</summary>
    GetRights,
}

/// <summary>One caller's request. Immutable. Hot.</summary>
public readonly record struct ShardOperation(
    ShardAction Action, string TwinId, TwinCommand? Command = null, TwinCommand[]? Batch = null, string? Name = null, int PageSize = 0, string? Continuation = null)
{
    /// <summary>Who reads; commands carry their own. Null is the process itself.</summary>
    public PolicySubject? Subject { get; init; }
}

/// <summary>The owner's answer to one operation. Immutable. Hot.</summary>
/// <param name="Result">How it ended.</param>
/// <param name="Json">The document read; empty otherwise.</param>
/// <param name="Rows">The rows listed; null otherwise.</param>
/// <param name="Next">Continuation of a list.</param>
/// <param name="Results">Results of an atomic batch.</param>
public readonly record struct ShardAnswer(
    CommandResult Result, ReadOnlyMemory<byte> Json = default, IReadOnlyList<ReadOnlyMemory<byte>>? Rows = null, string? Next = null, CommandResult[]? Results = null);

/// <summary>Many callers' requests to one shard in one grain call.</summary>
/// <param name="Operations">In order; those of one twin keep their order.</param>
/// <param name="ModelVersion">The models the callers know; an owner that knows less refreshes first.</param>
[Immutable]
public sealed record ShardCall(ArraySegment<ShardOperation> Operations, long ModelVersion)
{
    /// <summary>The policies the callers know; an owner that knows less refreshes first.</summary>
    public long PolicyVersion { get; init; }
}

/// <summary>One answer an operation, in order.</summary>
[Immutable]
public sealed record ShardReply(ShardAnswer[] Answers);

/// <summary>Samples for one shard.</summary>
[Immutable]
public sealed record IngestCall(SampleBatch Batch, long ModelVersion)
{
    /// <summary>The policies the caller knows.</summary>
    public long PolicyVersion { get; init; }

    /// <summary>Who writes; null is the process itself.</summary>
    public PolicySubject? Subject { get; init; }
}

/// <summary>A shard's counts as its grain tells them.</summary>
[GenerateSerializer, Immutable]
public sealed record ShardStatus(
    [property: Id(0)] int Shard,
    [property: Id(1)] long Twins,
    [property: Id(2)] long Relationships,
    [property: Id(3)] long Sequence,
    [property: Id(4)] long JournalBytes,
    [property: Id(5)] long ChangesTotal,
    [property: Id(6)] string Silo,
    [property: Id(7)] Dictionary<string, long> TwinsByModel,
    [property: Id(8)] double RecoverySeconds,
    [property: Id(9)] string? Fault);

/// <summary>How a cross-shard transaction stands at its coordinator.</summary>
public enum TransactionState : byte
{
    /// <summary>Nothing is known of it: presumed aborted.</summary>
    Unknown,
    /// <summary>Prepared, not decided.</summary>
    Undecided,
    /// <summary>Committed.</summary>
    Committed,
}

/// <summary>
/// Owns one shard: its twins, their relationships, its journal. Keyed <c>"{branch}/{shard}"</c>. Answers are given after the
/// journal has every change they saw. Calls interleave; the state is touched by one at a time.
/// </summary>
public interface ITwinShardGrain : IGrainWithStringKey
{
    /// <summary>Recovers when not yet active, and tells how it stands.</summary>
    Task<ShardStatus> GetStatusAsync();

    /// <summary>Runs a batch; one answer an operation.</summary>
    ValueTask<Immutable<ShardReply>> ExecuteAsync(Immutable<ShardCall> call);

    /// <summary>Applies samples.</summary>
    ValueTask<Immutable<IngestOutcome>> IngestAsync(Immutable<IngestCall> call);

    /// <summary>Runs one bounded slice of a query.</summary>
    ValueTask<Immutable<ShardRows>> QueryAsync(Immutable<ShardQuery> query, long modelVersion);

    /// <summary>Reads the feed after a position; waits when there is nothing.</summary>
    ValueTask<Immutable<FeedPage>> ReadFeedAsync(long after, int maxChanges, TimeSpan wait);

    /// <summary>First phase of a transaction; with the parts that other shards must do when <paramref name="wantParts"/>.</summary>
    ValueTask<Immutable<PreparedPart>> PrepareAsync(string transactionId, Immutable<TwinCommandList> commands, bool wantParts, long modelVersion);

    /// <summary>Second phase; the coordinator's is the commit point.</summary>
    ValueTask<Immutable<TwinResultList>> DecideAsync(string transactionId, bool commit);

    /// <summary>Asked of the coordinator by participants in doubt. Unknown presumes abort; Undecided means ask again.</summary>
    ValueTask<TransactionState> AskAsync(string transactionId);

    /// <summary>For the directory of branches: new operations wait from here on, at most two seconds. False when a transaction is under way.</summary>
    Task<bool> HoldAsync(string hold);

    /// <summary>Ends a hold.</summary>
    Task ReleaseAsync(string hold);

    /// <summary>Forks what is held for a branch's shard, and ends the hold. Returns the sequence forked at, when the branch's shard has it durably.</summary>
    Task<long> ForkAsync(string hold, string branch);

    /// <summary>For a branch's shard in another silo: the fork's snapshot.</summary>
    Task<Immutable<byte[]>> TakeForkAsync(string branch);

    /// <summary>For a parent's shard: takes over what it has forked.</summary>
    Task AdoptAsync(ITwinShardGrain parent);

    /// <summary>The branch is dropped: the shard stops and keeps nothing.</summary>
    Task RetireAsync();
}

/// <summary>Commands in order.</summary>
[Immutable]
public sealed record TwinCommandList(TwinCommand[] Commands);

/// <summary>Results in order.</summary>
[Immutable]
public sealed record TwinResultList(CommandResult[] Results);

/// <summary>A participant's vote.</summary>
/// <param name="IsPrepared">Yes or no.</param>
/// <param name="Results">On no: why.</param>
/// <param name="RemoteParts">Commands other shards must do in the same transaction.</param>
[Immutable]
public sealed record PreparedPart(bool IsPrepared, CommandResult[] Results, TwinCommand[] RemoteParts);

/// <summary>Keeps the DTDL texts of a cluster. One, keyed 0.</summary>
public interface IModelCatalogGrain : IGrainWithIntegerKey
{
    /// <summary>Grows with every change.</summary>
    ValueTask<long> GetVersionAsync();

    /// <summary>All models and the version they are of.</summary>
    ValueTask<ModelCatalogPage> GetAsync();

    /// <summary>Adds models, all or none.</summary>
    ValueTask<CatalogAnswer> AddAsync(string[] dtdl);

    /// <summary>Removes one that no other model refers to; the caller has checked that no twin does.</summary>
    ValueTask<CatalogAnswer> RemoveAsync(string dtmi);

    /// <summary>Marks one.</summary>
    ValueTask<CatalogAnswer> DecommissionAsync(string dtmi, bool decommissioned);
}

/// <summary>A stored model on its way between silos. A deleted one stays: journals may speak of it.</summary>
[GenerateSerializer, Immutable]
public sealed record CatalogModel([property: Id(0)] string Id, [property: Id(1)] string Dtdl, [property: Id(2)] long UploadTicks, [property: Id(3)] bool IsDecommissioned, [property: Id(4)] bool IsDeleted = false);

/// <summary>The catalogue at a version.</summary>
[GenerateSerializer, Immutable]
public sealed record ModelCatalogPage([property: Id(0)] long Version, [property: Id(1)] CatalogModel[] Models);

/// <summary>The catalogue's answer: a <see cref="TwinStatus"/> and a problem in parts.</summary>
[GenerateSerializer, Immutable]
public sealed record CatalogAnswer([property: Id(0)] byte Status, [property: Id(1)] string? Code, [property: Id(2)] string? Detail, [property: Id(3)] string? Where, [property: Id(4)] long Version);
