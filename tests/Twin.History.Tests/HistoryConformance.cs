using Twin.Model;

namespace Twin.History.Tests;

/// <summary>What every history store promises. One suite; a subclass a store.</summary>
public abstract class HistoryConformance : IAsyncLifetime
{
    private static readonly WallTime Start = new(new DateTime(2026, 3, 1, 0, 0, 0, DateTimeKind.Utc).Ticks);
    private IHistoryStore _store = null!;

    /// <summary>Opens the same storage again, as a restarted process would.</summary>
    protected abstract Task<IHistoryStore> OpenAsync();

    protected abstract Task CloseAsync();

    public async ValueTask InitializeAsync()
    {
        _store = await OpenAsync();
        await _store.OpenAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_store is not null) await _store.DisposeAsync();
        await CloseAsync();
    }

    protected IHistoryStore Store => _store;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected static FeedPage Page(int shard, params Change[] changes) => new(shard, changes, changes[^1].Sequence, false);

    protected static Change Value(long sequence, string twin, string path, double seconds, PropertyValue value, ChangeKind kind = ChangeKind.PropertyChanged) =>
        new(sequence, kind, twin, "dtmi:test;1", path, value, At(seconds), At(seconds + 1));

    protected static WallTime At(double seconds) => Start + TimeSpan.FromSeconds(seconds);

    [Fact]
    public async Task Values_come_back_as_they_were_whatever_their_kind()
    {
        PropertyValue[] values =
        [
            PropertyValue.From(true), PropertyValue.From(long.MaxValue), PropertyValue.From(-0.1), PropertyValue.From("Grüße \u4e16"),
            PropertyValue.From(At(5)), PropertyValue.From(TimeSpan.FromTicks(123456789012345)), PropertyValue.FromJson("{\"a\":[1,2]}"u8.ToArray()),
        ];
        await _store.AppendAsync("live", [Page(0, [.. values.Select((v, i) => Value(i + 1, "t", "p", i, v))])], Cancel);
        var read = await _store.ReadAsync("live", "t", "p", At(0), At(100), 100, Cancel);
        Assert.Equal(values, read.Select(p => p.Value));
        Assert.Equal(Enumerable.Range(0, values.Length).Select(i => At(i)), read.Select(p => p.Time));
    }

    [Fact]
    public async Task A_replayed_page_is_stored_once_and_a_half_replayed_one_is_completed()
    {
        var first = Page(3, Value(10, "t", "p", 0, PropertyValue.From(1.0)), Value(11, "t", "p", 1, PropertyValue.From(2.0)));
        var overlapping = Page(3, Value(11, "t", "p", 1, PropertyValue.From(2.0)), Value(12, "t", "p", 2, PropertyValue.From(3.0)));
        await _store.AppendAsync("live", [first], Cancel);
        await _store.AppendAsync("live", [first], Cancel);
        await _store.AppendAsync("live", [overlapping], Cancel);
        Assert.Equal([1.0, 2.0, 3.0], (await _store.ReadAsync("live", "t", "p", At(0), At(10), 10, Cancel)).Select(p => p.Value.AsNumber));
        Assert.Equal(12, (await _store.ReadPositionsAsync("live", Cancel))[3]);
    }

    [Fact]
    public async Task Positions_and_values_survive_a_restart()
    {
        await _store.AppendAsync("live", [Page(0, Value(1, "a", "p", 0, PropertyValue.From(7.0))), Page(1, Value(5, "b", "p", 0, PropertyValue.From(8.0)))], Cancel);
        await _store.DisposeAsync();
        _store = await OpenAsync();
        await _store.OpenAsync(Cancel);
        var positions = await _store.ReadPositionsAsync("live", Cancel);
        Assert.Equal((1L, 5L), (positions[0], positions[1]));
        await _store.AppendAsync("live", [Page(0, Value(2, "a", "p", 1, PropertyValue.From(9.0)))], Cancel);
        Assert.Equal([7.0, 9.0], (await _store.ReadAsync("live", "a", "p", At(0), At(10), 10, Cancel)).Select(p => p.Value.AsNumber));
        Assert.Equal(3, await _store.CountAsync("live", Cancel));
    }

    [Fact]
    public async Task Late_samples_take_their_place_by_the_time_they_were_true()
    {
        await _store.AppendAsync("live",
            [Page(0, Value(1, "t", "p", 10, PropertyValue.From(1.0)), Value(2, "t", "p", 30, PropertyValue.From(3.0)), Value(3, "t", "p", 20, PropertyValue.From(2.0), ChangeKind.SampleHistorical))], Cancel);
        Assert.Equal([1.0, 2.0, 3.0], (await _store.ReadAsync("live", "t", "p", At(0), At(100), 10, Cancel)).Select(p => p.Value.AsNumber));
    }

    [Fact]
    public async Task A_read_takes_its_start_leaves_its_end_and_stops_at_its_limit()
    {
        await _store.AppendAsync("live", [Page(0, [.. Enumerable.Range(0, 50).Select(i => Value(i + 1, "t", "p", i, PropertyValue.From((double)i)))])], Cancel);
        Assert.Equal([10.0, 11.0, 12.0], (await _store.ReadAsync("live", "t", "p", At(10), At(13), 10, Cancel)).Select(p => p.Value.AsNumber));
        Assert.Equal([10.0, 11.0], (await _store.ReadAsync("live", "t", "p", At(10), At(40), 2, Cancel)).Select(p => p.Value.AsNumber));
        Assert.Empty(await _store.ReadAsync("live", "nobody", "p", At(0), At(40), 2, Cancel));
        Assert.Empty(await _store.ReadAsync("other", "t", "p", At(0), At(40), 2, Cancel));
    }

    [Fact]
    public async Task Buckets_equal_an_obvious_fold_over_the_raw_values()
    {
        var random = new Random(20261122);
        var points = Enumerable.Range(0, 3_000).Select(i => (Seconds: random.Next(0, 7_200) / 4.0, Value: Math.Round((random.NextDouble() * 200) - 100, 3))).ToArray();
        await _store.AppendAsync("live", [Page(0, [.. points.Select((p, i) => Value(i + 1, "t", "p", p.Seconds, PropertyValue.From(p.Value)))])], Cancel);
        var width = TimeSpan.FromSeconds(60);
        var expected = points.Select((p, i) => (p.Seconds, p.Value, Index: i)).GroupBy(p => (long)Math.Floor(p.Seconds / 60)).OrderBy(g => g.Key).ToArray();
        var buckets = await _store.ReadBucketsAsync("live", "t", "p", At(0), At(1_800), width, Cancel);
        Assert.Equal(expected.Length, buckets.Count);
        foreach (var (group, bucket) in expected.Zip(buckets))
        {
            Assert.Equal(At(group.Key * 60), bucket.Start);
            Assert.Equal(group.Count(), bucket.Count);
            Assert.Equal(group.Min(p => p.Value), bucket.Min);
            Assert.Equal(group.Max(p => p.Value), bucket.Max);
            Assert.Equal(group.Average(p => p.Value), bucket.Mean, 9);
            Assert.Equal(group.OrderBy(p => p.Seconds).ThenBy(p => p.Index).Last().Value, bucket.Last.AsNumber);
        }
    }

    [Fact]
    public async Task Buckets_of_text_have_a_last_value_and_no_mean()
    {
        await _store.AppendAsync("live", [Page(0, Value(1, "t", "state", 1, PropertyValue.From("running")), Value(2, "t", "state", 2, PropertyValue.From("down")))], Cancel);
        var bucket = Assert.Single(await _store.ReadBucketsAsync("live", "t", "state", At(0), At(60), TimeSpan.FromMinutes(1), Cancel));
        Assert.Equal("down", bucket.Last.AsText);
        Assert.True(double.IsNaN(bucket.Mean));
        Assert.Equal(2, bucket.Count);
    }

    [Fact]
    public async Task Retention_removes_what_is_older_and_says_how_many()
    {
        await _store.AppendAsync("live", [Page(0, [.. Enumerable.Range(0, 20).Select(i => Value(i + 1, "t", "p", i, PropertyValue.From((double)i)))])], Cancel);
        Assert.Equal(5, await _store.RemoveBeforeAsync("live", At(5), Cancel));
        Assert.Equal(15, await _store.CountAsync("live", Cancel));
        Assert.Equal(5.0, (await _store.ReadAsync("live", "t", "p", At(0), At(100), 1, Cancel))[0].Value.AsNumber);
    }

    [Fact]
    public async Task Questions_out_of_range_are_refused_with_the_range()
    {
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _store.ReadAsync("live", "t", "p", At(0), At(1), 0, Cancel));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _store.ReadAsync("live", "t", "p", At(1), At(0), 10, Cancel));
        var error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _store.ReadBucketsAsync("live", "t", "p", At(0), At(1_000_000), TimeSpan.FromMilliseconds(1), Cancel));
        Assert.Contains("100000", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Relationship_and_bookkeeping_changes_are_not_values()
    {
        await _store.AppendAsync("live",
            [Page(0, Value(1, "t", "", 0, default, ChangeKind.TwinCreated), Value(2, "t", "r1", 0, PropertyValue.FromJson("{}"u8.ToArray()), ChangeKind.RelationshipChanged), Value(3, "t", "p", 0, PropertyValue.From(1.0)))], Cancel);
        Assert.Equal(1, await _store.CountAsync("live", Cancel));
        Assert.Equal(3, (await _store.ReadPositionsAsync("live", Cancel))[0]);
    }

    [Fact]
    public async Task Two_thousand_series_a_page_are_kept_apart()
    {
        await _store.AppendAsync("live", [Page(0, [.. Enumerable.Range(0, 4_000).Select(i => Value(i + 1, $"twin-{i % 2_000}", "p", i, PropertyValue.From((double)i)))])], Cancel);
        Assert.Equal([17.0, 2_017.0], (await _store.ReadAsync("live", "twin-17", "p", At(0), At(10_000), 10, Cancel)).Select(p => p.Value.AsNumber));
    }
}

