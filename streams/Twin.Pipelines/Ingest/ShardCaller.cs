using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Calls a shard's owner for one group: time limit, and attempts with growing pauses while the shard answers Unavailable, for
/// at most the retry window since its first failure. After the window each group has one attempt until one succeeds, so a
/// shard that stays away holds the flood up once, not once a group. One call a shard at a time.
/// </summary>
internal sealed class ShardCaller(ShardApply apply, IngestOptions options, int shardCount, TimeProvider clock, IngestMetrics metrics, CancellationToken stopping)
{
    private readonly long[] _failingSince = new long[shardCount]; // clock timestamp; 0 while well

    /// <summary>Fills the group's outcome or failure. Never throws. <paramref name="onPause"/> hears when a pause begins (true) and ends.</summary>
    public ValueTask CallAsync(ShardGroup group, Action<bool> onPause)
    {
        var call = Start(group);
        if (!call.IsCompletedSuccessfully) return AwaitAsync(group, call, onPause);
        var outcome = call.Result;
        return IsKept(group, outcome) ? default : AwaitAsync(group, new ValueTask<IngestOutcome>(outcome), onPause);
    }

    private async ValueTask AwaitAsync(ShardGroup group, ValueTask<IngestOutcome> call, Action<bool> onPause)
    {
        for (var attempt = 0; ; attempt++)
        {
            if (await AttemptAsync(group, call).ConfigureAwait(false)) return;
            var since = _failingSince[group.Shard];
            if (since == 0) _failingSince[group.Shard] = since = Math.Max(1, clock.GetTimestamp());
            var pause = options.RetryPause * (1 << Math.Min(attempt, 4));
            if (stopping.IsCancellationRequested || clock.GetElapsedTime(since) + pause > options.RetryWindow) return;
            metrics.Retried();
            onPause(true);
            try
            {
                await Task.Delay(pause, clock, stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            finally
            {
                onPause(false);
            }
            call = Start(group);
        }
    }

    private ValueTask<IngestOutcome> Start(ShardGroup group)
    {
        try
        {
            return apply(group.Shard, group.ToBatch(), stopping);
        }
        catch (Exception failure)
        {
            return ValueTask.FromException<IngestOutcome>(failure);
        }
    }

    private async ValueTask<bool> AttemptAsync(ShardGroup group, ValueTask<IngestOutcome> call)
    {
        var task = call.AsTask();
        try
        {
            var outcome = await task.WaitAsync(options.ApplyTimeout, clock, stopping).ConfigureAwait(false);
            return IsKept(group, outcome);
        }
        catch (Exception failure)
        {
            group.Outcome = null;
            group.Failure = failure is TimeoutException && !task.IsCompleted
                ? $"Shard {group.Shard} did not answer within {options.ApplyTimeout.TotalSeconds:0.#} s."
                : $"Shard {group.Shard} failed: {failure.Message}";
            if (!task.IsCompleted)
            {
                group.IsAbandoned = true;
                _ = task.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            }
            return false;
        }
    }

    // Only a wholly Unavailable group is tried again: of a partly kept one the owner has told each fate.
    private bool IsKept(ShardGroup group, IngestOutcome outcome)
    {
        group.Outcome = outcome;
        group.Failure = null;
        if (outcome.Counts.Length < IngestOutcome.FateCount)
        {
            group.Outcome = null;
            group.Failure = $"Shard {group.Shard} answered {outcome.Counts.Length} counts instead of {IngestOutcome.FateCount}.";
            return false;
        }
        if (outcome.Counts[(int)SampleFate.Unavailable] >= group.Count) return false;
        _failingSince[group.Shard] = 0;
        return true;
    }
}
