using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using System.Xml;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.History;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary><c>GET /history/{id}/{path}</c>: raw values, or buckets when a width is given.</summary>
internal static class HistoryEndpoints
{
    public static void Map(IEndpointRouteBuilder routes, IHistoryStore? history, string branch, TimeProvider clock, ITwinStore store, Admission admission) =>
        routes.MapGet("/history/{id}/{**path}", async (HttpContext context, string id, string path, string? from, string? to, string? width, int? limit) =>
        {
            if (history is null) return TwinProblems.Result(503, "HistoryOff", "History is not kept by this process (--history false, or a gateway without --postgres).");
            if (!TryTime(from, WallTime.Now(clock) + TimeSpan.FromDays(-1), out var start)) return Bad("from", from);
            if (!TryTime(to, WallTime.Now(clock) + TimeSpan.FromMinutes(10), out var end)) return Bad("to", to);
            if (admission.SubjectOf(context) is { } subject && admission.RulesOf(subject) is { ReadsAllTwins: false } rules
                && !(await ReadRights.AskAsync(store, subject, rules, id, context.RequestAborted).ConfigureAwait(false)).Shows(path))
                return TwinProblems.Result(403, "NotAllowed", $"This needs the permission 'read' on twin:{id}/{path}.", $"twin:{id}/{path}");
            try
            {
                if (width is null)
                {
                    var points = await history.ReadAsync(branch, id, path, start, end, limit ?? 10_000, context.RequestAborted).ConfigureAwait(false);
                    return Results.Json(new { points = points.Select(p => new { t = p.Time.ToString(), v = Show(p.Value) }) });
                }

                if (!TryDuration(width, out var bucket)) return TwinProblems.Result(400, "WidthInvalid", $"width is '{width}'; it must be an ISO 8601 duration such as PT1M.", "width");
                var buckets = await history.ReadBucketsAsync(branch, id, path, start, end, bucket, context.RequestAborted).ConfigureAwait(false);
                return Results.Json(new { buckets = buckets.Select(b => new { t = b.Start.ToString(), count = b.Count, min = Finite(b.Min), max = Finite(b.Max), mean = Finite(b.Mean), last = Show(b.Last) }) });
            }
            catch (ArgumentOutOfRangeException fault)
            {
                return TwinProblems.Result(400, "HistoryRangeInvalid", fault.Message.Split('\n')[0], fault.ParamName);
            }
            catch (Exception fault) when (fault is DbException or TimeoutException or Polly.ExecutionRejectedException)
            {
                return TwinProblems.Result(503, "HistoryUnavailable", $"The history store does not answer ({fault.Message.Split('\n')[0].TrimEnd('.')}); values wait in the journal. Try again.");
            }
        }).Needs(Permission.Read).WithTags("History").WithSummary("Values of a property over time");

    private static IResult Bad(string name, string? text) => TwinProblems.Result(400, "TimeInvalid", $"{name} is '{text}'; it must be an RFC 3339 time.", name);

    private static bool TryTime(string? text, WallTime otherwise, out WallTime time)
    {
        time = otherwise;
        if (text is null) return true;
        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed)) return false;
        time = WallTime.From(parsed);
        return true;
    }

    private static bool TryDuration(string text, out TimeSpan duration)
    {
        try
        {
            duration = XmlConvert.ToTimeSpan(text);
            return true;
        }
        catch (Exception fault) when (fault is FormatException or OverflowException)
        {
            duration = default;
            return false;
        }
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private static object? Show(PropertyValue value) => value.Kind switch
    {
        ValueKind.None => null,
        ValueKind.Boolean => value.AsBoolean,
        ValueKind.Integer => value.AsInteger,
        ValueKind.Double => Finite(value.AsNumber),
        ValueKind.Json => JsonDocument.Parse(value.AsJson.ToArray()).RootElement,
        _ => value.ToString(),
    };
}
