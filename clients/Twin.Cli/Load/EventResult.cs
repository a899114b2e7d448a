using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Twin.Cli.Load;

/// <summary>What a load on a space has measured. Times in milliseconds; null where nothing was measured.</summary>
internal sealed record EventResult
{
    public required string Space { get; init; }

    public required EventPlan Plan { get; init; }

    public required double Seconds { get; init; }

    public required int TickHz { get; init; }

    public required int Joined { get; init; }

    public required int Lost { get; init; }

    public required double Neighbours { get; init; }

    public required (double? P50, double? P95, double? P99, double Max) Ages { get; init; }

    public required long Samples { get; init; }

    /// <summary>Frames a client a second.</summary>
    public required double Frames { get; init; }

    /// <summary>Of the client with the fewest.</summary>
    public required double WorstFrames { get; init; }

    /// <summary>Bytes a client a second.</summary>
    public required double Bytes { get; init; }

    /// <summary>Inputs a client a second.</summary>
    public required double Inputs { get; init; }

    public required long Missing { get; init; }

    public required long Ghosts { get; init; }

    public required long Untrue { get; init; }

    public required long Others { get; init; }

    public required long ViewsChecked { get; init; }

    public required long ViewsSkipped { get; init; }

    public required long Corrections { get; init; }

    public required int Quality { get; init; }

    /// <summary>Messages not sent because the system did not take them.</summary>
    public required long Unsent { get; init; }

    /// <summary>The latest that the load spoke after its time: much of it means that the load was too slow, not the silo.</summary>
    public required double LateMs { get; init; }

    /// <summary>Cores this process used.</summary>
    public required double Cores { get; init; }

    public required string? Fault { get; init; }

    /// <summary>Frames of those that were due; to adaptive clients only news is due.</summary>
    public double? Delivered => Plan.IsAdaptive ? null : Frames / TickHz;

    /// <summary>Why it did not hold; empty when it did.</summary>
    public IEnumerable<string> Failings()
    {
        if (Joined < Plan.Clients) yield return $"{Joined} of {Plan.Clients} came in";
        if (Lost > 0) yield return $"{Lost} lost their connection";
        if (Fault is not null) yield return Fault;
        if (Samples == 0) yield return "nobody saw anybody move";
        else if (Ages.P99 >= 100) yield return $"p99 is {Ages.P99:F0} ms; below 100 ms is asked";
        if (Delivered < 0.95) yield return $"{Delivered:P1} of the frames came; 95 % are asked";
        if (Plan.IsAdaptive && WorstFrames < 0.9) yield return $"one client had {WorstFrames:F2} frames a second; one a second is asked";
        if (Missing + Ghosts + Untrue > 0) yield return $"{Missing} missing, {Ghosts} ghosts and {Untrue} untrue poses; none is asked";
        if (ViewsChecked == 0) yield return "no view could be held against the truth: all clients see as many as they may";
    }

    public JsonObject ToJson()
    {
        var failings = new JsonArray([.. Failings().Select(f => (JsonNode?)f)]);
        return new JsonObject
        {
            ["load"] = "events", ["space"] = Space, ["held"] = failings.Count == 0, ["clients"] = Plan.Clients, ["joined"] = Joined, ["lost"] = Lost, ["adaptive"] = Plan.IsAdaptive, ["seed"] = Plan.Seed, ["seconds"] = Round(Seconds), ["tickHz"] = TickHz,
            ["neighbours"] = Round(Neighbours), ["p50Ms"] = Round(Ages.P50), ["p95Ms"] = Round(Ages.P95), ["p99Ms"] = Round(Ages.P99), ["maxMs"] = Round(Ages.Max), ["samples"] = Samples,
            ["framesPerClientPerS"] = Round(Frames), ["worstClientFramesPerS"] = Round(WorstFrames), ["delivered"] = Delivered is { } share ? Math.Round(share, 4) : null, ["bytesPerClientPerS"] = Math.Round(Bytes), ["inputsPerClientPerS"] = Round(Inputs),
            ["missing"] = Missing, ["ghosts"] = Ghosts, ["untrue"] = Untrue, ["others"] = Others, ["viewsChecked"] = ViewsChecked, ["viewsSkipped"] = ViewsSkipped, ["corrections"] = Corrections, ["qualityLevel"] = Quality,
            ["unsent"] = Unsent, ["loadLateMs"] = Round(LateMs), ["loadCores"] = Round(Cores), ["failings"] = failings,
        };
    }

    public void Show(IAnsiConsole console)
    {
        var table = new Table().AddColumns("what", "measured", "asked");
        void Row(string what, string measured, string asked = "") => table.AddRow(Markup.Escape(what), Markup.Escape(measured), Markup.Escape(asked));
        Row("clients", $"{Joined} of {Plan.Clients}, {Lost} lost", "all, none lost");
        Row("neighbours in view", Text(Neighbours));
        Row("freshness, said to seen", Ages.P50 is null ? "nothing seen" : $"p50 {Ages.P50:F0} ms, p95 {Ages.P95:F0} ms, p99 {Ages.P99:F0} ms, most {Ages.Max:F0} ms", "p99 below 100 ms");
        Row("frames a client", $"{Text(Frames)} a second, worst client {Text(WorstFrames)}", Plan.IsAdaptive ? "news only" : $"{TickHz} a second");
        if (Delivered is { } share) Row("delivered", share.ToString("P1", CultureInfo.InvariantCulture), "95 %");
        Row("wrong", $"{Missing} missing, {Ghosts} ghosts, {Untrue} untrue; {ViewsChecked} views held against the truth, {ViewsSkipped} too full to", "0");
        Row("bytes a client", $"{Bytes:F0} a second, {Text(Inputs)} inputs a second");
        if (Others > 0) Row("others in the views", $"{Others}");
        if (Corrections > 0) Row("put back", $"{Corrections}");
        if (Quality > 0) Row("the silo does less", $"level {Quality}");
        Row("this load", $"{Text(Cores)} cores, at most {LateMs:F0} ms late, {Unsent} not sent");
        console.Write(table);
        var failings = Failings().ToArray();
        console.MarkupLine(failings.Length == 0 ? "[green]held[/]" : $"[red]not held[/]: {Markup.Escape(string.Join("; ", failings))}");
    }

    private static double? Round(double? value) => value is { } known && double.IsFinite(known) ? Math.Round(known, 2) : null;

    private static string Text(double value) => value.ToString("F1", CultureInfo.InvariantCulture);
}
