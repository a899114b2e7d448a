using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Twin.Model;

namespace Twin.Devices.Recordings;

/// <summary>A value column of a CSV file and the twin property it drives.</summary>
/// <param name="Column">Name in the header.</param>
/// <param name="TwinId">The twin; ignored where the layout names a twin column.</param>
/// <param name="Path">The property path.</param>
public sealed record CsvColumn(string Column, string TwinId, string Path);

/// <summary>How a CSV file is read: one row an instant.</summary>
/// <param name="TimeColumn">Header name of the time: ISO 8601 (UTC where it has no offset) or Unix milliseconds.</param>
/// <param name="Columns">The value columns, at least one.</param>
public sealed record CsvLayout(string TimeColumn, IReadOnlyList<CsvColumn> Columns)
{
    /// <summary>Header name of a column that holds each row's twin id; null takes each column's own.</summary>
    public string? TwinColumn { get; init; }

    /// <summary>Put before ids from <see cref="TwinColumn"/>.</summary>
    public string TwinPrefix { get; init; } = "";
}

/// <summary>
/// A CSV file (RFC 4180, UTF-8, header line) as a recording, read as it plays: memory does not grow with the file. An empty
/// field is no value. A row that cannot be read is passed over and counted. One reader at a time.
/// </summary>
public sealed class CsvRecording(string path, CsvLayout layout)
{
    private const int MaxLineLength = 1 << 20;
    private const int MaxProblems = 20;
    private readonly List<string> _problems = [];

    /// <summary>Rows read, bad ones too.</summary>
    public long Rows { get; private set; }

    /// <summary>Rows passed over.</summary>
    public long BadRows { get; private set; }

    /// <summary>The first 20 problems, with line and column.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>The frames in the file's order.</summary>
    /// <exception cref="InvalidDataException">A column of the layout is not in the header, or the file has none.</exception>
    public async IAsyncEnumerable<RecordedFrame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var reader = new StreamReader(path, Encoding.UTF8);
        var header = Split(await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) ?? throw new InvalidDataException($"{path} is empty; a header line is expected."));
        var time = ColumnOf(header, layout.TimeColumn);
        var twin = layout.TwinColumn is { } name ? ColumnOf(header, name) : -1;
        var values = layout.Columns.Select(c => ColumnOf(header, c.Column)).ToArray();
        if (values.Length == 0) throw new InvalidDataException("The layout names no value column.");
        for (var line = 2; await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } text; line++)
        {
            if (text.Length == 0) continue;
            Rows++;
            if (TryRead(text, line, time, twin, values) is { } frame) yield return frame;
        }
    }

    private RecordedFrame? TryRead(string text, int line, int timeColumn, int twinColumn, int[] valueColumns)
    {
        if (text.Length > MaxLineLength) return Bad(line, $"has {text.Length} characters; at most {MaxLineLength} are read");
        var fields = Split(text);
        var needed = Math.Max(Math.Max(timeColumn, twinColumn), valueColumns.Max());
        if (fields.Count <= needed) return Bad(line, $"has {fields.Count} fields; at least {needed + 1} are needed");
        if (!TryTime(fields[timeColumn], out var time)) return Bad(line, $"column {layout.TimeColumn}: '{fields[timeColumn]}' is neither ISO 8601 nor Unix milliseconds");
        var samples = new List<Sample>(valueColumns.Length);
        for (var i = 0; i < valueColumns.Length; i++)
        {
            var field = fields[valueColumns[i]];
            if (field.Length == 0) continue;
            var id = twinColumn >= 0 ? layout.TwinPrefix + fields[twinColumn] : layout.Columns[i].TwinId;
            samples.Add(new Sample(id, layout.Columns[i].Path, Value(field), time));
        }
        return new RecordedFrame(time, [.. samples]);
    }

    private RecordedFrame? Bad(int line, string why)
    {
        BadRows++;
        if (_problems.Count < MaxProblems) _problems.Add($"{path} line {line}: {why}.");
        return null;
    }

    private int ColumnOf(List<string> header, string name)
    {
        var at = header.IndexOf(name);
        return at >= 0 ? at : throw new InvalidDataException($"{path} has no column '{name}'; it has {string.Join(", ", header)}.");
    }

    private static PropertyValue Value(string field)
    {
        if (long.TryParse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer)) return PropertyValue.From(integer);
        if (double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)) return PropertyValue.From(number);
        return bool.TryParse(field, out var flag) ? PropertyValue.From(flag) : PropertyValue.From(field);
    }

    private static bool TryTime(string field, out WallTime time)
    {
        time = default;
        if (long.TryParse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var milliseconds))
        {
            if (milliseconds is < -62_135_596_800_000 or > 253_402_300_799_999) return false; // years 1 to 9999
            time = WallTime.FromUnixMilliseconds(milliseconds);
            return true;
        }
        if (!DateTimeOffset.TryParse(field, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed)) return false;
        time = WallTime.From(parsed);
        return true;
    }

    // Quoted fields may hold commas and doubled quotes, not line breaks.
    private static List<string> Split(string line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = line.Length > 0 && line[0] == '\uFEFF' ? 1 : 0; i < line.Length; i++)
        {
            var c = line[i];
            if (quoted)
            {
                if (c != '"') field.Append(c);
                else if (i + 1 < line.Length && line[i + 1] == '"') field.Append(line[++i]);
                else quoted = false;
            }
            else if (c == '"' && field.Length == 0)
            {
                quoted = true;
            }
            else if (c == ',')
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(c);
            }
        }
        fields.Add(field.ToString());
        return fields;
    }
}
