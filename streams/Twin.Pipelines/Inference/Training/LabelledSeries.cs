using System.Globalization;
using System.Text.Json;

namespace Twin.Pipelines.Inference.Training;

/// <summary>A recorded series with labelled windows, in the form of the Numenta Anomaly Benchmark: CSV <c>timestamp,value</c> (UTC) and a JSON of windows by file.</summary>
/// <param name="Times">Instants, UTC.</param>
/// <param name="Values">Values at them.</param>
/// <param name="Windows">For each the number of its labelled window, -1 outside.</param>
public sealed record LabelledSeries(DateTime[] Times, double[] Values, int[] Windows)
{
    /// <summary>Reads both files.</summary>
    /// <exception cref="InvalidDataException">A line that is not of the form; names file and line.</exception>
    public static LabelledSeries Read(string csvPath, string labelsPath)
    {
        var times = new List<DateTime>();
        var values = new List<double>();
        var number = 1;
        foreach (var line in File.ReadLines(csvPath).Skip(1))
        {
            number++;
            var comma = line.IndexOf(',', StringComparison.Ordinal);
            if (comma < 0 || !TryTime(line.AsSpan(0, comma), out var time) || !double.TryParse(line.AsSpan(comma + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
                throw new InvalidDataException($"{csvPath} line {number}: expected 'yyyy-MM-dd HH:mm:ss,number', not '{line}'.");
            times.Add(time);
            values.Add(value);
        }
        return new LabelledSeries([.. times], [.. values], Label(times, ReadWindows(labelsPath, Path.GetFileName(csvPath))));
    }

    private static (DateTime From, DateTime To)[] ReadWindows(string labelsPath, string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(labelsPath));
        foreach (var entry in json.RootElement.EnumerateObject())
        {
            if (!entry.Name.EndsWith(file, StringComparison.Ordinal)) continue;
            return [.. entry.Value.EnumerateArray().Select(w => (Time(w[0]), Time(w[1])))];
        }
        throw new InvalidDataException($"{labelsPath} has no windows for {file}.");

        static DateTime Time(JsonElement text) => TryTime(text.GetString(), out var time) ? time : throw new InvalidDataException($"'{text}' is not a time.");
    }

    private static int[] Label(List<DateTime> times, (DateTime From, DateTime To)[] windows)
    {
        var labels = new int[times.Count];
        for (var i = 0; i < labels.Length; i++) labels[i] = Array.FindIndex(windows, w => times[i] >= w.From && times[i] <= w.To);
        return labels;
    }

    private static bool TryTime(ReadOnlySpan<char> text, out DateTime time) =>
        DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);
}
