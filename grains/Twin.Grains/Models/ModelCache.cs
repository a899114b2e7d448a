using System.Collections.Frozen;
using Orleans;
using Twin.Model;
using Twin.Model.Dtdl;

namespace Twin.Grains.Models;

/// <summary>The models at one version, parsed.</summary>
internal sealed record ModelsAtVersion(long Version, ModelSet Models, ModelSet All, FrozenSet<string> Decommissioned, IReadOnlyList<StoredModel> Stored)
{
    public static ModelsAtVersion None { get; } = new(0, ModelSet.Empty, ModelSet.Empty, FrozenSet<string>.Empty, []);
}

/// <summary>This process' copy of the model catalogue, parsed once for all its shards and doors. Thread-safe.</summary>
internal sealed class ModelCache(IGrainFactory grains)
{
    private readonly SemaphoreSlim _refreshing = new(1, 1);
    private volatile ModelsAtVersion _current = ModelsAtVersion.None;

    public ModelsAtVersion Current => _current;

    /// <summary>Fetches the catalogue and parses what is new.</summary>
    /// <exception cref="InvalidDataException">A stored model no longer parses; the message names it.</exception>
    public async Task RefreshAsync()
    {
        await _refreshing.WaitAsync();
        try
        {
            var catalog = grains.GetGrain<IModelCatalogGrain>(0);
            if (_current.Version != 0 && await catalog.GetVersionAsync() == _current.Version) return;
            var page = await catalog.GetAsync();
            var deleted = page.Models.Where(m => m.IsDeleted).Select(m => m.Id).ToHashSet(StringComparer.Ordinal);
            var every = page.Models.Select(m => new StoredModel(m.Id, m.Dtdl, new WallTime(m.UploadTicks), m.IsDecommissioned)).OrderBy(m => m.Id, StringComparer.Ordinal).ToArray();
            var all = Parse(every);
            var live = deleted.Count == 0 ? all : new ModelSet(all.Interfaces.Values.Where(i => !deleted.Contains(i.Id)));
            var stored = every.Where(m => !deleted.Contains(m.Id)).ToArray();
            _current = new ModelsAtVersion(page.Version, live, all, every.Where(m => m.IsDecommissioned || deleted.Contains(m.Id)).Select(m => m.Id).ToFrozenSet(StringComparer.Ordinal), stored);
        }
        finally { _refreshing.Release(); }
    }

    // Definitions already in use are kept: a DTMI's content never changes, and tables hold on to theirs.
    private ModelSet Parse(StoredModel[] stored)
    {
        var known = _current.All;
        var texts = stored.Where(m => known.Find(m.Id) is null).Select(m => m.Dtdl).ToArray();
        if (texts.Length == 0 && stored.Length == known.Interfaces.Count) return known;
        var parsed = texts.Length == 0 ? known : ParseOrThrow(texts, known);
        return new ModelSet(stored.Select(m => parsed.Find(m.Id)).OfType<InterfaceDefinition>());
    }

    private static ModelSet ParseOrThrow(string[] texts, ModelSet known)
    {
        var result = DtdlParser.Parse(texts, known);
        return result.Errors.Count == 0 ? result.Models : throw new InvalidDataException($"A stored model does not parse: {result.Errors[0]}");
    }
}
