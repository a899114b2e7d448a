using System.Buffers;

namespace Twin.Model.Ledger;

/// <summary>What a ledger takes. A book refuses what is beyond with the bound in its words.</summary>
public static class LedgerBounds
{
    /// <summary>Most legs of one transfer, and most items issued at once.</summary>
    public const int MostLegs = 100;

    /// <summary>Most transfers of one batch.</summary>
    public const int MostInABatch = 1_000;

    /// <summary>Most characters of an account's, asset's or item's id and of a gate's name.</summary>
    public const int IdLength = 64;

    /// <summary>Most characters of a book's name.</summary>
    public const int BookLength = 48;

    /// <summary>Most characters of an account's owner (<c>key:NAME</c>, <c>jwt:SUB</c>).</summary>
    public const int OwnerLength = 256;

    /// <summary>Longest a hold may stand.</summary>
    public static readonly TimeSpan LongestHold = TimeSpan.FromDays(400);

    private static readonly SearchValues<char> IdCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:");
    private static readonly SearchValues<char> BookCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>True for an account's, asset's or item's id: 1 to 64 letters, digits and <c>- _ . :</c>.</summary>
    public static bool IsId(string? id) => id is { Length: > 0 and <= IdLength } && !id.AsSpan().ContainsAnyExcept(IdCharacters);

    /// <summary>True for a book's name: 1 to 48 small letters, digits and <c>-</c>. It is part of a folder's name.</summary>
    public static bool IsBook(string? name) => name is { Length: > 0 and <= BookLength } && !name.AsSpan().ContainsAnyExcept(BookCharacters);
}
