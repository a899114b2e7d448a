using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace Twin.Graph;

/// <summary>
/// The dense state of one shard: its twins in columns per model, their relationships, and what is reserved for transactions
/// between shards. Commands are checked here and told as changes; applying the same changes in the same order to an empty
/// state rebuilds it. One owner, one thread. Neither clock nor network: times come in as arguments. Hot.
/// </summary>
public sealed partial class ShardState
{
    /// <summary>Longest twin or relationship id, in UTF-16 units.</summary>
    public const int MaxIdLength = 128;

    /// <summary>Most changes one command may make; a cascading delete beyond it is refused.</summary>
    public const int MaxChangesPerCommand = 100_000;

    private readonly TwinIndex _index;
    private readonly Dictionary<string, ModelTable> _tableOf = new(StringComparer.Ordinal);
    private readonly HashSet<string> _declaredIndexes = new(StringComparer.Ordinal);
    private ModelTable[] _tables = [];

    /// <summary>An empty state.</summary>
    /// <param name="shard">This shard's number, 0 to <paramref name="shardCount"/> - 1.</param>
    /// <param name="shardCount">Shards in all, at least 1; decides which relationship targets are local.</param>
    /// <param name="models">The models known now; see <see cref="UseModels"/>.</param>
    public ShardState(int shard, int shardCount, ModelSet models)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shardCount, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, shardCount);
        Shard = shard;
        ShardCount = shardCount;
        Models = models;
        _index = new TwinIndex();
    }

    /// <summary>This shard's number.</summary>
    public int Shard { get; }

    /// <summary>Shards in all.</summary>
    public int ShardCount { get; }

    /// <summary>The models known.</summary>
    public ModelSet Models { get; private set; }

    /// <summary>Twins now.</summary>
    public int TwinCount => _index.Count;

    /// <summary>Relationships whose source is here.</summary>
    public int RelationshipCount { get; private set; }

    /// <summary>Relationships whose target is here.</summary>
    public int IncomingCount { get; private set; }

    /// <summary>Sequence of the last change; see <see cref="FeedSequence"/>.</summary>
    public long LastSequence { get; private set; }

    /// <summary>How far a caller's source time may lie ahead of the owner's clock in commands.</summary>
    public TimeSpan MaxFutureSkew { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The tables, one a model that has or had twins here. Valid until the next write.</summary>
    public ReadOnlySpan<ModelTable> Tables => _tables;

    /// <summary>Until asked again, reads see what these rules show; null shows everything. Only for the length of one call on the owner's thread.</summary>
    public void LookAs(SubjectRules? rules)
    {
        if (rules is { ReadsAllTwins: true }) rules = null;
        foreach (var table in _tables) table.Seen = rules?.ViewsOf(table.Model);
    }

    /// <summary>Models given later: those already in use keep the definition their table was built with (a DTMI's content never changes).</summary>
    public void UseModels(ModelSet models) => Models = models;

    /// <summary>Models (decommissioned or deleted) that no command may create a twin of or move one to; twins that have them stay. Recovery and promised commands are not held to it.</summary>
    public IReadOnlySet<string> ClosedModels { get; set; } = FrozenSet<string>.Empty;

    private bool IsClosed(string modelId) => !_isPromised && ClosedModels.Count > 0 && ClosedModels.Contains(modelId);

    /// <summary>Finds a twin. Allocates nothing.</summary>
    public bool TryLocate(ReadOnlySpan<char> twinId, [NotNullWhen(true)] out ModelTable? table, out int row) => _index.TryFind(twinId, out table!, out row);

    /// <summary>The table of a model, or null when it has had no twins here.</summary>
    public ModelTable? FindTable(string modelId) => _tableOf.GetValueOrDefault(modelId);

    /// <summary>True when this shard owns the id.</summary>
    public bool Owns(ReadOnlySpan<char> twinId) => ShardCount == 1 || ShardMap.ShardOf(twinId, ShardCount) == Shard;

    /// <summary>Keeps a secondary index on a property path of every model that has it, now and later. Not journaled: declare again after recovery. A JSON property, or longitude and latitude beside each other, get an index of places.</summary>
    public void DeclareIndex(string path)
    {
        if (!_declaredIndexes.Add(path)) return;
        foreach (var table in _tables)
            if (table.Model.FindProperty(path) is { } property) table.KeepIndex(table.Column(property.Ordinal));
    }

    private ModelTable TableOf(InterfaceDefinition model)
    {
        if (_tableOf.TryGetValue(model.Id, out var table)) return table;
        table = new ModelTable(_tables.Length, model);
        foreach (var path in _declaredIndexes)
            if (model.FindProperty(path) is { } property) table.KeepIndex(table.Column(property.Ordinal));
        _tableOf.Add(model.Id, table);
        _tables = [.. _tables, table];
        _index.UseTables(_tables);
        return table;
    }

    /// <summary>The model as its table knows it, or as the set does; null when neither.</summary>
    private InterfaceDefinition? FindModel(string modelId) => _tableOf.TryGetValue(modelId, out var table) ? table.Model : Models.Find(modelId);
}
