using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans;
using Orleans.Concurrency;
using Twin.Gateway.Audit;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Gateway.Http;

/// <summary><c>/ledger</c>: books, accounts, transfers, holds, tickets. The book decides who may; here only the bodies are read.</summary>
internal sealed class LedgerEndpoints(IGrainFactory grains, IPolicyStore policies, Admission admission, AuditLog audit)
{
    private const int MostBodyBytes = 4 * 1024 * 1024;

    public static void Map(IEndpointRouteBuilder endpoints, IGrainFactory grains, IPolicyStore policies, Admission admission, AuditLog audit)
    {
        var doors = new LedgerEndpoints(grains, policies, admission, audit);
        endpoints.MapGet("/ledger", async () => Results.Json(new { value = await grains.GetGrain<ILedgerDirectoryGrain>(0).ListAsync().ConfigureAwait(false) })).Needs(Permission.Read).WithTags("Ledger").WithSummary("All books");
        var routes = endpoints.MapGroup("/ledger/{book}").WithTags("Ledger");
        routes.AddEndpointFilter(async (invocation, next) => invocation.HttpContext.Request.RouteValues["book"] is string book && !LedgerBounds.IsBook(book)
            ? TwinProblems.Result(400, "BookInvalid", $"A book's name is 1 to {LedgerBounds.BookLength} small letters, digits and '-'.", "book") : await next(invocation).ConfigureAwait(false));
        doors.MapBook(routes);
        doors.MapAccounts(routes);
        doors.MapTransfers(routes);
        doors.MapHolds(routes);
        doors.MapTickets(routes);
    }

    private void MapBook(RouteGroupBuilder routes)
    {
        routes.MapPut("", async (HttpContext context, string book) =>
        {
            var made = await grains.GetGrain<ILedgerDirectoryGrain>(0).AddAsync(book, admission.SubjectOf(context), policies.Current.Version).ConfigureAwait(false);
            return made.IsDone ? Results.Json(new { book }, statusCode: made.Status == TwinStatus.Created ? 201 : 200) : TwinProblems.Result(made.Status, made.Problem);
        }).Needs(Permission.Administer).WithSummary("Makes a book").Produces<JsonElement>(201);
        routes.MapGet("", (HttpContext context, string book) => ReadAsync(context, book, new LedgerRead(LedgerView.Book))).Needs(Permission.Read).WithSummary("A book's counts");
        routes.MapGet("audit", (HttpContext context, string book) => ReadAsync(context, book, new LedgerRead(LedgerView.Audit))).Needs(Permission.Administer).WithSummary("Adds everything up anew");
        routes.MapGet("assets", (HttpContext context, string book) => ReadAsync(context, book, new LedgerRead(LedgerView.Assets))).Needs(Permission.Read).WithSummary("All assets");
        routes.MapPut("assets/{id}", (HttpContext context, string book, string id) => RunAsync(context, book, "number", (fields, _) =>
        {
            if (fields.Kind is not (null or "fungible" or "unique")) return (null, new Problem("AssetInvalid", "'kind' must be fungible or unique.", "kind"));
            if (fields.Scale is < 0 or > LedgerAmount.MostScale) return (null, new Problem("AssetInvalid", $"'scale' is {fields.Scale}; it must be 0 to {LedgerAmount.MostScale}.", "scale"));
            return LedgerBody.Missing(fields.Issuer, "issuer") is { } missing ? (null, missing)
                : (new DefineAsset(id, fields.Kind == "unique" ? LedgerAssetKind.Unique : LedgerAssetKind.Fungible, (byte)(fields.Scale ?? 0), fields.Issuer!), null);
        })).Needs(Permission.Administer).WithSummary("Defines an asset").Accepts<JsonElement>("application/json").Produces<JsonElement>(201).ProducesProblem(409);
    }

