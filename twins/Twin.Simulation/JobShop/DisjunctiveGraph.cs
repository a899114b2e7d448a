namespace Twin.Simulation.JobShop;

/// <summary>
/// A machine order of every operation with the longest paths it makes: <see cref="Head"/> from the source to an operation,
/// <see cref="Tail"/> from its start to the sink. A move changes one segment of one machine; the topological order is mended in
/// place and only what can change is computed again. Index <see cref="None"/> stands for no neighbour. Hot: no allocation after
/// construction. One owner at a time.
/// </summary>
internal sealed class DisjunctiveGraph
{
    private readonly int[] _order;
    private readonly int[] _position;
    private readonly int[] _held;
    private readonly int[] _mark;
    private readonly int[] _ends;
    private int _stamp;

    public DisjunctiveGraph(JobShopInstance instance)
    {
        var count = instance.Operations;
        None = count;
        (Duration, Floor) = ([.. instance.DurationOf, 0], new int[count + 1]);
        (JobBefore, JobAfter) = (new int[count + 1], new int[count + 1]);
        (MachineBefore, MachineAfter) = (new int[count + 1], new int[count + 1]);
        (Head, Tail, Slot, Sequence) = (new int[count + 1], new int[count + 1], new int[count + 1], new int[count]);
        (_order, _position, _held, _mark) = (new int[count], new int[count + 1], new int[count], new int[count + 1]);
        MachineOf = instance.MachineOf.ToArray();
        MachineFirst = new int[instance.Machines + 1];
        Local = new int[count];
        for (var o = 0; o < count; o++) Local[o] = MachineFirst[MachineOf[o] + 1]++;
        for (var m = 0; m < instance.Machines; m++) MachineFirst[m + 1] += MachineFirst[m];
        _ends = new int[instance.Jobs.Count];
        for (var job = 0; job < _ends.Length; job++)
        {
            var (first, last) = (instance.FirstOperationOf[job], instance.FirstOperationOf[job + 1] - 1);
            Floor[first] = instance.Jobs[job].Release;
            for (var o = first; o <= last; o++) (JobBefore[o], JobAfter[o]) = (o == first ? None : o - 1, o == last ? None : o + 1);
            _ends[job] = last;
        }

        (JobBefore[None], JobAfter[None], MachineBefore[None], MachineAfter[None]) = (None, None, None, None);
    }

    /// <summary>Number of operations, and the index that stands for none.</summary>
    public int None { get; }

    public int[] Duration { get; }

    /// <summary>The release of a job's first operation, 0 elsewhere.</summary>
    public int[] Floor { get; }

    public int[] JobBefore { get; }

    public int[] JobAfter { get; }

    public int[] MachineBefore { get; }

    public int[] MachineAfter { get; }

    public int[] MachineOf { get; }

    /// <summary>Where each machine's part of <see cref="Sequence"/> begins; one more than machines.</summary>
    public int[] MachineFirst { get; }

    /// <summary>Earliest start.</summary>
    public int[] Head { get; }

    /// <summary>Longest path from the start of the operation to the end of everything, its own duration included.</summary>
    public int[] Tail { get; }

    /// <summary>Operations machine by machine in their order.</summary>
    public int[] Sequence { get; }

    /// <summary>A number of each operation among those of its machine, from 0, that moves do not change.</summary>
    public int[] Local { get; }

    /// <summary>Where in <see cref="Sequence"/> an operation stands.</summary>
    public int[] Slot { get; }

    public int Makespan { get; private set; }

    /// <summary>A topological order of the operations.</summary>
    public ReadOnlySpan<int> Order => _order;

    /// <summary>Takes over a machine order. False, and the graph is unusable until the next load, when it has a cycle.</summary>
    public bool Load(ReadOnlySpan<int> sequence)
    {
        sequence.CopyTo(Sequence);
        for (var m = 0; m + 1 < MachineFirst.Length; m++) Link(MachineFirst[m], MachineFirst[m + 1] - 1);
        var (filled, waiting) = (0, _held);
        for (var o = 0; o < None; o++)
        {
            waiting[o] = (JobBefore[o] == None ? 0 : 1) + (MachineBefore[o] == None ? 0 : 1);
            if (waiting[o] == 0) _order[filled++] = o;
        }

        for (var i = 0; i < filled; i++)
        {
            var (job, machine) = (JobAfter[_order[i]], MachineAfter[_order[i]]);
            if (job != None && --waiting[job] == 0) _order[filled++] = job;
            if (machine != None && --waiting[machine] == 0) _order[filled++] = machine;
        }

        if (filled < None) return false;
        for (var i = 0; i < None; i++) _position[_order[i]] = i;
        Measure(0, None - 1);
        return true;
    }

    /// <summary>Takes over the order that sorting by <paramref name="keys"/> gives; the keys rise along every job.</summary>
    public void LoadByKeys(ReadOnlySpan<double> keys)
    {
        var (sorted, operations) = (keys[..None].ToArray(), new int[None]);
        for (var o = 0; o < None; o++) operations[o] = o;
        Array.Sort(sorted, operations);
        var (filled, sequence) = (MachineFirst[..^1], new int[None]);
        foreach (var o in operations) sequence[filled[MachineOf[o]]++] = o;
        if (!Load(sequence)) throw new InvalidOperationException("The keys do not rise along the jobs.");
    }

