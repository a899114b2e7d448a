using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Twin.Gateway.Feeds;
using Twin.Gateway.Security;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary><c>/routes</c>: outbound routes of this process.</summary>
internal static class RoutesEndpoints
{
    private const int MostBytes = 2 * 1024 * 1024; // 10,000 twin ids of 128 characters and some
    private static readonly TimeSpan PlacingLimit = TimeSpan.FromSeconds(5);

    public static void Map(IEndpointRouteBuilder endpoints, RouteBook book)
    {
        var routes = endpoints.MapGroup("/routes").WithTags("Routes");
        routes.MapGet("", () => Results.Json(new { value = book.All.Select(r => Show(r)), nextLink = (string?)null })).Needs(Permission.Read).WithSummary("All outbound routes");
        routes.MapGet("{id}", (string id) => book.Find(id) is { } route ? Results.Json(Show(route)) : NoRoute(id)).Needs(Permission.Read).WithSummary("One outbound route");
        routes.MapPut("{id}", (HttpContext context, string id) => PutAsync(context, book, id)).Needs(Permission.Administer)
            .WithSummary("Creates or replaces an outbound route to a webhook, an MQTT broker or files").Accepts<JsonElement>("application/json");
        routes.MapDelete("{id}", async (string id) => await book.DeleteAsync(id).ConfigureAwait(false) ? Results.NoContent() : NoRoute(id)).Needs(Permission.Administer)
            .WithSummary("Deletes a route with its cursor and dead letters");
        routes.MapGet("{id}/deadletters", (string id, int? limit) =>
        {
            if (limit is < 1 or > 1_000) return TwinProblems.Result(400, "LimitInvalid", $"limit is {limit}; it must be from 1 to 1000.", "limit");
            if (book.ReadDeadLetters(id, limit ?? 100) is not { } letters) return NoRoute(id);
            return Results.Json(new
            {
                value = letters.Select(l => new { key = l.Batch.Key, shard = l.Batch.Shard, first = l.Batch.First, last = l.Batch.Last, error = l.Error, at = l.At, changes = l.Batch.Changes.Select(c => JsonSerializer.Deserialize<JsonElement>(c.Json)) }),
            });
        }).Needs(Permission.Read).WithSummary("A route's undeliverable batches, oldest first");
        routes.MapPost("{id}/redeliver", async (HttpContext context, string id) =>
            await book.RedeliverAsync(id, context.RequestAborted).ConfigureAwait(false) is { } delivered ? Results.Json(new { delivered }) : NoRoute(id)).Needs(Permission.Administer)
            .WithSummary("Tries a route's dead letters again, oldest first, until one fails");
    }

    private static async Task<IResult> PutAsync(HttpContext context, RouteBook book, string id)
    {
        using var body = await RequestBody.ReadAsync(context, MostBytes).ConfigureAwait(false);
        if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
        if (!RouteDefinition.TryRead(body.Memory.Span, out var definition, out var problem)) return TwinProblems.Result(TwinStatus.Invalid, problem);
        if (definition!.Owner is not null) return TwinProblems.Result(400, "RouteInvalid", "owner is who makes the route; it cannot be given.", "owner");
        var maker = context.RequestServices.GetRequiredService<Admission>().SubjectOf(context);
        var (status, refusal) = await book.PutAsync(id, definition with { Owner = RouteOwner.Of(maker) }).ConfigureAwait(false);
        if (refusal is not null) return TwinProblems.Result(status, refusal);
        var isPlaced = await book.WaitUntilPlacedAsync(id, PlacingLimit, context.RequestAborted).ConfigureAwait(false);
        return book.Find(id) is { } route ? Results.Json(Show(route, isPlaced), statusCode: status == TwinStatus.Created ? 201 : 200) : NoRoute(id);
    }

    private static IResult NoRoute(string id) => TwinProblems.Result(404, "RouteNotFound", $"There is no route '{id}'.", "id");

    private static object Show(KeptRoute route, bool? placed = null)
    {
        var (d, s) = (route.Definition, route.Status);
        return new
        {
            id = route.Id,
            filter = new { twins = d.Filter.Twins, prefix = d.Filter.Prefix, model = d.Filter.Model, path = d.Filter.Path, where = d.Filter.Where },
            target = d.ShowTarget(),
            owner = d.Owner?.Name,
            batchSize = d.BatchSize,
            fromOldest = d.FromOldest,
            placed,
            status = s is null ? null : new
            {
                delivered = s.Delivered, retried = s.Retried, dead = s.Dead, deadDropped = s.DeadDropped, deadBytes = s.DeadBytes, resets = s.Resets, lagSeconds = s.LagSeconds, breakerOpen = s.BreakerOpen, lastError = s.LastError,
            },
        };
    }
}
