namespace Twin.Wire.Spaces;

/// <summary>What a client says of its own avatar (SPEC-spaces, clause 4). Hot: allocates nothing.</summary>
/// <param name="Sequence">Counts the connection's inputs, modulo 2^16.</param>
/// <param name="Pose">Where it is.</param>
/// <param name="VelocityX">Displacement in one tick, in steps, -4096 to 4095: the server goes on with it until the next input (dead reckoning); 0 with the two others means "I stay until I say otherwise".</param>
/// <param name="VelocityY">As above, -1024 to 1023.</param>
/// <param name="VelocityZ">As above, -4096 to 4095.</param>
public readonly record struct AvatarInput(ushort Sequence, AvatarPose Pose, short VelocityX = 0, short VelocityY = 0, short VelocityZ = 0)
{
    /// <summary>Bytes of the longest body.</summary>
    public const int MostBytes = 20;

    /// <summary>Whether the server is to go on with the velocity.</summary>
    public bool IsMoving => VelocityX != 0 || VelocityY != 0 || VelocityZ != 0;

    /// <summary>Writes the body.</summary>
    /// <param name="body">At least <see cref="MostBytes"/> + 8 bytes.</param>
    /// <returns>The body's length.</returns>
    public int Write(Span<byte> body)
    {
        var bits = new BitWriter(body);
        bits.Write(Sequence, 16);
        bits.Write((uint)Pose.X, 22);
        bits.Write((uint)(Pose.Y - AvatarPose.LeastUp), 16);
        bits.Write((uint)Pose.Z, 22);
        bits.Write(Pose.Rotation, 32);
        bits.Write((byte)Pose.Flags, 8);
        bits.Write(IsMoving);
        if (IsMoving)
        {
            bits.WriteSigned(VelocityX, 13);
            bits.WriteSigned(VelocityY, 11);
            bits.WriteSigned(VelocityZ, 13);
        }

        return bits.Finish();
    }

    /// <summary>Reads a body.</summary>
    /// <exception cref="SpaceWireException">It is too short or too long.</exception>
    public static AvatarInput Read(ReadOnlySpan<byte> body)
    {
        var bits = new BitReader(body);
        var sequence = (ushort)bits.Read(16);
        var pose = new AvatarPose((int)bits.Read(22), (int)bits.Read(16) + AvatarPose.LeastUp, (int)bits.Read(22), (uint)bits.Read(32), (AvatarFlags)bits.Read(8));
        var input = bits.ReadBit()
            ? new AvatarInput(sequence, pose, (short)bits.ReadSigned(13), (short)bits.ReadSigned(11), (short)bits.ReadSigned(13))
            : new AvatarInput(sequence, pose);
        return bits.Remaining < 8 ? input : throw new SpaceWireException($"an input has {bits.Remaining / 8} bytes more than it says");
    }
}
