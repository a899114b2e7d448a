using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Twin.Graph.Journal;

namespace Twin.Grains.Journal;

/// <summary>
/// Refuses the start of a silo whose number of shards is not that of the journals. A store that cannot be reached now does not
/// stop the start: every shard checks again before it opens its journal.
/// </summary>
internal sealed class ShardCountCheck(IJournalStore journals, TwinGrainOptions options, ILogger<ShardCountCheck> log) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await journals.KeepShardCountAsync(options.Branch, options.ShardCount, cancellationToken);
        }
        catch (IOException fault)
        {
            log.LogWarning(fault, "The number of shards cannot be checked now; each shard checks it when it opens its journal.");
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
