using Microsoft.Extensions.Configuration;

namespace Twin.Gateway.Security;

/// <summary>One API key as configured: its hash, never the key.</summary>
/// <param name="Name">Name of the client.</param>
/// <param name="Sha256">SHA-256 of the key's UTF-8 bytes, 64 hex digits.</param>
/// <param name="Rights">What it may do.</param>
public sealed record ApiKey(string Name, string Sha256, Permission Rights);

/// <summary>Section <c>Twin:Auth</c>: <c>Keys:[{Name,Sha256,Roles:[read|write|command|admin]}]</c>, <c>Jwt:{Issuer,Audience,Secret|PublicKeyPem}</c>.</summary>
public sealed record AuthOptions
{
    /// <summary>The keys, at most 10,000.</summary>
    public IReadOnlyList<ApiKey> Keys { get; init; } = [];

    /// <summary>Expected issuer of tokens; null accepts none.</summary>
    public string? JwtIssuer { get; init; }

    /// <summary>Expected audience.</summary>
    public string JwtAudience { get; init; } = "twin";

    /// <summary>HS256 secret, at least 32 bytes; null when tokens are signed with a private key.</summary>
    public string? JwtSecret { get; init; }

    /// <summary>RSA or EC public key in PEM, for RS256 and ES256.</summary>
    public string? JwtPublicKeyPem { get; init; }

    /// <summary>True when callers must show something.</summary>
    public bool IsRequired => Keys.Count > 0 || JwtIssuer is not null;

    /// <summary>Reads and checks the section.</summary>
    /// <exception cref="FormatException">A value is wrong; the message names it.</exception>
    public static AuthOptions From(IConfiguration configuration)
    {
        var section = configuration.GetSection("Twin:auth");
        var keys = section.GetSection("keys").GetChildren().Select(ReadKey).ToArray();
        if (keys.Length > 10_000) throw new FormatException($"Twin:Auth:Keys has {keys.Length} entries; at most 10,000 are taken.");
        var jwt = section.GetSection("jwt");
        var options = new AuthOptions
        {
            Keys = keys, JwtIssuer = jwt["issuer"], JwtAudience = jwt["audience"] ?? "twin", JwtSecret = jwt["secret"], JwtPublicKeyPem = jwt["publicKeyPem"],
        };
        if (options.JwtIssuer is not null && (options.JwtSecret is null) == (options.JwtPublicKeyPem is null))
            throw new FormatException("Twin:Auth:Jwt needs exactly one of Secret (HS256) and PublicKeyPem (RS256, ES256).");
        if (options.JwtSecret is { Length: < 32 }) throw new FormatException("Twin:Auth:Jwt:Secret must have at least 32 characters.");
        return options;
    }

    private static ApiKey ReadKey(IConfigurationSection section)
    {
        var name = section["name"] ?? throw new FormatException($"{section.Path} has no Name.");
        var hash = section["sha256"] ?? "";
        if (hash.Length != 64 || !hash.All(Uri.IsHexDigit)) throw new FormatException($"{section.Path}:Sha256 must be 64 hex digits, the SHA-256 of the key.");
        var rights = Permission.None;
        foreach (var role in section.GetSection("roles").GetChildren()) rights |= RightOf(role.Value, role.Path);
        return new ApiKey(name, hash.ToUpperInvariant(), rights == Permission.None ? Permission.Read : rights);
    }

    internal static Permission RightOf(string? role, string where) => role switch
    {
        "read" => Permission.Read,
        "write" => Permission.Read | Permission.Write,
        "command" => Permission.Read | Permission.Command,
        "admin" => Permission.All,
        _ => throw new FormatException($"{where} is '{role}'; it must be read, write, command or admin."),
    };
}
