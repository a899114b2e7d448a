using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Twin.Grains.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>Tells owners who has left, so that a seat is free at once. At most 10,000 wait to be told; one beyond is counted, and its seat is free when it has not been heard of for 45 s.</summary>
internal sealed partial class SpaceKeeper
{
    private static readonly Counter<long> Untold = new Meter("Twin.Spaces").CreateCounter<long>("twin_space_departures_untold", null, "People who left and of whom the owner was not told");
    private readonly Channel<(string Space, string User, long Epoch, DateTimeOffset Issued)> _departures = Channel.CreateBounded<(string, string, long, DateTimeOffset)>(new BoundedChannelOptions(10_000) { SingleReader = true });

    private void Note(string space, string user, long epoch, DateTimeOffset issued)
    {
        if (!_departures.Writer.TryWrite((space, user, epoch, issued))) Untold.Add(1);
    }

    private async Task TellDeparturesAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (var (space, user, epoch, issued) in _departures.Reader.ReadAllAsync(stopping).ConfigureAwait(false))
            {
                try
                {
                    await grains.GetGrain<ISpaceGrain>(space).DepartAsync(user, epoch, issued).WaitAsync(TimeSpan.FromSeconds(5), clock, stopping).ConfigureAwait(false);
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    Untold.Add(1);
                    log.LogWarning("The owner of space {Space} was not told that someone left: {Fault}", space, fault.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }
}
