using System.Buffers;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>What an importer made of a file. Nothing is stored yet: the caller sends models, twins and relationships, in that order.</summary>
/// <param name="Models">DTDL texts.</param>
/// <param name="Twins">One <see cref="PutTwin"/> each.</param>
/// <param name="Relationships">One <see cref="PutRelationship"/> each; both ends are in <paramref name="Twins"/>.</param>
/// <param name="Skipped">What was left out and why.</param>
/// <param name="Scene">A still picture, where the file holds shapes.</param>
/// <param name="Place">How the file's coordinates were read, for a person; null where it has none.</param>
public sealed record ImportResult(
    IReadOnlyList<string> Models,
    IReadOnlyList<TwinCommand> Twins,
    IReadOnlyList<TwinCommand> Relationships,
    IReadOnlyList<SkippedItem> Skipped,
    ScenePicture? Scene = null,
    string? Place = null);

/// <summary>Something an importer left out.</summary>
/// <param name="Where">File and line, or JSON pointer.</param>
/// <param name="Reason">Why, for a person.</param>
public sealed record SkippedItem(string Where, string Reason);

/// <summary>A file cannot be imported at all: missing, too big, malformed, of another format. The message names file and place.</summary>
public sealed class ImportRefusedException(string file, string place, string reason)
    : Exception(place.Length == 0 ? $"{file}: {reason}" : $"{file}, {place}: {reason}")
{
    /// <summary>The file.</summary>
    public string File { get; } = file;

    /// <summary>Line or JSON pointer; empty when the whole file is meant.</summary>
    public string Place { get; } = place;
}

/// <summary>What importers share: bounds, ids, names.</summary>
internal static class ImportRules
{
    /// <summary>Biggest file read into memory, bytes.</summary>
    public const long BiggestFile = 256L << 20;

    /// <summary>Most things skipped that are told one by one.</summary>
    public const int MostSkipped = 10_000;

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

    /// <exception cref="ImportRefusedException">Missing or too big.</exception>
    public static byte[] ReadFile(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists) throw new ImportRefusedException(path, "", "there is no such file.");
        if (file.Length > BiggestFile) throw new ImportRefusedException(path, "", $"the file has {file.Length} bytes; at most {BiggestFile} are read.");
        return System.IO.File.ReadAllBytes(path);
    }

    /// <summary>The text of a table's bytes: UTF-8, or UTF-16 with a byte order mark.</summary>
    /// <exception cref="ImportRefusedException">The bytes are another encoding; the message names the line.</exception>
    public static StreamReader ReadText(byte[] bytes, string file)
    {
        var isWide = bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];
        if (!isWide && !System.Text.Unicode.Utf8.IsValid(bytes))
        {
            var line = 1;
            for (ReadOnlySpan<byte> rest = bytes; rest.IndexOf((byte)'\n') is >= 0 and var end && System.Text.Unicode.Utf8.IsValid(rest[..end]); rest = rest[(end + 1)..]) line++;
            throw new ImportRefusedException(file, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"line {line}"), "it is not UTF-8; save the table as UTF-8, or as UTF-16 with a byte order mark.");
        }

        return new StreamReader(new MemoryStream(bytes), System.Text.Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
    }

    /// <summary>A twin id from any text: what an id may not have becomes an underscore; cut at 128.</summary>
    public static string ToId(string text)
    {
        if (TwinJson.IsValidId(text)) return text;
        var cut = text.Length > 128 ? text.AsSpan(0, 128) : text;
        Span<char> id = stackalloc char[cut.Length];
        for (var i = 0; i < cut.Length; i++) id[i] = TwinJson.IsValidId(cut.Slice(i, 1)) ? cut[i] : '_';
        return id.Length == 0 ? "_" : new string(id);
    }

    /// <summary>A DTDL name from any text: letters, digits and underscores, beginning with a letter, not ending in an underscore.</summary>
    public static string ToName(string text)
    {
        Span<char> name = stackalloc char[Math.Min(text.Length, 200)];
        for (var i = 0; i < name.Length; i++) name[i] = NameCharacters.Contains(text[i]) ? text[i] : '_';
        var trimmed = name.Trim('_');
        if (trimmed.IsEmpty) return "unnamed";
        return char.IsAsciiLetter(trimmed[0]) ? new string(trimmed) : $"n{trimmed}";
    }
}

/// <summary>Gathers an import; keeps ids unique and told skips bounded.</summary>
internal sealed class ImportBuilder
{
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);
    private readonly HashSet<(string, string)> _relationshipIds = [];

    public List<ModelSketch> Models { get; } = [];

    public List<TwinCommand> Twins { get; } = [];

    public List<TwinCommand> Relationships { get; } = [];

    public List<SkippedItem> Skipped { get; } = [];

    public void Skip(string where, string reason)
    {
        if (Skipped.Count < ImportRules.MostSkipped) Skipped.Add(new(where, reason));
    }

    public bool TryAddTwin(string id, string modelId, IEnumerable<Assignment> values, string where)
    {
        if (!_ids.Add(id))
        {
            Skip(where, $"'{id}' is there already.");
            return false;
        }

        Twins.Add(new PutTwin(id, modelId, [.. values]));
        return true;
    }

    public void Relate(string source, string name, string target, string where)
    {
        if (!_ids.Contains(source) || !_ids.Contains(target))
        {
            Skip(where, $"'{(_ids.Contains(source) ? target : source)}' is not there, so '{name}' from '{source}' to '{target}' leads nowhere.");
            return;
        }

        var id = $"{name}-{target}";
        if (id.Length > 128) id = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name}-{SeededRandom.EntityOf(target):x16}");
        if (_relationshipIds.Add((source, id))) Relationships.Add(new PutRelationship(source, id, name, target, []));
    }

    public ImportResult Build(ScenePicture? scene = null, string? place = null) => new([.. Models.Select(m => m.ToJson())], Twins, Relationships, Skipped, scene, place);
}
