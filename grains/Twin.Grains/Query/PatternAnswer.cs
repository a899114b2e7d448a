using System.Buffers;
using System.Text.Json;
using Twin.Model;
using Twin.Model.Query;
using Twin.Model.Query.Standing;

namespace Twin.Grains.Query;

/// <summary>One page of a query over a pattern: chooses the twin it starts from, runs it, and gathers rows, a count, an order or groups.</summary>
internal sealed class PatternAnswer(ShardCaller caller, int limit) : IDisposable
{
    private const int FewStarts = 1_000; // so many are gathered from all shards at once; more are read shard by shard

    private readonly List<ReadOnlyMemory<byte>> _rows = [];
    private readonly ArrayBufferWriter<byte> _bytes = new(4 * 1024);
    private Utf8JsonWriter? _json;
    private MatchPlan _plan = null!;
    private string[]? _ids; // the start's, when it is named
    private bool _areStartsFew;
    private PatternRun? _run;

    /// <summary>The plan chosen.</summary>
    public MatchPlan Plan => _plan;

    /// <summary>Starts named by id; null when they are scanned for.</summary>
    public IReadOnlyList<string>? Ids => _ids;

    /// <summary>Twins expected for each source; null when ids made asking needless.</summary>
    public long[]? Estimates { get; private set; }

    /// <summary>The run, with what it visited; null before.</summary>
    public PatternRun? Run => _run;

    /// <summary>How the start's twins are come by, for EXPLAIN.</summary>
    public string StartBy => _ids is not null ? $"{_ids.Length} ids" : _areStartsFew ? "all shards at once" : "shard by shard";

    /// <summary>Chooses the start: the token's, else the source whose ids are fewest, else the one with the fewest twins by the shards' indexes and counts.</summary>
    public async ValueTask<bool> PlanAsync(ContinuationToken? token)
    {
        var query = caller.Query;
        var start = token?.Place?.Start ?? -1;
        _areStartsFew = token is { Place: not null, Position: null };
        var terms = ConditionPaths.Conjuncts(query.Where);
        for (var source = 0; token?.Place is null && source < query.Sources.Count; source++)
        {
            if (query.Sources[source].Kind != SourceKind.Twins || ConditionPaths.IdsOf(terms, source, "$dtId") is not { } ids) continue;
            if (start < 0 || ids.Count < ConditionPaths.IdsOf(terms, start, "$dtId")!.Count) start = source;
        }
        if (start < 0)
        {
            Estimates = await caller.EstimateAsync(0, limit, null).ConfigureAwait(false);
            if (Estimates is null) return false;
            for (var source = 0; source < Estimates.Length; source++)
                if (query.Sources[source].Kind == SourceKind.Twins && (start < 0 || Estimates[source] < Estimates[start])) start = source;
            _areStartsFew = Estimates[start] <= FewStarts;
        }
        _plan = new MatchPlan(query, start);
        _ids = ConditionPaths.IdsOf(terms, start, "$dtId")?.Select(TextOf).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        return true;
        string? TextOf(Expression value) => (value is ParameterExpression parameter ? caller.Parameters[parameter.Slot] : ((LiteralExpression)value).Value).AsText;
    }

    /// <summary>Rows in the run's order until the page is full.</summary>
    public async ValueTask<RowPage> PageAsync(ContinuationToken token)
    {
        var shardsDone = token.ShardsDone;
        var lastShard = shardsDone; // that the last row's start is of
        PatternRow? last = null;
        var isFull = limit == 0;
        bool Take(PatternRow row)
        {
            if (isFull = _rows.Count == limit) return false;
            _rows.Add(Write(row));
            (last, lastShard) = (row, shardsDone);
            return true;
        }

        _run = new PatternRun(caller, _plan, token.Place, Take);
        if (_ids is not null && !isFull) await _run.StartAsync([.. _ids.Where(id => token.Place is null || string.CompareOrdinal(id, token.Place.TwinId) >= 0)]).ConfigureAwait(false);
        else if (_areStartsFew && !isFull) await _run.GatherAsync().ConfigureAwait(false);
        for (; _ids is null && !_areStartsFew && !isFull && shardsDone < caller.ShardCount; shardsDone++)
        {
            var shard = (token.FirstShard + shardsDone) % caller.ShardCount;
            if (!await _run.ScanAsync(shard, shardsDone == token.ShardsDone ? token.Position : null).ConfigureAwait(false)) break;
        }
        if (caller.Failure is { } failure) return failure;
        if (!isFull || last is null) return new RowPage(TwinStatus.Ok, _rows, null);
        var next = token with
        {
            RowsGiven = token.RowsGiven + _rows.Count, ShardsDone = lastShard, Position = last.Next,
            Place = new PatternPlace(_plan.Start, last.Twins[_plan.Start], last.Path),
        };
        return new RowPage(TwinStatus.Ok, _rows, caller.Query.Top is { } top && next.RowsGiven >= top ? null : next.Encode());
    }

