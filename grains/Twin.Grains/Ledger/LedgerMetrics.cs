using System.Diagnostics.Metrics;
using Twin.Accounts;

namespace Twin.Grains.Ledger;

/// <summary>What books count. The counters are of the process, the gauges of one book. Thread-safe.</summary>
internal sealed class LedgerMetrics : IDisposable
{
    private static readonly Meter Shared = new("Twin");
    private static readonly Counter<long> Refusals = Shared.CreateCounter<long>("twin_ledger_refusals_total", description: "Commands refused, by code");
    private readonly Meter _meter = new("Twin");

    public LedgerMetrics(string book, Func<LedgerBook> state, Func<long> pendingBytes)
    {
        KeyValuePair<string, object?>[] tags = [new("book", book)];
        _meter.CreateObservableGauge("twin_ledger_accounts", () => new Measurement<long>(state().AccountCount, tags));
        _meter.CreateObservableGauge("twin_ledger_holds", () => new Measurement<long>(state().HoldCount, tags), description: "Holds that stand; at most 1,000,000");
        _meter.CreateObservableGauge("twin_ledger_keys", () => new Measurement<long>(state().KeyCount, tags), description: "Keys remembered; at most 1,000,000");
        _meter.CreateObservableGauge("twin_ledger_pending_bytes", () => new Measurement<long>(pendingBytes(), tags), "By", "Done and waiting for the journal");
    }

    /// <summary>Entries done.</summary>
    public static Counter<long> Entries { get; } = Shared.CreateCounter<long>("twin_ledger_entries_total");

    /// <summary>Commands that had been done before.</summary>
    public static Counter<long> Repeats { get; } = Shared.CreateCounter<long>("twin_ledger_repeats_total");

    /// <summary>Commands refused because too much waited for the journal.</summary>
    public static Counter<long> Busy { get; } = Shared.CreateCounter<long>("twin_ledger_busy_total");

    /// <summary>Invariants that did not hold; above 0 is a defect.</summary>
    public static Counter<long> Broken { get; } = Shared.CreateCounter<long>("twin_ledger_broken_total");

    /// <summary>Entries of one journal write.</summary>
    public static Histogram<long> GroupEntries { get; } = Shared.CreateHistogram<long>("twin_ledger_group_entries");

    /// <summary>One refusal.</summary>
    public static void Refuse(string code) => Refusals.Add(1, new KeyValuePair<string, object?>("code", code));

    public void Dispose() => _meter.Dispose();
}
