using Orleans;
using Orleans.Concurrency;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Grains;

/// <summary>Commands for one book, from one caller. Each is done or refused by itself, in order.</summary>
/// <param name="Commands">At most <see cref="LedgerBounds.MostInABatch"/>.</param>
/// <param name="Subject">Who asks; null is the process itself or an administrator.</param>
/// <param name="PolicyVersion">The policies the caller knows; an owner that knows less refreshes first.</param>
[Immutable]
public sealed record LedgerCall(LedgerCommand[] Commands, PolicySubject? Subject, long PolicyVersion);

/// <summary>One result a command, in order.</summary>
[Immutable]
public sealed record LedgerReply(LedgerResult[] Results);

/// <summary>What was read, UTF-8 JSON, as of the book's entry <paramref name="Number"/>; or why not.</summary>
[GenerateSerializer, Immutable]
public sealed record LedgerDocument([property: Id(0)] TwinStatus Status, [property: Id(1)] long Number, [property: Id(2)] byte[] Json, [property: Id(3)] Problem? Problem);

/// <summary>An account's balance of one asset, and how much of it is held.</summary>
[GenerateSerializer, Immutable]
public sealed record LedgerBalance([property: Id(0)] LedgerAmount Balance, [property: Id(1)] LedgerAmount Held);

/// <summary>
/// Owns one book: accounts, assets, holds, tickets, its journal. Keyed by the book's name. What is answered as done is in the journal; many callers
/// share one write. Books do not know each other: a transfer between two is a hold in the one, captured when the other's transfer is done.
/// </summary>
public interface ILedgerBookGrain : IGrainWithStringKey
{
    /// <summary>Does commands, all of one batch in one journal write.</summary>
    ValueTask<Immutable<LedgerReply>> TransferManyAsync(Immutable<LedgerCall> call);

    /// <summary>Reads; nothing is shown that the journal does not have.</summary>
    ValueTask<Immutable<LedgerDocument>> ReadAsync(LedgerRead read, PolicySubject? subject, long policyVersion);

    /// <summary>A balance; null where account or asset is not known or the subject may not read it.</summary>
    ValueTask<LedgerBalance?> BalanceAsync(string account, string asset, PolicySubject? subject, long policyVersion);

    /// <summary>Marks a ticket as used when the holder has it and it was not; see <see cref="AdmitTicket"/>.</summary>
    ValueTask<LedgerResult> AdmitAsync(AdmitTicket admission, PolicySubject? subject, long policyVersion);
}

/// <summary>One account, keyed <c>BOOK/ACCOUNT</c>: what its owner does with it. Holds no state; the book checks the right and keeps it.</summary>
public interface ILedgerAccountGrain : IGrainWithStringKey
{
    /// <summary>The account with its balances.</summary>
    ValueTask<Immutable<LedgerDocument>> GetAsync(PolicySubject? subject);

    /// <summary>Its balance of an asset; null where it is not known or not to be read.</summary>
    ValueTask<LedgerBalance?> BalanceAsync(string asset, PolicySubject? subject);

    /// <summary>Its statement, newest first, by page.</summary>
    ValueTask<Immutable<LedgerDocument>> StatementAsync(string? after, int top, PolicySubject? subject);

    /// <summary>Its tickets and belongings, the last received first, by page.</summary>
    ValueTask<Immutable<LedgerDocument>> ItemsAsync(string? after, int top, PolicySubject? subject);

    /// <summary>Pays; with <paramref name="item"/> that item of a unique asset.</summary>
    ValueTask<LedgerResult> TransferAsync(LedgerKey key, string to, string asset, LedgerAmount amount, string? item, PolicySubject? subject);

    /// <summary>Sets aside for another; the result's number is the hold's id.</summary>
    ValueTask<LedgerResult> HoldAsync(LedgerKey key, string to, string asset, LedgerAmount amount, string? item, WallTime expires, PolicySubject? subject);

    /// <summary>Takes what a hold keeps for this account, or for another the subject may act for; null takes all.</summary>
    ValueTask<LedgerResult> CaptureAsync(LedgerKey key, long hold, LedgerAmount? amount, PolicySubject? subject);

    /// <summary>Gives back what a hold keeps for this account, or for another the subject may act for.</summary>
    ValueTask<LedgerResult> ReleaseAsync(LedgerKey key, long hold, PolicySubject? subject);
}

/// <summary>Keeps the names of a cluster's books. One, keyed 0. Durable in the Orleans store.</summary>
public interface ILedgerDirectoryGrain : IGrainWithIntegerKey
{
    /// <summary>Takes a book in, for a subject that may administer it; Created, or Ok when it was there.</summary>
    ValueTask<CommandResult> AddAsync(string book, PolicySubject? subject, long policyVersion);

    /// <summary>True when there is such a book.</summary>
    ValueTask<bool> HasAsync(string book);

    /// <summary>All names, in order.</summary>
    ValueTask<string[]> ListAsync();
}

/// <summary>
/// What carries transfers, whatever it is: a book here, later a chain. Small on purpose: the same transfers with the same keys can be posted to either,
/// and the same key is done once on each. Thread-safe.
/// </summary>
public interface ILedgerRail
{
    /// <summary>Posts transfers, each done once under its key or refused by itself; a result that is done is durable.</summary>
    /// <param name="transfers">At most <see cref="LedgerBounds.MostInABatch"/>.</param>
    /// <param name="cancellationToken">Gives the waiting up; what was sent may still be done, and the same keys tell.</param>
    ValueTask<LedgerResult[]> PostAsync(IReadOnlyList<PostTransfer> transfers, CancellationToken cancellationToken = default);

    /// <summary>What an account has of an asset; null when either is not known.</summary>
    ValueTask<LedgerBalance?> BalanceAsync(string account, string asset, CancellationToken cancellationToken = default);
}
