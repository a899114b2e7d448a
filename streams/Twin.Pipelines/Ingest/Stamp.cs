using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Stage: every sample gets a source time and is checked for syntax; what fails is Invalid and goes no further. Never throws.
/// </summary>
/// <remarks>
/// A sample without a time of its own takes the arrival time. Those stamps strictly grow from message to message even when
/// the clock is stepped back, because an older stamp would make the owner keep the old state: after a step back they creep
/// on by 100 ns a message until the clock has caught up, and the step is counted.
/// </remarks>
internal sealed class Stamp(IngestMetrics metrics)
{
    private static readonly TimeSpan StepWorthCounting = TimeSpan.FromSeconds(1);
    private long _lastTicks;

    /// <summary>Stamps and checks every flight of an intake, in place.</summary>
    public ArraySegment<Flight> Run(ArraySegment<Flight> intake)
    {
        foreach (var flight in intake.AsSpan()) Take(flight);
        return intake;
    }

    private void Take(Flight flight)
    {
        if (_lastTicks - flight.Arrival.UtcTicks > StepWorthCounting.Ticks) metrics.ClockSteppedBack();
        _lastTicks = Math.Max(_lastTicks + 1, flight.Arrival.UtcTicks);
        var samples = flight.Samples;
        var origins = flight.Origins;
        var isDirect = flight.Chunk is null;
        var kept = 0;
        var message = -1;
        string? lastId = null;
        for (var i = 0; i < samples.Length; i++)
        {
            if (!isDirect && origins[i] != message)
            {
                if (message >= 0) _lastTicks++;
                message = origins[i];
            }
            ref readonly var sample = ref samples[i];
            var problem = ReferenceEquals(sample.TwinId, lastId) ? CheckSample(sample) : CheckIdAndSample(sample);
            if (problem is not null)
            {
                Refuse(flight, isDirect, origins[i], problem);
                continue;
            }
            lastId = sample.TwinId;
            samples[kept] = sample.SourceTime.IsKnown ? sample : sample with { SourceTime = new WallTime(_lastTicks) };
            origins[kept++] = origins[i];
        }
        flight.Truncate(kept);
        flight.Outstanding = kept;
    }

    private static string? CheckIdAndSample(in Sample sample) => SampleSyntax.CheckTwinId(sample.TwinId ?? "") ?? CheckSample(sample);

    private static string? CheckSample(in Sample sample) => SampleSyntax.CheckPath(sample.Path ?? "") ?? sample.Value.Kind switch
    {
        ValueKind.None => $"{sample.Path}: null is no reading; a property is removed by a patch.",
        ValueKind.Double when !double.IsFinite(sample.Value.AsNumber) => $"{sample.Path}: {sample.Value} is not a finite number.",
        _ => null,
    };

    private void Refuse(Flight flight, bool isDirect, int origin, string problem)
    {
        metrics.CountSamples(SampleFate.Invalid, 1);
        flight.Mark(isDirect ? 0 : origin, SampleFate.Invalid, problem);
        if (!isDirect) return;
        flight.Counts[(int)SampleFate.Invalid]++;
        flight.Refuse(origin, SampleFate.Invalid, problem);
    }
}
