using System.Diagnostics.Metrics;

namespace Twin.Pipelines.Routes;

/// <summary>Runs the outbound routes of this process. Each keeps its cursor and dead letters in <c>folder/{route id}</c>. Thread-safe.</summary>
public sealed class RouteHost : IAsyncDisposable
{
    private readonly string _folder;
    private readonly int _shardCount;
    private readonly FeedReader _feed;
    private readonly RouteOptions _options;
    private readonly TimeProvider _clock;
    private readonly RouteMetrics _metrics;
    private readonly SemaphoreSlim _changing = new(1);
    private readonly Dictionary<string, RouteRunner> _runners = new(StringComparer.Ordinal);

    /// <summary>A host without routes yet.</summary>
    public RouteHost(string folder, int shardCount, FeedReader feed, RouteOptions options, TimeProvider clock)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shardCount, 1);
        (_folder, _shardCount, _feed, _options, _clock) = (folder, shardCount, feed, options.Validate(), clock);
        _metrics = new RouteMetrics(() => Statuses);
    }

    /// <summary>How every route fares, ordered by id.</summary>
    public IReadOnlyList<RouteStatus> Statuses
    {
        get
        {
            lock (_runners) return [.. _runners.Values.Select(r => r.Status).OrderBy(s => s.Id, StringComparer.Ordinal)];
        }
    }

    /// <summary>Starts a route, or replaces the one of its id; it goes on from its cursor where it has one.</summary>
    /// <exception cref="ArgumentException">A field is outside its range.</exception>
    /// <exception cref="InvalidOperationException">The host has its most routes.</exception>
    public async Task PutAsync(Route route)
    {
        route.Validate();
        await _changing.WaitAsync().ConfigureAwait(false);
        try
        {
            var old = Find(route.Id);
            if (old is null && _runners.Count >= _options.MaxRoutes) throw new InvalidOperationException($"There are {_options.MaxRoutes} routes already, the most allowed.");
            if (old is not null) await old.DisposeAsync().ConfigureAwait(false);
            var runner = new RouteRunner(route, FolderOf(route.Id), _shardCount, _feed, Sender(route), _options, _clock, _metrics);
            lock (_runners) _runners[route.Id] = runner;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Waits until a route has its place in the feed of every shard: what is committed after that goes out. False when that takes longer than <paramref name="limit"/> (the route goes on trying) or there is no such route.</summary>
    public async Task<bool> WaitUntilPlacedAsync(string id, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (Find(id) is not { } runner) return false;
        try
        {
            await runner.Placed.WaitAsync(limit, _clock, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception late) when (late is TimeoutException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Stops a route and forgets its cursor and dead letters; false when there is none.</summary>
    public async Task<bool> DeleteAsync(string id)
    {
        await _changing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (Find(id) is not { } runner) return false;
            lock (_runners) _runners.Remove(id);
            await runner.DisposeAsync().ConfigureAwait(false);
            Directory.Delete(FolderOf(id), recursive: true);
            return true;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>A route's oldest dead letters, at most <paramref name="limit"/> (1 to 1,000); null when there is no such route.</summary>
    public IReadOnlyList<DeadLetter>? ReadDeadLetters(string id, int limit)
    {
        if (limit is < 1 or > 1_000) throw new ArgumentOutOfRangeException(nameof(limit), limit, "limit must be from 1 to 1000.");
        return Find(id)?.ReadDeadLetters(limit);
    }

    /// <summary>Tries a route's dead letters again until one fails; returns the changes delivered, null when there is no such route.</summary>
    public async Task<int?> RedeliverAsync(string id, CancellationToken cancellationToken) =>
        Find(id) is { } runner ? await runner.RedeliverAsync(cancellationToken).ConfigureAwait(false) : null;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        RouteRunner[] runners;
        lock (_runners)
        {
            runners = [.. _runners.Values];
            _runners.Clear();
        }
        foreach (var runner in runners) await runner.DisposeAsync().ConfigureAwait(false);
        _metrics.Dispose();
        _changing.Dispose();
    }

    private string FolderOf(string id) => Path.Combine(_folder, id);

    private RouteRunner? Find(string id)
    {
        lock (_runners) return _runners.GetValueOrDefault(id);
    }

    private ISender Sender(Route route) => route.Target switch
    {
        WebhookTarget hook => new WebhookSender(hook, _options.AllowPrivateTargets),
        MqttTarget mqtt => new MqttSender(mqtt, route.Id, _options.AllowPrivateTargets),
        FileTarget file => new FileSender(file),
        _ => throw new ArgumentException($"No sender for {route.Target.GetType().Name}.", nameof(route)),
    };
}

/// <summary>The routes' instruments, tagged by route (bounded by <see cref="RouteOptions.MaxRoutes"/>).</summary>
internal sealed class RouteMetrics : IDisposable
{
    private readonly Meter _meter = new("Twin");
    private readonly Counter<long> _delivered;
    private readonly Counter<long> _retried;
    private readonly Counter<long> _dead;
    private readonly Counter<long> _resets;
    private readonly Counter<long> _feedFailures;

    public RouteMetrics(Func<IReadOnlyList<RouteStatus>> statuses)
    {
        _delivered = _meter.CreateCounter<long>("twin_route_delivered_total", description: "Changes delivered.");
        _retried = _meter.CreateCounter<long>("twin_route_retried_total", description: "Attempts after the first.");
        _dead = _meter.CreateCounter<long>("twin_route_dead_total", description: "Changes that became dead letters.");
        _resets = _meter.CreateCounter<long>("twin_route_resets_total", description: "Times the feed had lost changes before the cursor.");
        _feedFailures = _meter.CreateCounter<long>("twin_route_feed_failures_total", description: "Failed reads of the feed or writes of the cursor.");
        _meter.CreateObservableGauge("twin_route_lag_seconds", () => statuses().Select(s => new Measurement<double>(s.LagSeconds, Tag(s.Id))), "s");
        _meter.CreateObservableGauge("twin_route_dead_letter_bytes", () => statuses().Select(s => new Measurement<long>(s.DeadBytes, Tag(s.Id))), "By");
        _meter.CreateObservableCounter("twin_route_dead_dropped_total", () => statuses().Select(s => new Measurement<long>(s.DeadDropped, Tag(s.Id))));
    }

    public void Delivered(string route, int changes) => _delivered.Add(changes, Tag(route));

    public void Retried(string route) => _retried.Add(1, Tag(route));

    public void Dead(string route, int changes) => _dead.Add(changes, Tag(route));

    public void Reset(string route) => _resets.Add(1, Tag(route));

    public void FeedFailed(string route) => _feedFailures.Add(1, Tag(route));

    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?> Tag(string route) => new("route", route);
}
