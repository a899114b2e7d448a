using System.Buffers;
using Microsoft.Extensions.Logging;
using Twin.Accounts;
using Twin.Graph.Journal;
using Twin.Grains.Twins;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Grains.Ledger;

/// <summary>
/// One book, without Orleans: state and journal. Calls may interleave at awaits but never overlap (the grain's turn rule). Order of every
/// write: do it in memory, append it to the journal, then answer. What arrives while an append is under way goes into the next one together
/// (group commit); nothing is answered or read before the journal has it. When the journal fails, everything unanswered is refused as Unavailable
/// and the book is rebuilt from the journal.
/// </summary>
internal sealed partial class LedgerOwner : IAsyncDisposable
{
    private readonly string _name;
    private readonly LedgerGrainOptions _options;
    private readonly IJournalStore _journals;
    private readonly IPolicyStore _policies;
    private readonly SnapshotTurn _turn;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly LedgerMetrics _metrics;
    private LedgerBook _book;

    public LedgerOwner(string name, LedgerGrainOptions options, IJournalStore journals, IPolicyStore policies, SnapshotTurn turn, TimeProvider clock, ILogger log)
    {
        (_name, _options, _journals, _policies, _turn, _clock, _log) = (name, options, journals, policies, turn, clock, log);
        _book = new LedgerBook(options.Book);
        _metrics = new LedgerMetrics(name, () => _book, () => _pending.WrittenCount);
        Clear(_pending);
        Clear(_writing);
    }

    /// <summary>Set when another owner took the journal over: this one must go.</summary>
    public bool IsFenced { get; private set; }

    /// <summary>The state; for tests.</summary>
    internal LedgerBook Book => _book;

    public async ValueTask<LedgerReply> ExecuteAsync(LedgerCall call)
    {
        if (call.Commands.Length > LedgerBounds.MostInABatch) return RefuseAll(call, LedgerResult.Refused(TwinStatus.TooMuch, "BatchTooLarge", $"A batch has {call.Commands.Length} commands; at most {LedgerBounds.MostInABatch} are taken."));
        if (await NotReadyAsync(call.PolicyVersion) is { } fault) return RefuseAll(call, Unavailable(fault));
        if (_pending.WrittenCount > _options.MostPendingBytes)
        {
            LedgerMetrics.Busy.Add(call.Commands.Length);
            return RefuseAll(call, LedgerResult.Refused(TwinStatus.TooMuch, "LedgerBusy", $"{_pending.WrittenCount} bytes wait for the journal of book '{_name}' already; slow down and try again with the same keys."));
        }

        var results = new LedgerResult[call.Commands.Length];
        try
        {
            Do(call, results);
        }
        catch (LedgerBrokenException broken)
        {
            LedgerMetrics.Broken.Add(1);
            return RefuseAll(call, Unavailable(Break(broken)));
        }

        return await CommitAsync() is { } lost ? RefuseAll(call, Unavailable(lost)) : new LedgerReply(results);
    }

    public async ValueTask<LedgerDocument> ReadAsync(LedgerRead read, PolicySubject? subject, long policyVersion)
    {
        if ((await NotReadyAsync(policyVersion) ?? TryExpireDue()) is { } fault) return Unread(fault);
        var document = _book.Read(read, RightsOf(subject));
        return await CommitAsync() is { } lost ? Unread(lost) : new LedgerDocument(document.Status, document.Version, document.Json.ToArray(), document.Problem);
    }

    public async ValueTask<LedgerBalance?> BalanceAsync(string account, string asset, PolicySubject? subject, long policyVersion)
    {
        if ((await NotReadyAsync(policyVersion) ?? TryExpireDue()) is { } fault) throw new IOException(fault.Detail);
        var balance = _book.BalanceOf(account, asset, RightsOf(subject));
        if (await CommitAsync() is { } lost) throw new IOException(lost.Detail);
        return balance is { } known ? new LedgerBalance(known.Balance, known.Held) : null;
    }

    /// <summary>Frees holds whose time is over, also while nobody asks.</summary>
    public async ValueTask TickAsync()
    {
        if (!_isRecovered || !_book.TryNextExpiry(WallTime.Now(_clock), out _)) return;
        if ((await NotReadyAsync(0) ?? TryExpireDue()) is null) await CommitAsync();
    }

    private void Do(LedgerCall call, LedgerResult[] results)
    {
        var rights = RightsOf(call.Subject);
        var now = WallTime.Now(_clock);
        ExpireDue(now);
        var (done, repeats) = (0, 0);
        for (var i = 0; i < results.Length; i++)
        {
            var command = call.Commands[i];
            var result = results[i] = command is ExpireHold ? LedgerResult.Refused(TwinStatus.Forbidden, "NotAllowed", "Holds expire by themselves.") : _book.Execute(command, now, rights);
            if (!result.IsDone) LedgerMetrics.Refuse(result.Problem!.Code);
            else if (result.IsRepeat) repeats++;
            else
            {
                Keep(command, result.Time);
                done++;
            }
        }

        LedgerMetrics.Entries.Add(done);
        LedgerMetrics.Repeats.Add(repeats);
    }

    private void ExpireDue(WallTime now)
    {
        while (_book.TryNextExpiry(now, out var expiry))
        {
            var result = _book.Execute(expiry!, now);
            if (!result.IsDone) throw new LedgerBrokenException($"Hold {expiry!.Hold} could not expire: {result.Problem!.Detail}");
            Keep(expiry!, result.Time);
        }
    }

    private Problem? TryExpireDue()
    {
        try
        {
            ExpireDue(WallTime.Now(_clock));
            return null;
        }
        catch (LedgerBrokenException broken)
        {
            LedgerMetrics.Broken.Add(1);
            return Break(broken);
        }
    }

    private void Keep(LedgerCommand command, WallTime time)
    {
        LedgerEntries.Write(_pending, command, time);
        _pendingEntries++;
    }

    private LedgerRights? RightsOf(PolicySubject? subject) => subject is null ? null : new LedgerRights(_policies.Current.For(subject), _name);

    private static LedgerReply RefuseAll(LedgerCall call, in LedgerResult refusal)
    {
        var results = new LedgerResult[call.Commands.Length];
        Array.Fill(results, refusal);
        return new LedgerReply(results);
    }

    private static LedgerResult Unavailable(Problem why) => new(TwinStatus.Unavailable, 0, WallTime.None, why);

    private static LedgerDocument Unread(Problem why) => new(TwinStatus.Unavailable, 0, [], why);

    public async ValueTask DisposeAsync()
    {
        if (_inFlight is { } running) await running.Task;
        if (_isRecovered && !IsFenced && _sinceSnapshot > 0) await SnapshotAsync();
        if (_snapshotting is { } writing) await writing;
        if (_journal is not null) await _journal.DisposeAsync();
        _metrics.Dispose();
    }
}
