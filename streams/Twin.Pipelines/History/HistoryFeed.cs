using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Twin.History;
using Twin.Model;

namespace Twin.Pipelines.History;

/// <summary>How the feed is carried into history.</summary>
/// <param name="MaxChanges">Most changes of one shard taken at once, 1 to 100,000.</param>
/// <param name="MaxPagesHeld">Pages read but not stored; at the bound the readers wait, and the journal holds what is to come.</param>
/// <param name="Gather">How long a transaction gathers pages before it is written: fewer, larger commits.</param>
/// <param name="Retention">Values older than this are removed once an hour; zero keeps all.</param>
public sealed record HistoryFeedOptions(int MaxChanges = 8_192, int MaxPagesHeld = 32, TimeSpan Gather = default, TimeSpan Retention = default);

/// <summary>
/// Carries every change of the feed into the history store: one reader a shard, one writer. The store keeps the position
/// with the values, so a restart goes on exactly where the last transaction ended. While the database is gone the readers
/// stand still and the journal keeps the rest; nothing is dropped. A position the journal no longer has is counted in
/// <c>twin_history_resets_total</c>: those values are lost to history, not to the state.
/// </summary>
public sealed class HistoryFeed(
    IHistoryStore store, FeedReader readFeed, Func<CancellationToken, ValueTask<IReadOnlyCollection<int>>> ownShards, string branch, HistoryFeedOptions options, TimeProvider clock, Action<Exception> onFault)
{
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> Stored = Meter.CreateCounter<long>("twin_history_values_total");
    private static readonly Counter<long> Faults = Meter.CreateCounter<long>("twin_history_faults_total");
    private static readonly Counter<long> Resets = Meter.CreateCounter<long>("twin_history_resets_total");
    private static readonly TimeSpan LongPoll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FaultPause = TimeSpan.FromSeconds(1);

    private readonly Channel<FeedPage> _pages = Channel.CreateBounded<FeedPage>(new BoundedChannelOptions(options.MaxPagesHeld) { SingleReader = true });
    private readonly Dictionary<int, Task> _readers = [];
    private long _points;
    private long _newestCommit;

    /// <summary>Values in the store: what it held when it was opened and what came since.</summary>
    public long Points => Interlocked.Read(ref _points);

    /// <summary>How far the store was behind the owners at the last transaction: now minus the newest stored commit. Zero before any.</summary>
    public TimeSpan Lag { get; private set; }

    /// <summary>Runs until cancelled; returns after what was read has been stored.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!await OpenAsync(cancellationToken).ConfigureAwait(false)) return;
        var writing = Task.WhenAll(WriteAsync(cancellationToken), RetireAsync(cancellationToken));
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                foreach (var shard in await OwnShardsAsync(cancellationToken).ConfigureAwait(false))
                    if (!_readers.TryGetValue(shard, out var reader) || reader.IsCompleted)
                        _readers[shard] = ReadAsync(shard, cancellationToken);
                await Task.Delay(LongPoll, clock, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The host is stopping; fall through to the last write.
        }

        await Task.WhenAll(_readers.Values).ConfigureAwait(false);
        _pages.Writer.TryComplete();
        await writing.ConfigureAwait(false);
    }

    // The database may be gone at the start, or go between two calls that open it: that must not end the process.
    private async Task<bool> OpenAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await store.OpenAsync(cancellationToken).ConfigureAwait(false);
                _points = await store.CountAsync(branch, cancellationToken).ConfigureAwait(false);
                return true;
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return false;
            }
            catch (Exception fault)
            {
                Report(fault);
                await PauseAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        return false;
    }

    private async Task<IReadOnlyCollection<int>> OwnShardsAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ownShards(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
        {
            Report(fault);
            return [];
        }
    }

    private async Task ReadAsync(int shard, CancellationToken cancellationToken)
    {
        long? position = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                position ??= (await store.ReadPositionsAsync(branch, cancellationToken).ConfigureAwait(false)).GetValueOrDefault(shard, 0);
                var page = await readFeed(shard, position.Value, options.MaxChanges, LongPoll, cancellationToken).ConfigureAwait(false);
                if (page.Reset) Resets.Add(1);
                if (page.Next == position) continue;
                await _pages.Writer.WriteAsync(page, cancellationToken).ConfigureAwait(false);
                position = page.Next;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                Report(fault);
                await PauseAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        var gathered = new List<FeedPage>();
        while (await _pages.Reader.WaitToReadAsync(CancellationToken.None).ConfigureAwait(false))
        {
            if (options.Gather > TimeSpan.Zero && !cancellationToken.IsCancellationRequested)
                await Task.Delay(options.Gather, clock, CancellationToken.None).ConfigureAwait(false);
            gathered.Clear();
            while (gathered.Count < options.MaxPagesHeld && _pages.Reader.TryRead(out var page)) gathered.Add(page);
            await StoreAsync(gathered, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Tries until it is stored; only a stopping host gives up, and the next start reads the same pages again.</summary>
    private async Task StoreAsync(List<FeedPage> pages, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await store.AppendAsync(branch, pages, CancellationToken.None).ConfigureAwait(false);
                Count(pages);
                return;
            }
            catch (Exception fault)
            {
                Report(fault);
                if (cancellationToken.IsCancellationRequested) return;
                await PauseAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private void Count(List<FeedPage> pages)
    {
        var count = 0L;
        foreach (var page in pages)
        {
            count += page.Changes.Count;
            if (page.Changes.Count > 0) _newestCommit = Math.Max(_newestCommit, page.Changes[^1].CommitTime.UtcTicks);
        }

        Stored.Add(count);
        Interlocked.Add(ref _points, count);
        if (_newestCommit != 0) Lag = WallTime.Now(clock) - new WallTime(_newestCommit);
    }

    private async Task RetireAsync(CancellationToken cancellationToken)
    {
        if (options.Retention <= TimeSpan.Zero) return;
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromHours(1), clock, cancellationToken).ConfigureAwait(false);
                try
                {
                    await store.RemoveBeforeAsync(branch, new(WallTime.Now(clock).UtcTicks - options.Retention.Ticks), cancellationToken).ConfigureAwait(false);
                }
                catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
                {
                    Report(fault);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }

    private void Report(Exception fault)
    {
        Faults.Add(1);
        onFault(fault);
    }

    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(FaultPause, clock, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The caller sees the same token.
        }
    }
}
