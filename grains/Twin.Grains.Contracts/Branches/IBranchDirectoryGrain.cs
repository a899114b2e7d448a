using Orleans;
using Twin.Model;

namespace Twin.Grains.Branches;

/// <summary>A branch of the world.</summary>
[GenerateSerializer, Immutable]
public sealed record BranchRecord
{
    /// <summary>1 to 48 small letters, digits and <c>-</c>.</summary>
    [Id(0)] public required string Id { get; init; }

    /// <summary>What it was forked from: a branch, or <c>live</c>.</summary>
    [Id(1)] public required string Parent { get; init; }

    /// <summary>What it is for, at most 200 characters.</summary>
    [Id(2)] public string? Note { get; init; }

    /// <summary>When it was forked, by the directory's clock.</summary>
    [Id(3)] public DateTimeOffset Created { get; init; }

    /// <summary>By whom; null for an administrator.</summary>
    [Id(4)] public string? CreatedBy { get; init; }

    /// <summary>When it is dropped by itself; null for never.</summary>
    [Id(5)] public DateTimeOffset? Expires { get; init; }

    /// <summary>Each shard's sequence of the parent at which it begins: one moment for all shards.</summary>
    [Id(6)] public long[] Bases { get; init; } = [];

    /// <summary>How long the fork took.</summary>
    [Id(7)] public double ForkMilliseconds { get; init; }
}

/// <summary>A branch to be made.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Parent">What to fork.</param>
/// <param name="Note">What for.</param>
/// <param name="Lifetime">Until it is dropped by itself; null for never.</param>
/// <param name="By">Who asks.</param>
[GenerateSerializer, Immutable]
public sealed record BranchRequest([property: Id(0)] string Id, [property: Id(1)] string Parent, [property: Id(2)] string? Note, [property: Id(3)] TimeSpan? Lifetime, [property: Id(4)] string? By);

/// <summary>What became of a request for a branch.</summary>
/// <param name="Branch">The branch; null when refused.</param>
/// <param name="Problem">Why not.</param>
[GenerateSerializer, Immutable]
public sealed record BranchAnswer([property: Id(0)] BranchRecord? Branch, [property: Id(1)] Problem? Problem);

/// <summary>Knows all branches, forks and drops them. One, keyed 0. What it answers is durable: a branch that it names survives any crash whole, one that it does not name leaves nothing behind.</summary>
public interface IBranchDirectoryGrain : IGrainWithIntegerKey
{
    /// <summary>Most branches at a time.</summary>
    const int MostBranches = 64;

    /// <summary>Forks at one moment of all shards. Codes: BranchInvalid, BranchExists, ParentNotFound, TooManyBranches, ForkBusy (transactions did not come to an end in time; try again).</summary>
    Task<BranchAnswer> CreateAsync(BranchRequest request);

    /// <summary>A branch, or null.</summary>
    Task<BranchRecord?> GetAsync(string branch);

    /// <summary>All, ordinal.</summary>
    Task<BranchRecord[]> ListAsync();

    /// <summary>Drops a branch and what it holds; false when there is none.</summary>
    Task<bool> DropAsync(string branch);
}
