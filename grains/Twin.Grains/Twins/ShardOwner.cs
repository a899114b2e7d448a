using System.Buffers;
using Microsoft.Extensions.Logging;
using Twin.Graph;
using Twin.Graph.Journal;
using Twin.Graph.Query;
using Twin.Grains.Models;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Twins;

/// <summary>
/// One shard, without Orleans: dense state, journal, feed. Calls may interleave at awaits but never overlap (the grain's turn
/// rule). Order of every write: apply in memory, append to the journal, then answer. What arrives while an append is under way
/// goes into the next one together (group commit). Nothing is answered, read or published before the journal has it; when the
/// journal fails, everything unanswered is refused as Unavailable and the state is rebuilt from the journal.
/// </summary>
internal sealed partial class ShardOwner : IAsyncDisposable
{
    private readonly TwinGrainOptions _options;
    private readonly bool _isBranch;
    private readonly IJournalStore _journals;
    private readonly ModelCache _models;
    private readonly IPolicyStore _policies;
    private readonly SnapshotTurn _turn;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly ChangeCodec _codec = new();
    private readonly ArrayBufferWriter<byte> _frame = new(1_024);
    private readonly FeedRing _ring;
    private ShardState _state;
    private TwinDocuments _documents;
    private ShardQueryEngine _queries;
    private IShardJournal? _journal;
    private ChangeBuffer _pending = new(16);
    private ChangeBuffer _writing = new(16);
    private TaskCompletionSource<Problem?>? _inFlight;
    private TaskCompletionSource<Problem?>? _waiting;
    private TaskCompletionSource? _feedSignal;
    private Task? _recovering;
    private long _committed;
    private bool _isRecovered;

    /// <param name="shard">Its number.</param>
    /// <param name="options">Of the branch that it is a shard of.</param>
    /// <param name="isBranch">Whether the branch began as a fork: then it is never made from nothing.</param>
    public ShardOwner(int shard, TwinGrainOptions options, IJournalStore journals, ModelCache models, IPolicyStore policies, SnapshotTurn turn, TimeProvider clock, ILogger log, bool isBranch = false)
    {
        _isBranch = isBranch;
        (Shard, _options, _journals, _models, _policies, _turn, _clock, _log) = (shard, options, journals, models, policies, turn, clock, log);
        _ring = new FeedRing(options.FeedRing);
        (_state, _documents, _queries) = Fresh();
    }

    public int Shard { get; }

    /// <summary>Set when another owner took the journal over: this one must go.</summary>
    public bool IsFenced { get; private set; }

    /// <summary>Why the shard cannot serve; null when it can.</summary>
    public string? Fault { get; private set; }

    /// <summary>Seconds the last recovery took.</summary>
    public double RecoverySeconds { get; private set; }

    private ShardState State => _state;

    private WallTime Now => WallTime.Now(_clock);

    public async ValueTask<ShardReply> ExecuteAsync(ShardCall call)
    {
        if (call.PolicyVersion > _policies.Current.Version) await _policies.RefreshAsync();
        if (await NotReadyAsync(call.ModelVersion) is { } fault) return RefuseAll(call, fault);
        var operations = call.Operations.AsSpan();
        var answers = new ShardAnswer[operations.Length];
        var now = Now;
        for (var i = 0; i < answers.Length; i++) answers[i] = Run(operations[i], now);
        return await CommitAsync() is { } lost ? RefuseAll(call, lost) : new ShardReply(answers);
    }

    public async ValueTask<IngestOutcome> IngestAsync(IngestCall call)
    {
        if (call.PolicyVersion > _policies.Current.Version) await _policies.RefreshAsync();
        if (await NotReadyAsync(call.ModelVersion) is { } fault) return RefuseAll(call.Batch, fault);
        var (batch, forbidden) = Permitted(call);
        var outcome = Sum(_state.Ingest(batch, _options.SampleRules, Now, _pending), forbidden);
        return await CommitAsync() is { } lost ? RefuseAll(call.Batch, lost) : outcome;
    }

    public async ValueTask<ShardRows> QueryAsync(ShardQuery query, long modelVersion)
    {
        if (query.PolicyVersion > _policies.Current.Version) await _policies.RefreshAsync();
        if (await NotReadyAsync(modelVersion) is { } fault) return new ShardRows(TwinStatus.Unavailable, [], 0, fault);
        var rows = Seeing(query.Subject, (Owner: this, Query: query), static x => x.Owner._queries.Run(x.Query, x.Query.Cancellation));
        return await CommitAsync() is { } lost ? new ShardRows(TwinStatus.Unavailable, [], 0, lost) : rows;
    }

