namespace Twin.Graph;

/// <content>Branches: another state that begins as this one stands.</content>
public sealed partial class ShardState
{
    private ShardState(ShardState from)
    {
        (Shard, ShardCount, Models, MaxFutureSkew, ClosedModels) = (from.Shard, from.ShardCount, from.Models, from.MaxFutureSkew, from.ClosedModels);
        (RelationshipCount, IncomingCount, LastSequence) = (from.RelationshipCount, from.IncomingCount, from.LastSequence);
        _tables = [.. from._tables.Select(t => t.Fork())];
        foreach (var table in _tables) _tableOf.Add(table.Model.Id, table);
        _index = from._index.Fork(_tables);
        _declaredIndexes.UnionWith(from._declaredIndexes);
    }

    /// <summary>
    /// A state that holds what this one does and goes its own way from here. Its cost does not depend on how many twins there are: both share the arrays, and each copies a column when it first writes to it.
    /// To be called on this state's thread; afterwards the two may be used by different threads at the same time. Secondary indexes of the fork are built when first asked.
    /// </summary>
    /// <exception cref="InvalidOperationException">A transaction is prepared here and not decided: a fork would have half of it.</exception>
    public ShardState Fork()
    {
        if (_prepared.Count > 0) throw new InvalidOperationException($"{_prepared.Count} transactions are prepared and not decided.");
        LookAs(null);
        return new ShardState(this);
    }
}
