using System.Text.Json;
using Twin.Model.Ledger;
using Twin.Sdk;

namespace Twin.Clients.Tests;

/// <summary>The ledger's calls of the SDK: what is sent, what is repeated, what is read.</summary>
public sealed class LedgerClientTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static PostTransfer Pay(string amount) =>
        new(LedgerKey.New(TimeProvider.System), [new LedgerLeg("anna", "bert", "eur", LedgerAmount.TryParse(amount, out var units) ? units : throw new ArgumentException(amount))]);

    [Fact]
    public async Task Transfers_are_sent_again_after_503_with_the_same_keys_and_each_outcome_is_told()
    {
        var calls = 0;
        await using var server = await FakeServer.StartAsync((context, seen) =>
        {
            if (calls++ > 0) return FakeServer.JsonAsync(context, """{"results":[{"status":201,"number":7,"time":"2026-05-01T12:00:00.0000000Z","repeat":true},{"status":409,"code":"FundsInsufficient","detail":"no","where":"amount"}]}""");
            context.Response.Headers.RetryAfter = "0";
            return FakeServer.ProblemAsync(context, 503, "StoreUnavailable", "later", "book");
        });
        using var client = new TwinClient(server.Address);
        var outcomes = await client.TransferManyAsync("main", [Pay("12.50"), Pay("0.000000000000000001")], Cancel);
        Assert.Equal((201, 7, true), (outcomes[0].Status, outcomes[0].Entry!.Number, outcomes[0].Entry!.IsRepeat));
        Assert.Equal(("FundsInsufficient", null), (outcomes[1].Code, outcomes[1].Entry));
        var sent = server.Seen.ToArray();
        Assert.Equal(("POST", "/ledger/main/transfers", 2), (sent[0].Method, sent[0].Path, sent.Length));
        Assert.Equal(sent[0].Body, sent[1].Body);
        var legs = JsonDocument.Parse(sent[0].Text).RootElement.GetProperty("transfers").EnumerateArray().Select(t => t.GetProperty("legs")[0].GetProperty("amount").GetString());
        Assert.Equal(["12.50", "0.000000000000000001"], legs);
    }

    [Fact]
    public async Task A_statement_is_read_page_after_page_and_a_replayed_answer_says_so()
    {
        await using var server = await FakeServer.StartAsync((context, seen) =>
        {
            if (seen.Method == "GET") return FakeServer.JsonAsync(context, seen.Path.EndsWith("continuationToken=5", StringComparison.Ordinal) ? """{"value":[{"number":1}],"continuationToken":null}""" : """{"value":[{"number":3},{"number":2}],"continuationToken":"5"}""");
            context.Response.Headers["Idempotent-Replayed"] = "true";
            return FakeServer.JsonAsync(context, """{"hold":9,"time":"2026-05-01T12:00:00Z"}""", 201);
        });
        using var client = new TwinClient(server.Address);
        var numbers = new List<int>();
        await foreach (var line in client.ReadStatementAsync("main", "anna", Cancel)) numbers.Add(line.GetProperty("number").GetInt32());
        Assert.Equal([3, 2, 1], numbers);
        var hold = await client.HoldAsync("main", LedgerKey.New(TimeProvider.System), Pay("5").Legs[0], DateTimeOffset.UnixEpoch, Cancel);
        Assert.Equal((9, true), (hold.Number, hold.IsRepeat));
    }
}
