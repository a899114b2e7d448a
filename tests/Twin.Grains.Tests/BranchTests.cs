using System.Text;
using System.Text.Json;
using Twin.Grains.Branches;
using Twin.Model;

namespace Twin.Grains.Tests;

/// <summary>Branches over real grains and journals: forked at one moment, apart from then on, durable, and gone when dropped.</summary>
public sealed class BranchTests
{
    private const string Lamp = """
        {"@id":"dtmi:test:Lamp;1","@type":"Interface","@context":"dtmi:dtdl:context;3","contents":[{"@type":"Property","name":"power","schema":"double","writable":true},{"@type":"Relationship","name":"near"}]}
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_branch_begins_as_the_world_is_and_neither_sees_what_the_other_does()
    {
        await using var world = await OpenAsync();
        await FillAsync(world.Store, 40);
        var record = await ForkAsync(world, "plan");
        Assert.Equal((4, "live"), (record.Bases.Length, record.Parent));
        var plan = (await world.Branches.FindAsync("plan", Cancel))!;
        Assert.Equal(await PowersAsync(world.Store), await PowersAsync(plan));
        Assert.Equal(await LinksAsync(world.Store), await LinksAsync(plan));
        for (var i = 0; i < 40; i++) Assert.True((await plan.ExecuteAsync(Power($"lamp-{i}", i + 1_000))).IsDone);
        Assert.True((await plan.ExecuteAsync(new PutRelationship("lamp-1", "far", "near", "lamp-9", []))).IsDone); // over two shards
        Assert.True((await plan.ExecuteAsync(new DeleteTwin("lamp-3") { Cascade = true })).IsDone);
        Assert.True((await world.Store.ExecuteAsync(new PutTwin("lamp-new", "dtmi:test:Lamp;1", [new Assignment("power", PropertyValue.From(5.0))]))).IsDone);
        Assert.Equal(Enumerable.Range(0, 40).Select(i => (double)i).Append(5).Order(), (await PowersAsync(world.Store)).Values.Order());
        Assert.Equal(Enumerable.Range(0, 40).Where(i => i != 3).Select(i => i + 1_000.0), (await PowersAsync(plan)).Values.Order());
        Assert.Equal(TwinStatus.NotFound, (await plan.GetTwinAsync("lamp-new", Cancel)).Status);
        Assert.Equal(TwinStatus.NotFound, (await world.Store.GetRelationshipAsync("lamp-1", "far", Cancel)).Status);
        var counted = await world.Store.QueryAsync(new QueryRequest("SELECT COUNT() FROM DIGITALTWINS T IN BRANCH 'plan' WHERE T.power >= 1000"), Cancel);
        Assert.Contains("39", Encoding.UTF8.GetString(counted.Rows[0].Span), StringComparison.Ordinal);
        Assert.Equal("BranchNotFound", (await world.Store.QueryAsync(new QueryRequest("SELECT * FROM DIGITALTWINS T IN BRANCH 'nope' WHERE T.power > 1"), Cancel)).Problem!.Code);
    }

    [Fact]
    public async Task A_branch_of_a_branch_begins_as_that_one_is()
    {
        await using var world = await OpenAsync();
        await FillAsync(world.Store, 10);
        await ForkAsync(world, "a");
        var a = (await world.Branches.FindAsync("a", Cancel))!;
        await a.ExecuteAsync(Power("lamp-2", 77));
        await ForkAsync(world, "b", "a");
        var b = (await world.Branches.FindAsync("b", Cancel))!;
        Assert.Equal(77, (await PowersAsync(b))["lamp-2"]);
        Assert.True(await world.Branches.DropAsync("a"));
        await b.ExecuteAsync(Power("lamp-4", 78)); // it needs its parent no more
        Assert.Equal((77, 78), ((await PowersAsync(b))["lamp-2"], (await PowersAsync(b))["lamp-4"]));
        Assert.Equal(2, (await PowersAsync(world.Store))["lamp-2"]);
    }

    [Fact]
    public async Task What_was_answered_on_a_branch_is_there_after_all_silos_were_gone()
    {
        await using var world = await OpenAsync();
        await FillAsync(world.Store, 20);
        await ForkAsync(world, "plan");
        var plan = (await world.Branches.FindAsync("plan", Cancel))!;
        await plan.ExecuteAsync(Power("lamp-5", 500));
        await world.Store.ExecuteAsync(Power("lamp-6", 600));
        var (before, hash) = (await PowersAsync(plan), (await plan.GetTwinAsync("lamp-5", Cancel)).Version);
        for (var restart = 0; restart < 2; restart++)
        {
            await world.StopAsync();
            await world.StartAsync();
            plan = (await world.Branches.FindAsync("plan", Cancel))!;
            Assert.Equal(before, await PowersAsync(plan));
            Assert.Equal(hash, (await plan.GetTwinAsync("lamp-5", Cancel)).Version);
            Assert.Equal(600, (await PowersAsync(world.Store))["lamp-6"]);
            Assert.True((await plan.ExecuteAsync(Power("lamp-7", before["lamp-7"]))).IsDone); // and it can be written
        }

        Assert.Equal("plan", Assert.Single(await world.Branches.ListAsync()).Id);
    }

    [Fact]
    public async Task A_branch_that_is_dropped_or_expires_is_gone_and_its_name_is_free()
    {
        await using var world = await OpenAsync();
        await FillAsync(world.Store, 10);
        await ForkAsync(world, "plan");
        var plan = (await world.Branches.FindAsync("plan", Cancel))!;
        await plan.ExecuteAsync(Power("lamp-1", 99));
        Assert.True(await world.Branches.DropAsync("plan"));
        Assert.False(await world.Branches.DropAsync("plan"));
        Assert.Null(await world.Branches.FindAsync("plan", Cancel));
        Assert.Equal(TwinStatus.Unavailable, (await plan.ExecuteAsync(Power("lamp-1", 98))).Status); // one who still has it in hand
        await world.Store.ExecuteAsync(Power("lamp-1", 7));
        await ForkAsync(world, "plan");
        Assert.Equal(7, (await PowersAsync((await world.Branches.FindAsync("plan", Cancel))!))["lamp-1"]); // nothing of the one before
        var short_ = await world.Branches.CreateAsync(new BranchRequest("short", "live", null, TimeSpan.FromSeconds(1), null));
        Assert.NotNull(short_.Branch!.Expires);
        for (var tries = 0; await world.Branches.GetAsync("short") is not null; tries++)
        {
            Assert.True(tries < 200, "it did not expire");
            await Task.Delay(100, Cancel);
        }
    }

    [Fact]
    public async Task What_cannot_be_a_branch_is_refused_by_name()
    {
        await using var world = await OpenAsync();
        foreach (var (id, from, code) in new[] { ("", "live", "BranchInvalid"), ("live", "live", "BranchInvalid"), ("Plan", "live", "BranchInvalid"), ("../x", "live", "BranchInvalid"), (new string('a', 49), "live", "BranchInvalid"), ("plan", "none", "ParentNotFound") })
            Assert.Equal(code, (await world.Branches.CreateAsync(new BranchRequest(id, from, null, null, null))).Problem!.Code);
        Assert.Equal("BranchInvalid", (await world.Branches.CreateAsync(new BranchRequest("plan", "live", null, TimeSpan.Zero, null))).Problem!.Code);
        await ForkAsync(world, "plan");
        Assert.Equal("BranchExists", (await world.Branches.CreateAsync(new BranchRequest("plan", "live", null, null, null))).Problem!.Code);
    }

    /// <summary>Writers move a token from lamp to lamp over all shards, in transactions, while branches are forked: in each there is exactly one.</summary>
    [Fact]
    public async Task A_fork_under_transactions_over_all_shards_has_each_of_them_whole_or_not_at_all()
    {
        await using var world = await OpenAsync();
        await FillAsync(world.Store, 24);
        for (var token = 0; token < 4; token++) await world.Store.ExecuteAsync(Power($"lamp-{token * 6}", 100));
        for (var i = 0; i < 24; i++) if (i % 6 != 0) await world.Store.ExecuteAsync(Power($"lamp-{i}", 0));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var moves = 0;
        var writers = Enumerable.Range(0, 4).Select(token => Task.Run(async () =>
        {
            for (var (at, turn) = (0, 0); !stop.IsCancellationRequested; turn++)
            {
                var to = (at + 1 + (turn % 5)) % 6;
                var results = await world.Store.ExecuteAtomicAsync([Power($"lamp-{(token * 6) + at}", at == to ? 100 : 0), Power($"lamp-{(token * 6) + to}", 100)], Cancel);
                if (!results.All(r => r.IsDone)) continue;
                at = to;
                Interlocked.Increment(ref moves);
            }
        }, Cancel)).ToArray();
        var forked = 0;
        for (var i = 0; i < 12; i++)
        {
            var answer = await world.Branches.CreateAsync(new BranchRequest($"b{i}", "live", null, null, null));
            if (answer.Problem is { } busy)
            {
                Assert.Equal("ForkBusy", busy.Code);
                continue;
            }

            forked++;
            var powers = await PowersAsync((await world.Branches.FindAsync($"b{i}", Cancel))!);
            for (var token = 0; token < 4; token++) Assert.Equal(100, Enumerable.Range(token * 6, 6).Sum(l => powers[$"lamp-{l}"]));
        }

        await stop.CancelAsync();
        await Task.WhenAll(writers);
        Assert.True(forked >= 3 && moves > 20, $"{forked} forks, {moves} moves");
    }

    [Fact]
    public async Task Over_two_silos_a_branch_is_the_same_from_both()
    {
        await using var world = await new World { Silos = 2 }.StartAsync();
        Assert.True((await world.Store.AddModelsAsync([Lamp])).IsDone);
        await FillAsync(world.Store, 40);
        await ForkAsync(world, "plan");
        var (one, other) = ((await world.BranchesOf(0).FindAsync("plan", Cancel))!, (await world.BranchesOf(1).FindAsync("plan", Cancel))!);
        for (var i = 0; i < 40; i++) Assert.True((await (i % 2 == 0 ? one : other).ExecuteAsync(Power($"lamp-{i}", i + 500))).IsDone);
        Assert.Equal(await PowersAsync(one), await PowersAsync(other));
        Assert.Equal(539, (await PowersAsync(other))["lamp-39"]);
        Assert.Equal(39, (await PowersAsync(world.Store))["lamp-39"]);
    }

    private static async Task<World> OpenAsync()
    {
        var world = await new World().StartAsync();
        Assert.True((await world.Store.AddModelsAsync([Lamp])).IsDone);
        return world;
    }

    private static async Task<BranchRecord> ForkAsync(World world, string branch, string from = "live")
    {
        var answer = await world.Branches.CreateAsync(new BranchRequest(branch, from, "test", null, null));
        Assert.Null(answer.Problem);
        return answer.Branch!;
    }

    private static async Task FillAsync(ITwinStore store, int count)
    {
        for (var i = 0; i < count; i++) Assert.True((await store.ExecuteAsync(new PutTwin($"lamp-{i}", "dtmi:test:Lamp;1", [new Assignment("power", PropertyValue.From((double)i))]))).IsDone);
        for (var i = 1; i < count; i++) Assert.True((await store.ExecuteAsync(new PutRelationship($"lamp-{i}", "r", "near", $"lamp-{i - 1}", []))).IsDone);
    }

    private static PatchTwin Power(string id, double power) => new(id, [new PatchOperation(PatchVerb.Add, "power", PropertyValue.From(power))]);

    private static async Task<SortedDictionary<string, double>> PowersAsync(ITwinStore store)
    {
        var page = await store.QueryAsync(new QueryRequest("SELECT T.$dtId AS id, T.power AS power FROM DIGITALTWINS T WHERE IS_DEFINED(T.power)", PageSize: 1_000), Cancel);
        Assert.Equal(TwinStatus.Ok, page.Status);
        return new(page.Rows.Select(r => JsonDocument.Parse(r).RootElement).ToDictionary(r => r.GetProperty("id").GetString()!, r => r.GetProperty("power").GetDouble()), StringComparer.Ordinal);
    }

    private static async Task<string[]> LinksAsync(ITwinStore store)
    {
        var page = await store.QueryAsync(new QueryRequest("SELECT R.$sourceId AS s, R.$targetId AS t FROM RELATIONSHIPS R", PageSize: 1_000), Cancel);
        return [.. page.Rows.Select(r => Encoding.UTF8.GetString(r.Span)).Order(StringComparer.Ordinal)];
    }
}
