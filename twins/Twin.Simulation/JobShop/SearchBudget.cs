namespace Twin.Simulation.JobShop;

/// <summary>When a search has to end: by the clock, by the caller, or by a bound that was met. The clock is asked once in 64 calls.</summary>
internal sealed class SearchBudget(TimeProvider clock, TimeSpan? longest, CancellationToken cancellationToken)
{
    private readonly long _started = clock.GetTimestamp();
    private int _calls;
    private bool _isSpent;

    /// <summary>Time since the search began.</summary>
    public TimeSpan Elapsed => clock.GetElapsedTime(_started);

    /// <summary>True from the moment on when nothing more is to be done.</summary>
    public bool IsSpent
    {
        get
        {
            return _isSpent || ((++_calls & 63) == 0 && IsSpentNow);
        }
    }

    /// <summary>The same, by the clock at once; for steps of milliseconds.</summary>
    public bool IsSpentNow => _isSpent |= cancellationToken.IsCancellationRequested || (longest is { } l && Elapsed >= l);
}
