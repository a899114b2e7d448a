using System.Security.Cryptography;
using System.Text;

namespace Twin.EndToEnd.Tests;

/// <summary>The public Azure Digital Twins client, unmodified, against the real silo over HTTPS (tests/azure-client).</summary>
public sealed class AzureClientTests : IAsyncLifetime
{
    private const string Key = "a-walker's-key";
    private readonly string _folder = SiloProcess.NewFolder();
    private readonly int _port = SiloProcess.FreePort();
    private SiloProcess _silo = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        // twin.json is read from the working folder, which is the data folder here.
        await File.WriteAllTextAsync(Path.Combine(_folder, "twin.json"), $$"""{"Twin": {"auth": {"keys": [{"name":"walker", "sha256":"{{Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Key)))}}", "roles": ["admin"] } ] } } }""", Cancel);
        _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none", "--https-port", $"{_port}");
    }

    public async ValueTask DisposeAsync()
    {
        await _silo.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task The_public_client_creates_patches_queries_lists_and_deletes_over_https_and_gets_refusals_as_its_own_errors()
    {
        var folder = await NodePackages.NeedAsync("azure-client", Cancel);
        var (code, output, errors) = await NodePackages.RunAsync("node", ["walk.mjs", $"https://localhost:{_port}", Key], folder, new() { ["NODE_EXTRA_CA_CERTS"] = Path.Combine(_folder, "https", "localhost.pem") }, Cancel);
        Assert.True(code == 0, $"{output}\n{errors}");
        Assert.Equal(13, output.Split('\n').Count(l => l.Contains("\"ok\":true", StringComparison.Ordinal)));
    }
}
