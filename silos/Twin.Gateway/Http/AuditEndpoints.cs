using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Audit;
using Twin.Gateway.Security;
using Twin.Grains;

namespace Twin.Gateway.Http;

/// <summary><c>GET /audit</c>: what was denied and what was administered, at every process of the cluster.</summary>
internal static class AuditEndpoints
{
    private const int MostRows = 1_000;
    private const int LongestAct = 256;

    public static void Map(IEndpointRouteBuilder endpoints, AuditCluster cluster)
    {
        var routes = endpoints.MapGroup("/audit").WithTags("Audit");
        routes.MapGet("", (HttpContext context, string? from, string? to, string? subject, string? kind, string? act, int? top, string? continuationToken) =>
            ReadAsync(context, cluster, from, to, new AuditQuestion(null, null, subject, kind, act, top ?? 100), continuationToken))
            .Needs(Permission.Administer).WithSummary("Denials and administrative acts of the cluster, oldest first; a page may have fewer rows than asked for while there are more");
        routes.MapGet("verify", (CancellationToken cancellationToken) => VerifyAsync(cluster, cancellationToken)).Needs(Permission.Administer).WithSummary("Follows each process' chain of hashes");
        routes.MapDelete("members/{name}", async (string name) => await cluster.ForgetAsync(name).ConfigureAwait(false) ? Results.NoContent()
            : TwinProblems.Result(404, "MemberNotFound", $"No process '{name}' is known.", "name")).Needs(Permission.Administer).WithSummary("Forgets a process that will not come back");
    }

    private static async Task<IResult> ReadAsync(HttpContext context, AuditCluster cluster, string? from, string? to, AuditQuestion question, string? token)
    {
        if (question.Top is < 1 or > MostRows) return TwinProblems.Result(400, "TopInvalid", $"top is {question.Top}; it must be 1 to {MostRows}.", "top");
        if (question.Kind is not (null or "denied" or "administered")) return TwinProblems.Result(400, "KindInvalid", "kind must be denied or administered.", "kind");
        if (question.Act is { Length: 0 or > LongestAct }) return TwinProblems.Result(400, "ActInvalid", $"act must be 1 to {LongestAct} characters, a part of method and path.", "act");
        if (!TryTime(from, out var start)) return TwinProblems.Result(400, "TimeInvalid", $"from is '{from}'; it must be an RFC 3339 time.", "from");
        if (!TryTime(to, out var end)) return TwinProblems.Result(400, "TimeInvalid", $"to is '{to}'; it must be an RFC 3339 time.", "to");
        if (!AuditPage.TryParse(token ?? "", out var positions)) return TwinProblems.Result(400, "ContinuationInvalid", "continuationToken is not one that this server gave.", "continuationToken");
        var (page, unreachable) = await cluster.ReadAsync(question with { From = start, To = end }, positions, context.RequestAborted).ConfigureAwait(false);
        var position = AuditPage.Format(page.Positions);
        return Results.Json(new { value = page.Rows.Select(Show), continuationToken = page.IsEnd ? null : position, position, unreachable });
    }

    private static async Task<IResult> VerifyAsync(AuditCluster cluster, CancellationToken cancellationToken)
    {
        var (answers, unreachable) = await cluster.VerifyAsync(cancellationToken).ConfigureAwait(false);
        var own = answers[cluster.Name];
        return Results.Json(new
        {
            whole = answers.Values.All(a => a.Fault is null), entries = answers.Values.Sum(a => a.Entries), first = own.First, fault = answers.Values.Select(a => a.Fault).FirstOrDefault(f => f is not null),
            members = answers.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => new { name = a.Key, whole = a.Value.Fault is null, entries = a.Value.Entries, first = a.Value.First, fault = a.Value.Fault }), unreachable,
        });
    }

    private static object Show(AuditPageRow r) => new
    {
        number = r.Row.Number, at = r.Row.At, kind = r.Row.Kind, subject = r.Row.Subject, action = r.Row.Action, outcome = r.Row.Outcome, count = r.Row.Count, member = r.Member, hash = r.Row.Hash,
    };

    private static bool TryTime(string? text, out string? time)
    {
        time = null;
        if (text is null) return true;
        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed)) return false;
        time = parsed.UtcDateTime.ToString("o", CultureInfo.InvariantCulture);
        return true;
    }
}
