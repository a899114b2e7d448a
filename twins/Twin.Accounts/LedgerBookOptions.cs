namespace Twin.Accounts;

/// <summary>Bounds of one book. Immutable; the same for every silo of a cluster, because what a journal holds was taken under them.</summary>
public sealed record LedgerBookOptions
{
    /// <summary>Accounts.</summary>
    public int MostAccounts { get; init; } = 5_000_000;

    /// <summary>Assets.</summary>
    public int MostAssets { get; init; } = 10_000;

    /// <summary>Unique items of all assets.</summary>
    public int MostItems { get; init; } = 5_000_000;

    /// <summary>Holds that stand at once.</summary>
    public int MostHolds { get; init; } = 1_000_000;

    /// <summary>Keys remembered, about 110 bytes each; beyond it the oldest is forgotten, and keys as old as it are refused.</summary>
    public int MostKeys { get; init; } = 1_000_000;

    /// <summary>How long a key is taken after its time.</summary>
    public TimeSpan KeyWindow { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How far a key's time may lie ahead of the book's clock. Less than the time in which <see cref="MostKeys"/> can come (10 s at 100,000 a second): a
    /// forgotten key moves the oldest time that is taken up to its own, which must not be ahead of everybody else's clock.
    /// </summary>
    public TimeSpan FutureSkew { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Statement lines kept for all accounts together, about 100 bytes each; older ones are dropped from statements, not from balances.</summary>
    public int PostingsKept { get; init; } = 1_000_000;
}
