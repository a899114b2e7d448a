using Twin.Graph;
using Twin.Model;

namespace Twin.Grains.Twins;

/// <content>The change feed: newest from memory, older from the journal, positions of a lost tail recognised.</content>
internal sealed partial class ShardOwner
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(20);

    public async ValueTask<FeedPage> ReadFeedAsync(long after, int max, TimeSpan wait)
    {
        if (await NotReadyAsync(0) is { } fault) throw new IOException(fault.Detail);
        max = Math.Clamp(max, 1, 100_000);
        if (after == -1) return new FeedPage(Shard, [], _committed, false);
        if (after >= _committed && after != 0 && after != _committed) return Reset();
        if (after == _committed && wait > TimeSpan.Zero)
        {
            _feedSignal ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await _feedSignal.Task.WaitAsync(wait < LongestWait ? wait : LongestWait, _clock)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        if (after == _committed) return new FeedPage(Shard, [], after, false);
        return after >= _ring.Floor ? FromRing(after, max) : await FromJournalAsync(after, max);
    }

    private FeedPage FromRing(long after, int max)
    {
        var changes = _ring.After(after, max);
        return new FeedPage(Shard, changes, changes.Length == 0 ? after : changes[^1].Sequence, false);
    }

    private async ValueTask<FeedPage> FromJournalAsync(long after, int max)
    {
        var page = new ChangeBuffer(Math.Min(max, 4_096));
        var frameChanges = new ChangeBuffer();
        var top = _committed;
        var isFirst = after != 0;
        await foreach (var frame in _journal!.ReadFramesAsync(after, CancellationToken.None))
        {
            frameChanges.Clear();
            ChangeCodec.Decode(frame.Span, frameChanges);
            if (page.Count > 0 && page.Count + frameChanges.Count > max) break; // a commit is not torn, unless it is longer than a page
            foreach (ref readonly var change in frameChanges.Span)
            {
                if (page.Count >= max) break;
                if (change.Sequence <= after || change.Sequence > top) continue;
                if (isFirst && !Follows(change, after)) return Reset();
                isFirst = false;
                page.Add(change);
            }

            if (page.Count >= max || frameChanges.LastSequence >= top) break;
        }

        return page.Count == 0
            ? new FeedPage(Shard, [], top, after != 0 && after < top)
            : new FeedPage(Shard, page.ToArray(), page.LastSequence, false);
    }

    /// <summary>True when nothing lies between a position and the change found after it: the next number, or an epoch begun at that position or before it.</summary>
    private static bool Follows(in Change change, long after) =>
        change.Sequence == after + 1 || (change.Kind == ChangeKind.EpochStarted && change.Value.AsInteger == after);

    private FeedPage Reset() => new(Shard, [], _committed, true);
}
