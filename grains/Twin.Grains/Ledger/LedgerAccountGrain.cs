using Orleans;
using Orleans.Concurrency;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Grains.Ledger;

/// <summary>An account's face: names itself in its owner's commands and passes them to the book, which decides.</summary>
[Reentrant]
internal sealed class LedgerAccountGrain(IPolicyStore policies) : Grain, ILedgerAccountGrain
{
    private string _account = "";
    private ILedgerBookGrain _book = null!;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = this.GetPrimaryKeyString();
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !LedgerBounds.IsBook(key[..slash]) || !LedgerBounds.IsId(key[(slash + 1)..])) throw new ArgumentException($"'{key}' must be BOOK/ACCOUNT.");
        (_book, _account) = (GrainFactory.GetGrain<ILedgerBookGrain>(key[..slash]), key[(slash + 1)..]);
        return Task.CompletedTask;
    }

    public ValueTask<Immutable<LedgerDocument>> GetAsync(PolicySubject? subject) => _book.ReadAsync(new LedgerRead(LedgerView.Account, _account), subject, policies.Current.Version);

    public ValueTask<LedgerBalance?> BalanceAsync(string asset, PolicySubject? subject) => _book.BalanceAsync(_account, asset, subject, policies.Current.Version);

    public ValueTask<Immutable<LedgerDocument>> StatementAsync(string? after, int top, PolicySubject? subject) =>
        _book.ReadAsync(new LedgerRead(LedgerView.Statement, _account, null, after, top), subject, policies.Current.Version);

    public ValueTask<Immutable<LedgerDocument>> ItemsAsync(string? after, int top, PolicySubject? subject) =>
        _book.ReadAsync(new LedgerRead(LedgerView.Items, _account, null, after, top), subject, policies.Current.Version);

    public ValueTask<LedgerResult> TransferAsync(LedgerKey key, string to, string asset, LedgerAmount amount, string? item, PolicySubject? subject) =>
        RunAsync(new PostTransfer(key, [new LedgerLeg(_account, to, asset, amount, item)]), subject);

    public ValueTask<LedgerResult> HoldAsync(LedgerKey key, string to, string asset, LedgerAmount amount, string? item, WallTime expires, PolicySubject? subject) =>
        RunAsync(new PlaceHold(key, new LedgerLeg(_account, to, asset, amount, item), expires), subject);

    public ValueTask<LedgerResult> CaptureAsync(LedgerKey key, long hold, LedgerAmount? amount, PolicySubject? subject) => RunAsync(new CaptureHold(key, hold, amount), subject);

    public ValueTask<LedgerResult> ReleaseAsync(LedgerKey key, long hold, PolicySubject? subject) => RunAsync(new ReleaseHold(key, hold), subject);

    private async ValueTask<LedgerResult> RunAsync(LedgerCommand command, PolicySubject? subject)
    {
        var reply = await _book.TransferManyAsync(new Immutable<LedgerCall>(new LedgerCall([command], subject, policies.Current.Version)));
        return reply.Value.Results[0];
    }
}
