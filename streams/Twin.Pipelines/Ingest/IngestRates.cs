namespace Twin.Pipelines.Ingest;

/// <summary>What the pipeline does now; <c>/system</c> shows it.</summary>
/// <param name="MessagesPerS">Messages settled a second, mean of the last 5 whole seconds.</param>
/// <param name="ValuesPerS">Samples settled a second, likewise.</param>
/// <param name="MessagesTotal">Messages settled since the start.</param>
/// <param name="Fates">Samples since the start by <see cref="Model.SampleFate"/> name.</param>
/// <param name="ChunksInFlight">Chunks between offer and settlement.</param>
/// <param name="BytesInFlight">Bytes they hold.</param>
/// <param name="SamplesInFlight">Samples decoded and not yet settled.</param>
/// <param name="WaitingOffers">Offers that wait for room: doors that are held back.</param>
public sealed record IngestRates(
    double MessagesPerS,
    double ValuesPerS,
    long MessagesTotal,
    IReadOnlyDictionary<string, long> Fates,
    int ChunksInFlight,
    long BytesInFlight,
    int SamplesInFlight,
    int WaitingOffers);

/// <summary>Counts by second over the last few seconds. Thread-safe.</summary>
internal sealed class RateWindow(TimeProvider clock)
{
    private const int Seconds = 5;
    private readonly Lock _lock = new();
    private readonly (long Second, long Messages, long Values)[] _slots = new (long, long, long)[Seconds + 2];
    private readonly long _start = clock.GetTimestamp();

    public void Add(int messages, int values)
    {
        var second = Now();
        lock (_lock)
        {
            ref var slot = ref _slots[second % _slots.Length];
            if (slot.Second != second) slot = (second, 0, 0);
            slot.Messages += messages;
            slot.Values += values;
        }
    }

    /// <summary>Means over the whole seconds before this one, at most 5; over the time so far when there are none.</summary>
    public (double Messages, double Values) Read()
    {
        var elapsed = clock.GetElapsedTime(_start).TotalSeconds;
        var now = (long)elapsed;
        var first = Math.Max(0, now - Seconds);
        double messages = 0, values = 0;
        lock (_lock)
        {
            foreach (var slot in _slots)
            {
                if (slot.Second < first || (slot.Second >= now && now > 0)) continue;
                messages += slot.Messages;
                values += slot.Values;
            }
        }
        var over = now > 0 ? now - first : Math.Max(elapsed, 0.001);
        return (messages / over, values / over);
    }

    private long Now() => (long)clock.GetElapsedTime(_start).TotalSeconds;
}
