using System.Runtime.CompilerServices;

namespace Twin.Wire.Spaces;

/// <summary>One avatar's news of one interval, encoded once for all its viewers: at most 106 bits (SPEC-spaces, clause 5.2). Hot.</summary>
public struct DeltaRecord
{
    /// <summary>The longest.</summary>
    public const int MostBits = 106;

    private ulong _low;
    private ulong _high;

    /// <summary>Nothing new: one zero bit.</summary>
    public static DeltaRecord Unchanged => new() { Bits = 1 };

    /// <summary>Its length.</summary>
    public int Bits { readonly get; private set; }

    /// <summary>Whether it says anything new.</summary>
    public readonly bool IsNews => Bits > 1;

    /// <summary>Puts it into a frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Splice(ref BitWriter frame)
    {
        if (Bits <= 64)
        {
            frame.Write(_low, Bits);
            return;
        }

        frame.Write(_low, 64);
        frame.Write(_high, Bits - 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(ulong value, int bits)
    {
        if (Bits >= 64) _high |= value << (Bits - 64);
        else
        {
            _low |= value << Bits;
            if (Bits + bits > 64) _high |= value >> (64 - Bits);
        }

        Bits += bits;
    }
}
