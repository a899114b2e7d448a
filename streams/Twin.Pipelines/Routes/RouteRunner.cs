using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;
using Twin.Model;

namespace Twin.Pipelines.Routes;

/// <summary>
/// Runs one route: a reader a shard follows the feed by the route's own cursor, so a slow target slows nobody else. A batch
/// is delivered, or kept as a dead letter, before the cursor passes it.
/// </summary>
internal sealed class RouteRunner : IAsyncDisposable
{
    private readonly RouteOptions _options;
    private readonly TimeProvider _clock;
    private readonly FeedReader _feed;
    private readonly ISender _sender;
    private readonly RouteCursor _cursor;
    private readonly DeadLetters _dead;
    private readonly RouteMetrics _metrics;
    private readonly ResiliencePipeline _retry;
    private readonly ResiliencePipeline _guard; // breaker and time limit around one attempt, not around waiting for its turn
    private readonly CircuitBreakerStateProvider _breaker = new();
    private readonly SemaphoreSlim _oneAttempt = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly long[] _oldestUnderWay; // ticks of the oldest change under delivery, a shard; 0 for none
    private readonly Task[] _readers;
    private readonly TaskCompletionSource _placed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool[] _isPlaced; // each used by its shard's reader alone
    private int _unplaced;
    private long _delivered;
    private long _retried;
    private long _deadCount;
    private long _resets;

    public RouteRunner(Route route, string folder, int shardCount, FeedReader feed, ISender sender, RouteOptions options, TimeProvider clock, RouteMetrics metrics)
    {
        (Route, _feed, _sender, _options, _clock, _metrics) = (route, feed, sender, options, clock, metrics);
        Directory.CreateDirectory(folder);
        _cursor = new RouteCursor(Path.Combine(folder, "cursor.json"));
        _dead = new DeadLetters(Path.Combine(folder, "dead"), options.MaxDeadLetterBytes);
        (_retry, _guard) = (BuildRetry(), BuildGuard());
        _oldestUnderWay = new long[shardCount];
        (_isPlaced, _unplaced) = (new bool[shardCount], shardCount);
        _readers = new Task[shardCount];
        for (var shard = 0; shard < shardCount; shard++)
        {
            var mine = shard;
            _readers[shard] = Task.Run(() => FollowAsync(mine));
        }
    }

    public Route Route { get; }

    /// <summary>Completes when the route has its place in every shard's feed: what is committed from then on goes out. Cancelled when the route stops before.</summary>
    public Task Placed => _placed.Task;

    public string? LastError { get; private set; }

    public RouteStatus Status => new(
        Route.Id, Describe(Route.Target), Interlocked.Read(ref _delivered), Interlocked.Read(ref _retried), Interlocked.Read(ref _deadCount), _dead.Dropped, _dead.Bytes,
        Interlocked.Read(ref _resets), LagSeconds(), _breaker.CircuitState is CircuitState.Open or CircuitState.Isolated, LastError);

    /// <summary>The oldest dead letters.</summary>
    public IReadOnlyList<DeadLetter> ReadDeadLetters(int limit) => _dead.Read(limit);

    /// <summary>Tries the dead letters again, oldest first, until one fails; returns the changes delivered.</summary>
    public async Task<int> RedeliverAsync(CancellationToken cancellationToken)
    {
        var changes = 0;
        while (_dead.Read(100) is { Count: > 0 } letters)
        {
            var delivered = new HashSet<string>(StringComparer.Ordinal);
            foreach (var letter in letters)
            {
                if (!await TryRedeliverAsync(letter.Batch, cancellationToken).ConfigureAwait(false)) break;
                delivered.Add(letter.Batch.Key);
                changes += letter.Batch.Changes.Count;
            }
            _dead.Remove(delivered);
            if (delivered.Count == 0 || delivered.Count < letters.Count) return changes;
        }
        return changes;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _placed.TrySetCanceled();
        await Task.WhenAll(_readers).ConfigureAwait(false);
        _cursor.Flush();
        await _sender.DisposeAsync().ConfigureAwait(false);
        _oneAttempt.Dispose();
        _stopping.Dispose();
    }

    private async Task<bool> TryRedeliverAsync(RouteBatch batch, CancellationToken cancellationToken)
    {
        try
        {
            await _retry.ExecuteAsync(AttemptAsync, batch, cancellationToken).ConfigureAwait(false);
            Delivered(batch);
            return true;
        }
        catch (Exception failed) when (!cancellationToken.IsCancellationRequested)
        {
            LastError = failed.Message;
            return false;
        }
    }

