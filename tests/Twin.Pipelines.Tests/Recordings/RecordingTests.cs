using Twin.Devices.Recordings;
using Twin.Model;

namespace Twin.Pipelines.Tests.Recordings;

public sealed class RecordingTests
{
    private static readonly CsvLayout Layout = new("timestamp", [new CsvColumn("value", "machine-1", "temperature")]);

    private static CsvRecording Csv(string text, CsvLayout? layout = null)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("twin-pipelines-").FullName, "recording.csv");
        File.WriteAllText(path, text);
        return new CsvRecording(path, layout ?? Layout);
    }

    /// <summary>Plays under virtual time; gives each send's virtual instant and samples.</summary>
    private static async Task<(List<(TimeSpan At, Sample[] Samples)> Sends, PlaybackProgress Progress)> Play(IAsyncEnumerable<RecordedFrame> frames, PlaybackOptions options)
    {
        var clock = new ManualTime();
        var sends = new List<(TimeSpan, Sample[])>();
        var play = new RecordingPlayer(clock).PlayAsync(
            frames, options,
            samples =>
            {
                lock (sends) sends.Add((clock.GetElapsedTime(0), [.. samples]));
                return default;
            },
            null, default);
        while (!play.IsCompleted)
        {
            if (clock.Pending > 0) clock.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Yield();
        }
        return (sends, await play);
    }

    [Theory]
    [InlineData(1, 3000)]
    [InlineData(10, 300)]
    [InlineData(1000, 3)]
    public async Task Each_row_plays_when_it_is_due_at_the_speed_asked(double speed, int secondAtMs)
    {
        var csv = Csv("timestamp,value\n2026-01-01 00:00:00,1\n2026-01-01 00:00:03,2\n2026-01-01 00:00:09,3\n");
        var (sends, progress) = await Play(csv.ReadAsync(), new PlaybackOptions { Speed = speed });
        Assert.Equal([0, secondAtMs, 3 * secondAtMs], sends.Select(s => (int)s.At.TotalMilliseconds));
        Assert.Equal([1L, 2, 3], sends.SelectMany(s => s.Samples).Select(s => s.Value.AsInteger));
        Assert.Equal(new Sample("machine-1", "temperature", PropertyValue.From(2L), WallTime.From(ManualTime.Start.AddSeconds(3))), sends[1].Samples[0]);
        Assert.Equal((3L, 3L, 0L), (progress.Frames, progress.Samples, progress.Backward));
    }

    [Fact]
    public async Task Frames_that_are_due_together_go_together_up_to_the_batch()
    {
        var rows = string.Concat(Enumerable.Range(0, 25).Select(i => $"{1_767_225_600_000 + i},{i}\n"));
        var (sends, _) = await Play(Csv("timestamp,value\n" + rows).ReadAsync(), new PlaybackOptions { Speed = 10_000, MaxBatch = 10 });
        Assert.Equal([10, 10, 5], sends.Select(s => s.Samples.Length));
    }

    [Fact]
    public async Task Restamped_samples_look_as_if_they_happen_now_in_the_same_order_and_proportion()
    {
        var csv = Csv("timestamp,value\n2013-12-02 21:15:00,1\n2013-12-02 21:20:00,2\n2013-12-02 21:30:00,3\n");
        var (sends, _) = await Play(csv.ReadAsync(), new PlaybackOptions { Speed = 100, Restamp = true });
        Assert.Equal([0.0, 3, 9], sends.SelectMany(s => s.Samples).Select(s => (s.SourceTime - WallTime.From(ManualTime.Start)).TotalSeconds));
    }

    [Fact]
    public async Task A_slow_receiver_makes_the_player_late_and_loses_nothing()
    {
        var clock = new ManualTime();
        var values = new List<long>();
        var latest = default(PlaybackProgress);
        var csv = Csv("timestamp,value\n" + string.Concat(Enumerable.Range(0, 10).Select(i => $"{1_767_225_600_000 + (i * 1000)},{i}\n")));
        var play = new RecordingPlayer(clock).PlayAsync(
            csv.ReadAsync(), new PlaybackOptions(),
            samples =>
            {
                foreach (var sample in samples) values.Add(sample.Value.AsInteger);
                clock.Advance(TimeSpan.FromSeconds(2.5));
                return default;
            },
            new Immediate(p => latest = p), default);
        while (!play.IsCompleted)
        {
            if (clock.Pending > 0) clock.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }
        await play;
        Assert.Equal(Enumerable.Range(0, 10).Select(i => (long)i), values);
        Assert.True(latest.Frames == 10);
    }

    [Fact]
    public async Task Cancelling_stops_between_sends()
    {
        var clock = new ManualTime();
        using var stop = new CancellationTokenSource();
        var sent = 0;
        var csv = Csv("timestamp,value\n2026-01-01 00:00:00,1\n2026-01-01 01:00:00,2\n");
        var play = new RecordingPlayer(clock).PlayAsync(
            csv.ReadAsync(), new PlaybackOptions(),
            samples =>
            {
                sent += samples.Count;
                return default;
            },
            null, stop.Token);
        await Eventually.True(() => clock.Pending > 0, "it waits for the second row");
        stop.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => play);
        Assert.Equal(1, sent);
    }

    [Fact]
    public async Task Bad_rows_are_passed_over_with_line_and_reason()
    {
        var layout = new CsvLayout("t", [new CsvColumn("a", "x", "alpha"), new CsvColumn("b, c", "x", "beta")]) { TwinColumn = "id", TwinPrefix = "bus-" };
        var csv = Csv("\uFEFFid,t,a,\"b, c\"\n1,2026-01-01T00:00:00+01:00,1.5,\"say \"\"hi\"\"\"\n2,yesterday,1,2\n3\n4,0,,true\n", layout);
        var frames = new List<RecordedFrame>();
        await foreach (var frame in csv.ReadAsync()) frames.Add(frame);
        Assert.Equal(2, csv.BadRows);
        Assert.Contains("line 3: column t: 'yesterday'", csv.Problems[0]);
        Assert.Contains("line 4: has 1 fields; at least 4", csv.Problems[1]);
        var first = WallTime.From(ManualTime.Start.AddHours(-1));
        Assert.Equal([new Sample("bus-1", "alpha", PropertyValue.From(1.5), first), new Sample("bus-1", "beta", PropertyValue.From("say \"hi\""), first)], frames[0].Samples);
        Assert.Equal([new Sample("bus-4", "beta", PropertyValue.From(true), WallTime.FromUnixMilliseconds(0))], frames[1].Samples);
    }

    [Fact]
    public async Task A_column_the_file_does_not_have_is_named()
    {
        var csv = Csv("time,value\n");
        var error = await Assert.ThrowsAsync<InvalidDataException>(async () =>
        {
            await foreach (var _ in csv.ReadAsync())
            {
                // Nothing to read.
            }
        });
        Assert.Contains("no column 'timestamp'; it has time, value", error.Message);
    }

    [Fact]
    public async Task A_change_feed_plays_in_order_of_commit_over_all_its_shards()
    {
        var random = new Random(5);
        var all = Enumerable.Range(0, 3_000).Select(i => (Shard: random.Next(3), Change: new Change(
            0, i % 50 == 0 ? ChangeKind.TwinCreated : ChangeKind.PropertyChanged, $"t{i % 9}", "", "x", PropertyValue.From((long)i), WallTime.From(ManualTime.Start.AddSeconds(i)), WallTime.From(ManualTime.Start.AddSeconds(i))))).ToArray();
        var shards = Enumerable.Range(0, 3).Select(s => all.Where(a => a.Shard == s).Select(a => a.Change).ToArray()).ToArray();
        var feed = new FeedRecording(
            (shard, after, most, _) =>
            {
                var page = shards[shard].Skip((int)after).Take(Math.Min(most, 170)).ToArray();
                return new ValueTask<FeedPage>(new FeedPage(shard, page, after + page.Length, false));
            },
            3);
        var values = new List<long>();
        await foreach (var frame in feed.ReadAsync()) values.Add(frame.Samples[0].Value.AsInteger);
        Assert.Equal(all.Where(a => a.Change.Kind == ChangeKind.PropertyChanged).Select(a => a.Change.Value.AsInteger), values);
    }

    [Fact]
    public async Task The_machine_temperature_recording_plays_whole_at_ten_thousand_times_its_speed()
    {
        var csv = new CsvRecording(SharedFiles.Require("nab/machine_temperature_system_failure.csv"), Layout);
        var (sends, progress) = await Play(csv.ReadAsync(), new PlaybackOptions { Speed = 10_000 });
        Assert.Equal((22_695L, 0L), (progress.Samples, csv.BadRows));
        Assert.Equal(22_695, sends.Sum(s => s.Samples.Length));
        // 2013-12-02 21:15 to 2014-02-19 15:25 are 78 days, 18 h and 10 min: 6,804,600 s, so 680.46 s of play.
        Assert.InRange(sends[^1].At.TotalSeconds, 680.45, 680.47);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2_000_000)]
    [InlineData(double.NaN)]
    public void A_speed_outside_its_range_is_refused(double speed) =>
        Assert.Contains("0.01 to 1000000", Assert.Throws<ArgumentOutOfRangeException>(() => new PlaybackOptions { Speed = speed }.Validate()).Message);

    private sealed class Immediate(Action<PlaybackProgress> report) : IProgress<PlaybackProgress>
    {
        public void Report(PlaybackProgress value) => report(value);
    }
}
