using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>On which days the trips of a service run: a twin a service, from <c>calendar.txt</c> and the exceptions of <c>calendar_dates.txt</c>; either may be missing.</summary>
internal static class GtfsCalendar
{
    public const string Model = "dtmi:twin:gtfs:Service;1";
    private static readonly string[] Weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

    public static ModelSketch Sketch()
    {
        var sketch = new ModelSketch(Model, "Service").Text("startDate").Text("endDate").Text("added").Text("removed");
        foreach (var day in Weekdays) sketch.Flag(day);
        return sketch;
    }

    public static void Read(Dictionary<string, byte[]> feed, ImportBuilder builder)
    {
        var services = new Dictionary<string, (List<Assignment> Values, string Where)>(StringComparer.Ordinal);
        foreach (var row in GtfsRow.Of(feed, "calendar.txt", [.. Weekdays, "service_id", "start_date", "end_date"]))
        {
            if (row.Day("start_date") is not { } start || row.Day("end_date") is not { } end)
            {
                builder.Skip(row.Where, $"the days '{row["start_date"]}' to '{row["end_date"]}' are not of the form yyyyMMdd.");
                continue;
            }

            var values = new List<Assignment> { new("startDate", PropertyValue.From(start)), new("endDate", PropertyValue.From(end)) };
            foreach (var day in Weekdays)
            {
                if (row[day] is "0" or "1") values.Add(new(day, PropertyValue.From(row[day] == "1")));
                else builder.Skip(row.Where, $"{day} is '{row[day]}'; it is 0 or 1.");
            }

            if (!services.TryAdd(row["service_id"], (values, row.Where))) builder.Skip(row.Where, $"service '{row["service_id"]}' is there already.");
        }

        var exceptions = ReadExceptions(feed, builder, services);
        foreach (var (service, (values, where)) in services)
        {
            if (exceptions.TryGetValue((service, "1"), out var added)) values.Add(new("added", PropertyValue.From(string.Join(' ', added))));
            if (exceptions.TryGetValue((service, "2"), out var removed)) values.Add(new("removed", PropertyValue.From(string.Join(' ', removed))));
            builder.TryAddTwin(GtfsImport.Id("service", service), Model, values, where);
        }
    }

    private static Dictionary<(string Service, string Kind), SortedSet<string>> ReadExceptions(
        Dictionary<string, byte[]> feed, ImportBuilder builder, Dictionary<string, (List<Assignment> Values, string Where)> services)
    {
        var exceptions = new Dictionary<(string, string), SortedSet<string>>();
        foreach (var row in GtfsRow.Of(feed, "calendar_dates.txt", "service_id", "date", "exception_type"))
        {
            if (row.Day("date") is not { } day || row["exception_type"] is not ("1" or "2"))
            {
                builder.Skip(row.Where, $"the day '{row["date"]}' with exception '{row["exception_type"]}' is no yyyyMMdd day with exception 1 (added) or 2 (removed).");
                continue;
            }

            services.TryAdd(row["service_id"], ([], row.Where));
            var key = (row["service_id"], row["exception_type"]);
            if (!exceptions.TryGetValue(key, out var days)) exceptions[key] = days = new(StringComparer.Ordinal);
            days.Add(day);
        }

        return exceptions;
    }
}
