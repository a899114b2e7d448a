using System.Runtime.CompilerServices;

namespace Twin.Simulation;

/// <summary>Draws from the usual distributions. Parameters out of range are refused by name. Hot.</summary>
public static class Distributions
{
    /// <summary>Uniform over [low, high).</summary>
    public static double NextUniform(this ref RandomStream random, double low, double high)
    {
        if (!(double.IsFinite(high - low) && high >= low)) Throw(nameof(high), high, "a finite value not below low");
        return low + ((high - low) * random.NextUnit());
    }

    /// <summary>Exponential of a positive mean.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double NextExponential(this ref RandomStream random, double mean)
    {
        if (!(mean > 0 && mean <= double.MaxValue)) Throw(nameof(mean), mean, "positive and finite");
        return -mean * Math.Log(random.NextPositive());
    }

    /// <summary>Normal (Box and Muller, one of the pair, so that each draw takes two words of the stream).</summary>
    public static double NextNormal(this ref RandomStream random, double mean, double deviation)
    {
        if (!double.IsFinite(mean)) Throw(nameof(mean), mean, "finite");
        if (!(deviation >= 0 && deviation <= double.MaxValue)) Throw(nameof(deviation), deviation, "finite, 0 or more");
        return mean + (deviation * Math.Sqrt(-2 * Math.Log(random.NextPositive())) * Math.Cos(2 * Math.PI * random.NextUnit()));
    }

    /// <summary>Lognormal: the exponential of a normal of that location and scale.</summary>
    public static double NextLognormal(this ref RandomStream random, double location, double scale) => Math.Exp(random.NextNormal(location, scale));

    /// <summary>Gamma of shape and scale, mean shape times scale (Marsaglia and Tsang 2000).</summary>
    public static double NextGamma(this ref RandomStream random, double shape, double scale)
    {
        if (!(shape > 0 && shape <= double.MaxValue)) Throw(nameof(shape), shape, "positive and finite");
        if (!(scale > 0 && scale <= double.MaxValue)) Throw(nameof(scale), scale, "positive and finite");
        var boost = shape < 1 ? Math.Pow(random.NextPositive(), 1 / shape) : 1;
        var d = (shape < 1 ? shape + 1 : shape) - (1.0 / 3);
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var x = random.NextNormal(0, 1);
            var v = 1 + (c * x);
            if (v <= 0) continue;
            v = v * v * v;
            if (Math.Log(random.NextPositive()) < (0.5 * x * x) + (d * (1 - v + Math.Log(v)))) return d * v * scale * boost;
        }
    }

    /// <summary>Weibull of shape and scale.</summary>
    public static double NextWeibull(this ref RandomStream random, double shape, double scale)
    {
        if (!(shape > 0 && shape <= double.MaxValue)) Throw(nameof(shape), shape, "positive and finite");
        if (!(scale > 0 && scale <= double.MaxValue)) Throw(nameof(scale), scale, "positive and finite");
        return scale * Math.Pow(-Math.Log(random.NextPositive()), 1 / shape);
    }

    /// <summary>Triangular over [low, high] with its peak at the mode.</summary>
    public static double NextTriangular(this ref RandomStream random, double low, double mode, double high)
    {
        if (!(double.IsFinite(high - low) && low <= mode && mode <= high && low < high)) Throw(nameof(mode), mode, "low <= mode <= high with low < high");
        var u = random.NextUnit();
        return u < (mode - low) / (high - low) ? low + Math.Sqrt(u * (high - low) * (mode - low)) : high - Math.Sqrt((1 - u) * (high - low) * (high - mode));
    }

    /// <summary>Poisson of a mean up to 10^6: Knuth's product in steps of at most 16, exact by additivity; the cost grows with the mean.</summary>
    public static int NextPoisson(this ref RandomStream random, double mean)
    {
        if (!(mean >= 0 && mean <= 1e6)) Throw(nameof(mean), mean, "0 to 1e6");
        var count = 0;
        for (var rest = mean; rest > 0; rest -= 16)
        {
            var limit = Math.Exp(-Math.Min(rest, 16));
            for (var product = random.NextPositive(); product > limit; product *= random.NextPositive()) count++;
        }

        return count;
    }

    /// <summary>One of the values seen, all alike.</summary>
    public static double NextEmpirical(this ref RandomStream random, ReadOnlySpan<double> values)
    {
        if (values.IsEmpty) Throw(nameof(values), 0, "at least one value");
        return values[random.NextIndex(values.Length)];
    }

    /// <summary>An index with the given running totals of weights (ascending, the last positive).</summary>
    public static int NextDiscrete(this ref RandomStream random, ReadOnlySpan<double> runningWeights)
    {
        if (runningWeights.IsEmpty || !(runningWeights[^1] > 0 && runningWeights[^1] <= double.MaxValue)) Throw(nameof(runningWeights), runningWeights.IsEmpty ? 0 : runningWeights[^1], "running totals of which the last is positive and finite");
        var x = random.NextUnit() * runningWeights[^1];
        var (low, high) = (0, runningWeights.Length - 1);
        while (low < high)
        {
            var middle = (low + high) >> 1;
            if (x < runningWeights[middle]) high = middle;
            else low = middle + 1;
        }

        return low;
    }

    private static void Throw(string name, double value, string allowed) => throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; allowed is {allowed}.");
}
