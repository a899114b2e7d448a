namespace Twin.Simulation.JobShop;

/// <summary>
/// Says whether a schedule keeps every rule, from the starts alone: it shares nothing with what made the schedule, neither
/// graph nor order. O(n log n).
/// </summary>
public static class ScheduleChecker
{
    /// <summary>The broken rules, at most <paramref name="most"/>; empty when the schedule is right.</summary>
    public static IReadOnlyList<string> Check(JobShopSchedule schedule, int most = 20)
    {
        var wrong = new List<string>();
        var instance = schedule.Instance;
        var busy = new List<(int Machine, int Start, int End, int Job, int Step)>(instance.Operations);
        var operation = 0;
        var last = 0;
        for (var job = 0; job < instance.Jobs.Count; job++)
        {
            var (ready, steps) = (instance.Jobs[job].Release, instance.Jobs[job].Steps);
            for (var step = 0; step < steps.Count; step++, operation++)
            {
                var (start, end) = (schedule.Starts[operation], schedule.Starts[operation] + steps[step].Duration);
                if (start < ready) wrong.Add($"Job {job}, step {step} starts at {start}; it is ready at {ready}.");
                ready = end;
                last = Math.Max(last, end);
                busy.Add((steps[step].Machine, start, end, job, step));
            }
        }

        if (last != schedule.Makespan) wrong.Add($"The makespan is said to be {schedule.Makespan}; the last operation ends at {last}.");
        busy.Sort();
        for (var i = 1; i < busy.Count; i++)
        {
            var (before, after) = (busy[i - 1], busy[i]);
            if (before.Machine == after.Machine && after.Start < before.End)
                wrong.Add($"Machine {after.Machine} does job {before.Job}, step {before.Step} until {before.End} and job {after.Job}, step {after.Step} from {after.Start}.");
        }

        foreach (var (machine, start, end, job, step) in busy)
        {
            foreach (var down in instance.DowntimesOf(machine))
                if (start < down.Until && end > down.From) wrong.Add($"Machine {machine} is down from {down.From} until {down.Until}; job {job}, step {step} is on it from {start} until {end}.");
        }

        return wrong.Count <= most ? wrong : wrong[..most];
    }
}
