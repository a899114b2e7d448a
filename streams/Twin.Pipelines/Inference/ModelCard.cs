using System.Text.Json;
using System.Text.Json.Serialization;
using Twin.Pipelines.Inference.Training;

namespace Twin.Pipelines.Inference;

/// <summary>What a model reads of a twin.</summary>
public sealed record InputBinding
{
    /// <summary>Property path, e.g. <c>temperature</c>.</summary>
    public required string Path { get; init; }

    /// <summary>Only twins of this model (DTMI, exactly); null takes every twin that has the property.</summary>
    public string? Model { get; init; }

    /// <summary>Successive values the network takes, oldest first; 1 to 4,096.</summary>
    public required int Window { get; init; }

    /// <summary>Subtracted from each value, in the property's unit.</summary>
    public double Mean { get; init; }

    /// <summary>Then divided by, above 0.</summary>
    public double StandardDeviation { get; init; } = 1;

    /// <summary>A longer pause between two values starts the window anew; above 0.</summary>
    public double MaxGapSeconds { get; init; } = 3600;
}

/// <summary>Where a model's score goes on the same twin.</summary>
public sealed record OutputBinding
{
    /// <summary>Property path.</summary>
    public required string Path { get; init; }
}

/// <summary>What a model was trained on.</summary>
public sealed record TrainingRecord
{
    /// <summary>The data set.</summary>
    public string Source { get; init; } = "";

    /// <summary>First instant, UTC.</summary>
    public DateTime From { get; init; }

    /// <summary>Last instant, UTC.</summary>
    public DateTime To { get; init; }

    /// <summary>Rows used.</summary>
    public int Rows { get; init; }

    /// <summary>Seed of all randomness.</summary>
    public ulong Seed { get; init; }

    /// <summary>Passes over the rows.</summary>
    public int Epochs { get; init; }
}

/// <summary>A model's description beside its file: what it is, whose it is, what it reads and writes, how good it is.</summary>
public sealed record ModelCard
{
    /// <summary>How cards are written: camel case, indented.</summary>
    internal static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Unique name, 1 to 64 letters, digits, dots and dashes.</summary>
    public required string Name { get; init; }

    /// <summary>Version for people and metrics.</summary>
    public required string Version { get; init; }

    /// <summary>File name of the ONNX file beside the card.</summary>
    public required string File { get; init; }

    /// <summary>SHA-256 of that file, hex; a file with another hash is refused.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Licence of the weights and of what they were trained on.</summary>
    public required string Licence { get; init; }

    /// <summary>What it reads.</summary>
    public required InputBinding Input { get; init; }

    /// <summary>Where the score goes.</summary>
    public required OutputBinding Output { get; init; }

    /// <summary>Longest a run may take, 1 to 60,000 ms.</summary>
    public double LatencyBoundMs { get; init; } = 100;

    /// <summary>Windows in one run, 1 to 4,096.</summary>
    public int MaxBatch { get; init; } = 256;

    /// <summary>What a user should know.</summary>
    public string? Notes { get; init; }

    /// <summary>What it was trained on.</summary>
    public TrainingRecord? Training { get; init; }

    /// <summary>How good it is on what it has not seen.</summary>
    public AnomalyEvaluation? Evaluation { get; init; }

    /// <summary>Null when every field is in its range; otherwise what is wrong.</summary>
    public string? Check()
    {
        if (Name.Length is 0 or > 64 || !Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-')) return $"name '{Name}' is not 1 to 64 letters, digits, dots and dashes";
        if (File != Path.GetFileName(File)) return $"file '{File}' must be a file name beside the card";
        if (Input.Window is < 1 or > 4096) return $"input.window {Input.Window} is not 1 to 4096";
        if (!(Input.StandardDeviation > 0)) return $"input.standardDeviation {Input.StandardDeviation} is not above 0";
        if (!double.IsFinite(Input.Mean)) return "input.mean is not finite";
        if (!(Input.MaxGapSeconds > 0)) return $"input.maxGapSeconds {Input.MaxGapSeconds} is not above 0";
        if (!(LatencyBoundMs is >= 1 and <= 60_000)) return $"latencyBoundMs {LatencyBoundMs} is not 1 to 60000";
        if (MaxBatch is < 1 or > 4096) return $"maxBatch {MaxBatch} is not 1 to 4096";
        return Input.Path == Output.Path ? $"input and output are the same property '{Input.Path}': a score would feed itself" : null;
    }
}
