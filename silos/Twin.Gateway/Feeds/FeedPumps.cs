using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Twin.Grains;
using Twin.Pipelines.Ingest;
using Twin.Pipelines.Routes;

namespace Twin.Gateway.Feeds;

/// <summary>Puts outbound routes and inference into a host.</summary>
public static class FeedPumps
{
    /// <summary>
    /// Adds the routes kept below <paramref name="dataFolder"/> and the networks of <c>{dataFolder}/models</c>, or where there is no such
    /// folder those shipped beside the program. Taken from the services: <see cref="ITwinStore"/>, <see cref="IIngestEntrance"/>,
    /// <see cref="TimeProvider"/>, and in a silo its details: each silo scores the shards it owns, a gateway none.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="dataFolder">The process' data folder.</param>
    /// <param name="allowPrivateTargets">Whether routes may go to loopback, private and link-local addresses.</param>
    public static IServiceCollection AddFeedPumps(this IServiceCollection services, string dataFolder, bool allowPrivateTargets = true)
    {
        services.AddSingleton(s => new RouteBook(dataFolder, s.GetRequiredService<ITwinStore>(), new RouteOptions { Jitter = Random.Shared.NextDouble, AllowPrivateTargets = allowPrivateTargets },
            s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<RouteBook>>(), s.GetService<IPolicyStore>()));
        services.AddHostedService(s => s.GetRequiredService<RouteBook>());
        services.AddSingleton(s => new InferencePump(s.GetRequiredService<ITwinStore>(), s.GetRequiredService<IIngestEntrance>(), Sources(s, dataFolder), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<InferencePump>>()));
        services.AddHostedService(s => s.GetRequiredService<InferencePump>());
        return services;
    }

    private static InferenceSources Sources(IServiceProvider services, string dataFolder)
    {
        var (store, silo) = (services.GetRequiredService<ITwinStore>(), services.GetService<ILocalSiloDetails>());
        var own = Path.Combine(dataFolder, "models");
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.Register(started.SetResult);
        return new InferenceSources(Directory.Exists(own) ? own : Path.Combine(AppContext.BaseDirectory, "Models"), OwnShardsAsync, started.Task);

        async ValueTask<IReadOnlyCollection<int>> OwnShardsAsync(CancellationToken cancellationToken)
        {
            if (silo is null) return [];
            var shards = await store.GetStatisticsAsync(cancellationToken).ConfigureAwait(false);
            return [.. shards.Where(s => s.Silo == silo.Name).Select(s => s.Shard)];
        }
    }
}
