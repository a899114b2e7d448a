using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using Twin.Graph.Journal;
using Twin.Model;

namespace Twin.Grains.Branches;

/// <summary>Forks, lists and drops branches. One thing at a time; reads go between.</summary>
[Reentrant]
internal sealed class BranchDirectoryGrain([PersistentState("branches", "twins")] IPersistentState<BranchDirectoryState> state, TwinGrainOptions options, IJournalStore journals, TimeProvider clock, ILogger<BranchDirectoryGrain> log) : Grain, IBranchDirectoryGrain
{
    private const int MostTries = 100;
    private static readonly TimeSpan Sweep = TimeSpan.FromSeconds(5);
    private static readonly Counter<long> Forks = new Meter("Twin").CreateCounter<long>("twin_branch_forks_total", description: "Branches asked for, by what was answered");

    private readonly SemaphoreSlim _turn = new(1, 1);

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        foreach (var left in state.State.Dropping.ToArray()) await RemoveAsync(left); // a drop that a crash cut short
        this.RegisterGrainTimer(DropExpiredAsync, new GrainTimerCreationOptions { DueTime = Sweep, Period = Sweep, Interleave = true });
    }

    public Task<BranchRecord?> GetAsync(string branch) => Task.FromResult(state.State.Branches.Find(b => b.Id == branch));

    public Task<BranchRecord[]> ListAsync() => Task.FromResult(state.State.Branches.OrderBy(b => b.Id, StringComparer.Ordinal).ToArray());

    public async Task<BranchAnswer> CreateAsync(BranchRequest request)
    {
        await _turn.WaitAsync();
        try
        {
            var answer = Refusal(request) is { } problem ? new BranchAnswer(null, problem) : await ForkAsync(request);
            Forks.Add(1, new KeyValuePair<string, object?>("answer", answer.Problem?.Code ?? "forked"));
            return answer;
        }
        finally
        {
            _turn.Release();
        }
    }

    public async Task<bool> DropAsync(string branch)
    {
        await _turn.WaitAsync();
        try
        {
            if (state.State.Branches.RemoveAll(b => b.Id == branch) == 0) return false;
            state.State.Dropping.Add(branch);
            await WriteAsync(); // from here on it is gone, whatever happens
            await RemoveAsync(branch);
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    private Problem? Refusal(BranchRequest request) =>
        request.Id.Length is 0 or > 48 || request.Id.AsSpan().IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789-") >= 0 || request.Id == options.Branch
            ? new Problem("BranchInvalid", $"A branch's name is 1 to 48 small letters, digits and '-', and not '{options.Branch}'.", "branch")
        : request.Note is { Length: > 200 } ? new Problem("BranchInvalid", "note must be at most 200 characters.", "note")
        : request.Lifetime is { } life && (life < TimeSpan.FromSeconds(1) || life > TimeSpan.FromDays(366)) ? new Problem("BranchInvalid", "A branch lives 1 second to 366 days.", "expiresInSeconds")
        : state.State.Branches.Exists(b => b.Id == request.Id) ? new Problem("BranchExists", $"There is a branch '{request.Id}' already; drop it first, or take another name.", "branch")
        : request.Parent != options.Branch && !state.State.Branches.Exists(b => b.Id == request.Parent) ? new Problem("ParentNotFound", $"There is no branch '{request.Parent}' to fork.", "from")
        : state.State.Branches.Count >= IBranchDirectoryGrain.MostBranches ? new Problem("TooManyBranches", $"At most {IBranchDirectoryGrain.MostBranches} branches are kept; drop some.", "branch")
        : null;

    private async Task<BranchAnswer> ForkAsync(BranchRequest request)
    {
        await journals.DropAsync(request.Id, options.ShardCount, CancellationToken.None); // what a fork that was cut short may have left
        var started = clock.GetTimestamp();
        var shards = Enumerable.Range(0, options.ShardCount).Select(s => GrainFactory.GetGrain<ITwinShardGrain>($"{request.Parent}/{s}")).ToArray();
        for (var tries = 1; ; tries++)
        {
            var hold = $"{request.Id}.{tries}.{Guid.NewGuid():N}";
            if ((await Task.WhenAll(shards.Select(s => s.HoldAsync(hold)))).All(held => held)) // no shard moves: what each has now is one moment
            {
                var bases = await Task.WhenAll(shards.Select(s => s.ForkAsync(hold, request.Id)));
                var record = new BranchRecord
                {
                    Id = request.Id, Parent = request.Parent, Note = request.Note, Created = clock.GetUtcNow(), CreatedBy = request.By, Expires = clock.GetUtcNow() + request.Lifetime, Bases = bases,
                    ForkMilliseconds = Math.Round(clock.GetElapsedTime(started).TotalMilliseconds, 1),
                };
                state.State.Branches.Add(record);
                await WriteAsync();
                return new BranchAnswer(record, null);
            }

            await Task.WhenAll(shards.Select(s => s.ReleaseAsync(hold)));
            if (tries == MostTries) return new BranchAnswer(null, new Problem("ForkBusy", "Transactions over several shards did not come to an end together; try again."));
            await Task.Delay(TimeSpan.FromMilliseconds(2 + Random.Shared.Next(10)), clock);
        }
    }

    private async Task RemoveAsync(string branch)
    {
        await Task.WhenAll(Enumerable.Range(0, options.ShardCount).Select(s => GrainFactory.GetGrain<ITwinShardGrain>($"{branch}/{s}").RetireAsync()));
        await journals.DropAsync(branch, options.ShardCount, CancellationToken.None);
        state.State.Dropping.Remove(branch);
        await WriteAsync();
    }

    private async Task DropExpiredAsync(CancellationToken cancellationToken)
    {
        foreach (var over in state.State.Branches.Where(b => b.Expires < clock.GetUtcNow()).Select(b => b.Id).ToArray())
        {
            log.LogInformation("Branch {Branch} has expired and is dropped.", over);
            await DropAsync(over);
        }
    }

    private async Task WriteAsync()
    {
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            DeactivateOnIdle(); // nobody knows what is stored: the next activation asks
            throw;
        }
    }
}

/// <summary>What the directory of branches keeps.</summary>
[GenerateSerializer]
internal sealed class BranchDirectoryState
{
    [Id(0)] public List<BranchRecord> Branches { get; set; } = [];

    /// <summary>Dropped, and not all of it gone yet.</summary>
    [Id(1)] public List<string> Dropping { get; set; } = [];
}
