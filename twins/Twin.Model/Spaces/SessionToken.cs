using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Twin.Model.Spaces;

/// <summary>What lets one into a space: who, as what, until when. Signed with a secret of the cluster (HMAC-SHA256, RFC 2104), so any silo can check it without asking.</summary>
/// <param name="Space">Which space.</param>
/// <param name="Avatar">The avatar's number in it, 0 to 2^24 - 1.</param>
/// <param name="User">Whose.</param>
/// <param name="Name">Shown to others, at most 64 characters.</param>
/// <param name="Appearance">Which figure, at most 64 characters.</param>
/// <param name="Roles">Bits: 1 host, 2 moderator, 4 speaker.</param>
/// <param name="Expires">Until when a socket may be opened with it.</param>
/// <param name="View">The view of a recording that it opens, instead of the space; null for the space.</param>
public sealed record SessionToken(string Space, int Avatar, string User, string Name, string Appearance, int Roles, DateTimeOffset Expires, string? View = null)
{
    /// <summary>When the owner admitted its user. A seat is kept 60 s for who has not come yet; later the token alone brings nobody in, only back.</summary>
    public DateTimeOffset Issued { get; init; }

    /// <summary>Characters of a token at most.</summary>
    public const int MostCharacters = 4_096;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The token's text: base64url of the JSON, a dot, base64url of its signature.</summary>
    /// <param name="secret">At least 32 bytes.</param>
    public string Sign(ReadOnlySpan<byte> secret)
    {
        var body = Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(this, Options));
        var text = $"{body}.{Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(body)))}";
        return text.Length <= MostCharacters ? text : throw new ArgumentException($"The token would have {text.Length} characters; at most {MostCharacters} are read.", nameof(secret));
    }

    /// <summary>Checks and reads a token; the comparison takes the same time whatever is wrong.</summary>
    /// <param name="text">ASCII.</param>
    /// <param name="secrets">The present secret, then those before it that still hold.</param>
    /// <param name="now">The time.</param>
    /// <param name="token">What it says.</param>
    /// <param name="why">Why it is refused; never tells the secret or the expected signature.</param>
    public static bool TryRead(ReadOnlySpan<byte> text, IReadOnlyList<byte[]> secrets, DateTimeOffset now, out SessionToken? token, out string? why)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        (token, why) = (null, "The token is malformed.");
        var dot = text.LastIndexOf((byte)'.');
        if (dot <= 0 || text.Length > MostCharacters) return false;
        Span<byte> given = stackalloc byte[48];
        if (Base64Url.DecodeFromUtf8(text[(dot + 1)..], given, out _, out var length) != System.Buffers.OperationStatus.Done || length != HMACSHA256.HashSizeInBytes) return false;
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var isSigned = false;
        foreach (var secret in secrets)
        {
            HMACSHA256.HashData(secret, text[..dot], expected);
            isSigned |= CryptographicOperations.FixedTimeEquals(expected, given[..length]);
        }

        why = "The token's signature does not hold.";
        if (!isSigned) return false;
        token = JsonSerializer.Deserialize<SessionToken>(Base64Url.DecodeFromUtf8(text[..dot]), Options);
        why = token is null ? "The token is empty." : token.Expires <= now ? $"The token expired at {token.Expires:O}." : null;
        if (why is null) return true;
        token = null;
        return false;
    }
}