    /// <summary>True when <paramref name="u"/> may be moved right behind <paramref name="v"/>, a later operation of its machine: certain, though not every possible move is seen.</summary>
    public bool MayMoveBehind(int u, int v)
    {
        var after = JobAfter[u];
        return after == None || (after != v && Tail[v] + Duration[after] > Tail[after]);
    }

    /// <summary>True when <paramref name="v"/> may be moved right before <paramref name="u"/>, an earlier operation of its machine: certain, though not every possible move is seen.</summary>
    public bool MayMoveBefore(int v, int u)
    {
        var before = JobBefore[v];
        return before == None || (before != u && Head[before] < Head[u] + Duration[u]);
    }

    /// <summary>Moves <paramref name="u"/> right behind <paramref name="v"/>. The caller has asked <see cref="MayMoveBehind"/>.</summary>
    public void MoveBehind(int u, int v)
    {
        var (from, to) = (Slot[u], Slot[v]);
        Array.Copy(Sequence, from + 1, Sequence, from, to - from);
        Sequence[to] = u;
        Link(from, to);
        var (low, high) = (_position[u], _position[v]);
        var (write, held, stamp) = (low, 0, ++_stamp);
        _mark[u] = stamp;
        _held[held++] = u;
        for (var i = low + 1; i <= high; i++)
        {
            var x = _order[i];
            if (_mark[JobBefore[x]] == stamp || _mark[MachineBefore[x]] == stamp)
            {
                _mark[x] = stamp;
                _held[held++] = x;
            }
            else
            {
                _order[write] = x;
                _position[x] = write++;
            }
        }

        if (_mark[v] == stamp) ThrowCycle(u, v);
        for (var i = 0; i < held; i++, write++)
        {
            _order[write] = _held[i];
            _position[_held[i]] = write;
        }

        Measure(low, high);
    }

    /// <summary>Moves <paramref name="v"/> right before <paramref name="u"/>. The caller has asked <see cref="MayMoveBefore"/>.</summary>
    public void MoveBefore(int v, int u)
    {
        var (from, to) = (Slot[u], Slot[v]);
        Array.Copy(Sequence, from, Sequence, from + 1, to - from);
        Sequence[from] = v;
        Link(from, to);
        var (low, high) = (_position[u], _position[v]);
        var (write, held, stamp) = (high, 0, ++_stamp);
        _mark[v] = stamp;
        _held[held++] = v;
        for (var i = high - 1; i >= low; i--)
        {
            var x = _order[i];
            if (_mark[JobAfter[x]] == stamp || _mark[MachineAfter[x]] == stamp)
            {
                _mark[x] = stamp;
                _held[held++] = x;
            }
            else
            {
                _order[write] = x;
                _position[x] = write--;
            }
        }

        if (_mark[u] == stamp) ThrowCycle(u, v);
        for (var i = 0; i < held; i++, write--)
        {
            _order[write] = _held[i];
            _position[_held[i]] = write;
        }

        Measure(low, high);
    }

    /// <summary>The starts as a schedule.</summary>
    public JobShopSchedule ToSchedule(JobShopInstance instance) => new(instance, Head.AsSpan(0, None));

    private void Link(int from, int to)
    {
        if (from > to) return;
        var machine = MachineOf[Sequence[from]];
        var before = from == MachineFirst[machine] ? None : Sequence[from - 1];
        for (var slot = from; slot <= to; slot++)
        {
            var o = Sequence[slot];
            Slot[o] = slot;
            MachineBefore[o] = before;
            if (before != None) MachineAfter[before] = o;
            before = o;
        }

        var after = to + 1 == MachineFirst[machine + 1] ? None : Sequence[to + 1];
        MachineAfter[before] = after;
        if (after != None) MachineBefore[after] = before;
    }

    /// <summary>Heads from this place of the order on, tails up to that one.</summary>
    private void Measure(int low, int high)
    {
        var (head, tail, duration, order) = (Head, Tail, Duration, _order);
        for (var i = low; i < order.Length; i++)
        {
            var x = order[i];
            var (job, machine) = (JobBefore[x], MachineBefore[x]);
            head[x] = Math.Max(Floor[x], Math.Max(head[job] + duration[job], head[machine] + duration[machine]));
        }

        for (var i = high; i >= 0; i--)
        {
            var x = order[i];
            tail[x] = Math.Max(tail[JobAfter[x]], tail[MachineAfter[x]]) + duration[x];
        }

        var makespan = 0;
        foreach (var end in _ends) makespan = Math.Max(makespan, head[end] + duration[end]);
        Makespan = makespan;
    }

    private static void ThrowCycle(int u, int v) => throw new InvalidOperationException($"Moving operation {u} past {v} makes a cycle.");
}
