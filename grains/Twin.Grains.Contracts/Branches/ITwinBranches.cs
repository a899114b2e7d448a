namespace Twin.Grains.Branches;

/// <summary>The branches as doors see them. Thread-safe. One instance a process.</summary>
public interface ITwinBranches
{
    /// <summary>The graph on a branch; null when there is no such branch. A branch dropped elsewhere is known to be gone within two seconds; until then its shards refuse.</summary>
    ValueTask<ITwinStore?> FindAsync(string branch, CancellationToken cancellationToken = default);

    /// <inheritdoc cref="IBranchDirectoryGrain.CreateAsync"/>
    Task<BranchAnswer> CreateAsync(BranchRequest request);

    /// <inheritdoc cref="IBranchDirectoryGrain.GetAsync"/>
    Task<BranchRecord?> GetAsync(string branch);

    /// <inheritdoc cref="IBranchDirectoryGrain.ListAsync"/>
    Task<BranchRecord[]> ListAsync();

    /// <inheritdoc cref="IBranchDirectoryGrain.DropAsync"/>
    Task<bool> DropAsync(string branch);
}
