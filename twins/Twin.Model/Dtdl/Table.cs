namespace Twin.Model.Dtdl;

/// <summary>A line of a table: words, some of them <c>key=value</c>. Values hold no spaces.</summary>
internal readonly struct TableLine(string[] words)
{
    public int Count => words.Length;

    public string this[int index] => words[index];

    public bool Has(string word) => Array.IndexOf(words, word) >= 0;

    /// <summary>What stands after <c>key=</c>; null when the line has none.</summary>
    public string? Find(string key)
    {
        foreach (var word in words)
        {
            if (word.Length > key.Length && word[key.Length] == '=' && word.StartsWith(key, StringComparison.Ordinal)) return word[(key.Length + 1)..];
        }

        return null;
    }

    public int? FindNumber(string key) => Find(key) is { } text ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : null;

    public string[] List(string key) => Find(key) is { Length: > 0 } text ? text.Split(',') : [];
}

/// <summary>The tables in <c>Dtdl/Tables</c>: what the language and its extensions define, as plain text within the assembly.</summary>
internal static class Table
{
    /// <summary>The lines of a table without comments; a line that began with a space continues the one above it.</summary>
    public static IEnumerable<(bool IsInner, TableLine Line)> Read(string name)
    {
        using var stream = typeof(Table).Assembly.GetManifestResourceStream("dtdl." + name)
            ?? throw new InvalidOperationException($"The table '{name}' is missing from the assembly.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#') continue;
            yield return (line[0] == ' ', new TableLine(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        }
    }
}
