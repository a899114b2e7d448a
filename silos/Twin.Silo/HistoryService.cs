using Twin.Grains;
using Twin.History;
using Twin.Pipelines.History;

namespace Twin.Silo;

/// <summary>Runs the history feed: an embedded file takes every shard; with PostgreSQL each silo takes the shards it owns.</summary>
internal sealed class HistoryService(IHistoryStore store, ITwinStore twins, TwinSettings settings, Orleans.Runtime.ILocalSiloDetails silo, TimeProvider clock, ILogger<HistoryService> log) : BackgroundService
{
    private string? _lastFault;

    public HistoryFeed Feed => field ??= new HistoryFeed(store, twins.ReadFeedAsync, OwnShardsAsync, WorldWiring.Branch,
        new HistoryFeedOptions(Gather: TimeSpan.FromSeconds(1), Retention: settings.HistoryRetention), clock, Report);

    /// <summary>Values in the store when this process opened it.</summary>
    public long PointsBefore { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        for (var opened = false; !opened && !stoppingToken.IsCancellationRequested;)
        {
            try
            {
                await store.OpenAsync(stoppingToken);
                PointsBefore = await store.CountAsync(WorldWiring.Branch, stoppingToken);
                opened = true;
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                Report(fault);
                await Task.Delay(TimeSpan.FromSeconds(1), clock, CancellationToken.None);
            }
        }

        if (!stoppingToken.IsCancellationRequested) await Feed.RunAsync(stoppingToken);
    }

    private async ValueTask<IReadOnlyCollection<int>> OwnShardsAsync(CancellationToken cancellationToken)
    {
        if (settings.Postgres is null) return [.. Enumerable.Range(0, twins.ShardCount)];
        var shards = await twins.GetStatisticsAsync(cancellationToken);
        return [.. shards.Where(s => s.Silo == silo.Name).Select(s => s.Shard)];
    }

    private void Report(Exception fault)
    {
        if (fault.Message == _lastFault) return;
        _lastFault = fault.Message;
        log.LogWarning(fault, "History waits: it will go on where it stopped.");
    }
}
