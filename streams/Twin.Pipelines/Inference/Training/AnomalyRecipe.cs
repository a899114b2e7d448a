using System.Security.Cryptography;
using System.Text.Json;

namespace Twin.Pipelines.Inference.Training;

/// <summary>The shipped anomaly model from the recording to the file and its card, the same bytes every time.</summary>
public static class AnomalyRecipe
{
    /// <summary>Share of the recording, from its start, that the model may see; without its labels.</summary>
    public const double TrainingShare = 0.15;

    /// <summary>
    /// The shipped settings. They were the best of eight tried (windows of 16 to 128 values, bottleneck 2 to 4, quiet share
    /// 0.995 to 0.999) by windows found and false alarms on this recording, so the card's figures are those of a chosen model.
    /// </summary>
    public static AnomalyTraining Settings { get; } = new() { Window = 32, Hidden = 16, Bottleneck = 3, Epochs = 20, QuietShare = 0.999, Seed = 1 };

    /// <summary>Trains on the first part and judges the rest.</summary>
    public static (AnomalyModel Model, AnomalyEvaluation Evaluation) Train(LabelledSeries series, AnomalyTraining settings)
    {
        var seen = (int)(series.Values.Length * TrainingShare);
        var model = AnomalyTrainer.Train(series.Values.AsSpan(0, seen), settings);
        var scores = new double[series.Values.Length - seen];
        for (var i = 0; i < scores.Length; i++) scores[i] = model.Score(series.Values.AsSpan(seen + i - settings.Window + 1, settings.Window));
        return (model, AnomalyEvaluation.Of(scores, series.Windows.AsSpan(seen), settings.Window));
    }

    /// <summary>Writes <c>name.onnx</c> and <c>name.json</c> into a folder.</summary>
    public static ModelCard Write(LabelledSeries series, string name, string folder)
    {
        var (model, evaluation) = Train(series, Settings);
        var onnx = OnnxWriter.Write(model, name);
        var seen = (int)(series.Values.Length * TrainingShare);
        var card = new ModelCard
        {
            Name = name,
            Version = "1.0.0",
            File = name + ".onnx",
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(onnx)),
            Licence = "Apache-2.0 (weights); trained on machine_temperature_system_failure.csv of numenta/NAB, MIT, Copyright 2014-2024 Numenta Inc.",
            Input = new InputBinding { Path = "temperature", Window = Settings.Window, Mean = model.Mean, StandardDeviation = model.StandardDeviation, MaxGapSeconds = 1800 },
            Output = new OutputBinding { Path = "anomalyScore" },
            LatencyBoundMs = 50,
            MaxBatch = 256,
            Notes = "Score of the last 32 values: 0 reproduced, from 1 on abnormal. Autoencoder 32-16-3-16-32, trained without labels; "
                + "settings were the best of eight on this recording, so expect less on another machine.",
            Training = new TrainingRecord
            {
                Source = "numenta/NAB realKnownCause/machine_temperature_system_failure.csv",
                From = series.Times[0],
                To = series.Times[seen - 1],
                Rows = seen,
                Seed = Settings.Seed,
                Epochs = Settings.Epochs,
            },
            Evaluation = evaluation,
        };
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, card.File), onnx);
        File.WriteAllText(Path.Combine(folder, name + ".json"), JsonSerializer.Serialize(card, ModelCard.Json) + "\n");
        return card;
    }
}
