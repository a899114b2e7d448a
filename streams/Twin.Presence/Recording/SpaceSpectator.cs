using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>One who watches a replay from a place of its own, or from beside someone. One thread at a time.</summary>
public sealed class SpaceSpectator(SpaceReplay replay)
{
    private Viewer _viewer = new(SpaceTape.MostNumber);
    private int _generation = -1;
    private long _lastTick = -1;
    private bool _hasLooked;

    /// <summary>Where it stands, in steps.</summary>
    public int X { get; set; }

    /// <summary>Where it stands, in steps.</summary>
    public int Z { get; set; }

    /// <summary>Goes where this avatar goes; null stays.</summary>
    public int? Follows { get; set; }

    /// <summary>Avatars that entered with the newest frame.</summary>
    public ReadOnlySpan<int> Newcomers => _viewer.Newcomers;

    /// <summary>Whether the newest frame began anew: all names are to be told again.</summary>
    public bool HasBegunAnew { get; private set; }

    /// <summary>Most bytes of a frame.</summary>
    public int BudgetBytes { get; set; } = 4 * 1024;

    /// <summary>Its client has lost a frame: the next one begins anew.</summary>
    public void Reset() => _generation = -1;

    /// <summary>The frame of the replay's tick.</summary>
    /// <param name="body">At least <see cref="Viewer.MostFrameBytes"/>.</param>
    /// <returns>Its length.</returns>
    public int Write(Span<byte> body)
    {
        var stage = replay.Stage;
        HasBegunAnew = _generation != replay.Generation || stage.Tick != _lastTick + 1; // a tick it was not shown has news that it does not know
        _lastTick = stage.Tick;
        if (HasBegunAnew) (_generation, _hasLooked, _viewer) = (replay.Generation, false, new Viewer(SpaceTape.MostNumber));
        _viewer.BudgetBytes = BudgetBytes;
        if (Follows is { } number && stage.Mirror.IndexOf(number) is >= 0 and var index)
        {
            ref readonly var pose = ref stage.Mirror.StateAt(index).Pose;
            (X, Z) = (pose.X, pose.Z);
        }

        if (!_hasLooked || stage.Tick % stage.Rules.Interest.LookEveryTicks == 0) stage.Look(_viewer, X, Z);
        _hasLooked = true;
        return _viewer.Write(body, stage.Mirror, 0, null);
    }
}
