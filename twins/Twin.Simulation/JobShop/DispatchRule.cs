namespace Twin.Simulation.JobShop;

/// <summary>Which of the waiting operations a machine takes next. Ties go to the lower job number.</summary>
public enum DispatchRule
{
    /// <summary>Shortest processing time.</summary>
    Spt,

    /// <summary>Longest processing time.</summary>
    Lpt,

    /// <summary>Most work remaining in the job.</summary>
    Mwkr,

    /// <summary>Least work remaining in the job.</summary>
    Lwkr,

    /// <summary>First ready, first served.</summary>
    Fifo,

    /// <summary>Earliest due date of the job.</summary>
    Edd,

    /// <summary>Critical ratio: time until due over work remaining, least first.</summary>
    Cr,

    /// <summary>
    /// Apparent tardiness cost (Vepsalainen and Morton 1987): weight over duration, discounted by e to the minus slack over twice
    /// the mean duration; greatest first.
    /// </summary>
    Atc,

    /// <summary>Time until due less work remaining, least first.</summary>
    Slack,
}

/// <summary>Which operations may be chosen at a step of building (Giffler and Thompson 1960).</summary>
public enum ScheduleKind
{
    /// <summary>No operation could end earlier without another ending later: those that conflict with the earliest possible end.</summary>
    Active,

    /// <summary>No machine waits while work is there for it: those that can start earliest.</summary>
    NonDelay,
}

/// <summary>
/// Builds one schedule by a dispatching rule, releases and down times included. A job without a due date counts, where a rule
/// asks for one, as due at its release plus 1.3 times its work. O(operations x jobs).
/// </summary>
public static class RuleScheduler
{
    /// <summary>How much of its own work a job without a due date is given.</summary>
    public const double AssumedAllowance = 1.3;

    /// <summary>Builds the schedule.</summary>
    public static JobShopSchedule Build(JobShopInstance instance, DispatchRule rule, ScheduleKind kind = ScheduleKind.Active)
    {
        var first = instance.FirstOperationOf;
        var machineOf = instance.MachineOf;
        var durationOf = instance.DurationOf;
        var (next, ready) = (new int[instance.Jobs.Count], new int[instance.Jobs.Count]);
        var (work, due) = (new long[instance.Jobs.Count], new double[instance.Jobs.Count]);
        for (var job = 0; job < next.Length; job++)
        {
            (next[job], ready[job]) = (first[job], instance.Jobs[job].Release);
            for (var o = first[job]; o < first[job + 1]; o++) work[job] += durationOf[o];
            due[job] = instance.Jobs[job].Due ?? ready[job] + (AssumedAllowance * work[job]);
        }

        var (free, starts) = (new int[instance.Machines], new int[instance.Operations]);
        var mean = Math.Max(1.0, durationOf.Length == 0 ? 1 : Mean(durationOf));
        for (var done = 0; done < starts.Length; done++)
        {
            var (machine, before) = Conflict(instance, next, ready, free, kind);
            var (chosen, chosenStart, least) = (-1, 0, double.PositiveInfinity);
            for (var job = 0; job < next.Length; job++)
            {
                var operation = next[job];
                if (operation == first[job + 1] || machineOf[operation] != machine) continue;
                var start = instance.EarliestStart(machine, Math.Max(ready[job], free[machine]), durationOf[operation]);
                if (kind == ScheduleKind.Active ? start >= before && start + durationOf[operation] > before : start > before) continue;
                var key = Key(rule, durationOf[operation], work[job], ready[job], due[job], instance.Jobs[job].Weight, start, mean);
                if (chosen < 0 || key < least) (chosen, chosenStart, least) = (job, start, key);
            }

            var taken = next[chosen]++;
            starts[taken] = chosenStart;
            work[chosen] -= durationOf[taken];
            ready[chosen] = free[machine] = chosenStart + durationOf[taken];
        }

        return new JobShopSchedule(instance, starts);
    }

    /// <summary>The machine to be given work next, and the time before which (active) or by which (non-delay) a candidate starts.</summary>
    private static (int Machine, int Before) Conflict(JobShopInstance instance, int[] next, int[] ready, int[] free, ScheduleKind kind)
    {
        var (machine, least) = (-1, int.MaxValue);
        for (var job = 0; job < next.Length; job++)
        {
            var operation = next[job];
            if (operation == instance.FirstOperationOf[job + 1]) continue;
            var (on, duration) = (instance.MachineOf[operation], instance.DurationOf[operation]);
            var time = instance.EarliestStart(on, Math.Max(ready[job], free[on]), duration) + (kind == ScheduleKind.Active ? duration : 0);
            if (time < least) (machine, least) = (on, time);
        }

        return (machine, least);
    }

    private static double Key(DispatchRule rule, int duration, long work, int ready, double due, int weight, int now, double mean) => rule switch
    {
        DispatchRule.Spt => duration,
        DispatchRule.Lpt => -duration,
        DispatchRule.Mwkr => -work,
        DispatchRule.Lwkr => work,
        DispatchRule.Fifo => ready,
        DispatchRule.Edd => due,
        DispatchRule.Cr => (due - now) / Math.Max(1, work),
        DispatchRule.Atc => -(weight / Math.Max(1.0, duration) * Math.Exp(-Math.Max(0, due - now - work) / (2 * mean))),
        DispatchRule.Slack => due - now - work,
        _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "It must be one of the named rules."),
    };

    private static double Mean(ReadOnlySpan<int> durations)
    {
        var sum = 0L;
        foreach (var duration in durations) sum += duration;
        return (double)sum / durations.Length;
    }
}
