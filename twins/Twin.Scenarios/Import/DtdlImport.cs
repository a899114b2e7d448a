using System.IO.Compression;
using System.Text;
using Twin.Model;
using Twin.Model.Dtdl;

namespace Twin.Scenarios.Import;

/// <summary>Models read from files.</summary>
/// <param name="Files">File (or entry) names, in the order of <paramref name="Texts"/>; an error's document number counts these.</param>
/// <param name="Texts">Their texts.</param>
/// <param name="Parsed">What the parser says.</param>
/// <param name="Skipped">Files passed over, and why.</param>
public sealed record DtdlImportResult(IReadOnlyList<string> Files, IReadOnlyList<string> Texts, DtdlParseResult Parsed, IReadOnlyList<SkippedItem> Skipped)
{
    /// <summary>An error as a person reads it, with its file.</summary>
    public string Describe(DtdlError error) => $"{(error.Document < Files.Count ? Files[error.Document] : "?")}: {error}";
}

/// <summary>Reads DTDL from a file, a folder (with those below) or a zip; takes every <c>.json</c> that speaks of a DTDL context.</summary>
public static class DtdlImport
{
    /// <summary>Reads and parses.</summary>
    /// <exception cref="ImportRefusedException">Nothing there, or a bound is passed.</exception>
    public static DtdlImportResult Read(string path, ModelSet known)
    {
        var files = new List<(string Name, string Text)>();
        var skipped = new List<SkippedItem>();
        if (Directory.Exists(path))
        {
            foreach (var file in Directory.EnumerateFiles(path, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
                Take(Path.GetRelativePath(path, file), ImportRules.ReadFile(file), files, skipped);
        }
        else if (path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase)) ReadZip(path, files, skipped);
        else files.Add((Path.GetFileName(path), Encoding.UTF8.GetString(ImportRules.ReadFile(path))));

        if (files.Count > DtdlParser.MostTexts) throw new ImportRefusedException(path, "", $"{files.Count} models; at most {DtdlParser.MostTexts} at once.");
        var texts = files.ConvertAll(f => f.Text);
        return new(files.ConvertAll(f => f.Name), texts, DtdlParser.Parse(texts, known), skipped);
    }

    private static void ReadZip(string path, List<(string, string)> files, List<SkippedItem> skipped)
    {
        foreach (var (name, bytes) in ZipFolder.Read(path, n => n.EndsWith(".json", StringComparison.OrdinalIgnoreCase))) Take(name, bytes, files, skipped);
    }

    private static void Take(string name, byte[] bytes, List<(string, string)> files, List<SkippedItem> skipped)
    {
        var text = Encoding.UTF8.GetString(bytes);
        if (text.Contains("dtmi:dtdl:context", StringComparison.Ordinal)) files.Add((name, text));
        else skipped.Add(new(name, "the file names no DTDL context."));
    }
}

/// <summary>Reads the entries of a zip with a bound on what they unpack to.</summary>
internal static class ZipFolder
{
    public static IEnumerable<(string Name, byte[] Bytes)> Read(string path, Func<string, bool> wanted)
    {
        if (!File.Exists(path)) throw new ImportRefusedException(path, "", "there is no such file.");
        var left = ImportRules.BiggestFile;
        ZipArchive archive;
        try
        {
            archive = ZipFile.OpenRead(path);
        }
        catch (InvalidDataException e)
        {
            throw new ImportRefusedException(path, "", $"it is not a zip: {e.Message}");
        }

        using (archive)
        {
            foreach (var entry in archive.Entries)
            {
                if (!wanted(entry.FullName)) continue;
                using var stream = entry.Open();
                using var buffer = new MemoryStream();
                var chunk = new byte[81920];
                int read;
                while ((read = stream.Read(chunk)) > 0)
                {
                    left -= read; // counted as it unpacks: the directory's sizes may lie
                    if (left < 0) throw new ImportRefusedException(path, entry.FullName, $"the entries unpack to more than {ImportRules.BiggestFile} bytes.");
                    buffer.Write(chunk, 0, read);
                }

                yield return (entry.FullName, buffer.ToArray());
            }
        }
    }
}
