using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Twin.Accounts;
using Twin.Graph;
using Twin.Graph.Journal;
using Twin.Model;

namespace Twin.Grains.Ledger;

/// <content>From memory to the journal: group commit, failure, recovery, snapshots; as a twin shard's.</content>
internal sealed partial class LedgerOwner
{
    private IShardJournal? _journal;
    private ArrayBufferWriter<byte> _pending = new(64 * 1024);
    private ArrayBufferWriter<byte> _writing = new(64 * 1024);
    private int _pendingEntries;
    private int _writingEntries;
    private TaskCompletionSource<Problem?>? _inFlight;
    private TaskCompletionSource<Problem?>? _waiting;
    private TaskCompletionSource? _hold;
    private Task? _recovering;
    private Task? _snapshotting;
    private long _appended; // last sequence given to the journal
    private long _committed; // last sequence the journal has
    private long _entriesTotal;
    private long _sinceSnapshot;
    private bool _isRecovered;

    /// <summary>Recovers when needed; null when the book can serve, else why not.</summary>
    private async ValueTask<Problem?> NotReadyAsync(long policyVersion)
    {
        if (policyVersion > _policies.Current.Version) await _policies.RefreshAsync();
        while (!_isRecovered || _hold is not null)
        {
            try
            {
                if (_hold is { } hold) await hold.Task;
                else await RecoverAsync();
            }
            catch (Exception fault) when (fault is IOException or InvalidDataException or TimeoutException or UnauthorizedAccessException)
            {
                return Lost(fault);
            }
        }

        return null;
    }

    /// <summary>Builds the book from snapshot and journal. Callers that come meanwhile wait for the same attempt.</summary>
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
        while (_inFlight is { } running) await running.Task; // what is on its way must be read, too
        if (_policies.Current.Version == 0) await _policies.RefreshAsync();
        _journal ??= await _journals.OpenAsync(LedgerGrainOptions.BranchOf(_name), 0, CancellationToken.None);
        var book = new LedgerBook(_options.Book);
        Clear(_pending);
        (_pendingEntries, _sinceSnapshot) = (0, 0);
        var last = 0L;
        if (await _journal.ReadSnapshotAsync(CancellationToken.None) is { } snapshot)
        {
            book.ReadSnapshot(snapshot.Bytes.Span);
            last = snapshot.Sequence;
        }

        await foreach (var frame in _journal.ReadFramesAsync(last, CancellationToken.None)) last = Replay(frame.Span, book);
        (_book, _appended, _committed) = (book, Math.Max(last, FeedSequence.StartOf(_journal.Epoch)), last);
        _isRecovered = true;
    }

    private long Replay(ReadOnlySpan<byte> frame, LedgerBook book)
    {
        var entries = JournalFrame.Open(frame, out var first, out var count);
        var before = book.LastNumber;
        LedgerEntries.Replay(entries, book);
        if (book.LastNumber - before != count) throw new InvalidDataException($"The frame at {first:x} says {count} entries and has {book.LastNumber - before}.");
        _sinceSnapshot += count;
        return first + count - 1;
    }

    /// <summary>Completes when the journal has everything done so far; null when so, else why not.</summary>
    private ValueTask<Problem?> CommitAsync()
    {
        if (_inFlight is not null)
        {
            if (_pendingEntries == 0) return new(_inFlight.Task);
            _waiting ??= new TaskCompletionSource<Problem?>();
            return new(_waiting.Task);
        }

        if (_pendingEntries == 0) return default;
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
            Kept();
            return default;
        }

        var group = _inFlight = new TaskCompletionSource<Problem?>();
        _ = FinishAsync(append, group);
        return new(group.Task);
    }

    private ValueTask AppendPending()
    {
        (_pending, _writing) = (_writing, _pending);
        (_writingEntries, _pendingEntries) = (_pendingEntries, 0);
        var first = _appended + 1;
        _appended += _writingEntries;
        JournalFrame.Seal(MemoryMarshal.AsMemory(_writing.WrittenMemory).Span, first, _writingEntries);
        return _journal!.AppendAsync(_writing.WrittenMemory, first, _appended, CancellationToken.None);
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
                var later = _waiting;
                (_inFlight, _waiting) = (null, null);
                group.SetResult(lost);
                later?.SetResult(lost);
                return;
            }

            Kept();
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

    /// <summary>The book in memory is ahead of the truth, or wrong, and is thrown away.</summary>
    private Problem Break(Exception fault)
    {
        _log.LogError(fault, "Book {Book} could not go on; it is rebuilt from what its journal has.", _name);
        _isRecovered = false;
        Clear(_pending);
        _pendingEntries = 0;
        IsFenced |= fault is JournalFencedException;
        return Lost(fault);
    }

    private static Problem Lost(Exception fault) => new("StoreUnavailable", $"The store could not keep this; nothing is told to be done. Try again with the same key. {fault.Message}");

    private void Kept()
    {
        _committed = _appended;
        _entriesTotal += _writingEntries;
        _sinceSnapshot += _writingEntries;
        LedgerMetrics.GroupEntries.Record(_writingEntries);
        Clear(_writing);
        if (_sinceSnapshot >= Math.Max(_options.SnapshotEvery, _book.Weight / 4) && _snapshotting is null) _ = SnapshotAsync();
    }

    private static void Clear(ArrayBufferWriter<byte> buffer)
    {
        buffer.ResetWrittenCount();
        buffer.GetSpan(JournalFrame.PrefixBytes)[..JournalFrame.PrefixBytes].Clear();
        buffer.Advance(JournalFrame.PrefixBytes);
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
            _log.LogWarning(fault, "Book {Book} could not write a snapshot; its journal stays whole.", _name);
        }
        finally
        {
            _snapshotting = null;
        }
    }

    /// <summary>Encodes the book at once (nothing else runs meanwhile) and writes it beside the traffic.</summary>
    private async Task SnapshotInTurnAsync()
    {
        await _turn.WaitAsync();
        try
        {
            await SettleAsync();
            if (!_isRecovered || IsFenced || _pendingEntries > 0 || _appended != _committed) return; // only what the journal has may be in a snapshot
            var bytes = new ChunkedBuffer();
            _book.WriteSnapshot(bytes);
            _sinceSnapshot = 0;
            var keepAfter = Math.Max(FeedSequence.StartOf(FeedSequence.EpochOf(_committed)), _committed - _options.JournalKept);
            if (_entriesTotal < _options.JournalKept) keepAfter = Math.Min(keepAfter, _journal!.OldestSequence - 1);
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

    // Under a steady load something is always on its way to the journal: new calls wait (for one append) until nothing is.
    private async Task SettleAsync()
    {
        if (_inFlight is null && _pendingEntries == 0) return;
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
