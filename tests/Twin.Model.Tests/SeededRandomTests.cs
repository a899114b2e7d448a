namespace Twin.Model.Tests;

public class SeededRandomTests
{
    [Fact]
    public void Draws_are_those_of_SplitMix64()
    {
        // Published first outputs of SplitMix64 from state 1234567.
        var random = SeededRandom.FromState(1234567);
        Assert.Equal(
            [6457827717110365317UL, 3203168211198807973UL, 9817491932198370423UL, 4593380528125082431UL, 16408922859458223821UL],
            Enumerable.Range(0, 5).Select(_ => random.NextUInt64()));
    }

    [Fact]
    public void Streams_repeat_and_differ_by_seed_entity_and_stream()
    {
        Assert.Equal(new SeededRandom(1, 2, 3).NextUInt64(), new SeededRandom(1, 2, 3).NextUInt64());
        var firsts = new HashSet<ulong>();
        for (ulong seed = 0; seed < 10; seed++)
        for (ulong entity = 0; entity < 100; entity++)
        for (ulong stream = 0; stream < 10; stream++) firsts.Add(new SeededRandom(seed, entity, stream).NextUInt64());
        Assert.Equal(10_000, firsts.Count);
    }

    [Fact]
    public void Distributions_have_their_means_and_deviations()
    {
        const int n = 200_000;
        var random = new SeededRandom(7, 7);
        double uniform = 0, normal = 0, square = 0, exponential = 0, small = 0, large = 0;
        for (var i = 0; i < n; i++)
        {
            uniform += random.NextDouble();
            var z = random.NextNormal();
            normal += z;
            square += z * z;
            exponential += random.NextExponential(3);
            small += random.NextPoisson(2.5);
            large += random.NextPoisson(80);
        }

        Assert.Equal(0.5, uniform / n, 0.005);
        Assert.Equal(0, normal / n, 0.015);
        Assert.Equal(1, square / n, 0.02);
        Assert.Equal(3, exponential / n, 0.05);
        Assert.Equal(2.5, small / n, 0.03);
        Assert.Equal(80, large / n, 0.2);
    }

    [Fact]
    public void Integers_cover_their_range_evenly()
    {
        var random = new SeededRandom(3, 1);
        var counts = new int[7];
        for (var i = 0; i < 70_000; i++) counts[random.NextInt(7)]++;
        Assert.All(counts, c => Assert.InRange(c, 9_600, 10_400));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SeededRandom(0, 0).NextInt(0));
    }
}
