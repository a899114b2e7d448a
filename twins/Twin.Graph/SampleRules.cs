namespace Twin.Graph;

/// <summary>How a shard treats samples whose source time is not the newest. Stated per shard; every fate is counted.</summary>
public sealed record SampleRules
{
    /// <summary>5 minutes ahead, 5 seconds of reordering.</summary>
    public static SampleRules Default { get; } = new();

    /// <summary>A source time further than this after the batch's arrival is refused as <see cref="SampleFate.Future"/>.</summary>
    public TimeSpan MaxFutureSkew { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A sample at most this much older than the present value is <see cref="SampleFate.Reordered"/>; older is <see cref="SampleFate.Late"/>.</summary>
    public TimeSpan ReorderWindow { get; init; } = TimeSpan.FromSeconds(5);
}
