using Twin.Accounts;

namespace Twin.Grains.Ledger;

/// <summary>How the books of a silo behave. Immutable.</summary>
public sealed record LedgerGrainOptions
{
    /// <summary>Bounds of each book.</summary>
    public LedgerBookOptions Book { get; init; } = new();

    /// <summary>Entries after which a snapshot is written; a larger book waits for a quarter of its rows (accounts, balances, items, keys, statement lines).</summary>
    public int SnapshotEvery { get; init; } = 200_000;

    /// <summary>Entries of journal kept behind a snapshot.</summary>
    public long JournalKept { get; init; } = 1_000_000;

    /// <summary>Bytes that may wait for the journal before callers are refused.</summary>
    public int MostPendingBytes { get; init; } = 32 << 20;

    /// <summary>Books of a cluster.</summary>
    public int MostBooks { get; init; } = 1_000;

    /// <summary>The journal's name of a book; no branch of twins is called so.</summary>
    internal static string BranchOf(string book) => "ledger_" + book;
}
