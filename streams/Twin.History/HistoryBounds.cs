using Twin.Model;

namespace Twin.History;

/// <summary>The limits both stores hold callers to, checked before any database is asked.</summary>
internal static class HistoryBounds
{
    public const int MaxPoints = 1_000_000;
    public const int MaxBuckets = 100_000;

    public static void CheckRead(WallTime from, WallTime to, int limit)
    {
        CheckSpan(from, to);
        if (limit is < 1 or > MaxPoints)
            throw new ArgumentOutOfRangeException(nameof(limit), limit, $"limit must be 1 to {MaxPoints}.");
    }

    public static void CheckBuckets(WallTime from, WallTime to, TimeSpan width)
    {
        CheckSpan(from, to);
        if (width < TimeSpan.FromMilliseconds(1))
            throw new ArgumentOutOfRangeException(nameof(width), width, "width must be at least 1 ms.");
        var buckets = Math.Ceiling((to - from) / width);
        if (buckets > MaxBuckets)
            throw new ArgumentOutOfRangeException(nameof(width), width, $"The span asked holds {buckets:F0} buckets; at most {MaxBuckets} are answered. Choose a wider bucket or a shorter span.");
    }

    private static void CheckSpan(WallTime from, WallTime to)
    {
        if (to < from)
            throw new ArgumentOutOfRangeException(nameof(to), to, $"to must not be before from ({from}).");
    }
}
