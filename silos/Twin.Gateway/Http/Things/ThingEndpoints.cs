using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans;
using Twin.Gateway.Security;
using Twin.Gateway.Streams;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Wot;

namespace Twin.Gateway.Http.Things;

/// <summary><c>/things</c>: twins as W3C Things. What a Thing Description says works here: values of properties by themselves, actions as commands to the device of the same id, events and observation as SSE of plain values.</summary>
internal static class ThingEndpoints
{
    private const int MostBodyBytes = 256 * 1024;
    private const double DefaultTimeout = 10;

    public static void Map(IEndpointRouteBuilder routes, ITwinStore everything, Admission admission, IGrainFactory grains, AuthOptions auth, StreamDoor stream)
    {
        // Each handler works on the graph as its caller may see it.
        ITwinStore Of(HttpContext context) => admission.SubjectOf(context) is { } subject ? everything.As(subject) : everything;
        var descriptions = new ThingDirectory(Of, auth);
        var things = routes.MapGroup("/things").WithTags("Things");
        things.MapGet("", descriptions.ListAsync).Needs(Permission.Read).WithSummary("Thing Descriptions of all twins, by page").Produces<JsonElement>(200, "application/ld+json").ProducesProblem(400);
        things.MapGet("{id}", descriptions.GetAsync).Needs(Permission.Read).WithSummary("A twin's Thing Description (TD 1.1)").Produces<JsonElement>(200, ThingDescription.MediaType).ProducesProblem(404).ProducesProblem(406);
        things.MapGet("{id}/properties", (HttpContext context, string id) => ThingProperties.ReadAllAsync(context, Of(context), id)).Needs(Permission.Read).WithSummary("Values of all properties that have one").ProducesProblem(404);
        things.MapPut("{id}/properties", (HttpContext context, string id) => ThingProperties.WriteManyAsync(context, Of(context), id)).Needs(Permission.Write).WithSummary("Sets several properties, all or none").ProducesProblem(400);
        things.MapGet("{id}/properties/{name}", (HttpContext context, string id, string name) => ThingProperties.ReadAsync(context, Of(context), id, name)).Needs(Permission.Read).WithSummary("A property's value").ProducesProblem(404);
        things.MapPut("{id}/properties/{name}", (HttpContext context, string id, string name) => ThingProperties.WriteAsync(context, Of(context), id, name)).Needs(Permission.Write).WithSummary("Sets a property").ProducesProblem(400);
        things.MapPost("{id}/actions/{name}", (HttpContext context, string id, string name, double? timeout) => ActAsync(context, Of(context), grains, admission.SubjectOf(context), id, name, timeout ?? DefaultTimeout)).Needs(Permission.Command)
            .WithSummary("Sends a command to the device and answers with its reply").ProducesProblem(404);
        things.MapGet("{id}/properties/{name}/observe", (HttpContext context, string id, string name) => ObserveAsync(context, Of(context), stream, id, name, static (m, n) => m.FindProperty(ThingDescription.PathOf(n)) is not null, "property"))
            .WithSummary("A property's values as they change, as SSE"); // rights and limits are the stream door's
        things.MapGet("{id}/events/{name}", (HttpContext context, string id, string name) => ObserveAsync(context, Of(context), stream, id, name, static (m, n) => ThingDescription.FindTelemetry(m, n) is not null, "event"))
            .WithSummary("A telemetry's values as they come, as SSE");
    }

    private static async Task<IResult> ActAsync(HttpContext context, ITwinStore store, IGrainFactory grains, PolicySubject? subject, string id, string name, double timeout)
    {
        var (_, model, refusal) = await ThingProperties.FindAsync(context, store, id).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        if (ThingDescription.FindCommand(model!, name) is not { } command) return ThingProperties.NoAffordance(model!, "action", name);
        if (timeout is not (> 0 and <= 300)) return TwinProblems.Result(400, "TimeoutInvalid", $"timeout is {timeout} s; it must be above 0 and at most 300.", "timeout");
        using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
        if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
        if (!ThingProperties.TryReadInput(command, body.Memory, out var problem)) return TwinProblems.Result(TwinStatus.Invalid, problem);
        var key = context.Request.Headers["Idempotency-Key"].ToString();
        if (!DeviceBounds.IsKey(key)) return TwinProblems.Result(400, "IdempotencyKeyInvalid", $"Idempotency-Key is at most {DeviceBounds.KeyLength} visible ASCII characters.", "Idempotency-Key");
        var reply = await grains.GetGrain<IDeviceGrain>(id).InvokeAsync(name, body.Memory.ToArray(), TimeSpan.FromSeconds(timeout), key, subject).ConfigureAwait(false);
        if (reply.Status != DeviceCommandStatus.Replied) return DeviceEndpoints.Refused(reply);
        if (reply.Code >= 400) return TwinProblems.Result(502, "ActionFailed", $"The device answered '{name}' with code {reply.Code}.", "name");
        return reply.Payload.Length == 0 ? Results.NoContent() : Results.Bytes(reply.Payload, "application/json");
    }

    private static async Task ObserveAsync(HttpContext context, ITwinStore store, StreamDoor stream, string id, string name, Func<InterfaceDefinition, string, bool> has, string what)
    {
        if (stream.Refuse(context) is { } refused)
        {
            await refused.WriteAsync(context).ConfigureAwait(false);
            return;
        }

        var (_, model, refusal) = await ThingProperties.FindAsync(context, store, id).ConfigureAwait(false);
        if (refusal is null && !has(model!, name)) refusal = ThingProperties.NoAffordance(model!, what, name);
        if (refusal is not null)
        {
            await refusal.ExecuteAsync(context).ConfigureAwait(false);
            return;
        }

        await stream.ServeValuesAsync(context, id, ThingDescription.PathOf(name)).ConfigureAwait(false);
    }
}
