using System.Numerics;
using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>What the server lets an avatar do in a space. Immutable; any thread.</summary>
public sealed class MovementRules
{
    private readonly Vector2[][] _walkable;
    private readonly Vector2[][] _closed;

    /// <summary>Rules of a space.</summary>
    /// <param name="widthMetres">Along X, above 0, at most 16,383.</param>
    /// <param name="depthMetres">Along Z, the same.</param>
    /// <param name="maxSpeed">Metres a second, above 0, at most 100.</param>
    /// <param name="tickHz">Ticks a second, 10 to 30.</param>
    /// <param name="walkable">Outlines in (X, Z) metres that one may be in; none: everywhere.</param>
    /// <param name="closed">Outlines that one may not be in.</param>
    /// <param name="inputsPerSecond">How many inputs a client may send; half as many at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">Names the value and its range.</exception>
    public MovementRules(double widthMetres, double depthMetres, double maxSpeed, int tickHz = 20, IReadOnlyList<IReadOnlyList<Vector2>>? walkable = null, IReadOnlyList<IReadOnlyList<Vector2>>? closed = null, int inputsPerSecond = 40)
    {
        const double Most = (double)AvatarPose.MostAcross / AvatarPose.StepsPerMetre;
        Check(widthMetres, 0.5, Most, nameof(widthMetres));
        Check(depthMetres, 0.5, Most, nameof(depthMetres));
        Check(maxSpeed, 0.01, 100, nameof(maxSpeed));
        Check(tickHz, 10, 30, nameof(tickHz));
        Check(inputsPerSecond, 1, 240, nameof(inputsPerSecond));
        (WidthSteps, DepthSteps) = ((int)(widthMetres * AvatarPose.StepsPerMetre), (int)(depthMetres * AvatarPose.StepsPerMetre));
        (TickHz, MaxSpeed, InputsPerSecond) = (tickHz, maxSpeed, inputsPerSecond);
        StepsPerTick = (float)(maxSpeed * AvatarPose.StepsPerMetre / tickHz * Slack);
        MostCredit = (float)(((maxSpeed * Slack) + 0.5) * AvatarPose.StepsPerMetre);
        _walkable = [.. (walkable ?? []).Select(o => o.ToArray())];
        _closed = [.. (closed ?? []).Select(o => o.ToArray())];
    }

    /// <summary>How much faster than the rule one may seem to be: clocks of clients are not the server's.</summary>
    private const double Slack = 1.2;

    /// <summary>The space's size along X, in steps.</summary>
    public int WidthSteps { get; }

    /// <summary>The space's size along Z, in steps.</summary>
    public int DepthSteps { get; }

    /// <summary>Ticks a second.</summary>
    public int TickHz { get; }

    /// <summary>Metres a second.</summary>
    public double MaxSpeed { get; }

    /// <summary>Inputs a client may send in a second.</summary>
    public int InputsPerSecond { get; }

    /// <summary>Steps of way earned in a tick.</summary>
    internal float StepsPerTick { get; }

    /// <summary>The most way that is saved up, in steps: a second's and half a metre.</summary>
    internal float MostCredit { get; }

    /// <summary>Whether one may be there.</summary>
    public bool MayBe(int x, int z)
    {
        if ((uint)x > (uint)WidthSteps || (uint)z > (uint)DepthSteps) return false;
        if (_walkable.Length == 0 && _closed.Length == 0) return true;
        var at = new Vector2((float)x / AvatarPose.StepsPerMetre, (float)z / AvatarPose.StepsPerMetre);
        foreach (var outline in _closed) if (IsInside(outline, at)) return false;
        foreach (var outline in _walkable) if (IsInside(outline, at)) return true;
        return _walkable.Length == 0;
    }

    /// <summary>Even-odd rule over the outline's edges.</summary>
    private static bool IsInside(Vector2[] outline, Vector2 at)
    {
        var isInside = false;
        for (int i = 0, j = outline.Length - 1; i < outline.Length; j = i++)
        {
            var (a, b) = (outline[i], outline[j]);
            if (a.Y > at.Y != b.Y > at.Y && at.X < ((b.X - a.X) * (at.Y - a.Y) / (b.Y - a.Y)) + a.X) isInside = !isInside;
        }

        return isInside;
    }

    private static void Check(double value, double least, double most, string name)
    {
        if (!(value >= least && value <= most)) throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; {least} to {most:0.##} are allowed.");
    }
}
