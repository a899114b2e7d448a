using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Twin.Gateway.Mqtt;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Gateway.Streams;

/// <summary>
/// Reads each shard's feed once for all subscribers of this process, finds by index whom a change concerns, encodes it once and
/// queues it. Passes changes over while nobody listens. One lock orders pages, joins and leaves: whoever joins at the hub's position sees
/// everything after it, exactly once. Thread-safe.
/// </summary>
internal sealed class FeedHub(ITwinStore store, IPolicyStore policies, ILogger<FeedHub> log, MqttDoor? mqtt, TimeProvider clock) : BackgroundService
{
    private const int PageChanges = 4_096;
    private const int SmallPage = 256;
    private static readonly Meter Meter = new("Twin");
    private static readonly UpDownCounter<long> Open = Meter.CreateUpDownCounter<long>("twin_stream_subscribers");
    private static readonly Counter<long> Delivered = Meter.CreateCounter<long>("twin_stream_changes_total");
    private static readonly Counter<long> Overruns = Meter.CreateCounter<long>("twin_stream_overruns_total");
    private static readonly TimeSpan LongPoll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan IdlePause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan IdleCheck = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly List<int> _hits = [];
    private readonly List<Subscriber> _touched = [];
    private readonly Dictionary<int, Subscriber> _byNumber = [];
    private readonly SemaphoreSlim _wake = new(0);
    private ChangeFilterSet _filters = new(ModelSet.Empty);
    private long[] _positions = [];
    private readonly TaskCompletionSource _running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Action<FeedPage>? _watcher;
    private int _wanting;
    private long _changesSeen;

    /// <summary>Subscribers now.</summary>
    public int SubscriberCount => Volatile.Read(ref _wanting);

    /// <summary>Changes read from the feeds since the start.</summary>
    public long ChangesSeen => Interlocked.Read(ref _changesSeen);

