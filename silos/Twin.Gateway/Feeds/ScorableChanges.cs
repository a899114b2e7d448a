using Twin.Model;
using Twin.Pipelines.Inference;

namespace Twin.Gateway.Feeds;

/// <summary>
/// Which changes the networks can use: values of an input property of a twin whose model has the output property too (a score
/// nobody can take is not computed), and deletions. One user at a time. Hot.
/// </summary>
internal sealed class ScorableChanges
{
    private readonly (InputBinding Input, string Output)[] _bindings;
    private readonly Dictionary<(string Model, string Path), bool> _known = []; // bounded by the models' properties
    private ModelSet _models = ModelSet.Empty;

    public ScorableChanges(IEnumerable<ServedModel> serving) => _bindings = [.. serving.Select(m => (m.Card.Input, m.Card.Output.Path))];

    /// <summary>Whether any twin of these models could be scored.</summary>
    public static bool Any(IEnumerable<ModelCard> cards, ModelSet models) =>
        cards.Any(c => models.Interfaces.Values.Any(i => IsBound(c.Input, c.Output.Path, i)));

    /// <summary>The page with what the networks can use; null when that is nothing.</summary>
    public FeedPage? Take(FeedPage page, ModelSet models)
    {
        if (!ReferenceEquals(models, _models))
        {
            _known.Clear();
            _models = models;
        }

        var count = 0;
        foreach (ref readonly var change in page.Changes.AsSpan())
            if (IsWanted(change)) count++;
        if (count == 0) return null;
        if (count == page.Changes.Count) return page;
        var wanted = new Change[count];
        var next = 0;
        foreach (ref readonly var change in page.Changes.AsSpan())
            if (IsWanted(change)) wanted[next++] = change;
        return page with { Changes = wanted };
    }

    private bool IsWanted(in Change change)
    {
        if (change.Kind == ChangeKind.TwinDeleted) return true;
        if (change.Kind != ChangeKind.PropertyChanged || !change.Value.IsNumber) return false;
        var key = (change.ModelId, change.Path);
        if (!_known.TryGetValue(key, out var isWanted)) _known[key] = isWanted = IsBound(change.ModelId, change.Path);
        return isWanted;
    }

    private bool IsBound(string model, string path)
    {
        if (_models.Find(model) is not { } definition) return false;
        foreach (var (input, output) in _bindings)
            if (input.Path == path && IsBound(input, output, definition)) return true;
        return false;
    }

    private static bool IsBound(InputBinding input, string output, InterfaceDefinition model) =>
        (input.Model is null || input.Model == model.Id) && model.FindProperty(input.Path) is not null && model.FindProperty(output) is not null;
}
