using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Sdk;

namespace Twin.Cli.Commands;

/// <summary><c>twin watch</c>: changes as they happen, or the rows of a query as they come and go. For people until Ctrl+C; with --json it gathers up to --count and prints them as one object.</summary>
internal static class WatchCommand
{
    private const int MostGathered = 100_000;

    public static Command Make()
    {
        var condition = new Argument<string?>("FILTER") { Description = "A condition such as \"temperature > 30\", the same as --where; or a query, SELECT ..., whose rows are shown as they come and go.", Arity = ArgumentArity.ZeroOrOne };
        var cursor = new Option<string?>("--cursor") { Description = "Goes on where a cursor stands." };
        var twins = new Option<string?>("--twins") { Description = "Only these ids: a,b,c." };
        var path = new Option<string?>("--path") { Description = "Only this property." };
        var where = new Option<string?>("--where") { Description = "Only while this holds." };
        var parameters = new Option<string[]>("--param") { Description = "With a query: name=value for $name in it; may be given again." };
        var count = new Option<int?>("--count") { Description = "Ends after so many changes, 1 to 100,000; with --json 1,000 unless given." };
        var seconds = new Option<double?>("--seconds") { Description = "Ends after so long." };
        return new Command("watch", "Shows changes as they happen.") { condition, cursor, twins, path, where, parameters, count, seconds }.Does((call, token) =>
        {
            var (given, named) = (call.Parsed.GetValue(condition), call.Parsed.GetValue(where));
            if (given is not null && named is not null) throw new CallException("FILTER and --where say the same thing; give one of them.");
            var isQuery = given is not null && given.TrimStart().StartsWith("SELECT ", StringComparison.OrdinalIgnoreCase);
            var values = (call.Parsed.GetValue(parameters) ?? []).Select(p => Call.PairOf(p, "--param")).ToDictionary(p => p.Name.TrimStart('$'), p => (object?)Call.ValueOf(p.Value), StringComparer.Ordinal);
            if (values.Count > 0 && !isQuery) throw new CallException("--param belongs to a query: SELECT ... with $name in it.");
            var filter = new StreamFilter { Query = isQuery ? given : null, Parameters = values.Count > 0 ? values : null, Twins = call.Parsed.GetValue(twins)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), Path = call.Parsed.GetValue(path), Where = isQuery ? named : given ?? named };
            var most = call.Parsed.GetValue(count) ?? (call.IsJson ? 1_000 : int.MaxValue);
            if (call.Parsed.GetValue(count) is not null && most is < 1 or > MostGathered) throw new CallException($"--count is {most}; it must be 1 to {MostGathered}.");
            var length = call.Parsed.GetValue(seconds);
            if (length is not (null or (> 0 and <= 86_400))) throw new CallException($"--seconds is {length}; it must be above 0 and at most 86400.");
            return RunAsync(call, filter, call.Parsed.GetValue(cursor), most, length, token);
        });
    }

    private static async Task<CommandAnswer> RunAsync(Call call, StreamFilter filter, string? cursor, int most, double? seconds, CancellationToken cancellationToken)
    {
        using var client = call.Connect();
        using var timer = seconds is { } length ? new CancellationTokenSource(TimeSpan.FromSeconds(length), call.Clock) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timer.Token);
        var gathered = new JsonArray();
        var seen = 0;
        try
        {
            await foreach (var change in client.StreamAsync(filter, cursor, either.Token).ConfigureAwait(false))
            {
                cursor = change.Cursor ?? cursor;
                seen++;
                if (call.IsJson) gathered.Add(change.IsReset ? new JsonObject { ["reset"] = true } : JsonNode.Parse(change.Json.GetRawText()));
                else call.Say(LineOf(change, filter));
                if (seen >= most) break;
            }
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            // Ctrl+C and --seconds end a watch that went well.
        }

        return new CommandAnswer(0, new JsonObject { ["changes"] = gathered, ["count"] = seen, ["cursor"] = cursor }, console =>
        {
            if (cursor is not null) console.WriteLine($"{seen} changes; go on with --cursor {cursor}");
        });
    }

    private static string LineOf(StreamEvent change, StreamFilter filter) => change switch
    {
        { IsReset: true } => filter.Query is null ? "reset: the cursor is too old; read the state again" : "reset: these are all rows",
        { Key: { } key } => $"{change.Kind[3..].ToLowerInvariant(),-7} {key} {(change.Row.ValueKind == System.Text.Json.JsonValueKind.Undefined ? "" : change.Row.GetRawText())}",
        _ => $"{change.SourceTime:O} {change.Kind} {change.TwinId} {change.Path} {change.Value}",
    };
}
