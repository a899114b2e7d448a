using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Twin.EndToEnd.Tests;

/// <summary>Metrics and the Orleans dashboard of a silo with authentication: for callers with the right, for nobody else.</summary>
public sealed class OperationPagesTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Metrics_and_dashboard_ask_for_a_key_where_authentication_is_configured()
    {
        var folder = SiloProcess.NewFolder();
        static string Key(string name) => $$"""{"name":"{{name}}", "sha256":"{{Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(name + "-key")))}}", "roles": ["{{name}}"]}""";
        await File.WriteAllTextAsync(Path.Combine(folder, "twin.json"), $$"""{"Twin": {"auth": {"keys": [{{Key("read")}}, {{Key("admin")}}] } } }""", Cancel);
        await using (var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none", "--dashboard", "true"))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(silo, "/metrics", null));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(silo, "/dashboard/", null));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(silo, "/metrics", "wrong-key"));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(silo, "/metrics", "read-key"));
            Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(silo, "/dashboard/", "read-key"));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(silo, "/dashboard/", "admin-key"));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(silo, "/health/ready", null));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task<HttpStatusCode> AskAsync(SiloProcess silo, string path, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (key is not null) request.Headers.Add("X-Api-Key", key);
        using var answer = await silo.Http.SendAsync(request, Cancel);
        return answer.StatusCode;
    }
}
