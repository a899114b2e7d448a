using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Twin.Gateway.Audit;
using Twin.Gateway.Security;
using Twin.Gateway.Spaces;
using Twin.Gateway.Spaces.Sockets;
using Twin.Grains;
using Twin.Grains.Spaces;
using Twin.Model;
using Twin.Model.Spaces;

namespace Twin.Gateway.Http;

/// <summary><c>/spaces</c>: places that people share. Poses go over the socket that a session's answer names.</summary>
internal static class SpaceEndpoints
{
    private const int MostBodyBytes = 8 * 1024;

    public static void Map(IEndpointRouteBuilder endpoints, IGrainFactory grains, Admission admission, SpaceDoor door, SpaceKeeper keeper, SpaceTokens tokens, RecordingEndpoints recordings)
    {
        var routes = endpoints.MapGroup("/spaces").WithTags("Spaces");
        routes.MapGet("", async () => Results.Json(new { value = await grains.GetGrain<ISpaceDirectoryGrain>(0).ListAsync().ConfigureAwait(false) })).Needs(Permission.Read).WithSummary("The spaces");
        var one = routes.MapGroup("/{id}");
        one.AddEndpointFilter(async (invocation, next) => invocation.HttpContext.Request.RouteValues["id"] is string id && !TwinJson.IsValidId(id)
            ? TwinProblems.Result(400, "IdInvalid", "A space's id is 1 to 128 letters, digits and - _ . : characters.", "id") : await next(invocation).ConfigureAwait(false));
        one.MapGet("", async (HttpContext context, string id) =>
        {
            var shown = await grains.GetGrain<ISpaceGrain>(id).ShowAsync(SpaceCaller.ActingName(context, admission)).ConfigureAwait(false);
            var orders = shown.Orders;
            return orders.Definition is null ? NotFound(id) : Results.Json(new SpaceBody(id, ETag.Format(orders.Version), JsonDocument.Parse(orders.Definition).RootElement, orders.IsFrozen, orders.FrozenCells, orders.SlowChatSeconds, shown.Seated, shown.Waiting, shown.ShowsPeople ? orders.Banned : null, shown.ShowsPeople ? orders.Muted : null), SpaceCaller.Sparse);
        }).Needs(Permission.Read).WithSummary("A space, what moderators ordered included");
        one.MapPut("", async (HttpContext context, string id) =>
        {
            using var body = await RequestBody.ReadAsync(context, SpaceDefinition.MostBytes).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            var result = await grains.GetGrain<ISpaceGrain>(id).PutAsync(body.Memory.ToArray(), null).ConfigureAwait(false);
            if (result.IsDone) await keeper.TellNowAsync(id).ConfigureAwait(false);
            return result.IsDone ? Results.Json(new { id, etag = ETag.Format(result.Version) }, statusCode: result.Status == TwinStatus.Created ? 201 : 200) : TwinProblems.Result(result.Status, result.Problem);
        }).Needs(Permission.Administer).WithSummary("Creates or changes a space").Accepts<JsonElement>("application/json");
        one.MapDelete("", async (string id) =>
        {
            var result = await grains.GetGrain<ISpaceGrain>(id).DeleteAsync(null).ConfigureAwait(false);
            await keeper.TellNowAsync(id).ConfigureAwait(false);
            return result.IsDone ? Results.NoContent() : TwinProblems.Result(result.Status, result.Problem);
        }).Needs(Permission.Administer).WithSummary("Ends a space: everyone goes");
        one.MapPost("sessions", (HttpContext context, string id) => JoinAsync(context, grains, admission, keeper, tokens, id)).Needs(Permission.Read).WithSummary("Comes in: a token and the socket's address, or a place in the waiting line");
        one.MapDelete("sessions/{user}", async (HttpContext context, string id, string user) =>
        {
            if (admission.CallerOf(context) is { SubjectName: { } name } && admission.SubjectOf(context) is not null && name != user) return TwinProblems.Result(403, "NotAllowed", "One leaves for oneself.", "user");
            await grains.GetGrain<ISpaceGrain>(id).LeaveAsync(user).ConfigureAwait(false);
            await keeper.TellNowAsync(id).ConfigureAwait(false); // its socket ends too
            return Results.NoContent();
        }).Needs(Permission.Read).WithSummary("Gives up the seat or the place in the line");
        one.MapPost("moderation", (HttpContext context, string id) => ModerateAsync(context, grains, admission, keeper, id)).Needs(Permission.Read).WithSummary("Mutes, sends out, keeps out, freezes, slows chat");
        SpaceReportEndpoints.Map(one, grains, admission);
        one.MapGet("people", async (HttpContext context, string id) =>
        {
            if (!(await grains.GetGrain<ISpaceGrain>(id).ShowAsync(SpaceCaller.ActingName(context, admission)).ConfigureAwait(false)).ShowsPeople) return TwinProblems.Result(403, "NotAllowed", $"Only hosts and moderators of '{id}' may see who is there.");
            return door.Find(id) is not { } hall ? Results.Json(new { value = Array.Empty<object>(), here = false }) : Results.Json(new { value = await door.RunAsync(() => hall.Describe()).ConfigureAwait(false), here = true });
        }).Needs(Permission.Read).WithSummary("Who is here, with inputs that this silo refused: of hosts, moderators and administrators");
        AvatarEndpoints.Map(one, grains, admission);
        recordings.Map(one);
        one.Map("socket", async (HttpContext context, string id) =>
        {
            if (!context.WebSockets.IsWebSocketRequest && admission.Check(context, Permission.Read) is { } refusal) await refusal.WriteAsync(context).ConfigureAwait(false); // a socket's token says who it is
            else if (!context.WebSockets.IsWebSocketRequest) await TwinProblems.WriteAsync(context, 426, "UpgradeRequired", "This is a WebSocket: open it with the token of POST /spaces/{id}/sessions.").ConfigureAwait(false);
            else await BridgedSocket.RunAsync(context, door.Loop).ConfigureAwait(false);
        });
    }

