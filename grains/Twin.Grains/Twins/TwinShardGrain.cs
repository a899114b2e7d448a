using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using Twin.Graph.Journal;
using Twin.Grains.Models;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Twins;

/// <summary>Orleans' side of a shard: activation, turns, placement, doubts. What a shard does is <see cref="ShardOwner"/>'s.</summary>
[Reentrant]
[KeepAlive]
internal sealed class TwinShardGrain(TwinGrainOptions options, IJournalStore journals, ModelCache models, IPolicyStore policies, SnapshotTurn turn, TimeProvider clock, ILocalSiloDetails silo, ILogger<TwinShardGrain> log) : Grain, ITwinShardGrain
{
    private static readonly TimeSpan DoubtPeriod = TimeSpan.FromSeconds(2);

    private ShardOwner _owner = null!;
    private IDisposable? _doubtTimer;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = this.GetPrimaryKeyString();
        var slash = key.LastIndexOf('/');
        if (slash < 0 || !int.TryParse(key.AsSpan(slash + 1), out var shard) || shard >= options.ShardCount || key[..slash] != options.Branch)
            throw new ArgumentException($"Shard key '{key}' must be '{options.Branch}/0' to '{options.Branch}/{options.ShardCount - 1}'.");
        _owner = new ShardOwner(shard, options, journals, models, policies, turn, clock, log);
        await _owner.RecoverAsync();
        _doubtTimer = this.RegisterGrainTimer(ResolveDoubtsAsync, new GrainTimerCreationOptions { DueTime = DoubtPeriod, Period = DoubtPeriod, Interleave = true });
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _doubtTimer?.Dispose();
        if (_owner is not null) await _owner.DisposeAsync();
    }

    public Task<ShardStatus> GetStatusAsync() => Task.FromResult(_owner.Status(silo.Name));

    public async ValueTask<Immutable<ShardReply>> ExecuteAsync(Immutable<ShardCall> call) => Kept(await _owner.ExecuteAsync(call.Value));

    public async ValueTask<Immutable<IngestOutcome>> IngestAsync(Immutable<IngestCall> call) => Kept(await _owner.IngestAsync(call.Value));

    public async ValueTask<Immutable<ShardRows>> QueryAsync(Immutable<ShardQuery> query, long modelVersion) => Kept(await _owner.QueryAsync(query.Value, modelVersion));

    public async ValueTask<Immutable<FeedPage>> ReadFeedAsync(long after, int maxChanges, TimeSpan wait) => Kept(await _owner.ReadFeedAsync(after, maxChanges, wait));

    public async ValueTask<Immutable<PreparedPart>> PrepareAsync(string transactionId, Immutable<TwinCommandList> commands, bool wantParts, long modelVersion) =>
        Kept(await _owner.PrepareAsync(transactionId, commands.Value.Commands, wantParts, modelVersion));

    public async ValueTask<Immutable<TwinResultList>> DecideAsync(string transactionId, bool commit) => Kept(new TwinResultList(await _owner.DecideAsync(transactionId, commit)));

    public ValueTask<TransactionState> AskAsync(string transactionId) => _owner.AskAsync(transactionId);

    private Immutable<T> Kept<T>(T answer)
    {
        if (_owner.IsFenced) DeactivateOnIdle(); // another silo owns the shard now; the next call finds it there
        return new Immutable<T>(answer);
    }

    /// <summary>Whoever drove a transaction may be gone: ask its coordinator, or give it up when the coordinator is here.</summary>
    private async Task ResolveDoubtsAsync(CancellationToken cancellationToken)
    {
        foreach (var id in _owner.Doubts())
        {
            var coordinator = TransactionId.CoordinatorOf(id);
            if (coordinator == _owner.Shard && TransactionId.IsCommitPoint(id))
            {
                await _owner.DecideAsync(id, commit: false);
                continue;
            }

            var state = coordinator == _owner.Shard
                ? await _owner.AskAsync(TransactionId.CommitPointOf(id))
                : await GrainFactory.GetGrain<ITwinShardGrain>($"{options.Branch}/{coordinator}").AskAsync(TransactionId.CommitPointOf(id));
            if (state != TransactionState.Undecided) await _owner.DecideAsync(id, state == TransactionState.Committed);
        }
    }
}