    /// <summary>How many rows there are.</summary>
    public async ValueTask<long?> CountAsync()
    {
        var count = 0L;
        await AllAsync(_ =>
        {
            count++;
            return true;
        }).ConfigureAwait(false);
        return caller.Failure is null ? count : null;
    }

    /// <summary>The first rows of the order after a place.</summary>
    public async ValueTask<OrderedRows?> OrderAsync(OrderKey? after)
    {
        var order = caller.Query.Order;
        var merged = new OrderedRows(order, limit);
        await AllAsync(row =>
        {
            var reader = new PatternReader(_plan, row);
            var keys = new PropertyValue[order.Count];
            for (var i = 0; i < keys.Length; i++) keys[i] = ConditionEvaluator.EvaluateKey(order[i].Value, reader, caller.Parameters);
            var place = new OrderKey(keys, row.Twins[0], TieOf(row));
            if ((after is null || OrderKeys.Compare(order, place, after) > 0) && merged.Admits(place)) merged.Add(place, Write(row));
            return true;
        }).ConfigureAwait(false);
        return caller.Failure is null ? merged : null;
    }

    /// <summary>The groups of all rows.</summary>
    public async ValueTask<GroupTable?> GroupAsync()
    {
        var query = caller.Query;
        var table = new GroupTable(query);
        var keys = new PropertyValue[query.Groups.Count];
        var arguments = new PropertyValue[table.Aggregates.Count];
        await AllAsync(row =>
        {
            var reader = new PatternReader(_plan, row);
            for (var i = 0; i < keys.Length; i++) keys[i] = reader.Read(query.Groups[i]);
            for (var i = 0; i < arguments.Length; i++) arguments[i] = table.Aggregates[i].Argument is { } path ? reader.Read(path) : default;
            table.Add(keys, arguments);
            if (table.Count <= QueryLimits.Groups) return true;
            caller.TooCostly($"The query makes more than {QueryLimits.Groups} groups; {caller.Examined} rows were examined. Group by fewer or coarser properties.");
            return false;
        }).ConfigureAwait(false);
        return caller.Failure is null ? table : null;
    }

    /// <summary>All rows, or those in which some twins stand for a source, with what is bound in them.</summary>
    public async ValueTask<BoundRows> BoundAsync(BoundQuery request)
    {
        if (request.Source >= 0) (_plan, _ids) = (new MatchPlan(caller.Query, request.Source), [.. request.Twins]);
        else if (!await PlanAsync(null).ConfigureAwait(false)) return new BoundRows(caller.Failure!.Status, [], caller.Failure.Problem);
        var rows = new List<BoundRow>();
        await AllAsync(row =>
        {
            rows.Add(Bind(row, request.Names));
            if (rows.Count <= request.MostRows) return true;
            caller.TooCostly($"The query has more than {request.MostRows} rows. Narrow its condition.");
            return false;
        }).ConfigureAwait(false);
        return caller.Failure is { } failure ? new BoundRows(failure.Status, [], failure.Problem) : new BoundRows(TwinStatus.Ok, rows);
    }

    public void Dispose() => _json?.Dispose();

