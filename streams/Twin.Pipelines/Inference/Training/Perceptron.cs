namespace Twin.Pipelines.Inference.Training;

/// <summary>One dense layer: <c>y = x W + b</c>, then max(0, y) where it is rectified.</summary>
/// <param name="Inputs">Width of x.</param>
/// <param name="Outputs">Width of y.</param>
/// <param name="Rectified">Whether negative outputs become 0.</param>
public sealed record Layer(int Inputs, int Outputs, bool Rectified)
{
    /// <summary>Weights, row-major: <c>[input * Outputs + output]</c>.</summary>
    public double[] Weights { get; } = new double[Inputs * Outputs];

    /// <summary>Biases, one an output.</summary>
    public double[] Biases { get; } = new double[Outputs];
}

/// <summary>
/// A small fully connected network, trained by stochastic gradient descent with Adam (Kingma and Ba, 2015) on squared error.
/// Only additions, multiplications, divisions and square roots are used, in a fixed order, so one seed gives the same bits
/// on every IEEE 754 machine. Not thread-safe.
/// </summary>
public sealed class Perceptron
{
    private const double Beta1 = 0.9;   // decay rates and epsilon as the paper proposes
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;

    private readonly double[][] _activations;
    private readonly double[][] _errors;
    private readonly Moments[] _moments;
    private double _beta1Power = 1;
    private double _beta2Power = 1;

    /// <summary>A network of the given widths, input first; every layer but those in <paramref name="linear"/> and the last is rectified.</summary>
    public Perceptron(ReadOnlySpan<int> widths, ReadOnlySpan<int> linear, SplitMix random)
    {
        var layers = new Layer[widths.Length - 1];
        for (var i = 0; i < layers.Length; i++)
        {
            layers[i] = new Layer(widths[i], widths[i + 1], i < layers.Length - 1 && !linear.Contains(i));
            var reach = Math.Sqrt(6.0 / (widths[i] + widths[i + 1])); // Glorot and Bengio, 2010
            foreach (ref var weight in layers[i].Weights.AsSpan()) weight = ((2 * random.NextDouble()) - 1) * reach;
        }
        Layers = layers;
        _activations = [new double[widths[0]], .. layers.Select(l => new double[l.Outputs])];
        _errors = [.. layers.Select(l => new double[l.Outputs])];
        _moments = [.. layers.Select(l => new Moments(l))];
    }

    /// <summary>The layers, input side first.</summary>
    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>The output for an input; valid until the next call.</summary>
    public ReadOnlySpan<double> Forward(ReadOnlySpan<double> input)
    {
        input.CopyTo(_activations[0]);
        for (var i = 0; i < Layers.Count; i++) Forward(Layers[i], _activations[i], _activations[i + 1]);
        return _activations[^1];
    }

    /// <summary>Takes one step towards reproducing <paramref name="target"/>; returns the mean squared error before it.</summary>
    public double Learn(ReadOnlySpan<double> input, ReadOnlySpan<double> target, double rate)
    {
        var output = Forward(input);
        var loss = 0.0;
        for (var i = 0; i < target.Length; i++)
        {
            var error = output[i] - target[i];
            _errors[^1][i] = 2 * error / target.Length;
            loss += error * error;
        }
        for (var i = Layers.Count - 1; i > 0; i--) Backward(Layers[i], _errors[i], _activations[i], Layers[i - 1].Rectified, _errors[i - 1]);
        _beta1Power *= Beta1;
        _beta2Power *= Beta2;
        for (var i = 0; i < Layers.Count; i++) Step(Layers[i], _moments[i], _activations[i], _errors[i], rate);
        return loss / target.Length;
    }

    private static void Forward(Layer layer, double[] input, double[] output)
    {
        layer.Biases.CopyTo(output, 0);
        for (var i = 0; i < layer.Inputs; i++)
        {
            var x = input[i];
            var row = layer.Weights.AsSpan(i * layer.Outputs, layer.Outputs);
            for (var j = 0; j < row.Length; j++) output[j] += x * row[j];
        }
        if (!layer.Rectified) return;
        foreach (ref var y in output.AsSpan()) y = y > 0 ? y : 0;
    }

    private static void Backward(Layer layer, double[] errors, double[] input, bool inputRectified, double[] inputErrors)
    {
        for (var i = 0; i < layer.Inputs; i++)
        {
            var sum = 0.0;
            var row = layer.Weights.AsSpan(i * layer.Outputs, layer.Outputs);
            for (var j = 0; j < row.Length; j++) sum += errors[j] * row[j];
            inputErrors[i] = inputRectified && input[i] <= 0 ? 0 : sum;
        }
    }

    private void Step(Layer layer, Moments moments, double[] input, double[] errors, double rate)
    {
        for (var i = 0; i < layer.Inputs; i++)
        {
            var x = input[i];
            for (var j = 0; j < layer.Outputs; j++)
            {
                var at = (i * layer.Outputs) + j;
                layer.Weights[at] -= Adam(ref moments.WeightMeans[at], ref moments.WeightSquares[at], x * errors[j], rate);
            }
        }
        for (var j = 0; j < layer.Outputs; j++) layer.Biases[j] -= Adam(ref moments.BiasMeans[j], ref moments.BiasSquares[j], errors[j], rate);
    }

    private double Adam(ref double mean, ref double square, double gradient, double rate)
    {
        mean = (Beta1 * mean) + ((1 - Beta1) * gradient);
        square = (Beta2 * square) + ((1 - Beta2) * gradient * gradient);
        return rate * (mean / (1 - _beta1Power)) / (Math.Sqrt(square / (1 - _beta2Power)) + Epsilon);
    }

    private sealed class Moments(Layer layer)
    {
        public double[] WeightMeans { get; } = new double[layer.Weights.Length];

        public double[] WeightSquares { get; } = new double[layer.Weights.Length];

        public double[] BiasMeans { get; } = new double[layer.Outputs];

        public double[] BiasSquares { get; } = new double[layer.Outputs];
    }
}

/// <summary>A seeded generator of 64-bit numbers (SplitMix64: Steele, Lea and Flood, 2014). Not thread-safe.</summary>
public sealed class SplitMix(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, bound).</summary>
    public int NextInt(int bound) => (int)(((Next() >> 32) * (ulong)bound) >> 32);
}
