using Twin.Model;

namespace Twin.Grains.Store;

/// <content>Models: the catalogue grain owns them; this process keeps a parsed copy.</content>
internal sealed partial class TwinStore
{
    private IModelCatalogGrain Catalog => _factory.GetGrain<IModelCatalogGrain>(0);

    public async ValueTask<CommandResult> AddModelsAsync(IReadOnlyList<string> dtdl, CancellationToken cancellationToken = default) =>
        await ChangeAsync(await Catalog.AddAsync([.. dtdl]).ConfigureAwait(false)).ConfigureAwait(false);

    public async ValueTask<StoredModel?> GetModelAsync(string dtmi, CancellationToken cancellationToken = default)
    {
        await _models.RefreshAsync().ConfigureAwait(false);
        return _models.Current.Stored.FirstOrDefault(m => m.Id == dtmi);
    }

    public async ValueTask<IReadOnlyList<StoredModel>> ListModelsAsync(CancellationToken cancellationToken = default)
    {
        await _models.RefreshAsync().ConfigureAwait(false);
        return _models.Current.Stored;
    }

    public async ValueTask<CommandResult> DeleteModelAsync(string dtmi, CancellationToken cancellationToken = default)
    {
        // Decommissioned first, so that no twin of it can be made while the shards are asked.
        var marked = await ChangeAsync(await Catalog.DecommissionAsync(dtmi, true).ConfigureAwait(false)).ConfigureAwait(false);
        if (!marked.IsDone) return marked;
        var used = (await GetStatisticsAsync(cancellationToken).ConfigureAwait(false)).Sum(s => s.TwinsByModel.GetValueOrDefault(dtmi));
        if (used > 0)
        {
            await ChangeAsync(await Catalog.DecommissionAsync(dtmi, false).ConfigureAwait(false)).ConfigureAwait(false);
            return new CommandResult(TwinStatus.Conflict, 0, new Problem("ModelInUse", $"{used} twins are of model '{dtmi}'; delete or migrate them first.", dtmi));
        }

        var removed = await ChangeAsync(await Catalog.RemoveAsync(dtmi).ConfigureAwait(false)).ConfigureAwait(false);
        if (!removed.IsDone) await ChangeAsync(await Catalog.DecommissionAsync(dtmi, false).ConfigureAwait(false)).ConfigureAwait(false);
        return removed;
    }

    public async ValueTask<CommandResult> DecommissionModelAsync(string dtmi, bool decommissioned, CancellationToken cancellationToken = default) =>
        await ChangeAsync(await Catalog.DecommissionAsync(dtmi, decommissioned).ConfigureAwait(false)).ConfigureAwait(false);

    private async ValueTask<CommandResult> ChangeAsync(CatalogAnswer answer)
    {
        if (answer.Code is not null) return new CommandResult((TwinStatus)answer.Status, 0, new Problem(answer.Code, answer.Detail ?? "", answer.Where));
        await _models.RefreshAsync().ConfigureAwait(false);
        return new CommandResult((TwinStatus)answer.Status, answer.Version);
    }
}
