using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using Twin.Graph.Journal;
using Twin.Grains.Twins;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Grains.Ledger;

/// <summary>Orleans' side of a book: activation, turns, the clock for holds. What a book does is <see cref="LedgerOwner"/>'s. Nothing is opened for a name the directory does not have.</summary>
[Reentrant]
internal sealed class LedgerBookGrain(LedgerGrainOptions options, IJournalStore journals, IPolicyStore policies, SnapshotTurn turn, TimeProvider clock, ILogger<LedgerBookGrain> log) : Grain, ILedgerBookGrain
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    private LedgerOwner? _owner;
    private IDisposable? _timer;

    public override Task OnActivateAsync(CancellationToken cancellationToken) => OwnerAsync().AsTask();

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        if (_owner is not null) await _owner.DisposeAsync();
    }

    public async ValueTask<Immutable<LedgerReply>> TransferManyAsync(Immutable<LedgerCall> call)
    {
        if (await OwnerAsync() is { } owner) return Kept(await owner.ExecuteAsync(call.Value));
        var results = new LedgerResult[call.Value.Commands.Length];
        Array.Fill(results, NoBook());
        return new Immutable<LedgerReply>(new LedgerReply(results));
    }

    public async ValueTask<Immutable<LedgerDocument>> ReadAsync(LedgerRead read, PolicySubject? subject, long policyVersion) =>
        await OwnerAsync() is { } owner ? Kept(await owner.ReadAsync(read, subject, policyVersion)) : new Immutable<LedgerDocument>(new LedgerDocument(TwinStatus.NotFound, 0, [], NoBook().Problem));

    public async ValueTask<LedgerBalance?> BalanceAsync(string account, string asset, PolicySubject? subject, long policyVersion) =>
        await OwnerAsync() is { } owner ? await owner.BalanceAsync(account, asset, subject, policyVersion) : null;

    public async ValueTask<LedgerResult> AdmitAsync(AdmitTicket admission, PolicySubject? subject, long policyVersion) =>
        await OwnerAsync() is { } owner ? Kept(await owner.ExecuteAsync(new LedgerCall([admission], subject, policyVersion))).Value.Results[0] : NoBook();

    /// <summary>The owner, from the first call after the book was made on, and then for good; null for a name that is no book's, whose activation is collected when idle.</summary>
    private async ValueTask<LedgerOwner?> OwnerAsync()
    {
        if (_owner is not null) return _owner;
        var name = this.GetPrimaryKeyString();
        if (!LedgerBounds.IsBook(name) || !await GrainFactory.GetGrain<ILedgerDirectoryGrain>(0).HasAsync(name)) return null;
        if (_owner is not null) return _owner; // another call was first
        _owner = new LedgerOwner(name, options, journals, policies, turn, clock, log);
        _timer = this.RegisterGrainTimer(_ => _owner.TickAsync().AsTask(), new GrainTimerCreationOptions { DueTime = TickPeriod, Period = TickPeriod, Interleave = true });
        DelayDeactivation(TimeSpan.MaxValue);
        return _owner;
    }

    private LedgerResult NoBook() => LedgerResult.Refused(TwinStatus.NotFound, "BookNotFound", $"There is no book '{this.GetPrimaryKeyString()}'; an administrator makes one with PUT /ledger/BOOK.", "book");

    private Immutable<T> Kept<T>(T answer)
    {
        if (_owner!.IsFenced) DeactivateOnIdle(); // another silo owns the book now; the next call finds it there
        return new Immutable<T>(answer);
    }
}
