namespace Twin.Simulation;

/// <summary>Student's t: the distribution function in closed form (Abramowitz and Stegun 26.7.3 and 26.7.4), its quantile by bisection.</summary>
public static class StudentT
{
    /// <summary>The t with the given share of the distribution between -t and t.</summary>
    /// <param name="confidence">More than 0, less than 1.</param>
    /// <param name="freedom">Degrees of freedom, 1 or more; above 10,000 taken as 10,000.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of them is out of range.</exception>
    public static double TwoSided(double confidence, int freedom)
    {
        if (!(confidence > 0 && confidence < 1)) throw new ArgumentOutOfRangeException(nameof(confidence), confidence, "Allowed are values between 0 and 1.");
        if (freedom < 1) throw new ArgumentOutOfRangeException(nameof(freedom), freedom, "Allowed are 1 or more.");
        var (low, high) = (0.0, Math.PI / 2);
        for (var i = 0; i < 60; i++)
        {
            var middle = (low + high) / 2;
            if (Between(middle, Math.Min(freedom, 10_000)) < confidence) low = middle;
            else high = middle;
        }

        return Math.Tan(low) * Math.Sqrt(Math.Min(freedom, 10_000));
    }

    // The share between -t and t, with angle = atan(t / sqrt(freedom)).
    private static double Between(double angle, int freedom)
    {
        var (sin, cos) = Math.SinCos(angle);
        var isOdd = freedom % 2 == 1;
        var (term, sum) = (isOdd ? cos : 1.0, freedom == 1 ? 0.0 : isOdd ? cos : 1.0);
        for (var k = isOdd ? 3 : 2; k < freedom - 1; k += 2)
        {
            term *= (k - 1.0) / k * cos * cos;
            sum += term;
        }

        return isOdd ? 2 / Math.PI * (angle + (sin * sum)) : sin * sum;
    }
}
