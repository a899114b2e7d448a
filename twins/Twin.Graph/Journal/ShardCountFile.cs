using System.Globalization;
using System.Text;

namespace Twin.Graph.Journal;

/// <summary>The file <c>shards</c> in a branch's folder: its number of shards in decimal, written once.</summary>
internal static class ShardCountFile
{
    private const string Name = "shards";

    /// <summary>Writes the number when there is none, else compares.</summary>
    /// <exception cref="InvalidDataException">It is another, or the file is damaged.</exception>
    public static void Keep(string folder, int shardCount)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, Name);
        if (File.Exists(path))
        {
            var text = File.ReadAllText(path).TrimEnd();
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var kept) || kept < 1)
                throw new InvalidDataException($"{path} must hold the number of shards; it holds '{(text.Length > 32 ? text[..32] : text)}'.");
            if (kept != shardCount) throw new InvalidDataException(Refusal(folder, $"{kept}", shardCount));
            return;
        }

        // Folders from before the number was kept: one beyond it proves that there were more.
        var highest = Directory.EnumerateDirectories(folder, "shard-*")
            .Select(f => int.TryParse(Path.GetFileName(f).AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : -1).DefaultIfEmpty(-1).Max();
        if (highest >= shardCount) throw new InvalidDataException(Refusal(folder, $"at least {highest + 1}", shardCount));
        Write(folder, path, shardCount);
    }

    private static string Refusal(string where, string kept, int asked) =>
        $"The journals in '{where}' were written with {kept} shards and cannot be opened with {asked}: twins would be looked for in the wrong shard. Start with {kept}, or with an empty store.";

    private static void Write(string folder, string path, int shardCount)
    {
        var temporary = path + ".new";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 0))
        {
            file.Write(Encoding.ASCII.GetBytes(shardCount.ToString(CultureInfo.InvariantCulture)));
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path);
        FileJournalStore.FlushFolder(folder);
    }
}
