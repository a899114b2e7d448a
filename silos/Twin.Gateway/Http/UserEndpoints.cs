using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans;
using Twin.Gateway.Security;
using Twin.Grains.Spaces;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary><c>/users</c>: what people say of themselves. The user's own grain decides who may; here only the bodies are read.</summary>
internal static class UserEndpoints
{
    private const int MostBodyBytes = 4 * 1024;
    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow };

    public static void Map(IEndpointRouteBuilder endpoints, IGrainFactory grains, Admission admission)
    {
        var one = endpoints.MapGroup("/users/{id}").WithTags("Users");
        one.AddEndpointFilter(async (invocation, next) => invocation.HttpContext.Request.RouteValues["id"] is string { Length: > 128 }
            ? TwinProblems.Result(400, "UserInvalid", "A user's id is 1 to 128 characters.", "id") : await next(invocation).ConfigureAwait(false));
        one.MapGet("", async (HttpContext context, string id) => Show(await Of(id).GetAsync(SpaceCaller.ActingName(context, admission)).ConfigureAwait(false))).Needs(Permission.Read).WithSummary("A user: all of it for itself and administrators, name and appearance for others").Produces<JsonElement>(200);
        one.MapPut("", async (HttpContext context, string id) =>
        {
            var (profile, problem) = await ProfileAsync(context).ConfigureAwait(false);
            return problem ?? Answer(await Of(id).PutAsync(SpaceCaller.ActingName(context, admission), profile!).ConfigureAwait(false));
        }).Needs(Permission.Read).WithSummary("Changes what is given of name, appearance, birthYear, age").Accepts<JsonElement>("application/json");
        foreach (var (method, isGiven) in new[] { ("PUT", true), ("DELETE", false) })
        {
            one.MapMethods("consents/{name}", [method], async (HttpContext context, string id, string name) => Answer(await Of(id).ConsentAsync(SpaceCaller.ActingName(context, admission), name, isGiven).ConfigureAwait(false)))
                .Needs(Permission.Read).WithSummary(isGiven ? "Gives a consent" : "Takes a consent back: it holds at the next join");
            one.MapMethods("blocks/{other}", [method], async (HttpContext context, string id, string other) => Answer(await Of(id).BlockAsync(SpaceCaller.ActingName(context, admission), other, isGiven).ConfigureAwait(false)))
                .Needs(Permission.Read).WithSummary(isGiven ? "Blocks another user: within a second neither hears the other" : "Blocks another user no more");
        }

        IUserGrain Of(string id) => grains.GetGrain<IUserGrain>(id);
    }

    private static async Task<(UserProfile? Profile, IResult? Problem)> ProfileAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
        if (body.Problem is not null) return (null, TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body"));
        try
        {
            return JsonSerializer.Deserialize<UserProfile>(body.Memory.Span, Strict) is { } profile ? (profile, null) : (null, TwinProblems.Result(400, "UserInvalid", "The body is null.", "body"));
        }
        catch (JsonException fault)
        {
            return (null, TwinProblems.Result(400, "UserInvalid", fault.Message, fault.Path));
        }
    }

    private static IResult Show(UserView view) => Results.Json(view.IsWhole
        ? new { user = view.User, view.Name, view.Appearance, view.BirthYear, view.Age, view.Consents, view.Blocks, view.Space, view.Since }
        : (object)new { user = view.User, view.Name, view.Appearance }, SpaceCaller.Sparse);

    private static IResult Answer(CommandResult result) => result.IsDone ? Results.NoContent() : TwinProblems.Result(result.Status, result.Problem);
}
