using System.Numerics;

namespace Twin.Wire.Spaces;

/// <summary>
/// Where an avatar is and how it stands, quantised as the wire carries it (SPEC-spaces, clause 2).
/// The frame is the space's: right-handed, Y up, origin in its corner with the least X and Z.
/// </summary>
/// <param name="X">East, in steps of 1/256 m, 0 to 2^22 - 1 (16,384 m).</param>
/// <param name="Y">Up, in steps of 1/256 m, -2^14 to 2^15 + 2^14 - 1 (-64 m to 192 m).</param>
/// <param name="Z">North, in steps of 1/256 m, 0 to 2^22 - 1.</param>
/// <param name="Rotation">Smallest three, <see cref="RotationCode"/>.</param>
/// <param name="Flags">What one sees it do.</param>
public readonly record struct AvatarPose(int X, int Y, int Z, uint Rotation, AvatarFlags Flags)
{
    /// <summary>Steps in a metre. 1/256 m keeps the error of a place below 3.4 mm (half a step in each of three axes).</summary>
    public const int StepsPerMetre = 256;

    /// <summary>The greatest X and Z, in steps.</summary>
    public const int MostAcross = (1 << 22) - 1;

    /// <summary>The least Y, in steps.</summary>
    public const int LeastUp = -(1 << 14);

    /// <summary>The greatest Y, in steps.</summary>
    public const int MostUp = (1 << 16) - 1 + LeastUp;

    /// <summary>The nearest pose on the wire; places outside the wire's range are taken to its border.</summary>
    /// <param name="placeMetres">In the space's frame; finite.</param>
    /// <param name="spaceFromAvatar">How the avatar is turned; need not be of unit length.</param>
    /// <param name="flags">What one sees it do.</param>
    public static AvatarPose From(Vector3 placeMetres, Quaternion spaceFromAvatar, AvatarFlags flags = AvatarFlags.None) => new(
        Step(placeMetres.X, 0, MostAcross), Step(placeMetres.Y, LeastUp, MostUp), Step(placeMetres.Z, 0, MostAcross), RotationCode.From(spaceFromAvatar), flags);

    /// <summary>The place in metres.</summary>
    public Vector3 PlaceMetres => new((float)X / StepsPerMetre, (float)Y / StepsPerMetre, (float)Z / StepsPerMetre);

    /// <summary>Whether the wire can carry it.</summary>
    public bool IsWithinRange => (uint)X <= MostAcross && (uint)Z <= MostAcross && Y is >= LeastUp and <= MostUp;

    /// <summary>Bytes of a pose that stands by itself.</summary>
    public const int WireBytes = 13;

    /// <summary>Writes it by itself: clause 2, 100 bits.</summary>
    /// <param name="bits">With <see cref="WireBytes"/> of room.</param>
    public void Write(ref BitWriter bits)
    {
        bits.Write((uint)X, 22);
        bits.Write((uint)(Y - LeastUp), 16);
        bits.Write((uint)Z, 22);
        bits.Write(Rotation, 32);
        bits.Write((byte)Flags, 8);
    }

    /// <summary>Reads it.</summary>
    /// <exception cref="SpaceWireException">It ends early.</exception>
    public static AvatarPose Read(ref BitReader bits) => new((int)bits.Read(22), (int)bits.Read(16) + LeastUp, (int)bits.Read(22), (uint)bits.Read(32), (AvatarFlags)bits.Read(8));

    private static int Step(float metres, int least, int most) => (int)Math.Clamp(MathF.Round(metres * StepsPerMetre), least, most);
}

/// <summary>What an avatar is seen to do. The upper four bits are a gesture's number, 0 for none.</summary>
[Flags]
public enum AvatarFlags : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>It speaks.</summary>
    Speaking = 1,

    /// <summary>Its hand is up.</summary>
    HandRaised = 2,

    /// <summary>It sits.</summary>
    Seated = 4,

    /// <summary>It is off the ground.</summary>
    Airborne = 8,
}
