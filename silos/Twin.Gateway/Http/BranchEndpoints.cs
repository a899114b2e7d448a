using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Audit;
using Twin.Gateway.Security;
using Twin.Grains.Branches;

namespace Twin.Gateway.Http;

/// <summary><c>/branches</c>: forks, lists and drops them. What happens on one goes through <see cref="BranchDoor"/>.</summary>
internal static class BranchEndpoints
{
    private const int MostBodyBytes = 4 * 1024;
    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow };

    public static void Map(IEndpointRouteBuilder routes, ITwinBranches branches, Admission admission, AuditLog audit)
    {
        var group = routes.MapGroup("/branches").WithTags("Branches");
        group.MapGet("", async () => Results.Json(new { value = (await branches.ListAsync().ConfigureAwait(false)).Select(Show) }, SpaceCaller.Sparse)).Needs(Permission.Read).WithSummary("The branches");
        group.MapGet("{branch}", async (string branch) => await branches.GetAsync(branch).ConfigureAwait(false) is { } one ? Results.Json(Show(one), SpaceCaller.Sparse) : NotFound(branch)).Needs(Permission.Read).WithSummary("A branch");
        group.MapPut("{branch}", async (HttpContext context, string branch) =>
        {
            using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            ForkBody? asked;
            try
            {
                asked = body.Memory.Length == 0 ? new ForkBody(null, null, null) : JsonSerializer.Deserialize<ForkBody>(body.Memory.Span, Strict);
            }
            catch (JsonException fault)
            {
                return TwinProblems.Result(400, "BranchInvalid", fault.Message, fault.Path);
            }

            TimeSpan? lifetime = asked?.ExpiresInSeconds is { } seconds ? TimeSpan.FromSeconds(double.IsFinite(seconds) ? Math.Clamp(seconds, -1, 1e9) : -1) : null;
            var answer = await branches.CreateAsync(new BranchRequest(branch, asked?.From ?? "live", asked?.Note, lifetime, SpaceCaller.ActingName(context, admission))).ConfigureAwait(false);
            if (answer.Problem is { } problem) return TwinProblems.Result(problem.Code switch { "BranchExists" => 409, "ParentNotFound" => 404, "TooManyBranches" or "ForkBusy" => 503, _ => 400 }, problem.Code, problem.Detail, problem.Where);
            audit.Administered(admission.CallerOf(context)?.SubjectName ?? "anonymous", $"forked branch {branch} from {answer.Branch!.Parent}", "201");
            return Results.Json(Show(answer.Branch), SpaceCaller.Sparse, statusCode: 201);
        }).Needs(Permission.Administer).WithSummary("Forks the live world, or a branch, as it is at this moment").Accepts<JsonElement>("application/json");
        group.MapDelete("{branch}", async (HttpContext context, string branch) =>
        {
            if (!await branches.DropAsync(branch).ConfigureAwait(false)) return NotFound(branch);
            audit.Administered(admission.CallerOf(context)?.SubjectName ?? "anonymous", $"dropped branch {branch}", "204");
            return Results.NoContent();
        }).Needs(Permission.Administer).WithSummary("Drops a branch and what it holds");
    }

    private static object Show(BranchRecord one) => new { branch = one.Id, from = one.Parent, one.Note, one.Created, one.CreatedBy, one.Expires, forkMs = one.ForkMilliseconds };

    private static IResult NotFound(string branch) => TwinProblems.Result(404, "BranchNotFound", $"There is no branch '{branch}'.", "branch");

    private sealed record ForkBody(string? From, string? Note, double? ExpiresInSeconds);
}
