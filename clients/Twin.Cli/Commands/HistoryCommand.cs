using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml;
using Spectre.Console;

namespace Twin.Cli.Commands;

/// <summary><c>twin history</c>: a property over time.</summary>
internal static class HistoryCommand
{
    public static Command Make()
    {
        var id = new Argument<string>("ID") { Description = "Twin id." };
        var path = new Argument<string>("PATH") { Description = "Property, such as temperature or motor/speed." };
        var from = new Option<string?>("--from") { Description = "First instant, RFC 3339." };
        var to = new Option<string?>("--to") { Description = "End, RFC 3339." };
        var width = new Option<string?>("--width") { Description = "Buckets of this ISO 8601 duration, such as PT1M." };
        return new Command("history", "Shows a property over time.") { id, path, from, to, width }.Does(async (call, token) =>
        {
            var (start, end) = (Call.TimeOf(call.Parsed.GetValue(from), "--from"), Call.TimeOf(call.Parsed.GetValue(to), "--to"));
            using var client = call.Connect();
            if (call.Parsed.GetValue(width) is { } stretch)
            {
                var buckets = await client.ReadHistoryBucketsAsync(call.Parsed.GetValue(id)!, call.Parsed.GetValue(path)!, WidthOf(stretch), start, end, token).ConfigureAwait(false);
                var table = new Table().AddColumns("time", "count", "min", "max", "mean", "last");
                foreach (var b in buckets) table.AddRow(Time(b.Start), Text(b.Count), Text(b.Minimum), Text(b.Maximum), Text(b.Mean), Markup.Escape(b.Last.ToString()));
                return new CommandAnswer(0, new JsonObject { ["buckets"] = JsonSerializer.SerializeToNode(buckets.Select(b => new { t = b.Start, count = b.Count, min = b.Minimum, max = b.Maximum, mean = b.Mean, last = Shown(b.Last) })) }, c => c.Write(table));
            }

            var points = await client.ReadHistoryAsync(call.Parsed.GetValue(id)!, call.Parsed.GetValue(path)!, start, end, cancellationToken: token).ConfigureAwait(false);
            var rows = new Table().AddColumns("time", "value");
            foreach (var p in points) rows.AddRow(Time(p.Time), Markup.Escape(p.Value.ToString()));
            return new CommandAnswer(0, new JsonObject { ["points"] = JsonSerializer.SerializeToNode(points.Select(p => new { t = p.Time, v = Shown(p.Value) })) }, c => c.Write(rows));
        });
    }

    private static TimeSpan WidthOf(string text)
    {
        try
        {
            if (XmlConvert.ToTimeSpan(text) is var width && width > TimeSpan.Zero) return width;
        }
        catch (Exception fault) when (fault is FormatException or OverflowException)
        {
            // told below
        }

        throw new CallException($"--width is '{text}'; it must be an ISO 8601 duration above zero, such as PT1M.");
    }

    private static JsonElement? Shown(JsonElement value) => value.ValueKind == JsonValueKind.Undefined ? null : value;

    private static string Time(DateTimeOffset time) => time.ToString("O", CultureInfo.InvariantCulture);

    private static string Text(double? number) => number?.ToString("G6", CultureInfo.InvariantCulture) ?? "";
}
