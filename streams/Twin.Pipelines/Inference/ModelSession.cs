using Microsoft.ML.OnnxRuntime;

namespace Twin.Pipelines.Inference;

/// <summary>A loaded network. One run at a time.</summary>
public interface IModelSession : IDisposable
{
    /// <summary>Scores <paramref name="count"/> windows standing one after another in <paramref name="windows"/>. Stops with an exception soon after <paramref name="cancellationToken"/> asks.</summary>
    void Score(float[] windows, int count, Span<float> scores, CancellationToken cancellationToken);
}

/// <summary>An ONNX network on the CPU, one thread a run: devices are batched, so cores stay free for the flow. One float[batch, window] in, one float a window out.</summary>
public sealed class OnnxSession : IModelSession
{
    private readonly InferenceSession _session;
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private readonly int _window;

    /// <summary>Loads a network from its file's bytes.</summary>
    /// <exception cref="InvalidDataException">Not an ONNX file, or its input or output is not of the stated shape.</exception>
    public OnnxSession(byte[] onnx, ModelCard card)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        try
        {
            _session = new InferenceSession(onnx, options);
        }
        catch (OnnxRuntimeException refused)
        {
            throw new InvalidDataException($"{card.File} is no ONNX network: {refused.Message}", refused);
        }
        (_inputs, _outputs, _window) = ([.. _session.InputMetadata.Keys], [.. _session.OutputMetadata.Keys], card.Input.Window);
        if (_inputs.Length == 1 && _outputs.Length == 1 && _session.InputMetadata[_inputs[0]] is { ElementDataType: Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float } input
            && input.Dimensions is [_, var width] && width == card.Input.Window)
            return;
        _session.Dispose();
        throw new InvalidDataException($"{card.File} must take one float[batch, {card.Input.Window}] and give one float[batch].");
    }

    /// <inheritdoc/>
    public void Score(float[] windows, int count, Span<float> scores, CancellationToken cancellationToken)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, windows.AsMemory(0, count * _window), [count, _window]);
        using var run = new RunOptions();
        using var registration = cancellationToken.UnsafeRegister(static options => ((RunOptions)options!).Terminate = true, run);
        using var results = _session.Run(run, _inputs, [input], _outputs);
        var output = results[0].GetTensorDataAsSpan<float>();
        if (output.Length != count) throw new InvalidDataException($"The network gave {output.Length} scores for {count} windows.");
        output.CopyTo(scores);
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();
}
