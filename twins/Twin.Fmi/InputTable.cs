using System.Globalization;

namespace Twin.Fmi;

/// <summary>
/// Inputs over time from CSV: a header <c>time,NAME,...</c>, then rows with rising times in seconds. Continuous variables are
/// interpolated between rows, others keep the row before; outside the rows the first or last one holds. Immutable.
/// </summary>
public sealed class InputTable
{
    /// <summary>Most rows taken.</summary>
    public const int MostRows = 1_000_000;

    private readonly double[] _times;
    private readonly FmuValue[][] _rows;
    private readonly int[][] _columnsOf;

    private InputTable(FmuPort[] ports, double[] times, FmuValue[][] rows)
    {
        (Ports, _times, _rows) = (ports, times, rows);
        var models = ports.Length == 0 ? 0 : ports.Max(p => p.Model) + 1;
        _columnsOf = [.. Enumerable.Range(0, models).Select(m => Enumerable.Range(0, ports.Length).Where(c => ports[c].Model == m).ToArray())];
    }

    /// <summary>What the columns feed.</summary>
    public IReadOnlyList<FmuPort> Ports { get; }

    /// <summary>Reads a table; <paramref name="find"/> tells which input a column's name means, or null.</summary>
    /// <exception cref="FormatException">A line is not what it must be; the message says line and column.</exception>
    public static InputTable Read(TextReader text, Func<string, FmuPort?> find)
    {
        var header = (text.ReadLine() ?? throw new FormatException("line 1: the table is empty; it begins with time,NAME,...")).Split(',');
        if (header[0].Trim() != "time") throw new FormatException($"line 1, column 1: '{header[0]}' stands where 'time' must stand.");
        var ports = new FmuPort[header.Length - 1];
        for (var c = 1; c < header.Length; c++)
        {
            ports[c - 1] = find(header[c].Trim()) ?? throw new FormatException($"line 1, column {c + 1}: there is no variable '{header[c].Trim()}'.");
            if (ports[c - 1].Variable is not { Causality: FmuCausality.Input, IsArray: false }) throw new FormatException($"line 1, column {c + 1}: '{header[c].Trim()}' is no single input.");
        }

        var (times, rows) = (new List<double>(), new List<FmuValue[]>());
        for (var line = 2; text.ReadLine() is { } read; line++)
        {
            if (string.IsNullOrWhiteSpace(read)) continue;
            if (rows.Count == MostRows) throw new FormatException($"line {line}: there are more than {MostRows} rows.");
            var words = read.Split(',');
            if (words.Length != header.Length) throw new FormatException($"line {line}: there are {words.Length} values; the header has {header.Length}.");
            if (!double.TryParse(words[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var time) || !double.IsFinite(time)) throw new FormatException($"line {line}, column 1: '{words[0]}' is not a time in seconds.");
            if (times.Count > 0 && time <= times[^1]) throw new FormatException($"line {line}, column 1: {words[0]} does not come after the time before it.");
            times.Add(time);
            var row = new FmuValue[ports.Length];
            for (var c = 0; c < ports.Length; c++)
            {
                try
                {
                    row[c] = FmuValue.Parse(words[c + 1].Trim(), ports[c].Variable.Type);
                }
                catch (FormatException fault)
                {
                    throw new FormatException($"line {line}, column {c + 2}: {fault.Message}.");
                }
            }

            rows.Add(row);
        }

        return rows.Count > 0 ? new InputTable(ports, [.. times], [.. rows]) : throw new FormatException("line 2: the table has no row.");
    }

    internal (IReadOnlyList<FmuVariable> Variables, IReadOnlyList<FmuValue> Values) At(int model, double time)
    {
        if (model >= _columnsOf.Length || _columnsOf[model].Length == 0) return ([], []);
        var columns = _columnsOf[model];
        var found = Array.BinarySearch(_times, time);
        var before = Math.Max(0, found >= 0 ? found : ~found - 1);
        var after = found >= 0 || time < _times[0] ? before : Math.Min(before + 1, _times.Length - 1);
        var share = after == before ? 0 : (time - _times[before]) / (_times[after] - _times[before]);
        var values = new FmuValue[columns.Length];
        for (var i = 0; i < columns.Length; i++)
        {
            var (one, other) = (_rows[before][columns[i]], _rows[after][columns[i]]);
            var isFloating = Ports[columns[i]].Variable.Type is FmuType.Float64 or FmuType.Float32;
            values[i] = isFloating && Ports[columns[i]].Variable.IsContinuous ? FmuValue.Of(one.Number + (share * (other.Number - one.Number))) : one;
        }

        return ([.. columns.Select(c => Ports[c].Variable)], values);
    }
}
