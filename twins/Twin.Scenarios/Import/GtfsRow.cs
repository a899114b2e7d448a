using System.Globalization;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>A row of a feed's table, by column name.</summary>
internal sealed record GtfsRow(Dictionary<string, int> Columns, List<string> Fields, string Where)
{
    private static readonly string[] Needed = ["agency.txt", "routes.txt", "stops.txt", "trips.txt"];

    public string this[string column] => Columns.TryGetValue(column, out var i) && i < Fields.Count ? Fields[i].Trim() : "";

    /// <summary>The rows of a file; none when the feed does not have it, or has an empty one it need not have.</summary>
    /// <exception cref="ImportRefusedException">A needed file is empty, a column is missing, or the table is malformed.</exception>
    public static IEnumerable<GtfsRow> Of(Dictionary<string, byte[]> feed, string file, params string[] required)
    {
        if (!feed.TryGetValue(file, out var bytes)) yield break;
        var reader = new CsvReader(ImportRules.ReadText(bytes, file), file);
        var header = new List<string>();
        if (!reader.Read(header))
        {
            if (!Needed.Contains(file, StringComparer.Ordinal)) yield break;
            throw new ImportRefusedException(file, "line 1", "the file is empty; a header row was expected.");
        }

        var columns = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < header.Count; i++) columns.TryAdd(header[i].Trim(), i);
        foreach (var name in required)
        {
            if (!columns.ContainsKey(name)) throw new ImportRefusedException(file, "line 1", $"there is no column {name}; there are {string.Join(", ", columns.Keys)}.");
        }

        var row = new List<string>();
        while (reader.Read(row)) yield return new GtfsRow(columns, row, $"{file}, line {reader.Line}");
    }

    public bool TryNumber(string column, out double value) =>
        double.TryParse(this[column], NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

    /// <summary>Seconds from the start of the service day: <c>25:10:00</c> is ten past one in the night after it. False when it is no time.</summary>
    public bool TrySeconds(string column, out int seconds)
    {
        seconds = 0;
        var text = this[column].AsSpan();
        Span<Range> parts = stackalloc Range[4];
        if (text.Split(parts, ':') != 3) return false;
        Span<int> numbers = stackalloc int[3];
        for (var i = 0; i < 3; i++)
            if (!int.TryParse(text[parts[i]], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i])) return false;
        if (numbers[0] > 999 || numbers[1] > 59 || numbers[2] > 59) return false;
        seconds = (numbers[0] * 3_600) + (numbers[1] * 60) + numbers[2];
        return true;
    }

    /// <summary>A <c>yyyyMMdd</c> day as <c>yyyy-MM-dd</c>; null when it is none.</summary>
    public string? Day(string column) =>
        DateOnly.TryParseExact(this[column], "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : null;

    public void Text(string column, string property, List<Assignment> values)
    {
        if (this[column] is { Length: > 0 } text) values.Add(new(property, PropertyValue.From(text)));
    }

    public void Integer(string column, string property, List<Assignment> values)
    {
        if (int.TryParse(this[column], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) values.Add(new(property, PropertyValue.From((long)number)));
    }
}
