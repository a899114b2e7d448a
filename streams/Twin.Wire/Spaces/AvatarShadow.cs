using System.Runtime.CompilerServices;

namespace Twin.Wire.Spaces;

/// <summary>
/// What every up-to-date viewer believes of an avatar: its place, its displacement in one interval, its rotation and flags (SPEC-spaces, clause 5).
/// Both ends keep one and change it by the same integer rules; so a delta is encoded once and spliced into many frames. Hot: allocates nothing.
/// </summary>
public struct AvatarShadow : IEquatable<AvatarShadow>
{
    /// <summary>Bits of a whole record.</summary>
    public const int WholeBits = 22 + 16 + 22 + 13 + 11 + 13 + 32 + 8;

    private const int AcrossVelocityBits = 13;
    private const int UpVelocityBits = 11;
    private const int FineBits = 5;
    private const int CoarseBits = 9;
    private const int TurnBits = 6;

    /// <summary>The place, in steps.</summary>
    public int X, Y, Z;

    /// <summary>Displacement in the last interval, in steps: 13, 11 and 13 bits signed.</summary>
    public int VelocityX, VelocityY, VelocityZ;

    /// <summary>See <see cref="RotationCode"/>.</summary>
    public uint Rotation;

    /// <summary>What one sees it do.</summary>
    public AvatarFlags Flags;

    /// <summary>A shadow that stands where the pose is.</summary>
    public AvatarShadow(in AvatarPose pose)
    {
        (X, Y, Z) = (pose.X, pose.Y, pose.Z);
        (Rotation, Flags) = (pose.Rotation, pose.Flags);
    }

    /// <summary>What viewers show.</summary>
    public readonly AvatarPose Pose => new(X, Y, Z, Rotation, Flags);

    /// <summary>Goes on by one interval without news: clause 5.1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Follow()
    {
        X = Math.Clamp(X + VelocityX, 0, AvatarPose.MostAcross);
        Y = Math.Clamp(Y + VelocityY, AvatarPose.LeastUp, AvatarPose.MostUp);
        Z = Math.Clamp(Z + VelocityZ, 0, AvatarPose.MostAcross);
    }

    /// <summary>Goes on by one interval towards <paramref name="actual"/> and gives the record that lets viewers do the same: clause 5.2.</summary>
    /// <param name="actual">Where the avatar is; within range.</param>
    /// <param name="boundSteps">An error of the place up to this, in each axis, is left as it is; 0 is exact. Rotation then may be off by as many codes.</param>
    public DeltaRecord Advance(in AvatarPose actual, int boundSteps)
    {
        var (oldX, oldY, oldZ) = (X, Y, Z);
        Follow();
        int dx = actual.X - X, dy = actual.Y - Y, dz = actual.Z - Z;
        var isPlace = Within(dx, boundSteps) && Within(dy, boundSteps) && Within(dz, boundSteps);
        var turn = Turn(actual.Rotation, boundSteps);
        if (isPlace && turn == 0 && actual.Flags == Flags) return DeltaRecord.Unchanged;

        var record = new DeltaRecord();
        record.Add(1, 1);
        if (isPlace) record.Add(0, 2);
        else WritePlace(ref record, actual, dx, dy, dz, oldX, oldY, oldZ);
        WriteTurn(ref record, actual.Rotation, turn);
        if (actual.Flags == Flags) record.Add(0, 1);
        else record.Add(1 | ((ulong)actual.Flags << 1), 9);
        Flags = actual.Flags;
        return record;
    }

    /// <summary>Goes on by one interval as a record says: clause 5.2, the viewer's side.</summary>
    /// <exception cref="SpaceWireException">The record ends early or leaves the range.</exception>
    /// <returns>Whether the record said anything new.</returns>
    public bool Advance(ref BitReader bits)
    {
        var (oldX, oldY, oldZ) = (X, Y, Z);
        Follow();
        if (!bits.ReadBit()) return false;
        var kind = (int)bits.Read(2);
        if (kind == 3)
        {
            (X, Y, Z) = ((int)bits.Read(22), (int)bits.Read(16) + AvatarPose.LeastUp, (int)bits.Read(22));
            (VelocityX, VelocityY, VelocityZ) = (0, 0, 0);
        }
        else if (kind != 0)
        {
            var width = kind == 1 ? FineBits : CoarseBits;
            X += bits.ReadSigned(width);
            Z += bits.ReadSigned(width);
            if (bits.ReadBit()) Y += bits.ReadSigned(width);
            (VelocityX, VelocityY, VelocityZ) = (X - oldX, Y - oldY, Z - oldZ);
            if (!Pose.IsWithinRange) throw new SpaceWireException("a delta leaves the range of places");
        }

        ReadTurn(ref bits);
        if (bits.ReadBit()) Flags = (AvatarFlags)bits.Read(8);
        return true;
    }

    /// <summary>Writes the whole state: clause 5.3, <see cref="WholeBits"/> bits.</summary>
    public readonly void WriteWhole(ref BitWriter bits)
    {
        bits.Write((uint)X, 22);
        bits.Write((uint)(Y - AvatarPose.LeastUp), 16);
        bits.Write((uint)Z, 22);
        bits.WriteSigned(VelocityX, AcrossVelocityBits);
        bits.WriteSigned(VelocityY, UpVelocityBits);
        bits.WriteSigned(VelocityZ, AcrossVelocityBits);
        bits.Write(Rotation, 32);
        bits.Write((byte)Flags, 8);
    }

