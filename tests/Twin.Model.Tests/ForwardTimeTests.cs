namespace Twin.Model.Tests;

/// <summary>A clock that never goes back, whatever is done to the machine's.</summary>
public sealed class ForwardTimeTests
{
    private readonly Machine _machine = new();

    [Fact]
    public void It_is_the_machines_clock_while_that_goes_on()
    {
        var time = new ForwardTime(_machine);
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(_machine.GetUtcNow(), time.GetUtcNow());
            _machine.Pass(TimeSpan.FromMilliseconds(i * i));
        }

        Assert.Equal(TimeSpan.Zero, time.Ahead);
    }

    [Fact]
    public void Set_back_by_an_hour_it_goes_on_a_twentieth_slower_until_the_machine_has_caught_up()
    {
        var time = new ForwardTime(_machine);
        var before = time.GetUtcNow();
        _machine.Set(TimeSpan.FromHours(-1));
        Assert.Equal(before, time.GetUtcNow());
        _machine.Pass(TimeSpan.FromSeconds(100));
        Assert.Equal(before + TimeSpan.FromSeconds(95), time.GetUtcNow());
        Assert.Equal(TimeSpan.FromMinutes(60) - TimeSpan.FromSeconds(5), time.Ahead);
        _machine.Pass(TimeSpan.FromHours(20) - TimeSpan.FromSeconds(100)); // an hour is a twentieth of it
        Assert.Equal(_machine.GetUtcNow(), time.GetUtcNow());
        Assert.Equal(TimeSpan.Zero, time.Ahead);
    }

    [Fact]
    public void Set_forward_it_follows_at_once()
    {
        var time = new ForwardTime(_machine);
        time.GetUtcNow();
        _machine.Set(TimeSpan.FromDays(3));
        Assert.Equal(_machine.GetUtcNow(), time.GetUtcNow());
    }

    [Fact]
    public void However_it_is_set_and_from_however_many_threads_it_is_read_it_never_goes_back()
    {
        var time = new ForwardTime(_machine);
        var random = new Random(7);
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, thread =>
        {
            var last = DateTimeOffset.MinValue;
            for (var i = 0; i < 20_000; i++)
            {
                if (thread == 0) _machine.Set(TimeSpan.FromSeconds(random.NextDouble() - 0.5));
                if (thread == 0) _machine.Pass(TimeSpan.FromMilliseconds(random.Next(20)));
                var now = time.GetUtcNow();
                Assert.True(now >= last, $"{now:O} after {last:O}");
                last = now;
            }
        });
    }

    /// <summary>A machine's clock under the test's hand.</summary>
    private sealed class Machine : TimeProvider
    {
        private readonly Lock _turn = new();
        private DateTimeOffset _utc = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);
        private long _stamp = 5_000_000;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan time)
        {
            lock (_turn) (_utc, _stamp) = (_utc + time, _stamp + time.Ticks);
        }

        public void Set(TimeSpan by)
        {
            lock (_turn) _utc += by;
        }

        public override DateTimeOffset GetUtcNow()
        {
            lock (_turn) return _utc;
        }

        public override long GetTimestamp()
        {
            lock (_turn) return _stamp;
        }
    }
}
