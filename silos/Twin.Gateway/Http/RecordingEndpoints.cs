using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Orleans;
using Twin.Gateway.Security;
using Twin.Gateway.Spaces;
using Twin.Grains.Spaces;
using Twin.Model;
using Twin.Model.Spaces;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Http;

/// <summary><c>/spaces/{id}/recordings</c>: what of a space was recorded on this silo, to list, to take away and to watch over the ordinary wire. For administrators, hosts and moderators.</summary>
internal sealed class RecordingEndpoints(IGrainFactory grains, Admission admission, SpaceDoor door, SpaceRecordings recordings, SpaceTokens tokens, TimeProvider clock, ILogger<RecordingEndpoints> log)
{
    private const int MostBodyBytes = 8 * 1024;

    /// <summary>What of the newest seconds is in memory, by this name.</summary>
    private const string Live = "live";

    public void Map(RouteGroupBuilder one)
    {
        one.MapGet("recordings", ListAsync).Needs(Permission.Read).WithSummary("The recordings of a space that this silo has");
        one.MapGet("recordings/{recording}", ExportAsync).Needs(Permission.Read).WithSummary("A recording, or its ticks ?from= to ?until=, as it is kept");
        one.MapPost("recordings/{recording}/views", WatchAsync).Needs(Permission.Read).WithSummary("Opens a view of a recording: a socket that speaks the ordinary wire");
        one.MapPost("recordings/{recording}/views/{view}", SeekAsync).Needs(Permission.Read).WithSummary("Goes to a tick, and on at a speed");
    }

    private async Task<IResult> ListAsync(HttpContext context, string id)
    {
        if (await RefusalAsync(context, id).ConfigureAwait(false) is { } refusal) return refusal;
        var hall = door.Find(id);
        var kept = recordings.List(id).Select(r => Describe(r.Name, r.Chunks, hall?.RecordingName == r.Name)).ToList();
        if (await NewestAsync(hall).ConfigureAwait(false) is { } newest) kept.Insert(0, Describe(Live, newest, true));
        return Results.Json(new { value = kept });
    }

    private async Task<IResult> ExportAsync(HttpContext context, string id, string recording, long? from, long? until)
    {
        if (await RefusalAsync(context, id).ConfigureAwait(false) is { } refusal) return refusal;
        if (await ChunksAsync(id, recording).ConfigureAwait(false) is not { } chunks) return NotFound(id, recording);
        var wanted = chunks.Where(c => (from is null || c.LastTick > from) && (until is null || c.FirstTick < until)).ToArray();
        if (wanted.Length == 0) return TwinProblems.Result(416, "TicksNotRecorded", $"The recording has the ticks {chunks[0].FirstTick} to {chunks[^1].LastTick}.", "from");
        return Results.Stream(async output =>
        {
            foreach (var chunk in wanted) await output.WriteAsync(SpaceChunk.ToBytes(chunk.Body().Span, chunk.FirstTick, chunk.Ticks, chunk.TickHz, chunk.At, true)).ConfigureAwait(false);
        }, "application/octet-stream", $"{id.Replace(':', '_')}-{recording}.twsr");
    }

    private async Task<IResult> WatchAsync(HttpContext context, string id, string recording)
    {
        if (await RefusalAsync(context, id).ConfigureAwait(false) is { } refusal) return refusal;
        var (asked, problem) = await ReadAsync(context).ConfigureAwait(false);
        if (problem is not null) return problem;
        if (await ChunksAsync(id, recording).ConfigureAwait(false) is not { } chunks) return NotFound(id, recording);
        try
        {
            var view = new ReplayView(Guid.NewGuid().ToString("N"), new SpaceReplay(chunks), door, clock, log);
            view.Seek(asked!.At ?? chunks[0].FirstTick, asked.Speed ?? 1);
            view.Follow(asked.Avatar);
            if (!door.Add(view)) return TwinProblems.Result(503, "TooManyViews", $"At most {SpaceDoor.MostViews} views are open on one silo; try again later.");
            var token = await tokens.MakeViewAsync(id, admission.CallerOf(context)?.SubjectName ?? "anonymous", view.Id).ConfigureAwait(false);
            return Results.Json(new { view = view.Id, socket = $"/spaces/{Uri.EscapeDataString(id)}/socket", sessionToken = token, firstTick = view.FirstTick, lastTick = view.LastTick, tickHz = view.TickHz }, statusCode: 201);
        }
        catch (SpaceRecordingException fault)
        {
            return TwinProblems.Result(422, "RecordingDamaged", fault.Message, "recording");
        }
    }

