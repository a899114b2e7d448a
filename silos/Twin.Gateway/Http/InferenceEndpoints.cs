using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Feeds;
using Twin.Gateway.Security;
using Twin.Pipelines.Inference;

namespace Twin.Gateway.Http;

/// <summary><c>GET /inference/models</c>: the networks this process found, and how they fare.</summary>
internal static class InferenceEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints, InferencePump pump) =>
        endpoints.MapGet("/inference/models", () => Results.Json(new { isReading = pump.IsReading, value = pump.Models.Select(Show), nextLink = (string?)null }))
            .Needs(Permission.Read).WithTags("Inference").WithSummary("The networks, what they read and write, and how they fare");

    private static object Show(ServedModel m) => new
    {
        name = m.Card.Name,
        version = m.Card.Version,
        state = m.State switch { ModelState.Ready => "ready", ModelState.Disabled => "disabled", _ => "refused" },
        licence = m.Card.Licence,
        sha256 = m.Card.Sha256,
        input = new { path = m.Card.Input.Path, model = m.Card.Input.Model, window = m.Card.Input.Window },
        output = new { path = m.Card.Output.Path },
        latencyBoundMs = m.Card.LatencyBoundMs,
        maxBatch = m.Card.MaxBatch,
        notes = m.Card.Notes,
        scored = m.Scored,
        failures = m.Failures,
        timeouts = m.Timeouts,
        skipped = m.Skipped,
        lastRunMs = m.LastRun.TotalMilliseconds,
        lastError = m.LastError,
    };
}
