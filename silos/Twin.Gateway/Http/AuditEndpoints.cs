using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Audit;
using Twin.Gateway.Security;

namespace Twin.Gateway.Http;

/// <summary><c>GET /audit</c>: what was denied and what was administered, of this process.</summary>
internal static class AuditEndpoints
{
    private const int MostRows = 1_000;
    private const int MostExamined = 20_000;

    public static void Map(IEndpointRouteBuilder routes, AuditLog log)
    {
        routes.MapGet("/audit", (string? from, string? to, string? subject, string? kind, int? top, string? continuationToken) =>
        {
            if (top is < 1 or > MostRows) return TwinProblems.Result(400, "TopInvalid", $"top is {top}; it must be 1 to {MostRows}.", "top");
            if (kind is not (null or "denied" or "administered")) return TwinProblems.Result(400, "KindInvalid", "kind must be denied or administered.", "kind");
            if (!TryTime(from, out var start)) return TwinProblems.Result(400, "TimeInvalid", $"from is '{from}'; it must be an RFC 3339 time.", "from");
            if (!TryTime(to, out var end)) return TwinProblems.Result(400, "TimeInvalid", $"to is '{to}'; it must be an RFC 3339 time.", "to");
            var after = 0L;
            if (continuationToken is not null && (!long.TryParse(continuationToken, NumberStyles.None, CultureInfo.InvariantCulture, out after) || after < 0))
                return TwinProblems.Result(400, "ContinuationInvalid", "continuationToken is not one that this server gave.", "continuationToken");
            return Results.Json(Page(log.Read(after), e => (subject is null || e.Subject == subject) && (kind is null || e.Kind == kind)
                && (start is null || string.CompareOrdinal(e.At, start) >= 0) && (end is null || string.CompareOrdinal(e.At, end) < 0), top ?? 100));
        }).Needs(Permission.Administer).WithTags("Audit").WithSummary("Denials and administrative acts of this process, oldest first; a page may have fewer rows than asked for while there are more");
        routes.MapGet("/audit/verify", () =>
        {
            var (entries, first, fault) = log.Verify();
            return Results.Json(new { whole = fault is null, entries, first, fault });
        }).Needs(Permission.Administer).WithTags("Audit").WithSummary("Follows the chain of hashes");
    }

    private static object Page(IEnumerable<AuditEntry> entries, Func<AuditEntry, bool> takes, int top)
    {
        var rows = new List<object>();
        var (examined, last) = (0, 0L);
        string? next = null;
        foreach (var entry in entries)
        {
            if (rows.Count == top || examined++ == MostExamined)
            {
                next = last.ToString(CultureInfo.InvariantCulture);
                break;
            }

            last = entry.Number;
            if (takes(entry)) rows.Add(new { number = entry.Number, at = entry.At, kind = entry.Kind, subject = entry.Subject, action = entry.Action, outcome = entry.Outcome, hash = entry.Hash });
        }

        return new { value = rows, continuationToken = next };
    }

    private static bool TryTime(string? text, out string? time)
    {
        time = null;
        if (text is null) return true;
        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed)) return false;
        time = parsed.UtcDateTime.ToString("o", CultureInfo.InvariantCulture);
        return true;
    }
}
