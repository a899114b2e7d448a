using System.Reflection;
using Orleans;
using Orleans.Runtime;
using Twin.Gateway.Http;

namespace Twin.Silo;

/// <summary>What <c>/system</c> says of this process and its cluster.</summary>
internal sealed class WorldSource(TwinSettings settings, WorldScenario scenario, Readiness readiness, IServiceProvider services) : IWorldSource
{
    private readonly HistoryService? _history = services.GetService<HistoryService>();

    public SceneStill Scene => scenario.Still;

    public async ValueTask<IReadOnlyDictionary<string, object?>> DescribeAsync(CancellationToken cancellationToken)
    {
        var management = services.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0);
        var hosts = await management.GetHosts(true, cancellationToken);
        return new Dictionary<string, object?>
        {
            ["version"] = typeof(WorldSource).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion,
            ["cluster"] = settings.Cluster,
            ["scenario"] = settings.Scenario,
            ["fsync"] = settings.Redis is null ? settings.Fsync : "redis",
            ["startedAt"] = readiness.StartedAt,
            ["silos"] = hosts.Select(h => new { name = h.Key.ToParsableString(), status = h.Value.ToString() }),
            ["memoryBytes"] = Environment.WorkingSet,
            ["history"] = _history is null ? null : new { points = _history.Feed.Points, lagMs = Math.Max(0, Math.Round(_history.Feed.Lag.TotalMilliseconds)) },
        };
    }
}
