using Twin.Grains;
using Twin.Model;
using Twin.Model.Dtdl;

namespace Twin.Gateway.Tests;

/// <summary>A store with models, a change feed in memory and a bulk path that is told how to answer; everything else refuses to be called.</summary>
internal sealed class FeedStore(int shards) : ITwinStore
{
    private readonly Lock _lock = new();
    private readonly List<Change>[] _changes = [.. Enumerable.Range(0, shards).Select(_ => new List<Change>())];
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ModelSet _models = ModelSet.Empty;
    private int _reads;

    public int ShardCount => shards;

    public ITwinStore As(Twin.Model.Policies.PolicySubject? subject) => subject is null ? this : throw new NotSupportedException();

    public ValueTask<Document> GetRightsAsync(string twinId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ModelSet Models => _models;

    /// <summary>Reads of the feed so far.</summary>
    public int Reads => Volatile.Read(ref _reads);

    /// <summary>Answers a bulk batch.</summary>
    public Func<IReadOnlyList<TwinCommand>, CancellationToken, ValueTask<CommandResult[]>> Many { get; set; } = (commands, _) => new(Enumerable.Repeat(new CommandResult(TwinStatus.Ok, 1), commands.Count).ToArray());

    public void Add(string id, string model, string path, double value, DateTimeOffset time)
    {
        var shard = ShardMap.ShardOf(id, shards);
        TaskCompletionSource news;
        lock (_lock)
        {
            _changes[shard].Add(new Change(_changes[shard].Count + 1, ChangeKind.PropertyChanged, id, model, path, PropertyValue.From(value), WallTime.From(time), WallTime.From(time)));
            (news, _news) = (_news, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        news.SetResult();
    }

    public ValueTask<Twin.Model.Query.Standing.BoundRows> QueryBoundAsync(Twin.Model.Query.Standing.BoundQuery query, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public async ValueTask<FeedPage> ReadFeedAsync(int shard, long after, int maxChanges, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _reads);
        while (true)
        {
            Task news;
            lock (_lock)
            {
                var all = _changes[shard];
                if (after == -1) return new FeedPage(shard, ArraySegment<Change>.Empty, all.Count, false);
                var page = all.Skip((int)after).Take(maxChanges).ToArray();
                if (page.Length > 0 || wait == TimeSpan.Zero) return new FeedPage(shard, page, after + page.Length, false);
                news = _news.Task;
            }

            await news.WaitAsync(cancellationToken);
        }
    }

    public ValueTask<CommandResult> AddModelsAsync(IReadOnlyList<string> dtdl, CancellationToken cancellationToken = default)
    {
        var parsed = DtdlParser.Parse(dtdl, _models);
        if (parsed.Errors.Count > 0) return new(new CommandResult(TwinStatus.Invalid, 0, new Problem("DtdlInvalid", parsed.Errors[0].ToString()!)));
        _models = parsed.Models;
        return new(new CommandResult(TwinStatus.Created, 1));
    }

    public ValueTask<CommandResult[]> ExecuteManyAsync(IReadOnlyList<TwinCommand> commands, CancellationToken cancellationToken = default) => Many(commands, cancellationToken);

    public ValueTask<IReadOnlyList<ShardStatistics>> GetStatisticsAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<CommandResult> ExecuteAsync(TwinCommand command, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<CommandResult[]> ExecuteAtomicAsync(IReadOnlyList<TwinCommand> commands, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IngestOutcome> IngestAsync(int shard, SampleBatch batch, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<Document> GetTwinAsync(string twinId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<Document> GetComponentAsync(string twinId, string component, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<Document> GetRelationshipAsync(string twinId, string relationshipId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<RowPage> ListRelationshipsAsync(string twinId, string? name, int pageSize, string? continuation, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<RowPage> ListIncomingAsync(string twinId, int pageSize, string? continuation, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<RowPage> QueryAsync(QueryRequest query, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<StoredModel?> GetModelAsync(string dtmi, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<StoredModel>> ListModelsAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<CommandResult> DeleteModelAsync(string dtmi, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<CommandResult> DecommissionModelAsync(string dtmi, bool decommissioned, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>A DTDL interface with double properties.</summary>
    public static string Model(string id, params string[] properties) =>
        $$"""{"@context":"dtmi:dtdl:context;3","@id":"{{id}}","@type":"Interface","contents":[{{string.Join(',', properties.Select(p => $$"""{"@type":"Property","name":"{{p}}","schema":"double"}"""))}}]}""";

    /// <summary>Polls with a deadline.</summary>
    public static async Task UntilAsync(Func<bool> isSo, string what, CancellationToken cancellationToken)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(20); !isSo();)
        {
            if (DateTime.UtcNow > deadline) Assert.Fail($"Not within 20 s: {what}");
            await Task.Delay(5, cancellationToken);
        }
    }
}
