using Twin.Model;
using Twin.Simulation.JobShop;

namespace Twin.Simulation.Tests.JobShop;

/// <summary>Small random shops, and their best values by trying every order: shares no code with the search.</summary>
internal static class Shops
{
    /// <summary>3 to 4 jobs on 2 to 3 machines; every third has no-time operations, jobs that skip or come back, releases, due dates.</summary>
    public static JobShopInstance Small(ulong seed, bool isDown = false)
    {
        var random = new SeededRandom(seed, 7);
        var machines = 2 + random.NextInt(2);
        var jobs = new JobShopJob[machines == 2 ? 4 : 3];
        for (var j = 0; j < jobs.Length; j++)
        {
            var steps = new List<JobShopStep>();
            for (var s = 0; s < machines; s++)
                steps.Add(new JobShopStep(seed % 3 == 0 ? random.NextInt(machines) : (s + j) % machines, seed % 3 == 0 ? random.NextInt(6) : 1 + random.NextInt(9)));
            var work = steps.Sum(s => s.Duration);
            jobs[j] = new JobShopJob(steps, seed % 2 == 0 ? random.NextInt(6) : 0, work + random.NextInt(6), 1 + random.NextInt(4));
        }

        MachineDowntime[] down = isDown ? [new(0, 3 + random.NextInt(5), 10 + random.NextInt(4)), new(1, 16, 17 + random.NextInt(5))] : [];
        return new JobShopInstance($"small{seed}", machines, jobs, down);
    }

    /// <summary>The least makespan and weighted tardiness over every order in which operations can be put in, each as early as it fits behind the others.</summary>
    public static (long Makespan, long Tardiness) Best(JobShopInstance shop)
    {
        var (next, ready, free) = (new int[shop.Jobs.Count], shop.Jobs.Select(j => j.Release).ToArray(), new int[shop.Machines]);
        var best = (Makespan: long.MaxValue, Tardiness: long.MaxValue);
        Put();
        return best;

        void Put()
        {
            var isDone = true;
            for (var j = 0; j < next.Length; j++)
            {
                if (next[j] == shop.Jobs[j].Steps.Count) continue;
                isDone = false;
                var (machine, duration) = shop.Jobs[j].Steps[next[j]];
                var (oldReady, oldFree) = (ready[j], free[machine]);
                var start = Math.Max(oldReady, oldFree);
                while (shop.DowntimesOf(machine).Any(d => start < d.Until && start + duration > d.From)) start++;
                (ready[j], free[machine]) = (start + duration, start + duration);
                next[j]++;
                Put();
                next[j]--;
                (ready[j], free[machine]) = (oldReady, oldFree);
            }

            if (!isDone) return;
            best.Makespan = Math.Min(best.Makespan, ready.Max());
            best.Tardiness = Math.Min(best.Tardiness, shop.Jobs.Select((j, i) => (long)j.Weight * Math.Max(0, ready[i] - j.Due!.Value)).Sum());
        }
    }
}
