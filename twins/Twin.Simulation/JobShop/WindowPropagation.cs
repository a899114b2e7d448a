namespace Twin.Simulation.JobShop;

/// <summary>What is known of every operation under an assumed end: its window and, machine by machine, which is before which.</summary>
internal sealed class Windows(int operations, int pairs)
{
    public int[] Start { get; } = new int[operations];

    public int[] End { get; } = new int[operations];

    public byte[] Before { get; } = new byte[pairs];

    public void CopyFrom(Windows other)
    {
        other.Start.CopyTo(Start, 0);
        other.End.CopyTo(End, 0);
        other.Before.CopyTo(Before, 0);
    }
}

/// <summary>
/// Narrows windows until nothing more follows from jobs and single machines, or a bound on the rounds is met. Whatever it says cannot be, cannot be; what it leaves
/// may still be impossible. Hot: no allocation after construction. One owner at a time.
/// </summary>
internal sealed class WindowPropagation
{
    // Two machines can push each other by single time units for as long as the horizon; what follows after so many rounds is left unsaid.
    private const int LongestChain = 40;
    private readonly JobShopInstance _instance;
    private readonly MachineFilter _filter;
    private readonly bool[] _isWaiting;
    private readonly Queue<int> _waiting;
    private readonly int[] _machineOf;
    private readonly int[] _duration;
    private readonly int[] _jobOf;
    private readonly int[] _first;

    public WindowPropagation(JobShopInstance instance)
    {
        _instance = instance;
        (_machineOf, _duration, _jobOf, _first) = (instance.MachineOf.ToArray(), instance.DurationOf.ToArray(), instance.JobOf.ToArray(), instance.FirstOperationOf.ToArray());
        On = [.. Enumerable.Range(0, instance.Machines).Select(m => Enumerable.Range(0, instance.Operations).Where(o => _machineOf[o] == m).ToArray())];
        Offset = new int[instance.Machines + 1];
        for (var m = 0; m < instance.Machines; m++) Offset[m + 1] = Offset[m] + (On[m].Length * On[m].Length);
        _filter = new MachineFilter(On.Max(o => o.Length));
        (_isWaiting, _waiting) = (new bool[instance.Machines], new Queue<int>(instance.Machines));
    }

    /// <summary>The operations of each machine.</summary>
    public int[][] On { get; }

    /// <summary>Where each machine's square of <see cref="Windows.Before"/> begins.</summary>
    public int[] Offset { get; }

    /// <summary>Machines filtered so far: the unit of effort.</summary>
    public long Effort { get; private set; }

    /// <summary>An empty state.</summary>
    public Windows NewWindows() => new(_instance.Operations, Offset[^1]);

    /// <summary>Sets the windows of an assumed end and narrows them. False when no schedule ends by then.</summary>
    public bool Begin(Windows windows, int end)
    {
        Array.Clear(windows.Before);
        for (var job = 0; job + 1 < _first.Length; job++)
        {
            var ready = _instance.Jobs[job].Release;
            for (var o = _first[job]; o < _first[job + 1]; o++) (windows.Start[o], ready) = (ready, ready + _duration[o]);
            var latest = end;
            for (var o = _first[job + 1] - 1; o >= _first[job]; o--) (windows.End[o], latest) = (latest, latest - _duration[o]);
            if (latest < _instance.Jobs[job].Release) return false;
        }

        for (var m = 0; m < On.Length; m++) Wait(m);
        return Settle(windows);
    }

    /// <summary>Decides that local operation <paramref name="i"/> of a machine is before <paramref name="j"/>, and narrows. False when that cannot be.</summary>
    public bool Decide(Windows windows, int machine, int i, int j)
    {
        var count = On[machine].Length;
        if (windows.Before[Offset[machine] + (j * count) + i] != 0) return false;
        windows.Before[Offset[machine] + (i * count) + j] = 1;
        Wait(machine);
        return Settle(windows);
    }

    private bool Settle(Windows windows)
    {
        var isPossible = true;
        for (var left = LongestChain * On.Length; isPossible && left > 0 && _waiting.TryDequeue(out var machine); left--)
        {
            _isWaiting[machine] = false;
            isPossible = Filter(windows, machine);
        }

        foreach (var other in _waiting) _isWaiting[other] = false;
        _waiting.Clear();
        return isPossible;
    }

    private bool Filter(Windows windows, int machine)
    {
        Effort++;
        var (operations, filter) = (On[machine], _filter);
        var count = operations.Length;
        for (var i = 0; i < count; i++)
        {
            var o = operations[i];
            (filter.Release[i], filter.Deadline[i], filter.Duration[i]) = (windows.Start[o], windows.End[o], _duration[o]);
        }

        var before = windows.Before.AsSpan(Offset[machine], count * count);
        if (!filter.Raise(count, before, isMirrored: false)) return false;
        filter.Mirror(count);
        if (!filter.Raise(count, before, isMirrored: true)) return false;
        filter.Mirror(count);
        for (var i = 0; i < count; i++)
        {
            var o = operations[i];
            if (filter.Release[i] > windows.Start[o] && !RaiseStart(windows, o, filter.Release[i])) return false;
            if (filter.Deadline[i] < windows.End[o] && !LowerEnd(windows, o, filter.Deadline[i])) return false;
        }

        return true;
    }

    private bool RaiseStart(Windows windows, int o, int start)
    {
        for (var last = _first[_jobOf[o] + 1]; o < last && windows.Start[o] < start; o++)
        {
            windows.Start[o] = start;
            start += _duration[o];
            if (start > windows.End[o]) return false;
            Wait(_machineOf[o]);
        }

        return true;
    }

    private bool LowerEnd(Windows windows, int o, int end)
    {
        for (var first = _first[_jobOf[o]]; o >= first && windows.End[o] > end; o--)
        {
            windows.End[o] = end;
            end -= _duration[o];
            if (end < windows.Start[o]) return false;
            Wait(_machineOf[o]);
        }

        return true;
    }

    private void Wait(int machine)
    {
        if (_isWaiting[machine]) return;
        _isWaiting[machine] = true;
        _waiting.Enqueue(machine);
    }
}
