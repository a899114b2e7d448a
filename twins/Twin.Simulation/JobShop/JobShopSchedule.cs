using System.Text.Json.Nodes;

namespace Twin.Simulation.JobShop;

/// <summary>What a schedule is judged by.</summary>
public enum JobShopObjective
{
    /// <summary>The time at which the last operation ends.</summary>
    Makespan,

    /// <summary>The sum over jobs of weight times how much later than due it ends.</summary>
    WeightedTardiness,
}

/// <summary>When each operation starts. Immutable; nothing is checked here, <see cref="ScheduleChecker"/> does.</summary>
public sealed class JobShopSchedule
{
    private readonly int[] _starts;

    /// <summary>Takes a copy of the starts, one an operation.</summary>
    /// <exception cref="ArgumentException">The number of starts is not the number of operations.</exception>
    public JobShopSchedule(JobShopInstance instance, ReadOnlySpan<int> starts)
    {
        if (starts.Length != instance.Operations) throw new ArgumentException($"There are {starts.Length} starts; the instance has {instance.Operations} operations.", nameof(starts));
        (Instance, _starts) = (instance, starts.ToArray());
        for (var job = 0; job < instance.Jobs.Count; job++)
        {
            var end = EndOf(job);
            Makespan = Math.Max(Makespan, end);
            if (instance.Jobs[job].Due is { } due) WeightedTardiness += (long)instance.Jobs[job].Weight * Math.Max(0, end - due);
        }
    }

    /// <summary>What is scheduled.</summary>
    public JobShopInstance Instance { get; }

    /// <summary>The start of each operation.</summary>
    public ReadOnlySpan<int> Starts => _starts;

    /// <summary>When the last operation ends.</summary>
    public int Makespan { get; }

    /// <summary>Sum over jobs of weight times tardiness.</summary>
    public long WeightedTardiness { get; }

    /// <summary>The value of an objective.</summary>
    public long ValueOf(JobShopObjective objective) => objective == JobShopObjective.Makespan ? Makespan : WeightedTardiness;

    /// <summary>When a job's last operation ends.</summary>
    public int EndOf(int job)
    {
        var last = Instance.FirstOperationOf[job + 1] - 1;
        return _starts[last] + Instance.DurationOf[last];
    }

    /// <summary>Operations machine by machine in their order; what takes no time stands before what begins with it, so that the order has no cycle.</summary>
    internal int[] ToSequence() =>
        [.. Enumerable.Range(0, _starts.Length).OrderBy(o => Instance.MachineOf[o]).ThenBy(o => _starts[o]).ThenBy(o => _starts[o] + Instance.DurationOf[o]).ThenBy(o => o)];

    /// <summary>
    /// The Gantt chart: <c>{name, makespan, weightedTardiness, machines: [{machine, bars: [{job, step, start, end}], down: [{from, until}]}], jobs: [{job, end, due, tardiness}]}</c>,
    /// bars in the order of time.
    /// </summary>
    public JsonObject ToGantt()
    {
        var machines = new JsonArray();
        for (var machine = 0; machine < Instance.Machines; machine++)
        {
            var bars = Enumerable.Range(0, Instance.Operations).Where(o => Instance.MachineOf[o] == machine).OrderBy(o => _starts[o]).ThenBy(o => Instance.DurationOf[o]);
            machines.Add(new JsonObject
            {
                ["machine"] = machine,
                ["bars"] = new JsonArray([.. bars.Select(o => new JsonObject
                {
                    ["job"] = Instance.JobOf[o], ["step"] = o - Instance.FirstOperationOf[Instance.JobOf[o]], ["start"] = _starts[o], ["end"] = _starts[o] + Instance.DurationOf[o],
                })]),
                ["down"] = new JsonArray([.. Instance.DowntimesOf(machine).Select(d => new JsonObject { ["from"] = d.From, ["until"] = d.Until })]),
            });
        }

        var jobs = new JsonArray([.. Instance.Jobs.Select((j, i) => new JsonObject
        {
            ["job"] = i, ["end"] = EndOf(i), ["due"] = j.Due, ["tardiness"] = j.Due is { } due ? Math.Max(0, EndOf(i) - due) : null,
        })]);
        return new JsonObject { ["name"] = Instance.Name, ["makespan"] = Makespan, ["weightedTardiness"] = WeightedTardiness, ["machines"] = machines, ["jobs"] = jobs };
    }
}
