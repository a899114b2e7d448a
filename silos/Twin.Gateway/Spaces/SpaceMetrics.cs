using System.Diagnostics.Metrics;

namespace Twin.Gateway.Spaces;

/// <summary>What the spaces of this silo do, for <c>/metrics</c> and the console. Written by the loop's thread, read by any.</summary>
internal sealed class SpaceMetrics
{
    private static readonly Meter Meter = new("Twin.Spaces");
    private static readonly Histogram<double> Work = Meter.CreateHistogram<double>("twin_space_tick_seconds", "s", "Work of one tick, sends included");
    private static readonly Histogram<double> Encoding = Meter.CreateHistogram<double>("twin_space_advance_seconds", "s", "Rules and encoding of one tick");
    private static readonly Histogram<double> Late = Meter.CreateHistogram<double>("twin_space_tick_lateness_seconds", "s", "How late a tick began");
    private static readonly Counter<long> Skipped = Meter.CreateCounter<long>("twin_space_frames_skipped", null, "Frames left out because the client does not read");
    private static readonly Counter<long> Entries = Meter.CreateCounter<long>("twin_space_entries", null, "People who entered");
    private static readonly Counter<long> Resumes = Meter.CreateCounter<long>("twin_space_resumes", null, "People who came back within the grace");
    private static readonly Counter<long> Leaves = Meter.CreateCounter<long>("twin_space_departures", null, "Connections that ended");
    private static readonly Counter<long> Refusals = Meter.CreateCounter<long>("twin_space_inputs_refused", null, "Inputs against the rules, by cause");
    private static readonly Counter<long> Floods = Meter.CreateCounter<long>("twin_space_floods", null, "Connections closed for too many messages");
    private static long people, connected, level;
    private static readonly ObservableGauge<long> PeopleNow = Meter.CreateObservableGauge("twin_space_people", () => Volatile.Read(ref people), null, "Avatars, those away for a moment included");
    private static readonly ObservableGauge<long> ConnectedNow = Meter.CreateObservableGauge("twin_space_connected", () => Volatile.Read(ref connected), null, "Connected people");
    private static readonly ObservableGauge<long> LevelNow = Meter.CreateObservableGauge("twin_space_overload_level", () => Volatile.Read(ref level), null, "0 everything, 5 joins wait");

    public void Ticked(double work, double encoding, double late)
    {
        Work.Record(work);
        Encoding.Record(encoding);
        Late.Record(late);
    }

    public void FrameSkipped() => Skipped.Add(1);

    public void Entered(bool isResumed) => (isResumed ? Resumes : Entries).Add(1);

    public void Left() => Leaves.Add(1);

    public void Refused(string cause) => Refusals.Add(1, new KeyValuePair<string, object?>("cause", cause));

    public void Flooded() => Floods.Add(1);

    public void Held(int all, int open, int pressure)
    {
        Volatile.Write(ref people, all);
        Volatile.Write(ref connected, open);
        Volatile.Write(ref level, pressure);
    }
}
