using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Simulation.JobShop;

namespace Twin.Cli.Commands;

/// <summary><c>twin simulate jobshop FILE</c>: the best schedule found, and what is proved about it. Progress on stderr; Ctrl+C ends with the best so far.</summary>
internal static class JobShopCommand
{
    private const int MostBars = 60;

    public static Command Make()
    {
        var file = new Argument<string>("FILE") { Description = "Job shops in the usual, OR-Library's or Taillard's text format." };
        var name = new Option<string?>("--instance") { Description = "Which instance of a file of several." };
        var seconds = new Option<double>("--seconds") { Description = "Searches at most so long, above 0 to 86,400.", DefaultValueFactory = _ => 30 };
        var moves = new Option<long?>("--moves") { Description = "Searches about so many moves; without --seconds the answer is then the same on any machine." };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the search.", DefaultValueFactory = _ => 1 };
        var rule = new Option<string?>("--rule") { Description = $"Builds one schedule by a rule and does not search: {string.Join(", ", Enum.GetNames<DispatchRule>()).ToLowerInvariant()}." };
        var kind = new Option<string>("--kind") { Description = "With --rule: active or nondelay.", DefaultValueFactory = _ => "active" };
        var objective = new Option<string>("--objective") { Description = "makespan or tardiness (weighted, by the file's due dates).", DefaultValueFactory = _ => "makespan" };
        var gantt = new Option<bool>("--gantt") { Description = "Shows the schedule." };
        return new Command("jobshop", "Schedules a job shop.") { file, name, seconds, moves, seed, rule, kind, objective, gantt }.Does(async (call, token) =>
        {
            var parsed = call.Parsed;
            var instance = await ReadAsync(parsed.GetValue(file)!, parsed.GetValue(name), token).ConfigureAwait(false);
            var judged = EnumOf<JobShopObjective>(parsed.GetValue(objective) == "tardiness" ? "weightedtardiness" : parsed.GetValue(objective)!, "--objective", "makespan or tardiness");
            if (judged == JobShopObjective.WeightedTardiness && !instance.HasDueDates) throw new CallException("--objective is tardiness, and the file has no due dates.", "Add a line 'due' with a number a job.");
            var length = parsed.GetValue(seconds);
            if (length is not (> 0 and <= 86_400)) throw new CallException($"--seconds is {length}; it must be above 0 and at most 86400.");
            if (parsed.GetValue(moves) is <= 0) throw new CallException($"--moves is {parsed.GetValue(moves)}; it must be above 0.");
            if (parsed.GetValue(rule) is { } word)
            {
                var chosen = EnumOf<DispatchRule>(word, "--rule", string.Join(", ", Enum.GetNames<DispatchRule>()).ToLowerInvariant());
                var built = RuleScheduler.Build(instance, chosen, EnumOf<ScheduleKind>(parsed.GetValue(kind)!, "--kind", "active or nondelay"));
                return Answer(new JobShopResult(built, built.ValueOf(judged), JobShopSolver.BoundOf(instance, judged), 0, 0, TimeSpan.Zero, TimeSpan.Zero), judged, chosen.ToString(), parsed.GetValue(gantt));
            }

            var isTimed = parsed.GetValue(moves) is null || parsed.GetResult(seconds) is { Implicit: false };
            var result = JobShopSolver.Solve(instance, new JobShopOptions
            {
                Objective = judged, Seed = parsed.GetValue(seed), Longest = isTimed ? TimeSpan.FromSeconds(length) : null, Moves = parsed.GetValue(moves),
                Progress = p => call.Errors.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{p.Elapsed.TotalSeconds,8:F2} s  {p.Value}, bound {p.LowerBound}, {p.Moves} moves, {p.Nodes} nodes")),
            }, call.Clock, token);
            return Answer(result, judged, null, parsed.GetValue(gantt));
        });
    }

    private static async Task<JobShopInstance> ReadAsync(string file, string? name, CancellationToken cancellationToken)
    {
        if (!File.Exists(file)) throw new CallException($"There is no file '{file}'.", "Name a text file: jobs and machines, then a line a job of machine and duration pairs.");
        if (new FileInfo(file).Length > JobShopText.LongestText) throw new CallException($"'{file}' has {new FileInfo(file).Length} bytes; at most {JobShopText.LongestText} are taken.");
        IReadOnlyList<JobShopInstance> instances;
        try
        {
            instances = JobShopText.Read(await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false), Path.GetFileNameWithoutExtension(file));
        }
        catch (JobShopFormatException fault)
        {
            throw new CallException($"{file}: {fault.Message}");
        }

