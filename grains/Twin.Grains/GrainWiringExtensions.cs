using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Hosting;
using Twin.Graph.Journal;
using Twin.Grains.Branches;
using Twin.Grains.Journal;
using Twin.Grains.Models;
using Twin.Grains.Policies;
using Twin.Grains.Store;

namespace Twin.Grains;

/// <summary>How hosts take the grains and the store in.</summary>
public static class GrainWiringExtensions
{
    /// <summary>Adds the grains of a silo. The silo must have a grain storage named <c>twins</c>.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="options">Shards, fates, bounds.</param>
    /// <param name="journals">Where the shards' journals are.</param>
    public static ISiloBuilder AddTwinGrains(this ISiloBuilder silo, TwinGrainOptions options, Func<IServiceProvider, IJournalStore> journals)
    {
        silo.Services.AddSingleton<IJournalStore>(services => journals(services));
        silo.Services.AddHostedService<ShardCountCheck>();
        silo.Services.AddSingleton<ForkHandoff>();
        silo.Services.AddSingleton(options.Ledger);
        silo.Services.AddTwinStore(options);
        return silo;
    }

    /// <summary>Adds <see cref="ITwinStore"/> over a silo's own or a client's grain factory.</summary>
    public static IServiceCollection AddTwinStore(this IServiceCollection services, TwinGrainOptions options)
    {
        if (options.ShardCount is < 1 or > 1_024) throw new ArgumentOutOfRangeException(nameof(options), options.ShardCount, "ShardCount must be 1 to 1,024.");
        services.AddSingleton(options);
        services.AddSingleton<ModelCache>();
        services.AddSingleton<Twins.SnapshotTurn>();
        services.AddSingleton<PolicyCache>();
        services.AddSingleton<IPolicyStore>(s => s.GetRequiredService<PolicyCache>());
        services.AddHostedService<PolicyWatch>();
        services.AddSingleton<TwinStore>();
        services.AddSingleton<TwinBranches>();
        services.AddSingleton<ITwinBranches>(s => s.GetRequiredService<TwinBranches>());
        services.AddSingleton<ITwinStore>(s =>
        {
            s.GetRequiredService<TwinBranches>(); // so that queries find branches
            return s.GetRequiredService<TwinStore>();
        });
        services.AddSingleton<ModelWatch>();
        services.AddHostedService(s => s.GetRequiredService<ModelWatch>());
        return services;
    }
}
