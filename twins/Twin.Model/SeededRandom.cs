using System.Runtime.CompilerServices;

namespace Twin.Model;

/// <summary>
/// A counter-based random generator: draw number n is a pure function of (key, n), so any entity's stream can be
/// recomputed alone, in any order, on any partition. The function is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014):
/// add the golden gamma n times, then mix with Stafford's variant 13. Keys come from (seed, entity, stream) by the same
/// mixing. Hot: 16 bytes, no allocation. Not for secrets. Not thread-safe: one owner a stream.
/// </summary>
public struct SeededRandom
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;
    private readonly ulong _key;
    private ulong _count;

    private SeededRandom(ulong key) => _key = key;

    /// <summary>The stream of one purpose of one entity under a seed.</summary>
    public SeededRandom(ulong seed, ulong entity, ulong stream = 0)
    {
        _key = Mix(Mix(Mix(seed + GoldenGamma) ^ (entity * 0xD1B54A32D192ED03)) ^ (stream * 0xAEF17502108EF2D9));
        _count = 0;
    }

    /// <summary>Draws so far.</summary>
    public readonly ulong Count => _count;

    /// <summary>The stream whose draws are SplitMix64's for this initial state.</summary>
    public static SeededRandom FromState(ulong state) => new(state);

    /// <summary>A stable number for a text id, to be used as entity.</summary>
    public static ulong EntityOf(ReadOnlySpan<char> id)
    {
        var hash = 14695981039346656037UL;
        foreach (var unit in id) hash = (hash ^ unit) * 1099511628211UL;
        return hash;
    }

    /// <summary>64 random bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong NextUInt64() => Mix(_key + (++_count * GoldenGamma));

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [low, high).</summary>
    public double NextDouble(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>Uniform integer in [0, bound); bias below 2^-32 for bounds below 2^31.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bound"/> is not positive.</exception>
    public int NextInt(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return (int)Math.BigMul(NextUInt64(), (ulong)bound, out _);
    }

    /// <summary>True with probability <paramref name="probability"/>.</summary>
    public bool NextBoolean(double probability) => NextDouble() < probability;

    /// <summary>Normal with mean 0 and deviation 1 (Box and Muller; two draws).</summary>
    public double NextNormal()
    {
        var u = 1.0 - NextDouble(); // (0, 1]
        return Math.Sqrt(-2.0 * Math.Log(u)) * Math.Cos(2.0 * Math.PI * NextDouble());
    }

    /// <summary>Exponential with that mean.</summary>
    public double NextExponential(double mean) => -mean * Math.Log(1.0 - NextDouble());

    /// <summary>Poisson with that mean: by multiplication below 30 (Knuth), by the normal approximation above.</summary>
    public int NextPoisson(double mean)
    {
        if (mean <= 0) return 0;
        if (mean > 30) return Math.Max(0, (int)Math.Round(mean + (Math.Sqrt(mean) * NextNormal())));
        var limit = Math.Exp(-mean);
        var product = NextDouble();
        var count = 0;
        for (; product > limit; count++) product *= NextDouble();
        return count;
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
