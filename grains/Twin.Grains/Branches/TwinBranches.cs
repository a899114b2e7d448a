using System.Collections.Concurrent;
using Orleans;
using Twin.Grains.Models;
using Twin.Grains.Store;

namespace Twin.Grains.Branches;

/// <summary>Stores of branches, made when first asked for, and asked again of the directory each two seconds.</summary>
internal sealed class TwinBranches : ITwinBranches
{
    private static readonly TimeSpan Known = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<string, (TwinStore Store, long At)> _stores = new(StringComparer.Ordinal);
    private readonly IGrainFactory _grains;
    private readonly TwinStore _live;
    private readonly Func<string, TwinStore> _make;
    private readonly TwinGrainOptions _options;
    private readonly TimeProvider _clock;

    public TwinBranches(TwinStore live, IGrainFactory grains, ModelCache models, IPolicyStore policies, TwinGrainOptions options, TimeProvider clock)
    {
        (_live, _grains, _options, _clock) = (live, grains, options, clock);
        _make = branch => new TwinStore(grains, models, policies, options with { Branch = branch }, clock) { BranchesAsync = FindStoreAsync };
        live.BranchesAsync = FindStoreAsync;
    }

    private IBranchDirectoryGrain Directory => _grains.GetGrain<IBranchDirectoryGrain>(0);

    public async ValueTask<ITwinStore?> FindAsync(string branch, CancellationToken cancellationToken = default) => await FindStoreAsync(branch, cancellationToken).ConfigureAwait(false);

    public async Task<BranchAnswer> CreateAsync(BranchRequest request) => await Directory.CreateAsync(request).ConfigureAwait(false);

    public Task<BranchRecord?> GetAsync(string branch) => Directory.GetAsync(branch);

    public Task<BranchRecord[]> ListAsync() => Directory.ListAsync();

    public Task<bool> DropAsync(string branch)
    {
        _stores.TryRemove(branch, out _);
        return Directory.DropAsync(branch);
    }

    private async ValueTask<TwinStore?> FindStoreAsync(string branch, CancellationToken cancellationToken)
    {
        if (branch == _options.Branch) return _live;
        if (_stores.TryGetValue(branch, out var known) && _clock.GetElapsedTime(known.At) < Known) return known.Store;
        if (await Directory.GetAsync(branch).WaitAsync(cancellationToken).ConfigureAwait(false) is null)
        {
            _stores.TryRemove(branch, out _); // so at most as many are kept as there are branches
            return null;
        }

        var store = known.Store ?? _make(branch);
        _stores[branch] = (store, _clock.GetTimestamp());
        return store;
    }
}
