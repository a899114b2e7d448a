using System.Runtime.CompilerServices;
using Twin.Model;

namespace Twin.Devices.Recordings;

/// <summary>Reads a page of one shard's change feed: shard, position to read after, most changes.</summary>
public delegate ValueTask<FeedPage> FeedPageReader(int shard, long after, int maxChanges, CancellationToken cancellationToken);

/// <summary>
/// What the change feed holds, as a recording: property values of all shards in order of commit time, up to where each
/// shard's feed ended when it was first found empty. Holds one page a shard. One reader at a time.
/// </summary>
public sealed class FeedRecording(FeedPageReader read, int shardCount, Func<Change, bool>? filter = null)
{
    private const int PageSize = 1_000;

    /// <summary>Times a shard's feed said that changes before the asked position are gone.</summary>
    public long Resets { get; private set; }

    /// <summary>The frames, one a change, merged by (commit time, shard).</summary>
    public async IAsyncEnumerable<RecordedFrame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var heads = new PriorityQueue<Head, (long, int)>();
        for (var shard = 0; shard < shardCount; shard++) await EnqueueAsync(new Head { Shard = shard }, heads, cancellationToken).ConfigureAwait(false);
        while (heads.TryDequeue(out var head, out _))
        {
            var change = head.Changes[head.At++];
            yield return new RecordedFrame(change.SourceTime, [new Sample(change.TwinId, change.Path, change.Value, change.SourceTime)]);
            await EnqueueAsync(head, heads, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask EnqueueAsync(Head head, PriorityQueue<Head, (long, int)> heads, CancellationToken cancellationToken)
    {
        while (head.At == head.Changes.Count)
        {
            var page = await read(head.Shard, head.Position, PageSize, cancellationToken).ConfigureAwait(false);
            if (page.Reset) Resets++;
            if (page.Next == head.Position && page.Changes.Count == 0) return;
            head.Position = page.Next;
            head.Changes = [.. page.Changes.Where(c => c.Kind is ChangeKind.PropertyChanged or ChangeKind.SampleHistorical && (filter is null || filter(c)))];
            head.At = 0;
        }
        heads.Enqueue(head, (head.Changes[head.At].CommitTime.UtcTicks, head.Shard));
    }

    private sealed class Head
    {
        public int Shard { get; init; }

        public long Position { get; set; }

        public List<Change> Changes { get; set; } = [];

        public int At { get; set; }
    }
}
