using System.Diagnostics.Metrics;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>The pipeline's instruments and the totals behind <see cref="IngestRates"/>. Written by the stream, read by anyone.</summary>
internal sealed class IngestMetrics : IDisposable
{
    private static readonly KeyValuePair<string, object?>[] FateTags =
        [.. Enum.GetValues<SampleFate>().Select(fate => new KeyValuePair<string, object?>("fate", fate.ToString()))];

    private readonly Meter _meter = new("Twin");
    private readonly RateWindow _window;
    private readonly Counter<long> _messages;
    private readonly Counter<long> _samples;
    private readonly Counter<long> _poisoned;
    private readonly Counter<long> _completionFailures;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _clockSteps;
    private readonly Counter<long> _restarts;
    private readonly Histogram<double> _latency;
    private readonly long[] _fateTotals = new long[IngestOutcome.FateCount];
    private long _messageTotal;
    private int _samplesInFlight;

    public IngestMetrics(TimeProvider clock, InFlightGate gate)
    {
        _window = new RateWindow(clock);
        _messages = _meter.CreateCounter<long>("twin_ingest_messages_total", description: "Messages settled.");
        _samples = _meter.CreateCounter<long>("twin_ingest_samples_total", description: "Samples by fate; a message that cannot be read counts as one Invalid sample.");
        _poisoned = _meter.CreateCounter<long>("twin_ingest_poisoned_chunks_total", description: "Chunks that failed as a whole when read.");
        _completionFailures = _meter.CreateCounter<long>("twin_ingest_completion_failures_total", description: "Doors that threw when told the fates.");
        _retries = _meter.CreateCounter<long>("twin_ingest_retries_total", description: "Calls to a shard tried again.");
        _clockSteps = _meter.CreateCounter<long>("twin_ingest_clock_steps_total", description: "Chunks that arrived more than 1 s before the newest stamp.");
        _restarts = _meter.CreateCounter<long>("twin_ingest_restarts_total", description: "Streams started anew after a failure.");
        _latency = _meter.CreateHistogram<double>("twin_ingest_latency_seconds", "s", "Arrival to journal, a chunk.");
        _meter.CreateObservableGauge("twin_ingest_in_flight_bytes", () => gate.Bytes, "By");
        _meter.CreateObservableGauge("twin_ingest_in_flight_chunks", () => gate.Flights);
        _meter.CreateObservableGauge("twin_ingest_in_flight_samples", () => SamplesInFlight);
        _meter.CreateObservableGauge("twin_ingest_waiting_offers", () => gate.Waiting);
    }

    /// <summary>Samples decoded and not yet settled.</summary>
    public int SamplesInFlight
    {
        get => Volatile.Read(ref _samplesInFlight);
        set => Volatile.Write(ref _samplesInFlight, value);
    }

    public void CountSamples(SampleFate fate, int count)
    {
        if (count <= 0) return;
        _samples.Add(count, FateTags[(int)fate]);
        Interlocked.Add(ref _fateTotals[(int)fate], count);
        _window.Add(0, count);
    }

    public void Settled(int messages, TimeSpan latency)
    {
        _latency.Record(latency.TotalSeconds);
        if (messages == 0) return;
        _messages.Add(messages);
        Interlocked.Add(ref _messageTotal, messages);
        _window.Add(messages, 0);
    }

    public void ChunkPoisoned() => _poisoned.Add(1);

    public void CompletionFailed() => _completionFailures.Add(1);

    public void Retried() => _retries.Add(1);

    public void ClockSteppedBack() => _clockSteps.Add(1);

    public void Restarted() => _restarts.Add(1);

    public IngestRates Read(InFlightGate gate)
    {
        var (messages, values) = _window.Read();
        var fates = new Dictionary<string, long>(IngestOutcome.FateCount);
        for (var fate = 0; fate < IngestOutcome.FateCount; fate++) fates[((SampleFate)fate).ToString()] = Interlocked.Read(ref _fateTotals[fate]);
        return new IngestRates(messages, values, Interlocked.Read(ref _messageTotal), fates, gate.Flights, gate.Bytes, SamplesInFlight, gate.Waiting);
    }

    public void Dispose() => _meter.Dispose();
}
