using System.Buffers;
using Microsoft.Extensions.Logging;
using Twin.Graph;
using Twin.Graph.Journal;
using Twin.Model;

namespace Twin.Grains.Twins;

/// <content>From memory to the journal: group commit, failure, recovery, snapshots.</content>
internal sealed partial class ShardOwner
{
    private Task? _snapshotting;
    private TaskCompletionSource? _hold;
    private long _changesTotal;
    private long _sinceSnapshot;

    /// <summary>Recovers when needed and takes newer models in; null when the shard can serve, else why not.</summary>
    private async ValueTask<Problem?> NotReadyAsync(long modelVersion)
    {
        // Again after each await: meanwhile the journal may have failed, and this state may be the one thrown away.
        var isRefreshed = false;
        while (!_isRecovered || _hold is not null || (!isRefreshed && modelVersion > _models.Current.Version))
        {
            try
            {
                if (_hold is { } hold) await hold.Task;
                else if (!_isRecovered) await RecoverAsync();
                else
                {
                    isRefreshed = true;
                    await _models.RefreshAsync();
                }
            }
            catch (Exception fault) when (fault is IOException or InvalidDataException or TimeoutException or UnauthorizedAccessException)
            {
                Fault = fault.Message;
                return Lost(fault);
            }
        }

        var models = _models.Current;
        if (!ReferenceEquals(_state.Models, models.All)) _state.UseModels(models.All);
        if (!ReferenceEquals(_state.ClosedModels, models.Decommissioned)) _state.ClosedModels = models.Decommissioned;
        return null;
    }

    /// <summary>Builds the state from snapshot and journal. Callers that come meanwhile wait for the same attempt.</summary>
    public async Task RecoverAsync()
    {
        if (_isRecovered) return;
        var attempt = _recovering ??= RecoverOnceAsync();
        try
        {
            await attempt;
        }
        finally
        {
            if (ReferenceEquals(_recovering, attempt)) _recovering = null;
        }
    }

    private async Task RecoverOnceAsync()
    {
        var started = _clock.GetTimestamp();
        if (_models.Current.Version == 0) await _models.RefreshAsync();
        if (_policies.Current.Version == 0) await _policies.RefreshAsync();
        await CheckBranchAsync();
        if (_journal is null)
        {
            await _journals.KeepShardCountAsync(_options.Branch, _options.ShardCount, CancellationToken.None);
            _journal = await _journals.OpenAsync(_options.Branch, Shard, CancellationToken.None);
        }

        _queries.Dispose();
        (_state, _documents, _queries) = Fresh();
        _pending.Clear();
        if (await _journal.ReadSnapshotAsync(CancellationToken.None) is { } snapshot) _state.ReadSnapshot(snapshot.Bytes.Span);
        var changes = new ChangeBuffer();
        var replayed = 0L;
        await foreach (var frame in _journal.ReadFramesAsync(_state.LastSequence, CancellationToken.None))
        {
            changes.Clear();
            ChangeCodec.Decode(frame.Span, changes);
            foreach (ref readonly var change in changes.Span)
            {
                if (change.Kind == ChangeKind.TransactionDecided && change.Path == "commit") Remember(change.TwinId);
                if (_state.Apply(change)) replayed++;
            }
        }

        _ring.Clear(); // the journal may hold a frame that was given up and arrived late: positions before it are read from there

        _committed = _state.LastSequence;
        _sinceSnapshot = replayed;
        var epoch = _isBranch ? FeedSequence.EpochOf(_state.LastSequence) + 1 : _journal.Epoch; // a branch goes on from its parent's
        if (FeedSequence.EpochOf(_state.LastSequence) < epoch) _state.StartEpoch(epoch, Now, _pending);
        _isRecovered = true;
        Fault = null;
        RecoverySeconds = _clock.GetElapsedTime(started).TotalSeconds;
        if (await CommitAsync() is { } lost) throw new IOException(lost.Detail);
    }

    /// <summary>Completes when the journal has every change made so far; null when so, else why not.</summary>
    private ValueTask<Problem?> CommitAsync()
    {
        if (_inFlight is not null)
        {
            if (_pending.Count == 0) return new(_inFlight.Task);
            _waiting ??= new TaskCompletionSource<Problem?>();
            return new(_waiting.Task);
        }

        if (_pending.Count == 0) return default;
        ValueTask append;
        try
        {
            append = AppendPending();
        }
        catch (Exception fault) when (fault is IOException or ArgumentException or ObjectDisposedException)
        {
            return new(Break(fault));
        }

        if (append.IsCompletedSuccessfully)
        {
            Publish();
            return default;
        }

        var group = _inFlight = new TaskCompletionSource<Problem?>();
        _ = FinishAsync(append, group);
        return new(group.Task);
    }

