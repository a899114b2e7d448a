namespace Twin.Simulation.JobShop;

/// <summary>
/// Lower bounds without search: the longest job, and for each machine Jackson's preemptive schedule over heads and tails of the
/// jobs alone (Carlier 1982). Down times delay jobs in the first, and are left out in the second. O(n log n).
/// </summary>
internal static class SimpleBound
{
    /// <summary>No schedule ends before this.</summary>
    public static int Makespan(JobShopInstance instance)
    {
        var first = instance.FirstOperationOf;
        var (heads, tails) = (new int[instance.Operations], new int[instance.Operations]);
        var bound = 0;
        for (var job = 0; job < instance.Jobs.Count; job++)
        {
            var ready = instance.Jobs[job].Release;
            for (var o = first[job]; o < first[job + 1]; o++)
            {
                heads[o] = instance.EarliestStart(instance.MachineOf[o], ready, instance.DurationOf[o]);
                ready = heads[o] + instance.DurationOf[o];
            }

            bound = Math.Max(bound, ready);
            var rest = 0;
            for (var o = first[job + 1] - 1; o >= first[job]; o--) (tails[o], rest) = (rest, rest + instance.DurationOf[o]);
        }

        var machineOf = instance.MachineOf.ToArray();
        foreach (var machine in Enumerable.Range(0, instance.Operations).GroupBy(o => machineOf[o])) bound = Math.Max(bound, Jackson([.. machine], heads, instance.DurationOf, tails));
        return bound;
    }

    /// <summary>What tardiness the jobs have even when each is alone.</summary>
    public static long WeightedTardiness(JobShopInstance instance)
    {
        var sum = 0L;
        for (var job = 0; job < instance.Jobs.Count; job++)
        {
            var end = instance.Jobs[job].Release;
            foreach (var step in instance.Jobs[job].Steps) end = instance.EarliestStart(step.Machine, end, step.Duration) + step.Duration;
            if (instance.Jobs[job].Due is { } due) sum += (long)instance.Jobs[job].Weight * Math.Max(0, end - due);
        }

        return sum;
    }

    private static int Jackson(int[] operations, int[] heads, ReadOnlySpan<int> durations, int[] tails)
    {
        Array.Sort(operations, (a, b) => heads[a] != heads[b] ? heads[a].CompareTo(heads[b]) : a.CompareTo(b));
        var waiting = new PriorityQueue<(int Operation, int Left), int>();
        var (now, bound, at) = (0, 0, 0);
        while (at < operations.Length || waiting.Count > 0)
        {
            if (waiting.Count == 0) now = Math.Max(now, heads[operations[at]]);
            for (; at < operations.Length && heads[operations[at]] <= now; at++) waiting.Enqueue((operations[at], durations[operations[at]]), -tails[operations[at]]);
            var (operation, left) = waiting.Dequeue();
            var until = at < operations.Length ? Math.Min(now + left, heads[operations[at]]) : now + left;
            if (until < now + left) waiting.Enqueue((operation, left - (until - now)), -tails[operation]);
            else bound = Math.Max(bound, until + tails[operation]);
            now = until;
        }

        return bound;
    }
}
