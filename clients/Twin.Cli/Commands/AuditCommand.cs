using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Sdk;

namespace Twin.Cli.Commands;

/// <summary><c>twin audit</c>: what was denied and administered in the whole cluster. With --follow until Ctrl+C, --count or --seconds; with --json it gathers and prints one object.</summary>
internal static class AuditCommand
{
    private const int MostGathered = 100_000;
    private const int PageSize = 1_000;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public static Command Make()
    {
        var since = new Option<string?>("--since") { Description = "Not before this RFC 3339 time." };
        var until = new Option<string?>("--until") { Description = "Before this RFC 3339 time." };
        var subject = new Option<string?>("--subject") { Description = "Who: key:NAME, jwt:SUB, device:ID, anonymous." };
        var kind = new Option<string?>("--kind") { Description = "denied or administered." };
        var act = new Option<string?>("--act") { Description = "A part of what was asked for, such as /policies." };
        var position = new Option<string?>("--position") { Description = "Goes on where an earlier answer ended." };
        var count = new Option<int>("--count") { Description = "Most entries, 1 to 100,000.", DefaultValueFactory = _ => 1_000 };
        var follow = new Option<bool>("--follow") { Description = "Waits for more." };
        var seconds = new Option<double?>("--seconds") { Description = "With --follow: ends after so long." };
        return new Command("audit", "Shows what was denied and administered.") { since, until, subject, kind, act, position, count, follow, seconds }.Does((call, token) =>
        {
            var filter = new AuditFilter
            {
                From = Call.TimeOf(call.Parsed.GetValue(since), "--since"), To = Call.TimeOf(call.Parsed.GetValue(until), "--until"),
                Subject = call.Parsed.GetValue(subject), Kind = call.Parsed.GetValue(kind), Act = call.Parsed.GetValue(act),
            };
            if (filter.Kind is not (null or "denied" or "administered")) throw new CallException($"--kind is '{filter.Kind}'; it must be denied or administered.");
            var most = call.Parsed.GetValue(count);
            if (most is < 1 or > MostGathered) throw new CallException($"--count is {most}; it must be 1 to {MostGathered}.");
            var length = call.Parsed.GetValue(seconds);
            if (length is not (null or (> 0 and <= 86_400))) throw new CallException($"--seconds is {length}; it must be above 0 and at most 86400.");
            var follows = call.Parsed.GetValue(follow);
            if (length is not null && !follows) throw new CallException("--seconds says how long to --follow; give both.");
            if (follows && !call.IsJson && (call.Parsed.GetResult(count) is null or { Implicit: true })) most = int.MaxValue; // people watch without end
            return RunAsync(call, filter, call.Parsed.GetValue(position), most, follows, length, token);
        });
    }

    private static async Task<CommandAnswer> RunAsync(Call call, AuditFilter filter, string? position, int most, bool follows, double? seconds, CancellationToken cancellationToken)
    {
        using var client = call.Connect();
        using var timer = seconds is { } length ? new CancellationTokenSource(TimeSpan.FromSeconds(length), call.Clock) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timer.Token);
        var gathered = new JsonArray();
        var (seen, isEnd) = (0, false);
        IReadOnlyList<string> unreachable = [];
        try
        {
            while (seen < most)
            {
                var page = await client.ReadAuditAsync(filter, position, Math.Min(PageSize, most - seen), either.Token).ConfigureAwait(false);
                (position, isEnd, unreachable) = (page.Position, page.IsEnd, page.Unreachable);
                seen += page.Entries.Count;
                foreach (var entry in page.Entries) Take(call, gathered, entry);
                if (!isEnd) continue;
                if (!follows) break;
                await Task.Delay(Pause, call.Clock, either.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (follows && either.IsCancellationRequested)
        {
            // Ctrl+C and --seconds end a follow that went well.
        }

        var json = new JsonObject { ["entries"] = gathered, ["count"] = seen, ["position"] = position, ["isEnd"] = isEnd, ["unreachable"] = new JsonArray([.. unreachable.Select(u => (JsonNode)JsonValue.Create(u)!)]) };
        return new CommandAnswer(unreachable.Count == 0 ? 0 : 1, json, console =>
        {
            foreach (var name in unreachable) console.WriteLine($"not reached: {name}");
            if (!isEnd && position is not null) console.WriteLine($"{seen} entries; go on with --position {position}");
        });
    }

    private static void Take(Call call, JsonArray gathered, AuditEntry entry)
    {
        if (call.IsJson)
        {
            gathered.Add(new JsonObject
            {
                ["at"] = entry.At.UtcDateTime.ToString("o", CultureInfo.InvariantCulture), ["kind"] = entry.Kind, ["subject"] = entry.Subject, ["action"] = entry.Action, ["outcome"] = entry.Outcome,
                ["count"] = entry.Count, ["member"] = entry.Member, ["number"] = entry.Number,
            });
            return;
        }

        call.Say($"{entry.At.UtcDateTime:yyyy-MM-dd HH:mm:ss} {entry.Kind,-12} {entry.Subject,-24} {entry.Action} -> {entry.Outcome}{(entry.Count > 1 ? $" ({entry.Count} times)" : "")}");
    }
}
