using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Sdk;

namespace Twin.Cli.Commands;

/// <summary><c>twin ledger</c>: books, accounts, transfers, holds, tickets.</summary>
internal static class LedgerCommands
{
    private static readonly Argument<string> Book = new("BOOK") { Description = "The book." };
    private static readonly Argument<string> From = new("FROM") { Description = "The account that pays." };
    private static readonly Argument<string> To = new("TO") { Description = "The account that receives." };
    private static readonly Argument<string> Amount = new("AMOUNT") { Description = "Such as 12.50; 1 for an item." };
    private static readonly Argument<string> Asset = new("ASSET") { Description = "Of what." };
    private static readonly Argument<string> Item = new("ITEM") { Description = "The ticket or other unique item." };
    private static readonly Argument<long> Hold = new("HOLD") { Description = "The hold's number." };
    private static readonly Option<string?> ItemOption = new("--item") { Description = "Which item, of a unique asset." };
    private static readonly Option<string?> KeyOption = new("--idempotency-key") { Description = "The key of an earlier attempt, to repeat it: it is done once. A new one is made and told otherwise." };
    private static readonly Option<string?> AtOption = new("--at") { Description = "Time of the first attempt, RFC 3339, for keys that are no UUID of version 7." };
    private static readonly Option<int> Limit = new("--limit") { Description = "Most rows, 1 to 1,000,000.", DefaultValueFactory = _ => 100 };

    public static Command Make() => new("ledger", "Books of accounts.")
    {
        MakeCreate(), MakeAccounts(), MakeAccount(), MakeAsset(), MakeTransfer(), MakeHold(), MakeCapture(), MakeRelease(), MakeStatement(), MakeIssue(), MakeTicket(), MakeAdmit(), MakeAudit(),
    };

    private static Command MakeCreate() => new Command("create", "Makes a book.") { Book }.Does(async (call, token) =>
    {
        using var client = call.Connect();
        await client.CreateBookAsync(call.Parsed.GetValue(Book)!, token).ConfigureAwait(false);
        return new CommandAnswer(0, new JsonObject { ["book"] = call.Parsed.GetValue(Book) }, console => console.WriteLine($"made {call.Parsed.GetValue(Book)}"));
    });

    private static Command MakeAccounts() => new Command("accounts", "Lists the accounts you may read.") { Book, Limit }.Does((call, token) =>
        ListAsync(call, "accounts", client => client.ListAccountsAsync(call.Parsed.GetValue(Book)!, token), ["id", "kind", "owner", "balances"]));

    private static Command MakeAccount()
    {
        var id = new Argument<string>("ACCOUNT") { Description = "The account." };
        var open = new Option<bool>("--open") { Description = "Opens it first." };
        var owner = new Option<string?>("--owner") { Description = "Who may pay from it: key:NAME or jwt:SUB." };
        var issuing = new Option<bool>("--issuing") { Description = "Opens one that issues assets." };
        return new Command("account", "Shows an account, or opens one.") { Book, id, open, owner, issuing }.Does(async (call, token) =>
        {
            var (book, account) = (call.Parsed.GetValue(Book)!, call.Parsed.GetValue(id)!);
            using var client = call.Connect();
            if (call.Parsed.GetValue(open)) await client.OpenAccountAsync(book, account, call.Parsed.GetValue(owner), call.Parsed.GetValue(issuing), token).ConfigureAwait(false);
            return Show(await client.GetAccountAsync(book, account, token).ConfigureAwait(false));
        });
    }

    private static Command MakeAsset()
    {
        var issuer = new Option<string>("--issuer") { Description = "The issuing account.", Required = true };
        var scale = new Option<int>("--scale") { Description = "Decimals, 0 to 18." };
        var unique = new Option<bool>("--unique") { Description = "Single things with an id each: tickets, belongings." };
        return new Command("asset", "Defines an asset.") { Book, Asset, issuer, scale, unique }.Does(async (call, token) =>
        {
            using var client = call.Connect();
            await client.DefineAssetAsync(call.Parsed.GetValue(Book)!, call.Parsed.GetValue(Asset)!, call.Parsed.GetValue(issuer)!, call.Parsed.GetValue(scale), call.Parsed.GetValue(unique), token).ConfigureAwait(false);
            return new CommandAnswer(0, new JsonObject { ["asset"] = call.Parsed.GetValue(Asset) }, console => console.WriteLine($"defined {call.Parsed.GetValue(Asset)}"));
        });
    }

