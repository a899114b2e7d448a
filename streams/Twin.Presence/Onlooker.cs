using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>
/// Looks around for one viewer after the other: who is in the near ring, who in the middle one. Its arrays serve all viewers of a space. Hot; allocates nothing once grown. One thread at a time.
/// </summary>
public sealed class Onlooker
{
    private readonly Mirror _mirror;
    private readonly NeighbourGrid _grid;
    private readonly float _nearIn, _nearOut, _middleIn, _middleOut, _bonus;
    private Neighbour[] _found = [];
    private Candidate[] _near = [];
    private Candidate[] _middle = [];
    private byte[] _had = [];
    private int[] _wanted = [];

    /// <summary>For one space.</summary>
    public Onlooker(Mirror mirror, NeighbourGrid grid, InterestRules rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        (_mirror, _grid, Rules) = (mirror, grid, rules.Checked());
        _nearIn = Square(rules.NearRadiusMetres);
        _nearOut = Square(rules.NearRadiusMetres * rules.Hysteresis);
        _middleIn = rules.MiddleLimit > 0 ? Square(rules.MiddleRadiusMetres) : 0;
        _middleOut = rules.MiddleLimit > 0 ? Square(rules.MiddleRadiusMetres * rules.Hysteresis) : 0;
        _bonus = (float)(1 / (rules.Hysteresis * rules.Hysteresis));
    }

    /// <summary>The rules it goes by.</summary>
    public InterestRules Rules { get; }

    /// <summary>Decides anew whom a viewer is told of; it appears in the viewer's next frame.</summary>
    /// <param name="viewer">Whose view.</param>
    /// <param name="x">Where the viewer is, in steps.</param>
    /// <param name="z">Where the viewer is, in steps.</param>
    /// <param name="nearLimit">At most so many near, when an overloaded silo has less than the rules.</param>
    public void Look(Viewer viewer, int x, int z, int nearLimit)
    {
        ArgumentNullException.ThrowIfNull(viewer);
        Grow();
        viewer.MarkSlots(_had);
        var full = MathF.Sqrt(Math.Max(_nearOut, _middleOut));
        var reach = Math.Min(full, viewer.Reach);
        var (nears, middles) = (0, 0);
        var own = _mirror.IndexOf(viewer.Number);
        while (true)
        {
            var needed = Choose(viewer, own, x, z, reach, Math.Min(nearLimit, Rules.NearLimit), out nears, out middles);
            var isWhole = reach >= full;
            viewer.Reach = Math.Min(full, needed * 1.1f);
            if (isWhole || needed <= reach) break;
            reach = Math.Min(full, Math.Max(needed * 1.05f, reach * 1.2f));
        }

        viewer.ClearMarks(_had);
        viewer.Want(_mirror, _near.AsSpan(0, nears), _middle.AsSpan(0, middles), _wanted);
    }

    /// <summary>A viewer without a place is told of nobody.</summary>
    public void LookAway(Viewer viewer)
    {
        ArgumentNullException.ThrowIfNull(viewer);
        Grow();
        viewer.Want(_mirror, [], [], _wanted);
    }

    /// <summary>Who is to be told of, among those within a reach.</summary>
    /// <returns>The reach within which all must be looked at for the choice to be right: in a crowd the limits are full long before the radius.</returns>
    private float Choose(Viewer viewer, int own, int x, int z, float reach, int nearLimit, out int nears, out int middles)
    {
        var count = _grid.Within(x, z, reach, _found);
        (nears, middles) = (0, 0);
        for (var i = 0; i < count; i++)
        {
            var (index, square) = (_found[i].Index, _found[i].SquaredSteps);
            if (index == own || (viewer.HidesAny && !viewer.MaySee(_mirror.NumberAt(index)))) continue;
            var had = _had[index];
            var key = had != 0 ? square * _bonus : square;
            if (square <= (had == 1 ? _nearOut : _nearIn)) _near[nears++] = new Candidate(index, key);
            else if (square <= (had == 2 ? _middleOut : _middleIn)) _middle[middles++] = new Candidate(index, key);
        }

        var isNearFull = nears >= nearLimit;
        if (nears > nearLimit)
        {
            Nearest.Select(_near.AsSpan(0, nears), nearLimit);
            if (_middleIn > 0) for (var i = nearLimit; i < nears; i++) _middle[middles++] = _near[i];
            nears = nearLimit;
        }

        var isMiddleFull = middles >= Rules.MiddleLimit;
        if (middles > Rules.MiddleLimit)
        {
            Nearest.Select(_middle.AsSpan(0, middles), Rules.MiddleLimit);
            middles = Rules.MiddleLimit;
        }

        if (!isNearFull && reach * reach < _nearOut) return reach * 1.5f;
        if (!isMiddleFull) return reach * 1.5f;
        var most = 0f;
        for (var i = 0; i < nears; i++) most = Math.Max(most, _near[i].Key);
        for (var i = 0; i < middles; i++) most = Math.Max(most, _middle[i].Key);
        return MathF.Max(AvatarPose.StepsPerMetre, MathF.Sqrt(most / _bonus));
    }

    private static float Square(double metres) => (float)(metres * metres * AvatarPose.StepsPerMetre * AvatarPose.StepsPerMetre);

    private void Grow()
    {
        if (_found.Length >= _mirror.End) return;
        var size = Math.Max(256, _mirror.End * 2);
        (_found, _near, _middle, _had, _wanted) = (new Neighbour[size], new Candidate[size], new Candidate[size], new byte[size], new int[size]);
    }
}
