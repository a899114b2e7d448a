using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Twin.Grains.Models;

/// <summary>Asks once a second whether the catalogue has changed elsewhere, so that this process' copy is at most that old.</summary>
internal sealed class ModelWatch(ModelCache models, TimeProvider clock, ILogger<ModelWatch> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        var isFaulted = false;
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await models.RefreshAsync();
                    isFaulted = false;
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    if (!isFaulted) log.LogWarning(fault, "The model catalogue cannot be read; the copy here may be old.");
                    isFaulted = true;
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }
}