    private async Task AllAsync(Func<PatternRow, bool> take)
    {
        _run = new PatternRun(caller, _plan, null, take, caller.Bounds.JoinBatch); // all are wanted: nothing is gained by small steps
        if (_ids is not null)
        {
            await _run.StartAsync(_ids).ConfigureAwait(false);
            return;
        }
        if (_areStartsFew)
        {
            await _run.GatherAsync().ConfigureAwait(false);
            return;
        }
        for (var shard = 0; shard < caller.ShardCount; shard++)
            if (!await _run.ScanAsync(shard, null).ConfigureAwait(false)) return;
    }

    // Every bound id of the row, so that no two rows tie; the same whichever twin the pattern was run from.
    private string TieOf(PatternRow row)
    {
        var ids = new string[row.Twins.Length + (2 * row.Path.Length)];
        row.Twins.CopyTo(ids, 0);
        for (var i = 0; i < row.Path.Length; i++)
        {
            var (link, step) = (row.Path[i], _plan.Steps[i]);
            ids[step.Hop.Link] = link.IsIncoming == (step.From == step.Hop.From) ? "in " + link.LinkId : "out " + link.LinkId;
        }
        return string.Join('\0', ids);
    }

    private BoundRow Bind(PatternRow row, IReadOnlyList<string> names)
    {
        var reader = new PatternReader(_plan, row);
        var outputs = _plan.Outputs;
        var shown = Math.Max(1, names.Count);
        var json = BeginJson();
        if (names.Count > 0) json.WriteStartObject();
        for (var i = 0; i < shown; i++)
        {
            var value = ConditionEvaluator.Evaluate(outputs[i].Value, reader, caller.Parameters);
            if (names.Count > 0)
            {
                if (value.Kind == ValueKind.None) continue;
                json.WritePropertyName(names[i]);
            }
            value.WriteJson(json);
        }
        if (names.Count > 0) json.WriteEndObject();
        json.Flush();
        var keys = outputs.Count == shown ? [] : new PropertyValue[outputs.Count - shown];
        for (var i = 0; i < keys.Length; i++) keys[i] = ConditionEvaluator.Evaluate(outputs[shown + i].Value, reader, caller.Parameters);
        return new BoundRow(row.Path.Length == 0 ? row.Twins[0] : BindingOf(row), row.Twins, _bytes.WrittenSpan.ToArray(), keys);
    }

    // Ids in order of the sources, those of links led by the way they point; walks of several links have none. Spaces part them, as ids hold none unescaped.
    private string BindingOf(PatternRow row)
    {
        var ids = new string[row.Twins.Length];
        for (var i = 0; i < ids.Length; i++) ids[i] = row.Twins[i] is { } twin ? Escape(twin) : "";
        for (var i = 0; i < row.Path.Length; i++)
        {
            var (link, step) = (row.Path[i], _plan.Steps[i]);
            var isBack = link.IsIncoming == (step.From == step.Hop.From) && row.Twins[step.From] != row.Twins[step.To];
            ids[step.Hop.Link] = !step.Hop.IsSingle ? "*" : (isBack ? "<" : ">") + Escape(link.LinkId);
        }
        return string.Join(' ', ids);
        static string Escape(string id) => id.Contains(' ') || id.Contains('%') ? id.Replace("%", "%25", StringComparison.Ordinal).Replace(" ", "%20", StringComparison.Ordinal) : id;
    }

    private Utf8JsonWriter BeginJson()
    {
        _bytes.ResetWrittenCount();
        var json = _json ??= new Utf8JsonWriter(_bytes, RowJson.Options);
        json.Reset(_bytes);
        return json;
    }

    private byte[] Write(PatternRow row)
    {
        var json = BeginJson();
        var reader = new PatternReader(_plan, row);
        json.WriteStartObject();
        foreach (var item in _plan.Outputs)
        {
            var value = ConditionEvaluator.Evaluate(item.Value, reader, caller.Parameters);
            if (value.Kind == ValueKind.None) continue;
            json.WritePropertyName(item.Name);
            value.WriteJson(json);
        }
        json.WriteEndObject();
        json.Flush();
        return _bytes.WrittenSpan.ToArray();
    }
}