    private async Task<IResult> SeekAsync(HttpContext context, string id, string recording, string view)
    {
        if (await RefusalAsync(context, id).ConfigureAwait(false) is { } refusal) return refusal;
        var (asked, problem) = await ReadAsync(context).ConfigureAwait(false);
        if (problem is not null) return problem;
        if (door.FindView(view) is not { } open || open.Space != id) return TwinProblems.Result(404, "ViewNotFound", "The view has ended, or is at another silo.", "view");
        open.Seek(asked!.At, asked.Speed ?? 1);
        return Results.NoContent();
    }

    private async Task<IReadOnlyList<SpaceChunk>?> ChunksAsync(string id, string recording)
    {
        if (recording != Live) return recordings.Find(id, recording)?.Chunks;
        return await NewestAsync(door.Find(id)).ConfigureAwait(false);
    }

    /// <summary>What is in memory: sums are checked here and not on the loop's thread, and views share the bytes.</summary>
    private async Task<IReadOnlyList<SpaceChunk>?> NewestAsync(SpaceHall? hall) =>
        hall is not null && await door.RunAsync(() => hall.LastChunks(30)).ConfigureAwait(false) is { Count: > 0 } newest ? [.. newest.Select(c => SpaceChunk.Read(c)!)] : null;

    /// <summary>Administrators may, and who hosts or moderates the space.</summary>
    private async Task<IResult?> RefusalAsync(HttpContext context, string id)
    {
        var orders = await grains.GetGrain<ISpaceGrain>(id).GetAsync().ConfigureAwait(false);
        if (orders.Definition is not { } json || !SpaceDefinition.TryParse(json, out var space, out _)) return TwinProblems.Result(404, "SpaceNotFound", $"There is no space '{id}'.", "id");
        if (admission.SubjectOf(context)?.Name is not { } user || (space!.Hosts ?? []).Contains(user, StringComparer.Ordinal) || (space.Moderators ?? []).Contains(user, StringComparer.Ordinal)) return null;
        return TwinProblems.Result(403, "NotAllowed", $"Only a host or a moderator of '{id}' may see its recordings.");
    }

    private static async Task<(ViewRequest? Asked, IResult? Problem)> ReadAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
        if (body.Problem is not null) return (null, TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body"));
        try
        {
            var asked = body.Memory.Length == 0 ? new ViewRequest(null, null, null) : JsonSerializer.Deserialize<ViewRequest>(body.Memory.Span, JsonSerializerOptions.Web) ?? new ViewRequest(null, null, null);
            if (asked.Speed is { } speed && !(speed >= 0 && speed <= SpaceLimits.ReplaySpeed)) return (null, TwinProblems.Result(400, "ViewInvalid", $"speed must be 0 to {SpaceLimits.ReplaySpeed}.", "speed"));
            return asked.Avatar is < 0 or > SpaceLimits.Avatar ? (null, TwinProblems.Result(400, "ViewInvalid", $"avatar must be 0 to {SpaceLimits.Avatar}.", "avatar")) : (asked, null);
        }
        catch (JsonException fault)
        {
            return (null, TwinProblems.Result(400, "ViewInvalid", fault.Message, fault.Path));
        }
    }

    private static object Describe(string name, IReadOnlyList<SpaceChunk> chunks, bool isLive)
    {
        var until = chunks[^1].At + TimeSpan.FromSeconds((double)chunks[^1].Ticks / chunks[^1].TickHz);
        return new { recording = name, from = chunks[0].At, until, firstTick = chunks[0].FirstTick, lastTick = chunks[^1].LastTick, ticks = chunks.Sum(c => (long)c.Ticks), tickHz = chunks[0].TickHz, bytes = chunks.Sum(c => (long)c.Bytes), live = isLive };
    }

    private static IResult NotFound(string id, string recording) => TwinProblems.Result(404, "RecordingNotFound", $"This silo has no recording '{recording}' of space '{id}'.", "recording");

    private sealed record ViewRequest(long? At, double? Speed, int? Avatar);
}
