using Twin.Model;

namespace Twin.Simulation.JobShop;

/// <summary>
/// Simulated annealing for what tabu search with heads and tails cannot weigh: weighted tardiness, and down times (van Laarhoven,
/// Aarts and Lenstra 1992). Problem: the best machine orders. Idea: follow what binds a late (or the last) job back through
/// operations that start when another ends, and swap two neighbours of one machine there. Survives: down times between the two
/// (orders with a cycle are refused when they are decoded). Cycles of cooling, each twice as long, begin from the best. Hot: no
/// allocation but for a new best. Deterministic by seed and number of iterations. One owner at a time.
/// </summary>
internal sealed class AnnealingSearch
{
    private const int FirstCycle = 10_000;
    private readonly JobShopInstance _instance;
    private readonly JobShopObjective _objective;
    private readonly DisjunctiveGraph _graph;
    private readonly bool _hasDowntimes;
    private readonly int[] _starts;
    private readonly int[] _missing;
    private readonly int[] _order;
    private readonly int[] _path;
    private readonly int[] _ends;
    private SeededRandom _random;
    private double _temperature;
    private double _cooling;
    private int _cycle = FirstCycle;
    private int _left;
    private bool _isHot;
    private long _value;

    public AnnealingSearch(JobShopInstance instance, JobShopObjective objective, ulong seed, JobShopSchedule start)
    {
        (_instance, _objective, _graph, Best, _hasDowntimes) = (instance, objective, new DisjunctiveGraph(instance), start, instance.HasDowntimes);
        (_starts, _missing, _order) = (new int[instance.Operations], new int[instance.Operations], new int[instance.Operations]);
        (_path, _ends) = (new int[instance.Operations], new int[instance.Jobs.Count]);
        _random = new SeededRandom(seed, SeededRandom.EntityOf("jobshop-annealing"));
    }

    /// <summary>The best schedule so far.</summary>
    public JobShopSchedule Best { get; private set; }

    /// <summary>Moves tried so far.</summary>
    public long Iterations { get; private set; }

    /// <summary>Tries so many moves more, until the goal is met or the budget is spent.</summary>
    public void Run(long moves, long goal, SearchBudget budget)
    {
        for (var done = 0L; done < moves && Best.ValueOf(_objective) > goal && !budget.IsSpent; done++)
        {
            if (_left-- <= 0) BeginCycle();
            Iterations++;
            _temperature *= _cooling;
            var v = Pick();
            if (v == _graph.None) continue;
            var u = _graph.MachineBefore[v];
            Swap(u, v);
            var old = _value;
            if (!Decode() || (_value > old && _random.NextDouble() >= Math.Exp((old - _value) / _temperature)))
            {
                Swap(v, u);
                Decode();
                continue;
            }

            if (_value < Best.ValueOf(_objective)) Best = new JobShopSchedule(_instance, _starts);
        }
    }

    private void BeginCycle()
    {
        var sequence = Best.ToSequence();
        for (var slot = 0; slot < sequence.Length; slot++) SetSlot(slot, sequence[slot]);
        if (!Decode()) throw new InvalidOperationException("The order of a schedule has a cycle.");
        // From a swap of mean operations being likely (every other cycle: six of them, to leave what one swap cannot) to one time unit being unlikely.
        var mean = Math.Max(1.0, _instance.DurationOf.ToArray().Average());
        var weight = _objective == JobShopObjective.Makespan ? 1.0 : Math.Max(1.0, _instance.Jobs.Average(j => j.Weight));
        (_temperature, _left) = (mean * weight * (_isHot ? 3 : 0.5), _cycle);
        _isHot = !_isHot;
        _cooling = Math.Pow(0.1 / Math.Max(0.2, _temperature), 1.0 / _cycle);
        _cycle = Math.Min(_cycle * 2, 10_000_000);
    }

    private void SetSlot(int slot, int o)
    {
        var machine = _graph.MachineOf[o];
        (_graph.Sequence[slot], _graph.Slot[o]) = (o, slot);
        var before = slot == _graph.MachineFirst[machine] ? _graph.None : _graph.Sequence[slot - 1];
        (_graph.MachineBefore[o], _graph.MachineAfter[o]) = (before, _graph.None);
        if (before != _graph.None) _graph.MachineAfter[before] = o;
    }

