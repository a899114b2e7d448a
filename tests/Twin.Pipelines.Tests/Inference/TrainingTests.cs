using System.Security.Cryptography;
using Twin.Pipelines.Inference;
using Twin.Pipelines.Inference.Training;

namespace Twin.Pipelines.Tests.Inference;

public sealed class TrainingTests
{
    private static readonly string Models = Path.Combine(Repository.Root, "streams", "Twin.Pipelines", "Models");

    [Fact]
    public void Training_again_gives_the_committed_file_to_the_byte_and_its_card_tells_the_truth()
    {
        var series = LabelledSeries.Read(SharedFiles.Require("nab/machine_temperature_system_failure.csv"), SharedFiles.Require("nab/labels/combined_windows.json"));
        var folder = Directory.CreateTempSubdirectory("twin-pipelines-").FullName;
        var card = AnomalyRecipe.Write(series, "machine-temperature", folder);
        Assert.Equal(File.ReadAllBytes(Path.Combine(Models, "machine-temperature.onnx")), File.ReadAllBytes(Path.Combine(folder, "machine-temperature.onnx")));
        Assert.Equal(File.ReadAllText(Path.Combine(Models, "machine-temperature.json")), File.ReadAllText(Path.Combine(folder, "machine-temperature.json")));
        Assert.Equal(3, card.Evaluation!.Windows);
        Assert.Equal(3, card.Evaluation.WindowsDetected);
        Assert.InRange(card.Evaluation.FalseAlarmsPer1000, 0, 15);
        Assert.InRange(card.Evaluation.Auc, 0.7, 1);
    }

    [Fact]
    public void The_runtime_scores_the_recording_as_the_trainer_did()
    {
        var series = LabelledSeries.Read(SharedFiles.Require("nab/machine_temperature_system_failure.csv"), SharedFiles.Require("nab/labels/combined_windows.json"));
        var (model, evaluation) = AnomalyRecipe.Train(series, AnomalyRecipe.Settings);
        using var registry = InferenceRegistry.Load(Models, TimeProvider.System);
        var card = Assert.Single(registry.Models).Card;
        using var session = new OnnxSession(File.ReadAllBytes(Path.Combine(Models, card.File)), card);
        var seen = card.Training!.Rows;
        var width = card.Input.Window;
        var scores = new double[series.Values.Length - seen];
        for (var start = 0; start < scores.Length; start += 512)
        {
            var count = Math.Min(512, scores.Length - start);
            var input = new float[count * width];
            for (var i = 0; i < input.Length; i++)
                input[i] = (float)((series.Values[seen + start + (i / width) - width + 1 + (i % width)] - card.Input.Mean) / card.Input.StandardDeviation);
            var output = new float[count];
            session.Score(input, count, output, default);
            for (var i = 0; i < count; i++)
            {
                scores[start + i] = output[i];
                var own = model.Score(series.Values.AsSpan(seen + start + i - width + 1, width));
                Assert.InRange(Math.Abs(own - output[i]) / Math.Max(1, own), 0, 1e-4);
            }
        }
        var runtime = AnomalyEvaluation.Of(scores, series.Windows.AsSpan(seen), width);
        Assert.Equal(evaluation.WindowsDetected, runtime.WindowsDetected);
        Assert.Equal(evaluation.Auc, runtime.Auc, 4);
        Assert.Equal(evaluation.FalseAlarmsPer1000, runtime.FalseAlarmsPer1000, 0.2);
    }

    [Fact]
    public void The_written_network_computes_what_the_perceptron_does()
    {
        var random = new SplitMix(7);
        var values = new double[400];
        for (var i = 0; i < values.Length; i++) values[i] = 20 + (3 * Math.Sin(i / 7.0)) + random.NextDouble();
        var model = AnomalyTrainer.Train(values, new AnomalyTraining { Window = 12, Hidden = 8, Bottleneck = 2, Epochs = 3 });
        var onnx = OnnxWriter.Write(model, "small");
        Assert.Equal(SHA256.HashData(onnx), SHA256.HashData(OnnxWriter.Write(model, "small")));
        using var session = new OnnxSession(onnx, Cards.For(onnx, "small", window: 12));
        for (var round = 0; round < 50; round++)
        {
            var raw = new double[12];
            foreach (ref var value in raw.AsSpan()) value = 20 + (8 * (random.NextDouble() - 0.5));
            var score = new float[1];
            session.Score([.. raw.Select(v => (float)((v - model.Mean) / model.StandardDeviation))], 1, score, default);
            Assert.InRange(Math.Abs(model.Score(raw) * model.Threshold - score[0] * model.Threshold), 0, 1e-5);
        }
    }

