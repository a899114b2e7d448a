using System.Diagnostics;
using System.Text;
using Orleans.Concurrency;
using Twin.Model;

namespace Twin.Grains.Tests;

/// <summary>Two-phase commit, stopped after each of its steps by the death of everybody, then started again.</summary>
public sealed class TransactionStepTests
{
    private const string Lamp = """
        {"@id":"dtmi:test:Lamp;1","@type":"Interface","@context":"dtmi:dtdl:context;3","contents":[{"@type":"Property","name":"level","schema":"double"}]}
        """;

    private static PatchTwin Level(string id, double level) => new(id, [new PatchOperation(PatchVerb.Add, "level", PropertyValue.From(level))]);

    private static string TwinOf(int shard, int number)
    {
        for (var i = 0; ; i++)
            if ($"lamp-{number}-{i}" is var id && ShardMap.ShardOf(id, 2) == shard) return id;
    }

    private static async Task<bool> HasAsync(ITwinStore store, string id, double level) =>
        Encoding.UTF8.GetString((await store.GetTwinAsync(id)).Json.Span).Contains($"\"level\":{level}", StringComparison.Ordinal);

    [Fact]
    public async Task Whatever_step_everybody_dies_after_both_shards_do_it_or_neither_and_the_twins_are_free_again()
    {
        await using var world = await new World { Options = new TwinGrainOptions { ShardCount = 2, DoubtAfter = TimeSpan.FromMilliseconds(50) } }.StartAsync();
        Assert.True((await world.Store.AddModelsAsync([Lamp])).IsDone);
        for (var step = 0; step < 4; step++)
            for (var shard = 0; shard < 2; shard++) Assert.True((await world.Store.ExecuteAsync(new PutTwin(TwinOf(shard, step), "dtmi:test:Lamp;1", []))).IsDone);
        for (var step = 0; step < 4; step++) await RunAsync(world, step);
        await RepeatAsync(world);
        await world.StopAsync();
        await world.StartAsync();
        var deadline = Stopwatch.StartNew();
        for (var step = 0; step < 4; step++)
        {
            var isCommitted = step >= 2; // from the coordinator's decision on
            for (var shard = 0; shard < 2; shard++)
            {
                while (await HasAsync(world.Store, TwinOf(shard, step), 7) != isCommitted)
                {
                    Assert.True(deadline.Elapsed < TimeSpan.FromSeconds(40), $"step {step}, shard {shard} is still {(isCommitted ? "not done" : "done")}");
                    await Task.Delay(100, TestContext.Current.CancellationToken);
                }

                Assert.True((await world.Store.ExecuteAsync(Level(TwinOf(shard, step), 9))).IsDone); // not reserved any more
            }

            // A driver that comes back late tells its decision again: nothing is done twice, and nothing that was given up.
            for (var shard = 0; shard < 2; shard++)
            {
                await world.Grains.GetGrain<ITwinShardGrain>($"live/{shard}").DecideAsync($"0.tx{step}/{shard}", commit: true);
                Assert.True(await HasAsync(world.Store, TwinOf(shard, step), 9), $"step {step}, shard {shard} was done twice");
            }
        }
    }

    private static async Task RepeatAsync(World world)
    {
        for (var shard = 0; shard < 2; shard++) Assert.True((await world.Store.ExecuteAsync(Level(TwinOf(shard, 3), 8))).IsDone);
        await RunAsync(world, 3); // every step of a finished one again
        for (var shard = 0; shard < 2; shard++)
        {
            Assert.True(await HasAsync(world.Store, TwinOf(shard, 3), 8), $"shard {shard} did it twice");
            Assert.True((await world.Store.ExecuteAsync(Level(TwinOf(shard, 3), 7))).IsDone);
        }
    }

    // The driver's steps: prepare at 0, prepare at 1, decide at 0, decide at 1.
    private static async Task RunAsync(World world, int last)
    {
        var id = $"0.tx{last}";
        for (var step = 0; step <= last; step++)
        {
            var shard = step % 2;
            var grain = world.Grains.GetGrain<ITwinShardGrain>($"live/{shard}");
            if (step < 2) Assert.True((await grain.PrepareAsync($"{id}/{shard}", new Immutable<TwinCommandList>(new TwinCommandList([Level(TwinOf(shard, last), 7)])), true, 0)).Value.IsPrepared);
            else await grain.DecideAsync($"{id}/{shard}", commit: true);
        }
    }
}
