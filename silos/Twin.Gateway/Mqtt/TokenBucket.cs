namespace Twin.Gateway.Mqtt;

/// <summary>
/// A token bucket that may go into debt: what has been read has been read, the next read waits until the debt is paid.
/// Not thread-safe; time in <see cref="TimeProvider"/> timestamps.
/// </summary>
internal struct TokenBucket(double perSecond, double mostTokens, long now)
{
    private readonly double _burst = mostTokens;
    private double _tokens = mostTokens;
    private long _last = now;

    /// <summary>Takes tokens and returns how long to wait before the next taking; zero while not in debt. A rate of 0 is unlimited.</summary>
    public TimeSpan Take(double count, long now, TimeProvider clock)
    {
        if (perSecond <= 0) return TimeSpan.Zero;
        _tokens = Math.Min(_burst, _tokens + (perSecond * clock.GetElapsedTime(_last, now).TotalSeconds)) - count;
        _last = now;
        return _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / perSecond);
    }

    /// <summary>Takes one token if there is one.</summary>
    public bool TryTake(long now, TimeProvider clock)
    {
        if (perSecond <= 0) return true;
        _tokens = Math.Min(_burst, _tokens + (perSecond * clock.GetElapsedTime(_last, now).TotalSeconds));
        _last = now;
        if (_tokens < 1) return false;
        _tokens--;
        return true;
    }
}
