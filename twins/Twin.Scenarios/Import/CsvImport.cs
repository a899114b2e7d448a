using System.Globalization;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>How a table's columns become twins.</summary>
/// <param name="IdColumn">The column with the twin's id; null takes the first.</param>
/// <param name="ModelId">The model of every row; null makes one from the columns.</param>
/// <param name="ModelColumn">The column with the row's model id; it wins over <paramref name="ModelId"/>.</param>
/// <param name="Properties">Property path by column; null takes every other column under its own name.</param>
/// <param name="Separator">What stands between fields; null finds it in the header: comma, semicolon, tab or bar.</param>
/// <param name="DecimalComma">Numbers are written <c>1.234,5</c>. Never guessed: such numbers stay text unless it is stated.</param>
/// <param name="Zone">Where times without an offset were read from a clock; null takes UTC.</param>
public sealed record CsvMapping(
    string? IdColumn = null, string? ModelId = null, string? ModelColumn = null, IReadOnlyDictionary<string, string>? Properties = null, char? Separator = null, bool DecimalComma = false, TimeZoneInfo? Zone = null);

/// <summary>
/// Imports a table with a header row: a twin a row. A column's type is the narrowest that all its values fit: boolean,
/// long, double, dateTime, else string; empty fields are absent values.
/// </summary>
public static class CsvImport
{
    /// <summary>Most rows.</summary>
    public const int MostRows = 1_000_000;

    /// <summary>Imports a file.</summary>
    /// <exception cref="ImportRefusedException">The file or its header is wrong; the message names the line.</exception>
    public static ImportResult ReadFile(string path, CsvMapping? mapping = null)
    {
        using var reader = ImportRules.ReadText(ImportRules.ReadFile(path), path);
        return Read(reader, path, mapping);
    }

    /// <summary>Imports a text.</summary>
    /// <param name="text">The table.</param>
    /// <param name="file">Its name, for messages and the made model's id.</param>
    /// <param name="mapping">How; null takes the defaults.</param>
    /// <exception cref="ImportRefusedException">The header or the quoting is wrong; the message names the line.</exception>
    public static ImportResult Read(TextReader text, string file, CsvMapping? mapping = null)
    {
        mapping ??= new CsvMapping();
        var whole = text.ReadToEnd();
        var reader = new CsvReader(new StringReader(whole), file, mapping.Separator ?? CsvReader.SeparatorOf(whole));
        var cells = new CsvCells(mapping.DecimalComma, mapping.Zone ?? TimeZoneInfo.Utc);
        var header = new List<string>();
        if (!reader.Read(header)) throw new ImportRefusedException(file, "line 1", "the file is empty; a header row was expected.");
        if (header.Distinct(StringComparer.Ordinal).Count() != header.Count) throw new ImportRefusedException(file, "line 1", "two columns have the same name.");
        var idColumn = mapping.IdColumn is null ? 0 : Column(header, mapping.IdColumn, file);
        var modelColumn = mapping.ModelColumn is null ? -1 : Column(header, mapping.ModelColumn, file);
        var columns = Columns(header, mapping, file, idColumn, modelColumn);

        var builder = new ImportBuilder();
        var rows = ReadRows(reader, header.Count, file, builder);
        var kinds = columns.Select(c => rows.Aggregate(CellKind.Empty, (kind, row) => cells.Widen(kind, row.Fields[c.Index]))).ToArray();
        if (!mapping.DecimalComma) TellDecimalCommas(builder, file, header, rows, columns, kinds);
        var modelId = mapping.ModelId;
        if (modelId is null && modelColumn < 0) modelId = AddModel(builder, file, columns, kinds);
        foreach (var (fields, line) in rows) AddRow(builder, fields, $"{file}, line {line}", idColumn, modelColumn, modelId, columns, kinds, cells);
        return builder.Build();
    }

