using System.Threading.Tasks.Sources;
using Microsoft.Extensions.ObjectPool;
using Twin.Model;

namespace Twin.Grains.Store;

/// <summary>One caller waiting for its answer; pooled, so an operation allocates nothing of its own. Hot.</summary>
internal sealed class PendingOperation : IValueTaskSource<ShardAnswer>
{
    private static readonly DefaultObjectPool<PendingOperation> Pool = new(new DefaultPooledObjectPolicy<PendingOperation>(), 4_096);

    // On one core a hop to another thread is only a context switch; on several, the lane must not wait for its callers.
    private ManualResetValueTaskSourceCore<ShardAnswer> _core = new() { RunContinuationsAsynchronously = Environment.ProcessorCount > 1 };

    public ShardOperation Operation { get; private set; }

    /// <summary>When to stop trying again, on the clock's timestamp.</summary>
    public long Deadline { get; private set; }

    public static PendingOperation Rent(in ShardOperation operation, long deadline)
    {
        var pending = Pool.Get();
        pending.Operation = operation;
        pending.Deadline = deadline;
        return pending;
    }

    public ValueTask<ShardAnswer> AsValueTask() => new(this, _core.Version);

    public void Complete(in ShardAnswer answer) => _core.SetResult(answer);

    public ShardAnswer GetResult(short token)
    {
        var answer = _core.GetResult(token);
        _core.Reset();
        Operation = default;
        Pool.Return(this);
        return answer;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    /// <summary>True when doing it twice does no harm: reads, and writes that do not depend on what was there.</summary>
    public bool IsRepeatable => Operation.Action switch
    {
        ShardAction.Execute => Operation.Command is { IfMatch: null } command && command switch
        {
            PutTwin put => !put.OnlyIfAbsent,
            PutRelationship put => !put.OnlyIfAbsent,
            PatchTwin patch => Array.TrueForAll(patch.Operations, o => o.Verb is PatchVerb.Add or PatchVerb.Replace),
            PatchRelationship patch => Array.TrueForAll(patch.Operations, o => o.Verb is PatchVerb.Add or PatchVerb.Replace),
            LinkIncoming or UnlinkIncoming => true,
            _ => false,
        },
        ShardAction.ExecuteAtomic => false,
        _ => true,
    };
}