    private void MapAccounts(RouteGroupBuilder routes)
    {
        routes.MapGet("accounts", (HttpContext context, string book, string? continuationToken, int? top) => ReadAsync(context, book, new LedgerRead(LedgerView.Accounts, "", null, continuationToken, top ?? 100)))
            .Needs(Permission.Read).WithSummary("The accounts the caller may read, by page; a page may have fewer rows than asked for while there are more");
        routes.MapPost("accounts", (HttpContext context, string book) => OpenManyAsync(context, book)).Needs(Permission.Administer).WithSummary("Opens many accounts, each by itself").Accepts<JsonElement>("application/json").Produces<JsonElement>(200);
        routes.MapPut("accounts/{id}", (HttpContext context, string book, string id) => RunAsync(context, book, "number", (fields, _) => Open(id, fields))).Needs(Permission.Administer).WithSummary("Opens an account").Accepts<JsonElement>("application/json").Produces<JsonElement>(201).ProducesProblem(409);
        routes.MapGet("accounts/{id}", (HttpContext context, string book, string id) => OfAccountAsync(book, id, a => a.GetAsync(admission.SubjectOf(context)))).Needs(Permission.Read).WithSummary("An account with its balances");
        routes.MapGet("accounts/{id}/statement", (HttpContext context, string book, string id, string? continuationToken, int? top) => OfAccountAsync(book, id, a => a.StatementAsync(continuationToken, top ?? 100, admission.SubjectOf(context))))
            .Needs(Permission.Read).WithSummary("An account's statement, newest first");
        routes.MapGet("accounts/{id}/items", (HttpContext context, string book, string id, string? continuationToken, int? top) => OfAccountAsync(book, id, a => a.ItemsAsync(continuationToken, top ?? 100, admission.SubjectOf(context))))
            .Needs(Permission.Read).WithSummary("An account's tickets and belongings, the last received first");
    }

    private void MapTransfers(RouteGroupBuilder routes) =>
        routes.MapPost("transfers", async (HttpContext context, string book) =>
        {
            var (fields, problem) = await BodyAsync(context).ConfigureAwait(false);
            if (problem is not null) return problem;
            var single = fields!.Transfers is null;
            var transfers = new PostTransfer[fields.Transfers?.Count ?? 1];
            if (transfers.Length == 0) return TwinProblems.Result(400, "LedgerBodyInvalid", $"'transfers' must have 1 to {LedgerBounds.MostInABatch} members.", "transfers");
            for (var i = 0; i < transfers.Length; i++)
            {
                if (!LedgerBody.TryTransfer(fields.Transfers?[i] ?? fields, single ? context.Request.Headers["Idempotency-Key"] : default(string), out var transfer, out var wrong))
                    return TwinProblems.Result(400, wrong!.Code, wrong.Detail, single ? wrong.Where : $"transfers/{i}/{wrong.Where}");
                transfers[i] = transfer!;
            }

            var rail = new BookRail(grains, policies, book, admission.SubjectOf(context));
            var results = await rail.PostAsync(transfers, context.RequestAborted).ConfigureAwait(false);
            NoteIssues(context, results);
            return single ? LedgerAnswers.Result(context, results[0], "number") : LedgerAnswers.Many(results);
        }).Needs(Permission.Write).WithSummary("One transfer, or with 'transfers' a batch of independent ones").Accepts<JsonElement>("application/json").Produces<JsonElement>(201).Produces<JsonElement>(200).ProducesProblem(409).ProducesProblem(422);

