using Twin.Model;

namespace Twin.Grains.Spaces;

/// <summary>What people report of one another, for moderators. Kept before it is answered.</summary>
internal sealed partial class SpaceGrain
{
    private const int MostReports = 1_000;
    private const int MostOpenOfOne = 20;
    private readonly SemaphoreSlim _reportTurn = new(1, 1); // one write at a time, without a thread that waits

    public async Task<CommandResult> ReportAsync(SpaceReport report)
    {
        if (_definition is null) return NotFound();
        if (report.Words.Length > 500 || report.By.Length is 0 or > 128 || report.Of.Length is 0 or > 128) return new CommandResult(TwinStatus.Invalid, 0, new Problem("ReportInvalid", "A report has at most 500 characters, its users 1 to 128."));
        await _reportTurn.WaitAsync();
        try
        {
            var kept = reports.State.Reports;
            if (kept.Count(r => r.Closed is null && r.By == report.By) >= MostOpenOfOne) return new CommandResult(TwinStatus.TooMuch, 0, new Problem("TooManyReports", $"At most {MostOpenOfOne} of your reports wait for a moderator."));
            if (kept.Count >= MostReports)
            {
                var closed = kept.FindIndex(r => r.Closed is not null);
                if (closed < 0) return new CommandResult(TwinStatus.TooMuch, 0, new Problem("TooManyReports", $"{MostReports} reports wait for a moderator."));
                kept.RemoveAt(closed);
            }

            kept.Add(report with { Number = ++reports.State.Last, At = clock.GetUtcNow(), Closed = null, ClosedBy = null });
            await WriteReportsAsync();
            return new CommandResult(TwinStatus.Created, reports.State.Last);
        }
        finally
        {
            _reportTurn.Release();
        }
    }

    public Task<(SpaceReport[] Reports, Problem? Problem)> ReportsAsync(string? by)
    {
        var problem = _definition is null ? NotFound().Problem : by is not null && !MayModerate(by) ? NotAllowed("read its reports").Problem : null;
        return Task.FromResult((problem is null ? reports.State.Reports.AsEnumerable().Reverse().ToArray() : [], problem));
    }

    public async Task<CommandResult> CloseReportAsync(string? by, long number)
    {
        if (_definition is null) return NotFound();
        if (by is not null && !MayModerate(by)) return NotAllowed("close its reports");
        await _reportTurn.WaitAsync();
        try
        {
            var at = reports.State.Reports.FindIndex(r => r.Number == number);
            if (at < 0) return new CommandResult(TwinStatus.NotFound, 0, new Problem("ReportNotFound", $"There is no report {number}.", "number"));
            if (reports.State.Reports[at].Closed is null)
            {
                reports.State.Reports[at] = reports.State.Reports[at] with { Closed = clock.GetUtcNow(), ClosedBy = by };
                await WriteReportsAsync();
            }

            return new CommandResult(TwinStatus.Ok, number);
        }
        finally
        {
            _reportTurn.Release();
        }
    }

    private async Task WriteReportsAsync()
    {
        try
        {
            await reports.WriteStateAsync();
        }
        catch
        {
            DeactivateOnIdle(); // nobody knows what is stored: the next activation asks
            throw;
        }
    }
}
