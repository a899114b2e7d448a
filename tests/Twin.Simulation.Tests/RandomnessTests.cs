namespace Twin.Simulation.Tests;

public class RandomnessTests
{
    private delegate double Draw(ref RandomStream random);

    [Theory] // the known answers of Random123 for philox4x32, 10 rounds
    [InlineData(0UL, 0UL, 0UL, 0xE169C58D6627E8D5UL, 0x9B00DBD8BC57AC4CUL)]
    [InlineData(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, 0x41C83B0E408F276DUL, 0x6D5451FDA20BC7C6UL)]
    [InlineData(0x85A308D3243F6A88UL, 0x0370734413198A2EUL, 0x299F31D0A4093822UL, 0x94FDCCEBD16CFE09UL, 0x24126EA15001E420UL)]
    public void Philox_gives_the_published_answers(ulong low, ulong high, ulong key, ulong first, ulong second) => Assert.Equal((first, second), Philox.Block(low, high, key));

    [Fact]
    public void Streams_of_other_names_differ_and_of_the_same_name_agree()
    {
        var firsts = new HashSet<ulong>();
        for (var name = 0; name < 81; name++)
        {
            var stream = new RandomStream((ulong)(name % 3), name / 3 % 3, name / 9 % 3, name / 27);
            var again = stream;
            for (var i = 0; i < 10; i++)
            {
                var bits = stream.NextBits();
                Assert.Equal(bits, again.NextBits());
                Assert.True(firsts.Add(bits));
            }
        }
    }

    [Fact]
    public void Moments_are_those_of_the_formulas()
    {
        Moments((ref RandomStream r) => r.NextUniform(2, 5), 3.5, 0.75);
        Moments((ref RandomStream r) => r.NextExponential(2), 2, 4);
        Moments((ref RandomStream r) => r.NextNormal(3, 2), 3, 4);
        Moments((ref RandomStream r) => r.NextLognormal(0, 0.5), Math.Exp(0.125), (Math.Exp(0.25) - 1) * Math.Exp(0.25));
        Moments((ref RandomStream r) => r.NextGamma(0.5, 2), 1, 2);
        Moments((ref RandomStream r) => r.NextGamma(4, 0.5), 2, 1);
        Moments((ref RandomStream r) => r.NextWeibull(2, 1), Math.Sqrt(Math.PI) / 2, 1 - (Math.PI / 4));
        Moments((ref RandomStream r) => r.NextTriangular(0, 1, 3), 4.0 / 3, 7.0 / 18);
        Moments((ref RandomStream r) => r.NextPoisson(3.5), 3.5, 3.5);
        Moments((ref RandomStream r) => r.NextPoisson(40), 40, 40);
        Moments((ref RandomStream r) => r.NextEmpirical([1, 2, 6]), 3, 14.0 / 3);
        Moments((ref RandomStream r) => r.NextDiscrete([1, 3, 4]), 1, 0.5);
    }

    [Fact]
    public void Distances_to_the_distribution_functions_are_under_the_kolmogorov_limit()
    {
        Distance((ref RandomStream r) => r.NextUnit(), x => x);
        Distance((ref RandomStream r) => r.NextExponential(2), x => 1 - Math.Exp(-x / 2));
        Distance((ref RandomStream r) => r.NextWeibull(1.5, 2), x => 1 - Math.Exp(-Math.Pow(x / 2, 1.5)));
        Distance((ref RandomStream r) => r.NextGamma(2, 1), x => 1 - ((1 + x) * Math.Exp(-x)));
        Distance((ref RandomStream r) => r.NextTriangular(0, 1, 3), x => x < 1 ? x * x / 3 : 1 - ((3 - x) * (3 - x) / 6));
    }

    [Fact]
    public void Parameters_out_of_range_are_refused_by_name()
    {
        var random = new RandomStream(1, 0, 0, 0);
        Assert.Throws<ArgumentOutOfRangeException>("mean", () => random.NextExponential(0));
        Assert.Throws<ArgumentOutOfRangeException>("mean", () => random.NextExponential(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>("deviation", () => random.NextNormal(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>("shape", () => random.NextGamma(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>("mean", () => random.NextPoisson(-1));
        Assert.Throws<ArgumentOutOfRangeException>("count", () => random.NextIndex(0));
        Assert.Throws<ArgumentOutOfRangeException>("replication", () => new RandomStream(1, -1, 0, 0));
    }

    private static void Moments(Draw draw, double mean, double variance)
    {
        const int n = 200_000;
        var random = new RandomStream(2026, 1, 2, 3);
        var (sum, squares, fourths) = (0.0, 0.0, 0.0);
        for (var i = 0; i < n; i++)
        {
            var d = draw(ref random) - mean;
            (sum, squares, fourths) = (sum + d, squares + (d * d), fourths + (d * d * d * d));
        }

        Assert.InRange(sum / n, -4 * Math.Sqrt(variance / n), 4 * Math.Sqrt(variance / n));
        var spread = 4 * Math.Sqrt(Math.Max(fourths / n - (variance * variance), 0) / n);
        Assert.InRange(squares / n, variance - spread, variance + spread);
    }

    private static void Distance(Draw draw, Func<double, double> cumulative)
    {
        const int n = 100_000;
        var random = new RandomStream(7, 0, 1, 0);
        var values = Enumerable.Range(0, n).Select(_ => draw(ref random)).Order().ToArray();
        var worst = Enumerable.Range(0, n).Max(i => Math.Max(Math.Abs(cumulative(values[i]) - ((double)i / n)), Math.Abs(cumulative(values[i]) - ((i + 1.0) / n))));
        Assert.True(worst < 1.95 / Math.Sqrt(n), $"{worst}"); // the 0.1 % point
    }
}
