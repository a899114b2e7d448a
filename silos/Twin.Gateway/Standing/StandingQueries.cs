using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Twin.Gateway.Streams;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query.Standing;

namespace Twin.Gateway.Standing;

/// <summary>
/// The standing queries of this process. One worker notes what the feeds tell, asks the owners for the rows that may be others now
/// and gives out the differences, so what a subscriber is told adds up to its query's answer. When more changes wait than the bound
/// they are dropped and every query is read whole again: late, never wrong. A query nobody listens to is kept for two minutes, for
/// subscribers that come back. Thread-safe.
/// </summary>
internal sealed class StandingQueries(ITwinStore store, FeedHub hub, IPolicyStore policies, TimeProvider clock, ILogger<StandingQueries> log) : BackgroundService
{
    /// <summary>Queries at once.</summary>
    public const int MostQueries = 20_000;

    private const int MostRows = 50_000;
    private const long MostRowsInAll = 2_000_000;
    private const int MostWaiting = 500_000;
    private const int MostIdle = 1_000;
    private const int MostLoads = 4;
    private static readonly TimeSpan KeepFor = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Sweep = TimeSpan.FromSeconds(1);
    private static readonly Meter Meter = new("Twin");
    private static readonly UpDownCounter<long> Held = Meter.CreateUpDownCounter<long>("twin_standing_queries", description: "Standing queries held.");
    private static readonly Counter<long> Told = Meter.CreateCounter<long>("twin_standing_rows_total", description: "Row changes given out, once a query.");
    private static readonly Counter<long> Asked = Meter.CreateCounter<long>("twin_standing_evaluations_total", description: "Twins asked about anew, once a group of queries.");
    private static readonly Counter<long> Loads = Meter.CreateCounter<long>("twin_standing_loads_total", description: "Answers read whole.");
    private static readonly Counter<long> Lost = Meter.CreateCounter<long>("twin_standing_overruns_total", description: "Times that more changes waited than the bound and all queries were read whole.");

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly StandingSet _set = new(MostRows);
    private readonly KeptChanges.Room _room = new(256L * 1024 * 1024);
    private readonly Dictionary<(string Query, PolicySubject? Subject), StandingFeed> _feeds = [];
    private readonly HashSet<StandingFeed> _waiting = []; // to be read whole
    private readonly List<(StandingFeed Feed, StandingOpening Opening)> _behind = [];
    private long[] _noted = []; // by shard up to where the feed was worked off
    private List<FeedPage> _pages = [];
    private List<Action> _calls = [];
    private int _changesWaiting;
    private bool _isLost;
    private int _loading;
    private long _swept;
    private IDisposable? _watch;
    private CancellationToken _stop;

    /// <summary>What waits for all subscribers together.</summary>
    public QueueRoom Room { get; } = new(256L * 1024 * 1024);

    /// <summary>Subscribes; returns when the answer's rows are queued for the subscriber, or with why not. Call <see cref="Leave"/> in the end either way. The hub must have been entered.</summary>
    public async Task<(TwinStatus Status, Problem? Problem)> JoinAsync(StandingForm form, Subscriber subscriber, string? cursor)
    {
        // What was acknowledged before must be in the rows, also when they are known already.
        var now = await Task.WhenAll(Enumerable.Range(0, store.ShardCount).Select(s => store.ReadFeedAsync(s, -1, 1, TimeSpan.Zero, _stop).AsTask())).ConfigureAwait(false);
        var opening = new StandingOpening(subscriber, cursor, [.. now.Select(p => p.Next)], new TaskCompletionSource<(TwinStatus, Problem?)>(TaskCreationOptions.RunContinuationsAsynchronously));
        Post(() => Join(form, opening));
        return await opening.Done.Task.ConfigureAwait(false);
    }

