using Twin.Gateway.Http;
using Twin.Grains;
using Twin.History;
using Twin.Pipelines.History;
using Twin.Pipelines.Ingest;

namespace Twin.Silo;

/// <summary>Pipeline, history, scenario and devices of this process.</summary>
internal static class WorldWiring
{
    public const string Branch = "live";

    public static void Add(IServiceCollection services, IConfiguration configuration, TwinSettings settings)
    {
        if (settings.Role == SiloRole.Gateway) services.AddTwinStore(GrainWiring.Options(settings));
        services.AddSingleton(s => new IngestHost(new IngestOptions(), settings.Shards, s.GetRequiredService<ITwinStore>().IngestAsync, s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IIngestEntrance>(s => s.GetRequiredService<IngestHost>());
        services.AddSingleton(new WorldScenario(settings));
        services.AddHostedService<WorldStart>();
        if (settings is { Scenario: "event", Role: SiloRole.All }) services.AddHostedService<ConcertHost>();
        AddHistory(services, settings);
    }

    private static void AddHistory(IServiceCollection services, TwinSettings settings)
    {
        if (!settings.History || (settings.Role == SiloRole.Gateway && settings.Postgres is null)) return;
        services.AddSingleton<IHistoryStore>(s => settings.Postgres is { } postgres
            ? new PostgresHistoryStore(postgres, s.GetRequiredService<TimeProvider>())
            : new DuckDbHistoryStore(Path.Combine(settings.DataFolder, "history.duckdb"), Math.Max(1, Environment.ProcessorCount / 2)));
        if (settings.Role == SiloRole.Gateway) return;
        services.AddSingleton<HistoryService>();
        services.AddHostedService(s => s.GetRequiredService<HistoryService>());
    }
}
