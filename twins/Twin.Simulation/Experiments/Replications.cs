namespace Twin.Simulation;

/// <summary>Runs replications side by side, at most so many at a time; results stand in the order of their numbers, whoever ended first.</summary>
public static class Replications
{
    /// <summary>Runs a model once for each replication number.</summary>
    /// <param name="count">1 to 65,536.</param>
    /// <param name="atOnce">How many run side by side, 1 or more.</param>
    /// <param name="run">Gets the replication number, which names its random streams; returns the measure. Called on several threads.</param>
    /// <param name="progress">Told how many have ended.</param>
    /// <param name="cancellation">Given to each run; none begins after it.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    /// <exception cref="OperationCanceledException">The experiment was cancelled.</exception>
    public static TMeasure[] Run<TMeasure>(int count, int atOnce, Func<int, CancellationToken, TMeasure> run, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        if (count is < 1 or > ushort.MaxValue + 1) throw new ArgumentOutOfRangeException(nameof(count), count, "Allowed are 1 to 65536 replications.");
        if (atOnce < 1) throw new ArgumentOutOfRangeException(nameof(atOnce), atOnce, "Allowed are 1 or more at once.");
        ArgumentNullException.ThrowIfNull(run);
        var measures = new TMeasure[count];
        var ended = 0;
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = cancellation }, r =>
        {
            measures[r] = run(r, cancellation);
            progress?.Report(Interlocked.Increment(ref ended));
        });
        return measures;
    }
}
