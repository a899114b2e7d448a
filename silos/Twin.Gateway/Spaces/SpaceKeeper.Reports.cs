using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Twin.Grains.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>Takes reports to their owners, one after the other, and tells the reporter when it is kept. At most 1,000 wait; one beyond is refused.</summary>
internal sealed partial class SpaceKeeper
{
    private readonly Channel<(SpaceHall Hall, int Avatar, SpaceReport Report)> _reports = Channel.CreateBounded<(SpaceHall, int, SpaceReport)>(new BoundedChannelOptions(1_000) { SingleReader = true });

    private async Task TellReportsAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (var (hall, avatar, report) in _reports.Reader.ReadAllAsync(stopping).ConfigureAwait(false))
            {
                try
                {
                    var result = await grains.GetGrain<ISpaceGrain>(hall.Id).ReportAsync(report).WaitAsync(TimeSpan.FromSeconds(10), clock, stopping).ConfigureAwait(false);
                    await door.RunAsync(() => hall.TellReported(avatar, result.Problem?.Code, result.Problem?.Detail ?? "A moderator will see your report.")).ConfigureAwait(false);
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    log.LogWarning("A report in space {Space} was not kept: {Fault}", hall.Id, fault.Message);
                    door.Loop.Post((_, _) => hall.TellReported(avatar, "Unavailable", "Your report could not be kept; try again."), null); // where even that is too much, the reporter hears nothing
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }
}
