using System.Text;
using Orleans;
using Orleans.Concurrency;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Grains.Tests.Ledger;

/// <summary>Books on two silos: what is said between them, and what a restart keeps.</summary>
public sealed class LedgerClusterTests
{
    private static PolicySubject Anna { get; } = new("key:anna", ["night"], Permissions.Read | Permissions.Write);

    private static LedgerKey Key => LedgerKey.New(TimeProvider.System);

    private static LedgerAmount Cents(int cents) => new(cents, 2);

    private static async Task<LedgerResult[]> RunAsync(ILedgerBookGrain book, PolicySubject? subject, params LedgerCommand[] commands) =>
        (await book.TransferManyAsync(new Immutable<LedgerCall>(new LedgerCall(commands, subject, 0)))).Value.Results;

    private static async Task SetUpAsync(IGrainFactory grains, string book)
    {
        Assert.Equal(TwinStatus.Created, (await grains.GetGrain<ILedgerDirectoryGrain>(0).AddAsync(book, null, 0)).Status);
        var made = await RunAsync(grains.GetGrain<ILedgerBookGrain>(book), null, new OpenAccount("mint", LedgerAccountKind.Issuing, null), new OpenAccount("anna", LedgerAccountKind.Ordinary, "key:anna"),
            new OpenAccount("bert", LedgerAccountKind.Ordinary, null), new DefineAsset("eur", LedgerAssetKind.Fungible, 2, "mint"), new DefineAsset("gig", LedgerAssetKind.Unique, 0, "mint"),
            new PostTransfer(Key, [new LedgerLeg("mint", "anna", "eur", Cents(1_000_000))]), new IssueItems(Key, "gig", "anna", ["seat-1"]));
        Assert.All(made, r => Assert.True(r.IsDone, r.Problem?.Detail));
    }

    [Fact]
    public async Task An_account_is_the_same_from_both_silos_and_after_a_restart()
    {
        await using var world = await new World { Silos = 2 }.StartAsync();
        string[] books = ["north", "south", "east", "west"];
        foreach (var book in books) await SetUpAsync(world.GrainsOf(0), book);
        var pays = new Dictionary<(string, int), (LedgerKey Key, LedgerResult Result)>();
        foreach (var book in books)
            for (var silo = 0; silo < 2; silo++)
            {
                var account = world.GrainsOf(silo).GetGrain<ILedgerAccountGrain>($"{book}/anna");
                var key = Key;
                pays[(book, silo)] = (key, await account.TransferAsync(key, "bert", "eur", Cents(50), null, Anna));
                Assert.True(pays[(book, silo)].Result.IsDone);
                Assert.Equal(TwinStatus.Forbidden, (await account.TransferAsync(Key, "bert", "eur", Cents(50), null, new PolicySubject("key:carl", [], Permissions.All & ~Permissions.Administer))).Status);
                var hold = await account.HoldAsync(Key, "bert", "eur", Cents(10), null, WallTime.Now(TimeProvider.System) + TimeSpan.FromHours(1), Anna);
                Assert.Equal((Cents(10), true), ((await account.BalanceAsync("eur", Anna))!.Held, (await account.ReleaseAsync(Key, hold.Number, null)).IsDone));
            }

        var admission = new AdmitTicket(Key, "gig", "seat-1", "gate", "anna");
        Assert.True((await world.GrainsOf(1).GetGrain<ILedgerBookGrain>("north").AdmitAsync(admission, null, 0)).IsDone);
        await world.StopAsync();
        await world.StartAsync();
        foreach (var ((book, silo), pay) in pays)
        {
            var account = world.GrainsOf(1 - silo).GetGrain<ILedgerAccountGrain>($"{book}/anna");
            Assert.Equal(Cents(1_000_000 - 100), (await account.BalanceAsync("eur", Anna))!.Balance);
            var again = await account.TransferAsync(pay.Key, "bert", "eur", Cents(50), null, Anna);
            Assert.Equal((pay.Result.Number, pay.Result.Time, true), (again.Number, again.Time, again.IsRepeat));
            Assert.Contains("\"other\":\"bert\"", Encoding.UTF8.GetString((await account.StatementAsync(null, 10, Anna)).Value.Json), StringComparison.Ordinal);
        }

        Assert.Equal("TicketUsed", (await world.GrainsOf(0).GetGrain<ILedgerBookGrain>("north").AdmitAsync(admission with { Key = Key }, null, 0)).Problem?.Code);
        Assert.Equal(["east", "north", "south", "west"], await world.GrainsOf(0).GetGrain<ILedgerDirectoryGrain>(0).ListAsync());
    }

    [Fact]
    public async Task Many_callers_on_one_hot_account_are_each_done_once_though_each_sends_twice()
    {
        await using var world = await new World { Silos = 2 }.StartAsync();
        await SetUpAsync(world.GrainsOf(0), "main");
        var results = await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            var (key, rail) = (Key, new BookRail(world.GrainsOf(i % 2), world.Policies, "main", null));
            var transfer = new PostTransfer(key, [new LedgerLeg("anna", "bert", "eur", Cents(1))]);
            var both = await Task.WhenAll(rail.PostAsync([transfer]).AsTask(), rail.PostAsync([transfer]).AsTask());
            Assert.Equal(both[0][0].Number, both[1][0].Number);
            Assert.NotEqual(both[0][0].IsRepeat, both[1][0].IsRepeat);
            return both[0][0].Number;
        }));
        Assert.Equal(200, results.Distinct().Count());
        Assert.Equal(Cents(200), (await new BookRail(world.Grains, world.Policies, "main", null).BalanceAsync("bert", "eur"))!.Balance);
    }

    [Fact]
    public async Task A_book_that_was_not_made_answers_so_and_is_there_once_it_is_made()
    {
        await using var world = await new World().StartAsync();
        var book = world.Grains.GetGrain<ILedgerBookGrain>("main");
        Assert.Equal("BookNotFound", (await RunAsync(book, null, new OpenAccount("anna", LedgerAccountKind.Ordinary, null)))[0].Problem?.Code);
        await SetUpAsync(world.Grains, "main");
    }
}
