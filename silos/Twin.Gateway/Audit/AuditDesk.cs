using Twin.Grains;

namespace Twin.Gateway.Audit;

/// <summary>Answers for this process' log; reading a file is kept off the callers' turns. Thread-safe.</summary>
internal sealed class AuditDesk(AuditLog log) : IAuditDesk
{
    private const int MostExamined = 20_000;

    public Task<AuditSlice> ReadAsync(AuditQuestion question, long after) => Task.Run(() => Read(question, after));

    public Task<AuditStanding> VerifyAsync() => Task.Run(() =>
    {
        var (entries, first, fault) = log.Verify();
        return new AuditStanding(entries, first, fault);
    });

    private AuditSlice Read(AuditQuestion question, long after)
    {
        var rows = new List<AuditRow>();
        var (examined, through) = (0, after);
        foreach (var entry in log.Read(after))
        {
            if (rows.Count == question.Top || examined++ == MostExamined) return new AuditSlice([.. rows], through, false);
            through = entry.Number;
            if (Takes(question, entry)) rows.Add(entry.ToRow());
        }

        return new AuditSlice([.. rows], through, true);
    }

    private static bool Takes(AuditQuestion q, AuditEntry e) => (q.Subject is null || e.Subject == q.Subject) && (q.Kind is null || e.Kind == q.Kind)
        && (q.Act is null || e.Action.Contains(q.Act, StringComparison.OrdinalIgnoreCase))
        && (q.From is null || string.CompareOrdinal(e.At, q.From) >= 0) && (q.To is null || string.CompareOrdinal(e.At, q.To) < 0);
}
