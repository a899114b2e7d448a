using System.Buffers;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using Twin.Graph;
using Twin.Graph.Journal;
using Twin.Grains.Branches;
using Twin.Grains.Models;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Twins;

/// <summary>Orleans' side of a shard: activation, turns, placement, doubts. What a shard does is <see cref="ShardOwner"/>'s.</summary>
[Reentrant]
[KeepAlive]
internal sealed class TwinShardGrain(TwinGrainOptions options, IJournalStore journals, ModelCache models, IPolicyStore policies, SnapshotTurn turn, ForkHandoff forks, TimeProvider clock, ILocalSiloDetails silo, ILogger<TwinShardGrain> log) : Grain, ITwinShardGrain
{
    private static readonly TimeSpan DoubtPeriod = TimeSpan.FromSeconds(2);

    private ShardOwner _owner = null!;
    private string _branch = "";
    private IDisposable? _doubtTimer;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = this.GetPrimaryKeyString();
        var slash = key.LastIndexOf('/');
        if (slash < 1 || !int.TryParse(key.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var shard) || shard >= options.ShardCount)
            throw new ArgumentException($"Shard key '{key}' must be 'BRANCH/0' to 'BRANCH/{options.ShardCount - 1}'.");
        _branch = key[..slash];
        var isBranch = _branch != options.Branch;
        _owner = new ShardOwner(shard, options with { Branch = _branch }, journals, models, policies, turn, clock, log, isBranch);
        if (!isBranch) await _owner.RecoverAsync(); // a branch's shard recovers when it is first asked, unless it is given a state before
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

    public Task<bool> HoldAsync(string hold) => _owner.HoldAsync(hold);

    public Task ReleaseAsync(string hold)
    {
        _owner.Release(hold);
        return Task.CompletedTask;
    }

    public async Task<long> ForkAsync(string hold, string branch)
    {
        var state = _owner.Fork(hold);
        var from = state.LastSequence;
        forks.Put(branch, _owner.Shard, state);
        await GrainFactory.GetGrain<ITwinShardGrain>($"{branch}/{_owner.Shard}").AdoptAsync(this.AsReference<ITwinShardGrain>());
        return from;
    }

    public Task<Immutable<byte[]>> TakeForkAsync(string branch)
    {
        var state = forks.Take(branch, _owner.Shard) ?? throw new InvalidOperationException($"Shard {_owner.Shard} keeps no fork for branch '{branch}'.");
        var bytes = new ChunkedBuffer();
        state.WriteSnapshot(bytes);
        return Task.FromResult(new Immutable<byte[]>(bytes.ToSequence().ToArray()));
    }

    public async Task AdoptAsync(ITwinShardGrain parent)
    {
        if (forks.Take(_branch, _owner.Shard) is not { } state) // the parent's shard lives in another silo
        {
            if (models.Current.Version == 0) await models.RefreshAsync();
            state = new ShardState(_owner.Shard, options.ShardCount, models.Current.All) { MaxFutureSkew = options.SampleRules.MaxFutureSkew };
            state.ReadSnapshot((await parent.TakeForkAsync(_branch)).Value);
        }

        await _owner.AdoptAsync(state);
    }

    public Task RetireAsync()
    {
        _owner.Retire();
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

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
                : await GrainFactory.GetGrain<ITwinShardGrain>($"{_branch}/{coordinator}").AskAsync(TransactionId.CommitPointOf(id));
            if (state != TransactionState.Undecided) await _owner.DecideAsync(id, state == TransactionState.Committed);
        }
    }
}
