using System.Security.Cryptography;
using System.Text.Json;

namespace Twin.Pipelines.Inference;

/// <summary>The models of a folder: each card <c>*.json</c> names its ONNX file beside it. A model that cannot be loaded is listed with the reason and the others serve. Thread-safe after loading.</summary>
public sealed class InferenceRegistry : IDisposable
{
    private const long MaxFileBytes = 256L << 20;
    private readonly List<ServedModel> _models = [];

    /// <summary>Loads and warms up every model of a folder; a missing folder is an empty registry.</summary>
    /// <param name="folder">Where cards and files are.</param>
    /// <param name="clock">For latency and pauses.</param>
    /// <param name="open">How a file becomes a session; null opens ONNX.</param>
    public static InferenceRegistry Load(string folder, TimeProvider clock, Func<byte[], ModelCard, IModelSession>? open = null)
    {
        var registry = new InferenceRegistry();
        if (!Directory.Exists(folder)) return registry;
        foreach (var path in Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal))
            registry._models.Add(LoadModel(path, registry._models, clock, open ?? ((bytes, card) => new OnnxSession(bytes, card))));
        return registry;
    }

    /// <summary>The cards of a folder without loading any network: what would be read and written. Cards that make no sense are passed over; <see cref="Load"/> lists them with the reason.</summary>
    public static IReadOnlyList<ModelCard> ReadCards(string folder)
    {
        var cards = new List<ModelCard>();
        if (!Directory.Exists(folder)) return cards;
        foreach (var path in Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal))
        {
            try
            {
                if (JsonSerializer.Deserialize<ModelCard>(File.ReadAllBytes(path), ModelCard.Json) is { } card && card.Check() is null) cards.Add(card);
            }
            catch (Exception refused) when (refused is IOException or UnauthorizedAccessException or JsonException or NotSupportedException)
            {
                // Told when the folder is loaded.
            }
        }
        return cards;
    }

    /// <summary>Every model found, refused ones too, ordered by card file name.</summary>
    public IReadOnlyList<ServedModel> Models => _models;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in _models) model.Dispose();
    }

    private static ServedModel LoadModel(string path, List<ServedModel> others, TimeProvider clock, Func<byte[], ModelCard, IModelSession> open)
    {
        ModelCard? card = null;
        try
        {
            card = JsonSerializer.Deserialize<ModelCard>(File.ReadAllBytes(path), ModelCard.Json) ?? throw new InvalidDataException("the card is null");
            if (card.Check() is { } problem) throw new InvalidDataException(problem);
            if (others.Any(o => o.Card.Name == card.Name)) throw new InvalidDataException($"another card has the name '{card.Name}'");
            var session = open(ReadChecked(Path.Combine(Path.GetDirectoryName(path)!, card.File), card), card);
            var model = new ServedModel(card, session, clock);
            model.WarmUp();
            return model;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException or InvalidDataException or JsonException or NotSupportedException)
        {
            return ServedModel.Refused(card ?? Unknown(path), $"{Path.GetFileName(path)}: {refused.Message}", clock);
        }
    }

    private static byte[] ReadChecked(string path, ModelCard card)
    {
        var length = new FileInfo(path).Length;
        if (length > MaxFileBytes) throw new InvalidDataException($"{card.File} has {length} bytes; at most {MaxFileBytes} are allowed");
        var bytes = File.ReadAllBytes(path);
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
        return string.Equals(hash, card.Sha256, StringComparison.OrdinalIgnoreCase)
            ? bytes
            : throw new InvalidDataException($"{card.File} has SHA-256 {hash}, the card says {card.Sha256}");
    }

    private static ModelCard Unknown(string path) => new()
    {
        Name = Path.GetFileNameWithoutExtension(path), Version = "", File = "", Sha256 = "", Licence = "",
        Input = new InputBinding { Path = "", Window = 1 }, Output = new OutputBinding { Path = "" },
    };
}
