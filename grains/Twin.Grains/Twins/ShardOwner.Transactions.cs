using Twin.Graph;
using Twin.Model;

namespace Twin.Grains.Twins;

/// <content>The shard's part in transactions between shards; decisions/2026-11-22-atomic-across-shards.md gives the protocol.</content>
internal sealed partial class ShardOwner
{
    private const int MostDecisions = 65_536;

    private readonly Queue<string> _committedOrder = new();
    private readonly HashSet<string> _committedIds = new(StringComparer.Ordinal);

    public async ValueTask<PreparedPart> PrepareAsync(string transactionId, TwinCommand[] commands, bool wantParts, long modelVersion)
    {
        if (await NotReadyAsync(modelVersion) is { } fault) return new PreparedPart(false, RefuseEach(commands.Length, fault), []);
        // A prepare that comes after its own decision (a late message, a repeat) must neither reserve twins nor do the commands again.
        if (_committedIds.Contains(transactionId)) return new PreparedPart(true, new CommandResult[commands.Length], []);
        var refused = new CommandResult[commands.Length];
        commands = [.. commands];
        if (TryRefuse(commands, refused, 0)) return new PreparedPart(false, refused, []);
        var parts = new List<TwinCommand>();
        if (wantParts) _state.CollectRemoteParts(commands, parts);
        var isPrepared = _state.TryPrepare(transactionId, commands, Now, _pending, out var results);
        return await CommitAsync() is { } lost
            ? new PreparedPart(false, RefuseEach(commands.Length, lost), [])
            : new PreparedPart(isPrepared, results, isPrepared ? [.. parts] : []);
    }

    public async ValueTask<CommandResult[]> DecideAsync(string transactionId, bool commit)
    {
        if (await NotReadyAsync(0) is { } fault) return RefuseEach(1, fault);
        var isNew = _state.InDoubt.Any(t => t.Id == transactionId);
        var results = _state.Decide(transactionId, commit, Now, _pending);
        if (await CommitAsync() is { } lost) return RefuseEach(1, lost);
        if (commit && isNew) Remember(transactionId);
        return results;
    }

    public async ValueTask<TransactionState> AskAsync(string transactionId)
    {
        if (await NotReadyAsync(0) is not null) return TransactionState.Undecided;
        if (_state.InDoubt.Any(t => t.Id == transactionId)) return TransactionState.Undecided;
        // A decision under way is in memory and not yet in the journal: told as Unknown, it would be aborted there and done here.
        if (await CommitAsync() is not null) return TransactionState.Undecided;
        if (_committedIds.Contains(transactionId)) return TransactionState.Committed;
        var changes = new ChangeBuffer();
        await foreach (var frame in _journal!.ReadFramesAsync(0, CancellationToken.None))
        {
            changes.Clear();
            ChangeCodec.Decode(frame.Span, changes);
            foreach (ref readonly var change in changes.Span)
                if (change.Kind == ChangeKind.TransactionDecided && change.TwinId == transactionId) return change.Path == "commit" ? TransactionState.Committed : TransactionState.Unknown;
        }

        return TransactionState.Unknown;
    }

    /// <summary>Promises older than the doubt time.</summary>
    public IReadOnlyList<string> Doubts()
    {
        if (!_isRecovered || _state.InDoubt.Count == 0) return [];
        var before = new WallTime(Now.UtcTicks - _options.DoubtAfter.Ticks);
        return [.. _state.InDoubt.Where(t => t.PreparedAt < before).Select(t => t.Id)];
    }

    private void Remember(string transactionId)
    {
        if (!_committedIds.Add(transactionId)) return;
        _committedOrder.Enqueue(transactionId);
        if (_committedOrder.Count > MostDecisions) _committedIds.Remove(_committedOrder.Dequeue());
    }

    private static CommandResult[] RefuseEach(int count, Problem why) => [.. Enumerable.Repeat(new CommandResult(TwinStatus.Unavailable, 0, why), count)];
}
