using Orleans;
using Orleans.Runtime;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Grains.Policies;

/// <summary>What the catalogue of policies keeps.</summary>
[GenerateSerializer]
internal sealed class PolicyCatalogState
{
    [Id(0)] public long Version { get; set; } = 1;

    [Id(1)] public List<StoredPolicy> Policies { get; set; } = [];
}

/// <summary>Owns the policies: checks, persists, answers. At most <see cref="MostPolicies"/>.</summary>
internal sealed class PolicyCatalogGrain([PersistentState("policies", "twins")] IPersistentState<PolicyCatalogState> state) : Grain, IPolicyCatalogGrain
{
    private const int MostPolicies = 1_000;

    public ValueTask<long> GetVersionAsync() => new(state.State.Version);

    public ValueTask<PolicyPage> GetAsync() => new(new PolicyPage(state.State.Version, [.. state.State.Policies]));

    public async ValueTask<CatalogAnswer> PutAsync(string id, byte[] json, long? ifMatch, bool onlyIfAbsent)
    {
        if (!PolicyDocument.TryParse(id, json, out _, out var wrong)) return Refuse(TwinStatus.Invalid, wrong);
        var index = state.State.Policies.FindIndex(p => p.Id == id);
        if (index >= 0 && onlyIfAbsent) return Refuse(TwinStatus.PreconditionFailed, new Problem("PolicyAlreadyExists", $"If-None-Match: * does not hold; policy '{id}' exists.", "id"));
        if (Stale(id, index, ifMatch) is { } stale) return stale;
        if (index < 0 && state.State.Policies.Count >= MostPolicies) return Refuse(TwinStatus.TooMuch, new Problem("TooManyPolicies", $"At most {MostPolicies} policies are kept."));
        var next = state.State.Policies.Where(p => p.Id != id).Append(new StoredPolicy(id, json, state.State.Version + 1)).OrderBy(p => p.Id, StringComparer.Ordinal).ToList();
        return Problem(next) is { } problem ? Refuse(TwinStatus.Invalid, problem) : await KeepAsync(next, index < 0 ? TwinStatus.Created : TwinStatus.Ok);
    }

    public async ValueTask<CatalogAnswer> DeleteAsync(string id, long? ifMatch)
    {
        var index = state.State.Policies.FindIndex(p => p.Id == id);
        if (index < 0) return Refuse(TwinStatus.NotFound, new Problem("PolicyNotFound", $"There is no policy '{id}'.", "id"));
        if (Stale(id, index, ifMatch) is { } stale) return stale;
        var next = state.State.Policies.Where(p => p.Id != id).ToList();
        return Problem(next) is { } problem
            ? Refuse(TwinStatus.Conflict, new Problem("PolicyInUse", $"Policy '{id}' cannot go: {problem.Detail}", "id"))
            : await KeepAsync(next, TwinStatus.Ok);
    }

    private static Problem? Problem(List<StoredPolicy> policies)
    {
        var documents = new List<PolicyDocument>(policies.Count);
        foreach (var policy in policies)
        {
            if (!PolicyDocument.TryParse(policy.Id, policy.Json, out var document, out var problem)) return problem;
            documents.Add(document);
        }

        CompiledPolicies.TryCompile(0, documents, out _, out var wrong);
        return wrong;
    }

    private CatalogAnswer? Stale(string id, int index, long? ifMatch)
    {
        var version = index < 0 ? 0 : state.State.Policies[index].Version;
        if (ifMatch is not { } seen || (seen == 0 ? version != 0 : seen == version)) return null;
        return Refuse(TwinStatus.PreconditionFailed, new Problem("PreconditionFailed", $"If-Match does not hold; policy '{id}' {(version == 0 ? "does not exist" : $"is at {ETag.Format(version)}")}.", "If-Match"));
    }

    private async ValueTask<CatalogAnswer> KeepAsync(List<StoredPolicy> next, TwinStatus status)
    {
        state.State.Policies = next;
        state.State.Version++;
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            await state.ReadStateAsync(); // what is not kept is not true
            throw;
        }

        return new CatalogAnswer((byte)status, null, null, null, state.State.Version);
    }

    private static CatalogAnswer Refuse(TwinStatus status, Problem problem) => new((byte)status, problem.Code, problem.Detail, problem.Where, 0);
}