    private ShardAnswer Run(in ShardOperation operation, WallTime now)
    {
        if (RulesFor(operation.Subject) is not { } rules) return RunSeeing(operation, now);
        _state.LookAs(rules);
        try
        {
            return RunSeeing(operation, now);
        }
        finally
        {
            _state.LookAs(null);
        }
    }

    private ShardAnswer RunSeeing(in ShardOperation operation, WallTime now)
    {
        switch (operation.Action)
        {
            case ShardAction.Execute:
                return new(Execute(operation.Command!, now));
            case ShardAction.ExecuteAtomic:
                var results = new CommandResult[operation.Batch!.Length];
                TwinCommand[] batch = [.. operation.Batch]; // the sender's stays as it is, for another try
                if (!TryRefuse(batch, results, 0)) ExecuteAtomic(batch, now, results);
                return new(default, Results: results);
            case ShardAction.GetTwin:
                var twin = new ArrayBufferWriter<byte>(512);
                return _documents.TryWriteTwin(operation.TwinId, twin, out var version)
                    ? new(new CommandResult(TwinStatus.Ok, version), twin.WrittenMemory)
                    : new(NoTwin(operation.TwinId));
            case ShardAction.GetComponent:
                var component = new ArrayBufferWriter<byte>(256);
                return new(_documents.TryWriteComponent(operation.TwinId, operation.Name!, component), component.WrittenMemory);
            case ShardAction.GetRelationship:
                var relationship = new ArrayBufferWriter<byte>(256);
                return new(_documents.TryWriteRelationship(operation.TwinId, operation.Name!, relationship), relationship.WrittenMemory);
            case ShardAction.ListRelationships:
                return List(_documents.ListRelationships(operation.TwinId, operation.Name, operation.PageSize, operation.Continuation, out var nextOut), nextOut, operation.TwinId);
            case ShardAction.ListIncoming:
                return List(_documents.ListIncoming(operation.TwinId, operation.PageSize, operation.Continuation, out var nextIn), nextIn, operation.TwinId);
            case ShardAction.GetRights:
                return Rights(operation.TwinId, operation.Subject);
            default:
                return new(new CommandResult(TwinStatus.Invalid, 0, new Problem("ActionUnknown", $"Action {operation.Action} is not known here; the sender is newer.")));
        }
    }

    private static ShardAnswer List(IReadOnlyList<ReadOnlyMemory<byte>>? rows, string? next, string twinId) =>
        rows is null ? new(NoTwin(twinId)) : new(default, Rows: rows, Next: next);

    private static CommandResult NoTwin(string twinId) => new(TwinStatus.NotFound, 0, new Problem("DigitalTwinNotFound", $"There is no twin '{twinId}'.", "$dtId"));

    private static ShardReply RefuseAll(ShardCall call, Problem why)
    {
        var refused = new CommandResult(TwinStatus.Unavailable, 0, why);
        var answers = new ShardAnswer[call.Operations.Count];
        for (var i = 0; i < answers.Length; i++)
        {
            var batch = call.Operations[i].Batch;
            answers[i] = new ShardAnswer(refused, Results: batch is null ? null : [.. Enumerable.Repeat(refused, batch.Length)]);
        }

        return new ShardReply(answers);
    }

    private IngestOutcome RefuseAll(SampleBatch batch, Problem why)
    {
        var counts = new int[IngestOutcome.FateCount];
        counts[(int)SampleFate.Unavailable] = batch.Samples.Count;
        return new IngestOutcome(counts, [new SampleRefusal(0, SampleFate.Unavailable, why.Detail)], _committed);
    }

    public ShardStatus Status(string silo)
    {
        var byModel = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var table in _state.Tables)
            if (table.Count > 0) byModel[table.Model.Id] = table.Count;
        return new ShardStatus(Shard, _state.TwinCount, _state.RelationshipCount, _committed, _journal?.Bytes ?? 0, _changesTotal, silo, byModel, RecoverySeconds, Fault);
    }

    public async ValueTask DisposeAsync()
    {
        if (_inFlight is { } running) await running.Task;
        if (_isRecovered && !IsFenced && _sinceSnapshot > 0) await SnapshotAsync();
        if (_snapshotting is { } writing) await writing;
        if (_journal is not null) await _journal.DisposeAsync();
        _queries.Dispose();
    }

    private (ShardState State, TwinDocuments Documents, ShardQueryEngine Queries) Fresh() => Around(new ShardState(Shard, _options.ShardCount, _models.Current.All) { MaxFutureSkew = _options.SampleRules.MaxFutureSkew });

    private (ShardState State, TwinDocuments Documents, ShardQueryEngine Queries) Around(ShardState state) => (state, new TwinDocuments(state), new ShardQueryEngine(state, _clock));
}
