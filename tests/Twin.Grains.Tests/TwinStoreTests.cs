using System.Text.Json;
using Twin.Model;

namespace Twin.Grains.Tests;

public sealed class TwinStoreTests
{
    private const string Lamp = """
        {"@id":"dtmi:test:Lamp;1","@type":"Interface","@context":"dtmi:dtdl:context;3","contents":[
         {"@type":"Property","name":"level","schema":"double"},{"@type":"Relationship","name":"feeds"}]}
        """;

    private static async Task<ITwinStore> PrepareAsync(World world, int twins)
    {
        var added = await world.Store.AddModelsAsync([Lamp]);
        Assert.Equal(TwinStatus.Created, added.Status);
        for (var i = 0; i < twins; i++) Assert.Equal(TwinStatus.Created, (await world.Store.ExecuteAsync(new PutTwin($"lamp-{i}", "dtmi:test:Lamp;1", []))).Status);
        return world.Store;
    }

    private static PatchTwin Level(string id, double level) => new(id, [new PatchOperation(PatchVerb.Add, "level", PropertyValue.From(level))]);

    private static async Task<double> LevelAsync(ITwinStore store, string id)
    {
        var document = await store.GetTwinAsync(id);
        Assert.Equal(TwinStatus.Ok, document.Status);
        using var json = JsonDocument.Parse(document.Json);
        return json.RootElement.GetProperty("level").GetDouble();
    }

