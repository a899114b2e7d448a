namespace Twin.Model;

/// <summary>An instant on the wall clock: 100 ns ticks since 0001-01-01T00:00:00Z (UTC), as <see cref="DateTime.Ticks"/>.</summary>
/// <remarks>Two of these travel with every sample: the time it was true (source) and the time we learned it (arrival).</remarks>
public readonly record struct WallTime(long UtcTicks) : IComparable<WallTime>
{
    /// <summary>No time known. Sorts before every real instant.</summary>
    public static WallTime None => default;

    /// <summary>True when a time is known.</summary>
    public bool IsKnown => UtcTicks != 0;

    /// <summary>The clock's present reading.</summary>
    public static WallTime Now(TimeProvider clock) => new(clock.GetUtcNow().UtcTicks);

    /// <summary>From milliseconds since 1970-01-01T00:00:00Z. Sparkplug and most devices speak this.</summary>
    public static WallTime FromUnixMilliseconds(long milliseconds) =>
        new(DateTime.UnixEpoch.Ticks + (milliseconds * TimeSpan.TicksPerMillisecond));

    /// <summary>From a <see cref="DateTimeOffset"/>, whatever its offset.</summary>
    public static WallTime From(DateTimeOffset time) => new(time.UtcTicks);

    /// <summary>Milliseconds since 1970-01-01T00:00:00Z, rounded down.</summary>
    public long ToUnixMilliseconds() => (UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;

    /// <summary>As a UTC <see cref="DateTime"/>.</summary>
    public DateTime ToDateTime() => new(UtcTicks, DateTimeKind.Utc);

    /// <inheritdoc/>
    public int CompareTo(WallTime other) => UtcTicks.CompareTo(other.UtcTicks);

    /// <summary>Elapsed time between two instants.</summary>
    public static TimeSpan operator -(WallTime later, WallTime earlier) => new(later.UtcTicks - earlier.UtcTicks);

    /// <summary>An instant some time later.</summary>
    public static WallTime operator +(WallTime time, TimeSpan span) => new(time.UtcTicks + span.Ticks);

    /// <summary>True when <paramref name="a"/> is earlier.</summary>
    public static bool operator <(WallTime a, WallTime b) => a.UtcTicks < b.UtcTicks;

    /// <summary>True when <paramref name="a"/> is later.</summary>
    public static bool operator >(WallTime a, WallTime b) => a.UtcTicks > b.UtcTicks;

    /// <summary>True when <paramref name="a"/> is not later.</summary>
    public static bool operator <=(WallTime a, WallTime b) => a.UtcTicks <= b.UtcTicks;

    /// <summary>True when <paramref name="a"/> is not earlier.</summary>
    public static bool operator >=(WallTime a, WallTime b) => a.UtcTicks >= b.UtcTicks;

    /// <summary>ISO 8601 in UTC with seven decimals, as the twin metadata prints it.</summary>
    public override string ToString() => ToDateTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", System.Globalization.CultureInfo.InvariantCulture);
}
