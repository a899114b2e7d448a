using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Grains.Policies;

/// <summary>This process' copy of the policies, compiled once for all its shards and doors. Thread-safe.</summary>
internal sealed class PolicyCache : IPolicyStore, IDisposable
{
    private readonly IGrainFactory _grains;
    private readonly Meter _meter = new("Twin");
    private readonly SemaphoreSlim _refreshing = new(1, 1);
    private volatile CompiledPolicies _current = CompiledPolicies.Closed;

    public PolicyCache(IGrainFactory grains)
    {
        _grains = grains;
        _meter.CreateObservableGauge("twin_policy_version", () => _current.Version, description: "Version of the policies that are enforced here.");
    }

    public CompiledPolicies Current => _current;

    public event Action? Changed;

    private IPolicyCatalogGrain Catalog => _grains.GetGrain<IPolicyCatalogGrain>(0);

    /// <exception cref="InvalidDataException">A stored policy no longer compiles; the rules known before stay in force.</exception>
    public async ValueTask RefreshAsync()
    {
        await _refreshing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_current.Version != 0 && await Catalog.GetVersionAsync().ConfigureAwait(false) == _current.Version) return;
            var page = await Catalog.GetAsync().ConfigureAwait(false);
            var documents = page.Policies.Select(p => PolicyDocument.TryParse(p.Id, p.Json, out var document, out var wrong) ? document : throw new InvalidDataException($"Policy '{p.Id}' cannot be read: {wrong.Detail}")).ToArray();
            if (!CompiledPolicies.TryCompile(page.Version, documents, out var compiled, out var problem)) throw new InvalidDataException($"The policies do not compile: {problem!.Detail}");
            _current = compiled!;
        }
        finally { _refreshing.Release(); }

        Changed?.Invoke();
    }

    public async ValueTask<CommandResult> PutAsync(string id, ReadOnlyMemory<byte> json, long? ifMatch = null, bool onlyIfAbsent = false) =>
        await ChangedAsync(await Catalog.PutAsync(id, json.ToArray(), ifMatch, onlyIfAbsent).ConfigureAwait(false)).ConfigureAwait(false);

    public async ValueTask<CommandResult> DeleteAsync(string id, long? ifMatch = null) =>
        await ChangedAsync(await Catalog.DeleteAsync(id, ifMatch).ConfigureAwait(false)).ConfigureAwait(false);

    public async ValueTask<IReadOnlyList<StoredPolicy>> ListAsync() => (await Catalog.GetAsync().ConfigureAwait(false)).Policies;

    public void Dispose()
    {
        _meter.Dispose();
        _refreshing.Dispose();
    }

    private async ValueTask<CommandResult> ChangedAsync(CatalogAnswer answer)
    {
        if (answer.Code is not null) return new CommandResult((TwinStatus)answer.Status, 0, new Problem(answer.Code, answer.Detail ?? "", answer.Where));
        await RefreshAsync().ConfigureAwait(false);
        return new CommandResult((TwinStatus)answer.Status, answer.Version);
    }
}

/// <summary>Asks twice a second whether policies have changed elsewhere, so that what is enforced here is at most a second old.</summary>
internal sealed class PolicyWatch(PolicyCache policies, TimeProvider clock, ILogger<PolicyWatch> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        var isFaulted = false;
        try
        {
            do
            {
                try
                {
                    await policies.RefreshAsync();
                    isFaulted = false;
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    if (!isFaulted) log.LogWarning(fault, "The policies cannot be read; those known before stay in force (nothing is allowed before they were read once).");
                    isFaulted = true;
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }
}
