using System.Buffers;
using System.Text;
using System.Text.Json;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Accounts.Tests;

/// <summary>The rules one by one, in virtual time.</summary>
public sealed class LedgerRuleTests
{
    private WallTime _now = new(new DateTime(2026, 5, 1, 12, 0, 0, DateTimeKind.Utc).Ticks);
    private LedgerBook _book = Funded(new LedgerBookOptions());
    private int _keys;

    private static LedgerBook Funded(LedgerBookOptions options)
    {
        var book = new LedgerBook(options);
        foreach (var command in RandomCommands.Setup) Assert.True(book.Execute(command, new WallTime(RandomCommands.Start.Ticks)).IsDone);
        return book;
    }

    private LedgerKey Key(WallTime? at = null)
    {
        Assert.True(LedgerKey.TryMake($"k{_keys++}", at ?? _now, out var key, out _));
        return key;
    }

    private static LedgerAmount Amount(string text) => LedgerAmount.TryParse(text, out var amount) ? amount : throw new ArgumentException(text);

    private static PostTransfer Pay(LedgerKey key, string from, string to, string amount, string asset = "eur") => new(key, [new LedgerLeg(from, to, asset, Amount(amount))]);

    private LedgerResult Run(LedgerCommand command, LedgerRights? rights = null)
    {
        while (_book.TryNextExpiry(_now, out var expiry)) Assert.True(_book.Execute(expiry!, _now).IsDone);
        return _book.Execute(command, _now, rights);
    }

    private string Balance(string account, string asset = "eur") => _book.BalanceOf(account, asset)!.Value.Balance.ToString();

    private JsonElement Read(LedgerRead read) => JsonDocument.Parse(_book.Read(read).Json).RootElement;

