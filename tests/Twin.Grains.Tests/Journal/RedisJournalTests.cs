using Twin.Grains.Journal;
using Twin.Graph.Journal;
using Twin.Model;

namespace Twin.Grains.Tests.Journal;

public sealed class RedisJournalTests : JournalConformance
{
    private RedisServer? _server;

    public override async ValueTask InitializeAsync()
    {
        _server = await RedisServer.StartAsync();
        Store = new RedisJournalStore(_server.Connection, TimeProvider.System) { Patience = TimeSpan.FromSeconds(2) };
    }

    public override async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_frame_that_does_not_follow_is_refused_and_leaves_nothing()
    {
        var journal = await OpenAsync();
        var start = FeedSequence.StartOf(journal.Epoch) + 1;
        var kept = await AppendAsync(journal, start, 2);
        var refused = await Assert.ThrowsAsync<IOException>(() => AppendAsync(journal, start + 3, 1));
        Assert.Contains("does not follow", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<IOException>(() => AppendAsync(journal, start + 1, 1));
        Assert.Equal([kept], await ReadAsync(journal, 0));
    }

    [Fact]
    public async Task A_store_that_is_gone_fails_the_append_as_an_io_error_within_the_patience()
    {
        var journal = await OpenAsync();
        await AppendAsync(journal, FeedSequence.StartOf(1) + 1, 1);
        await _server!.KillAsync();
        var before = TimeProvider.System.GetTimestamp();
        await Assert.ThrowsAnyAsync<IOException>(() => AppendAsync(journal, FeedSequence.StartOf(1) + 2, 1));
        Assert.True(TimeProvider.System.GetElapsedTime(before) < TimeSpan.FromSeconds(15));
    }
}
