using Twin.Graph;
using Twin.Graph.Journal;

namespace Twin.Grains.Twins;

/// <content>Branches: a shard holds still while all shards of its branch do, is forked, and goes on.</content>
internal sealed partial class ShardOwner
{
    private static readonly TimeSpan LongestHold = TimeSpan.FromSeconds(2); // whoever holds may be gone
    private string? _heldFor;

    /// <summary>Holds every new operation until <see cref="Release"/>, at most two seconds. False when a transaction is under way or another holds: nothing is held then.</summary>
    public async Task<bool> HoldAsync(string hold)
    {
        if (await NotReadyAsync(0) is not null || _hold is not null) return false;
        _hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _heldFor = hold;
        if (await CommitAsync() is not null || !_isRecovered || _state.InDoubt.Count > 0 || _state.LastSequence != _committed)
        {
            Release(hold);
            return false;
        }

        _ = ReleaseLateAsync(hold);
        return true;
    }

    /// <summary>A state that begins where this one is held, and its sequence. Ends the hold.</summary>
    /// <exception cref="InvalidOperationException">It is not held for this.</exception>
    public ShardState Fork(string hold)
    {
        if (_heldFor != hold || !_isRecovered) throw new InvalidOperationException($"Shard {Shard} is not held for the fork any more.");
        try
        {
            return _state.Fork();
        }
        finally
        {
            Release(hold);
        }
    }

    /// <summary>Ends a hold; another's stays.</summary>
    public void Release(string hold)
    {
        if (_heldFor != hold) return;
        _heldFor = null;
        OpenAgain();
    }

    /// <summary>Takes over a forked state. Returns when a snapshot of it is in this branch's own journal: from then on the branch needs its parent no more.</summary>
    public async Task AdoptAsync(ShardState forked)
    {
        if (_isRecovered || _journal is not null) throw new InvalidOperationException($"Shard {Shard} of branch {_options.Branch} has a state already.");
        if (_policies.Current.Version == 0) await _policies.RefreshAsync();
        if (_models.Current.Version == 0) await _models.RefreshAsync();
        await _journals.KeepShardCountAsync(_options.Branch, _options.ShardCount, CancellationToken.None);
        _journal = await _journals.OpenAsync(_options.Branch, Shard, CancellationToken.None);
        _queries.Dispose();
        (_state, _documents, _queries) = Around(forked);
        _committed = _state.LastSequence;
        var bytes = new ChunkedBuffer();
        _state.WriteSnapshot(bytes);
        await _journal.WriteSnapshotAsync(_committed, bytes.ToSequence(), _committed, CancellationToken.None);
        _isRecovered = true;
    }

    /// <summary>The branch is dropped: nothing is kept or served any more.</summary>
    public void Retire() => (IsFenced, _isRecovered, Fault) = (true, false, $"The branch '{_options.Branch}' has been dropped.");

    /// <summary>A branch begins with the snapshot that <see cref="AdoptAsync"/> wrote; without one there is no such branch.</summary>
    private async Task CheckBranchAsync()
    {
        if (IsFenced) throw new JournalFencedException(Fault ?? "The shard has another owner.");
        if (_isBranch && _journal is null && !await _journals.HasSnapshotAsync(_options.Branch, Shard, CancellationToken.None)) throw new InvalidDataException($"There is no branch '{_options.Branch}'.");
    }

    private async Task ReleaseLateAsync(string hold)
    {
        await Task.Delay(LongestHold, _clock);
        Release(hold);
    }
}
