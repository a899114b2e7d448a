namespace Twin.Graph.Tests;

public class SampleFateTests
{
    private static readonly WallTime Arrival = TestModels.At(1000);
    private readonly ShardState _state = TestModels.NewState();
    private readonly ChangeBuffer _changes = new();

    public SampleFateTests()
    {
        _state.Execute(new PutTwin("a", TestModels.Lamp, []), TestModels.At(0), _changes);
        _changes.Clear();
    }

    [Fact]
    public void A_first_value_is_applied_with_both_times()
    {
        Assert.Equal(SampleFate.Applied, Send(21.5, 990));
        Assert.True(_state.TryLocate("a", out var table, out var row));
        var column = table.Column(table.Model.FindProperty("power")!.Ordinal);
        Assert.Equal((TestModels.At(990), Arrival), (column.SourceTimeOf(row), column.UpdateTimeOf(row)));
        Assert.Equal(_state.LastSequence, table.VersionOf(row));
        var change = Assert.Single(_changes.ToArray());
        Assert.Equal(new Change(_state.LastSequence, ChangeKind.PropertyChanged, "a", TestModels.Lamp, "power", PropertyValue.From(21.5), TestModels.At(990), Arrival), change);
    }

    [Fact]
    public void The_same_reading_twice_is_a_duplicate_and_not_journaled_again()
    {
        Send(1, 990);
        Assert.Equal(SampleFate.Duplicate, Send(1, 990));
        Assert.Equal(1, _changes.Count);
    }

    [Fact]
    public void Of_two_values_for_one_instant_the_later_arrival_wins()
    {
        Send(1, 990);
        Assert.Equal(SampleFate.Applied, Send(2, 990));
        Assert.Equal(2, Power());
    }

    [Theory]
    [InlineData(989.999, SampleFate.Reordered)]
    [InlineData(985, SampleFate.Reordered)]
    [InlineData(984.999, SampleFate.Late)]
    public void An_older_sample_is_history_and_leaves_the_state(double seconds, SampleFate fate)
    {
        Send(1, 990);
        _state.TryLocate("a", out var table, out var row);
        var version = table!.VersionOf(row);
        Assert.Equal(fate, Send(2, seconds));
        Assert.Equal(1, Power());
        Assert.Equal(version, table.VersionOf(row));
        Assert.Equal((ChangeKind.SampleHistorical, TestModels.At(seconds)), (_changes.Span[^1].Kind, _changes.Span[^1].SourceTime));
        Assert.Equal(_state.LastSequence, _changes.LastSequence);
    }

    [Theory]
    [InlineData(1300, SampleFate.Applied)]
    [InlineData(1300.001, SampleFate.Future)]
    [InlineData(4600, SampleFate.Future)]
    public void A_clock_ahead_by_more_than_the_allowed_skew_is_refused(double seconds, SampleFate fate) => Assert.Equal(fate, Send(1, seconds));

    [Fact]
    public void A_sample_without_time_was_true_when_it_arrived()
    {
        Assert.Equal(SampleFate.Applied, Send(new Sample("a", "power", PropertyValue.From(1.0), WallTime.None)));
        Assert.Equal(Arrival, _changes.Span[0].SourceTime);
    }

    [Fact]
    public void What_cannot_be_kept_is_refused_with_its_reason_and_stops_nothing()
    {
        var outcome = _state.Ingest(new SampleBatch(new Sample[]
        {
            new("nobody", "power", PropertyValue.From(1.0), Arrival), new("a", "colour", PropertyValue.From(1.0), Arrival),
            new("a", "power", PropertyValue.From("hot"), Arrival), new("a", "power", PropertyValue.From(double.NaN), Arrival),
            new("a", "count", PropertyValue.From(3_000_000_000L), Arrival), new("a", "power", PropertyValue.From(4L), Arrival),
        }, Arrival), SampleRules.Default, Arrival, _changes);
        Assert.Equal([1, 0, 0, 0, 0, 1, 1, 3, 0], outcome.Counts);
        Assert.Equal(["nobody", "colour", "\"hot\"", "NaN", "-2147483648 to 2147483647"], outcome.Refusals.Select((r, i) => new[] { "nobody", "colour", "\"hot\"", "NaN", "-2147483648 to 2147483647" }.First(t => r.Detail.Contains(t, StringComparison.Ordinal))));
        Assert.Equal([0, 1, 2, 3, 4], outcome.Refusals.Select(r => r.Index));
        Assert.Equal(PropertyValue.From(4.0), _changes.Span[0].Value);
    }

    [Fact]
    public void Refusals_are_told_a_hundred_at_most_and_counted_all()
    {
        var samples = Enumerable.Range(0, 250).Select(i => new Sample($"nobody-{i}", "power", PropertyValue.From(1.0), Arrival)).ToArray();
        var outcome = _state.Ingest(new SampleBatch(samples, Arrival), SampleRules.Default, Arrival, _changes);
        Assert.Equal(250, outcome.Counts[(int)SampleFate.UnknownTwin]);
        Assert.Equal(100, outcome.Refusals.Length);
    }

    [Fact]
    public void Times_and_durations_come_as_text()
    {
        Assert.Equal(SampleFate.Applied, Send(new Sample("a", "installed", PropertyValue.From("2026-01-01T01:00:00+01:00"), Arrival)));
        Assert.Equal(PropertyValue.From(TestModels.At(0)), _changes.Span[0].Value);
        Assert.Equal(SampleFate.Applied, Send(new Sample("a", "runtime", PropertyValue.From("PT1M30S"), Arrival)));
        Assert.Equal(PropertyValue.From(TimeSpan.FromSeconds(90)), _changes.Span[1].Value);
    }

    [Fact]
    public void Numbers_flow_without_allocation_for_a_sample()
    {
        var samples = Enumerable.Range(0, 1000).Select(i => new Sample("a", "power", PropertyValue.From((double)i), WallTime.None)).ToArray();
        var changes = new ChangeBuffer(2000);
        for (var i = 1; i < 50; i++) Run(i); // warm up
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run(100);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000); // the answer itself, not one byte a sample

        void Run(int second)
        {
            changes.Clear();
            var arrival = TestModels.At(2000 + second);
            Assert.Equal(1000, _state.Ingest(new SampleBatch(samples, arrival), SampleRules.Default, arrival, changes).Counts[0]);
        }
    }

    private SampleFate Send(double power, double seconds) => Send(new Sample("a", "power", PropertyValue.From(power), TestModels.At(seconds)));

    private SampleFate Send(Sample sample) =>
        (SampleFate)Array.IndexOf(_state.Ingest(new SampleBatch(new[] { sample }, Arrival), SampleRules.Default, Arrival, _changes).Counts, 1);

    private double Power()
    {
        _state.TryLocate("a", out var table, out var row);
        return table!.Column(0).Get(row).AsNumber;
    }
}
