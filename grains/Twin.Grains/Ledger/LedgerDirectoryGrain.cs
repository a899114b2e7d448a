using Orleans;
using Orleans.Runtime;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Grains.Ledger;

/// <summary>What the directory of books keeps: names in ordinal order.</summary>
[GenerateSerializer]
internal sealed class LedgerDirectoryState
{
    [Id(0)] public List<string> Books { get; set; } = [];
}

/// <summary>Owns the names of the books: who may, persists, answers.</summary>
internal sealed class LedgerDirectoryGrain([PersistentState("ledgers", "twins")] IPersistentState<LedgerDirectoryState> state, LedgerGrainOptions options, IPolicyStore policies) : Grain, ILedgerDirectoryGrain
{
    public async ValueTask<CommandResult> AddAsync(string book, PolicySubject? subject, long policyVersion)
    {
        if (!LedgerBounds.IsBook(book)) return new CommandResult(TwinStatus.Invalid, 0, new Problem("BookInvalid", $"A book's name is 1 to {LedgerBounds.BookLength} small letters, digits and '-'.", "book"));
        if (policyVersion > policies.Current.Version) await policies.RefreshAsync();
        if (subject is not null && !policies.Current.For(subject).Decide(Permissions.Administer, ResourceKind.Ledger, book).IsAllowed)
            return new CommandResult(TwinStatus.Forbidden, 0, new Problem("NotAllowed", $"This needs the permission 'administer' on ledger:{book}.", $"ledger:{book}"));
        var books = state.State.Books;
        var at = books.BinarySearch(book, StringComparer.Ordinal);
        if (at >= 0) return new CommandResult(TwinStatus.Ok, 0);
        if (books.Count >= options.MostBooks) return new CommandResult(TwinStatus.TooMuch, 0, new Problem("LedgerFull", $"There are {books.Count} books, the most that are taken.", "book"));
        books.Insert(~at, book);
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            books.Remove(book); // not told, so not there
            throw;
        }

        return new CommandResult(TwinStatus.Created, 0);
    }

    public ValueTask<bool> HasAsync(string book) => new(state.State.Books.BinarySearch(book, StringComparer.Ordinal) >= 0);

    public ValueTask<string[]> ListAsync() => new(state.State.Books.ToArray());
}
