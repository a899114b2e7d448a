using System.Buffers;
using System.Numerics;
using System.Text.Json;
using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Accounts.Tests;

/// <summary>Random histories (seeds in the data) against the obvious evaluator.</summary>
public sealed class AgainstPlainLedgerTests
{
    private const int Steps = 4_000;

    public static TheoryData<ulong> Seeds => [1, 2, 3, 4, 5, 6, 7, 8];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_answer_and_balance_is_the_plain_evaluators_and_it_always_adds_up(ulong seed)
    {
        var (book, plain, commands) = (new LedgerBook(new LedgerBookOptions()), new PlainLedger(), new RandomCommands(seed));
        foreach (var command in RandomCommands.Setup) Assert.Equal(plain.Run(command, commands.Now.UtcTicks), book.Execute(command, commands.Now).Number);
        var (done, repeats, refused) = (0, 0, 0);
        for (var step = 0; step < Steps; step++)
        {
            var command = commands.Next(book.LastNumber);
            while (book.TryNextExpiry(commands.Now, out var expiry)) Assert.True(book.Execute(expiry!, commands.Now).IsDone);
            var result = book.Execute(command, commands.Now);
            var expected = plain.Run(command, commands.Now.UtcTicks);
            Assert.True(expected == (result is { IsRepeat: true } && command is not KeyedCommand ? 0 : result.Number), $"Step {step} of seed {seed}: {command} ended with {result}; {expected} was expected.");
            if (result.IsRepeat) repeats++;
            else if (result.IsDone) done++;
            else refused++;
            if (step % 50 == 0) Same(book, plain);
        }

        Same(book, plain);
        Assert.True(done > 500 && repeats > 50 && refused > 200, $"{done} done, {repeats} repeats, {refused} refused");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_journal_or_a_snapshot_and_the_rest_of_it_give_the_same_state_to_the_bit(ulong seed)
    {
        var (book, commands) = (new LedgerBook(Small), new RandomCommands(seed));
        var (journal, snapshot, cut) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>(), 0);
        foreach (var command in RandomCommands.Setup) Keep(journal, command, book.Execute(command, commands.Now));
        for (var step = 0; step < Steps; step++)
        {
            if (step == Steps / 2)
            {
                book.WriteSnapshot(snapshot);
                cut = journal.WrittenCount;
            }

            while (book.TryNextExpiry(commands.Now, out var expiry)) Keep(journal, expiry!, book.Execute(expiry!, commands.Now));
            var next = commands.Next(book.LastNumber);
            Keep(journal, next, book.Execute(next, commands.Now));
        }

        var replayed = new LedgerBook(Small);
        LedgerEntries.Replay(journal.WrittenSpan, replayed);
        Assert.Equal(book.StateHash(), replayed.StateHash());
        var resumed = new LedgerBook(Small);
        resumed.ReadSnapshot(snapshot.WrittenSpan);
        LedgerEntries.Replay(journal.WrittenSpan[cut..], resumed);
        Assert.Equal(book.StateHash(), resumed.StateHash());
        Assert.Empty(resumed.Audit());
    }

    [Fact]
    public void A_snapshot_with_one_bit_turned_is_refused_wherever_it_is()
    {
        var (book, commands) = (new LedgerBook(Small), new RandomCommands(9));
        foreach (var command in RandomCommands.Setup) book.Execute(command, commands.Now);
        for (var step = 0; step < 100; step++) book.Execute(commands.Next(book.LastNumber), commands.Now);
        var bytes = new ArrayBufferWriter<byte>();
        book.WriteSnapshot(bytes);
        for (var at = 0; at < bytes.WrittenCount; at += 7)
        {
            var damaged = bytes.WrittenSpan.ToArray();
            damaged[at] ^= (byte)(1 << (at % 8));
            Assert.Throws<InvalidDataException>(() => new LedgerBook(Small).ReadSnapshot(damaged));
        }
    }

    // Keys and statement lines are forgotten while it runs.
    private static LedgerBookOptions Small => new() { MostKeys = 300, PostingsKept = 200 };

    private static void Keep(ArrayBufferWriter<byte> journal, LedgerCommand command, LedgerResult result)
    {
        if (result is { IsDone: true, IsRepeat: false }) LedgerEntries.Write(journal, command, result.Time);
    }

    private static void Same(LedgerBook book, PlainLedger plain)
    {
        Assert.Equal(plain.Number, book.LastNumber);
        Assert.Empty(book.Audit());
        foreach (var ((account, asset), units) in plain.Balances)
        {
            var balance = book.BalanceOf(account, asset)!.Value;
            Assert.Equal((units, plain.HeldOf(account, asset)), ((BigInteger)balance.Balance.Units, (BigInteger)balance.Held.Units));
        }

        foreach (var sum in plain.Balances.GroupBy(b => b.Key.Asset)) Assert.Equal(BigInteger.Zero, sum.Aggregate(BigInteger.Zero, (s, b) => s + b.Value));
        foreach (var ((asset, id), item) in plain.Items.Take(20))
        {
            var ticket = JsonDocument.Parse(book.Read(new LedgerRead(LedgerView.Ticket, asset, id)).Json).RootElement;
            Assert.Equal((item.Owner, item.IsUsed), (ticket.GetProperty("holder").GetString(), ticket.TryGetProperty("usedAt", out _)));
        }
    }
}
