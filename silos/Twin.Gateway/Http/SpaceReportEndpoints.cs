using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans;
using Twin.Gateway.Security;
using Twin.Grains.Spaces;

namespace Twin.Gateway.Http;

/// <summary><c>/spaces/{id}/reports</c>: for hosts, moderators and administrators; the space's owner decides who is one.</summary>
internal static class SpaceReportEndpoints
{
    public static void Map(RouteGroupBuilder one, IGrainFactory grains, Admission admission)
    {
        one.MapGet("reports", async (HttpContext context, string id) =>
        {
            var (reports, problem) = await grains.GetGrain<ISpaceGrain>(id).ReportsAsync(SpaceCaller.ActingName(context, admission)).ConfigureAwait(false);
            return problem is null ? Results.Json(new { value = reports }, SpaceCaller.Sparse) : TwinProblems.Result(problem.Code == "NotAllowed" ? 403 : 404, problem.Code, problem.Detail, problem.Where);
        }).Needs(Permission.Read).WithSummary("What people report of one another, the newest first");
        one.MapPost("reports/{number}/close", async (HttpContext context, string id, string number) =>
        {
            if (!long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var which)) return TwinProblems.Result(400, "NumberInvalid", "A report's number is a whole number from 1.", "number");
            var result = await grains.GetGrain<ISpaceGrain>(id).CloseReportAsync(SpaceCaller.ActingName(context, admission), which).ConfigureAwait(false);
            return result.IsDone ? Results.NoContent() : TwinProblems.Result(result.Status, result.Problem);
        }).Needs(Permission.Read).WithSummary("Closes a report");
    }
}