    private static Command MakeTransfer() => new Command("transfer", "Pays from an account to another.") { Book, From, To, Amount, Asset, ItemOption, KeyOption, AtOption }.Does(async (call, token) =>
    {
        var key = KeyOf(call);
        using var client = call.Connect();
        return Done(key, await client.TransferAsync(call.Parsed.GetValue(Book)!, new PostTransfer(key, [LegOf(call)]), token).ConfigureAwait(false), "entry");
    });

    private static Command MakeHold()
    {
        var expires = new Option<string?>("--expires") { Description = "When it is free again, RFC 3339; in an hour when absent." };
        return new Command("hold", "Sets an amount aside for another account.") { Book, From, To, Amount, Asset, ItemOption, expires, KeyOption, AtOption }.Does(async (call, token) =>
        {
            var key = KeyOf(call);
            var until = Call.TimeOf(call.Parsed.GetValue(expires), "--expires") ?? call.Clock.GetUtcNow().AddHours(1);
            using var client = call.Connect();
            return Done(key, await client.HoldAsync(call.Parsed.GetValue(Book)!, key, LegOf(call), until, token).ConfigureAwait(false), "hold");
        });
    }

    private static Command MakeCapture()
    {
        var part = new Option<string?>("--amount") { Description = "A part; all when absent." };
        return new Command("capture", "Pays what is held.") { Book, Hold, part, KeyOption, AtOption }.Does(async (call, token) =>
        {
            var key = KeyOf(call);
            using var client = call.Connect();
            return Done(key, await client.CaptureAsync(call.Parsed.GetValue(Book)!, key, call.Parsed.GetValue(Hold), call.Parsed.GetValue(part) is { } text ? AmountOf(text, "--amount") : null, token).ConfigureAwait(false), "entry");
        });
    }

    private static Command MakeRelease() => new Command("release", "Gives back what is held.") { Book, Hold, KeyOption, AtOption }.Does(async (call, token) =>
    {
        var key = KeyOf(call);
        using var client = call.Connect();
        return Done(key, await client.ReleaseAsync(call.Parsed.GetValue(Book)!, key, call.Parsed.GetValue(Hold), token).ConfigureAwait(false), "entry");
    });

    private static Command MakeStatement()
    {
        var id = new Argument<string>("ACCOUNT") { Description = "The account." };
        return new Command("statement", "Shows an account's statement, newest first.") { Book, id, Limit }.Does((call, token) =>
            ListAsync(call, "lines", client => client.ReadStatementAsync(call.Parsed.GetValue(Book)!, call.Parsed.GetValue(id)!, token), ["number", "time", "kind", "other", "asset", "item", "change", "balance", "held"]));
    }

    private static Command MakeIssue()
    {
        var items = new Argument<string[]>("ITEM") { Description = "New ids, 1 to 100.", Arity = ArgumentArity.OneOrMore };
        return new Command("issue", "Issues tickets or other unique items to an account.") { Book, Asset, To, items, KeyOption, AtOption }.Does(async (call, token) =>
        {
            var key = KeyOf(call);
            using var client = call.Connect();
            return Done(key, await client.IssueItemsAsync(call.Parsed.GetValue(Book)!, new IssueItems(key, call.Parsed.GetValue(Asset)!, call.Parsed.GetValue(To)!, call.Parsed.GetValue(items)!), token).ConfigureAwait(false), "entry");
        });
    }

    private static Command MakeTicket() => new Command("ticket", "Shows who holds a ticket, and whether it was used.") { Book, Asset, Item }.Does(async (call, token) =>
    {
        using var client = call.Connect();
        return Show(await client.GetTicketAsync(call.Parsed.GetValue(Book)!, call.Parsed.GetValue(Asset)!, call.Parsed.GetValue(Item)!, token).ConfigureAwait(false));
    });

