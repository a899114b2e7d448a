using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Wot;

namespace Twin.Gateway.Http;

/// <summary>Models, relationships, components, telemetry and batches: the requests that go through routing.</summary>
internal static class TwinEndpoints
{
    private const int MostModelBytes = 16 * 1024 * 1024;
    private const int MostBatchBytes = 16 * 1024 * 1024;
    private const int PageSize = 100;

    public static void Map(IEndpointRouteBuilder routes, ITwinStore everything, Admission admission)
    {
        // Each handler works on the graph as its caller may see it.
        ITwinStore Of(HttpContext context) => BranchDoor.StoreOf(context, everything, admission);
        MapModels(routes.MapGroup("/models").WithTags("Models"), Of);
        MapRelationships(routes.MapGroup("/digitaltwins/{id}").WithTags("Relationships"), Of);
        MapComponents(routes.MapGroup("/digitaltwins/{id}").WithTags("Components"), Of);
        routes.MapPost("/batch", (Delegate)(async (HttpContext context) => await BatchAsync(context, Of(context)).ConfigureAwait(false))).Needs(Permission.Write).WithTags("Twins").WithSummary("All or nothing over any twins, at most 1,000 commands");
    }

    private static void MapModels(RouteGroupBuilder models, Func<HttpContext, ITwinStore> of)
    {
        models.MapGet("", (HttpContext context, bool? includeModelDefinition) => ModelListing.AnswerAsync(context, of(context), includeModelDefinition == true)).Needs(Permission.Read).WithSummary("Models, all or those that others depend on");
        models.MapPost("", async (HttpContext context) =>
        {
            using var body = await RequestBody.ReadAsync(context, MostModelBytes).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            if (!System.Text.Unicode.Utf8.IsValid(body.Memory.Span)) return TwinProblems.Result(400, "JsonInvalid", "The body is not UTF-8.", "body");
            string text;
            if (context.Request.ContentType?.StartsWith(ThingModel.MediaType, StringComparison.OrdinalIgnoreCase) != true) text = System.Text.Encoding.UTF8.GetString(body.Memory.Span);
            else if (!ThingModel.TryConvert(body.Memory.Span, out text, out var problems))
                return TwinProblems.Result(400, problems[0].Code, string.Join(" ", problems.Take(10).Select(p => $"{p.Where}: {p.Detail}")), problems[0].Where);
            var before = of(context).Models;
            var result = await of(context).AddModelsAsync([text], context.RequestAborted).ConfigureAwait(false);
            if (!result.IsDone) return TwinProblems.Result(result.Status, result.Problem);
            var all = await of(context).ListModelsAsync(context.RequestAborted).ConfigureAwait(false);
            return Results.Json(all.Where(m => before.Find(m.Id) is null).Select(m => ModelListing.Show(of(context), m, false)), statusCode: 201);
        }).Needs(Permission.Administer).WithSummary("Adds DTDL models, all or none, or a Thing Model").Accepts<JsonElement>("application/json", ThingModel.MediaType);
        models.MapGet("{id}", async (HttpContext context, string id) =>
            await of(context).GetModelAsync(id, context.RequestAborted).ConfigureAwait(false) is { } model ? Results.Json(ModelListing.Show(of(context), model, true)) : ModelListing.NotFound(id)).Needs(Permission.Read).WithSummary("One model");
        models.MapPatch("{id}", async (HttpContext context, string id) =>
        {
            using var body = await RequestBody.ReadAsync(context, TwinJson.LongestDocument).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            if (!TwinJson.TryReadPatch(body.Memory.Span, out var operations, out var problem)) return TwinProblems.Result(TwinStatus.Invalid, problem);
            if (operations is not [{ Path: "decommissioned", Value.Kind: ValueKind.Boolean }])
                return TwinProblems.Result(400, "ModelPatchInvalid", "A model takes one operation: replace /decommissioned with true or false.", "/decommissioned");
            var result = await of(context).DecommissionModelAsync(id, operations[0].Value.AsBoolean, context.RequestAborted).ConfigureAwait(false);
            return result.IsDone ? Results.NoContent() : TwinProblems.Result(result.Status, result.Problem);
        }).Needs(Permission.Administer).WithSummary("Decommissions a model, or takes that back");
        models.MapDelete("{id}", async (HttpContext context, string id) =>
        {
            var result = await of(context).DeleteModelAsync(id, context.RequestAborted).ConfigureAwait(false);
            return result.IsDone ? Results.NoContent() : TwinProblems.Result(result.Status, result.Problem);
        }).Needs(Permission.Administer).WithSummary("Deletes a model that nothing uses");
    }

