using Twin.Simulation.JobShop;

namespace Twin.Simulation.Tests.JobShop;

public class JobShopSolverTests
{
    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 40).Select(s => (ulong)s)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Small_shops_are_solved_to_the_makespan_that_trying_every_order_gives_and_proved(ulong seed)
    {
        var shop = Shops.Small(seed);
        var result = JobShopSolver.Solve(shop, new JobShopOptions { Seed = seed, Longest = null, Moves = 500_000 }, TimeProvider.System);
        Assert.Empty(ScheduleChecker.Check(result.Schedule));
        Assert.Equal(Shops.Best(shop).Makespan, result.Value);
        Assert.True(result.IsProved, $"bound {result.LowerBound}, value {result.Value}");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Small_shops_with_due_dates_and_down_times_reach_what_trying_every_order_gives(ulong seed)
    {
        var shop = Shops.Small(seed, isDown: true);
        var best = Shops.Best(shop);
        foreach (var objective in Enum.GetValues<JobShopObjective>())
        {
            var result = JobShopSolver.Solve(shop, new JobShopOptions { Objective = objective, Seed = seed, Longest = null, Moves = 60_000 }, TimeProvider.System);
            Assert.Empty(ScheduleChecker.Check(result.Schedule));
            var known = objective == JobShopObjective.Makespan ? best.Makespan : best.Tardiness;
            Assert.Equal(known, result.Value);
            Assert.InRange(result.LowerBound, 0, known);
        }
    }

    [Fact]
    public void The_makespan_of_FT10_is_930_and_proved()
    {
        var path = Twin.Testing.Repository.SharedData("jobshop/ft10.txt");
        Assert.SkipWhen(path is null, "skipped: no shared data");
        var shop = Assert.Single(JobShopText.Read(File.ReadAllText(path), "ft10"));
        var result = JobShopSolver.Solve(shop, new JobShopOptions { Seed = 1, Longest = null, Moves = 5_000_000 }, TimeProvider.System);
        Assert.Empty(ScheduleChecker.Check(result.Schedule));
        Assert.Equal((930, true), (result.Value, result.IsProved));
    }

    [Fact]
    public void The_first_published_instance_of_Taillard_comes_within_two_percent_of_its_optimum_in_200_000_moves()
    {
        var shop = TaillardGenerator.Generate("ta01", 15, 15, 840612802, 398197754);
        var result = JobShopSolver.Solve(shop, new JobShopOptions { Seed = 3, Longest = null, Moves = 200_000, Prove = false }, TimeProvider.System);
        Assert.Empty(ScheduleChecker.Check(result.Schedule));
        Assert.InRange(result.Value, 1231, 1255); // 1231: optimal, published
    }

    [Fact]
    public void The_same_seed_and_number_of_moves_give_the_same_schedule_and_bound()
    {
        var shop = TaillardGenerator.Generate("ta01", 15, 15, 840612802, 398197754);
        JobShopResult Run(ulong seed) => JobShopSolver.Solve(shop, new JobShopOptions { Seed = seed, Longest = null, Moves = 60_000 }, TimeProvider.System);
        var (first, second, other) = (Run(5), Run(5), Run(6));
        Assert.Equal(first.Schedule.Starts.ToArray(), second.Schedule.Starts.ToArray());
        Assert.Equal((first.LowerBound, first.Moves, first.Nodes), (second.LowerBound, second.Moves, second.Nodes));
        Assert.NotEqual(first.Schedule.Starts.ToArray(), other.Schedule.Starts.ToArray());
    }

    [Fact]
    public void A_search_ends_by_its_clock_and_by_its_caller_with_the_best_so_far()
    {
        var shop = TaillardGenerator.Generate("wide", 30, 15, 12345, 6789);
        var clock = new SteppingClock();
        var told = new List<long>();
        var result = JobShopSolver.Solve(shop, new JobShopOptions { Longest = TimeSpan.FromSeconds(5), Progress = p => told.Add(p.Value) }, clock);
        Assert.Empty(ScheduleChecker.Check(result.Schedule));
        Assert.Equal(told.Order().Reverse(), told);
        Assert.Equal(result.Value, told[^1]);

        using var stop = new CancellationTokenSource();
        var stopped = JobShopSolver.Solve(shop, new JobShopOptions { Longest = null, Moves = long.MaxValue, Progress = p => { if (p.Moves > 10_000) stop.Cancel(); } }, TimeProvider.System, stop.Token);
        Assert.Empty(ScheduleChecker.Check(stopped.Schedule));
    }

    [Fact]
    public void A_search_without_an_end_is_refused()
    {
        var shop = Shops.Small(1);
        Assert.Throws<ArgumentException>(() => JobShopSolver.Solve(shop, new JobShopOptions { Longest = null }, TimeProvider.System));
        Assert.Throws<ArgumentException>(() => JobShopSolver.Solve(shop, new JobShopOptions { Longest = TimeSpan.Zero }, TimeProvider.System));
        Assert.Throws<ArgumentException>(() => JobShopSolver.Solve(shop, new JobShopOptions { Moves = 0 }, TimeProvider.System));
    }

    /// <summary>Every look at the clock takes a millisecond.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => ++_now;
    }
}
