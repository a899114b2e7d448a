namespace Twin.Pipelines.Routes;

/// <summary>Bounds of every route of a host.</summary>
public sealed record RouteOptions
{
    /// <summary>Routes in all, 1 to 1,000; keeps metrics and tasks bounded.</summary>
    public int MaxRoutes { get; init; } = 100;

    /// <summary>
    /// Whether loopback, private and link-local addresses may be targets. Allowed by default, because a default installation
    /// is local; switch it off where strangers may make routes. Then names are checked when they are resolved for the
    /// connection, so a name cannot change its address in between, and redirects are never followed either way.
    /// </summary>
    public bool AllowPrivateTargets { get; init; } = true;

    /// <summary>Attempts at a batch before it is a dead letter, 1 to 100. Waiting for an open breaker is no attempt.</summary>
    public int MaxAttempts { get; init; } = 6;

    /// <summary>First pause between attempts; doubles with jitter.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Longest pause between attempts.</summary>
    public TimeSpan MaxRetryPause { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Longest one attempt may take.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an open breaker keeps attempts back.</summary>
    public TimeSpan BreakFor { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Failures within 30 s, with at least half of the attempts failing, that open the breaker; 2 to 1,000.</summary>
    public int BreakAfter { get; init; } = 5;

    /// <summary>Bytes of a route's dead-letter queue, 64 KiB to 10 GiB; the oldest segments beyond it are dropped and counted.</summary>
    public long MaxDeadLetterBytes { get; init; } = 64 << 20;

    /// <summary>How long a read of the feed waits for changes.</summary>
    public TimeSpan FeedWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Randomness of the jitter, in [0, 1).</summary>
    public Func<double> Jitter { get; init; } = static () => 0.5;

    /// <summary>Checks the bounds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option and its range.</exception>
    public RouteOptions Validate()
    {
        if (MaxRoutes is < 1 or > 1_000) throw new ArgumentOutOfRangeException(nameof(MaxRoutes), MaxRoutes, "MaxRoutes must be from 1 to 1000.");
        if (MaxAttempts is < 1 or > 100) throw new ArgumentOutOfRangeException(nameof(MaxAttempts), MaxAttempts, "MaxAttempts must be from 1 to 100.");
        if (BreakAfter is < 2 or > 1_000) throw new ArgumentOutOfRangeException(nameof(BreakAfter), BreakAfter, "BreakAfter must be from 2 to 1000.");
        if (MaxDeadLetterBytes is < 64 << 10 or > 10L << 30)
            throw new ArgumentOutOfRangeException(nameof(MaxDeadLetterBytes), MaxDeadLetterBytes, "MaxDeadLetterBytes must be from 64 KiB to 10 GiB.");
        if (BreakFor < TimeSpan.FromMilliseconds(500) || AttemptTimeout < TimeSpan.FromMilliseconds(10) || RetryPause <= TimeSpan.Zero || MaxRetryPause < RetryPause)
            throw new ArgumentOutOfRangeException(nameof(BreakFor), "BreakFor must be at least 500 ms, AttemptTimeout at least 10 ms, RetryPause above 0 and at most MaxRetryPause.");
        return this;
    }
}