    private void MapHolds(RouteGroupBuilder routes)
    {
        routes.MapPost("holds", (HttpContext context, string book) => RunAsync(context, book, "hold", (fields, header) =>
        {
            if (!LedgerBody.TryKey(fields, header, out var key, out var problem) || !LedgerBody.TryLeg(fields, out var leg, out problem)) return (null, problem);
            return fields.Expires is { } expires ? (new PlaceHold(key, leg, expires), null) : (null, LedgerBody.Missing(null, "expires"));
        })).Needs(Permission.Write).WithSummary("Sets an amount or an item aside for another account").Accepts<JsonElement>("application/json").Produces<JsonElement>(201).ProducesProblem(409);
        routes.MapGet("holds/{id}", (HttpContext context, string book, string id) => ReadAsync(context, book, new LedgerRead(LedgerView.Hold, id))).Needs(Permission.Read).WithSummary("A hold that stands");
        routes.MapPost("holds/{id}/capture", (HttpContext context, string book, string id) => RunAsync(context, book, "number", (fields, header) =>
            TryHold(id, out var hold, out var problem) && LedgerBody.TryKey(fields, header, out var key, out problem) ? (new CaptureHold(key, hold, fields.Amount), null) : (null, problem))).Needs(Permission.Write).WithSummary("Pays what is held, or a part of it").Accepts<JsonElement>("application/json").Produces<JsonElement>(201).ProducesProblem(404);
        routes.MapPost("holds/{id}/release", (HttpContext context, string book, string id) => RunAsync(context, book, "number", (fields, header) =>
            TryHold(id, out var hold, out var problem) && LedgerBody.TryKey(fields, header, out var key, out problem) ? (new ReleaseHold(key, hold), null) : (null, problem))).Needs(Permission.Write).WithSummary("Gives back what is held").Accepts<JsonElement>("application/json").Produces<JsonElement>(201).ProducesProblem(404);
    }

