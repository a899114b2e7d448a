using System.Numerics;
using System.Text;
using Orleans;
using StackExchange.Redis;
using Twin.Gateway.Spaces;
using Twin.Grains;
using Twin.Grains.Spaces;
using Twin.Scenarios.Event;

namespace Twin.Silo;

/// <summary>Opens the concert's space and moves its guests. Of several silos one does: whoever holds the lease.</summary>
internal sealed class ConcertHost(IGrainFactory grains, SpaceWalkOns walkOns, IConnectionMultiplexer redis, TwinSettings settings, Readiness readiness, TimeProvider clock, ILogger<ConcertHost> log) : BackgroundService
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(20);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var (key, name) = ($"{settings.Cluster}/concert", Guid.NewGuid().ToString("N"));
        var crowd = new Crowd(new ConcertCrowd(settings.Seed, settings.Bots));
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                if (readiness.WaitingFor is not null) continue;
                try
                {
                    var database = redis.GetDatabase();
                    if (!await database.LockTakeAsync(key, name, Lease) && !await database.LockExtendAsync(key, name, Lease)) continue;
                    var space = grains.GetGrain<ISpaceGrain>(ConcertPlan.Space);
                    if ((await space.GetAsync()).Definition is null && await space.PutAsync(Encoding.UTF8.GetBytes(ConcertPlan.Definition), null) is { IsDone: false } refused)
                    {
                        log.LogError("The concert's space was refused: {Problem}", refused.Problem?.Detail);
                        return;
                    }

                    await walkOns.BringAsync(ConcertPlan.Space, crowd);
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    log.LogWarning("The concert waits: {Fault}", fault.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }

    /// <summary>The scenario's guests as the space takes them.</summary>
    private sealed class Crowd(ConcertCrowd guests) : IWalkOns
    {
        public int Count => guests.Count;

        public string NameOf(int index) => guests.NameOf(index);

        public void Step(double seconds) => guests.Step(seconds);

        public (Vector2 Place, double Heading)? Find(int index)
        {
            if (guests.IntentOf(index) == GuestIntent.Away) return null;
            var (x, z, heading) = guests.PlaceOf(index);
            return (new Vector2((float)x, (float)z), heading);
        }
    }
}
