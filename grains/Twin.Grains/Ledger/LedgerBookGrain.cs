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
[KeepAlive]
internal sealed class LedgerBookGrain(LedgerGrainOptions options, IJournalStore journals, IPolicyStore policies, SnapshotTurn turn, TimeProvider clock, ILogger<LedgerBookGrain> log) : Grain, ILedgerBookGrain
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    private LedgerOwner? _owner;
    private IDisposable? _timer;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var name = this.GetPrimaryKeyString();
        if (!LedgerBounds.IsBook(name) || !await GrainFactory.GetGrain<ILedgerDirectoryGrain>(0).HasAsync(name))
        {
            DeactivateOnIdle(); // it may be made later
            return;
        }

        _owner = new LedgerOwner(name, options, journals, policies, turn, clock, log);
        _timer = this.RegisterGrainTimer(_ => _owner.TickAsync().AsTask(), new GrainTimerCreationOptions { DueTime = TickPeriod, Period = TickPeriod, Interleave = true });
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        if (_owner is not null) await _owner.DisposeAsync();
    }

    public async ValueTask<Immutable<LedgerReply>> TransferManyAsync(Immutable<LedgerCall> call)
    {
        if (_owner is null)
        {
            var results = new LedgerResult[call.Value.Commands.Length];
            Array.Fill(results, NoBook());
            return new Immutable<LedgerReply>(new LedgerReply(results));
        }

        return Kept(await _owner.ExecuteAsync(call.Value));
    }

    public async ValueTask<Immutable<LedgerDocument>> ReadAsync(LedgerRead read, PolicySubject? subject, long policyVersion) =>
        _owner is null ? new Immutable<LedgerDocument>(new LedgerDocument(TwinStatus.NotFound, 0, [], NoBook().Problem)) : Kept(await _owner.ReadAsync(read, subject, policyVersion));

    public async ValueTask<LedgerBalance?> BalanceAsync(string account, string asset, PolicySubject? subject, long policyVersion) =>
        _owner is null ? null : await _owner.BalanceAsync(account, asset, subject, policyVersion);

    public async ValueTask<LedgerResult> AdmitAsync(AdmitTicket admission, PolicySubject? subject, long policyVersion) =>
        _owner is null ? NoBook() : Kept(await _owner.ExecuteAsync(new LedgerCall([admission], subject, policyVersion))).Value.Results[0];

    private LedgerResult NoBook() => LedgerResult.Refused(TwinStatus.NotFound, "BookNotFound", $"There is no book '{this.GetPrimaryKeyString()}'; an administrator makes one with PUT /ledger/BOOK.", "book");

    private Immutable<T> Kept<T>(T answer)
    {
        if (_owner!.IsFenced) DeactivateOnIdle(); // another silo owns the book now; the next call finds it there
        return new Immutable<T>(answer);
    }
}
