using System.Runtime.CompilerServices;
using System.Text.Json;
using Twin.Model.Ledger;

namespace Twin.Sdk;

/// <summary>An entry of a book: a transfer, a hold, an admission.</summary>
/// <param name="Number">Its number in the book, from 1 without gaps. A hold's is its id.</param>
/// <param name="Time">The book's time of it, UTC.</param>
/// <param name="IsRepeat">True when it had been done before under this key.</param>
public sealed record LedgerEntry(long Number, DateTimeOffset Time, bool IsRepeat);

/// <summary>What became of one transfer of a batch.</summary>
/// <param name="Status">HTTP status; 201 when it is done.</param>
/// <param name="Entry">The entry; null when it was refused.</param>
/// <param name="Code">Code of the refusal.</param>
/// <param name="Detail">The refusal, for a person.</param>
public sealed record LedgerOutcome(int Status, LedgerEntry? Entry, string? Code, string? Detail);

/// <content>Books of accounts. What has a key is sent again after 503 and 429: under one key it is done once.</content>
public sealed partial class TwinClient
{
    /// <summary>Names of all books.</summary>
    public async Task<IReadOnlyList<string>> ListBooksAsync(CancellationToken cancellationToken = default) =>
        [.. AnswerReader.Items(await _transport.ReadAsync(() => Request(HttpMethod.Get, "ledger"), true, cancellationToken).ConfigureAwait(false), "value").Select(b => b.GetString()!)];

    /// <summary>Makes a book; one that is there stays as it is.</summary>
    public Task CreateBookAsync(string book, CancellationToken cancellationToken = default) => SendLedgerAsync(HttpMethod.Put, $"ledger/{Escape(book)}", new { }, cancellationToken);

    /// <summary>Defines an asset; the same again changes nothing.</summary>
    /// <param name="book">The book.</param>
    /// <param name="id">The asset.</param>
    /// <param name="issuer">The issuing account.</param>
    /// <param name="scale">Decimals, 0 to 18; 0 for a unique asset.</param>
    /// <param name="isUnique">True for tickets and other single things.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    public Task DefineAssetAsync(string book, string id, string issuer, int scale = 0, bool isUnique = false, CancellationToken cancellationToken = default) =>
        SendLedgerAsync(HttpMethod.Put, $"ledger/{Escape(book)}/assets/{Escape(id)}", new { kind = isUnique ? "unique" : "fungible", scale, issuer }, cancellationToken);

    /// <summary>Opens an account; the same again changes nothing.</summary>
    /// <param name="book">The book.</param>
    /// <param name="id">The account.</param>
    /// <param name="owner">Who may read it and pay from it: <c>key:NAME</c> or <c>jwt:SUB</c>.</param>
    /// <param name="isIssuing">True for one that issues assets.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    public Task OpenAccountAsync(string book, string id, string? owner = null, bool isIssuing = false, CancellationToken cancellationToken = default) =>
        SendLedgerAsync(HttpMethod.Put, $"ledger/{Escape(book)}/accounts/{Escape(id)}", new { kind = isIssuing ? "issuing" : "ordinary", owner }, cancellationToken);

    /// <summary>An account with its balances.</summary>
    public Task<JsonElement> GetAccountAsync(string book, string id, CancellationToken cancellationToken = default) => ReadLedgerAsync($"ledger/{Escape(book)}/accounts/{Escape(id)}", cancellationToken);

    /// <summary>The accounts that the caller may read, page after page.</summary>
    public IAsyncEnumerable<JsonElement> ListAccountsAsync(string book, CancellationToken cancellationToken = default) => LedgerPagesAsync($"ledger/{Escape(book)}/accounts?top=1000", cancellationToken);

    /// <summary>An account's statement, newest first, page after page.</summary>
    public IAsyncEnumerable<JsonElement> ReadStatementAsync(string book, string account, CancellationToken cancellationToken = default) =>
        LedgerPagesAsync($"ledger/{Escape(book)}/accounts/{Escape(account)}/statement?top=1000", cancellationToken);

    /// <summary>An account's tickets and belongings, the last received first, page after page.</summary>
    public IAsyncEnumerable<JsonElement> ListItemsAsync(string book, string account, CancellationToken cancellationToken = default) =>
        LedgerPagesAsync($"ledger/{Escape(book)}/accounts/{Escape(account)}/items?top=1000", cancellationToken);

    /// <summary>Does one transfer, all its legs or none.</summary>
    public Task<LedgerEntry> TransferAsync(string book, PostTransfer transfer, CancellationToken cancellationToken = default) =>
        SendLedgerAsync(HttpMethod.Post, $"ledger/{Escape(book)}/transfers", Body(transfer), cancellationToken);