/// <summary>The embedded store.</summary>
public sealed class DuckDbHistoryTests : HistoryConformance
{
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-history-").FullName;

    protected override Task<IHistoryStore> OpenAsync() => Task.FromResult<IHistoryStore>(new DuckDbHistoryStore(Path.Combine(_folder, "history.duckdb")));

    protected override Task CloseAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }
}

/// <summary>The cluster's store, on a real server.</summary>
public sealed class PostgresHistoryTests : HistoryConformance
{
    private PostgresServer? _server;

    protected override async Task<IHistoryStore> OpenAsync()
    {
        _server ??= await PostgresServer.StartAsync();
        Assert.SkipWhen(_server is null, "PostgreSQL is not installed (package postgresql)");
        return new PostgresHistoryStore(_server.ConnectionString);
    }

    protected override async Task CloseAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_database_that_goes_and_comes_back_loses_nothing_that_is_offered_again()
    {
        await Store.AppendAsync("live", [Page(0, Value(1, "t", "p", 0, PropertyValue.From(1.0)))], Cancel);
        await _server!.StopAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => Store.AppendAsync("live", [Page(0, Value(2, "t", "p", 1, PropertyValue.From(2.0)))], Cancel));
        await _server.ResumeAsync();
        var page = Page(0, Value(2, "t", "p", 1, PropertyValue.From(2.0)));
        for (var deadline = DateTime.UtcNow.AddSeconds(20); ;)
        {
            try
            {
                await Store.AppendAsync("live", [page], Cancel);
                break;
            }
            catch (Exception) when (DateTime.UtcNow < deadline)
            {
                await Task.Delay(200, Cancel); // the breaker is open for two seconds; the feed waits in the same way
            }
        }

        Assert.Equal([1.0, 2.0], (await Store.ReadAsync("live", "t", "p", At(0), At(10), 10, Cancel)).Select(p => p.Value.AsNumber));
    }
}