    /// <summary>Ends a subscription.</summary>
    public void Leave(Subscriber subscriber) => Post(() =>
    {
        subscriber.Take([]);
        if (subscriber.Standing is not { } feed) return;
        feed.Openings.RemoveAll(o => o.Subscriber == subscriber);
        _behind.RemoveAll(b => b.Opening.Subscriber == subscriber);
        feed.Subscribers.Remove(subscriber);
        if (feed.Subscribers.Count == 0) feed.IdleSince = clock.GetTimestamp();
        if (!feed.Member.IsLoaded && feed.Openings.Count == 0 && feed.Subscribers.Count == 0) Drop(feed);
    });

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _stop = stoppingToken;
        policies.Changed += OnPolicies;
        try
        {
            while (true)
            {
                await _signal.WaitAsync(_waiting.Count > 0 ? LeastPause : Sweep, stoppingToken).ConfigureAwait(false);
                try
                {
                    await TurnAsync().ConfigureAwait(false);
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    log.LogError(fault, "Standing queries lost their place; all are read whole.");
                    _set.MakeAllStale(_ => true);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
        finally
        {
            policies.Changed -= OnPolicies;
        }
    }

    private void OnPolicies() => Post(() => _set.MakeAllStale(s => s is not null));

    private void Post(Action call)
    {
        lock (_lock) _calls.Add(call);
        Signal();
    }

    // Under the hub's lock: quick.
    private void Take(FeedPage page)
    {
        lock (_lock)
        {
            _pages.Add(page);
            _changesWaiting += page.Changes.Count;
            if (_changesWaiting > MostWaiting)
            {
                _pages.Clear();
                (_changesWaiting, _isLost) = (0, true);
            }
        }

        Signal();
    }

    private void Signal()
    {
        if (_signal.CurrentCount > 0) return;
        try
        {
            _signal.Release();
        }
        catch (SemaphoreFullException)
        {
            // Signalled by another thread meanwhile.
        }
    }

    private async Task TurnAsync()
    {
        List<FeedPage> pages;
        List<Action> calls;
        bool isLost;
        lock (_lock)
        {
            (pages, _pages) = (_pages, []);
            (calls, _calls) = (_calls, []);
            (isLost, _isLost, _changesWaiting) = (_isLost, false, 0);
        }

        _set.Models = store.Models;
        foreach (var call in calls) call();
        foreach (var page in pages) _noted[page.Shard] = page.Next;
        if (isLost) Lost.Add(1);
        if (isLost || pages.Exists(p => p.Reset)) _set.MakeAllStale(_ => true);
        if (_set.Count > 0)
        {
            foreach (var page in pages)
                foreach (ref readonly var change in page.Changes.AsSpan()) _set.Touch(change);
        }

        await AskAsync().ConfigureAwait(false);
        Publish();
        Admit();
        foreach (var member in _set.TakeStale()) _waiting.Add((StandingFeed)member.Tag!);
        Load();
        DropIdle();
    }

    private async Task AskAsync()
    {
        var work = _set.TakeWork();
        if (work.Length == 0) return;
        var answers = await Task.WhenAll(work.Select(w => RunAsync(w.Query))).ConfigureAwait(false);
        for (var i = 0; i < work.Length; i++)
        {
            Asked.Add(work[i].Query.Twins.Count);
            if (answers[i].Status == TwinStatus.Ok) _set.Exchange(work[i], answers[i].Rows);
            else _set.Fail(work[i]);
        }
    }

    private async Task<BoundRows> RunAsync(BoundQuery query)
    {
        try
        {
            return await store.QueryBoundAsync(query, _stop).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            log.LogWarning(fault, "A standing query's rows cannot be asked for; it is read whole later.");
            return new BoundRows(TwinStatus.Unavailable, [], new Problem("OwnerUnavailable", "The owner of a shard did not answer.", "query"));
        }
    }

    private void Publish()
    {
        var encoded = new Dictionary<RowChange, ReadOnlyMemory<byte>>(ReferenceEqualityComparer.Instance);
        foreach (var member in _set.TakeChanged())
        {
            var changes = new ReadOnlyMemory<byte>[member.Changes.Count];
            for (var i = 0; i < changes.Length; i++)
            {
                if (!encoded.TryGetValue(member.Changes[i], out changes[i])) encoded.Add(member.Changes[i], changes[i] = StandingFeed.Encode(member.Changes[i]));
            }

            member.Changes.Clear();
            Told.Add(changes.Length);
            ((StandingFeed)member.Tag!).Publish(changes);
        }
    }

    private void Join(StandingForm form, StandingOpening opening)
    {
        var subject = opening.Subscriber.Subject;
        var key = (string.Join('\n', [form.FullText, .. form.Names]), subject);
        if (!_feeds.TryGetValue(key, out var feed))
        {
            if (_feeds.Count >= MostQueries || _set.RowCount > MostRowsInAll)
            {
                opening.Done.SetResult((TwinStatus.TooMuch, new Problem("TooManyStandingQueries", $"{_feeds.Count} standing queries hold {_set.RowCount} rows here; at most {MostQueries} queries and {MostRowsInAll} rows are held. Try later or at another gateway.", "query")));
                return;
            }

            if (_watch is null)
            {
                _watch = hub.Watch(Take, out _noted);
            }

            var member = _set.Add(form, subject);
            _feeds[key] = feed = new StandingFeed(key, member, _room);
            member.Tag = feed;
            Held.Add(1);
            _waiting.Add(feed);
        }

        opening.Subscriber.Standing = feed;
        if (!feed.Member.IsLoaded)
        {
            feed.Openings.Add(opening);
            return;
        }

        _behind.Add((feed, opening));
    }

    // Those whose rows were known: when all that was acknowledged before they came is noted.
    private void Admit() => _behind.RemoveAll(waiting =>
    {
        for (var shard = 0; shard < _noted.Length; shard++)
            if (_noted[shard] < waiting.Opening.After[shard]) return false;
        Open(waiting.Feed, waiting.Opening);
        return true;
    });

    private void Open(StandingFeed feed, StandingOpening opening)
    {
        if (Room.Used > Room.Bytes)
        {
            opening.Done.TrySetResult((TwinStatus.Unavailable, new Problem("StreamsFull", $"{Room.Used} bytes wait for subscribers of standing queries that read too slowly; at most {Room.Bytes} may when another comes. Try again.", "query")));
            return;
        }

        feed.Join(opening.Subscriber, opening.Cursor);
        opening.Done.TrySetResult((TwinStatus.Ok, null));
    }

    private void Load()
    {
        if (_waiting.Count == 0) return;
        var now = clock.GetTimestamp();
        foreach (var feed in _waiting.Where(f => !f.IsLoading && f.NotBefore <= now).Take(Math.Max(0, MostLoads - _loading)).ToList())
        {
            _waiting.Remove(feed);
            feed.IsLoading = true;
            _loading++;
            _ = LoadAsync(feed, _set.BeginLoad(feed.Member));
        }
    }

    private async Task LoadAsync(StandingFeed feed, BoundQuery query)
    {
        var started = clock.GetTimestamp();
        try
        {
            var answer = await RunAsync(query).ConfigureAwait(false);
            Loads.Add(1);
            Post(() => Loaded(feed, answer, clock.GetElapsedTime(started)));
        }
        catch (OperationCanceledException)
        {
            // The host is stopping.
        }
    }

    private void Loaded(StandingFeed feed, BoundRows answer, TimeSpan took)
    {
        _loading--;
        feed.IsLoading = false;
        if (!_feeds.TryGetValue(feed.Key, out var held) || held != feed) return; // dropped meanwhile
        feed.NotBefore = clock.GetTimestamp() + (long)(Math.Max(LeastPause.TotalSeconds, took.TotalSeconds * 4) * clock.TimestampFrequency);
        if (answer.Status == TwinStatus.Ok)
        {
            _set.Load(feed.Member, answer.Rows);
            Publish(); // what those who listen already have not seen; those who wait get the whole
            foreach (var opening in feed.Openings) Open(feed, opening);
            feed.Openings.Clear();
            return;
        }

        if (answer.Status == TwinStatus.Unavailable && feed.Member.IsLoaded)
        {
            _waiting.Add(feed); // what is known is old, not wrong: it is read when the owners answer
            return;
        }

        foreach (var opening in feed.Openings) opening.Done.SetResult((answer.Status, answer.Problem));
        foreach (var subscriber in feed.Subscribers) subscriber.End(answer.Problem?.Detail ?? "The query cannot be kept up.");
        Drop(feed);
    }

    private void DropIdle()
    {
        if (_feeds.Count == 0 || clock.GetElapsedTime(_swept) < Sweep) return;
        _swept = clock.GetTimestamp();
        var awaited = _behind.Select(b => b.Feed).ToHashSet();
        var idle = _feeds.Values.Where(f => f.IdleSince is not null && !f.IsLoading && !awaited.Contains(f)).OrderBy(f => f.IdleSince).ToList();
        for (var i = 0; i < idle.Count; i++)
            if (idle.Count - i > MostIdle || clock.GetElapsedTime(idle[i].IdleSince!.Value) > KeepFor) Drop(idle[i]);
    }

    private void Drop(StandingFeed feed)
    {
        foreach (var (_, opening) in _behind.Where(b => b.Feed == feed)) opening.Done.TrySetResult((TwinStatus.Unavailable, new Problem("StandingQueryEnded", "The query could not be kept up; subscribe again.", "query")));
        _behind.RemoveAll(b => b.Feed == feed);
        _feeds.Remove(feed.Key);
        feed.Close();
        _waiting.Remove(feed);
        _set.Remove(feed.Member);
        Held.Add(-1);
        if (_feeds.Count > 0) return;
        _watch?.Dispose();
        _watch = null;
    }
}
