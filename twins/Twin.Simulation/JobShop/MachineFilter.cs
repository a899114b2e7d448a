namespace Twin.Simulation.JobShop;

/// <summary>
/// What one machine alone says about its operations' windows: detectable and decided precedences (Vilim 2004), edge finding
/// (Carlier and Pinson 1989, in the O(n^2) form of Baptiste, Le Pape and Nuijten 2001, algorithm "primal") and not-first. Raises
/// releases; deadlines are done by the same code on mirrored time. Hot: no allocation after construction. One owner at a time.
/// </summary>
internal sealed class MachineFilter(int longest)
{
    private readonly int[] _byRelease = new int[longest];
    private readonly int[] _byDeadline = new int[longest];
    private readonly int[] _raised = new int[longest];
    private readonly int[] _completion = new int[longest];

    /// <summary>Earliest starts; raised by <see cref="Raise"/>.</summary>
    public int[] Release { get; } = new int[longest];

    /// <summary>Latest ends.</summary>
    public int[] Deadline { get; } = new int[longest];

    /// <summary>Durations.</summary>
    public int[] Duration { get; } = new int[longest];

    /// <summary>Turns time around: releases become deadlines.</summary>
    public void Mirror(int count)
    {
        for (var i = 0; i < count; i++) (Release[i], Deadline[i]) = (-Deadline[i], -Release[i]);
    }

    /// <summary>
    /// Raises the releases of the first <paramref name="count"/> operations. <paramref name="before"/> holds count x count decisions,
    /// element [i, j] (transposed when mirrored) not 0 when i is before j; what is detected is noted there. False when nothing can fit.
    /// </summary>
    public bool Raise(int count, Span<byte> before, bool isMirrored)
    {
        for (var i = 0; i < count; i++) (_byRelease[i], _byDeadline[i], _raised[i]) = (i, i, Release[i]);
        Sort(_byRelease, Release, count);
        Sort(_byDeadline, Deadline, count);
        if (!Precedences(count, before, isMirrored) || !Edges(count)) return false;
        NotFirst(count);
        for (var i = 0; i < count; i++)
        {
            if (_raised[i] + Duration[i] > Deadline[i]) return false;
            Release[i] = _raised[i];
        }

        return true;
    }

    private bool Precedences(int count, Span<byte> before, bool isMirrored)
    {
        var (row, column) = isMirrored ? (1, count) : (count, 1);
        for (var i = 0; i < count; i++)
        {
            var (earliestEnd, end) = (Release[i] + Duration[i], int.MinValue);
            for (var at = 0; at < count; at++)
            {
                var j = _byRelease[at];
                if (j == i) continue;
                ref var isBefore = ref before[(j * row) + (i * column)];
                if (isBefore == 0)
                {
                    if (earliestEnd <= Deadline[j] - Duration[j]) continue;
                    if (before[(i * row) + (j * column)] != 0) return false;
                    isBefore = 1;
                }

                end = Math.Max(end, Release[j]) + Duration[j];
            }

            _raised[i] = Math.Max(_raised[i], end);
        }

        return true;
    }

    private bool Edges(int count)
    {
        for (var d = 0; d < count; d++)
        {
            var deadline = Deadline[_byDeadline[d]];
            if (d + 1 < count && Deadline[_byDeadline[d + 1]] == deadline) continue;
            var (work, end) = (0, int.MinValue);
            for (var at = count - 1; at >= 0; at--)
            {
                var i = _byRelease[at];
                if (Deadline[i] <= deadline)
                {
                    work += Duration[i];
                    end = Math.Max(end, Release[i] + work);
                }

                _completion[at] = end;
            }

            if (end > deadline) return false;
            var earlier = int.MinValue / 2;
            for (var at = 0; at < count; at++)
            {
                var i = _byRelease[at];
                if (Deadline[i] <= deadline)
                {
                    earlier = Math.Max(earlier, Release[i] + work);
                    work -= Duration[i];
                    continue;
                }

                if (work > 0 && Release[i] + work + Duration[i] > deadline) _raised[i] = Math.Max(_raised[i], _completion[at]);
                if (earlier + Duration[i] > deadline) _raised[i] = Math.Max(_raised[i], end);
            }
        }

        return true;
    }

    private void NotFirst(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var (latest, least, release) = (int.MaxValue, int.MaxValue, Release[i]);
            for (var at = count - 1; at >= 0; at--)
            {
                var j = _byDeadline[at];
                var end = Release[j] + Duration[j];
                if (j == i || end <= release) continue;
                latest = Math.Min(latest, Deadline[j]) - Duration[j];
                least = Math.Min(least, end);
            }

            if (least < int.MaxValue && release + Duration[i] > latest) _raised[i] = Math.Max(_raised[i], least);
        }
    }

    private static void Sort(int[] items, int[] keys, int count)
    {
        for (var i = 1; i < count; i++)
        {
            var (item, at) = (items[i], i);
            for (; at > 0 && keys[items[at - 1]] > keys[item]; at--) items[at] = items[at - 1];
            items[at] = item;
        }
    }
}
