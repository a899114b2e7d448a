using Orleans.Concurrency;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query.Standing;

namespace Twin.Grains.Store;

/// <summary>The store as one subject sees it: every command and read carries the subject to the owner, which decides. Thread-safe.</summary>
internal sealed class SubjectStore(TwinStore store, IPolicyStore policies, PolicySubject subject) : ITwinStore
{
    public int ShardCount => store.ShardCount;

    public ModelSet Models => store.Models;

    private SubjectRules Rules => policies.Current.For(subject);

    public ITwinStore As(PolicySubject? other) => store.As(other);

    public ValueTask<CommandResult> ExecuteAsync(TwinCommand command, CancellationToken cancellationToken = default) => store.ExecuteAsync(Signed(command), cancellationToken);

    public ValueTask<CommandResult[]> ExecuteAtomicAsync(IReadOnlyList<TwinCommand> commands, CancellationToken cancellationToken = default) =>
        store.ExecuteAtomicAsync([.. commands.Select(Signed)], cancellationToken);

    public ValueTask<CommandResult[]> ExecuteManyAsync(IReadOnlyList<TwinCommand> commands, CancellationToken cancellationToken = default) =>
        store.ExecuteManyAsync([.. commands.Select(Signed)], cancellationToken);

    public ValueTask<IngestOutcome> IngestAsync(int shard, SampleBatch batch, CancellationToken cancellationToken = default) => store.IngestAsync(shard, batch, subject);

    public ValueTask<Document> GetTwinAsync(string twinId, CancellationToken cancellationToken = default) => store.ReadAsync(new ShardOperation(ShardAction.GetTwin, twinId) { Subject = subject });

    public ValueTask<Document> GetComponentAsync(string twinId, string component, CancellationToken cancellationToken = default) =>
        store.ReadAsync(new ShardOperation(ShardAction.GetComponent, twinId, Name: component) { Subject = subject });

    public ValueTask<Document> GetRelationshipAsync(string twinId, string relationshipId, CancellationToken cancellationToken = default) =>
        store.ReadAsync(new ShardOperation(ShardAction.GetRelationship, twinId, Name: relationshipId) { Subject = subject });

    public ValueTask<Document> GetRightsAsync(string twinId, CancellationToken cancellationToken = default) => store.ReadAsync(new ShardOperation(ShardAction.GetRights, twinId) { Subject = subject });

    public ValueTask<RowPage> ListRelationshipsAsync(string twinId, string? name, int pageSize, string? continuation, CancellationToken cancellationToken = default) =>
        store.ListAsync(new ShardOperation(ShardAction.ListRelationships, twinId, Name: name, PageSize: pageSize, Continuation: continuation) { Subject = subject });

    /// <summary>The target does not know what the subject may see of the sources: each source's owner is asked.</summary>
    public async ValueTask<RowPage> ListIncomingAsync(string twinId, int pageSize, string? continuation, CancellationToken cancellationToken = default)
    {
        var page = await store.ListAsync(new ShardOperation(ShardAction.ListIncoming, twinId, PageSize: pageSize, Continuation: continuation) { Subject = subject }).ConfigureAwait(false);
        if (page.Status != TwinStatus.Ok || page.Rows.Count == 0 || Rules.ReadsAllTwins) return page;
        var shown = await Task.WhenAll(page.Rows.Select(async row =>
        {
            using var link = System.Text.Json.JsonDocument.Parse(row);
            var found = await GetRelationshipAsync(link.RootElement.GetProperty("$sourceId").GetString()!, link.RootElement.GetProperty("$relationshipId").GetString()!, cancellationToken).ConfigureAwait(false);
            return found.Status == TwinStatus.Ok;
        })).ConfigureAwait(false);
        return page with { Rows = [.. page.Rows.Where((_, i) => shown[i])] };
    }

    public ValueTask<BoundRows> QueryBoundAsync(BoundQuery query, CancellationToken cancellationToken = default) => store.QueryBoundAsync(query with { Subject = subject }, cancellationToken);

    public ValueTask<RowPage> QueryAsync(QueryRequest query, CancellationToken cancellationToken = default) => store.QueryAsync(query with { Subject = subject }, cancellationToken);

    /// <summary>Positions are the feed's own; changes the subject may not see are left out.</summary>
    public async ValueTask<FeedPage> ReadFeedAsync(int shard, long after, int maxChanges, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        var page = await store.ReadFeedAsync(shard, after, maxChanges, wait, cancellationToken).ConfigureAwait(false);
        var rules = Rules;
        if (rules.ReadsAllTwins || page.Changes.Count == 0) return page;
        var shown = new List<Change>(page.Changes.Count);
        foreach (var change in page.Changes)
            if (ChangeView.TryShow(rules, store.Models, change, out var cut)) shown.Add(cut);
        return page with { Changes = shown.ToArray() };
    }

    public async ValueTask<CommandResult> AddModelsAsync(IReadOnlyList<string> dtdl, CancellationToken cancellationToken = default) =>
        Refuse("") ?? await store.AddModelsAsync(dtdl, cancellationToken).ConfigureAwait(false);

    public async ValueTask<StoredModel?> GetModelAsync(string dtmi, CancellationToken cancellationToken = default) => Shows(dtmi) ? await store.GetModelAsync(dtmi, cancellationToken).ConfigureAwait(false) : null;

    public async ValueTask<IReadOnlyList<StoredModel>> ListModelsAsync(CancellationToken cancellationToken = default) =>
        [.. (await store.ListModelsAsync(cancellationToken).ConfigureAwait(false)).Where(m => Shows(m.Id))];

    public async ValueTask<CommandResult> DeleteModelAsync(string dtmi, CancellationToken cancellationToken = default) => Refuse(dtmi) ?? await store.DeleteModelAsync(dtmi, cancellationToken).ConfigureAwait(false);

    public async ValueTask<CommandResult> DecommissionModelAsync(string dtmi, bool decommissioned, CancellationToken cancellationToken = default) =>
        Refuse(dtmi) ?? await store.DecommissionModelAsync(dtmi, decommissioned, cancellationToken).ConfigureAwait(false);

    public ValueTask<IReadOnlyList<ShardStatistics>> GetStatisticsAsync(CancellationToken cancellationToken = default) => store.GetStatisticsAsync(cancellationToken);

    private TwinCommand Signed(TwinCommand command) => command with { Subject = subject };

    private bool Shows(string dtmi) => Rules.Decide(Permissions.Read, ResourceKind.Models, dtmi).IsAllowed;

    private CommandResult? Refuse(string dtmi) => Rules.Decide(Permissions.Administer, ResourceKind.Models, dtmi).IsAllowed ? null
        : new CommandResult(TwinStatus.Forbidden, 0, new Problem("NotAllowed", $"This needs the permission 'administer' on models:{dtmi}.", $"models:{dtmi}"));
}
