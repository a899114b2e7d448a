using System.Text;
using Twin.Graph;
using Twin.Graph.Journal;
using Twin.Model;

namespace Twin.Grains.Tests.Journal;

/// <summary>What every journal store must do; run against files and against Redis.</summary>
public abstract class JournalConformance : IAsyncLifetime
{
    private readonly ChangeCodec _codec = new();

    private protected IJournalStore Store { get; set; } = null!;

    public abstract ValueTask InitializeAsync();

    public abstract ValueTask DisposeAsync();

    private protected Task<IShardJournal> OpenAsync(int shard = 0) => Store.OpenAsync("live", shard, default);

    private protected async Task<byte[]> AppendAsync(IShardJournal journal, long first, int count)
    {
        var changes = new ChangeBuffer();
        for (var i = 0; i < count; i++) changes.Add(new Change(first + i, ChangeKind.PropertyChanged, "t", "m", "p", PropertyValue.From((double)i), new WallTime(1), new WallTime(2)));
        var frame = _codec.Encode(changes.Span).ToArray();
        await journal.AppendAsync(frame, first, first + count - 1, default);
        return frame;
    }

    private protected static async Task<List<byte[]>> ReadAsync(IShardJournal journal, long after)
    {
        var frames = new List<byte[]>();
        await foreach (var frame in journal.ReadFramesAsync(after, default)) frames.Add(frame.ToArray());
        return frames;
    }

    [Fact]
    public async Task Frames_come_back_in_order_after_opening_again()
    {
        var journal = await OpenAsync();
        var start = FeedSequence.StartOf(journal.Epoch) + 1;
        var written = new List<byte[]>();
        for (var i = 0; i < 150; i++) written.Add(await AppendAsync(journal, start + (i * 3), 3));
        await journal.DisposeAsync();
        var again = await OpenAsync();
        Assert.Equal(written, await ReadAsync(again, 0));
        Assert.Equal(written[100..], await ReadAsync(again, start + 299));
        Assert.Equal(written[100..], await ReadAsync(again, start + 301));
        Assert.Equal(written[101..], await ReadAsync(again, start + 302));
        Assert.Equal(start, again.OldestSequence);
        Assert.Equal(written.Sum(f => f.Length), again.Bytes);
    }

    [Fact]
    public async Task A_branch_that_is_dropped_is_gone_and_its_neighbours_stay()
    {
        foreach (var branch in new[] { "live", "plan", "plan-b" })
        {
            await Store.KeepShardCountAsync(branch, 2, default);
            var journal = await Store.OpenAsync(branch, 1, default);
            Assert.False(await Store.HasSnapshotAsync(branch, 1, default));
            var start = FeedSequence.StartOf(journal.Epoch) + 1;
            await AppendAsync(journal, start, 2);
            await journal.WriteSnapshotAsync(start + 1, new System.Buffers.ReadOnlySequence<byte>("whole"u8.ToArray()), start, default);
            await AppendAsync(journal, start + 2, 2);
            Assert.True(await Store.HasSnapshotAsync(branch, 1, default));
        }

        await Store.DropAsync("plan", 2, default);
        await Store.DropAsync("plan", 2, default); // what is not there is no error
        Assert.False(await Store.HasSnapshotAsync("plan", 1, default));
        Assert.True(await Store.HasSnapshotAsync("plan-b", 1, default) && await Store.HasSnapshotAsync("live", 1, default));
        await Store.KeepShardCountAsync("plan", 3, default); // it may begin anew
        var again = await Store.OpenAsync("plan", 1, default);
        Assert.Empty(await ReadAsync(again, 0));
        Assert.Null(await again.ReadSnapshotAsync(default));
    }

    [Fact]
    public async Task The_first_number_of_shards_stays_and_another_is_refused_with_both_numbers()
    {
        await Store.KeepShardCountAsync("live", 4, default);
        await Store.KeepShardCountAsync("live", 4, default);
        foreach (var other in new[] { 3, 5 })
        {
            var refused = await Assert.ThrowsAsync<InvalidDataException>(() => Store.KeepShardCountAsync("live", other, default));
            Assert.Contains("with 4 shards", refused.Message, StringComparison.Ordinal);
            Assert.Contains($"opened with {other}:", refused.Message, StringComparison.Ordinal);
        }

        await Store.KeepShardCountAsync("other", 3, default);
    }

    [Fact]
    public async Task Journals_from_before_the_number_was_kept_prove_that_there_were_more()
    {
        await using (await OpenAsync(2))
        {
        }

        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => Store.KeepShardCountAsync("live", 2, default));
        Assert.Contains("at least 3", refused.Message, StringComparison.Ordinal);
        await Store.KeepShardCountAsync("live", 3, default);
    }

    [Fact]
    public async Task Each_opening_claims_the_next_epoch_of_its_own_shard()
    {
        var first = await OpenAsync();
        var second = await OpenAsync();
        var other = await OpenAsync(1);
        Assert.Equal(first.Epoch + 1, second.Epoch);
        Assert.Equal(1, other.Epoch);
    }

    [Fact]
    public async Task An_earlier_writer_is_refused_from_the_moment_a_later_one_opens()
    {
        var earlier = await OpenAsync();
        var kept = await AppendAsync(earlier, FeedSequence.StartOf(1) + 1, 1);
        var later = await OpenAsync();
        await Assert.ThrowsAsync<JournalFencedException>(() => AppendAsync(earlier, FeedSequence.StartOf(1) + 2, 1));
        await Assert.ThrowsAsync<JournalFencedException>(() => earlier.WriteSnapshotAsync(FeedSequence.StartOf(1) + 1, new(new byte[10]), 0, default));
        var own = await AppendAsync(later, FeedSequence.StartOf(2) + 1, 2);
        Assert.Equal([kept, own], await ReadAsync(later, 0));
        Assert.Null(await later.ReadSnapshotAsync(default));
    }

    [Fact]
    public async Task The_newest_snapshot_comes_back_whole_and_nothing_after_what_is_kept_is_dropped()
    {
        var journal = await OpenAsync();
        var start = FeedSequence.StartOf(journal.Epoch);
        var written = new List<byte[]>();
        for (var i = 0; i < 200; i++) written.Add(await AppendAsync(journal, start + 1 + i, 1));
        await journal.WriteSnapshotAsync(start + 50, new(Encoding.UTF8.GetBytes("old")), start, default);
        var large = new byte[(5 << 19) + 7];
        new Random(5).NextBytes(large);
        await journal.WriteSnapshotAsync(start + 200, new(large), start + 120, default);
        await journal.DisposeAsync();
        var again = await OpenAsync();
        var snapshot = await again.ReadSnapshotAsync(default);
        Assert.Equal(start + 200, snapshot!.Value.Sequence);
        Assert.True(large.AsSpan().SequenceEqual(snapshot.Value.Bytes.Span));
        Assert.Equal(written[120..], await ReadAsync(again, start + 120));
        Assert.InRange(again.OldestSequence, start + 2, start + 121); // some were dropped, none too many
        Assert.Equal((await ReadAsync(again, 0)).Sum(f => f.Length), again.Bytes);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => again.WriteSnapshotAsync(start + 200, new(large), start + 201, default));
    }
}