    /// <summary>Someone is about to subscribe: the hub runs from here on. Returns when its positions are known.</summary>
    public async Task EnterAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _wanting);
        Open.Add(1);
        _wake.Release();
        await _running.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The counterpart of <see cref="EnterAsync"/>.</summary>
    public void Leave(Subscriber? subscriber)
    {
        lock (_lock)
        {
            if (subscriber is { Number: >= 0 })
            {
                _filters.Remove(subscriber.Number);
                _byNumber.Remove(subscriber.Number);
                subscriber.Number = -1;
            }
        }

        Interlocked.Decrement(ref _wanting);
        Open.Add(-1);
    }

    /// <summary>Joins at the hub's present positions, which are returned: changes up to them are the subscriber's own business.</summary>
    public long[] Join(Subscriber subscriber)
    {
        lock (_lock)
        {
            _filters.UseModels(store.Models);
            subscriber.Number = _filters.Add(subscriber.Filter!);
            _byNumber[subscriber.Number] = subscriber;
            return [.. _positions];
        }
    }

    /// <summary>
    /// From here on every page after <paramref name="positions"/> goes to <paramref name="take"/> too, under the hub's lock, bookkeeping included.
    /// One watcher at a time; dispose to end. The hub must have been entered.
    /// </summary>
    public IDisposable Watch(Action<FeedPage> take, out long[] positions)
    {
        lock (_lock)
        {
            _watcher = _watcher is null ? take : throw new InvalidOperationException("The hub is watched already.");
            positions = [.. _positions];
        }

        return new Watching(this);
    }

    /// <summary>The hub's present positions.</summary>
    public long[] Positions()
    {
        lock (_lock) return [.. _positions];
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        policies.Changed += RecheckMqtt;
        try
        {
            while (!IsWanted) await _wake.WaitAsync(IdleCheck, stoppingToken).ConfigureAwait(false);
            await RunAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
        finally
        {
            policies.Changed -= RecheckMqtt;
        }
    }

    // Told on any thread, which must not wait.
    private void RecheckMqtt()
    {
        if (mqtt is not null) _ = Task.Run(mqtt.RecheckSubscriptions);
    }

    private bool IsWanted => Volatile.Read(ref _wanting) > 0 || Volatile.Read(ref _watcher) is not null || mqtt is { WantsChanges: true };

    private async Task RunAsync(CancellationToken stop)
    {
        var now = await Task.WhenAll(Enumerable.Range(0, store.ShardCount).Select(s => store.ReadFeedAsync(s, -1, 1, TimeSpan.Zero, stop).AsTask())).ConfigureAwait(false);
        lock (_lock)
        {
            _positions = [.. now.Select(p => p.Next)];
            _running.TrySetResult();
        }

        await Task.WhenAll(Enumerable.Range(0, store.ShardCount).Select(s => ReadAsync(s, stop))).ConfigureAwait(false);
    }

    private async Task ReadAsync(int shard, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!IsWanted)
                {
                    await SkipAsync(shard, stop).ConfigureAwait(false);
                    continue;
                }

                var page = await store.ReadFeedAsync(shard, _positions[shard], PageChanges, LongPoll, stop).ConfigureAwait(false);
                if (page.Reset || page.Changes.Count > 0 || page.Next != _positions[shard]) FanOut(page);
                if (page.Changes.Count is > 0 and < SmallPage) await Task.Delay(Gather, clock, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                log.LogWarning(fault, "The feed of shard {Shard} cannot be read; trying again.", shard);
                await Task.Delay(IdleCheck, clock, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Nobody listens: what has happened meanwhile is passed over, unless somebody joined in this moment.</summary>
    private async Task SkipAsync(int shard, CancellationToken stop)
    {
        await Task.Delay(IdlePause, clock, stop).ConfigureAwait(false);
        var now = await store.ReadFeedAsync(shard, -1, 1, TimeSpan.Zero, stop).ConfigureAwait(false);
        lock (_lock)
            if (_byNumber.Count == 0 && _watcher is null && now.Next > _positions[shard]) _positions[shard] = now.Next;
    }

    private void FanOut(FeedPage page)
    {
        lock (_lock)
        {
            Interlocked.Add(ref _changesSeen, page.Changes.Count);
            _watcher?.Invoke(page);
            _positions[page.Shard] = page.Next;
            long[] positions = [.. _positions];
            var cursor = new Lazy<string>(() => FeedCursor.Format(positions), LazyThreadSafetyMode.ExecutionAndPublication);
            if (page.Reset)
            {
                foreach (var subscriber in _byNumber.Values) subscriber.Add(new StreamItem([], cursor, true));
                return;
            }

            foreach (ref readonly var change in page.Changes.AsSpan()) Place(change);
            foreach (var subscriber in _touched)
            {
                subscriber.Add(new StreamItem([.. subscriber.Gathering], cursor, false));
                if (subscriber.IsOverrun) Overruns.Add(1);
                Delivered.Add(subscriber.Gathering.Count);
                subscriber.Gathering.Clear();
            }

            _touched.Clear();
        }
    }

    private void Place(in Change change)
    {
        if (!change.IsPublic) return;
        mqtt?.PublishChange(change);
        _hits.Clear();
        _filters.Match(change, _hits);
        if (_hits.Count == 0) return;
        ReadOnlyMemory<byte> encoded = MqttChangeText.Write(change, "").ToArray();
        foreach (var number in _hits)
        {
            var subscriber = _byNumber[number];
            var own = encoded;
            if (subscriber.Subject is { } subject)
            {
                if (!ChangeView.TryShow(policies.Current.For(subject), store.Models, change, out var shown)) continue;
                if (!shown.Value.Equals(change.Value)) own = MqttChangeText.Write(shown, "").ToArray();
            }

            if (subscriber.Gathering.Count == 0) _touched.Add(subscriber);
            subscriber.Gathering.Add(own);
        }
    }

    private sealed class Watching(FeedHub hub) : IDisposable
    {
        public void Dispose()
        {
            lock (hub._lock) hub._watcher = null;
        }
    }
}
