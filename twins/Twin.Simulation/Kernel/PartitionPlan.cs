using System.Runtime.CompilerServices;

namespace Twin.Simulation;

/// <summary>How a model's entities are divided: entity e belongs to partition e mod <see cref="Partitions"/> (a mask, since their number is a power of two).</summary>
public sealed record PartitionPlan
{
    private readonly int _shift;

    /// <param name="entities">1 to 2^26.</param>
    /// <param name="partitions">A power of two, 1 to 256, not more than the entities.</param>
    /// <param name="lookahead">The least delay of an event for another entity, in the model's time unit; positive when there are several partitions.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of them is out of range.</exception>
    public PartitionPlan(int entities, int partitions, double lookahead)
    {
        if (entities is < 1 or > 1 << 26) throw new ArgumentOutOfRangeException(nameof(entities), entities, "Allowed are 1 to 67108864 entities.");
        if (partitions is < 1 or > 256 || !int.IsPow2(partitions) || partitions > entities) throw new ArgumentOutOfRangeException(nameof(partitions), partitions, "Allowed are powers of two from 1 to 256, not more than the entities.");
        if (!double.IsFinite(lookahead) || lookahead < 0 || (partitions > 1 && lookahead == 0)) throw new ArgumentOutOfRangeException(nameof(lookahead), lookahead, "Allowed are finite values of 0 or more; with several partitions more than 0.");
        (Entities, Partitions, Lookahead, _shift) = (entities, partitions, lookahead, int.Log2(partitions));
    }

    /// <summary>Entities of the whole model.</summary>
    public int Entities { get; }

    /// <summary>Partitions of the whole model.</summary>
    public int Partitions { get; }

    /// <summary>The least delay between two entities, in the model's time unit.</summary>
    public double Lookahead { get; }

    /// <summary>The partition that owns the entity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int OwnerOf(int entity) => entity & (Partitions - 1);

    /// <summary>The entity's place in its partition.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int LocalOf(int entity) => entity >> _shift;

    /// <summary>How many entities a partition owns.</summary>
    public int CountOf(int partition) => (Entities - partition + Partitions - 1) >> _shift;
}
