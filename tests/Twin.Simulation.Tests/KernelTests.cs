using System.Buffers;

namespace Twin.Simulation.Tests;

public class KernelTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void Events_come_out_in_the_total_order_that_a_sorted_set_gives(int seed, bool hasTies)
    {
        var random = new Random(seed);
        var queue = new EventQueue();
        var oracle = new SortedSet<SimEvent>(Comparer<SimEvent>.Create((a, b) => (a.Time, a.Priority, a.Source, a.Sequence).CompareTo((b.Time, b.Priority, b.Source, b.Sequence))));
        var (now, sequence) = (0.0, 0u);
        for (var step = 0; step < 60_000; step++)
        {
            if (step % 7 < 4 || oracle.Count == 0)
            {
                var delay = hasTies ? random.Next(4) : random.Next(10) == 0 ? 1e6 * random.NextDouble() : Math.Pow(random.NextDouble(), 6);
                var e = new SimEvent(now + delay, random.Next(3), sequence++, 0, (short)random.Next(-2, 2), 0, step);
                queue.Enqueue(e);
                oracle.Add(e);
            }
            else
            {
                Assert.True(queue.TryDequeue(out var e));
                Assert.Equal(oracle.Min, e);
                oracle.Remove(e);
                now = e.Time;
            }
        }

        var copy = new SimEvent[queue.Count];
        queue.CopyTo(copy);
        Assert.True(oracle.SetEquals(copy));
        while (queue.TryDequeue(out var e))
        {
            Assert.Equal(oracle.Min, e);
            oracle.Remove(e);
        }

        Assert.Empty(oracle);
    }

    [Fact]
    public void One_two_four_and_eight_partitions_give_the_same_hash_and_the_seed_another()
    {
        var hashes = new[] { 1, 2, 4, 8 }.Select(p => After(Phold.Make(200, 4, p, 7), 30)).ToArray();
        Assert.Single(hashes.Distinct());
        Assert.True(hashes[0].Processed > 20_000);
        Assert.NotEqual(hashes[0].Hash, After(Phold.Make(200, 4, 1, 8), 30).Hash);
    }

    [Fact]
    public void A_run_that_was_cancelled_ends_as_one_that_was_not()
    {
        var whole = After(Phold.Make(100, 4, 4, 3), 20);
        var run = Phold.Make(100, 4, 4, 3);
        for (var t = 1; t <= 8; t++)
        {
            using var source = new CancellationTokenSource();
            var stop = new Stop(source, t * 2);
            Assert.ThrowsAny<OperationCanceledException>(() => run.Run(20, stop, source.Token));
        }

        Assert.Equal(whole, After(run, 20));
    }

    [Fact]
    public void A_branch_from_a_snapshot_ends_bit_for_bit_as_the_run_it_left()
    {
        var run = Phold.Make(500, 3, 1, 11);
        run.Run(5);
        var bytes = new ArrayBufferWriter<byte>();
        run.Parts[0].Save(bytes);
        var branch = Phold.Make(500, 3, 1, 99);
        branch.Parts[0].Load(bytes.WrittenSpan);
        Assert.Equal(run.Hash(), branch.Hash());
        Assert.Equal(After(run, 15), After(branch, 15));
        Assert.Throws<ArgumentException>(() => branch.Parts[0].Load(bytes.WrittenSpan[..^1]));
        Assert.Throws<ArgumentException>(() => branch.Parts[0].Load(new byte[200]));
        Assert.Throws<ArgumentException>(() => Phold.Make(501, 3, 1, 1).Parts[0].Load(bytes.WrittenSpan));
    }

    [Fact]
    public void The_hash_sees_state_and_order()
    {
        var (a, b) = (Phold.Make(10, 1, 1, 1), Phold.Make(10, 1, 1, 1));
        Assert.Equal(a.Hash(), b.Hash());
        b.Parts[0][3].Sum++;
        Assert.NotEqual(a.Hash(), b.Hash());
        Assert.NotEqual(StateHash.Add(StateHash.Add(0, 1), 2), StateHash.Add(StateHash.Add(0, 2), 1));
    }

    [Theory]
    [InlineData(-1.0)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_delay_that_is_none_is_refused_with_the_entity_named(double delay)
    {
        var part = new Partition<Once, Bad>(new PartitionPlan(5, 1, 0), 0, new Bad { Delay = delay });
        part.Schedule(1, 3);
        Assert.Contains("Entity 3", Assert.Throws<ArgumentOutOfRangeException>(() => part.Advance(2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_past_strangers_and_delays_under_the_lookahead_are_refused()
    {
        var part = new Partition<Once, Bad>(new PartitionPlan(5, 1, 0.5), 0, new Bad { Delay = 0.4, Target = 4 });
        part.Schedule(1, 3);
        Assert.Contains("lookahead", Assert.Throws<ArgumentOutOfRangeException>(() => part.Advance(2)).Message, StringComparison.Ordinal);
        Assert.Contains("entity 2", Assert.Throws<ArgumentOutOfRangeException>(() => part.Schedule(0.5, 2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => part.Schedule(double.NaN, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => part.Schedule(9, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PartitionPlan(5, 2, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PartitionPlan(5, 3, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EventQueue().Enqueue(new SimEvent(double.NaN, 0, 0, 0, 0, 0, 0)));
    }

    private static (ulong Hash, long Processed) After(PartitionedRun<Phold.State, Phold> run, double until)
    {
        run.Run(until);
        return (run.Hash(), run.Processed);
    }

    private sealed class Stop(CancellationTokenSource source, double at) : IProgress<double>
    {
        public void Report(double value)
        {
            if (value >= at) source.Cancel();
        }
    }

    private struct Once { public long Count; }

    private struct Bad : IEntityLogic<Once>
    {
        public double Delay;
        public int? Target;

        public void Handle(ref Once state, in SimEvent e, ref Turn turn)
        {
            state.Count++;
            turn.Schedule(Target ?? turn.Self, Delay);
        }
    }
}
