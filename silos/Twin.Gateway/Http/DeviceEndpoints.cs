using System.ComponentModel;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Gateway.Http;

/// <summary>Devices: registration, standing, desired state, commands.</summary>
internal static class DeviceEndpoints
{
    private const int MostBodyBytes = DeviceBounds.CommandPayloadBytes;
    private static readonly TimeSpan StaleAfter = TimeSpan.FromMinutes(5);

    public static void Map(IEndpointRouteBuilder routes, IGrainFactory grains, ITwinStore store, Admission admission)
    {
        var listing = new DeviceListing(grains);
        routes.MapGet("/devices", (HttpContext context, [Description("Rows of a page, 1 to 1,000; 100 when absent.")] int? top, [Description("From the page before.")] string? continuationToken,
                [Description("connected, disconnected, stale, fresh or disabled; all when absent.")] string? state, [Description("What the device id begins with.")] string? prefix) =>
            listing.AnswerAsync(top, continuationToken, state, prefix, admission.SubjectOf(context) is { } subject ? admission.RulesOf(subject) : null, context.RequestAborted)).Needs(Permission.Read).WithTags("Devices").WithSummary("Devices in order of their ids, by page; a page may have fewer rows than asked for while there are more")
            .Produces<JsonElement>(200).ProducesProblem(400);
        var devices = routes.MapGroup("/devices/{id}").WithTags("Devices");
        devices.AddEndpointFilter(async (invocation, next) => invocation.HttpContext.Request.RouteValues["id"] is string id && !TwinJson.IsValidId(id)
            ? TwinProblems.Result(400, "IdInvalid", $"'{(id.Length <= 64 ? id : id[..64] + "...")}' is not a device id.", "id") : await next(invocation).ConfigureAwait(false));
        devices.MapPut("", async (HttpContext context, string id) =>
        {
            var secret = DeviceSecrets.Create();
            return await grains.GetGrain<IDeviceGrain>(id).RegisterAsync(id, DeviceSecrets.Hash(secret), StaleAfter, admission.SubjectOf(context)).ConfigureAwait(false)
                ? Results.Json(new { deviceId = id, secret }, statusCode: 201)
                : TwinProblems.Result(409, "DeviceExists", $"Device '{id}' is registered; its secret was told once and is not kept.", "id");
        }).Needs(Permission.Administer).WithSummary("Registers a device; the answer has its secret, once");
        devices.MapGet("", async (HttpContext context, string id) =>
        {
            var status = await grains.GetGrain<IDeviceGrain>(id).GetStatusAsync().ConfigureAwait(false);
            if (admission.SubjectOf(context) is not { } subject || admission.RulesOf(subject) is not { ReadsAllTwins: false } rules) return Results.Json(Show(status));
            // What a device reports and is wished are its twin's properties.
            var rights = await ReadRights.AskAsync(store, subject, rules, id, context.RequestAborted).ConfigureAwait(false);
            return Results.Json(Show(status with { DesiredJson = rights.Cut(status.DesiredJson)?.ToJsonString() ?? "{}", ReportedJson = rights.Cut(status.ReportedJson)?.ToJsonString() ?? "{}" }));
        })
            .Needs(Permission.Read).WithSummary("A device's standing");
        devices.MapPatch("desired", async (HttpContext context, string id) =>
        {
            using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            if (!System.Text.Unicode.Utf8.IsValid(body.Memory.Span)) return TwinProblems.Result(400, "MergePatchInvalid", "The body is not UTF-8.", "body");
            var update = await grains.GetGrain<IDeviceGrain>(id).SetDesiredAsync(Encoding.UTF8.GetString(body.Memory.Span), admission.SubjectOf(context)).ConfigureAwait(false);
            return update.Status switch
            {
                DeviceUpdateStatus.Done => Results.Json(new { version = update.Version }),
                DeviceUpdateStatus.NotRegistered => TwinProblems.Result(404, "DeviceNotFound", update.Detail ?? "", "id"),
                DeviceUpdateStatus.TooLarge => TwinProblems.Result(413, "DeviceStateTooLarge", update.Detail ?? "", "body"),
                DeviceUpdateStatus.NotAllowed => TwinProblems.Result(403, "NotAllowed", update.Detail ?? "", "id"),
                DeviceUpdateStatus.Busy => TwinProblems.Result(429, "DeviceBusy", update.Detail ?? "", "id"),
                _ => TwinProblems.Result(400, "MergePatchInvalid", update.Detail ?? "", "body"),
            };
        }).Needs(Permission.Command).WithSummary("Merges into the desired state (RFC 7396)");
        devices.MapPost("commands/{name}", (HttpContext context, string id, string name, double? timeout) => InvokeAsync(context, grains, admission.SubjectOf(context), id, name, timeout ?? 10))
            .Needs(Permission.Command).WithSummary("Sends a command and waits for the reply");
        devices.MapPost("disabled", async (HttpContext context, string id, bool value) =>
        {
            return await grains.GetGrain<IDeviceGrain>(id).SetDisabledAsync(value, admission.SubjectOf(context)).ConfigureAwait(false)
                ? Results.NoContent()
                : TwinProblems.Result(404, "DeviceNotFound", $"Device '{id}' is not registered.", "id");
        }).Needs(Permission.Administer).WithSummary("Refuses or allows a device's connections");
    }

