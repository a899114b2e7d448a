using Orleans;
using Orleans.Concurrency;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Grains;

/// <summary>A book as a rail, for one subject. Thread-safe.</summary>
/// <param name="grains">The cluster.</param>
/// <param name="policies">For the version that the owner must know.</param>
/// <param name="book">The book's name.</param>
/// <param name="subject">Who posts; null is the process itself or an administrator.</param>
public sealed class BookRail(IGrainFactory grains, IPolicyStore policies, string book, PolicySubject? subject) : ILedgerRail
{
    private readonly ILedgerBookGrain _book = grains.GetGrain<ILedgerBookGrain>(book);

    /// <inheritdoc/>
    public async ValueTask<LedgerResult[]> PostAsync(IReadOnlyList<PostTransfer> transfers, CancellationToken cancellationToken = default)
    {
        LedgerCommand[] commands = [.. transfers];
        var reply = await _book.TransferManyAsync(new Immutable<LedgerCall>(new LedgerCall(commands, subject, policies.Current.Version))).AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
        return reply.Value.Results;
    }

    /// <inheritdoc/>
    public async ValueTask<LedgerBalance?> BalanceAsync(string account, string asset, CancellationToken cancellationToken = default) =>
        await _book.BalanceAsync(account, asset, subject, policies.Current.Version).AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
}
