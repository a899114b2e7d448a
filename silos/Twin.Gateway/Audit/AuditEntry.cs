using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Twin.Grains;

namespace Twin.Gateway.Audit;

/// <summary>One entry. The hash is over the entry before it and everything else here, so that an entry changed, taken out or put in is found.</summary>
/// <param name="Number">1, 2, 3 ... without gaps.</param>
/// <param name="At">When, UTC, RFC 3339; never before the entry before.</param>
/// <param name="Kind"><c>denied</c> or <c>administered</c>.</param>
/// <param name="Subject">Who, <c>key:alice</c>; <c>anonymous</c> when nobody known.</param>
/// <param name="Action">Method and path; never a query string, a header or a body.</param>
/// <param name="Outcome">HTTP status, or the permission that was lacking.</param>
/// <param name="Previous">Hash of the entry before.</param>
/// <param name="Hash">SHA-256 as hex.</param>
/// <param name="Count">How many denials this stands for: 1, or the repeats of an earlier identical entry.</param>
internal sealed record AuditEntry(long Number, string At, string Kind, string Subject, string Action, string Outcome, string Previous, string Hash, long Count = 1)
{
    public bool IsWhole => Hash == HashOf(Number, At, Kind, Subject, Action, Outcome, Previous, Count);

    // A count of one is left out, so that entries written before there were counts hold.
    public static string HashOf(long number, string at, string kind, string subject, string action, string outcome, string previous, long count = 1)
    {
        string[] parts = [previous, number.ToString(CultureInfo.InvariantCulture), at, kind, subject, action, outcome];
        if (count != 1) parts = [.. parts, count.ToString(CultureInfo.InvariantCulture)];
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(parts))));
    }

    public AuditRow ToRow() => new(Number, At, Kind, Subject, Action, Outcome, Hash, Count);
}