    /// <summary>Exchanges neighbours: u stands right before v.</summary>
    private void Swap(int u, int v)
    {
        var (before, after, slot) = (_graph.MachineBefore[u], _graph.MachineAfter[v], _graph.Slot[u]);
        (_graph.Sequence[slot], _graph.Sequence[slot + 1], _graph.Slot[v], _graph.Slot[u]) = (v, u, slot, slot + 1);
        (_graph.MachineBefore[v], _graph.MachineAfter[v], _graph.MachineBefore[u], _graph.MachineAfter[u]) = (before, u, v, after);
        if (before != _graph.None) _graph.MachineAfter[before] = v;
        if (after != _graph.None) _graph.MachineBefore[after] = u;
    }

    /// <summary>Starts and value of the order; false when it has a cycle.</summary>
    private bool Decode()
    {
        var (none, filled) = (_graph.None, 0);
        for (var o = 0; o < none; o++)
        {
            _missing[o] = (_graph.JobBefore[o] == none ? 0 : 1) + (_graph.MachineBefore[o] == none ? 0 : 1);
            if (_missing[o] == 0) _order[filled++] = o;
        }

        for (var i = 0; i < filled; i++)
        {
            var o = _order[i];
            var (job, machine, after, next) = (_graph.JobBefore[o], _graph.MachineBefore[o], _graph.JobAfter[o], _graph.MachineAfter[o]);
            var ready = _graph.Floor[o];
            if (job != none) ready = Math.Max(ready, _starts[job] + _graph.Duration[job]);
            if (machine != none) ready = Math.Max(ready, _starts[machine] + _graph.Duration[machine]);
            _starts[o] = _hasDowntimes ? _instance.EarliestStart(_graph.MachineOf[o], ready, _graph.Duration[o]) : ready;
            if (after != none && --_missing[after] == 0) _order[filled++] = after;
            else if (after == none) _ends[_instance.JobOf[o]] = _starts[o] + _graph.Duration[o];
            if (next != none && --_missing[next] == 0) _order[filled++] = next;
        }

        if (filled < none) return false;
        _value = 0;
        for (var job = 0; job < _ends.Length; job++)
        {
            if (_objective == JobShopObjective.Makespan) _value = Math.Max(_value, _ends[job]);
            else if (_instance.Jobs[job].Due is { } due) _value += (long)_instance.Jobs[job].Weight * Math.Max(0, _ends[job] - due);
        }

        return true;
    }

    /// <summary>The later of two machine neighbours on what binds a random late job; none when nothing can be swapped there.</summary>
    private int Pick()
    {
        if (_random.NextInt(8) == 0)
        {
            // Down times bind operations that no path shows: any neighbours may be what has to change.
            var any = _random.NextInt(_graph.None);
            return _graph.MachineBefore[any] == _graph.None || _graph.MachineBefore[any] == _graph.JobBefore[any] ? _graph.None : any;
        }

        var (job, seen) = (-1, 0L);
        for (var j = 0; j < _ends.Length; j++)
        {
            var late = _objective == JobShopObjective.Makespan ? (_ends[j] == _value ? 1 : 0) : _instance.Jobs[j].Due is { } due ? (long)_instance.Jobs[j].Weight * Math.Max(0, _ends[j] - due) : 0;
            if (late <= 0) continue;
            seen += late;
            if (_random.NextDouble() * seen < late) job = j;
        }

        if (job < 0) return _graph.None;
        var (at, count, none) = (_instance.FirstOperationOf[job + 1] - 1, 0, _graph.None);
        while (at != none)
        {
            var (before, machine) = (_graph.JobBefore[at], _graph.MachineBefore[at]);
            var jobEnd = before == none ? _graph.Floor[at] : _starts[before] + _graph.Duration[before];
            var machineEnd = machine == none ? -1 : _starts[machine] + _graph.Duration[machine];
            if (machine != none && machine != before) _path[count] = at;
            if (machine != none && machineEnd >= jobEnd)
            {
                if (machine != before) count++;
                at = machine;
            }
            else at = before;
        }

        return count == 0 ? none : _path[_random.NextInt(count)];
    }
}