    private static void MapRelationships(RouteGroupBuilder twin, Func<HttpContext, ITwinStore> of)
    {
        twin.MapGet("relationships", async (HttpContext context, string id) =>
        {
            var page = await of(context).ListRelationshipsAsync(id, NullIfEmpty(context.Request.Query["relationshipName"]), PageSize, NullIfEmpty(context.Request.Query["continuationToken"]), context.RequestAborted).ConfigureAwait(false);
            await ListAsync(context, page).ConfigureAwait(false);
        }).Needs(Permission.Read).WithSummary("Relationships from a twin");
        twin.MapGet("incomingrelationships", async (HttpContext context, string id) =>
            await ListAsync(context, await of(context).ListIncomingAsync(id, PageSize, NullIfEmpty(context.Request.Query["continuationToken"]), context.RequestAborted).ConfigureAwait(false)).ConfigureAwait(false))
            .Needs(Permission.Read).WithSummary("Relationships to a twin");
        twin.MapGet("relationships/{rid}", async (HttpContext context, string id, string rid) =>
            await FrontDoor.AnswerAsync(context, await of(context).GetRelationshipAsync(id, rid, context.RequestAborted).ConfigureAwait(false)).ConfigureAwait(false)).Needs(Permission.Read).WithSummary("One relationship");
        twin.MapPut("relationships/{rid}", async (HttpContext context, string id, string rid) =>
        {
            using var body = await RequestBody.ReadAsync(context, TwinJson.LongestDocument).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            if (!FrontDoor.TryMatch(context.Request.Headers.IfMatch, out var version)) return BadTag();
            if (!TwinJson.TryReadRelationship(id, rid, body.Memory.Span, out var command, out var problem)) return TwinProblems.Result(TwinStatus.Invalid, problem);
            var result = await of(context).ExecuteAsync(command with { IfMatch = version, OnlyIfAbsent = context.Request.Headers.IfNoneMatch == "*" }, context.RequestAborted).ConfigureAwait(false);
            if (!result.IsDone) return TwinProblems.Result(result.Status, result.Problem);
            return new DocumentResult(await of(context).GetRelationshipAsync(id, rid, context.RequestAborted).ConfigureAwait(false));
        }).Needs(Permission.Write).WithSummary("Creates or replaces a relationship");
        twin.MapPatch("relationships/{rid}", async (HttpContext context, string id, string rid) =>
        {
            using var body = await RequestBody.ReadAsync(context, TwinJson.LongestDocument).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            if (!FrontDoor.TryMatch(context.Request.Headers.IfMatch, out var version)) return BadTag();
            if (!TwinJson.TryReadPatch(body.Memory.Span, out var operations, out var problem)) return TwinProblems.Result(TwinStatus.Invalid, problem);
            return Done(context, await of(context).ExecuteAsync(new PatchRelationship(id, rid, operations) { IfMatch = version }, context.RequestAborted).ConfigureAwait(false));
        }).Needs(Permission.Write).WithSummary("Changes a relationship's properties");
        twin.MapDelete("relationships/{rid}", async (HttpContext context, string id, string rid) =>
            !FrontDoor.TryMatch(context.Request.Headers.IfMatch, out var version) ? BadTag()
            : Done(context, await of(context).ExecuteAsync(new DeleteRelationship(id, rid) { IfMatch = version }, context.RequestAborted).ConfigureAwait(false))).Needs(Permission.Write).WithSummary("Deletes a relationship");
    }

    private static void MapComponents(RouteGroupBuilder twin, Func<HttpContext, ITwinStore> of)
    {
        twin.MapGet("components/{name}", async (HttpContext context, string id, string name) =>
            await FrontDoor.AnswerAsync(context, await of(context).GetComponentAsync(id, name, context.RequestAborted).ConfigureAwait(false)).ConfigureAwait(false)).Needs(Permission.Read).WithSummary("One component");
        twin.MapPatch("components/{name}", async (HttpContext context, string id, string name) =>
        {
            using var body = await RequestBody.ReadAsync(context, TwinJson.LongestDocument).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            if (!FrontDoor.TryMatch(context.Request.Headers.IfMatch, out var version)) return BadTag();
            if (!TwinJson.TryReadPatch(body.Memory.Span, out var operations, out var problem)) return TwinProblems.Result(TwinStatus.Invalid, problem);
            var below = Array.ConvertAll(operations, o => o with { Path = $"{name}/{o.Path}" });
            return Done(context, await of(context).ExecuteAsync(new PatchTwin(id, below) { IfMatch = version }, context.RequestAborted).ConfigureAwait(false));
        }).Needs(Permission.Write).WithSummary("Changes a component");
        twin.MapPost("telemetry", (HttpContext context, string id) => TelemetryAsync(context, of(context), id, "")).Needs(Permission.Write).WithSummary("Publishes telemetry");
        twin.MapPost("components/{name}/telemetry", (HttpContext context, string id, string name) => TelemetryAsync(context, of(context), id, name)).Needs(Permission.Write).WithSummary("Publishes a component's telemetry");
    }

