namespace Twin.Simulation.JobShop;

/// <summary>
/// Taillard's random job shops (E. Taillard, Benchmarks for basic scheduling problems, EJOR 64, 1993): a Lehmer generator
/// modulo 2^31 - 1 with multiplier 16807, durations uniform in 1 to 99, machine orders by swaps. The published seeds give the
/// published instances.
/// </summary>
public static class TaillardGenerator
{
    private const int Modulus = 2_147_483_647;

    /// <summary>Generates an instance.</summary>
    /// <param name="name">What people call it.</param>
    /// <param name="jobs">Jobs, at least 1.</param>
    /// <param name="machines">Machines, at least 1.</param>
    /// <param name="timeSeed">Seed of the durations, 1 to 2^31 - 2.</param>
    /// <param name="machineSeed">Seed of the orders, 1 to 2^31 - 2.</param>
    /// <exception cref="ArgumentOutOfRangeException">A seed is out of its range.</exception>
    public static JobShopInstance Generate(string name, int jobs, int machines, int timeSeed, int machineSeed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeSeed, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(machineSeed, 1);
        ArgumentOutOfRangeException.ThrowIfEqual(timeSeed, Modulus);
        ArgumentOutOfRangeException.ThrowIfEqual(machineSeed, Modulus);
        var durations = new int[jobs, machines];
        for (var job = 0; job < jobs; job++)
            for (var step = 0; step < machines; step++) durations[job, step] = Uniform(ref timeSeed, 1, 99);
        var steps = new JobShopJob[jobs];
        for (var job = 0; job < jobs; job++)
        {
            var order = new int[machines];
            for (var step = 0; step < machines; step++) order[step] = step;
            for (var step = 0; step < machines; step++)
            {
                var other = Uniform(ref machineSeed, step, machines - 1);
                (order[step], order[other]) = (order[other], order[step]);
            }

            steps[job] = new JobShopJob([.. order.Select((m, s) => new JobShopStep(m, durations[job, s]))]);
        }

        return new JobShopInstance(name, machines, steps);
    }

    private static int Uniform(ref int seed, int low, int high)
    {
        seed = (int)(16807L * seed % Modulus);
        return low + (int)(seed / (double)Modulus * (high - low + 1));
    }
}
