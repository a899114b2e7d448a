namespace Twin.Wire.Spaces;

/// <summary>How often an avatar is told to a viewer (SPEC-spaces, clause 6).</summary>
public enum ViewRing : byte
{
    /// <summary>Each tick; each second one when the frame says <see cref="FramePace.NearHalf"/>.</summary>
    Near = 0,

    /// <summary>Each fourth tick; each eighth when the frame says <see cref="FramePace.MiddleHalf"/>.</summary>
    Middle = 1,
}

/// <summary>What an overloaded silo does less of (SPEC-spaces, clause 6.3).</summary>
[Flags]
public enum FramePace : byte
{
    /// <summary>Everything at full rate.</summary>
    Full = 0,

    /// <summary>The near ring each second tick.</summary>
    NearHalf = 1,

    /// <summary>The middle ring each eighth tick.</summary>
    MiddleHalf = 2,
}

/// <summary>Why the server puts an avatar where its user did not.</summary>
public enum CorrectionCause : byte
{
    /// <summary>It was placed: on joining, by a host, by a door between places.</summary>
    Placed = 0,

    /// <summary>It moved faster than the space allows.</summary>
    Speed = 1,

    /// <summary>It left the space or its walkable area.</summary>
    Border = 2,

    /// <summary>The cell is frozen.</summary>
    Frozen = 3,

    /// <summary>More inputs than the space takes.</summary>
    Rate = 4,

    /// <summary>Another avatar or thing is in the way, or out of reach.</summary>
    Reach = 5,
}

/// <summary>When an avatar's record is due (SPEC-spaces, clause 6.2). Both ends use it, so frames carry no list of whom they speak of.</summary>
public static class FrameSchedule
{
    /// <summary>Most avatars that one frame may speak of.</summary>
    public const int MostSlots = 256;

    /// <summary>Most ticks that may lie between two frames without a reset.</summary>
    public const int MostSkippedTicks = 200;

    /// <summary>Whether the ring tells the avatar at that tick.</summary>
    /// <param name="ring">Its ring.</param>
    /// <param name="number">The avatar's number; it spreads the middle ring over the ticks.</param>
    /// <param name="tick">The tick; its low 16 bits are enough.</param>
    /// <param name="pace">What the frame says.</param>
    public static bool IsDue(ViewRing ring, int number, int tick, FramePace pace) => ring == ViewRing.Near
        ? (pace & FramePace.NearHalf) == 0 || (tick & 1) == 0
        : ((tick + ((pace & FramePace.NearHalf) == 0 ? number : number << 1)) & ((pace & FramePace.MiddleHalf) == 0 ? 3 : 7)) == 0; // with NearHalf on even ticks only: odd ones have no frame
}
