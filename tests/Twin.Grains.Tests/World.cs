using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Storage;
using Orleans.TestingHost;
using Twin.Graph.Journal;
using Twin.Model;

namespace Twin.Grains.Tests;

/// <summary>Silos in this process over one folder of journals; can be stopped and started again over the same folder and grain state.</summary>
internal sealed class World : IAsyncDisposable
{
    private readonly string _root = Path.Combine(Path.GetTempPath(), "twin-world-" + Guid.NewGuid().ToString("n"));
    private readonly KeptGrains _kept = new();
    private InProcessTestCluster _cluster = null!;

    public IJournalStore Journals { get; private set; } = null!;

    public ITwinStore Store { get; private set; } = null!;

    public Func<IJournalStore, IJournalStore> Wrap { get; init; } = static s => s;

    public short Silos { get; init; } = 1;

    public TwinGrainOptions Options { get; set; } = new() { ShardCount = 4 };

    public async Task<World> StartAsync()
    {
        Journals = Wrap(new FileJournalStore(_root, FsyncPolicy.Os, TimeProvider.System));
        var builder = new InProcessTestClusterBuilder(Silos);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton(TimeProvider.System);
            silo.Services.AddKeyedSingleton<IGrainStorage>("twins", _kept);
            silo.AddTwinGrains(Options, _ => new Shared(Journals));
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
        Store = _cluster.Silos[0].ServiceProvider.GetRequiredService<ITwinStore>();
        return this;
    }

    public IPolicyStore Policies => _cluster.Silos[0].ServiceProvider.GetRequiredService<IPolicyStore>();

    public IGrainFactory Grains => _cluster.Silos[0].ServiceProvider.GetRequiredService<IGrainFactory>();

    public IGrainFactory GrainsOf(int silo) => _cluster.Silos[silo].ServiceProvider.GetRequiredService<IGrainFactory>();

    public ITwinStore StoreOf(int silo) => _cluster.Silos[silo].ServiceProvider.GetRequiredService<ITwinStore>();

    public Twin.Grains.Branches.ITwinBranches Branches => BranchesOf(0);

    public Twin.Grains.Branches.ITwinBranches BranchesOf(int silo) => _cluster.Silos[silo].ServiceProvider.GetRequiredService<Twin.Grains.Branches.ITwinBranches>();

    public async Task StopAsync()
    {
        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
        await Journals.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_root, true);
    }

    /// <summary>Two silos share the folder's one holder; it is closed by the world.</summary>
    private sealed class Shared(IJournalStore inner) : IJournalStore
    {
        public Task KeepShardCountAsync(string branch, int shardCount, CancellationToken cancellationToken) => inner.KeepShardCountAsync(branch, shardCount, cancellationToken);

        public Task<bool> HasSnapshotAsync(string branch, int shard, CancellationToken cancellationToken) => inner.HasSnapshotAsync(branch, shard, cancellationToken);

        public Task DropAsync(string branch, int shardCount, CancellationToken cancellationToken) => inner.DropAsync(branch, shardCount, cancellationToken);

        public Task<IShardJournal> OpenAsync(string branch, int shard, CancellationToken cancellationToken) => inner.OpenAsync(branch, shard, cancellationToken);

        public ValueTask DisposeAsync() => default;
    }
}
