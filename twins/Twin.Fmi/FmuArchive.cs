using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Twin.Fmi;

/// <summary>
/// An FMU taken out into a folder of its own, which is deleted with it. Bounds: at most <see cref="MostEntries"/> files and
/// <see cref="MostBytes"/> unpacked, whatever the archive says of itself; names that leave the folder are refused.
/// </summary>
public sealed class FmuArchive : IDisposable
{
    /// <summary>Most files in an archive.</summary>
    public const int MostEntries = 20_000;

    /// <summary>Most bytes unpacked.</summary>
    public const long MostBytes = 2L << 30;

    private FmuArchive(string folder, FmuDescription description) => (Folder, Description) = (folder, description);

    /// <summary>Where it was taken out.</summary>
    public string Folder { get; }

    /// <summary>What it says of itself.</summary>
    public FmuDescription Description { get; }

    /// <summary>Where the model finds its resources; the folder may not exist.</summary>
    public string Resources => Path.Combine(Folder, "resources");

    /// <summary>Takes an FMU out below the system's folder for temporary files.</summary>
    /// <exception cref="FmuException">It is not an archive, too large, or its description is wrong.</exception>
    public static FmuArchive Open(string path)
    {
        var folder = Directory.CreateTempSubdirectory("twin-fmu-").FullName;
        try
        {
            Unpack(path, folder);
            var description = Path.Combine(folder, "modelDescription.xml");
            if (!File.Exists(description)) throw new FmuException(FmuFault.Invalid, $"'{path}' has no modelDescription.xml.");
            using var stream = File.OpenRead(description);
            return new FmuArchive(folder, FmuDescriptionReader.Read(stream));
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>The binary for this machine.</summary>
    /// <exception cref="FmuException">There is none; the message names those that there are.</exception>
    public string Library()
    {
        var (system, old, extension) = OperatingSystem.IsWindows() ? ("windows", "win", ".dll") : OperatingSystem.IsMacOS() ? ("darwin", "darwin", ".dylib") : ("linux", "linux", ".so");
        var machine = RuntimeInformation.ProcessArchitecture switch { Architecture.X64 => "x86_64", Architecture.X86 => "x86", Architecture.Arm64 => "aarch64", var other => other.ToString().ToLowerInvariant() };
        var platform = Description.Version == 3 ? $"{machine}-{system}" : RuntimeInformation.ProcessArchitecture switch { Architecture.X86 => old + "32", Architecture.X64 => old + "64", _ => $"{machine}-{system}" };
        var file = Path.Combine(Folder, "binaries", platform, Description.Identifier + extension);
        if (File.Exists(file)) return file;
        var binaries = Path.Combine(Folder, "binaries");
        var there = Directory.Exists(binaries) ? string.Join(", ", Directory.EnumerateDirectories(binaries).Select(Path.GetFileName)) : "";
        throw new FmuException(FmuFault.Invalid, $"{Description.ModelName} has no binary binaries/{platform}/{Description.Identifier}{extension}; it has {(there.Length == 0 ? "none" : $"those for {there}")}.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }

    private static void Unpack(string path, string folder)
    {
        try
        {
            using var archive = ZipFile.OpenRead(path);
            if (archive.Entries.Count > MostEntries) throw new FmuException(FmuFault.Invalid, $"'{path}' has {archive.Entries.Count} files; at most {MostEntries} are taken.");
            var left = MostBytes;
            var root = folder + Path.DirectorySeparatorChar;
            var buffer = new byte[81_920];
            foreach (var entry in archive.Entries)
            {
                var target = Path.GetFullPath(Path.Combine(folder, entry.FullName));
                if (!target.StartsWith(root, StringComparison.Ordinal)) throw new FmuException(FmuFault.Invalid, $"'{path}' has a file '{entry.FullName}' that leaves its folder.");
                if (entry.FullName.EndsWith('/')) continue;
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                using var from = entry.Open();
                using var to = File.Create(target);
                for (int read; (read = from.Read(buffer)) > 0; to.Write(buffer, 0, read))
                    if ((left -= read) < 0) throw new FmuException(FmuFault.Invalid, $"'{path}' unpacks to more than {MostBytes} bytes.");
            }
        }
        catch (InvalidDataException fault)
        {
            throw new FmuException(FmuFault.Invalid, $"'{path}' is not an FMU: {fault.Message}");
        }
    }
}