    private static bool TryHold(string id, out long hold, out Problem? problem)
    {
        problem = long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out hold) ? null : new Problem("IdInvalid", "A hold's id is the whole number that placing it answered.", "id");
        return problem is null;
    }

    private void MapTickets(RouteGroupBuilder routes)
    {
        routes.MapPost("tickets", (HttpContext context, string book) => RunAsync(context, book, "number", (fields, header) =>
            !LedgerBody.TryKey(fields, header, out var key, out var problem) ? (null, problem)
            : (LedgerBody.Missing(fields.Asset, "asset") ?? LedgerBody.Missing(fields.To, "to") ?? (fields.Items is null ? LedgerBody.Missing(null, "items") : null)) is { } missing ? (null, missing)
            : (new IssueItems(key, fields.Asset!, fields.To!, [.. fields.Items!]), null))).Needs(Permission.Write).WithSummary("Issues tickets or other unique items").Accepts<JsonElement>("application/json").Produces<JsonElement>(201).ProducesProblem(409);
        routes.MapGet("tickets/{asset}/{item}", (HttpContext context, string book, string asset, string item) => ReadAsync(context, book, new LedgerRead(LedgerView.Ticket, asset, item))).Needs(Permission.Read).WithSummary("A ticket: who holds it, whether it was used");
        routes.MapPost("admissions", async (HttpContext context, string book) =>
        {
            var (fields, refused) = await BodyAsync(context).ConfigureAwait(false);
            if (refused is not null) return refused;
            if (!LedgerBody.TryKey(fields!, context.Request.Headers["Idempotency-Key"], out var key, out var problem)) return TwinProblems.Result(TwinStatus.Invalid, problem);
            if ((LedgerBody.Missing(fields!.Asset, "asset") ?? LedgerBody.Missing(fields.Item, "item") ?? LedgerBody.Missing(fields.Gate, "gate") ?? LedgerBody.Missing(fields.Holder, "holder")) is { } missing) return TwinProblems.Result(TwinStatus.Invalid, missing);
            var result = await grains.GetGrain<ILedgerBookGrain>(book).AdmitAsync(new AdmitTicket(key, fields.Asset!, fields.Item!, fields.Gate!, fields.Holder!), admission.SubjectOf(context), policies.Current.Version).ConfigureAwait(false);
            return LedgerAnswers.Result(context, result, "number");
        }).Needs(Permission.Command).WithSummary("Admits who holds a ticket, once").Accepts<JsonElement>("application/json").Produces<JsonElement>(201).ProducesProblem(409);
    }

    private async Task<IResult> ReadAsync(HttpContext context, string book, LedgerRead read)
    {
        var document = await grains.GetGrain<ILedgerBookGrain>(book).ReadAsync(read, admission.SubjectOf(context), policies.Current.Version).ConfigureAwait(false);
        return LedgerAnswers.Document(document.Value);
    }

    private async Task<IResult> OfAccountAsync(string book, string id, Func<ILedgerAccountGrain, ValueTask<Immutable<LedgerDocument>>> ask)
    {
        if (!LedgerBounds.IsId(id)) return TwinProblems.Result(400, "IdInvalid", $"An account's id is 1 to {LedgerBounds.IdLength} letters, digits and - _ . : characters.", "id");
        return LedgerAnswers.Document((await ask(grains.GetGrain<ILedgerAccountGrain>($"{book}/{id}")).ConfigureAwait(false)).Value);
    }

    private async Task<IResult> RunAsync(HttpContext context, string book, string number, Func<LedgerFields, string?, (LedgerCommand? Command, Problem? Problem)> make)
    {
        var (fields, refused) = await BodyAsync(context).ConfigureAwait(false);
        if (refused is not null) return refused;
        var (command, problem) = make(fields!, context.Request.Headers["Idempotency-Key"]);
        if (problem is not null) return TwinProblems.Result(TwinStatus.Invalid, problem);
        var call = new LedgerCall([command!], admission.SubjectOf(context), policies.Current.Version);
        var result = (await grains.GetGrain<ILedgerBookGrain>(book).TransferManyAsync(new Immutable<LedgerCall>(call)).ConfigureAwait(false)).Value.Results[0];
        NoteIssues(context, [result]);
        return LedgerAnswers.Result(context, result, number, command is OpenAccount or DefineAsset && result.IsRepeat ? 200 : 201);
    }

    private async Task<IResult> OpenManyAsync(HttpContext context, string book)
    {
        var (fields, refused) = await BodyAsync(context).ConfigureAwait(false);
        if (refused is not null) return refused;
        if (fields!.Accounts is not { Count: > 0 } accounts) return TwinProblems.Result(400, "LedgerBodyInvalid", $"'accounts' must have 1 to {LedgerBounds.MostInABatch} members.", "accounts");
        var commands = new LedgerCommand[accounts.Count];
        for (var i = 0; i < commands.Length; i++)
        {
            var (command, problem) = Open(accounts[i].Id ?? "", accounts[i]);
            if (problem is not null) return TwinProblems.Result(400, problem.Code, problem.Detail, $"accounts/{i}/{problem.Where}");
            commands[i] = command!;
        }

        var call = new LedgerCall(commands, admission.SubjectOf(context), policies.Current.Version);
        return LedgerAnswers.Many((await grains.GetGrain<ILedgerBookGrain>(book).TransferManyAsync(new Immutable<LedgerCall>(call)).ConfigureAwait(false)).Value.Results);
    }

    private static (LedgerCommand? Command, Problem? Problem) Open(string id, LedgerFields fields) => fields.Kind is null or "ordinary" or "issuing"
        ? (new OpenAccount(id, fields.Kind == "issuing" ? LedgerAccountKind.Issuing : LedgerAccountKind.Ordinary, fields.Owner), null)
        : (null, new Problem("AccountInvalid", "'kind' must be ordinary or issuing.", "kind"));

    private static async ValueTask<(LedgerFields? Fields, IResult? Refused)> BodyAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
        if (body.Problem is not null) return (null, TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body"));
        return LedgerBody.TryRead(body.Memory.Span, out var fields, out var problem) ? (fields, null) : (null, TwinProblems.Result(TwinStatus.Invalid, problem));
    }

    /// <summary>What issuing accounts paid out is an administrative act: it is in the audit log before the client learns of it.</summary>
    private void NoteIssues(HttpContext context, LedgerResult[] results)
    {
        var (count, first, last) = (0, 0L, 0L);
        foreach (ref readonly var result in results.AsSpan())
        {
            if (!result.IsIssue) continue;
            if (count++ == 0) first = result.Number;
            last = result.Number;
        }

        if (count > 0) audit.Administered(admission.CallerOf(context)?.SubjectName ?? "anonymous", $"{context.Request.Method} {context.Request.Path} issued", string.Create(CultureInfo.InvariantCulture, $"{count} entries, {first} to {last}"));
    }
}
