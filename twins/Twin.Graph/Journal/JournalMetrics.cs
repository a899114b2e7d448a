using System.Diagnostics.Metrics;

namespace Twin.Graph.Journal;

/// <summary>What journals count, whatever they are kept in.</summary>
public static class JournalMetrics
{
    private static readonly Meter Meter = new("Twin");

    /// <summary>Frames appended.</summary>
    public static Counter<long> Frames { get; } = Meter.CreateCounter<long>("twin_journal_frames_total");

    /// <summary>Bytes appended.</summary>
    public static Counter<long> Bytes { get; } = Meter.CreateCounter<long>("twin_journal_bytes_total", "By");

    /// <summary>Appends that could not be kept.</summary>
    public static Counter<long> Failures { get; } = Meter.CreateCounter<long>("twin_journal_failures_total");

    /// <summary>Segments written anew after a failed flush.</summary>
    public static Counter<long> Mends { get; } = Meter.CreateCounter<long>("twin_journal_mends_total");

    /// <summary>Time the device took to take what was written.</summary>
    public static Histogram<double> FsyncSeconds { get; } = Meter.CreateHistogram<double>("twin_journal_fsync_seconds", "s");

    /// <summary>Snapshots written.</summary>
    public static Counter<long> Snapshots { get; } = Meter.CreateCounter<long>("twin_journal_snapshots_total");
}
