using System.Diagnostics;
using System.Text.Json;
using Twin.Model.Dtdl;

namespace Twin.Model.Tests.Dtdl;

/// <summary>A verdict on a text: accepted, or refused with the ids of what is wrong, without their prefix.</summary>
internal sealed record Verdict(bool IsAccepted, IReadOnlySet<string> Errors, int Elements)
{
    public const string Unresolved = "(unresolved)";
    public const string Malformed = "(malformed)";

    /// <summary>Our verdict.</summary>
    public static Verdict Of(string text)
    {
        var result = DtdlParser.Parse([text], ModelSet.Empty);
        return new Verdict(result.IsValid, result.Errors.Select(e => e.Id switch
        {
            DtdlError.ModelPrefix + "unresolvedReference" => Unresolved,
            DtdlError.ModelPrefix + "malformedJson" => Malformed,
            var id => id.Replace(DtdlError.ParsingPrefix, "", StringComparison.Ordinal),
        }).ToHashSet(), result.ElementCount);
    }

    public override string ToString() => IsAccepted ? "accepted" : string.Join(" ", Errors.Order(StringComparer.Ordinal));
}

/// <summary>The reference parser in a Node process of its own; see tests/dtdl-oracle. Installed by <c>npm install</c> there, or here when asked for by environment.</summary>
internal sealed class ReferenceParser : IDisposable
{
    private readonly Process _process;

    private ReferenceParser(Process process, string version) => (_process, Version) = (process, version);

    public string Version { get; }

    /// <summary>Starts it, or skips the test with the reason.</summary>
    public static ReferenceParser Start()
    {
        var folder = Path.Combine(Repository.Root, "tests", "dtdl-oracle");
        if (!Directory.Exists(Path.Combine(folder, "node_modules")))
        {
            if (Environment.GetEnvironmentVariable("TWIN_DTDL_ORACLE_INSTALL") is null) Assert.Skip($"the reference parser is not installed: run npm install in {folder}, or set TWIN_DTDL_ORACLE_INSTALL");
            if (!Run("npm", "install --no-audit --no-fund", folder)) Assert.Skip("npm could not install the reference parser");
        }

        try
        {
            var process = Process.Start(new ProcessStartInfo("node", "oracle.mjs") { WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true })!;
            if (process.StandardOutput.ReadLine() is { } line) return new(process, JsonDocument.Parse(line).RootElement.GetProperty("version").GetString()!);
            process.WaitForExit();
        }
        catch (System.ComponentModel.Win32Exception)
        {
        }

        Assert.Skip("node could not start the reference parser");
        return null!;
    }

    /// <summary>Its verdict; null when it broke on the text.</summary>
    public Verdict? Judge(string text)
    {
        _process.StandardInput.WriteLine(JsonSerializer.Serialize(text));
        _process.StandardInput.Flush();
        using var told = JsonDocument.Parse(_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The reference parser ended."));
        var root = told.RootElement;
        if (root.TryGetProperty("ok", out _)) return new(true, new HashSet<string>(), root.GetProperty("elements").GetInt32());
        if (root.TryGetProperty("unresolved", out _)) return new(false, new HashSet<string> { Verdict.Unresolved }, 0);
        if (!root.TryGetProperty("errors", out var errors)) return null;
        return new(false, errors.EnumerateArray().Select(e => e.GetString() is { Length: > 0 } id ? id : Verdict.Malformed).ToHashSet(), 0);
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5_000)) _process.Kill();
        _process.Dispose();
    }

    private static bool Run(string file, string arguments, string folder)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(file, arguments) { WorkingDirectory = folder })!;
            return process.WaitForExit(120_000) && process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
