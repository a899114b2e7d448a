using System.Diagnostics.Metrics;
using Orleans.Concurrency;
using Twin.Grains.Models;
using Twin.Model;

namespace Twin.Grains.Store;

/// <summary>
/// The way to one shard: callers queue, and each grain call carries everything queued while the one before it was under way.
/// At most <see cref="MostQueued"/> wait; beyond it an operation is refused as TooMuch and counted. Thread-safe. Hot.
/// </summary>
internal sealed class ShardLane(int shard, ITwinShardGrain grain, ModelCache models, IPolicyStore policies, TimeProvider clock) : IThreadPoolWorkItem
{
    /// <summary>Most operations waiting.</summary>
    public const int MostQueued = 10_000;

    private const int MostInOneCall = 2_000;

    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> Calls = Meter.CreateCounter<long>("twin_store_calls_total");
    private static readonly Counter<long> Operations = Meter.CreateCounter<long>("twin_store_operations_total");
    private static readonly Counter<long> Refusals = Meter.CreateCounter<long>("twin_store_refusals_total");
    private static readonly Counter<long> Retries = Meter.CreateCounter<long>("twin_store_retries_total");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly Lock _lock = new();
    private List<PendingOperation> _queue = [];
    private List<PendingOperation> _taken = [];
    private bool _isRunning;

    public ValueTask<ShardAnswer> RunAsync(in ShardOperation operation)
    {
        var pending = PendingOperation.Rent(operation, clock.GetTimestamp() + (long)(Patience.TotalSeconds * clock.TimestampFrequency));
        var answer = pending.AsValueTask();
        if (!TryAdd(pending, out var start)) pending.Complete(new ShardAnswer(new CommandResult(TwinStatus.TooMuch, 0, Full())));
        if (start) Start();
        return answer;
    }

    // Behind what is ready to run already: those requests join the first call instead of waiting for the second.
    private void Start() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    // The pump is owned by the lane: it ends when the queue is empty and completes every operation it takes.
    void IThreadPoolWorkItem.Execute() => _ = PumpAsync();

    private bool TryAdd(PendingOperation pending, out bool start)
    {
        lock (_lock)
        {
            start = false;
            if (_queue.Count >= MostQueued)
            {
                Refusals.Add(1);
                return false;
            }

            _queue.Add(pending);
            if (_isRunning) return true;
            _isRunning = start = true;
            return true;
        }
    }

    private Problem Full() => new("ShardBusy", $"{MostQueued} operations wait for shard {shard} already; slow down and try again.");

    private async Task PumpAsync()
    {
        while (Take())
        {
            await SendAsync(_taken).ConfigureAwait(false);
            _taken.Clear();
        }
    }

    private bool Take()
    {
        lock (_lock)
        {
            if (_queue.Count == 0)
            {
                _isRunning = false;
                return false;
            }

            if (_queue.Count <= MostInOneCall)
            {
                (_queue, _taken) = (_taken, _queue);
                return true;
            }

            _taken.AddRange(_queue.GetRange(0, MostInOneCall));
            _queue.RemoveRange(0, MostInOneCall);
            return true;
        }
    }

    private async Task SendAsync(List<PendingOperation> pending)
    {
        var operations = new ShardOperation[pending.Count];
        for (var i = 0; i < operations.Length; i++) operations[i] = pending[i].Operation;
        Calls.Add(1);
        Operations.Add(operations.Length);
        ShardAnswer[] answers;
        try
        {
            var reply = await grain.ExecuteAsync(new Immutable<ShardCall>(new ShardCall(operations, models.Current.Version) { PolicyVersion = policies.Current.Version })).ConfigureAwait(false);
            answers = reply.Value.Answers;
        }
        catch (Exception fault)
        {
            await RetryOrRefuseAsync(pending, fault).ConfigureAwait(false);
            return;
        }

        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i].Result.Problem is { Code: "TwinReserved" } && clock.GetTimestamp() < pending[i].Deadline) _ = LaterAsync(pending[i]);
            else pending[i].Complete(answers[i]);
        }
    }

    /// <summary>The owner is moving or gone: what may be repeated waits and goes again; the rest is told that its outcome is unknown.</summary>
    private async Task RetryOrRefuseAsync(List<PendingOperation> pending, Exception fault)
    {
        var now = clock.GetTimestamp();
        var again = new List<PendingOperation>();
        foreach (var one in pending)
        {
            if (one.IsRepeatable && now < one.Deadline) again.Add(one);
            else one.Complete(Unknown(fault));
        }

        if (again.Count == 0) return;
        Retries.Add(again.Count);
        await Task.Delay(TimeSpan.FromMilliseconds(100), clock).ConfigureAwait(false);
        lock (_lock) _queue.InsertRange(0, again);
    }

    private ShardAnswer Unknown(Exception fault) => new(new CommandResult(TwinStatus.Unavailable, 0,
        new Problem("OutcomeUnknown", $"The owner of shard {shard} did not answer ({fault.GetType().Name}); the command may or may not have been done. Read before trying again.")));

    /// <summary>The twin is promised to a transaction; it is free again in a moment.</summary>
    private async Task LaterAsync(PendingOperation pending)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(5), clock).ConfigureAwait(false);
        if (!TryAdd(pending, out var start)) pending.Complete(new ShardAnswer(new CommandResult(TwinStatus.TooMuch, 0, Full())));
        if (start) Start();
    }
}
