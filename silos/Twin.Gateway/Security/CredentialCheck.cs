using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Twin.Gateway.Security;

/// <summary>Turns a key or a token into a caller, for every door. Thread-safe. Checked tokens are remembered until they expire, at most 10,000.</summary>
public sealed class CredentialCheck
{
    private const int MostRemembered = 10_000;

    private readonly FrozenDictionary<string, Caller> _byKeyHash;
    private readonly TokenValidationParameters? _jwt;
    private readonly JsonWebTokenHandler _handler = new();
    private readonly ConcurrentDictionary<string, (Caller Caller, DateTimeOffset Expires)> _remembered = new(StringComparer.Ordinal);
    private readonly TimeProvider _clock;

    /// <summary>Builds the check from what is configured.</summary>
    public CredentialCheck(AuthOptions options, TimeProvider clock)
    {
        _clock = clock;
        _byKeyHash = options.Keys.ToFrozenDictionary(k => k.Sha256, k => new Caller(k.Name, k.Rights) { SubjectName = "key:" + k.Name, Roles = RolesOf(k.Rights) }, StringComparer.Ordinal);
        if (options.JwtIssuer is null) return;
        _jwt = new TokenValidationParameters
        {
            ValidIssuer = options.JwtIssuer, ValidAudience = options.JwtAudience, IssuerSigningKey = KeyOf(options),
            ValidAlgorithms = options.JwtSecret is null ? ["RS256", "ES256"] : ["HS256"], ClockSkew = TimeSpan.FromSeconds(30), RequireExpirationTime = true,
            LifetimeValidator = (notBefore, expires, _, p) => expires is { } end && _clock.GetUtcNow().UtcDateTime < end + p.ClockSkew && (notBefore is null || _clock.GetUtcNow().UtcDateTime + p.ClockSkew >= notBefore),
        };
    }

    /// <summary>The caller with a configured key of that subject name (<c>key:alice</c>); null when there is none.</summary>
    public Caller? FindByName(string subjectName) => _byKeyHash.Values.FirstOrDefault(c => c.SubjectName == subjectName);

    private static string[] RolesOf(Permission rights) =>
        [.. new[] { (Permission.Read, "read"), (Permission.Write, "write"), (Permission.Command, "command"), (Permission.Administer, "admin") }.Where(r => (rights & r.Item1) != 0).Select(r => r.Item2)];

    private static SecurityKey KeyOf(AuthOptions options)
    {
        if (options.JwtSecret is { } secret) return new SymmetricSecurityKey(Encoding.UTF8.GetBytes(secret));
        var pem = options.JwtPublicKeyPem!;
        try
        {
            var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return new RsaSecurityKey(rsa);
        }
        catch (Exception fault) when (fault is ArgumentException or CryptographicException)
        {
            var curve = ECDsa.Create();
            curve.ImportFromPem(pem);
            return new ECDsaSecurityKey(curve);
        }
    }

    /// <summary>The caller behind an API key; null when there is none. The hash is what is compared, so time tells nothing of the key.</summary>
    public Caller? FindByKey(ReadOnlySpan<char> key)
    {
        if (key.Length is 0 or > 512) return null;
        Span<byte> utf8 = stackalloc byte[key.Length * 3];
        var length = Encoding.UTF8.GetBytes(key, utf8);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(utf8[..length], hash);
        return _byKeyHash.GetValueOrDefault(Convert.ToHexString(hash));
    }

    /// <summary>The caller behind a JWT; null when it does not hold. Rights come from the <c>roles</c> claim, the name from <c>sub</c>.</summary>
    public async ValueTask<Caller?> FindByTokenAsync(string token)
    {
        if (_jwt is null || token.Length is 0 or > 16_384) return null;
        if (_remembered.TryGetValue(token, out var known))
        {
            if (_clock.GetUtcNow() < known.Expires) return known.Caller;
            _remembered.TryRemove(token, out _);
        }

        var result = await _handler.ValidateTokenAsync(token, _jwt).ConfigureAwait(false);
        if (!result.IsValid || result.SecurityToken is not JsonWebToken jwt || jwt.Subject is not { Length: > 0 } subject) return null;
        var rights = Permission.None;
        var roles = new List<string>();
        foreach (var claim in jwt.Claims.Where(c => c.Type is "roles" or "role"))
        {
            roles.Add(claim.Value);
            try
            {
                rights |= AuthOptions.RightOf(claim.Value, "roles");
            }
            catch (FormatException)
            {
                // Roles of other systems mean something to policies only.
            }
        }

        var caller = new Caller("jwt:" + subject, rights) { Roles = roles };
        if (_remembered.Count >= MostRemembered) _remembered.Clear();
        _remembered[token] = (caller, new DateTimeOffset(jwt.ValidTo, TimeSpan.Zero));
        return caller;
    }
}
