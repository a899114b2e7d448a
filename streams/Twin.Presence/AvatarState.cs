using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>
/// An avatar as its cell owns it and as it passes from cell to cell. Of two states of one avatar the one with the higher (<see cref="Epoch"/>, <see cref="Sequence"/>) is true, everywhere: so none is doubled.
/// </summary>
public struct AvatarState
{
    /// <summary>Its number in the space, 0 to 2^24 - 1.</summary>
    public int Number;

    /// <summary>Rises with each session that takes the avatar.</summary>
    public long Epoch;

    /// <summary>Rises with each change within the epoch.</summary>
    public uint Sequence;

    /// <summary>Where it is.</summary>
    public AvatarPose Pose;

    /// <summary>What it goes on with until the next input, in steps a tick.</summary>
    public short VelocityX, VelocityY, VelocityZ;

    /// <summary>The newest input applied.</summary>
    public ushort InputSequence;

    /// <summary>Whether it goes on by itself.</summary>
    public readonly bool IsMoving => VelocityX != 0 || VelocityY != 0 || VelocityZ != 0;

    /// <summary>Whether this is newer than another state of the same avatar.</summary>
    public readonly bool IsAfter(long epoch, uint sequence) => Epoch > epoch || (Epoch == epoch && Sequence > sequence);
}
