using System.Diagnostics.Metrics;

namespace Twin.Gateway.Tests.Doors;

/// <summary>Sums one instrument of the meter "Twin" from its construction on, optionally only where a tag has a value.</summary>
public sealed class Metered : IDisposable
{
    private readonly MeterListener _listener = new();
    private long _sum;

    public Metered(string instrument, string? tag = null, string? value = null)
    {
        _listener.InstrumentPublished = (found, listener) =>
        {
            if (found.Meter.Name == "Twin" && found.Name == instrument) listener.EnableMeasurementEvents(found);
        };
        _listener.SetMeasurementEventCallback<long>((_, amount, tags, _) =>
        {
            if (tag is null) Interlocked.Add(ref _sum, amount);
            else
                foreach (var (key, of) in tags)
                    if (key == tag && of?.ToString() == value) Interlocked.Add(ref _sum, amount);
        });
        _listener.Start();
    }

    public long Sum => Interlocked.Read(ref _sum);

    public void Dispose() => _listener.Dispose();
}
