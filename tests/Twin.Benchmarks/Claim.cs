using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twin.Benchmarks;

/// <summary>What a run is asked to do.</summary>
/// <param name="Quick">Shorter and smaller, for a smoke test; never quoted.</param>
/// <param name="Log">Progress for people.</param>
internal sealed record ClaimRun(bool Quick, Action<string> Log)
{
    /// <summary>The long form of a duration, or a short one when quick.</summary>
    public TimeSpan Seconds(double full, double quick) => TimeSpan.FromSeconds(Quick ? quick : full);

    /// <summary>The full count, or a small one when quick.</summary>
    public int Count(int full, int quick) => Quick ? quick : full;
}

/// <summary>One figure and what must be known beside it.</summary>
internal sealed record Figure(double? Value, JsonObject Detail, string? Why = null)
{
    public static Figure None(string why) => new(null, [], why);
}

/// <summary>A claim: a name, a unit, a way to find the figure.</summary>
/// <param name="Name">As in the README's table of figures.</param>
/// <param name="Unit">Unit of the value.</param>
/// <param name="LowerIsBetter">Which end is good; only for the reader.</param>
/// <param name="Pinned">True: the load runs on the last core and the silo on the first. False: one process on all cores.</param>
/// <param name="MeasureAsync">The run.</param>
internal sealed record Claim(string Name, string Unit, bool LowerIsBetter, bool Pinned, Func<ClaimRun, Task<Figure>> MeasureAsync)
{
    public async Task<bool> PrintAsync(ClaimRun run, int runs, string commit)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        var figures = new List<Figure>();
        for (var i = 0; i < runs; i++)
        {
            run.Log($"{Name}: run {i + 1} of {runs}");
            figures.Add(await MeasureAsync(run));
            if (figures[^1].Value is null) break;
        }

        var known = figures.Where(f => f.Value is not null).OrderBy(f => f.Value).ToArray();
        var chosen = known.Length == figures.Count ? known[known.Length / 2] : figures[^1];
        var detail = (JsonObject)chosen.Detail.DeepClone();
        if (runs > 1) detail["runs"] = new JsonArray([.. figures.Select(f => JsonValue.Create(f.Value))]);
        if (run.Quick) detail["quick"] = true;
        var line = new JsonObject
        {
            ["claim"] = Name, ["value"] = Round(chosen.Value), ["unit"] = Unit, ["peer"] = null, ["ratio"] = null, ["detail"] = detail,
            ["machine"] = Machine.Describe(), ["commit"] = commit, ["seconds"] = Math.Round(started.Elapsed.TotalSeconds, 1),
        };
        if (chosen.Why is not null) line["why"] = chosen.Why;
        Console.WriteLine(line.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        return chosen.Value is not null;
    }

    private static double? Round(double? value) => value is { } v ? Math.Abs(v) >= 1000 ? Math.Round(v) : Math.Round(v, 4) : null;
}
