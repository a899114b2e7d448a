using Orleans;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Grains;

/// <summary>A policy as stored.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Json">As it was given, UTF-8.</param>
/// <param name="Version">Its ETag.</param>
[GenerateSerializer, Immutable]
public sealed record StoredPolicy([property: Id(0)] string Id, [property: Id(1)] byte[] Json, [property: Id(2)] long Version);

/// <summary>All policies at a version.</summary>
[GenerateSerializer, Immutable]
public sealed record PolicyPage([property: Id(0)] long Version, [property: Id(1)] StoredPolicy[] Policies);

/// <summary>Keeps the policies of a cluster. One, keyed 0.</summary>
public interface IPolicyCatalogGrain : IGrainWithIntegerKey
{
    /// <summary>Grows with every change.</summary>
    ValueTask<long> GetVersionAsync();

    /// <summary>All policies and the version they are of.</summary>
    ValueTask<PolicyPage> GetAsync();

    /// <summary>Creates or replaces one; refused when with it the policies would not compile.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="json">UTF-8.</param>
    /// <param name="ifMatch">Version seen; 0 any existing; null does not care.</param>
    /// <param name="onlyIfAbsent">If-None-Match: *.</param>
    ValueTask<CatalogAnswer> PutAsync(string id, byte[] json, long? ifMatch, bool onlyIfAbsent);

    /// <summary>Deletes one that no other imports.</summary>
    ValueTask<CatalogAnswer> DeleteAsync(string id, long? ifMatch);
}

/// <summary>
/// Policies as doors and owners see them. What is decided by <see cref="Current"/> is at most a second old anywhere in the cluster, and not
/// old at all in the process that made the change. Thread-safe; one a process.
/// </summary>
public interface IPolicyStore
{
    /// <summary>The policies known now. Before they were read once, nobody a policy could concern is allowed anything.</summary>
    CompiledPolicies Current { get; }

    /// <summary>Told after <see cref="Current"/> has changed, on any thread; must be quick.</summary>
    event Action? Changed;

    /// <summary>Fetches what is new.</summary>
    ValueTask RefreshAsync();

    /// <summary>Creates or replaces a policy; see <see cref="IPolicyCatalogGrain.PutAsync"/>.</summary>
    ValueTask<CommandResult> PutAsync(string id, ReadOnlyMemory<byte> json, long? ifMatch = null, bool onlyIfAbsent = false);

    /// <summary>Deletes a policy that no other imports.</summary>
    ValueTask<CommandResult> DeleteAsync(string id, long? ifMatch = null);

    /// <summary>All policies, ordered by id.</summary>
    ValueTask<IReadOnlyList<StoredPolicy>> ListAsync();
}
