using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Twin.Gateway.Http;

/// <summary>Declares the requests that the front door takes before routing, so that OpenAPI and 405 answers know them.</summary>
internal static class HotRoutes
{
    public static void Describe(IEndpointRouteBuilder routes)
    {
        var twin = routes.MapGroup("/digitaltwins/{id}").WithTags("Twins");
        twin.MapGet("", (Delegate)Unreached).WithSummary("A twin").Produces<JsonElement>(200).ProducesProblem(404);
        twin.MapPut("", (Delegate)Unreached).WithSummary("Creates or replaces a twin").Accepts<JsonElement>("application/json").Produces<JsonElement>(200).ProducesProblem(400).ProducesProblem(412);
        twin.MapPatch("", (Delegate)Unreached).WithSummary("Changes a twin (JSON Patch)").Accepts<JsonElement>("application/json-patch+json").Produces(204).ProducesProblem(400).ProducesProblem(404).ProducesProblem(412);
        twin.MapDelete("", (Delegate)Unreached).WithSummary("Deletes a twin; ?cascade=true takes its relationships along").Produces(204).ProducesProblem(409);
        routes.MapPost("/query", (Delegate)Unreached).WithTags("Query").WithSummary("Runs a query").Accepts<JsonElement>("application/json").Produces<JsonElement>(200).ProducesProblem(400).ProducesProblem(413);
        routes.MapPost("/ingest", (Delegate)Unreached).WithTags("Samples").WithSummary("Samples of many twins").Accepts<JsonElement>("application/json", "application/msgpack").Produces<JsonElement>(200).ProducesProblem(400);
    }

    private static Task Unreached(HttpContext context) => TwinProblems.WriteAsync(context, 404, "NotFound", "The front door takes this request; it is mapped for its description.");
}
