using System.Text.Json;
using Orleans;
using Orleans.Runtime;
using Twin.Model;
using Twin.Model.Dtdl;

namespace Twin.Grains.Models;

/// <summary>What the catalogue keeps.</summary>
[GenerateSerializer]
internal sealed class ModelCatalogState
{
    [Id(0)] public long Version { get; set; } = 1;

    [Id(1)] public List<CatalogModel> Models { get; set; } = [];
}

/// <summary>Owns the DTDL texts: checks, persists, answers. At most 10,000 models.</summary>
internal sealed class ModelCatalogGrain([PersistentState("models", "twins")] IPersistentState<ModelCatalogState> state, TimeProvider clock) : Grain, IModelCatalogGrain
{
    private const int MostModels = 10_000;
    private const int MostErrorsTold = 20;

    public ValueTask<long> GetVersionAsync() => new(state.State.Version);

    public ValueTask<ModelCatalogPage> GetAsync() => new(new ModelCatalogPage(state.State.Version, [.. state.State.Models]));

    public async ValueTask<CatalogAnswer> AddAsync(string[] dtdl)
    {
        if (!TrySplit(dtdl, out var texts, out var bad)) return bad;
        var known = DtdlParser.Parse([.. state.State.Models.Select(m => m.Dtdl)], ModelSet.Empty).Models;
        foreach (var id in texts.Keys)
            if (known.Find(id) is not null && !state.State.Models.Exists(m => m.Id == id && m.IsDeleted && m.Dtdl == texts[id])) return Refuse(TwinStatus.Conflict, "ModelIdAlreadyExists", $"Model '{id}' exists already; give the changed one a new version.", id);
        if (state.State.Models.Count + texts.Count > MostModels) return Refuse(TwinStatus.TooMuch, "TooManyModels", $"At most {MostModels} models are kept.", null);
        var back = state.State.Models.Where(m => texts.ContainsKey(m.Id)).Select(m => m.Id).ToArray();
        foreach (var id in back) texts.Remove(id);
        var parsed = texts.Count == 0 ? new DtdlParseResult(known, []) : DtdlParser.Parse([.. texts.Values], known);
        if (parsed.Errors.Count > 0)
        {
            string[] ids = [.. texts.Keys];
            var all = string.Join(" ", parsed.Errors.Take(MostErrorsTold).Select(e => $"{PlaceOf(e, ids)}{e}"));
            return Refuse(TwinStatus.Invalid, "DTDLParserError", $"{parsed.Errors.Count} error(s): {all}", parsed.Errors[0].Element);
        }

        var now = clock.GetUtcNow().UtcTicks;
        foreach (var id in back)
        {
            var at = state.State.Models.FindIndex(m => m.Id == id);
            state.State.Models[at] = state.State.Models[at] with { IsDeleted = false, IsDecommissioned = false };
        }

        state.State.Models.AddRange(texts.Select(t => new CatalogModel(t.Key, t.Value, now, false)));
        return await KeepAsync(TwinStatus.Created);
    }

    public async ValueTask<CatalogAnswer> RemoveAsync(string dtmi)
    {
        var index = state.State.Models.FindIndex(m => m.Id == dtmi && !m.IsDeleted);
        if (index < 0) return NoModel(dtmi);
        var rest = state.State.Models.Where(m => m.Id != dtmi && !m.IsDeleted).Select(m => m.Dtdl).ToArray();
        if (DtdlParser.Parse(rest, ModelSet.Empty).Errors.Count > 0)
            return Refuse(TwinStatus.Conflict, "ModelReferencesNotDeleted", $"Model '{dtmi}' is extended or contained by another model; delete that one first.", dtmi);
        state.State.Models[index] = state.State.Models[index] with { IsDeleted = true };
        return await KeepAsync(TwinStatus.Ok);
    }

    public async ValueTask<CatalogAnswer> DecommissionAsync(string dtmi, bool decommissioned)
    {
        var index = state.State.Models.FindIndex(m => m.Id == dtmi && !m.IsDeleted);
        if (index < 0) return NoModel(dtmi);
        state.State.Models[index] = state.State.Models[index] with { IsDecommissioned = decommissioned };
        return await KeepAsync(TwinStatus.Ok);
    }

    private async ValueTask<CatalogAnswer> KeepAsync(TwinStatus status)
    {
        state.State.Version++;
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            await state.ReadStateAsync(); // what is not kept is not true
            throw;
        }

        return new CatalogAnswer((byte)status, null, null, null, state.State.Version);
    }

    /// <summary>Each interface as a text of its own, by id.</summary>
    private static bool TrySplit(string[] dtdl, out Dictionary<string, string> texts, out CatalogAnswer bad)
    {
        texts = new Dictionary<string, string>(StringComparer.Ordinal);
        bad = Refuse(TwinStatus.Invalid, "DTDLParserError", "A model must be a JSON object with an '@id', or an array of them.", "@id");
        foreach (var text in dtdl)
        {
            try
            {
                using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 64 });
                var elements = document.RootElement.ValueKind == JsonValueKind.Array ? [.. document.RootElement.EnumerateArray()] : new[] { document.RootElement };
                foreach (var element in elements)
                {
                    if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty("@id", out var id) || id.ValueKind != JsonValueKind.String) return false;
                    if (texts.TryAdd(id.GetString()!, element.GetRawText())) continue;
                    bad = Refuse(TwinStatus.Invalid, "DTDLParserError", $"Model '{id.GetString()}' comes twice.", "@id");
                    return false;
                }
            }
            catch (JsonException fault)
            {
                bad = Refuse(TwinStatus.Invalid, "JsonInvalid", fault.Message, null);
                return false;
            }
        }

        if (texts.Count > 0) return true;
        bad = Refuse(TwinStatus.Invalid, "DTDLParserError", "No model was given.", null);
        return false;
    }

    /// <summary>The line counts from the interface's opening brace, for the interfaces of a request are read one by one.</summary>
    private static string PlaceOf(DtdlError error, string[] ids) =>
        error.Line is { } line && error.Document < ids.Length ? $"model {ids[error.Document]}, line {line}: " : "";

    private static CatalogAnswer NoModel(string dtmi) => Refuse(TwinStatus.NotFound, "ModelNotFound", $"There is no model '{dtmi}'.", dtmi);

    private static CatalogAnswer Refuse(TwinStatus status, string code, string detail, string? where) => new((byte)status, code, detail, where, 0);
}
