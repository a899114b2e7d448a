using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Twin.Graph;

/// <summary>Hints to the processor; nothing depends on them.</summary>
internal static class Memory
{
    /// <summary>Fetches a cache line ahead of its use, where the processor has an instruction for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Prefetch<T>(ref T place)
    {
        if (Sse.IsSupported) Sse.Prefetch0(Unsafe.AsPointer(ref place)); // an address that the collector moves meanwhile is a wasted hint, no harm
    }

    /// <summary>Fetches the start of a text.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(string text) => Prefetch(ref Unsafe.AsRef(in text.GetPinnableReference()));
}
