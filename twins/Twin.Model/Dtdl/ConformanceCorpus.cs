using System.IO.Compression;
using System.Text;

namespace Twin.Model.Dtdl;

/// <summary>Reads the JSON files of a corpus of conformance cases.</summary>
public static class ConformanceCorpus
{
    /// <summary>Biggest file read, in bytes; bigger ones are passed over.</summary>
    public const long BiggestFile = 16 << 20;

    /// <summary>The JSON files of a folder with files and zips at any depth, or of a zip, or one file; by name. Zips within zips are passed over.</summary>
    public static IEnumerable<(string File, string Text)> Read(string path)
    {
        if (!Directory.Exists(path))
        {
            foreach (var found in IsZip(path) ? ReadZip(path, "") : [(Path.GetFileName(path), File.ReadAllText(path))]) yield return found;
            yield break;
        }

        foreach (var file in Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(path, file);
            if (IsZip(file))
            {
                foreach (var found in ReadZip(file, name + "/")) yield return found;
            }
            else if (name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && new FileInfo(file).Length <= BiggestFile) yield return (name, File.ReadAllText(file));
        }
    }

    private static bool IsZip(string file) => file.EndsWith(".zip", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<(string, string)> ReadZip(string path, string prefix)
    {
        using var archive = ZipFile.OpenRead(path);
        foreach (var entry in archive.Entries.Where(e => e.Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && e.Length <= BiggestFile).OrderBy(e => e.FullName, StringComparer.Ordinal))
        {
            using var reader = new StreamReader(entry.Open(), Encoding.UTF8);
            yield return (prefix + entry.FullName, reader.ReadToEnd());
        }
    }
}
