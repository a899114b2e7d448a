namespace Twin.Simulation.JobShop;

/// <summary>One operation of a job: where and how long.</summary>
/// <param name="Machine">Machine, from 0.</param>
/// <param name="Duration">Processing time in the instance's own time unit, not negative.</param>
public readonly record struct JobShopStep(int Machine, int Duration);

/// <summary>A job: its operations in their order, and what is asked of it.</summary>
/// <param name="Steps">At least one operation; a machine may be visited more than once.</param>
/// <param name="Release">Not started before this time.</param>
/// <param name="Due">Wanted by this time; null when nobody asks.</param>
/// <param name="Weight">Cost of one time unit of tardiness, not negative.</param>
public sealed record JobShopJob(IReadOnlyList<JobShopStep> Steps, int Release = 0, int? Due = null, int Weight = 1);

/// <summary>A time in which a machine does not work: an operation neither starts nor goes on within it.</summary>
/// <param name="Machine">Machine, from 0.</param>
/// <param name="From">First time unit of the interval.</param>
/// <param name="Until">First time unit after it.</param>
public readonly record struct MachineDowntime(int Machine, int From, int Until);

/// <summary>
/// A job shop: jobs whose operations run in their order, machines that do one operation at a time and never interrupt it.
/// Times are whole numbers of the instance's own unit. Operations are numbered through all jobs, job by job. Immutable; any
/// thread may read.
/// </summary>
public sealed class JobShopInstance
{
    /// <summary>Most operations an instance may have.</summary>
    public const int MostOperations = 100_000;

    /// <summary>The durations, the latest release and all down times together stay below this, so that no sum overflows.</summary>
    public const int LongestHorizon = 1_000_000_000;

    private readonly int[] _first;
    private readonly int[] _machineOf;
    private readonly int[] _durationOf;
    private readonly int[] _jobOf;
    private readonly JobShopJob[] _jobs;
    private readonly MachineDowntime[][] _downtimes;

    /// <summary>Checks and takes over an instance.</summary>
    /// <exception cref="ArgumentException">A count, machine, duration, date or interval is out of its range; the message names it.</exception>
    public JobShopInstance(string name, int machines, IReadOnlyList<JobShopJob> jobs, IReadOnlyList<MachineDowntime>? downtimes = null)
    {
        (Name, Machines, _jobs) = (name, machines, [.. jobs]);
        if (machines is < 1 or > MostOperations) throw new ArgumentException($"The instance has {machines} machines; it must be 1 to {MostOperations}.", nameof(machines));
        if (_jobs.Length == 0) throw new ArgumentException("The instance has no job.", nameof(jobs));
        var count = _jobs.Sum(j => (long)j.Steps.Count);
        if (count > MostOperations) throw new ArgumentException($"The instance has {count} operations; at most {MostOperations} are taken.", nameof(jobs));
        _first = new int[_jobs.Length + 1];
        (_machineOf, _durationOf, _jobOf) = (new int[count], new int[count], new int[count]);
        var horizon = 0L;
        for (var job = 0; job < _jobs.Length; job++) horizon += TakeJob(job);
        horizon += _jobs.Max(j => j.Release);
        _downtimes = [.. Enumerable.Range(0, machines).Select(m => (downtimes ?? []).Where(d => d.Machine == m).OrderBy(d => d.From).ToArray())];
        foreach (var down in downtimes ?? [])
        {
            if (down.Machine < 0 || down.Machine >= machines) throw new ArgumentException($"A down time names machine {down.Machine}; it must be 0 to {machines - 1}.", nameof(downtimes));
            if (down.From < 0 || down.Until <= down.From || down.Until > LongestHorizon) throw new ArgumentException($"The down time of machine {down.Machine} is from {down.From} until {down.Until}; it must begin at 0 or later, end after its begin and by {LongestHorizon}.", nameof(downtimes));
        }

        foreach (var machine in _downtimes)
        {
            for (var i = 1; i < machine.Length; i++)
                if (machine[i].From < machine[i - 1].Until) throw new ArgumentException($"Down times of machine {machine[i].Machine} overlap: {machine[i - 1].From} to {machine[i - 1].Until} and {machine[i].From} to {machine[i].Until}.", nameof(downtimes));
        }

        // Beside a down time an operation may lose up to its own length in the gap before it.
        horizon += _downtimes.Sum(d => d.Length == 0 ? 0L : d[^1].Until);
        if (horizon > LongestHorizon) throw new ArgumentException($"Durations, releases and down times sum to {horizon}; at most {LongestHorizon} is taken.", nameof(jobs));
    }

    /// <summary>What people call it.</summary>
    public string Name { get; }

    /// <summary>Number of machines.</summary>
    public int Machines { get; }

    /// <summary>The jobs.</summary>
    public IReadOnlyList<JobShopJob> Jobs => _jobs;

    /// <summary>Number of operations.</summary>
    public int Operations => _machineOf.Length;

    /// <summary>The first operation of each job, and at the end the number of operations.</summary>
    public ReadOnlySpan<int> FirstOperationOf => _first;

    /// <summary>The machine of each operation.</summary>
    public ReadOnlySpan<int> MachineOf => _machineOf;

    /// <summary>The duration of each operation.</summary>
    public ReadOnlySpan<int> DurationOf => _durationOf;

    /// <summary>The job of each operation.</summary>
    public ReadOnlySpan<int> JobOf => _jobOf;

    /// <summary>True when a machine is down at some time.</summary>
    public bool HasDowntimes => _downtimes.Any(d => d.Length > 0);

    /// <summary>True when a job is wanted by some time.</summary>
    public bool HasDueDates => _jobs.Any(j => j.Due is not null);

    /// <summary>The down times of a machine in their order; they do not overlap.</summary>
    public IReadOnlyList<MachineDowntime> DowntimesOf(int machine) => _downtimes[machine];

    /// <summary>The earliest time from <paramref name="ready"/> on at which the machine works <paramref name="duration"/> units on end.</summary>
    public int EarliestStart(int machine, int ready, int duration)
    {
        foreach (var down in _downtimes[machine])
        {
            if (ready + duration <= down.From) break;
            if (ready < down.Until) ready = down.Until;
        }

        return ready;
    }

    private long TakeJob(int job)
    {
        var (steps, at) = (_jobs[job].Steps, _first[job]);
        if (steps.Count == 0) throw new ArgumentException($"Job {job} has no operation.", "jobs");
        if (_jobs[job].Release is < 0 or > LongestHorizon) throw new ArgumentException($"Job {job} is released at {_jobs[job].Release}; it must be 0 to {LongestHorizon}.", "jobs");
        if (_jobs[job].Due is < 0 or > LongestHorizon) throw new ArgumentException($"Job {job} is due at {_jobs[job].Due}; it must be 0 to {LongestHorizon}.", "jobs");
        if (_jobs[job].Weight is < 0 or > 1_000_000) throw new ArgumentException($"Job {job} has weight {_jobs[job].Weight}; it must be 0 to 1000000.", "jobs");
        var length = 0L;
        foreach (var (machine, duration) in steps)
        {
            if (machine < 0 || machine >= Machines) throw new ArgumentException($"Job {job} visits machine {machine}; it must be 0 to {Machines - 1}.", "jobs");
            if (duration is < 0 or > LongestHorizon) throw new ArgumentException($"Job {job} spends {duration} on machine {machine}; it must be 0 to {LongestHorizon}.", "jobs");
            (_machineOf[at], _durationOf[at], _jobOf[at]) = (machine, duration, job);
            at++;
            length += duration;
        }

        _first[job + 1] = at;
        return length;
    }
}
