using System.Text;

namespace Twin.Scenarios.Import;

/// <summary>
/// Reads comma-separated values as RFC 4180 has them: fields in quotes may hold commas, line ends and doubled quotes.
/// Accepts LF, CRLF and CR, a byte order mark, and no line end at the end. Bounds: 1 MiB a row, 1,000 columns.
/// </summary>
/// <param name="text">The table.</param>
/// <param name="file">Its name, for messages.</param>
/// <param name="separator">What stands between fields.</param>
public sealed class CsvReader(TextReader text, string file, char separator = ',')
{
    /// <summary>The separators a header is searched for, the likeliest first.</summary>
    private const string Separators = ",;\t|";

    /// <summary>Most characters of one row.</summary>
    public const int LongestRow = 1 << 20;

    /// <summary>Most columns.</summary>
    public const int MostColumns = 1_000;

    private readonly StringBuilder _field = new();
    private int _length;

    /// <summary>Line on which the last row began, 1-based.</summary>
    public int Line { get; private set; }

    private int _nextLine = 1;

    /// <summary>The separator of a table: of comma, semicolon, tab and bar the one most often outside quotes in its first line; comma when there is none.</summary>
    public static char SeparatorOf(ReadOnlySpan<char> text)
    {
        Span<int> counts = stackalloc int[Separators.Length];
        var isQuoted = false;
        foreach (var c in text)
        {
            if (c == '"') isQuoted = !isQuoted;
            else if (!isQuoted && c is '\n' or '\r') break;
            else if (!isQuoted && Separators.IndexOf(c, StringComparison.Ordinal) is >= 0 and var which) counts[which]++;
        }

        var best = 0;
        for (var i = 1; i < counts.Length; i++)
            if (counts[i] > counts[best]) best = i;
        return Separators[best];
    }

    /// <summary>Reads the next row that is not blank; false at the end.</summary>
    /// <exception cref="ImportRefusedException">A quote is not closed or stands where it may not, or a bound is passed.</exception>
    public bool Read(List<string> row)
    {
        do
        {
            row.Clear();
            Line = _nextLine;
            _length = 0;
            if (text.Peek() < 0) return false;
            while (ReadField(row))
            {
                if (row.Count == MostColumns) throw Refused($"more than {MostColumns} columns.");
            }
        }
        while (row.Count == 1 && row[0].Length == 0);
        if (Line == 1) row[0] = row[0].TrimStart('\uFEFF');
        return true;
    }

    /// <summary>Reads one field; true when another follows in the row.</summary>
    private bool ReadField(List<string> row)
    {
        _field.Clear();
        if (text.Peek() == '"')
        {
            Next();
            ReadQuoted();
        }

        while (true)
        {
            var c = Next();
            if (c == separator)
            {
                row.Add(_field.ToString());
                return true;
            }

            switch (c)
            {
                case '\r' when text.Peek() == '\n': continue;
                case '\n' or '\r' or -1:
                    _nextLine++;
                    row.Add(_field.ToString());
                    return false;
                case '"': throw Refused("a quote stands inside a field that is not quoted; write the field in quotes and the quote twice.");
                default:
                    _field.Append((char)c);
                    break;
            }
        }
    }

    private void ReadQuoted()
    {
        while (true)
        {
            var c = Next();
            switch (c)
            {
                case -1: throw Refused("a quoted field is not closed.");
                case '"' when text.Peek() == '"':
                    Next();
                    _field.Append('"');
                    break;
                case '"':
                    if (text.Peek() is var next && next != separator && next is not ('\r' or '\n' or -1)) throw Refused($"something follows a closing quote; '{separator}' or the end of the line may.");
                    return;
                default:
                    if (c == '\n' || (c == '\r' && text.Peek() != '\n')) _nextLine++;
                    _field.Append((char)c);
                    break;
            }
        }
    }

    private int Next()
    {
        if (++_length > LongestRow) throw Refused($"a row of more than {LongestRow} characters.");
        return text.Read();
    }

    private ImportRefusedException Refused(string reason) => new(file, $"line {Line}", reason);
}
