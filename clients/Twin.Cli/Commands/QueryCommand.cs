using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Twin.Cli.Commands;

/// <summary><c>twin query</c>: rows.</summary>
internal static class QueryCommand
{
    private const int MostColumns = 12;

    public static Command Make()
    {
        var text = new Argument<string>("QUERY") { Description = "SELECT ... FROM DIGITALTWINS ..." };
        var parameters = new Option<string[]>("--param") { Description = "name=value for $name in the query; may be given again." };
        var limit = new Option<int>("--limit") { Description = "Most rows, 1 to 1,000,000.", DefaultValueFactory = _ => 1_000 };
        return new Command("query", "Asks the graph.") { text, parameters, limit }.Does(async (call, token) =>
        {
            var most = call.Parsed.GetValue(limit);
            if (most is < 1 or > 1_000_000) throw new CallException($"--limit is {most}; it must be 1 to 1000000.");
            var values = (call.Parsed.GetValue(parameters) ?? []).Select(p => Call.PairOf(p, "--param")).ToDictionary(p => p.Name.TrimStart('$'), p => (object?)Call.ValueOf(p.Value), StringComparer.Ordinal);
            using var client = call.Connect();
            var rows = new List<JsonElement>();
            var hasMore = false;
            await foreach (var row in client.QueryAsync(call.Parsed.GetValue(text)!, values.Count == 0 ? null : values, Math.Min(most, 1_000), token).ConfigureAwait(false))
            {
                if (hasMore = rows.Count == most) break;
                rows.Add(row);
            }

            return new CommandAnswer(0, new JsonObject { ["rows"] = new JsonArray([.. rows.Select(r => JsonNode.Parse(r.GetRawText()))]), ["count"] = rows.Count, ["more"] = hasMore }, console => Show(console, rows, hasMore));
        });
    }

    private static void Show(IAnsiConsole console, List<JsonElement> rows, bool hasMore)
    {
        var names = rows.Where(r => r.ValueKind == JsonValueKind.Object).SelectMany(r => r.EnumerateObject().Select(p => p.Name)).Where(n => n is not ("$metadata" or "$etag")).Distinct().Take(MostColumns).ToArray();
        if (names.Length > 0)
        {
            var table = new Table();
            foreach (var name in names) table.AddColumn(Markup.Escape(name));
            foreach (var row in rows) table.AddRow([.. names.Select(n => Markup.Escape(row.TryGetProperty(n, out var value) ? value.ToString() : ""))]);
            console.Write(table);
        }

        console.WriteLine($"{rows.Count} rows{(hasMore ? ", and there are more (--limit)" : "")}");
    }
}