    private static Command MakeAdmit()
    {
        var gate = new Option<string>("--gate") { Description = "Where.", Required = true };
        var holder = new Option<string>("--holder") { Description = "The account that shows the ticket.", Required = true };
        return new Command("admit", "Admits who holds a ticket, once; exit 1 when it is not held or was used.") { Book, Asset, Item, gate, holder, KeyOption, AtOption }.Does(async (call, token) =>
        {
            var key = KeyOf(call);
            using var client = call.Connect();
            var admission = new AdmitTicket(key, call.Parsed.GetValue(Asset)!, call.Parsed.GetValue(Item)!, call.Parsed.GetValue(gate)!, call.Parsed.GetValue(holder)!);
            return Done(key, await client.AdmitAsync(call.Parsed.GetValue(Book)!, admission, token).ConfigureAwait(false), "entry");
        });
    }

    private static Command MakeAudit() => new Command("audit", "Adds a book up anew; exit 1 when it does not agree.") { Book }.Does(async (call, token) =>
    {
        using var client = call.Connect();
        var audit = await client.AuditBookAsync(call.Parsed.GetValue(Book)!, token).ConfigureAwait(false);
        return Show(audit) with { Exit = audit.GetProperty("whole").GetBoolean() ? 0 : 1 };
    });

    private static async Task<CommandAnswer> ListAsync(Call call, string name, Func<TwinClient, IAsyncEnumerable<JsonElement>> read, string[] columns)
    {
        var most = call.Parsed.GetValue(Limit);
        if (most is < 1 or > 1_000_000) throw new CallException($"--limit is {most}; it must be 1 to 1000000.");
        using var client = call.Connect();
        var rows = new List<JsonElement>();
        var hasMore = false;
        await foreach (var row in read(client).ConfigureAwait(false))
        {
            if (hasMore = rows.Count == most) break;
            rows.Add(row);
        }

        return new CommandAnswer(0, new JsonObject { [name] = new JsonArray([.. rows.Select(r => JsonNode.Parse(r.GetRawText()))]), ["count"] = rows.Count, ["more"] = hasMore }, console =>
        {
            var table = new Table().AddColumns(columns);
            foreach (var row in rows) table.AddRow([.. columns.Select(c => Markup.Escape(row.TryGetProperty(c, out var value) ? Cell(value) : ""))]);
            console.Write(table);
            console.WriteLine($"{rows.Count} {name}{(hasMore ? ", and there are more (--limit)" : "")}");
        });
    }

    private static string Cell(JsonElement value) => value.ValueKind == JsonValueKind.Array
        ? string.Join(", ", value.EnumerateArray().Select(b => $"{b.GetProperty("balance").GetString()} {b.GetProperty("asset").GetString()}")) : value.ToString();

    private static CommandAnswer Show(JsonElement json)
    {
        var members = JsonNode.Parse(json.GetRawText())!.AsObject();
        return new CommandAnswer(0, members, console =>
        {
            foreach (var (name, value) in members) console.WriteLine($"{name,-12} {value?.ToJsonString() ?? "-"}");
        });
    }

    private static CommandAnswer Done(LedgerKey key, LedgerEntry entry, string what) => new(0,
        new JsonObject { [what] = entry.Number, ["time"] = entry.Time.ToString("O", CultureInfo.InvariantCulture), ["repeat"] = entry.IsRepeat, ["key"] = key.Text },
        console => console.WriteLine($"{what} {entry.Number}{(entry.IsRepeat ? ", done before" : "")}   key {key.Text}"));

    private static LedgerKey KeyOf(Call call)
    {
        if (call.Parsed.GetValue(KeyOption) is not { } text) return LedgerKey.New(call.Clock);
        var at = Call.TimeOf(call.Parsed.GetValue(AtOption), "--at");
        return LedgerKey.TryMake(text, at is { } time ? WallTime.From(time) : null, out var key, out var problem) ? key : throw new CallException(problem.Detail);
    }

    private static LedgerLeg LegOf(Call call) =>
        new(call.Parsed.GetValue(From)!, call.Parsed.GetValue(To)!, call.Parsed.GetValue(Asset)!, AmountOf(call.Parsed.GetValue(Amount)!, "AMOUNT"), call.Parsed.GetValue(ItemOption));

    private static LedgerAmount AmountOf(string text, string name) =>
        LedgerAmount.TryParse(text, out var amount) ? amount : throw new CallException($"{name} is '{text}'; it must be a decimal number such as 12.50, with at most {LedgerAmount.MostScale} decimals.");
}