    /// <summary>Reads the whole state: clause 5.3.</summary>
    /// <exception cref="SpaceWireException">It ends early.</exception>
    public static AvatarShadow ReadWhole(ref BitReader bits) => new()
    {
        X = (int)bits.Read(22),
        Y = (int)bits.Read(16) + AvatarPose.LeastUp,
        Z = (int)bits.Read(22),
        VelocityX = bits.ReadSigned(AcrossVelocityBits),
        VelocityY = bits.ReadSigned(UpVelocityBits),
        VelocityZ = bits.ReadSigned(AcrossVelocityBits),
        Rotation = (uint)bits.Read(32),
        Flags = (AvatarFlags)bits.Read(8),
    };

    /// <inheritdoc/>
    public readonly bool Equals(AvatarShadow other) => Pose == other.Pose && VelocityX == other.VelocityX && VelocityY == other.VelocityY && VelocityZ == other.VelocityZ;

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is AvatarShadow other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode() => HashCode.Combine(X, Y, Z, Rotation);

    /// <summary>The same state.</summary>
    public static bool operator ==(AvatarShadow left, AvatarShadow right) => left.Equals(right);

    /// <summary>Another state.</summary>
    public static bool operator !=(AvatarShadow left, AvatarShadow right) => !left.Equals(right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Within(int value, int bound) => (uint)(value + bound) <= (uint)(2 * bound);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Fits(int value, int bits) => (uint)(value + (1 << (bits - 1))) < 1u << bits;

    private void WritePlace(ref DeltaRecord record, in AvatarPose actual, int dx, int dy, int dz, int oldX, int oldY, int oldZ)
    {
        (X, Y, Z) = (actual.X, actual.Y, actual.Z);
        int vx = X - oldX, vy = Y - oldY, vz = Z - oldZ;
        var isFine = Fits(dx, FineBits) && Fits(dy, FineBits) && Fits(dz, FineBits);
        var isDelta = Fits(dx, CoarseBits) && Fits(dy, CoarseBits) && Fits(dz, CoarseBits) && Fits(vx, AcrossVelocityBits) && Fits(vy, UpVelocityBits) && Fits(vz, AcrossVelocityBits);
        if (!isDelta)
        {
            record.Add(3, 2);
            record.Add((uint)X, 22);
            record.Add((uint)(Y - AvatarPose.LeastUp), 16);
            record.Add((uint)Z, 22);
            (VelocityX, VelocityY, VelocityZ) = (0, 0, 0);
            return;
        }

        (VelocityX, VelocityY, VelocityZ) = (vx, vy, vz);
        var width = isFine ? FineBits : CoarseBits;
        var mask = (1u << width) - 1;
        record.Add(isFine ? 1u : 2u, 2);
        record.Add((uint)dx & mask, width);
        record.Add((uint)dz & mask, width);
        if (dy == 0) record.Add(0, 1);
        else record.Add(1 | (((uint)dy & mask) << 1), width + 1);
    }

    /// <summary>0: as it was (within the bound); 1: one small part; 2: three small parts; 3: whole.</summary>
    private readonly int Turn(uint actual, int bound)
    {
        if (actual == Rotation) return 0;
        if (((actual ^ Rotation) & 3) != 0) return 3;
        int a = Part(actual, 0) - Part(Rotation, 0), b = Part(actual, 1) - Part(Rotation, 1), c = Part(actual, 2) - Part(Rotation, 2);
        if (Within(a, bound) && Within(b, bound) && Within(c, bound)) return 0;
        if (!Fits(a, TurnBits) || !Fits(b, TurnBits) || !Fits(c, TurnBits)) return 3;
        return (a != 0 ? 1 : 0) + (b != 0 ? 1 : 0) + (c != 0 ? 1 : 0) == 1 ? 1 : 2;
    }

    private void WriteTurn(ref DeltaRecord record, uint actual, int turn)
    {
        record.Add((uint)turn, 2);
        if (turn == 0) return;
        const uint Mask = (1u << TurnBits) - 1;
        int a = Part(actual, 0) - Part(Rotation, 0), b = Part(actual, 1) - Part(Rotation, 1), c = Part(actual, 2) - Part(Rotation, 2);
        Rotation = actual;
        switch (turn)
        {
            case 1:
                var which = a != 0 ? 0 : b != 0 ? 1 : 2;
                record.Add((uint)which | (((uint)(a + b + c) & Mask) << 2), TurnBits + 2);
                break;
            case 2:
                record.Add(((uint)a & Mask) | (((uint)b & Mask) << TurnBits) | (((uint)c & Mask) << (2 * TurnBits)), 3 * TurnBits);
                break;
            default:
                record.Add(actual, 32);
                break;
        }
    }

    private void ReadTurn(ref BitReader bits)
    {
        switch ((int)bits.Read(2))
        {
            case 1:
                var which = (int)bits.Read(2);
                if (which == 3) throw new SpaceWireException("a turn names part 3 of 0 to 2");
                Rotation = Turned(Rotation, which, bits.ReadSigned(TurnBits));
                break;
            case 2:
                for (var part = 0; part < 3; part++) Rotation = Turned(Rotation, part, bits.ReadSigned(TurnBits));
                break;
            case 3:
                Rotation = (uint)bits.Read(32);
                break;
        }
    }

    private static int Part(uint code, int which) => (int)((code >> (2 + (10 * which))) & 1023);

    private static uint Turned(uint code, int which, int by)
    {
        var shift = 2 + (10 * which);
        return (code & ~(1023u << shift)) | ((uint)((Part(code, which) + by) & 1023) << shift);
    }
}
