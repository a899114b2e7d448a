using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Gateway.Http;

/// <summary><c>/policies</c>: who may do what, and what that comes to.</summary>
internal static class PolicyEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints, IPolicyStore policies, ITwinStore store, CredentialCheck credentials)
    {
        var routes = endpoints.MapGroup("/policies").WithTags("Policies");
        routes.MapGet("", async () => Results.Json(new { value = (await policies.ListAsync().ConfigureAwait(false)).Select(p => new { id = p.Id, etag = ETag.Format(p.Version), policy = Parse(p) }) }))
            .Needs(Permission.Administer).WithSummary("All policies");
        routes.MapGet("effective", (HttpContext context, string subject, string twin, string? roles, string? rights) => EffectiveAsync(context, store, credentials, subject, twin, roles, rights))
            .Needs(Permission.Administer).WithSummary("What a subject may do with a twin, path by path, and the entry that says so");
        routes.MapGet("{id}", async (HttpContext context, string id) =>
        {
            if ((await policies.ListAsync().ConfigureAwait(false)).FirstOrDefault(p => p.Id == id) is not { } policy) return TwinProblems.Result(404, "PolicyNotFound", $"There is no policy '{id}'.", "id");
            context.Response.Headers.ETag = ETag.Format(policy.Version);
            return Results.Json(Parse(policy));
        }).Needs(Permission.Administer).WithSummary("One policy");
        routes.MapPut("{id}", async (HttpContext context, string id) =>
        {
            using var body = await RequestBody.ReadAsync(context, PolicyDocument.MostBytes).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            if (!FrontDoor.TryMatch(context.Request.Headers.IfMatch, out var version)) return BadTag();
            var result = await policies.PutAsync(id, body.Memory, version, context.Request.Headers.IfNoneMatch == "*").ConfigureAwait(false);
            if (!result.IsDone) return TwinProblems.Result(result.Status, result.Problem);
            context.Response.Headers.ETag = ETag.Format(result.Version);
            return Results.Json(new { id, etag = ETag.Format(result.Version) }, statusCode: result.Status == TwinStatus.Created ? 201 : 200);
        }).Needs(Permission.Administer).WithSummary("Creates or replaces a policy").Accepts<JsonElement>("application/json");
        routes.MapDelete("{id}", async (HttpContext context, string id) =>
        {
            if (!FrontDoor.TryMatch(context.Request.Headers.IfMatch, out var version)) return BadTag();
            var result = await policies.DeleteAsync(id, version).ConfigureAwait(false);
            return result.IsDone ? Results.NoContent() : TwinProblems.Result(result.Status, result.Problem);
        }).Needs(Permission.Administer).WithSummary("Deletes a policy that no other imports");
    }

    // A key's roles and rights are configured here; a token carries its own, so they are asked for.
    private static async Task<IResult> EffectiveAsync(HttpContext context, ITwinStore store, CredentialCheck credentials, string subject, string twin, string? roles, string? rights)
    {
        if (subject.Length == 0) return TwinProblems.Result(400, "SubjectInvalid", "subject must be key:NAME or jwt:NAME.", "subject");
        PolicySubject? asked;
        if (credentials.FindByName(subject) is { } caller) asked = caller.Subject;
        else
        {
            var own = Permissions.None;
            foreach (var name in (rights ?? "read").Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                if (PermissionNames.Parse(name) is var right && right == Permissions.None) return TwinProblems.Result(400, "RightsInvalid", $"rights has '{name}'; read, write, command and administer are taken.", "rights");
                own |= right;
            }

            asked = (own & Permissions.Administer) != 0 ? null : new PolicySubject(subject, (roles ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries), own);
        }

        var document = await store.As(asked).GetRightsAsync(twin, context.RequestAborted).ConfigureAwait(false);
        return document.Status == TwinStatus.Ok ? Results.Bytes(document.Json.ToArray(), "application/json") : TwinProblems.Result(document.Status, document.Problem);
    }

    private static JsonElement Parse(StoredPolicy policy)
    {
        using var document = JsonDocument.Parse(policy.Json);
        return document.RootElement.Clone();
    }

    private static IResult BadTag() => TwinProblems.Result(400, "PreconditionInvalid", "If-Match must be one ETag as this server gives it, or *.", "If-Match");
}
