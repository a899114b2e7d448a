using System.Text.Json.Nodes;
using Twin.Simulation.JobShop;
using Twin.Testing;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// What makespan does the search find for Fisher and Thompson's 10 x 10 within a minute, from a fixed seed on one core, and is it proved? 930 is
/// known to be optimal (Carlier and Pinson 1989): more would be looked into, less is a defect, and so is another proved bound.
/// </summary>
internal static class SimJobShop
{
    public static Claim Claim { get; } = new("sim.jobshop", "time", true, false, run =>
    {
        if (Repository.SharedData("jobshop/ft10.txt") is not { } path) return Task.FromResult(Figure.None("no shared data"));
        var shop = JobShopText.Read(File.ReadAllText(path), "ft10")[0];
        var options = new JobShopOptions { Seed = 1, Longest = run.Seconds(60, 5), Progress = p => run.Log($"sim.jobshop: {p.Elapsed.TotalSeconds:F2} s: {p.Value}, bound {p.LowerBound}") };
        var result = JobShopSolver.Solve(shop, options, TimeProvider.System);
        var wrong = ScheduleChecker.Check(result.Schedule);
        if (wrong.Count > 0) throw new InvalidOperationException(wrong[0]);
        return Task.FromResult(new Figure(result.Value, new JsonObject
        {
            ["seconds"] = Math.Round(result.FoundAfter.TotalSeconds, 2), ["bound"] = result.IsProved ? result.LowerBound : "not proved", ["provedAfterS"] = result.IsProved ? Math.Round(result.Elapsed.TotalSeconds, 2) : null,
            ["lowerBound"] = result.LowerBound, ["moves"] = result.Moves, ["nodes"] = result.Nodes, ["seed"] = 1, ["threads"] = 1,
        }));
    });
}
