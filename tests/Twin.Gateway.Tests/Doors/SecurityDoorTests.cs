using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Twin.Gateway.Tests.Doors;

/// <summary>Keys, tokens and rights over real sockets.</summary>
[Collection("doors")]
public sealed class SecurityDoorTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private const string Secret = "a-secret-of-more-than-thirty-two-bytes!";
    private DoorWorld _door = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string KeyOf(string role) => $"key-{role}-0123456789";

    public async ValueTask InitializeAsync()
    {
        var configuration = new Dictionary<string, string?> { ["Twin:Auth:Jwt:Issuer"] = "issuer", ["Twin:Auth:Jwt:Audience"] = "twin", ["Twin:Auth:Jwt:Secret"] = Secret };
        foreach (var (role, i) in new[] { "read", "write", "command", "admin" }.Select((r, i) => (r, i)))
        {
            configuration[$"Twin:Auth:Keys:{i}:Name"] = role;
            configuration[$"Twin:Auth:Keys:{i}:Sha256"] = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(KeyOf(role))));
            configuration[$"Twin:Auth:Keys:{i}:Roles:0"] = role;
        }

        _door = await DoorWorld.OpenAsync(grains, configuration);
    }

    public ValueTask DisposeAsync() => _door.DisposeAsync();

    private async Task<int> StatusAsync(string method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (method is "PUT" or "PATCH" or "POST") request.Content = new StringContent("?", Encoding.UTF8, "application/json");
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await _door.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        if ((int)answer.StatusCode is 401 or 403) Problem.Of(answer, await answer.Content.ReadAsStringAsync(Cancel));
        Assert.True((int)answer.StatusCode < 500, $"{method} {path} was answered {(int)answer.StatusCode}");
        return (int)answer.StatusCode;
    }

    [Fact]
    public async Task Every_route_but_the_description_asks_who_calls()
    {
        var open = new[] { "/docs", "/openapi/{documentName}.json" };
        var routes = _door.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>().ToArray();
        Assert.InRange(routes.Length, 40, 200);
        foreach (var route in routes)
        {
            var pattern = "/" + route.RoutePattern.RawText!.Trim('/');
            if (open.Contains(pattern)) continue;
            var path = System.Text.RegularExpressions.Regex.Replace(pattern, "{[^}]*}", "x");
            foreach (var method in route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"])
                Assert.True(await StatusAsync(method, path) == 401, $"{method} {path} is open to strangers");
        }
    }

    [Theory]
    [InlineData("GET", "/digitaltwins/x", "read", "")]
    [InlineData("POST", "/query", "read", "")]
    [InlineData("GET", "/devices", "read", "")]
    [InlineData("GET", "/stream?where=(", "read", "")]
    [InlineData("PUT", "/digitaltwins/x", "write", "read,command")]
    [InlineData("POST", "/ingest", "write", "read,command")]
    [InlineData("POST", "/batch", "write", "read,command")]
    [InlineData("DELETE", "/digitaltwins/x/relationships/r", "write", "read,command")]
    [InlineData("PATCH", "/devices/x/desired", "command", "read,write")]
    [InlineData("POST", "/models", "admin", "read,write,command")]
    [InlineData("PUT", "/routes/x", "admin", "read,write,command")]
    [InlineData("PUT", "/jobs/imports/x", "admin", "")]
    public async Task A_right_opens_what_it_names_and_nothing_else(string method, string path, string role, string others)
    {
        Assert.True(await StatusAsync(method, path, ("X-Api-Key", KeyOf(role))) is not (401 or 403), role);
        Assert.True(await StatusAsync(method, path, ("Authorization", "Bearer " + KeyOf("admin"))) is not (401 or 403), "admin");
        foreach (var other in others.Split(',', StringSplitOptions.RemoveEmptyEntries)) Assert.True(await StatusAsync(method, path, ("X-Api-Key", KeyOf(other))) == 403, other);
        foreach (var wrong in new[] { "", "key", KeyOf(role) + "x", KeyOf(role)[..^1], new string('k', 600) })
            Assert.Equal(401, await StatusAsync(method, path, ("X-Api-Key", wrong)));
    }

    private static string Token(string algorithm = "HS256", string key = Secret, string issuer = "issuer", string audience = "twin", int minutes = 5, string? role = "read", string? subject = "ann", bool expires = true)
    {
        static string Part(string json) => Base64UrlEncoder.Encode(json);
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new List<string> { $"\"iss\":\"{issuer}\"", $"\"aud\":\"{audience}\"", $"\"nbf\":{now - 600 + Math.Max(0, minutes - 600) * 60}" };
        if (expires) claims.Add($"\"exp\":{now + (minutes * 60)}");
        if (role is not null) claims.Add($"\"roles\":[\"{role}\"]");
        if (subject is not null) claims.Add($"\"sub\":\"{subject}\"");
        var signed = $"{Part($$"""{"alg":"{{algorithm}}","typ":"JWT"}""")}.{Part("{" + string.Join(',', claims) + "}")}";
        return algorithm == "none" ? signed + "." : $"{signed}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.ASCII.GetBytes(signed)))}";
    }

    private Task<int> WithTokenAsync(string token, string method = "GET", string path = "/alarms") => StatusAsync(method, path, ("Authorization", "Bearer " + token));

    [Fact]
    public async Task A_token_holds_only_when_all_of_it_is_right()
    {
        Assert.Equal(200, await WithTokenAsync(Token()));
        Assert.Equal(200, await WithTokenAsync(Token())); // remembered
        var wrong = new Dictionary<string, string>
        {
            ["expired"] = Token(minutes: -5), ["no expiry"] = Token(expires: false), ["another audience"] = Token(audience: "other"), ["another issuer"] = Token(issuer: "other"),
            ["unsigned"] = Token("none"), ["another key"] = Token(key: Secret + "x"), ["another algorithm"] = Token("HS512"), ["nobody"] = Token(subject: null),
            ["cut"] = Token()[..^4], ["no token"] = "a.b.c", ["long"] = new string('a', 17_000), ["changed"] = Changed(Token()),
        };
        foreach (var (what, token) in wrong) Assert.True(await WithTokenAsync(token) == 401, what);
        Assert.Equal(403, await WithTokenAsync(Token(role: null)));
        Assert.Equal(403, await WithTokenAsync(Token(role: "emperor")));
        Assert.Equal(403, await WithTokenAsync(Token(), "POST", "/ingest"));
        Assert.NotEqual(403, await WithTokenAsync(Token(role: "write"), "POST", "/ingest"));
    }

    private static string Changed(string token)
    {
        var parts = token.Split('.');
        return $"{parts[0]}.{Base64UrlEncoder.Encode(Base64UrlEncoder.Decode(parts[1]).Replace("read", "admin", StringComparison.Ordinal))}.{parts[2]}";
    }

    [Fact]
    public async Task No_key_and_no_token_is_in_the_log()
    {
        var token = Token(subject: "bob");
        foreach (var path in new[] { "/alarms", "/stream?where=(", "/digitaltwins/nobody", "/nowhere" })
        {
            await StatusAsync("GET", path, ("X-Api-Key", KeyOf("read")));
            await StatusAsync("GET", path, ("Authorization", "Bearer " + token));
            await StatusAsync("GET", path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "access_token=" + token);
            await StatusAsync("GET", path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "access_token=" + KeyOf("read"));
            await StatusAsync("GET", path, ("X-Api-Key", KeyOf("wrong-one")));
        }

        Assert.Contains(_door.Log.Lines, l => l.Level == LogLevel.Debug); // the log is on
        foreach (var (_, line) in _door.Log.Lines)
            foreach (var secret in new[] { KeyOf("read"), KeyOf("wrong-one"), token, token.Split('.')[2], Secret }) Assert.DoesNotContain(secret, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_caller_is_told_how_to_show_itself()
    {
        using var answer = await _door.Http.GetAsync("/alarms", Cancel);
        Assert.Equal((HttpStatusCode.Unauthorized, "Bearer"), (answer.StatusCode, answer.Headers.WwwAuthenticate.ToString()));
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("192.0.2.1")]
    public void A_public_address_without_authentication_is_refused(string address)
    {
        var none = new Microsoft.Extensions.Configuration.ConfigurationBuilder().Build();
        var fault = Assert.Throws<InvalidOperationException>(() => DoorServices.CheckAddress(IPAddress.Parse(address), none));
        Assert.Contains("Twin:Auth:Keys", fault.Message, StringComparison.Ordinal);
        DoorServices.CheckAddress(IPAddress.Loopback, none);
        DoorServices.CheckAddress(IPAddress.IPv6Loopback, none);
    }
}