    private static async Task<IResult> TelemetryAsync(HttpContext context, ITwinStore store, string id, string component)
    {
        if (context.Request.Headers["Message-Id"].Count == 0) return TwinProblems.Result(400, "MessageIdMissing", "The header Message-Id is required.", "Message-Id");
        var source = WallTime.None;
        if (context.Request.Headers["Telemetry-Source-Time"].ToString() is { Length: > 0 } text)
        {
            if (!DateTimeOffset.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal, out var time))
                return TwinProblems.Result(400, "SourceTimeInvalid", $"Telemetry-Source-Time is '{text}'; it must be an RFC 3339 time.", "Telemetry-Source-Time");
            source = WallTime.From(time);
        }

        using var body = await RequestBody.ReadAsync(context, TwinJson.LongestDocument).ConfigureAwait(false);
        if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
        if (!TryReadValue(body.Memory.Span, out var payload, out var problem)) return TwinProblems.Result(TwinStatus.Invalid, problem);
        return Done(context, await store.ExecuteAsync(new PublishTelemetry(id, component, payload) { SourceTime = source }, context.RequestAborted).ConfigureAwait(false));
    }

    private static bool TryReadValue(ReadOnlySpan<byte> utf8, out PropertyValue value, out Problem? problem)
    {
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = TwinJson.DeepestNesting });
            reader.Read();
            value = PropertyValue.ReadJson(ref reader);
            problem = null;
            return true;
        }
        catch (JsonException fault)
        {
            value = default;
            problem = new Problem("JsonInvalid", fault.Message, "body");
            return false;
        }
    }

    private static async Task<IResult> BatchAsync(HttpContext context, ITwinStore store)
    {
        using var body = await RequestBody.ReadAsync(context, MostBatchBytes).ConfigureAwait(false);
        if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
        if (!BatchBody.TryRead(body.Memory.Span, out var commands, out var problem)) return TwinProblems.Result(TwinStatus.Invalid, problem);
        var results = await store.ExecuteAtomicAsync(commands!, context.RequestAborted).ConfigureAwait(false);
        var isDone = Array.TrueForAll(results, r => r.IsDone);
        var worst = results.FirstOrDefault(r => !r.IsDone && r.Status != TwinStatus.NotDone);
        return Results.Json(new
        {
            results = results.Select(r => new { status = TwinProblems.StatusOf(r.Status, r.Problem), etag = r.IsDone && r.Version != 0 ? ETag.Format(r.Version) : null, code = r.Problem?.Code, detail = r.Problem?.Detail }),
        }, statusCode: isDone ? 200 : TwinProblems.StatusOf(worst.Status == TwinStatus.Ok ? TwinStatus.Conflict : worst.Status, worst.Problem));
    }

    private static IResult Done(HttpContext context, CommandResult result)
    {
        if (!result.IsDone) return TwinProblems.Result(result.Status, result.Problem);
        if (result.Version != 0) context.Response.Headers.ETag = ETag.Format(result.Version);
        return Results.NoContent();
    }

    private static IResult BadTag() => TwinProblems.Result(400, "PreconditionInvalid", "If-Match must be one ETag as this server gives it, or *.", "If-Match");

    private static Task ListAsync(HttpContext context, RowPage page)
    {
        if (page.Status != TwinStatus.Ok) return TwinProblems.WriteAsync(context, page.Status, page.Problem);
        var next = page.Continuation is null ? null : AzureShape.NextLink(context.Request, page.Continuation);
        return RowsJson.WriteAsync(context, page.Rows, next, "nextLink");
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private sealed class DocumentResult(Document document) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => FrontDoor.AnswerAsync(httpContext, document);
    }
}
