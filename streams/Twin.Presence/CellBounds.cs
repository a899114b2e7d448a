using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>A cell's square in steps, half open. One who has left it by less than <see cref="Hysteresis"/> still belongs to it, so that walking along a border does not move the avatar to and fro.</summary>
/// <param name="LeastX">Included.</param>
/// <param name="LeastZ">Included.</param>
/// <param name="MostX">Excluded.</param>
/// <param name="MostZ">Excluded.</param>
public readonly record struct CellBounds(int LeastX, int LeastZ, int MostX, int MostZ)
{
    /// <summary>Half a metre, in steps.</summary>
    public const int Hysteresis = AvatarPose.StepsPerMetre / 2;

    /// <summary>Everything.</summary>
    public static CellBounds Whole => new(-1 << 20, -1 << 20, 1 << 24, 1 << 24);

    /// <summary>Whether an avatar that it owns stays with it.</summary>
    public bool Holds(int x, int z) => x >= LeastX - Hysteresis && x < MostX + Hysteresis && z >= LeastZ - Hysteresis && z < MostZ + Hysteresis;
}
