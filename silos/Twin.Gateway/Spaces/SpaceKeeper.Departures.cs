using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Twin.Grains.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>Tells owners who has left, so that a seat is free at once. At most 10,000 wait to be told; one beyond is counted, and its seat is free when it has not been heard of for 45 s.</summary>
internal sealed partial class SpaceKeeper
{
    private static readonly Counter<long> Untold = new Meter("Twin.Spaces").CreateCounter<long>("twin_space_departures_untold", null, "People who left and of whom the owner was not told");
    private readonly Channel<Departure> _departures = Channel.CreateBounded<Departure>(new BoundedChannelOptions(10_000) { SingleReader = true });

    private void Note(in Departure gone)
    {
        if (!_departures.Writer.TryWrite(gone)) Untold.Add(1);
    }

    private async Task TellDeparturesAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (var gone in _departures.Reader.ReadAllAsync(stopping).ConfigureAwait(false))
            {
                try
                {
                    if (gone.User is { } user) await grains.GetGrain<ISpaceGrain>(gone.Space).DepartAsync(user, gone.Epoch, gone.Issued).WaitAsync(TimeSpan.FromSeconds(5), clock, stopping).ConfigureAwait(false);
                    if (gone.Place is { } place) await grains.GetGrain<IAvatarGrain>($"{gone.Space}/{gone.Avatar}").LeftAsync(place).WaitAsync(TimeSpan.FromSeconds(5), clock, stopping).ConfigureAwait(false);
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    Untold.Add(1);
                    log.LogWarning("The owner of space {Space} was not told that someone left: {Fault}", gone.Space, fault.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }

    /// <summary>Someone who has left a hall here. The user is null where the owner has ordered it.</summary>
    private readonly record struct Departure(string Space, string? User, long Epoch, DateTimeOffset Issued, int Avatar, AvatarPlace? Place);
}