    // A comma may also stand in a list or a code: whether it is a decimal is for the owner of the table to say.
    private static void TellDecimalCommas(ImportBuilder builder, string file, List<string> header, List<(string[] Fields, int Line)> rows, (int Index, string Path)[] columns, CellKind[] kinds)
    {
        for (var i = 0; i < columns.Length; i++)
        {
            var at = columns[i].Index;
            if (kinds[i] != CellKind.Text || !rows.Exists(r => r.Fields[at].Contains(',', StringComparison.Ordinal))) continue;
            if (rows.TrueForAll(r => r.Fields[at].Length == 0 || CsvCells.FitsDecimalComma(r.Fields[at])))
                builder.Skip($"{file}, line 1, column {header[at]}", "its numbers have a decimal comma and are kept as text; state the decimal comma to make them numbers.");
        }
    }

    private static int Column(List<string> header, string name, string file)
    {
        var index = header.IndexOf(name);
        return index >= 0 ? index : throw new ImportRefusedException(file, "line 1", $"there is no column '{name}'; there are {string.Join(", ", header)}.");
    }

    private static (int Index, string Path)[] Columns(List<string> header, CsvMapping mapping, string file, int idColumn, int modelColumn)
    {
        if (mapping.Properties is { } chosen) return [.. chosen.Select(p => (Column(header, p.Key, file), p.Value))];
        var columns = header.Select((name, i) => (Index: i, Path: ImportRules.ToName(name))).Where(c => c.Index != idColumn && c.Index != modelColumn).ToArray();
        if (columns.DistinctBy(c => c.Path).Count() != columns.Length) throw new ImportRefusedException(file, "line 1", "two columns would give the same property name; give a mapping.");
        return columns;
    }

    private static List<(string[] Fields, int Line)> ReadRows(CsvReader reader, int columns, string file, ImportBuilder builder)
    {
        var rows = new List<(string[], int)>();
        var row = new List<string>();
        while (reader.Read(row))
        {
            if (row.Count != columns) builder.Skip($"{file}, line {reader.Line}", $"the row has {row.Count} fields, the header {columns}.");
            else if (rows.Count == MostRows) throw new ImportRefusedException(file, $"line {reader.Line}", $"more than {MostRows} rows.");
            else rows.Add(([.. row], reader.Line));
        }

        return rows;
    }

    private static string AddModel(ImportBuilder builder, string file, (int Index, string Path)[] columns, CellKind[] kinds)
    {
        var name = ImportRules.ToName(Path.GetFileNameWithoutExtension(file));
        var model = new ModelSketch($"dtmi:twin:csv:{name};1", name);
        for (var i = 0; i < columns.Length; i++)
        {
            switch (kinds[i])
            {
                case CellKind.Boolean: model.Flag(columns[i].Path); break;
                case CellKind.Long: model.Number(columns[i].Path, schema: "long"); break;
                case CellKind.Double: model.Number(columns[i].Path); break;
                case CellKind.DateTime: model.Time(columns[i].Path); break;
                default: model.Text(columns[i].Path); break;
            }
        }

        builder.Models.Add(model);
        return model.Id;
    }

    private static void AddRow(ImportBuilder builder, string[] fields, string where, int idColumn, int modelColumn, string? modelId, (int Index, string Path)[] columns, CellKind[] kinds, CsvCells cells)
    {
        var id = fields[idColumn];
        var model = modelColumn >= 0 && fields[modelColumn].Length > 0 ? fields[modelColumn] : modelId;
        if (id.Length == 0 || model is null)
        {
            builder.Skip(where, id.Length == 0 ? "the row has no id." : "the row has no model.");
            return;
        }

        var values = new List<Assignment>(columns.Length);
        for (var i = 0; i < columns.Length; i++)
        {
            if (fields[columns[i].Index] is { Length: > 0 } field) values.Add(new(columns[i].Path, cells.ToValue(field, kinds[i])));
        }

        builder.TryAddTwin(ImportRules.ToId(id), model, values, where);
    }
}
