namespace Twin.Pipelines.Inference.Training;

/// <summary>What to train and how.</summary>
public sealed record AnomalyTraining
{
    /// <summary>Values in a window, oldest first.</summary>
    public int Window { get; init; } = 32;

    /// <summary>Width of the layers beside the bottleneck.</summary>
    public int Hidden { get; init; } = 16;

    /// <summary>Width of the bottleneck.</summary>
    public int Bottleneck { get; init; } = 3;

    /// <summary>Passes over the training windows.</summary>
    public int Epochs { get; init; } = 40;

    /// <summary>First learning rate; falls linearly to a tenth of it.</summary>
    public double Rate { get; init; } = 0.002;

    /// <summary>Share of the training windows, from the lowest score, that the alarm threshold leaves quiet.</summary>
    public double QuietShare { get; init; } = 0.995;

    /// <summary>Seed of initial weights and of the order of windows.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>A trained anomaly scorer: a network that reproduces normal windows, and the error at which a window is abnormal.</summary>
/// <param name="Network">The autoencoder over normalised windows.</param>
/// <param name="Mean">Mean of the training values, in their unit.</param>
/// <param name="StandardDeviation">Their standard deviation.</param>
/// <param name="Threshold">Mean squared reconstruction error, in squared standard deviations, that scores 1.</param>
public sealed record AnomalyModel(Perceptron Network, double Mean, double StandardDeviation, double Threshold)
{
    /// <summary>The score of a raw window, oldest value first: 0 is reproduced perfectly, from 1 on it is an alarm. Not thread-safe.</summary>
    public double Score(ReadOnlySpan<double> window)
    {
        Span<double> normal = window.Length <= 256 ? stackalloc double[window.Length] : new double[window.Length];
        for (var i = 0; i < window.Length; i++) normal[i] = (window[i] - Mean) / StandardDeviation;
        return AnomalyTrainer.Error(Network, normal) / Threshold;
    }
}

/// <summary>
/// Trains an autoencoder on windows of one series. The idea: a network that must squeeze a window through a few numbers
/// learns the shapes it has seen, and reproduces others badly. It uses no labels: anomalies in the training range are learned
/// as normal unless they are rare, and the threshold leaves the worst few per mille of the training windows above it.
/// </summary>
public static class AnomalyTrainer
{
    /// <summary>Trains on <paramref name="values"/>, oldest first, at even intervals. Same values and settings give the same bits.</summary>
    /// <exception cref="ArgumentException">Fewer than ten windows, or a constant series.</exception>
    public static AnomalyModel Train(ReadOnlySpan<double> values, AnomalyTraining settings)
    {
        var count = values.Length - settings.Window + 1;
        if (count < 10) throw new ArgumentException($"Training needs at least {settings.Window + 9} values, not {values.Length}.", nameof(values));
        var (mean, deviation) = Moments(values);
        if (!(deviation > 0)) throw new ArgumentException("The training values are constant or not finite.", nameof(values));
        var normal = new double[values.Length];
        for (var i = 0; i < normal.Length; i++) normal[i] = (values[i] - mean) / deviation;
        var random = new SplitMix(settings.Seed);
        var network = new Perceptron([settings.Window, settings.Hidden, settings.Bottleneck, settings.Hidden, settings.Window], [1], random);
        var order = new int[count];
        for (var i = 0; i < count; i++) order[i] = i;
        for (var epoch = 0; epoch < settings.Epochs; epoch++)
        {
            Shuffle(order, random);
            var rate = settings.Rate * (1 - (0.9 * epoch / settings.Epochs));
            foreach (var start in order)
            {
                var window = normal.AsSpan(start, settings.Window);
                network.Learn(window, window, rate);
            }
        }
        var errors = new double[count];
        for (var i = 0; i < count; i++) errors[i] = Error(network, normal.AsSpan(i, settings.Window));
        Array.Sort(errors);
        return new AnomalyModel(network, mean, deviation, errors[(int)(settings.QuietShare * (count - 1))]);
    }

    /// <summary>Mean squared error of reproducing a normalised window.</summary>
    internal static double Error(Perceptron network, ReadOnlySpan<double> window)
    {
        var output = network.Forward(window);
        var sum = 0.0;
        for (var i = 0; i < window.Length; i++) sum += (output[i] - window[i]) * (output[i] - window[i]);
        return sum / window.Length;
    }

    private static (double Mean, double Deviation) Moments(ReadOnlySpan<double> values)
    {
        double sum = 0, squares = 0;
        foreach (var value in values) sum += value;
        var mean = sum / values.Length;
        foreach (var value in values) squares += (value - mean) * (value - mean);
        return (mean, Math.Sqrt(squares / values.Length));
    }

    private static void Shuffle(int[] order, SplitMix random)
    {
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = random.NextInt(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
    }
}
