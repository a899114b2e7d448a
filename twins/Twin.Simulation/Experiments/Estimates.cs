namespace Twin.Simulation;

/// <summary>A mean and the half-width of its confidence interval (Student's t).</summary>
/// <param name="Mean">Of the values.</param>
/// <param name="HalfWidth">At the confidence asked for.</param>
/// <param name="Count">How many values.</param>
public readonly record struct IntervalEstimate(double Mean, double HalfWidth, int Count)
{
    /// <summary>True when the interval holds the value.</summary>
    public bool Contains(double value) => Math.Abs(value - Mean) <= HalfWidth;
}

/// <summary>Estimates from what runs gave: intervals over replications, batch means, paired differences, the end of the warm-up.</summary>
public static class Estimates
{
    /// <summary>The interval of the mean of independent values.</summary>
    /// <exception cref="ArgumentException">There are fewer than two values.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The confidence is not between 0 and 1.</exception>
    public static IntervalEstimate Of(ReadOnlySpan<double> values, double confidence = 0.95)
    {
        if (values.Length < 2) throw new ArgumentException($"An interval needs 2 values or more, there are {values.Length}.", nameof(values));
        var mean = Mean(values);
        var squares = 0.0;
        foreach (var value in values) squares += (value - mean) * (value - mean);
        return new IntervalEstimate(mean, StudentT.TwoSided(confidence, values.Length - 1) * Math.Sqrt(squares / (values.Length - 1) / values.Length), values.Length);
    }

    /// <summary>The interval of the mean difference a - b of runs that shared their random numbers, pair by pair.</summary>
    /// <exception cref="ArgumentException">The counts differ or are less than two.</exception>
    public static IntervalEstimate OfDifferences(ReadOnlySpan<double> a, ReadOnlySpan<double> b, double confidence = 0.95)
    {
        if (a.Length != b.Length) throw new ArgumentException($"Pairs are needed, there are {a.Length} and {b.Length} values.", nameof(b));
        var differences = new double[a.Length];
        for (var i = 0; i < a.Length; i++) differences[i] = a[i] - b[i];
        return Of(differences, confidence);
    }

    /// <summary>The interval of the mean of one long run, from means of equal batches; values that do not fill a batch are left out at the front.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than two batches or more than values.</exception>
    public static IntervalEstimate OfBatches(ReadOnlySpan<double> run, int batches, double confidence = 0.95)
    {
        if (batches < 2 || batches > run.Length) throw new ArgumentOutOfRangeException(nameof(batches), batches, $"Allowed are 2 to {run.Length} batches.");
        var size = run.Length / batches;
        var means = new double[batches];
        for (var b = 0; b < batches; b++) means[b] = Mean(run.Slice(run.Length - ((batches - b) * size), size));
        return Of(means, confidence);
    }

    /// <summary>How many values at the front are warm-up: MSER-5 (White 1997), at most half of the run.</summary>
    public static int WarmUp(ReadOnlySpan<double> run)
    {
        var count = run.Length / 5;
        var (best, cut, sum, squares) = (double.PositiveInfinity, 0, 0.0, 0.0);
        var means = new double[count];
        for (var b = 0; b < count; b++) means[b] = Mean(run.Slice(b * 5, 5));
        var shift = count > 0 ? means[^1] : 0;
        for (var b = count - 1; b >= 0; b--)
        {
            var d = means[b] - shift;
            (sum, squares) = (sum + d, squares + (d * d));
            var kept = count - b;
            var error = (squares - (sum * sum / kept)) / kept / kept;
            if (b <= count / 2 && error <= best) (best, cut) = (error, b);
        }

        return cut * 5;
    }

    private static double Mean(ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        foreach (var value in values) sum += value;
        return sum / values.Length;
    }
}
