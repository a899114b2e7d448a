using System.Net;
using System.Net.Sockets;
using Orleans.Clustering.Redis;
using Orleans.Configuration;
using Orleans.Dashboard;
using Orleans.Hosting;
using StackExchange.Redis;

namespace Twin.Silo;

/// <summary>Orleans over one storage path: membership, grain state and reminders in Redis' protocol, embedded or real.</summary>
internal static class ClusterWiring
{
    /// <summary>Name of the grain storage provider.</summary>
    public const string Storage = "twins";

    public static void Configure(ISiloBuilder silo, TwinSettings settings, ConfigurationOptions redis)
    {
        silo.Configure<ClusterOptions>(o => Name(o, settings));
        silo.UseRedisClustering(o => o.ConfigurationOptions = redis);
        silo.AddRedisGrainStorage(Storage, o => o.ConfigurationOptions = redis);
        silo.UseRedisReminderService(o => o.ConfigurationOptions = redis);
        var siloPort = settings.SiloPort == 0 ? FreePort() : settings.SiloPort;
        var gatewayPort = settings.GatewayPort == 0 ? FreePort() : settings.GatewayPort;
        silo.ConfigureEndpoints(settings.Advertise, siloPort, gatewayPort, listenOnAnyHostAddress: false);
        // A dead silo is given up after about three seconds, so that its twins answer again within ten.
        silo.Configure<ClusterMembershipOptions>(o =>
        {
            o.ProbeTimeout = TimeSpan.FromSeconds(1);
            o.NumMissedProbesLimit = 3;
            o.NumVotesForDeathDeclaration = 1;
            o.TableRefreshTimeout = TimeSpan.FromSeconds(5);
            o.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(10);
            o.DefunctSiloCleanupPeriod = TimeSpan.FromMinutes(10);
            o.DefunctSiloExpiration = TimeSpan.FromHours(1);
        });
        if (settings.Dashboard) silo.AddDashboard(o => o.CounterUpdateIntervalMs = 5_000);
    }

    public static void Configure(IClientBuilder client, TwinSettings settings, ConfigurationOptions redis)
    {
        client.Configure<ClusterOptions>(o => Name(o, settings));
        client.UseRedisClustering((RedisClusteringOptions o) => o.ConfigurationOptions = redis);
        if (settings.Dashboard) client.AddDashboard(o => o.CounterUpdateIntervalMs = 5_000);
    }

    /// <summary>
    /// An embedded store is this process' own: whoever stands in its membership table is a killed predecessor. Forgetting it
    /// saves the start from waiting for silos that cannot answer.
    /// </summary>
    public static async Task ForgetPredecessorsAsync(IConnectionMultiplexer store, TwinSettings settings) =>
        await store.GetDatabase().KeyDeleteAsync($"{settings.Cluster}/members/{settings.Cluster}").ConfigureAwait(false);

    private static void Name(ClusterOptions options, TwinSettings settings)
    {
        options.ClusterId = settings.Cluster;
        options.ServiceId = settings.Cluster;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