    private async Task FollowAsync(int shard)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await StepAsync(shard, _stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failed)
            {
                // The feed, the cursor's disk or the dead letters' disk: nothing was passed over, so pause and do it again.
                LastError = failed.Message;
                _metrics.FeedFailed(Route.Id);
                await Task.Delay(TimeSpan.FromSeconds(1), _clock, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task StepAsync(int shard, CancellationToken cancellationToken)
    {
        if (_cursor.Read(shard) is not { } after)
        {
            // The start is written down at once: a restart before the first change must not start later.
            after = Route.FromOldest ? 0 : (await _feed(shard, -1, 1, TimeSpan.Zero, cancellationToken).ConfigureAwait(false)).Next;
            _cursor.Move(shard, after, durable: true);
        }
        if (!_isPlaced[shard])
        {
            _isPlaced[shard] = true;
            if (Interlocked.Decrement(ref _unplaced) == 0) _placed.TrySetResult();
        }
        var page = await _feed(shard, after, Route.BatchSize, _options.FeedWait, cancellationToken).ConfigureAwait(false);
        if (page.Reset)
        {
            Interlocked.Increment(ref _resets);
            _metrics.Reset(Route.Id);
        }
        var matching = new List<OutboundChange>();
        long first = 0, last = 0, oldest = 0;
        foreach (var change in page.Changes)
        {
            if (!change.IsPublic || !Route.Filter(change)) continue;
            if (matching.Count == 0) (first, oldest) = (change.Sequence, change.CommitTime.UtcTicks);
            last = change.Sequence;
            matching.Add(RouteBatch.Encode(change));
        }
        if (matching.Count > 0)
        {
            Volatile.Write(ref _oldestUnderWay[shard], oldest);
            await DeliverAsync(new RouteBatch(Route.Id, shard, first, last, matching), cancellationToken).ConfigureAwait(false);
        }
        if (page.Next != after || page.Reset) _cursor.Move(shard, page.Next, durable: matching.Count > 0 || page.Reset);
        Volatile.Write(ref _oldestUnderWay[shard], 0);
    }

    private async Task DeliverAsync(RouteBatch batch, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await _retry.ExecuteAsync(AttemptAsync, batch, cancellationToken).ConfigureAwait(false);
                Delivered(batch);
                return;
            }
            catch (BrokenCircuitException open) when (batch.Attempts < _options.MaxAttempts)
            {
                await Task.Delay(open.RetryAfter is { } wait && wait > TimeSpan.Zero ? wait : TimeSpan.FromMilliseconds(100), _clock, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception failed) when (!cancellationToken.IsCancellationRequested)
            {
                _dead.Add(batch, LastError ?? failed.Message, _clock.GetUtcNow());
                Interlocked.Add(ref _deadCount, batch.Changes.Count);
                _metrics.Dead(Route.Id, batch.Changes.Count);
                return;
            }
        }
    }

    private async ValueTask AttemptAsync(RouteBatch batch, CancellationToken cancellationToken)
    {
        await _oneAttempt.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await _guard.ExecuteAsync(SendAsync, batch, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is not BrokenCircuitException)
        {
            LastError = failed.Message;
            throw;
        }
        finally
        {
            _oneAttempt.Release();
        }
    }

    private ValueTask SendAsync(RouteBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Attempts++ > 0)
        {
            Interlocked.Increment(ref _retried);
            _metrics.Retried(Route.Id);
        }
        return _sender.SendAsync(batch, cancellationToken);
    }

    private static bool MayPass(Exception? failure) => failure is not (null or OperationCanceledException or RouteRefusedException or BrokenCircuitException);

    private ResiliencePipeline BuildRetry()
    {
        var builder = new ResiliencePipelineBuilder { TimeProvider = _clock };
        if (_options.MaxAttempts == 1) return builder.Build();
        return builder.AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = arguments => ValueTask.FromResult(MayPass(arguments.Outcome.Exception)),
            MaxRetryAttempts = _options.MaxAttempts - 1,
            Delay = _options.RetryPause,
            MaxDelay = _options.MaxRetryPause,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Randomizer = _options.Jitter,
        }).Build();
    }

    private ResiliencePipeline BuildGuard() => new ResiliencePipelineBuilder { TimeProvider = _clock }
        .AddCircuitBreaker(new CircuitBreakerStrategyOptions
        {
            ShouldHandle = arguments => ValueTask.FromResult(MayPass(arguments.Outcome.Exception)),
            FailureRatio = 0.5,
            MinimumThroughput = _options.BreakAfter,
            SamplingDuration = TimeSpan.FromSeconds(30),
            BreakDuration = _options.BreakFor,
            StateProvider = _breaker,
        })
        .AddTimeout(new TimeoutStrategyOptions { Timeout = _options.AttemptTimeout })
        .Build();

    private void Delivered(RouteBatch batch)
    {
        Interlocked.Add(ref _delivered, batch.Changes.Count);
        _metrics.Delivered(Route.Id, batch.Changes.Count);
    }

    private double LagSeconds()
    {
        var oldest = long.MaxValue;
        for (var i = 0; i < _oldestUnderWay.Length; i++)
        {
            var ticks = Volatile.Read(ref _oldestUnderWay[i]);
            if (ticks != 0) oldest = Math.Min(oldest, ticks);
        }
        return oldest == long.MaxValue ? 0 : Math.Max(0, (WallTime.Now(_clock) - new WallTime(oldest)).TotalSeconds);
    }

    private static string Describe(RouteTarget target) => target switch
    {
        WebhookTarget hook => hook.Url.GetLeftPart(UriPartial.Path),
        MqttTarget mqtt => $"mqtt://{mqtt.Host}:{mqtt.Port}/{mqtt.TopicPrefix}",
        FileTarget file => file.Folder,
        _ => target.GetType().Name,
    };
}