        if (name is null) return instances.Count == 1 ? instances[0] : throw new CallException($"'{file}' has {instances.Count} instances.", $"Choose one with --instance: {string.Join(", ", instances.Take(20).Select(i => i.Name))}{(instances.Count > 20 ? ", ..." : "")}");
        return instances.FirstOrDefault(i => i.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? throw new CallException($"'{file}' has no instance '{name}'.", $"It has: {string.Join(", ", instances.Take(20).Select(i => i.Name))}{(instances.Count > 20 ? ", ..." : "")}");
    }

    private static T EnumOf<T>(string word, string option, string allowed)
        where T : struct, Enum => Enum.TryParse<T>(word, ignoreCase: true, out var value) && Enum.IsDefined(value) && !char.IsAsciiDigit(word[0]) ? value : throw new CallException($"{option} is '{word}'; it must be one of: {allowed}.");

    private static CommandAnswer Answer(JobShopResult result, JobShopObjective objective, string? rule, bool isGantt)
    {
        var (schedule, instance) = (result.Schedule, result.Schedule.Instance);
        var wrong = ScheduleChecker.Check(schedule);
        if (wrong.Count > 0) throw new InvalidOperationException($"The schedule breaks a rule: {wrong[0]}");
        var json = new JsonObject
        {
            ["instance"] = instance.Name, ["jobs"] = instance.Jobs.Count, ["machines"] = instance.Machines, ["objective"] = objective == JobShopObjective.Makespan ? "makespan" : "tardiness", ["rule"] = rule?.ToLowerInvariant(),
            ["makespan"] = schedule.Makespan, ["weightedTardiness"] = instance.HasDueDates ? schedule.WeightedTardiness : null, ["bound"] = result.LowerBound, ["proved"] = result.IsProved,
            ["gap"] = double.IsFinite(result.Gap) ? Math.Round(result.Gap, 6) : null, ["seconds"] = Math.Round(result.Elapsed.TotalSeconds, 3), ["foundAfterS"] = Math.Round(result.FoundAfter.TotalSeconds, 3), ["moves"] = result.Moves, ["nodes"] = result.Nodes,
        };
        if (isGantt) json["gantt"] = schedule.ToGantt();
        return new CommandAnswer(0, json, console =>
        {
            console.WriteLine($"{instance.Name}: {instance.Jobs.Count} jobs on {instance.Machines} machines");
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"makespan {schedule.Makespan}{(instance.HasDueDates ? $", weighted tardiness {schedule.WeightedTardiness}" : "")}"));
            console.WriteLine(result.IsProved ? $"optimal: proved that nothing is below {result.LowerBound}"
                : string.Create(CultureInfo.InvariantCulture, $"bound {result.LowerBound}, {(double.IsFinite(result.Gap) ? $"gap {result.Gap:P2}, " : "")}not proved"));
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"found after {result.FoundAfter.TotalSeconds:F2} s of {result.Elapsed.TotalSeconds:F2} s; {result.Moves} moves, {result.Nodes} nodes"));
            if (isGantt) Draw(console, schedule);
        });
    }

    private static void Draw(IAnsiConsole console, JobShopSchedule schedule)
    {
        var instance = schedule.Instance;
        for (var machine = 0; machine < instance.Machines; machine++)
        {
            var bars = Enumerable.Range(0, instance.Operations).Where(o => instance.MachineOf[o] == machine).OrderBy(o => schedule.Starts[o]).ThenBy(o => instance.DurationOf[o]).ToArray();
            var shown = bars.Take(MostBars).Select(o => string.Create(CultureInfo.InvariantCulture, $"j{instance.JobOf[o]} {schedule.Starts[o]}-{schedule.Starts[o] + instance.DurationOf[o]}"));
            console.WriteLine($"m{machine}: {string.Join(", ", shown)}{(bars.Length > MostBars ? $", and {bars.Length - MostBars} more (all with --json)" : "")}");
        }
    }
}