    /// <summary>Sends up to 1,000 independent transfers; each is done or refused by itself.</summary>
    public async Task<IReadOnlyList<LedgerOutcome>> TransferManyAsync(string book, IReadOnlyList<PostTransfer> transfers, CancellationToken cancellationToken = default)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new { transfers = transfers.Select(Body) });
        var answer = await _transport.ReadAsync(() => Request(HttpMethod.Post, $"ledger/{Escape(book)}/transfers", body), true, cancellationToken).ConfigureAwait(false);
        return [.. AnswerReader.Items(answer, "results").Select(r => new LedgerOutcome((int)(AnswerReader.Number(r, "status") ?? 0),
            AnswerReader.Number(r, "number") is { } number ? new LedgerEntry((long)number, AnswerReader.Time(r, "time") ?? default, r.TryGetProperty("repeat", out _)) : null, AnswerReader.Text(r, "code"), AnswerReader.Text(r, "detail")))];
    }

    /// <summary>Sets an amount or an item aside; the entry's number is the hold's id.</summary>
    public Task<LedgerEntry> HoldAsync(string book, LedgerKey key, LedgerLeg leg, DateTimeOffset expires, CancellationToken cancellationToken = default) =>
        SendLedgerAsync(HttpMethod.Post, $"ledger/{Escape(book)}/holds", new { key = key.Text, at = key.At.ToString(), from = leg.From, to = leg.To, asset = leg.Asset, amount = leg.Amount.ToString(), item = leg.Item, expires }, cancellationToken);

    /// <summary>A hold that stands.</summary>
    public Task<JsonElement> GetHoldAsync(string book, long hold, CancellationToken cancellationToken = default) => ReadLedgerAsync($"ledger/{Escape(book)}/holds/{Text(hold)}", cancellationToken);

    /// <summary>Pays what is held, or a part of it.</summary>
    public Task<LedgerEntry> CaptureAsync(string book, LedgerKey key, long hold, LedgerAmount? amount = null, CancellationToken cancellationToken = default) =>
        SendLedgerAsync(HttpMethod.Post, $"ledger/{Escape(book)}/holds/{Text(hold)}/capture", new { key = key.Text, at = key.At.ToString(), amount = amount?.ToString() }, cancellationToken);

    /// <summary>Gives back what is held.</summary>
    public Task<LedgerEntry> ReleaseAsync(string book, LedgerKey key, long hold, CancellationToken cancellationToken = default) =>
        SendLedgerAsync(HttpMethod.Post, $"ledger/{Escape(book)}/holds/{Text(hold)}/release", new { key = key.Text, at = key.At.ToString() }, cancellationToken);

    /// <summary>Issues tickets or other unique items to an account, at most 100 at once.</summary>
    public Task<LedgerEntry> IssueItemsAsync(string book, IssueItems issue, CancellationToken cancellationToken = default) =>
        SendLedgerAsync(HttpMethod.Post, $"ledger/{Escape(book)}/tickets", new { key = issue.Key.Text, at = issue.Key.At.ToString(), asset = issue.Asset, to = issue.To, items = issue.Items }, cancellationToken);

    /// <summary>A ticket: who holds it, whether and where it was used.</summary>
    public Task<JsonElement> GetTicketAsync(string book, string asset, string item, CancellationToken cancellationToken = default) =>
        ReadLedgerAsync($"ledger/{Escape(book)}/tickets/{Escape(asset)}/{Escape(item)}", cancellationToken);

    /// <summary>Admits who holds a ticket, once; refused with <c>TicketUsed</c> or <c>TicketNotHeld</c>.</summary>
    public Task<LedgerEntry> AdmitAsync(string book, AdmitTicket admission, CancellationToken cancellationToken = default) => SendLedgerAsync(HttpMethod.Post, $"ledger/{Escape(book)}/admissions",
        new { key = admission.Key.Text, at = admission.Key.At.ToString(), asset = admission.Asset, item = admission.Item, gate = admission.Gate, holder = admission.Holder }, cancellationToken);

    /// <summary>Adds a book up anew: <c>whole</c>, <c>faults</c>, <c>stateHash</c>. For administrators.</summary>
    public Task<JsonElement> AuditBookAsync(string book, CancellationToken cancellationToken = default) => ReadLedgerAsync($"ledger/{Escape(book)}/audit", cancellationToken);

    private static object Body(PostTransfer transfer) => new
    {
        key = transfer.Key.Text, at = transfer.Key.At.ToString(), legs = transfer.Legs.Select(l => new { from = l.From, to = l.To, asset = l.Asset, amount = l.Amount.ToString(), item = l.Item }),
    };

    private static string Text(long number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private Task<JsonElement> ReadLedgerAsync(string path, CancellationToken cancellationToken) => _transport.ReadAsync(() => Request(HttpMethod.Get, path), true, cancellationToken);

    private async Task<LedgerEntry> SendLedgerAsync(HttpMethod method, string path, object body, CancellationToken cancellationToken)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(body);
        using var answer = await _transport.SendAsync(() => Request(method, path, bytes), true, cancellationToken).ConfigureAwait(false);
        var json = await TwinTransport.JsonOfAsync(answer, cancellationToken).ConfigureAwait(false);
        return new LedgerEntry((long)(AnswerReader.Number(json, "number") ?? AnswerReader.Number(json, "hold") ?? 0), AnswerReader.Time(json, "time") ?? default, answer.Headers.Contains("Idempotent-Replayed"));
    }

    private async IAsyncEnumerable<JsonElement> LedgerPagesAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? next = null;
        do
        {
            var here = next is null ? path : $"{path}&continuationToken={Escape(next)}";
            var page = await ReadLedgerAsync(here, cancellationToken).ConfigureAwait(false);
            foreach (var row in AnswerReader.Items(page, "value")) yield return row;
            next = AnswerReader.Text(page, "continuationToken");
        }
        while (next is not null);
    }
}