    [Fact]
    public void Gradients_are_those_of_finite_differences()
    {
        // One step of Adam moves each weight by the rate against its gradient's sign; the signs must be those the loss itself tells.
        var random = new SplitMix(3);
        double[] input = [0.3, -0.7, 1.1], target = [0.5, 0.2, -0.4];
        var network = new Perceptron([3, 4, 2, 3], [1], random);
        var expected = new List<double>();
        foreach (var layer in network.Layers)
        {
            for (var i = 0; i < layer.Weights.Length; i++)
            {
                var kept = layer.Weights[i];
                layer.Weights[i] = kept + 1e-6;
                var up = Loss();
                layer.Weights[i] = kept - 1e-6;
                var down = Loss();
                layer.Weights[i] = kept;
                expected.Add((up - down) / 2e-6);
            }
        }
        var before = network.Layers.SelectMany(l => l.Weights).ToArray();
        network.Learn(input, target, 1e-3);
        var moved = network.Layers.SelectMany(l => l.Weights).Zip(before, (now, then) => now - then).ToArray();
        for (var i = 0; i < moved.Length; i++)
        {
            if (Math.Abs(expected[i]) < 1e-6) Assert.InRange(moved[i], -1e-3, 1e-3);
            else Assert.Equal(-Math.Sign(expected[i]) * 1e-3, moved[i], 4);
        }

        double Loss()
        {
            var output = network.Forward(input).ToArray();
            return output.Zip(target, (a, b) => (a - b) * (a - b)).Sum() / 3;
        }
    }

    [Fact]
    public void Figures_follow_their_definitions_on_a_case_worked_by_hand()
    {
        double[] scores = [0.1, 2.0, 0.2, 0.3, 1.5, 0.9, 3.0, 0.1];
        int[] windows = [-1, -1, -1, -1, 0, 0, 1, 1];
        var figures = AnomalyEvaluation.Of(scores, windows, episodeGap: 2);
        Assert.Equal((8, 4, 2, 2), (figures.Points, figures.PointsInWindows, figures.Windows, figures.WindowsDetected));
        Assert.Equal(250, figures.FalseAlarmsPer1000);
        Assert.Equal(2 / 3.0, figures.Precision, 12);
        Assert.Equal(0.5, figures.Recall);
        // Pairs (inside > outside): 1.5 beats 3, 0.9 beats 3, 3.0 beats 4, 0.1 ties one: 10.5 of 16.
        Assert.Equal(10.5 / 16, figures.Auc, 12);
    }

    [Fact]
    public void A_series_that_cannot_be_learned_is_refused()
    {
        Assert.Throws<ArgumentException>(() => AnomalyTrainer.Train(new double[100], new AnomalyTraining()));
        Assert.Throws<ArgumentException>(() => AnomalyTrainer.Train([1, 2, 3], new AnomalyTraining()));
    }
}

/// <summary>Cards for tests.</summary>
public static class Cards
{
    public static ModelCard For(byte[] file, string name, int window, double boundMs = 5_000, int maxBatch = 16) => new()
    {
        Name = name,
        Version = "1",
        File = name + ".onnx",
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(file)),
        Licence = "test",
        Input = new InputBinding { Path = "temperature", Window = window, MaxGapSeconds = 1000 },
        Output = new OutputBinding { Path = "score" },
        LatencyBoundMs = boundMs,
        MaxBatch = maxBatch,
    };

    public static void Write(string folder, ModelCard card, byte[] file)
    {
        File.WriteAllBytes(Path.Combine(folder, card.File), file);
        File.WriteAllText(Path.Combine(folder, card.Name + ".json"), System.Text.Json.JsonSerializer.Serialize(card, System.Text.Json.JsonSerializerOptions.Web));
    }
}
