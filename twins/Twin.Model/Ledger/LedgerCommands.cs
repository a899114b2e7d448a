namespace Twin.Model.Ledger;

/// <summary>What an account may do.</summary>
public enum LedgerAccountKind : byte
{
    /// <summary>Holds assets; never negative.</summary>
    Ordinary = 0,
    /// <summary>Issues assets: negative by what it has issued, so that the sum over all accounts is zero.</summary>
    Issuing = 1,
}

/// <summary>What kind of thing an asset is.</summary>
public enum LedgerAssetKind : byte
{
    /// <summary>One unit is like another: money, points.</summary>
    Fungible = 0,
    /// <summary>A class of single things, each with its id and one owner: tickets, belongings. Its scale is 0.</summary>
    Unique = 1,
}

/// <summary>Kinds as documents write them.</summary>
public static class LedgerKinds
{
    /// <summary><c>ordinary</c> or <c>issuing</c>.</summary>
    public static string ToText(this LedgerAccountKind kind) => kind == LedgerAccountKind.Issuing ? "issuing" : "ordinary";

    /// <summary><c>fungible</c> or <c>unique</c>.</summary>
    public static string ToText(this LedgerAssetKind kind) => kind == LedgerAssetKind.Unique ? "unique" : "fungible";
}

/// <summary>Something a book is asked to do. Immutable.</summary>
public abstract record LedgerCommand;

/// <summary>A command that is done at most once under its key.</summary>
/// <param name="Key">The client's.</param>
public abstract record KeyedCommand(LedgerKey Key) : LedgerCommand;

/// <summary>Opens an account; the same again changes nothing, another under the id is refused.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Kind">What it may do.</param>
/// <param name="Owner">The subject who may read it and pay from it (<c>key:anna</c>); null for nobody but administrators and those whom a policy names.</param>
public sealed record OpenAccount(string Id, LedgerAccountKind Kind, string? Owner) : LedgerCommand;

/// <summary>Defines an asset; the same again changes nothing, another under the id is refused.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Kind">Fungible or unique.</param>
/// <param name="Scale">Decimals, 0 to 18; 0 for unique ones.</param>
/// <param name="Issuer">The issuing account: the only one that may be negative in it.</param>
public sealed record DefineAsset(string Id, LedgerAssetKind Kind, byte Scale, string Issuer) : LedgerCommand;

/// <summary>One movement from an account to another.</summary>
/// <param name="From">Pays.</param>
/// <param name="To">Receives.</param>
/// <param name="Asset">Of what.</param>
/// <param name="Amount">How much, above zero; one for an item.</param>
/// <param name="Item">Which, of a unique asset; else null.</param>
public readonly record struct LedgerLeg(string From, string To, string Asset, LedgerAmount Amount, string? Item = null);

/// <summary>All legs or none, in order: no account is negative after any leg.</summary>
/// <param name="Key">The client's.</param>
/// <param name="Legs">1 to <see cref="LedgerBounds.MostLegs"/>.</param>
public sealed record PostTransfer(LedgerKey Key, LedgerLeg[] Legs) : KeyedCommand(Key);

/// <summary>Makes unique items and gives them to an account.</summary>
/// <param name="Key">The client's.</param>
/// <param name="Asset">The unique asset.</param>
/// <param name="To">Who gets them.</param>
/// <param name="Items">New ids within the asset, 1 to <see cref="LedgerBounds.MostLegs"/>.</param>
public sealed record IssueItems(LedgerKey Key, string Asset, string To, string[] Items) : KeyedCommand(Key);

/// <summary>Sets an amount or an item aside for another account until it is captured, released or expired. Its id is the entry's number.</summary>
/// <param name="Key">The client's.</param>
/// <param name="Leg">From whom, to whom it may be captured, what.</param>
/// <param name="Expires">From this time on it is free again.</param>
public sealed record PlaceHold(LedgerKey Key, LedgerLeg Leg, WallTime Expires) : KeyedCommand(Key);

/// <summary>Pays what is held, or a part of it, to whom it is held for; the rest is free again.</summary>
/// <param name="Key">The client's.</param>
/// <param name="Hold">Which.</param>
/// <param name="Amount">How much; null for all.</param>
public sealed record CaptureHold(LedgerKey Key, long Hold, LedgerAmount? Amount) : KeyedCommand(Key);

/// <summary>Gives back what is held.</summary>
/// <param name="Key">The client's.</param>
/// <param name="Hold">Which.</param>
public sealed record ReleaseHold(LedgerKey Key, long Hold) : KeyedCommand(Key);

/// <summary>Marks a ticket as used, once, when the holder owns it.</summary>
/// <param name="Key">The gate's, for this visitor.</param>
/// <param name="Asset">The class of tickets.</param>
/// <param name="Item">The ticket.</param>
/// <param name="Gate">Where.</param>
/// <param name="Holder">The account that shows it.</param>
public sealed record AdmitTicket(LedgerKey Key, string Asset, string Item, string Gate, string Holder) : KeyedCommand(Key);

/// <summary>The book's own entry: a hold's time is over.</summary>
/// <param name="Hold">Which.</param>
public sealed record ExpireHold(long Hold) : LedgerCommand;

/// <summary>How a command ended.</summary>
/// <param name="Status">Ok, or why not.</param>
/// <param name="Number">The entry's number in its book, from 1 without gaps; 0 when refused. Of a repeat, the first one's.</param>
/// <param name="Time">The book's time of the entry. Of a repeat, the first one's.</param>
/// <param name="Problem">Why not; null when done.</param>
/// <param name="IsRepeat">True when it had been done before and nothing changed now.</param>
public readonly record struct LedgerResult(TwinStatus Status, long Number, WallTime Time, Problem? Problem = null, bool IsRepeat = false)
{
    /// <summary>True when an issuing account paid: an administrative act.</summary>
    public bool IsIssue { get; init; }

    /// <summary>True when it is done.</summary>
    public bool IsDone => Status <= TwinStatus.Created;

    /// <summary>A refusal.</summary>
    public static LedgerResult Refused(TwinStatus status, string code, string detail, string? where = null) => new(status, 0, WallTime.None, new Problem(code, detail, where));
}

/// <summary>What is to be read of a book.</summary>
public enum LedgerView : byte
{
    /// <summary>The book's counts.</summary>
    Book,
    /// <summary>All assets.</summary>
    Assets,
    /// <summary>One account: <see cref="LedgerRead.Id"/>.</summary>
    Account,
    /// <summary>Accounts in the order they were opened, by page.</summary>
    Accounts,
    /// <summary>The items of account <see cref="LedgerRead.Id"/>, the last received first, by page.</summary>
    Items,
    /// <summary>The statement of account <see cref="LedgerRead.Id"/>, newest first, by page.</summary>
    Statement,
    /// <summary>The hold with number <see cref="LedgerRead.Id"/>.</summary>
    Hold,
    /// <summary>Item <see cref="LedgerRead.Item"/> of asset <see cref="LedgerRead.Id"/>.</summary>
    Ticket,
    /// <summary>A walk over everything that adds it all up anew.</summary>
    Audit,
}

/// <summary>A question to a book.</summary>
/// <param name="View">What.</param>
/// <param name="Id">Of which; empty where the view needs none.</param>
/// <param name="Item">The item; else null.</param>
/// <param name="After">Continuation from the page before; null for the first.</param>
/// <param name="Top">Rows of a page, 1 to 1,000.</param>
public readonly record struct LedgerRead(LedgerView View, string Id = "", string? Item = null, string? After = null, int Top = 100);
