using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Twin.EndToEnd.Tests;

/// <summary>The HTTPS door of the real silo: whose certificate it shows, and what it says when it can show none.</summary>
public sealed class HttpsTests : IAsyncLifetime
{
    private readonly string _folder = SiloProcess.NewFolder();
    private readonly int _port = SiloProcess.FreePort();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string CertificateFile => Path.Combine(_folder, "https", "localhost.pem");

    private string KeyFile => Path.Combine(_folder, "https", "localhost-key.pem");

    private Task<SiloProcess> StartAsync(params string[] more) => SiloProcess.StartAsync(_folder, false, ["--scenario", "none", "--https-port", $"{_port}", .. more]);

    public ValueTask InitializeAsync() => default;

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return default;
    }

    [Fact]
    public async Task The_development_certificate_is_kept_its_key_is_private_and_http_2_is_spoken()
    {
        string first;
        await using (await StartAsync())
        {
            if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
            first = await ServedAsync(X509CertificateLoader.LoadCertificateFromFile(CertificateFile));
        }

        await using var again = await StartAsync();
        Assert.Equal(first, await ServedAsync(X509CertificateLoader.LoadCertificateFromFile(CertificateFile)));
        await Assert.ThrowsAsync<HttpRequestException>(() => ServedAsync(null)); // nobody trusts it who was not told to
    }

    [Theory]
    [InlineData("pem")]
    [InlineData("encrypted")]
    [InlineData("pfx")]
    public async Task The_operators_own_certificate_is_served(string kind)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=ours", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var own = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var (certificate, secret) = (Path.Combine(_folder, "own.crt"), Path.Combine(_folder, "own.key"));
        if (kind == "pfx") await File.WriteAllBytesAsync(certificate, own.Export(X509ContentType.Pkcs12, "pass"), Cancel);
        else await File.WriteAllTextAsync(certificate, own.ExportCertificatePem(), Cancel);
        await File.WriteAllTextAsync(secret, kind == "pem" ? key.ExportPkcs8PrivateKeyPem() : key.ExportEncryptedPkcs8PrivateKeyPem("pass", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 10_000)), Cancel);
        string[] arguments = kind == "pfx" ? ["--certificate", certificate] : ["--certificate", certificate, "--certificate-key", secret];
        if (kind != "pem") await File.WriteAllTextAsync(Path.Combine(_folder, "twin.json"), """{"Twin":{"certificate-password":"pass"}}""", Cancel);
        await using var silo = await StartAsync(arguments);
        Assert.Equal(own.Thumbprint, await ServedAsync(own));
    }

    [Theory]
    [InlineData("--certificate none.pem", "none.pem")]
    [InlineData("--certificate twin.json", "twin.json")] // there is one, and it is no certificate
    [InlineData("--certificate-key key.pem", "--certificate-key needs --certificate")]
    [InlineData("--https-port -1 --certificate a.pem", "need --https-port")]
    [InlineData("--https-port 70000", "--https-port is '70000'")]
    [InlineData("--bind 0.0.0.0", "needs --certificate")]
    public async Task A_certificate_that_cannot_be_served_ends_the_start_with_a_sentence(string arguments, string told)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "twin.json"), "{}", Cancel);
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(arguments.Split(' ')));
        Assert.Contains("The silo ended with 2", fault.Message, StringComparison.Ordinal);
        Assert.Contains(told, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>The thumbprint of the certificate a client that trusts one sees, over HTTP/2.</summary>
    private async Task<string> ServedAsync(X509Certificate2? trusted)
    {
        var seen = "";
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = trusted is null ? X509ChainTrustMode.System : X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        if (trusted is not null) handler.SslOptions.CertificateChainPolicy.CustomTrustStore.Add(trusted);
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
        {
            seen = ((X509Certificate2)certificate!).Thumbprint;
            return errors == System.Net.Security.SslPolicyErrors.None;
        };
        using var http = new HttpClient(handler) { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var answer = await http.GetAsync($"https://localhost:{_port}/health/ready", Cancel);
        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (answer.StatusCode, answer.Version));
        return seen;
    }
}
