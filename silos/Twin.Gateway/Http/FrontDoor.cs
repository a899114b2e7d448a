using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Twin.Gateway.Audit;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.Model;
using Twin.Pipelines.Ingest;

namespace Twin.Gateway.Http;

/// <summary>
/// The hot requests, matched by hand before routing: <c>/digitaltwins/{id}</c>, <c>/query</c>, <c>/ingest</c>. No endpoint, scope or
/// model binding; the body is parsed where it lies. Everything else goes on to the endpoints. Thread-safe. Hot.
/// </summary>
internal sealed class FrontDoor(RequestDelegate next, ITwinStore store, IIngestEntrance entrance, Admission admission, ClientLimits limits, TimeProvider clock)
{
    private const string TwinsPrefix = "/digitaltwins/";
    private const int MostQueryBytes = 256 * 1024;
    private const int MostIngestBytes = 16 * 1024 * 1024;

    private readonly SampleReader _samples = new();

    /// <summary>Audits samples refused one by one.</summary>
    public HiddenDenials? Hidden { get; init; }

    public Task InvokeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        if (path.StartsWith(TwinsPrefix, StringComparison.Ordinal) && path.IndexOf('/', TwinsPrefix.Length) < 0) return TwinAsync(context, path[TwinsPrefix.Length..]);
        if (path is "/query" or "/ingest" && HttpMethods.IsPost(context.Request.Method))
            return path.Length == 6 ? Refuse(context, Permission.Read) ?? QueryAsync(context) : Refuse(context, Permission.Write) ?? IngestAsync(context);
        return next(context);
    }

    /// <summary>The graph as the caller may see it.</summary>
    private ITwinStore StoreOf(HttpContext context) => BranchDoor.StoreOf(context, store, admission);

    /// <summary>The answer to a caller without the right or over its limits; null for one who may go on.</summary>
    private Task? Refuse(HttpContext context, Permission right) => (admission.Check(context, right) ?? limits.Refuse(context))?.WriteAsync(context);

    private Task TwinAsync(HttpContext context, string id)
    {
        var method = context.Request.Method;
        var right = HttpMethods.IsGet(method) ? Permission.Read : Permission.Write;
        if (Refuse(context, right) is { } refused) return refused;
        if (!TwinJson.IsValidId(id)) return TwinProblems.WriteAsync(context, 400, "IdInvalid", $"'{Shorten(id)}' is not a twin id: 1 to 128 characters of letters, digits and - _ . : , @ ~ % ( ) = ; $ ! * '.", "id");
        if (HttpMethods.IsPatch(method)) return PatchAsync(context, id);
        if (HttpMethods.IsGet(method)) return GetAsync(context, id);
        if (HttpMethods.IsPut(method)) return PutAsync(context, id);
        if (HttpMethods.IsDelete(method)) return DeleteAsync(context, id);
        context.Response.Headers.Allow = "GET, PUT, PATCH, DELETE";
        return TwinProblems.WriteAsync(context, 405, "MethodNotAllowed", $"{method} is not taken here; GET, PUT, PATCH and DELETE are.");
    }

    private async Task PatchAsync(HttpContext context, string id)
    {
        if (!IsJson(context.Request.ContentType))
        {
            await TwinProblems.WriteAsync(context, 415, "ContentTypeInvalid", $"Content-Type is '{context.Request.ContentType}'; application/json-patch+json is taken.", "Content-Type").ConfigureAwait(false);
            return;
        }

        if (!TryMatch(context.Request.Headers.IfMatch, out var version))
        {
            await BadTagAsync(context).ConfigureAwait(false);
            return;
        }

        PatchOperation[] operations;
        Problem? problem;
        using (var body = await RequestBody.ReadAsync(context, TwinJson.LongestDocument).ConfigureAwait(false))
        {
            if (body.Problem is not null)
            {
                await TooLargeAsync(context, body.Problem).ConfigureAwait(false);
                return;
            }

            if (!TwinJson.TryReadPatch(body.Memory.Span, out operations, out problem))
            {
                await TwinProblems.WriteAsync(context, 400, problem).ConfigureAwait(false);
                return;
            }
        }

        var result = await StoreOf(context).ExecuteAsync(new PatchTwin(id, operations) { IfMatch = version }, context.RequestAborted).ConfigureAwait(false);
        if (!result.IsDone)
        {
            await TwinProblems.WriteAsync(context, result.Status, result.Problem).ConfigureAwait(false);
            return;
        }

        context.Response.StatusCode = 204;
        context.Response.Headers.ETag = ETag.Format(result.Version);
    }

    private async Task GetAsync(HttpContext context, string id)
    {
        var twin = await StoreOf(context).GetTwinAsync(id, context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, twin).ConfigureAwait(false);
    }

    private async Task PutAsync(HttpContext context, string id)
    {
        if (!TryMatch(context.Request.Headers.IfMatch, out var version))
        {
            await BadTagAsync(context).ConfigureAwait(false);
            return;
        }

        PutTwin? command;
        using (var body = await RequestBody.ReadAsync(context, TwinJson.LongestDocument).ConfigureAwait(false))
        {
            if (body.Problem is not null)
            {
                await TooLargeAsync(context, body.Problem).ConfigureAwait(false);
                return;
            }

            if (!TwinJson.TryReadTwin(id, body.Memory.Span, out command, out var problem))
            {
                await TwinProblems.WriteAsync(context, 400, problem).ConfigureAwait(false);
                return;
            }
        }

        command = command with { IfMatch = version, OnlyIfAbsent = context.Request.Headers.IfNoneMatch == "*" };
        var result = await StoreOf(context).ExecuteAsync(command, context.RequestAborted).ConfigureAwait(false);
        if (!result.IsDone)
        {
            await TwinProblems.WriteAsync(context, result.Status, result.Problem).ConfigureAwait(false);
            return;
        }

        await AnswerAsync(context, await StoreOf(context).GetTwinAsync(id, context.RequestAborted).ConfigureAwait(false)).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext context, string id)
    {
        if (!TryMatch(context.Request.Headers.IfMatch, out var version))
        {
            await BadTagAsync(context).ConfigureAwait(false);
            return;
        }

        var cascade = context.Request.Query["cascade"] == "true";
        var result = await StoreOf(context).ExecuteAsync(new DeleteTwin(id) { IfMatch = version, Cascade = cascade }, context.RequestAborted).ConfigureAwait(false);
        if (result.IsDone) context.Response.StatusCode = 204;
        else await TwinProblems.WriteAsync(context, result.Status, result.Problem).ConfigureAwait(false);
    }

    private async Task QueryAsync(HttpContext context)
    {
        QueryRequest? request;
        using (var body = await RequestBody.ReadAsync(context, MostQueryBytes).ConfigureAwait(false))
        {
            if (body.Problem is not null)
            {
                await TooLargeAsync(context, body.Problem).ConfigureAwait(false);
                return;
            }

            if (!QueryBody.TryRead(body.Memory.Span, context.Request.Headers["max-items-per-page"], out request, out var problem))
            {
                await TwinProblems.WriteAsync(context, 400, problem!).ConfigureAwait(false);
                return;
            }
        }

        var page = await StoreOf(context).QueryAsync(request!, context.RequestAborted).ConfigureAwait(false);
        if (page.Status != TwinStatus.Ok)
        {
            await TwinProblems.WriteAsync(context, page.Status, page.Problem).ConfigureAwait(false);
            return;
        }

        context.Response.Headers["query-charge"] = page.RowsExamined.ToString(System.Globalization.CultureInfo.InvariantCulture);
        await RowsJson.WriteAsync(context, page.Rows, page.Continuation, "continuationToken").ConfigureAwait(false);
    }

    private async Task IngestAsync(HttpContext context)
    {
        var arrival = WallTime.Now(clock);
        var format = context.Request.ContentType?.Contains("msgpack", StringComparison.OrdinalIgnoreCase) == true ? PayloadFormat.MessagePackMany : PayloadFormat.JsonMany;
        SampleReader.Batch? batch;
        using (var body = await RequestBody.ReadAsync(context, MostIngestBytes).ConfigureAwait(false))
        {
            if (body.Problem is not null)
            {
                await TooLargeAsync(context, body.Problem).ConfigureAwait(false);
                return;
            }

            if (!_samples.TryRead(format, body.Memory, out batch, out var problem))
            {
                await TwinProblems.WriteAsync(context, 400, problem!).ConfigureAwait(false);
                return;
            }
        }

        IngestOutcome outcome;
        var subject = admission.SubjectOf(context) is { } who && !admission.RulesOf(who).WritesAllTwins ? who : null;
        using (batch)
            outcome = subject is not null
                ? await SubjectIngest.RunAsync(store.As(subject), batch!.Samples, arrival, context.RequestAborted).ConfigureAwait(false)
                : await entrance.IngestAsync(batch!.Samples, arrival, context.RequestAborted).ConfigureAwait(false);
        if (subject is not null) Hidden?.Check(subject, outcome);
        await IngestAnswer.WriteAsync(context, outcome).ConfigureAwait(false);
    }

    internal static async Task AnswerAsync(HttpContext context, Document document)
    {
        if (document.Status != TwinStatus.Ok)
        {
            await TwinProblems.WriteAsync(context, document.Status, document.Problem).ConfigureAwait(false);
            return;
        }

        var tag = ETag.Format(document.Version);
        context.Response.Headers.ETag = tag;
        if (context.Request.Headers.IfNoneMatch is { Count: 1 } seen && seen[0] == tag && HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.StatusCode = 304;
            return;
        }

        context.Response.ContentType = "application/json";
        context.Response.ContentLength = document.Json.Length;
        await context.Response.BodyWriter.WriteAsync(document.Json, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Reads If-Match: absent is null, <c>*</c> is 0, else the version; false when it is no tag of ours.</summary>
    internal static bool TryMatch(StringValues header, out long? version)
    {
        version = null;
        if (header.Count == 0) return true;
        var text = header[0];
        if (text == "*")
        {
            version = 0;
            return true;
        }

        if (header.Count != 1 || !ETag.TryParse(text, out var parsed)) return false;
        version = parsed;
        return true;
    }

    internal static Task BadTagAsync(HttpContext context) =>
        TwinProblems.WriteAsync(context, 400, "PreconditionInvalid", $"If-Match is '{Shorten(context.Request.Headers.IfMatch.ToString())}'; it must be one ETag as this server gives it, or *.", HeaderNames.IfMatch);

    internal static Task TooLargeAsync(HttpContext context, Problem problem)
    {
        context.Response.Headers.Connection = "close"; // the rest of the body is not read
        return TwinProblems.WriteAsync(context, 413, problem);
    }

    private static bool IsJson(string? contentType) => contentType is not null && contentType.StartsWith("application/json", StringComparison.OrdinalIgnoreCase);

    private static string Shorten(string text) => text.Length <= 64 ? text : text[..64] + "...";
}
