using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>
/// What an overloaded silo does less of, and in which order (API.md, "Under overload"). A tick is heavy when it began more than half a tick late or its work took nearly all of it. Where most ticks of a second were heavy it goes one level down; after two seconds with hardly any it goes one up, and all the way up when there is plenty of room. Of the loop's thread.
/// </summary>
/// <remarks>Levels: 0 everything; 1 crowd and middle ring at half rate; 2 the near ring may be off by 5 cm; 3 half as many near; 4 frames at half rate; 5 joins wait.</remarks>
internal sealed class SpacePressure(int tickHz)
{
    /// <summary>The last level.</summary>
    public const int MostLevel = 5;

    private const double Late = 0.5;
    private const double Full = 0.95;
    private const double Roomy = 0.5;
    private int _ticks;
    private int _heavy;
    private int _calmSeconds;
    private double _work;

    /// <summary>0 to <see cref="MostLevel"/>.</summary>
    public int Level { get; private set; }

    /// <summary>One tick has passed.</summary>
    /// <param name="work">Share of the tick's time that its work took.</param>
    /// <param name="late">How late it began, as a share of a tick.</param>
    /// <returns>Whether the level has changed.</returns>
    public bool Note(double work, double late)
    {
        if (work > Full || late > Late) _heavy++;
        _work = Math.Max(_work, work);
        if (++_ticks < tickHz) return false;
        var before = Level;
        _calmSeconds = _heavy * 10 <= tickHz ? _calmSeconds + 1 : 0;
        if (_heavy * 2 > tickHz) Level = Math.Min(MostLevel, Level + 1);
        else if (_calmSeconds >= 2) (Level, _calmSeconds) = (_work < Roomy && Level < 4 ? 0 : Math.Max(0, Level - 1), 0);
        (_ticks, _heavy, _work) = (0, 0, 0);
        return Level != before;
    }

    /// <summary>Puts the level into a stage.</summary>
    public void Apply(SpaceStage stage)
    {
        stage.Pace = (Level >= 1 ? FramePace.MiddleHalf : FramePace.Full) | (Level >= 4 ? FramePace.NearHalf : FramePace.Full);
        stage.ExtraBoundSteps = Level >= 2 ? AvatarPose.StepsPerMetre / 20 : 0;
        stage.NearLimit = Level >= 3 ? Math.Max(1, stage.Rules.Interest.NearLimit / 2) : stage.Rules.Interest.NearLimit;
    }
}
