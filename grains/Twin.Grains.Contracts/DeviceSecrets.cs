using System.Security.Cryptography;

namespace Twin.Grains;

/// <summary>Device secrets: made at registration, shown once, kept as salted PBKDF2-HMAC-SHA-256 only.</summary>
public static class DeviceSecrets
{
    // 10,000 rounds, not OWASP's 600,000: a secret made here has 192 random bits, so the rounds guard nothing that guessing could reach,
    // and thousands of devices may reconnect at once.
    private const int Rounds = 10_000;
    private const int SaltBytes = 16;
    private const int HashBytes = 32;

    /// <summary>A new secret: 32 URL-safe characters.</summary>
    public static string Create() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(24)).Replace('+', '-').Replace('/', '_');

    /// <summary>What is kept of a secret: <c>v1:rounds:salt:hash</c>.</summary>
    public static string Hash(string secret)
    {
        ArgumentException.ThrowIfNullOrEmpty(secret);
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        var hash = Rfc2898DeriveBytes.Pbkdf2(secret, salt, Rounds, HashAlgorithmName.SHA256, HashBytes);
        return FormattableString.Invariant($"v1:{Rounds}:{Convert.ToBase64String(salt)}:{Convert.ToBase64String(hash)}");
    }

    /// <summary>True when the secret is the one; takes the same time whether it is or not.</summary>
    public static bool Verify(string secret, string kept)
    {
        var parts = kept.Split(':');
        if (parts is not ["v1", var rounds, var salt, var hash] || !int.TryParse(rounds, System.Globalization.CultureInfo.InvariantCulture, out var count)) return false;
        var expected = Convert.FromBase64String(hash);
        var actual = Rfc2898DeriveBytes.Pbkdf2(secret ?? "", Convert.FromBase64String(salt), count, HashAlgorithmName.SHA256, expected.Length);
        return CryptographicOperations.FixedTimeEquals(expected, actual);
    }
}
