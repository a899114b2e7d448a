using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>
/// What an overloaded silo does less of, and in which order (API.md, "Under overload"). It looks at how much of a tick the loop works and how late ticks begin: above 85 % for a second it goes one level down, below 60 % for five seconds one level up. Of the loop's thread.
/// </summary>
/// <remarks>Levels: 0 everything; 1 crowd and middle ring at half rate; 2 the near ring may be off by 5 cm; 3 half as many near; 4 frames at half rate; 5 joins wait.</remarks>
internal sealed class SpacePressure(int tickHz)
{
    /// <summary>The last level.</summary>
    public const int MostLevel = 5;

    private const double Heavy = 0.85;
    private const double Light = 0.60;
    private double _work;
    private int _heavyTicks;
    private int _lightTicks;

    /// <summary>0 to <see cref="MostLevel"/>.</summary>
    public int Level { get; private set; }

    /// <summary>Share of a tick that the loop worked, smoothed over a second.</summary>
    public double Work => _work;

    /// <summary>One tick has passed.</summary>
    /// <param name="share">Share of the tick's time that was worked, or its lateness, whichever is more; above 1 the loop falls behind.</param>
    /// <returns>Whether the level has changed.</returns>
    public bool Note(double share)
    {
        _work += (Math.Min(share, 4) - _work) / tickHz;
        _heavyTicks = _work > Heavy ? _heavyTicks + 1 : 0;
        _lightTicks = _work < Light ? _lightTicks + 1 : 0;
        if (_heavyTicks >= tickHz && Level < MostLevel) Level++;
        else if (_lightTicks >= 5 * tickHz && Level > 0) Level--;
        else return false;
        (_heavyTicks, _lightTicks) = (0, 0);
        return true;
    }

    /// <summary>Puts the level into a stage.</summary>
    public void Apply(SpaceStage stage)
    {
        stage.Pace = (Level >= 1 ? FramePace.MiddleHalf : FramePace.Full) | (Level >= 4 ? FramePace.NearHalf : FramePace.Full);
        stage.ExtraBoundSteps = Level >= 2 ? AvatarPose.StepsPerMetre / 20 : 0;
        stage.NearLimit = Level >= 3 ? Math.Max(1, stage.Rules.Interest.NearLimit / 2) : stage.Rules.Interest.NearLimit;
    }
}
