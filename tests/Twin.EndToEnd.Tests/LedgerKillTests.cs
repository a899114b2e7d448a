using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary>The ledger of the real silo, killed under load, and through the built command.</summary>
public sealed class LedgerKillTests
{
    [Theory]
    [InlineData("always")]
    [InlineData("100ms")]
    public async Task Killed_under_transfers_a_book_has_each_answered_one_once_and_adds_up(string fsync)
    {
        var folder = SiloProcess.NewFolder();
        Task<SiloProcess> StartAsync() => SiloProcess.StartAsync(folder, false, "--scenario", "none", "--history", "false", "--fsync", fsync);
        try
        {
            var silo = await StartAsync();
            var world = new LedgerWorld(200);
            await world.CreateAsync(silo.Http);
            var kills = new LedgerKills(world, writers: 4, batch: 10);
            for (var kill = 0; kill < 3; kill++) silo = await kills.RoundAsync(silo, 200 + (kill * 70), kill, StartAsync);
            await silo.DisposeAsync();
            Assert.True(kills.Acknowledged > 100, $"Only {kills.Acknowledged} transfers were answered.");
            Assert.Equal((0, 0), (kills.Lost, kills.Doubled));
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    [Fact]
    public async Task The_command_opens_pays_holds_issues_and_admits_once()
    {
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none", "--history", "false");
            Task<JsonNode> RunAsync(int exit, params string[] words) => TwinProgram.JsonAsync(silo, exit, ["ledger", .. words]);
            await RunAsync(0, "create", "main");
            await RunAsync(0, "account", "main", "mint", "--open", "--issuing");
            await RunAsync(0, "account", "main", "anna", "--open");
            await RunAsync(0, "account", "main", "bert", "--open");
            await RunAsync(0, "asset", "main", "eur", "--issuer", "mint", "--scale", "2");
            await RunAsync(0, "asset", "main", "gig", "--issuer", "mint", "--unique");
            var paid = await RunAsync(0, "transfer", "main", "mint", "anna", "20", "eur");
            var again = await RunAsync(0, "transfer", "main", "mint", "anna", "20", "eur", "--idempotency-key", paid["key"]!.GetValue<string>());
            Assert.Equal((paid["entry"]!.GetValue<long>(), true), (again["entry"]!.GetValue<long>(), again["repeat"]!.GetValue<bool>()));
            var hold = await RunAsync(0, "hold", "main", "anna", "bert", "15", "eur");
            Assert.Equal("FundsInsufficient", (await RunAsync(1, "transfer", "main", "anna", "bert", "6", "eur"))["error"]!["code"]!.GetValue<string>());
            await RunAsync(0, "capture", "main", $"{hold["hold"]}", "--amount", "12.50");
            Assert.Equal("7.50", (await RunAsync(0, "account", "main", "anna"))["balances"]![0]!["balance"]!.GetValue<string>());
            Assert.Equal(["capture", "hold", "transfer"], (await RunAsync(0, "statement", "main", "anna"))["lines"]!.AsArray().Select(l => l!["kind"]!.GetValue<string>()));
            await RunAsync(0, "issue", "main", "gig", "bert", "seat-1", "seat-2");
            await RunAsync(0, "admit", "main", "gig", "seat-1", "--gate", "north", "--holder", "bert");
            Assert.Equal("TicketUsed", (await RunAsync(1, "admit", "main", "gig", "seat-1", "--gate", "south", "--holder", "bert"))["error"]!["code"]!.GetValue<string>());
            Assert.Equal("north", (await RunAsync(0, "ticket", "main", "gig", "seat-1"))["gate"]!.GetValue<string>());
            Assert.Equal(3, (await RunAsync(0, "accounts", "main"))["count"]!.GetValue<int>());
            Assert.True((await RunAsync(0, "audit", "main"))["whole"]!.GetValue<bool>());
            await RunAsync(2, "transfer", "main", "anna", "bert", "1e3", "eur");
        }
        finally { Directory.Delete(folder, recursive: true); }
    }
}
