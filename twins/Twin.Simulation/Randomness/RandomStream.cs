using System.Runtime.CompilerServices;

namespace Twin.Simulation;

/// <summary>
/// A stream of random numbers that depends on its name alone: seed, replication, entity, stream. Streams never meet: each has 2^48 blocks of its own. Unmanaged,
/// 32 bytes: keep it in an entity's state and it is saved, restored and branched with it. Hot. A mutable struct: pass it by reference.
/// </summary>
public struct RandomStream
{
    private readonly ulong _key;
    private readonly ulong _name;
    private ulong _position;
    private ulong _spare;

    /// <param name="seed">Any; it is the key of the generator.</param>
    /// <param name="replication">0 to 65,535.</param>
    /// <param name="entity">0 or more.</param>
    /// <param name="stream">0 or more: what it is for, so that models compared by common random numbers stay in step.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of them is out of range.</exception>
    public RandomStream(ulong seed, int replication, int entity, int stream)
    {
        if (replication is < 0 or > ushort.MaxValue) throw new ArgumentOutOfRangeException(nameof(replication), replication, "Allowed are 0 to 65535.");
        ArgumentOutOfRangeException.ThrowIfNegative(entity);
        ArgumentOutOfRangeException.ThrowIfNegative(stream);
        (_key, _name, _position, _spare) = (seed, ((ulong)entity << 32) | (uint)stream, (ulong)replication << 48, 0);
    }

    /// <summary>64 random bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong NextBits()
    {
        // The position counts words; its lowest bit says whether the second half of the block is still there.
        if ((_position & 1) != 0)
        {
            _position++;
            return _spare;
        }

        (var low, _spare) = Philox.Block(_position, _name, _key);
        _position++;
        return low;
    }

    /// <summary>Uniform over [0, 1), a multiple of 2^-53.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double NextUnit() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform over (0, 1], for logarithms.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal double NextPositive() => ((NextBits() >> 11) + 1) * (1.0 / (1UL << 53));

    /// <summary>A whole number, 0 to one less than the count, unbiased to 2^-32.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The count is not positive.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int NextIndex(int count)
    {
        if (count <= 0) ThrowCount(count);
        return (int)(((NextBits() >> 32) * (ulong)(uint)count) >> 32);
    }

    private static void ThrowCount(int count) => throw new ArgumentOutOfRangeException(nameof(count), count, "Allowed are counts of 1 or more.");
}