    private static async Task<IResult> JoinAsync(HttpContext context, IGrainFactory grains, Admission admission, SpaceKeeper keeper, SpaceTokens tokens, string id)
    {
        using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
        if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
        SessionRequest? asked;
        try
        {
            asked = body.Memory.Length == 0 ? new SessionRequest(null, null, null, null, null, null) : JsonSerializer.Deserialize<SessionRequest>(body.Memory.Span, JsonSerializerOptions.Web);
        }
        catch (JsonException fault)
        {
            return TwinProblems.Result(400, "SessionInvalid", fault.Message, fault.Path);
        }

        // Who is known to the door is who comes in; on an open loopback door one says who one is.
        var user = admission.SubjectOf(context)?.Name ?? (admission.CallerOf(context) is { SubjectName: { } caller } known && known != Caller.Loopback ? caller : asked?.User ?? "guest-" + Guid.NewGuid().ToString("N")[..12]);
        if (asked?.Name is { Length: 0 or > 64 }) return TwinProblems.Result(400, "SessionInvalid", "name must be 1 to 64 characters.", "name");
        if (asked?.Appearance is { Length: > 64 }) return TwinProblems.Result(400, "SessionInvalid", "appearance must be at most 64 characters.", "appearance");
        if (asked?.Ticket is { Length: > 64 }) return TwinProblems.Result(400, "SessionInvalid", "ticket must be at most 64 characters.", "ticket");
        if (asked?.Consents is { Length: > 16 }) return TwinProblems.Result(400, "SessionInvalid", "At most 16 consents are read.", "consents");
        var answer = await grains.GetGrain<ISpaceGrain>(id).JoinAsync(new JoinRequest(user, asked?.Age, asked?.Consents ?? []) { IsSelf = true, Ticket = asked?.Ticket }).ConfigureAwait(false);
        if (answer.Problem is { } problem) return TwinProblems.Result(problem.Code switch { "SpaceNotFound" => 404, "UserInvalid" => 400, "LineFull" or "TicketBusy" or "StoreUnavailable" => 503, "LedgerBusy" => 429, "TicketUsed" => 409, _ => 403 }, problem.Code, problem.Detail, problem.Where);
        if (answer.Position > 0)
        {
            context.Response.Headers.RetryAfter = "2";
            return Results.Json(new { position = answer.Position, user, retryAfterMs = 2000 }, statusCode: 202);
        }

        if (await keeper.OpenAsync(id).ConfigureAwait(false) is null) return NotFound(id);
        var (token, expires) = await tokens.MakeAsync(id, answer.Avatar, user, asked?.Name ?? answer.Name ?? SpaceCaller.Shown(user), asked?.Appearance ?? answer.Appearance ?? "", answer.Roles, answer.Issued).ConfigureAwait(false);
        return Results.Json(new { sessionToken = token, socket = $"/spaces/{Uri.EscapeDataString(id)}/socket", avatar = answer.Avatar, user, roles = answer.Roles, expires }, statusCode: 201);
    }

    private static async Task<IResult> ModerateAsync(HttpContext context, IGrainFactory grains, Admission admission, SpaceKeeper keeper, string id)
    {
        using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
        if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
        ModerationRequest? asked;
        try
        {
            asked = JsonSerializer.Deserialize<ModerationRequest>(body.Memory.Span, JsonSerializerOptions.Web);
        }
        catch (JsonException fault)
        {
            return TwinProblems.Result(400, "ModerationInvalid", fault.Message, fault.Path);
        }

        if (asked?.Act is null || !Enum.TryParse<ModerationAct>(asked.Act, ignoreCase: true, out var act) || !Enum.IsDefined(act)) return TwinProblems.Result(400, "ModerationInvalid", "act must be mute, kick, ban, freeze or slowChat.", "act");
        var result = await grains.GetGrain<ISpaceGrain>(id).ModerateAsync(admission.SubjectOf(context)?.Name, act, asked.User ?? "", asked.Seconds, asked.Cell).ConfigureAwait(false);
        if (!result.IsDone) return TwinProblems.Result(result.Status, result.Problem);
        context.RequestServices.GetRequiredService<AuditLog>().Administered(admission.CallerOf(context)?.SubjectName ?? "anonymous", $"{act} {asked.User}{(asked.Cell is { } cell ? $"cell {cell}" : "")} in space {id} for {asked.Seconds} s", "204");
        await keeper.TellNowAsync(id).ConfigureAwait(false);
        return Results.NoContent();
    }

    private static IResult NotFound(string id) => TwinProblems.Result(404, "SpaceNotFound", $"There is no space '{id}'.", "id");

    /// <summary>A space; who is kept out or quiet only for those who may see it.</summary>
    private sealed record SpaceBody(string Id, string Etag, JsonElement Definition, bool Frozen, int[] FrozenCells, int SlowChatSeconds, int Seated, int Waiting, Dictionary<string, DateTimeOffset>? Banned, Dictionary<string, DateTimeOffset>? Muted);

    private sealed record SessionRequest(string? User, string? Name, string? Appearance, int? Age, string[]? Consents, string? Ticket);

    private sealed record ModerationRequest(string? Act, string? User, int Seconds, int? Cell);
}
