using Twin.Grains;
using Twin.History;
using Twin.Pipelines.History;

namespace Twin.Silo;

/// <summary>Runs the history feed: an embedded file takes every shard; with PostgreSQL each silo takes the shards it owns.</summary>
internal sealed class HistoryService(IHistoryStore store, ITwinStore twins, TwinSettings settings, Orleans.Runtime.ILocalSiloDetails silo, Readiness readiness, TimeProvider clock, ILogger<HistoryService> log) : BackgroundService
{
    private static readonly TimeSpan Probing = TimeSpan.FromSeconds(1);
    private string? _lastFault;

    public HistoryFeed Feed => field ??= new HistoryFeed(store, twins.ReadFeedAsync, OwnShardsAsync, WorldWiring.Branch,
        new HistoryFeedOptions(Gather: TimeSpan.FromSeconds(1), Retention: settings.HistoryRetention), clock, Report);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        var probing = ProbeAsync(stoppingToken);
        await Feed.RunAsync(stoppingToken);
        await probing;
    }

    // Nobody may write for hours: whether the store answers is asked, not only noticed.
    private async Task ProbeAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Probing, clock, stoppingToken);
                await store.ReadPositionsAsync(WorldWiring.Branch, stoppingToken);
                readiness.Degraded = null;
                _lastFault = null;
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                Report(fault);
                readiness.Degraded = $"History does not answer ({fault.Message.TrimEnd('.')}). Values wait in the journal.";
            }
        }
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
