using StackExchange.Redis;
using Twin.Gateway.Mqtt;
using Twin.Grains;
using Twin.Model;
using Twin.Scenarios;

namespace Twin.Silo;

/// <summary>Brings the world up: shards recovered, the scenario written into an empty store once, then its devices started.</summary>
internal sealed class WorldStart(ITwinStore store, IConnectionMultiplexer redis, TwinSettings settings, WorldScenario scenario, Readiness readiness, IServiceProvider services, TimeProvider clock, ILogger<WorldStart> log) : BackgroundService
{
    private const int Chunk = 50_000;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        try
        {
            readiness.WaitFor("the shards to recover");
            var shards = await store.GetStatisticsAsync(stoppingToken);
            readiness.RecoverySeconds = shards.Max(s => s.RecoverySeconds);
            if (settings.Role != SiloRole.Gateway && settings.Scenario != "none") await SeedOnceAsync(shards.Sum(s => s.Twins), stoppingToken);
            readiness.Done();
            log.LogInformation("Ready: {Twins} twins, console at http://localhost:{Port}", (await store.GetStatisticsAsync(stoppingToken)).Sum(s => s.Twins), settings.Port);
            if (settings.Emulate && settings.Role == SiloRole.All && scenario.Parts.Count > 0 && services.GetService<MqttDoor>() is { } door)
                await using (var fleet = new EmulatedFleet(scenario.Parts.SelectMany(p => p.Devices), door.Endpoint, store, clock, log)) await fleet.RunAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }

    /// <summary>One process seeds, once: a mark in the store says who began and whether it ended. What was half written is written again; that harms nothing.</summary>
    private async Task SeedOnceAsync(long twins, CancellationToken cancellationToken)
    {
        var mark = $"{settings.Cluster}/seeded";
        var database = redis.GetDatabase();
        if (await database.StringGetAsync(mark) == "done" || (twins > 0 && (await database.StringGetAsync(mark)).IsNull)) return;
        await database.StringSetAsync(mark, "begun");
        foreach (var part in scenario.Parts)
        {
            readiness.WaitFor($"the {part.Name} to be generated");
            await SeedAsync(part, cancellationToken);
        }

        await database.StringSetAsync(mark, "done");
    }

    private async Task SeedAsync(Scenario part, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        var models = await store.AddModelsAsync(part.Models, cancellationToken);
        if (!models.IsDone && models.Status != TwinStatus.Conflict) throw new InvalidOperationException($"The {part.Name}'s models were refused: {models.Problem?.Detail}");
        await PutAsync(part.Twins, cancellationToken);
        await PutAsync(part.Relationships, cancellationToken);
        log.LogInformation("Generated {Name}: {Twins} twins, {Relationships} relationships in {Seconds:F2} s.", part.Name, part.Twins.Count, part.Relationships.Count, clock.GetElapsedTime(started).TotalSeconds);
    }

    private async Task PutAsync(IReadOnlyList<TwinCommand> commands, CancellationToken cancellationToken)
    {
        foreach (var chunk in commands.Chunk(Chunk))
        {
            var results = await store.ExecuteManyAsync(chunk, cancellationToken);
            var refused = Array.FindIndex(results, r => !r.IsDone);
            if (refused >= 0) throw new InvalidOperationException($"{chunk[refused].GetType().Name} of '{chunk[refused].TwinId}' was refused: {results[refused].Problem?.Detail}");
        }
    }
}
