using System.Diagnostics;

namespace Twin.Benchmarks;

/// <summary>Every measured latency, kept whole: percentiles are exact. Not thread-safe; one a worker, then merged.</summary>
internal sealed class Latencies
{
    private long[] _ticks = new long[1 << 16];
    private bool _sorted;

    public int Count { get; private set; }

    public void Add(long stopwatchTicks)
    {
        if (Count == _ticks.Length) Array.Resize(ref _ticks, Count * 2);
        _ticks[Count++] = stopwatchTicks;
        _sorted = false;
    }

    public void Clear() => Count = 0;

    public static Latencies Merge(IEnumerable<Latencies> all)
    {
        var merged = new Latencies();
        foreach (var one in all)
            for (var i = 0; i < one.Count; i++) merged.Add(one._ticks[i]);
        return merged;
    }

    /// <summary>The latency that a share of all is at or below, ms; NaN without any.</summary>
    public double Milliseconds(double share)
    {
        if (Count == 0) return double.NaN;
        if (!_sorted) Array.Sort(_ticks, 0, Count);
        _sorted = true;
        return Math.Round(_ticks[Math.Min(Count - 1, (int)(share * Count))] * 1000.0 / Stopwatch.Frequency, 3);
    }
}
