namespace Twin.Simulation.Tests;

public class ExperimentTests
{
    [Theory] // printed tables of Student's t, 95 % and 99 % two-sided
    [InlineData(0.95, 1, 12.706)]
    [InlineData(0.95, 2, 4.303)]
    [InlineData(0.95, 3, 3.182)]
    [InlineData(0.95, 4, 2.776)]
    [InlineData(0.95, 9, 2.262)]
    [InlineData(0.95, 30, 2.042)]
    [InlineData(0.99, 10, 3.169)]
    [InlineData(0.95, 100_000, 1.960)]
    public void Student_t_agrees_with_the_tables(double confidence, int freedom, double t) => Assert.Equal(t, StudentT.TwoSided(confidence, freedom), 0.001);

    [Fact]
    public void About_95_of_100_intervals_hold_the_true_mean()
    {
        var held = Replications.Run(1_000, 2, (replication, _) =>
        {
            var random = new RandomStream(1, replication, 0, 0);
            var values = new double[10];
            foreach (ref var value in values.AsSpan()) value = random.NextNormal(3, 2);
            return Estimates.Of(values).Contains(3);
        });
        Assert.InRange(held.Count(h => h), 930, 970);
    }

    [Fact]
    public void The_warm_up_is_cut_and_a_steady_run_is_kept()
    {
        var random = new RandomStream(4, 0, 0, 0);
        var run = Enumerable.Range(0, 2_000).Select(i => random.NextNormal(i < 200 ? 20 - (i / 10.0) : 0, 1)).ToArray();
        Assert.InRange(Estimates.WarmUp(run), 150, 300);
        Assert.Equal(0, Estimates.OfBatches(run.AsSpan(300), 20).Mean, 0.15);
    }

    [Fact]
    public void Common_random_numbers_make_a_difference_sharper()
    {
        double[] Runs(double mean, int stream) => Replications.Run(50, 2, (r, _) =>
        {
            var random = new RandomStream(9, r, 0, stream);
            return Enumerable.Range(0, 100).Sum(_ => random.NextExponential(mean));
        });
        var (shared, apart) = (Estimates.OfDifferences(Runs(1.1, 0), Runs(1, 0)), Estimates.OfDifferences(Runs(1.1, 1), Runs(1, 0)));
        Assert.True(shared.Contains(10) && shared.HalfWidth < apart.HalfWidth / 4);
    }

    [Fact]
    public void A_cancelled_experiment_stops_and_bad_counts_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Replications.Run(0, 1, (r, _) => r));
        Assert.Throws<ArgumentException>(() => Estimates.Of([1]));
        using var source = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Replications.Run(1_000, 1, (r, _) =>
        {
            if (r == 3) source.Cancel();
            return r;
        }, cancellation: source.Token));
    }
}
