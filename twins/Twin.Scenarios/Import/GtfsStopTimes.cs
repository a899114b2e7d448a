namespace Twin.Scenarios.Import;

/// <summary>When each trip begins and ends, seconds from the start of its service day; trips past midnight have more than 86,400.</summary>
internal static class GtfsStopTimes
{
    public static Dictionary<string, (int Departure, int Arrival)> SpansOf(Dictionary<string, byte[]> feed, ImportBuilder builder)
    {
        var spans = new Dictionary<string, (int Departure, int Arrival)>(StringComparer.Ordinal);
        foreach (var row in GtfsRow.Of(feed, "stop_times.txt", "trip_id", "stop_id", "stop_sequence"))
        {
            foreach (var column in new[] { "arrival_time", "departure_time" })
            {
                if (row[column].Length == 0) continue; // times between timed stops may be left out
                if (!row.TrySeconds(column, out var seconds))
                {
                    builder.Skip(row.Where, $"{column} is '{row[column]}'; it is hours:minutes:seconds, and hours may pass 24.");
                    continue;
                }

                var span = spans.GetValueOrDefault(row["trip_id"], (int.MaxValue, int.MinValue));
                spans[row["trip_id"]] = (Math.Min(span.Item1, seconds), Math.Max(span.Item2, seconds));
            }
        }

        return spans;
    }
}
