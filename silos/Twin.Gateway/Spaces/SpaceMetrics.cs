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
    private static readonly Counter<long> BatchesRefused = Meter.CreateCounter<long>("twin_space_batches_refused", null, "Batches of other silos that were not read: another layout, or more silos than are known");
    private static readonly Counter<long> TalksLost = Meter.CreateCounter<long>("twin_space_talks_lost", null, "Chat and states not told to other silos: too many in one tick");
    private static readonly Counter<long> NeighboursLost = Meter.CreateCounter<long>("twin_space_neighbours_lost", null, "Silos taken for lost by a space");
    private static readonly Counter<long> ChunksLost = Meter.CreateCounter<long>("twin_space_recording_gaps", null, "Parts of recordings lost: the disk is too slow or full");
    private static readonly Counter<long> RecordedBytes = Meter.CreateCounter<long>("twin_space_recorded", "By", "Bytes of recordings written");
    private static long people, connected, level, owned, guests, neighbours, borders, takenUp;
    private static readonly ObservableGauge<long> OwnedNow = Meter.CreateObservableGauge("twin_space_avatars_owned", () => Volatile.Read(ref owned), null, "Avatars in cells of this silo");
    private static readonly ObservableGauge<long> GuestsNow = Meter.CreateObservableGauge("twin_space_guests", () => Volatile.Read(ref guests), null, "People of other silos");
    private static readonly ObservableGauge<long> NeighboursNow = Meter.CreateObservableGauge("twin_space_neighbours", () => Volatile.Read(ref neighbours), null, "Other silos that have the space open");
    private static readonly ObservableCounter<long> BordersSoFar = Meter.CreateObservableCounter("twin_space_border_crossings", () => Volatile.Read(ref borders), null, "Avatars that went to a cell of another silo or came from one");
    private static readonly ObservableCounter<long> TakenUpSoFar = Meter.CreateObservableCounter("twin_space_taken_up", () => Volatile.Read(ref takenUp), null, "Avatars of a lost silo's cells taken up here");
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

    public void ChunkLost() => ChunksLost.Add(1);

    public void ChunkKept(long bytes) => RecordedBytes.Add(bytes);

    public void BatchRefused() => BatchesRefused.Add(1);

    public void TalkLost() => TalksLost.Add(1);

    public void NeighbourLost() => NeighboursLost.Add(1);

    public void Shared(int avatars, int others, int silos, long crossings, long taken)
    {
        Volatile.Write(ref owned, avatars);
        Volatile.Write(ref guests, others);
        Volatile.Write(ref neighbours, silos);
        Volatile.Write(ref borders, crossings);
        Volatile.Write(ref takenUp, taken);
    }

    public void Held(int all, int open, int pressure)
    {
        Volatile.Write(ref people, all);
        Volatile.Write(ref connected, open);
        Volatile.Write(ref level, pressure);
    }
}
