using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Twin.Grains;

namespace Twin.Gateway.Audit;

/// <summary>A row and the process it is of.</summary>
internal readonly record struct AuditPageRow(string Member, AuditRow Row);

/// <summary>
/// Some logs merged by time. A position names the last entry looked at of each log, so going on from one neither skips nor repeats,
/// whatever was written meanwhile and whoever was out of reach. Immutable.
/// </summary>
internal sealed record AuditPage(IReadOnlyList<AuditPageRow> Rows, IReadOnlyDictionary<string, long> Positions, bool IsEnd)
{
    private const int LongestToken = 16_384;

    /// <summary>Merges what each log gave. A log whose slice is used up while it has more ends the page: its next entry may be older than the others'.</summary>
    public static AuditPage Merge(IReadOnlyDictionary<string, long> from, IReadOnlyDictionary<string, AuditSlice> slices, int top)
    {
        var rows = new List<AuditPageRow>();
        var used = slices.Keys.ToDictionary(m => m, _ => 0, StringComparer.Ordinal);
        while (rows.Count < top && !slices.Any(s => used[s.Key] == s.Value.Rows.Length && !s.Value.IsEnd))
        {
            string? next = null;
            foreach (var (member, slice) in slices)
            {
                if (used[member] == slice.Rows.Length) continue;
                var order = next is null ? -1 : string.CompareOrdinal(slice.Rows[used[member]].At, slices[next].Rows[used[next]].At);
                if (order < 0 || (order == 0 && string.CompareOrdinal(member, next) < 0)) next = member;
            }

            if (next is null) break;
            rows.Add(new AuditPageRow(next, slices[next].Rows[used[next]++]));
        }

        var positions = new Dictionary<string, long>(from, StringComparer.Ordinal);
        foreach (var (member, slice) in slices) positions[member] = used[member] == slice.Rows.Length ? slice.Through : slice.Rows[used[member]].Number - 1;
        return new AuditPage(rows, positions, slices.All(s => s.Value.IsEnd && used[s.Key] == s.Value.Rows.Length));
    }

    /// <summary>Positions as callers carry them.</summary>
    public static string Format(IReadOnlyDictionary<string, long> positions) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(
        string.Join(';', positions.Where(p => p.Value > 0).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Key}={p.Value}")))));

    /// <summary>False when a text is none that <see cref="Format"/> gave.</summary>
    public static bool TryParse(string text, out Dictionary<string, long> positions)
    {
        positions = new Dictionary<string, long>(StringComparer.Ordinal);
        if (text.Length > LongestToken || !Base64Url.IsValid(text)) return false;
        foreach (var part in Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text)).Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part.Split('=') is not [{ Length: > 0 } member, var number] || !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var position)) return false;
            positions[member] = position;
        }

        return true;
    }
}
