using Orleans;
using Orleans.Concurrency;
using Twin.Grains.Models;
using Twin.Grains.Query;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query;
using Twin.Model.Query.Standing;

namespace Twin.Grains.Store;

/// <summary>The doors' view of the graph: lanes to the shard grains, transactions over several, queries over all.</summary>
internal sealed partial class TwinStore : ITwinStore, IShardQueries
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly ITwinShardGrain[] _grains;
    private readonly ShardLane[] _lanes;
    private readonly IGrainFactory _factory;
    private readonly ModelCache _models;
    private readonly IPolicyStore _policies;
    private readonly TimeProvider _clock;
    private readonly QueryCoordinator _queries;

    public TwinStore(IGrainFactory factory, ModelCache models, IPolicyStore policies, TwinGrainOptions options, TimeProvider clock)
    {
        (_factory, _models, _policies, _clock) = (factory, models, policies, clock);
        _grains = [.. Enumerable.Range(0, options.ShardCount).Select(s => factory.GetGrain<ITwinShardGrain>($"{options.Branch}/{s}"))];
        _lanes = [.. _grains.Select((g, s) => new ShardLane(s, g, models, policies, clock))];
        _queries = new QueryCoordinator(this, clock) { Branch = options.Branch, ElsewhereAsync = async (branch, cancel) => BranchesAsync is null ? null : await BranchesAsync(branch, cancel).ConfigureAwait(false) };
    }

    /// <summary>Finds the stores of other branches, for queries that name one.</summary>
    internal Func<string, CancellationToken, ValueTask<TwinStore?>>? BranchesAsync { get; set; }

    public int ShardCount => _grains.Length;

    public ModelSet Models => _models.Current.Models;

    public ITwinStore As(PolicySubject? subject) => subject is null ? this : new SubjectStore(this, _policies, subject);

    public ValueTask<Document> GetRightsAsync(string twinId, CancellationToken cancellationToken = default) => ReadAsync(new ShardOperation(ShardAction.GetRights, twinId));

    private int ShardOf(string twinId) => ShardMap.ShardOf(twinId, _grains.Length);

    public async ValueTask<CommandResult> ExecuteAsync(TwinCommand command, CancellationToken cancellationToken = default)
    {
        if (NeedsTransaction(command)) return (await ExecuteAtomicAsync([command], cancellationToken).ConfigureAwait(false))[0];
        return (await _lanes[ShardOf(command.TwinId)].RunAsync(new ShardOperation(ShardAction.Execute, command.TwinId, command)).ConfigureAwait(false)).Result;
    }

    /// <summary>Commands whose effect may reach another shard.</summary>
    private bool NeedsTransaction(TwinCommand command) => command switch
    {
        PutRelationship => _grains.Length > 1,
        DeleteRelationship or DeleteTwin { Cascade: true } => _grains.Length > 1,
        _ => false,
    };

    public ValueTask<IngestOutcome> IngestAsync(int shard, SampleBatch batch, CancellationToken cancellationToken = default) => IngestAsync(shard, batch, null);

    internal async ValueTask<IngestOutcome> IngestAsync(int shard, SampleBatch batch, PolicySubject? subject)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)shard, (uint)_grains.Length, nameof(shard));
        var outcome = await _grains[shard].IngestAsync(new Immutable<IngestCall>(new IngestCall(batch, _models.Current.Version) { Subject = subject, PolicyVersion = _policies.Current.Version })).ConfigureAwait(false);
        return outcome.Value;
    }

    public ValueTask<Document> GetTwinAsync(string twinId, CancellationToken cancellationToken = default) => ReadAsync(new ShardOperation(ShardAction.GetTwin, twinId));

    public ValueTask<Document> GetComponentAsync(string twinId, string component, CancellationToken cancellationToken = default) =>
        ReadAsync(new ShardOperation(ShardAction.GetComponent, twinId, Name: component));

    public ValueTask<Document> GetRelationshipAsync(string twinId, string relationshipId, CancellationToken cancellationToken = default) =>
        ReadAsync(new ShardOperation(ShardAction.GetRelationship, twinId, Name: relationshipId));

    internal async ValueTask<Document> ReadAsync(ShardOperation operation)
    {
        var answer = await _lanes[ShardOf(operation.TwinId)].RunAsync(operation).ConfigureAwait(false);
        return new Document(answer.Result.Status, answer.Result.Version, answer.Json, answer.Result.Problem);
    }

    public ValueTask<RowPage> ListRelationshipsAsync(string twinId, string? name, int pageSize, string? continuation, CancellationToken cancellationToken = default) =>
        ListAsync(new ShardOperation(ShardAction.ListRelationships, twinId, Name: name, PageSize: pageSize, Continuation: continuation));

    public ValueTask<RowPage> ListIncomingAsync(string twinId, int pageSize, string? continuation, CancellationToken cancellationToken = default) =>
        ListAsync(new ShardOperation(ShardAction.ListIncoming, twinId, PageSize: pageSize, Continuation: continuation));

    internal async ValueTask<RowPage> ListAsync(ShardOperation operation)
    {
        if (operation.PageSize is < 1 or > 10_000)
            return new RowPage(TwinStatus.Invalid, [], null, new Problem("PageSizeInvalid", $"The page size is {operation.PageSize}; it must be 1 to 10,000.", "pageSize"));
        var answer = await _lanes[ShardOf(operation.TwinId)].RunAsync(operation).ConfigureAwait(false);
        return new RowPage(answer.Result.Status, answer.Rows ?? [], answer.Next, answer.Result.Problem);
    }

    public ValueTask<RowPage> QueryAsync(QueryRequest query, CancellationToken cancellationToken = default) => _queries.RunAsync(query, cancellationToken);

    public ValueTask<BoundRows> QueryBoundAsync(BoundQuery query, CancellationToken cancellationToken = default) => _queries.RunBoundAsync(query, cancellationToken);

    async ValueTask<ShardRows> IShardQueries.QueryAsync(int shard, ShardQuery request, CancellationToken cancellationToken) =>
        await PatientlyAsync(async () => (await _grains[shard].QueryAsync(new Immutable<ShardQuery>(request.Subject is null ? request : request with { PolicyVersion = _policies.Current.Version }), _models.Current.Version).ConfigureAwait(false)).Value, cancellationToken).ConfigureAwait(false);

    public async ValueTask<FeedPage> ReadFeedAsync(int shard, long after, int maxChanges, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)shard, (uint)_grains.Length, nameof(shard));
        var page = await PatientlyAsync(async () => (await _grains[shard].ReadFeedAsync(after, maxChanges, wait).ConfigureAwait(false)).Value, cancellationToken).ConfigureAwait(false);
        return page;
    }

    /// <summary>Repeats a harmless call while its owner is moving.</summary>
    private async Task<T> PatientlyAsync<T>(Func<Task<T>> callAsync, CancellationToken cancellationToken)
    {
        for (var started = _clock.GetTimestamp(); ;)
        {
            try
            {
                return await callAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception fault) when (fault is not OperationCanceledException && _clock.GetElapsedTime(started) < Patience)
            {
                await Task.Delay(Pause, _clock, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public async ValueTask<IReadOnlyList<ShardStatistics>> GetStatisticsAsync(CancellationToken cancellationToken = default)
    {
        var statuses = await Task.WhenAll(_grains.Select(g => PatientlyAsync(g.GetStatusAsync, cancellationToken))).ConfigureAwait(false);
        return [.. statuses.Select(s => new ShardStatistics(s.Shard, s.Twins, s.Relationships, s.Sequence, s.JournalBytes, s.ChangesTotal, s.Silo, s.TwinsByModel) { RecoverySeconds = s.RecoverySeconds, Fault = s.Fault })];
    }
}
