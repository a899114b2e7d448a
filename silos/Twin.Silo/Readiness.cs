namespace Twin.Silo;

/// <summary>Whether the world is there, and what it still waits for. Thread-safe.</summary>
internal sealed class Readiness(TimeProvider clock)
{
    private volatile string? _waitingFor = "the silo to start";
    private volatile string? _degraded;

    /// <summary>What serves worse than it should while the rest goes on, for a person; null when nothing does. The process stays ready.</summary>
    public string? Degraded
    {
        get => _degraded;
        set => _degraded = value;
    }

    /// <summary>When this process started.</summary>
    public DateTimeOffset StartedAt { get; } = clock.GetUtcNow();

    /// <summary>What is missing; null when ready.</summary>
    public string? WaitingFor => _waitingFor;

    /// <summary>Seconds from the first shard's recovery to the last's; 0 until recovered.</summary>
    public double RecoverySeconds { get; set; }

    public void WaitFor(string what) => _waitingFor = what;

    public void Done() => _waitingFor = null;
}