    private static async Task<IResult> InvokeAsync(HttpContext context, IGrainFactory grains, PolicySubject? subject, string id, string name, double timeout)
    {
        if (!DeviceBounds.IsCommandName(name)) return TwinProblems.Result(400, "CommandInvalid", $"A command's name is 1 to {DeviceBounds.CommandNameLength} letters, digits and - _ . : characters.", "name");
        if (timeout is not (> 0 and <= 300)) return TwinProblems.Result(400, "TimeoutInvalid", $"timeout is {timeout} s; it must be above 0 and at most 300.", "timeout");
        using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
        if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
        var key = context.Request.Headers["Idempotency-Key"].ToString();
        if (!DeviceBounds.IsKey(key)) return TwinProblems.Result(400, "IdempotencyKeyInvalid", $"Idempotency-Key is at most {DeviceBounds.KeyLength} visible ASCII characters.", "Idempotency-Key");
        var reply = await grains.GetGrain<IDeviceGrain>(id).InvokeAsync(name, body.Memory.ToArray(), TimeSpan.FromSeconds(timeout), key, subject).ConfigureAwait(false);
        return reply.Status == DeviceCommandStatus.Replied ? Results.Json(new { code = reply.Code, payload = Payload(reply.Payload), detail = reply.Detail }) : Refused(reply);
    }

    /// <summary>A command that did not end in a reply.</summary>
    internal static IResult Refused(DeviceCommandReply reply) => reply.Status switch
    {
        DeviceCommandStatus.NotAllowed => TwinProblems.Result(403, "NotAllowed", reply.Detail ?? "", "id"),
        DeviceCommandStatus.TimedOut => TwinProblems.Result(504, "DeviceTimeout", reply.Detail ?? "", "id"),
        DeviceCommandStatus.NotConnected => TwinProblems.Result(409, "DeviceNotConnected", reply.Detail ?? "", "id"),
        DeviceCommandStatus.Busy => TwinProblems.Result(429, "DeviceBusy", reply.Detail ?? "", "id"),
        DeviceCommandStatus.Refused => TwinProblems.Result(409, "DeviceDisabled", reply.Detail ?? "", "id"),
        DeviceCommandStatus.KeyReused => TwinProblems.Result(422, "IdempotencyKeyReused", reply.Detail ?? "", "Idempotency-Key"),
        DeviceCommandStatus.ReplyTooLarge => TwinProblems.Result(502, "DeviceReplyTooLarge", reply.Detail ?? "", "id"),
        _ => TwinProblems.Result(404, "DeviceNotFound", reply.Detail ?? "", "id"),
    };

    private static object? Payload(byte[] payload)
    {
        if (payload.Length == 0) return null;
        try
        {
            return JsonDocument.Parse(payload).RootElement;
        }
        catch (JsonException)
        {
            return Convert.ToBase64String(payload);
        }
    }

    private static object Show(DeviceStatus status) => new
    {
        deviceId = status.DeviceId, registered = status.IsRegistered, connected = status.IsConnected, stale = status.IsStale, lastSeen = status.LastSeen, connection = status.Connection, staleSince = status.StaleSince, behindEdge = status.IsBehindEdge,
        disabled = status.IsDisabled, desiredVersion = status.DesiredVersion, desired = JsonDocument.Parse(status.DesiredJson).RootElement, reported = JsonDocument.Parse(status.ReportedJson).RootElement,
    };
}
