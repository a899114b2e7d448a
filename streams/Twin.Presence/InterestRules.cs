using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>Whom a viewer is told of. Immutable.</summary>
public sealed record InterestRules
{
    /// <summary>Metres within which one is told of at full rate.</summary>
    public double NearRadiusMetres { get; init; } = 16;

    /// <summary>Most avatars in the near ring, 1 to 255; of more, the nearest.</summary>
    public int NearLimit { get; init; } = 128;

    /// <summary>Metres within which one is told of at a quarter of the rate; 0 for none.</summary>
    public double MiddleRadiusMetres { get; init; } = 48;

    /// <summary>Most avatars in the middle ring; with the near ring at most 256.</summary>
    public int MiddleLimit { get; init; } = 64;

    /// <summary>How much farther than a ring's radius one must go to leave it, and how much nearer than another one must be to take its slot.</summary>
    public double Hysteresis { get; init; } = 1.15;

    /// <summary>Ticks between two looks at who is around.</summary>
    public int LookEveryTicks { get; init; } = 4;

    /// <summary>Says what is out of range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the value and its range.</exception>
    public InterestRules Checked()
    {
        if (NearRadiusMetres is not (>= 0.5 and <= 1000)) throw new ArgumentOutOfRangeException(nameof(NearRadiusMetres), NearRadiusMetres, "0.5 to 1000 m are allowed.");
        if (NearLimit is < 1 or > 255) throw new ArgumentOutOfRangeException(nameof(NearLimit), NearLimit, "1 to 255 are allowed.");
        if (MiddleRadiusMetres is not (0 or (>= 0.5 and <= 4000)) || (MiddleRadiusMetres > 0 && MiddleRadiusMetres < NearRadiusMetres)) throw new ArgumentOutOfRangeException(nameof(MiddleRadiusMetres), MiddleRadiusMetres, "0, or from the near radius to 4000 m, are allowed.");
        if (MiddleLimit < 0 || MiddleLimit + NearLimit > FrameSchedule.MostSlots) throw new ArgumentOutOfRangeException(nameof(MiddleLimit), MiddleLimit, $"0 to {FrameSchedule.MostSlots} less the near limit are allowed.");
        if (Hysteresis is not (>= 1 and <= 2)) throw new ArgumentOutOfRangeException(nameof(Hysteresis), Hysteresis, "1 to 2 are allowed.");
        if (LookEveryTicks is < 1 or > 8) throw new ArgumentOutOfRangeException(nameof(LookEveryTicks), LookEveryTicks, "1 to 8 are allowed.");
        return this;
    }
}