    [Fact]
    public async Task A_read_after_an_acknowledged_write_sees_it_under_concurrency_and_over_two_silos()
    {
        await using var world = await new World { Silos = 2 }.StartAsync();
        var store = await PrepareAsync(world, 40);
        var other = world.StoreOf(1);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            for (var round = 1; round <= 25; round++)
            {
                Assert.True((await store.ExecuteAsync(Level($"lamp-{i}", round))).IsDone);
                Assert.Equal(round, await LevelAsync(round % 2 == 0 ? other : store, $"lamp-{i}"));
            }
        }));
    }

    [Fact]
    public async Task A_feed_goes_on_over_a_restart_without_gap_or_duplicate_and_state_is_back()
    {
        await using var world = await new World { Options = new TwinGrainOptions { ShardCount = 1, FeedRing = 1_024 } }.StartAsync();
        var store = await PrepareAsync(world, 4);
        for (var i = 0; i < 1_500; i++) Assert.True((await store.ExecuteAsync(Level("lamp-1", i))).IsDone);
        var seen = await FollowAsync(store, 0, 700);
        await world.StopAsync();
        await world.StartAsync();
        for (var i = 1_500; i < 1_600; i++) Assert.True((await world.Store.ExecuteAsync(Level("lamp-1", i))).IsDone);
        seen.AddRange(await FollowAsync(world.Store, seen[^1].Sequence, int.MaxValue));
        Assert.Equal(Enumerable.Range(0, 1_600).Select(i => (double)i), seen.Where(c => c.Kind == ChangeKind.PropertyChanged).Select(c => c.Value.AsNumber));
        Assert.Equal(1_599, await LevelAsync(world.Store, "lamp-1"));
    }

    [Fact]
    public async Task A_page_holds_whole_commits_from_memory_and_from_the_journal_unless_one_is_longer_than_a_page()
    {
        await using var world = await new World { Options = new TwinGrainOptions { ShardCount = 1 } }.StartAsync();
        var store = await PrepareAsync(world, 10);
        var start = (await store.ReadFeedAsync(0, -1, 1, TimeSpan.Zero)).Next;
        for (var round = 0; round < 20; round++)
            Assert.All(await store.ExecuteAtomicAsync([.. Enumerable.Range(0, 10).Select(i => (TwinCommand)Level($"lamp-{i}", round))]), r => Assert.True(r.IsDone));
        for (var life = 0; life < 2; life++)
        {
            foreach (var size in new[] { 7, 25 })
            {
                var seen = new List<Change>();
                for (var after = start; seen.Count < 200;)
                {
                    var page = await world.Store.ReadFeedAsync(0, after, size, TimeSpan.Zero);
                    Assert.InRange(page.Changes.Count, 1, size);
                    var patched = page.Changes.Where(c => c.Kind == ChangeKind.PropertyChanged).ToList(); // a new life begins with a commit of its own
                    if (size > 10) Assert.Equal(0, patched.Count % 10);
                    seen.AddRange(patched);
                    after = page.Next;
                }

                Assert.Equal(Enumerable.Range(0, 200).Select(i => (double)(i / 10)), seen.Select(c => c.Value.AsNumber));
            }

            if (life > 0) break;
            await world.StopAsync();
            await world.StartAsync();
        }
    }

    [Fact]
    public async Task Readers_that_come_and_go_see_every_change_once_and_in_order_per_twin_beside_concurrent_writers()
    {
        const int writers = 8, rounds = 300;
        await using var world = await new World { Options = new TwinGrainOptions { ShardCount = 1, FeedRing = 1_024 } }.StartAsync();
        var store = await PrepareAsync(world, writers);
        var start = (await store.ReadFeedAsync(0, -1, 1, TimeSpan.Zero)).Next;
        var writing = Task.WhenAll(Enumerable.Range(0, writers).Select(i => Task.Run(async () =>
        {
            for (var round = 0; round < rounds; round++) Assert.True((await store.ExecuteAsync(Level($"lamp-{i}", round))).IsDone);
        })));
        var readers = Enumerable.Range(1, 3).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            var (cursor, count, next) = (start, 0, new double[writers]);
            while (count < writers * rounds)
            {
                var page = await store.ReadFeedAsync(0, cursor, random.Next(1, 60), TimeSpan.FromSeconds(5));
                Assert.False(page.Reset);
                if (random.Next(4) == 0) continue; // gone before the page was kept: it is asked for again
                foreach (var change in page.Changes)
                {
                    var twin = int.Parse(change.TwinId.AsSpan(5), System.Globalization.CultureInfo.InvariantCulture);
                    Assert.Equal(next[twin]++, change.Value.AsNumber);
                    count++;
                }

                cursor = page.Next;
            }
        })).ToArray();
        await writing;
        await Task.WhenAll(readers).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    private static async Task<List<Change>> FollowAsync(ITwinStore store, long after, int most)
    {
        var seen = new List<Change>();
        while (seen.Count < most)
        {
            var page = await store.ReadFeedAsync(0, after, 100, TimeSpan.Zero);
            Assert.False(page.Reset);
            if (page.Changes.Count == 0) break;
            seen.AddRange(page.Changes);
            after = page.Next;
        }

        return seen;
    }

    [Fact]
    public async Task Relationships_between_shards_are_seen_from_both_ends_and_go_together_with_a_cascade()
    {
        await using var world = await new World().StartAsync();
        var store = await PrepareAsync(world, 12);
        for (var i = 1; i < 12; i++) Assert.Equal(TwinStatus.Created, (await store.ExecuteAsync(new PutRelationship("lamp-0", $"r{i}", "feeds", $"lamp-{i}", []))).Status);
        for (var i = 1; i < 12; i++) Assert.Single((await store.ListIncomingAsync($"lamp-{i}", 10, null)).Rows);
        Assert.Equal(TwinStatus.Conflict, (await store.ExecuteAsync(new DeleteTwin("lamp-0"))).Status);
        Assert.True((await store.ExecuteAsync(new DeleteTwin("lamp-0") { Cascade = true })).IsDone);
        for (var i = 1; i < 12; i++) Assert.Empty((await store.ListIncomingAsync($"lamp-{i}", 10, null)).Rows);
    }

    [Fact]
    public async Task A_batch_over_shards_is_done_whole_or_not_at_all()
    {
        await using var world = await new World().StartAsync();
        var store = await PrepareAsync(world, 8);
        var commands = Enumerable.Range(0, 8).Select(i => (TwinCommand)Level($"lamp-{i}", 7)).ToList();
        Assert.All(await store.ExecuteAtomicAsync(commands), r => Assert.True(r.IsDone));
        var refused = await store.ExecuteAtomicAsync([.. Enumerable.Range(0, 8).Select(i => (TwinCommand)Level($"lamp-{i}", 8)), Level("lamp-none", 8)]);
        Assert.Equal(TwinStatus.NotFound, refused[^1].Status);
        for (var i = 0; i < 8; i++) Assert.Equal(7, await LevelAsync(store, $"lamp-{i}"));
    }

    [Fact]
    public async Task A_cascade_takes_the_relationships_of_both_directions_over_all_shards()
    {
        await using var world = await new World().StartAsync();
        var store = await PrepareAsync(world, 24);
        var random = new Random(7);
        var links = new HashSet<(int From, int To)>();
        while (links.Count < 70) links.Add((random.Next(24), random.Next(24)));
        foreach (var (from, to) in links)
            Assert.True((await store.ExecuteAsync(new PutRelationship($"lamp-{from}", $"to-{to}", "feeds", $"lamp-{to}", []))).IsDone);

        // One alone, then two that may be linked to each other in one batch.
        int[][] batches = [[0], [1], [2, 3], [4, 5, 6], [7, 8, 9, 10, 11]];
        foreach (var batch in batches)
        {
            var results = await store.ExecuteAtomicAsync([.. batch.Select(i => new DeleteTwin($"lamp-{i}") { Cascade = true })]);
            Assert.All(results, r => Assert.True(r.IsDone, r.Problem?.Detail));
            links.RemoveWhere(l => batch.Contains(l.From) || batch.Contains(l.To));
            Assert.Equal(TwinStatus.NotFound, (await store.GetTwinAsync($"lamp-{batch[0]}")).Status);
        }

        // A relationship named in the batch beside the cascade that would take it.
        var (source, target) = links.First(l => l.From != l.To);
        var both = await store.ExecuteAtomicAsync([new DeleteRelationship($"lamp-{source}", $"to-{target}"), new DeleteTwin($"lamp-{target}") { Cascade = true }]);
        Assert.All(both, r => Assert.True(r.IsDone, r.Problem?.Detail));
        links.RemoveWhere(l => l.From == target || l.To == target);

        for (var i = 12; i < 24; i++)
        {
            if (i == target) continue;
            Assert.Equal(links.Count(l => l.From == i), (await store.ListRelationshipsAsync($"lamp-{i}", null, 100, null)).Rows.Count);
            Assert.Equal(links.Count(l => l.To == i), (await store.ListIncomingAsync($"lamp-{i}", 100, null)).Rows.Count);
        }
    }
}