    [Theory]
    [InlineData("0", "0", 0)]
    [InlineData("12.50", "12.50", 2)]
    [InlineData("-0.1", "-0.1", 1)]
    [InlineData("0.000000000000000001", "0.000000000000000001", 18)]
    [InlineData("1000000000000000000000000000000000000", "1000000000000000000000000000000000000", 0)]
    public void An_amount_reads_back_as_it_was_written(string text, string shown, int scale)
    {
        var amount = Amount(text);
        Assert.Equal((shown, scale), (amount.ToString(), amount.Scale));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1e3")]
    [InlineData("1.")]
    [InlineData(".5")]
    [InlineData("+1")]
    [InlineData("1,5")]
    [InlineData("0.0000000000000000001")]
    [InlineData("1000000000000000000000000000000000001")]
    [InlineData("999999999999999999999999999999999999999999999999999999999999999999999999999")]
    [InlineData("٣")]
    public void What_is_no_amount_is_not_read(string text) => Assert.False(LedgerAmount.TryParse(text, out _));

    [Theory]
    [InlineData("anna", "bert", "0", "eur", "AmountInvalid")]
    [InlineData("anna", "bert", "-1", "eur", "AmountInvalid")]
    [InlineData("anna", "bert", "1.005", "eur", "AmountInvalid")]
    [InlineData("anna", "bert", "1000000000000000000000000000000000000", "eur", "AmountInvalid")]
    [InlineData("anna", "bert", "10.01", "eur", "FundsInsufficient")]
    [InlineData("anna", "anna", "1", "eur", "AccountsSame")]
    [InlineData("nobody", "bert", "1", "eur", "AccountNotFound")]
    [InlineData("anna", "nobody", "1", "eur", "AccountNotFound")]
    [InlineData("anna", "bert", "1", "nothing", "AssetNotFound")]
    [InlineData("anna", "bert", "1", "gig", "ItemInvalid")]
    public void A_wrong_transfer_is_refused_by_name_and_changes_nothing(string from, string to, string amount, string asset, string code)
    {
        Assert.True(Run(Pay(Key(), "mint", "anna", "10")).IsDone);
        var before = _book.StateHash();
        var result = Run(Pay(Key(), from, to, amount, asset));
        Assert.Equal((code, 0L), (result.Problem?.Code, result.Number));
        Assert.NotNull(result.Problem!.Where);
        Assert.Equal(before, _book.StateHash());
    }

    [Fact]
    public void More_than_ten_to_the_36_units_are_not_issued_nor_piled_on_one_account()
    {
        Assert.True(Run(Pay(Key(), "mint", "anna", "9999999999999999999999999999999999")).IsDone);
        Assert.Equal("AmountTooLarge", Run(Pay(Key(), "mint", "bert", "2")).Problem?.Code);
        Assert.True(Run(Pay(Key(), "mint", "bert", "1")).IsDone);
        Assert.Empty(_book.Audit());
    }

    [Fact]
    public void All_legs_are_done_or_none_in_order_and_the_leg_that_fails_is_named()
    {
        Assert.True(Run(Pay(Key(), "mint", "anna", "10")).IsDone);
        LedgerLeg Leg(string from, string to, string amount) => new(from, to, "eur", Amount(amount));
        var before = _book.StateHash();
        var refused = Run(new PostTransfer(Key(), [Leg("anna", "bert", "10"), Leg("bert", "carl", "10"), Leg("bert", "anna", "0.01")]));
        Assert.Equal(("FundsInsufficient", "legs/2/amount"), (refused.Problem?.Code, refused.Problem?.Where));
        Assert.Equal(before, _book.StateHash());
        Assert.False(Run(new PostTransfer(Key(), [Leg("bert", "carl", "10"), Leg("anna", "bert", "10")])).IsDone); // not even for a moment
        Assert.True(Run(new PostTransfer(Key(), [Leg("anna", "bert", "10"), Leg("bert", "carl", "10")])).IsDone);
        Assert.Equal(("0.00", "0.00", "10.00"), (Balance("anna"), Balance("bert"), Balance("carl")));
        Assert.Equal("LegsInvalid", Run(new PostTransfer(Key(), [.. Enumerable.Repeat(Leg("carl", "anna", "0.01"), 101)])).Problem?.Code);
        Assert.Equal("LegsInvalid", Run(new PostTransfer(Key(), [])).Problem?.Code);
    }

    [Fact]
    public void The_same_key_gives_the_first_answer_and_another_body_under_it_is_refused()
    {
        var pay = Pay(Key(), "mint", "anna", "10");
        var first = Run(pay);
        _now += TimeSpan.FromHours(1);
        var again = Run(pay);
        Assert.Equal((first.Number, first.Time, true), (again.Number, again.Time, again.IsRepeat));
        Assert.True(Run(pay with { Legs = [pay.Legs[0] with { Amount = Amount("10.00") }] }).IsRepeat); // the same amount
        Assert.Equal("KeyReused", Run(pay with { Legs = [pay.Legs[0] with { Amount = Amount("10.01") }] }).Problem?.Code);
        Assert.Equal("KeyReused", Run(pay with { Legs = [pay.Legs[0] with { To = "bert" }] }).Problem?.Code);
        Assert.Equal("10.00", Balance("anna"));
    }

    [Fact]
    public void A_refused_transfer_may_be_done_later_under_its_key()
    {
        var pay = Pay(Key(), "anna", "bert", "5");
        Assert.False(Run(pay).IsDone);
        Assert.True(Run(Pay(Key(), "mint", "anna", "5")).IsDone);
        Assert.True(Run(pay) is { IsDone: true, IsRepeat: false });
    }

    [Fact]
    public void A_key_older_than_the_memory_is_refused_so_that_nothing_is_done_twice()
    {
        var first = Pay(Key(), "mint", "anna", "1");
        Assert.True(Run(first).IsDone);
        _now += TimeSpan.FromHours(25);
        for (var i = 0; i < 3; i++) Assert.True(Run(Pay(Key(), "mint", "bert", "1")).IsDone);
        Assert.Equal("KeyTooOld", Run(first).Problem?.Code);
        Assert.Equal("KeyFromFuture", Run(Pay(Key(_now + TimeSpan.FromMinutes(2)), "mint", "anna", "1")).Problem?.Code);
        Assert.Equal("1.00", Balance("anna"));
    }

    [Fact]
    public void When_keys_are_forgotten_early_those_as_old_as_them_are_refused()
    {
        _book = Funded(new LedgerBookOptions { MostKeys = 100 });
        var all = new List<PostTransfer>();
        for (var i = 0; i < 250; i++)
        {
            _now += TimeSpan.FromMilliseconds(10);
            all.Add(Pay(Key(), "mint", "anna", "0.01"));
            Assert.True(Run(all[^1]) is { IsRepeat: false, IsDone: true });
        }

        var again = all.Select(p => Run(p)).ToArray();
        Assert.All(again[..150], r => Assert.Equal("KeyTooOld", r.Problem?.Code));
        Assert.All(again[150..], r => Assert.True(r.IsRepeat));
        Assert.Equal("2.50", Balance("anna"));
        Assert.True(Run(Pay(Key(), "mint", "anna", "0.01")) is { IsRepeat: false, IsDone: true });
    }

    [Fact]
    public void A_key_tells_its_time_by_itself_or_beside_it()
    {
        var clock = TimeProvider.System;
        var own = LedgerKey.New(clock);
        Assert.InRange((WallTime.Now(clock) - own.At).TotalSeconds, -1, 5);
        Assert.True(LedgerKey.TryMake(own.Text, null, out var read, out _));
        Assert.Equal(own, read);
        Assert.False(LedgerKey.TryMake(own.Text, own.At + TimeSpan.FromSeconds(1), out _, out var other));
        Assert.Equal("KeyInvalid", other.Code);
        Assert.False(LedgerKey.TryMake("order-17", null, out _, out var timeless));
        Assert.Equal("KeyWithoutTime", timeless.Code);
        Assert.False(LedgerKey.TryMake("order 17", _now, out _, out var blank));
        Assert.Equal("KeyInvalid", blank.Code);
        Assert.False(LedgerKey.TryMake(Guid.NewGuid().ToString(), null, out _, out var random));
        Assert.Equal("KeyWithoutTime", random.Code);
    }

    [Fact]
    public void What_is_held_cannot_be_spent_and_is_free_again_when_its_time_is_over()
    {
        Assert.True(Run(Pay(Key(), "mint", "anna", "10")).IsDone);
        var hold = Run(new PlaceHold(Key(), new LedgerLeg("anna", "bert", "eur", Amount("7")), _now + TimeSpan.FromMinutes(5)));
        Assert.Contains("3.00 eur free (10.00, 7.00 of it held)", Run(Pay(Key(), "anna", "carl", "4")).Problem?.Detail, StringComparison.Ordinal);
        _now += TimeSpan.FromMinutes(5);
        Assert.Equal("HoldNotFound", Run(new CaptureHold(Key(), hold.Number, null)).Problem?.Code);
        Assert.True(Run(Pay(Key(), "anna", "carl", "10")).IsDone);
        var kinds = Read(new LedgerRead(LedgerView.Statement, "anna")).GetProperty("value").EnumerateArray().Select(l => l.GetProperty("kind").GetString()).ToArray();
        Assert.Equal(["transfer", "expiry", "hold", "transfer"], kinds);
    }

    [Fact]
    public void A_part_is_captured_once_and_the_rest_is_free()
    {
        Assert.True(Run(Pay(Key(), "mint", "anna", "10")).IsDone);
        var hold = Run(new PlaceHold(Key(), new LedgerLeg("anna", "bert", "eur", Amount("7")), _now + TimeSpan.FromMinutes(5))).Number;
        Assert.Equal("AmountInvalid", Run(new CaptureHold(Key(), hold, Amount("7.01"))).Problem?.Code);
        var capture = new CaptureHold(Key(), hold, Amount("2.50"));
        var done = Run(capture);
        Assert.Equal(("7.50", "2.50"), (Balance("anna"), Balance("bert")));
        Assert.Equal((done.Number, true), (Run(capture).Number, Run(capture).IsRepeat));
        Assert.Equal("HoldNotFound", Run(new ReleaseHold(Key(), hold)).Problem?.Code);
        Assert.True(Run(Pay(Key(), "anna", "carl", "7.50")).IsDone);
    }

    [Fact]
    public void A_ticket_admits_its_holder_once_and_says_when_and_where_it_was_used()
    {
        Assert.True(Run(new IssueItems(Key(), "gig", "anna", ["seat-1", "seat-2"])).IsIssue);
        Assert.Equal("ItemExists", Run(new IssueItems(Key(), "gig", "anna", ["seat-1"])).Problem?.Code);
        Assert.Equal("TicketNotHeld", Run(new AdmitTicket(Key(), "gig", "seat-1", "north", "bert")).Problem?.Code);
        Assert.True(Run(new PostTransfer(Key(), [new LedgerLeg("anna", "bert", "gig", LedgerAmount.One, "seat-1")])).IsDone);
        Assert.Equal("TicketNotHeld", Run(new AdmitTicket(Key(), "gig", "seat-1", "north", "anna")).Problem?.Code);
        var at = _now;
        var admit = new AdmitTicket(Key(), "gig", "seat-1", "north", "bert");
        var first = Run(admit);
        Assert.True(first.IsDone);
        _now += TimeSpan.FromMinutes(1);
        Assert.Equal((first.Time, true), (Run(admit).Time, Run(admit).IsRepeat));
        var second = Run(new AdmitTicket(Key(), "gig", "seat-1", "south", "bert"));
        Assert.Equal(("TicketUsed", $"Ticket 'seat-1' of gig was already used at {at} by gate north."), (second.Problem?.Code, second.Problem?.Detail));
        Assert.Equal("TicketUsed", Run(new PostTransfer(Key(), [new LedgerLeg("bert", "anna", "gig", LedgerAmount.One, "seat-1")])).Problem?.Code);
        Assert.Equal(("1", "1", "-2"), (Balance("anna", "gig"), Balance("bert", "gig"), Balance("mint", "gig")));
    }

    [Fact]
    public void A_ticket_that_is_set_aside_neither_moves_nor_admits()
    {
        Assert.True(Run(new IssueItems(Key(), "gig", "anna", ["seat-1"])).IsDone);
        var hold = Run(new PlaceHold(Key(), new LedgerLeg("anna", "bert", "gig", LedgerAmount.One, "seat-1"), _now + TimeSpan.FromMinutes(5)));
        Assert.True(hold.IsDone);
        Assert.Equal("ItemHeld", Run(new AdmitTicket(Key(), "gig", "seat-1", "north", "anna")).Problem?.Code);
        Assert.Equal("ItemHeld", Run(new PostTransfer(Key(), [new LedgerLeg("anna", "carl", "gig", LedgerAmount.One, "seat-1")])).Problem?.Code);
        Assert.True(Run(new CaptureHold(Key(), hold.Number, null)).IsDone);
        Assert.True(Run(new AdmitTicket(Key(), "gig", "seat-1", "north", "bert")).IsDone);
    }

    [Fact]
    public void A_statement_pages_back_to_the_first_line_and_says_when_older_ones_are_no_longer_kept()
    {
        _book = Funded(new LedgerBookOptions { PostingsKept = 64 });
        for (var i = 1; i <= 20; i++) Assert.True(Run(Pay(Key(), "mint", "anna", "1")).IsDone);
        var numbers = new List<long>();
        string? next = null;
        do
        {
            var page = Read(new LedgerRead(LedgerView.Statement, "anna", null, next, 7));
            numbers.AddRange(page.GetProperty("value").EnumerateArray().Select(l => l.GetProperty("number").GetInt64()));
            next = page.GetProperty("continuationToken").GetString();
            if (next is null) Assert.True(page.GetProperty("isWhole").GetBoolean());
        }
        while (next is not null);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => _book.LastNumber - i), numbers);
        for (var i = 1; i <= 20; i++) Assert.True(Run(Pay(Key(), "mint", "bert", "1")).IsDone);
        var cut = Read(new LedgerRead(LedgerView.Statement, "anna"));
        Assert.Equal((12, false), (cut.GetProperty("value").GetArrayLength(), cut.GetProperty("isWhole").GetBoolean()));
    }

    [Fact]
    public void An_owner_pays_from_its_own_account_and_nobody_else_does_unless_a_policy_says_so()
    {
        Assert.True(Run(Pay(Key(), "mint", "anna", "10")).IsDone);
        var (anna, bert) = (Subject("key:anna"), Subject("key:bert"));
        Assert.True(Run(Pay(Key(), "anna", "bert", "1"), RightsOf(anna)).IsDone);
        Assert.Equal(TwinStatus.Forbidden, Run(Pay(Key(), "anna", "bert", "1"), RightsOf(bert)).Status);
        Assert.Equal(TwinStatus.Forbidden, Run(Pay(Key(), "mint", "anna", "1"), RightsOf(anna)).Status);
        Assert.Equal(TwinStatus.Forbidden, Run(new OpenAccount("new", LedgerAccountKind.Ordinary, "key:anna"), RightsOf(anna)).Status);
        Assert.Equal(TwinStatus.Forbidden, _book.Read(new LedgerRead(LedgerView.Statement, "anna"), RightsOf(bert)).Status);
        Assert.True(Run(Pay(Key(), "anna", "carl", "1"), RightsOf(bert, """{"ledger:main/accounts/anna":{"grant":["write"]}}""")).IsDone);
        Assert.Equal(TwinStatus.Forbidden, Run(Pay(Key(), "anna", "carl", "1"), RightsOf(bert, """{"ledger:other/accounts/anna":{"grant":["write"]}}""")).Status);
        Assert.Equal(TwinStatus.Forbidden, Run(Pay(Key(), "anna", "carl", "1"), RightsOf(anna, """{"ledger:main/accounts":{"revoke":["write"]}}""")).Status);
        Assert.True(Run(Pay(Key(), "mint", "carl", "1"), RightsOf(bert, """{"ledger:main/accounts/mint":{"grant":["administer"]}}""")).IsDone);
        var reader = new PolicySubject("key:anna", [], Permissions.Read);
        Assert.Equal(TwinStatus.Forbidden, Run(Pay(Key(), "anna", "bert", "1"), RightsOf(reader)).Status); // owns it, and its key may not write
        Assert.Equal(TwinStatus.Ok, _book.Read(new LedgerRead(LedgerView.Account, "anna"), RightsOf(reader)).Status);
    }

    [Fact]
    public void A_hold_is_captured_by_whom_it_is_for_and_the_payer_cannot_take_it_back()
    {
        Assert.True(Run(Pay(Key(), "mint", "anna", "10")).IsDone);
        var hold = Run(new PlaceHold(Key(), new LedgerLeg("anna", "bert", "eur", Amount("5")), _now + TimeSpan.FromMinutes(5)), RightsOf(Subject("key:anna"))).Number;
        Assert.Equal(TwinStatus.Forbidden, Run(new ReleaseHold(Key(), hold), RightsOf(Subject("key:anna"))).Status);
        Assert.Equal(TwinStatus.Forbidden, Run(new CaptureHold(Key(), hold, null), RightsOf(Subject("key:carl"))).Status);
        Assert.True(Run(new CaptureHold(Key(), hold, null), RightsOf(Subject("key:bert"))).IsDone);
    }

    [Fact]
    public void A_gate_needs_a_policy_to_admit()
    {
        Assert.True(Run(new IssueItems(Key(), "gig", "anna", ["seat-1"])).IsDone);
        var gate = new PolicySubject("key:gate", [], Permissions.Command);
        Assert.Equal(TwinStatus.Forbidden, Run(new AdmitTicket(Key(), "gig", "seat-1", "north", "anna"), RightsOf(gate)).Status);
        Assert.True(Run(new AdmitTicket(Key(), "gig", "seat-1", "north", "anna"), RightsOf(gate, """{"ledger:main/tickets/gig":{"grant":["command"]}}""")).IsDone);
    }

    [Fact]
    public void Commands_survive_their_bytes_and_no_cut_of_them_is_read()
    {
        var random = new RandomCommands(77);
        LedgerCommand[] commands = [.. RandomCommands.Setup, .. Enumerable.Range(0, 200).Select(i => random.Next(i)), new ExpireHold(7)];
        var bytes = new ArrayBufferWriter<byte>();
        LedgerCodec.WriteMany(bytes, commands);
        var read = LedgerCodec.ReadMany(bytes.WrittenSpan);
        var again = new ArrayBufferWriter<byte>();
        LedgerCodec.WriteMany(again, read);
        Assert.True(bytes.WrittenSpan.SequenceEqual(again.WrittenSpan));
        Assert.Equal(commands.Select(c => c.ToString()), read.Select(c => c.ToString()));
        for (var length = 0; length < bytes.WrittenCount; length += 3) Assert.Throws<InvalidDataException>(() => LedgerCodec.ReadMany(bytes.WrittenSpan[..length]));
    }

    private static PolicySubject Subject(string name) => new(name, [], Permissions.Read | Permissions.Write);

    private static LedgerRights RightsOf(PolicySubject subject, string? resources = null)
    {
        var json = $$$"""{"entries":{"e":{"subjects":["{{{subject.Name}}}"],"resources":{{{resources ?? "{}"}}} } } }""";
        Assert.True(PolicyDocument.TryParse("p", Encoding.UTF8.GetBytes(json), out var policy, out var problem), problem?.Detail);
        Assert.True(CompiledPolicies.TryCompile(1, [policy!], out var compiled, out _));
        return new LedgerRights(compiled!.For(subject), "main");
    }
}
