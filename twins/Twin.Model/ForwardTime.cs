using System.Diagnostics.Metrics;

namespace Twin.Model;

/// <summary>
/// The machine's clock, but it never goes back: where the machine's is set back, this one goes on from where it was, a twentieth slower, until the machine's has caught up; where it is set forward, this one follows at once.
/// So whatever is ordered by time in a process (seats, tokens, holds, epochs) stays in order. Timestamps and timers are those of the clock within, which no setting touches. Thread-safe.
/// </summary>
/// <param name="inner">The machine's.</param>
public sealed class ForwardTime(TimeProvider inner) : TimeProvider
{
    private readonly Lock _turn = new();
    private long _utc;
    private long _stamp;

    /// <summary>How far this clock is ahead of the machine's; zero but after it was set back.</summary>
    public TimeSpan Ahead => GetUtcNow() - inner.GetUtcNow() is { Ticks: > 0 } ahead ? ahead : TimeSpan.Zero;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => inner.LocalTimeZone;

    /// <inheritdoc/>
    public override long TimestampFrequency => inner.TimestampFrequency;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_turn)
        {
            var stamp = inner.GetTimestamp();
            var passed = inner.GetElapsedTime(_stamp, stamp).Ticks;
            _utc = Math.Max(inner.GetUtcNow().UtcTicks, _utc + (passed > 0 ? passed - (passed / 20) : 0));
            _stamp = stamp;
            return new DateTimeOffset(_utc, TimeSpan.Zero);
        }
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => inner.GetTimestamp();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => inner.CreateTimer(callback, state, dueTime, period);

    /// <summary>Shows how far it is ahead, as <c>twin_clock_ahead_seconds</c>.</summary>
    public ObservableGauge<double> Measure(Meter meter)
    {
        ArgumentNullException.ThrowIfNull(meter);
        return meter.CreateObservableGauge("twin_clock_ahead_seconds", () => Ahead.TotalSeconds, null, "How far this process is ahead of the machine's clock, which was set back");
    }
}
