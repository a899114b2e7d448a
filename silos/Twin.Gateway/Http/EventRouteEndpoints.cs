using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Feeds;
using Twin.Gateway.Security;

namespace Twin.Gateway.Http;

/// <summary>
/// <c>/eventroutes</c> as clients of Azure Digital Twins ask for them: the outbound routes of this process, to be seen and deleted. Making one needs
/// a target, which those clients cannot say.
/// </summary>
internal static class EventRouteEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints, RouteBook book)
    {
        var routes = endpoints.MapGroup("/eventroutes").WithTags("Routes");
        routes.MapGet("", () => Results.Json(new { value = book.All.Select(Show), nextLink = (string?)null })).Needs(Permission.Read).WithSummary("Outbound routes as event routes");
        routes.MapGet("{id}", (string id) => book.Find(id) is { } route ? Results.Json(Show(route)) : NoRoute(id)).Needs(Permission.Read).WithSummary("One outbound route as an event route");
        routes.MapPut("{id}", (string id) => TwinProblems.Result(400, "EventRouteEndpointInvalid", $"There are no endpoints apart from routes here; PUT /routes/{id} makes a route with its target.", "endpointName"))
            .Needs(Permission.Administer).WithSummary("Refused: a route needs a target");
        routes.MapDelete("{id}", async (string id) => await book.DeleteAsync(id).ConfigureAwait(false) ? Results.NoContent() : NoRoute(id)).Needs(Permission.Administer)
            .WithSummary("Deletes an outbound route with its cursor and dead letters");
    }

    private static IResult NoRoute(string id) => TwinProblems.Result(404, "EventRouteNotFound", $"There is no event route '{id}'.", "id");

    private static object Show(KeptRoute route) => new { id = route.Id, endpointName = route.Definition.Target?.Kind ?? "", filter = route.Definition.Filter.Where ?? "true" };
}
