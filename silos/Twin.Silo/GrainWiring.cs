using Orleans.Hosting;
using StackExchange.Redis;
using Twin.Graph.Journal;
using Twin.Grains;
using Twin.Grains.Journal;

namespace Twin.Silo;

/// <summary>The grains, and where their shards' journals are: local files with the embedded store, Redis in a cluster.</summary>
internal static class GrainWiring
{
    public static TwinGrainOptions Options(TwinSettings settings) => new() { ShardCount = settings.Shards };

    public static void Add(ISiloBuilder silo, TwinSettings settings) =>
        silo.AddTwinGrains(Options(settings), services => settings.Redis is null
            ? new FileJournalStore(Path.Combine(settings.DataFolder, "journal"), Policy(settings.Fsync), services.GetRequiredService<TimeProvider>())
            : new RedisJournalStore(services.GetRequiredService<IConnectionMultiplexer>(), services.GetRequiredService<TimeProvider>(), $"twin:{settings.Cluster}:"));

    private static FsyncPolicy Policy(string text) => text switch
    {
        "always" => FsyncPolicy.Always,
        "os" => FsyncPolicy.Os,
        _ => FsyncPolicy.Every100Ms,
    };
}
