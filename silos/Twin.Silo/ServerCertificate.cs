using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Twin.Silo;

/// <summary>
/// The certificate of the HTTPS door: the operator's own (PEM with its key, or PFX), or a self-signed one for localhost that is made in the
/// data folder and kept there, so that a client that was told to trust it goes on doing so.
/// </summary>
internal static class ServerCertificate
{
    private const string CertificateName = "localhost.pem";
    private const string KeyName = "localhost-key.pem";
    private const int ValidDays = 397; // clients refuse longer-lived ones
    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(14);

    /// <summary>The certificate with its private key.</summary>
    /// <exception cref="FormatException">A file that cannot be read or does not hold what it should; the message names the setting and the file.</exception>
    public static X509Certificate2 Load(TwinSettings settings, TimeProvider clock)
    {
        if (settings.Certificate is { } file) return Own(file, settings.CertificateKey, settings.CertificatePassword, clock);
        return Development(Path.Combine(settings.DataFolder, "https"), clock);
    }

    private static X509Certificate2 Own(string file, string? keyFile, string? password, TimeProvider clock)
    {
        try
        {
            var certificate = IsPem(file)
                ? FromPem(file, keyFile ?? file, password)
                : X509CertificateLoader.LoadPkcs12FromFile(file, password, X509KeyStorageFlags.DefaultKeySet);
            if (!certificate.HasPrivateKey) throw new FormatException($"--certificate {file} holds no private key; name its file with --certificate-key.");
            return Checked(certificate, file, clock);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            var about = keyFile is null ? $"--certificate {file}" : $"--certificate {file} with --certificate-key {keyFile}";
            throw new FormatException($"{about} cannot be used: {fault.Message} Taken are PEM (certificate, chain and key in one file or two) and PFX; a password comes in TWIN_CERTIFICATE_PASSWORD.", fault);
        }
    }

    private static X509Certificate2 Checked(X509Certificate2 certificate, string file, TimeProvider clock)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        if (now < certificate.NotBefore.ToUniversalTime() || now > certificate.NotAfter.ToUniversalTime())
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"--certificate {file} is valid from {certificate.NotBefore:u} to {certificate.NotAfter:u}, not now."));
        return certificate;
    }

    private static bool IsPem(string file)
    {
        using var reader = new StreamReader(file);
        var start = new char[4096];
        return reader.ReadBlock(start, 0, start.Length) is var length && new string(start, 0, length).Contains("-----BEGIN ", StringComparison.Ordinal);
    }

    private static X509Certificate2 FromPem(string file, string keyFile, string? password) =>
        password is null ? X509Certificate2.CreateFromPemFile(file, keyFile) : X509Certificate2.CreateFromEncryptedPemFile(file, password, keyFile);

    private static X509Certificate2 Development(string folder, TimeProvider clock)
    {
        var (certificateFile, keyFile) = (Path.Combine(folder, CertificateName), Path.Combine(folder, KeyName));
        if (File.Exists(certificateFile) && File.Exists(keyFile))
        {
            try
            {
                var kept = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
                if (kept.NotAfter.ToUniversalTime() - clock.GetUtcNow().UtcDateTime > RenewBefore) return kept;
                kept.Dispose();
            }
            catch (CryptographicException)
            {
                // Half written by a start that was cut off: made anew.
            }
        }

        return Make(folder, certificateFile, keyFile, clock);
    }

    private static X509Certificate2 Make(string folder, string certificateFile, string keyFile, TimeProvider clock)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false)); // server authentication
        var now = clock.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(ValidDays - 1));
        Directory.CreateDirectory(folder);
        WriteSecret(keyFile, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem() + "\n");
        return X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
    }

    /// <summary>The file is its owner's alone from its first byte on.</summary>
    private static void WriteSecret(string file, string text)
    {
        File.Delete(file);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var writer = new StreamWriter(file, options);
        writer.WriteLine(text);
    }
}