    private ValueTask AppendPending()
    {
        (_pending, _writing) = (_writing, _pending);
        _frame.ResetWrittenCount();
        _codec.Encode(_writing.Span, _frame);
        return _journal!.AppendAsync(_frame.WrittenMemory, _writing.FirstSequence, _writing.LastSequence, CancellationToken.None);
    }

    // Owned by the groups' waiters: every path completes them.
    private async Task FinishAsync(ValueTask append, TaskCompletionSource<Problem?> group)
    {
        while (true)
        {
            try
            {
                await append;
            }
            catch (Exception fault)
            {
                var lost = Break(fault);
                group.SetResult(lost);
                _waiting?.SetResult(lost);
                (_inFlight, _waiting) = (null, null);
                return;
            }

            Publish();
            var done = group;
            if (_waiting is not { } next)
            {
                _inFlight = null;
                done.SetResult(null);
                return;
            }

            (_inFlight, _waiting) = (next, null);
            group = next;
            try
            {
                append = AppendPending();
            }
            catch (Exception fault)
            {
                append = ValueTask.FromException(fault);
            }

            done.SetResult(null);
        }
    }

    /// <summary>The journal did not take the changes: the state in memory is ahead of the truth and is thrown away.</summary>
    private Problem Break(Exception fault)
    {
        _log.LogError(fault, "Shard {Shard} could not write its journal; it is rebuilt from what the journal has.", Shard);
        _isRecovered = false;
        _pending.Clear();
        _writing.Clear();
        IsFenced |= fault is JournalFencedException;
        Fault = fault.Message;
        return Lost(fault);
    }

    private static Problem Lost(Exception fault) => new("StoreUnavailable", $"The store could not keep this; nothing was changed. {fault.Message}");

    private void Publish()
    {
        _committed = _writing.LastSequence;
        _changesTotal += _writing.Count;
        _sinceSnapshot += _writing.Count;
        _ring.Add(_writing.Span);
        _writing.Clear();
        if (_feedSignal is { } signal)
        {
            _feedSignal = null;
            signal.SetResult();
        }

        if (_sinceSnapshot >= Math.Max(_options.SnapshotEvery, 4L * _state.TwinCount) && _snapshotting is null) _ = SnapshotAsync();
    }

    private async Task SnapshotAsync()
    {
        if (_snapshotting is { } running)
        {
            await running;
            return;
        }

        try
        {
            await (_snapshotting = SnapshotInTurnAsync());
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or TimeoutException)
        {
            _log.LogWarning(fault, "Shard {Shard} could not write a snapshot; its journal stays whole.", Shard);
        }
        finally
        {
            _snapshotting = null;
        }
    }

    /// <summary>Encodes the state at once (about 8 ms for 100,000 values; nothing else runs meanwhile) and writes it beside the traffic.</summary>
    private async Task SnapshotInTurnAsync()
    {
        await _turn.WaitAsync();
        try
        {
            await SettleAsync();
            if (!_isRecovered || IsFenced || _state.LastSequence != _committed) return; // only what the journal has may be in a snapshot
            var bytes = new ChunkedBuffer();
            _state.WriteSnapshot(bytes);
            _sinceSnapshot = 0;
            var keepAfter = Math.Max(FeedSequence.StartOf(FeedSequence.EpochOf(_committed)), _committed - _options.JournalKept);
            if (_changesTotal < _options.JournalKept) keepAfter = Math.Min(keepAfter, _journal!.OldestSequence - 1);
            var writing = _journal!.WriteSnapshotAsync(_committed, bytes.ToSequence(), keepAfter, CancellationToken.None);
            OpenAgain();
            await writing;
        }
        finally
        {
            OpenAgain();
            _turn.Release();
        }
    }

    // Under a steady load something is always on its way to the journal: new operations wait (for one append) until nothing is.
    private async Task SettleAsync()
    {
        while (_hold is { } other) await other.Task; // a fork
        if (_inFlight is null && _pending.Count == 0) return;
        _hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await CommitAsync();
    }

    private void OpenAgain()
    {
        var hold = _hold;
        _hold = null;
        hold?.SetResult();
    }
}
