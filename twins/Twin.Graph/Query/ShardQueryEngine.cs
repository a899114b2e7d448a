using System.Numerics;

namespace Twin.Graph.Query;

/// <summary>
/// Runs bounded slices of queries over one shard's state. A slice examines at most its row budget and answers with rows and
/// the position to go on from, so a long query never holds the shard for long. Plans are cached by text, the least recently
/// used dropped. One a state, same thread; reads must not overlap writes. Hot: nothing is allocated per row examined.
/// </summary>
public sealed class ShardQueryEngine : IDisposable
{
    private const double FirstRadius = 150; // metres: a little more than a cell of the index
    private const double LastRadius = 100_000;

    private readonly ShardState _state;
    private readonly QueryCache _cache;
    private readonly TwinScan _scan;
    private readonly RowWriter _writer = new();

    /// <summary>An engine over a state. <paramref name="plans"/> bounds the plan cache.</summary>
    public ShardQueryEngine(ShardState state, TimeProvider clock, int plans = 256)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(plans, 1);
        _state = state;
        _cache = new QueryCache(plans);
        _scan = new TwinScan(state, clock);
    }

    /// <summary>Runs one slice. Errors of text and position come back as Invalid; running out of time as TooMuch.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ShardRows Run(ShardQuery request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!_cache.TryGet(request.Text, out var query, out var problem)) return Refuse(TwinStatus.Invalid, problem!);
        if (request.Parameters.Length != query.Query.Parameters.Count)
            return Refuse(TwinStatus.Invalid, new Problem("QueryParameterMissing", $"{query.Query.Parameters.Count} parameter values were expected, {request.Parameters.Length} came.", "parameters"));
        var epoch = FeedSequence.EpochOf(_state.LastSequence);
        if (request.Position is { } position && position.Epoch != epoch)
            return Refuse(TwinStatus.Invalid, new Problem("ContinuationExpired", "The shard was recovered since this continuation was given; start the query again.", "continuationToken"));
        _writer.Clear();
        if (request.IsEstimate) return Estimate(query, request);
        if (request.Pattern is { } pattern) return new PatternSide(_state, query, _scan, _writer).Run(request, pattern, epoch, cancellationToken);
        if (query.Query.Hops.Count > 0) return Refuse(TwinStatus.Invalid, new Problem("QueryInvalid", "A query over several twins came without a pattern slice.", "pattern"));
        var isCount = query.Query.Selection == SelectionKind.Count;
        var isGrouped = query.Query.Selection == SelectionKind.Groups;
        var isOrdered = query.Query.Order.Count > 0;
        if (isOrdered && !isGrouped && query.LinkSource < 0 && request.Position is null && Nearest(query, request, epoch, cancellationToken) is { } nearest) return nearest;
        _scan.Begin(query.TermsOf(0), request, isCount || isGrouped || isOrdered || query.LinkSource >= 0 ? long.MaxValue / 2 : request.Limit, cancellationToken);
        if (query.LinkSource >= 0) return new LinkSide(query, _scan, _writer).Run(request, epoch);
        if (isCount) return Count(epoch);
        if (isGrouped) return Group(query, epoch);
        return isOrdered ? Top(query, request, epoch) : Page(query, request, epoch);
    }

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private ShardRows Page(CompiledQuery query, ShardQuery request, long epoch)
    {
        while (_scan.Next())
        {
            for (var rest = _scan.Mask; rest != 0; rest &= rest - 1)
            {
                var row = _scan.Start + BitOperations.TrailingZeroCount(rest);
                if (_writer.Count == request.Limit)
                    return new ShardRows(TwinStatus.Ok, _writer.TakeRows(), _scan.Examined) { Next = new ShardPosition(epoch, _scan.Table.Number, row) };
                _writer.Write(query.Query, request.Parameters, _scan.Table, row, null);
            }
            if (_writer.Count == request.Limit) break;
        }
        if (_scan.Stop == ScanStop.Time) return OutOfTime(_scan.Examined);
        var next = _scan.Stop == ScanStop.Budget || _writer.Count == request.Limit ? _scan.PositionAfter(epoch) : null;
        return new ShardRows(TwinStatus.Ok, _writer.TakeRows(), _scan.Examined) { Next = next };
    }

    private ShardRows Count(long epoch)
    {
        var count = 0L;
        while (_scan.Next()) count += BitOperations.PopCount(_scan.Mask);
        if (_scan.Stop == ScanStop.Time) return OutOfTime(_scan.Examined);
        return new ShardRows(TwinStatus.Ok, [], _scan.Examined) { Count = count, Next = _scan.Stop == ScanStop.Budget ? _scan.PositionAfter(epoch) : null };
    }

    private ShardRows Top(CompiledQuery query, ShardQuery request, long epoch)
    {
        var order = query.Query.Order;
        var top = new TopRows(order, request.Limit);
        var keys = new PropertyValue[order.Count];
        var columns = new Column?[order.Count]; // of the present table; null where the key is no plain column
        ModelTable? resolved = null;
        while (_scan.Next())
        {
            if (resolved != _scan.Table)
            {
                resolved = _scan.Table;
                for (var i = 0; i < columns.Length; i++)
                    columns[i] = order[i].Value is PathExpression path && TwinPaths.FindColumn(resolved, path, out var names) is { } column && names == path.Segments.Count ? column : null;
            }
            for (var rest = _scan.Mask; rest != 0; rest &= rest - 1)
            {
                var row = _scan.Start + BitOperations.TrailingZeroCount(rest);
                for (var i = 0; i < keys.Length; i++) keys[i] = columns[i] is { } column ? column.Get(row) : ConditionEvaluator.EvaluateKey(order[i].Value, new TwinReader(_scan.Table, row), request.Parameters);
                if (request.After is { } after && OrderKeys.Compare(order, keys, _scan.Table.IdOf(row), "", after.Keys, after.TwinId, after.LinkId) <= 0) continue;
                top.Offer(keys, _scan.Table, row, null);
            }
        }
        if (_scan.Stop == ScanStop.Time) return OutOfTime(_scan.Examined);
        var places = top.WriteTo(_writer, query, request.Parameters);
        return new ShardRows(TwinStatus.Ok, _writer.TakeRows(), _scan.Examined) { Places = places, Next = _scan.Stop == ScanStop.Budget ? _scan.PositionAfter(epoch) : null };
    }

    // ORDER BY distance from a fixed place over an index of places: circles that grow until one holds enough rows. Null when that does not serve.
    private ShardRows? Nearest(CompiledQuery query, ShardQuery request, long epoch, CancellationToken cancellation)
    {
        if (query.Query.Order[0] is not { IsDescending: false, Value: GeoDistanceExpression distance }) return null;
        var isIndexed = false;
        foreach (var table in _state.Tables) isIndexed |= new FilterCompiler(table, request.Parameters).IsIndexed(distance);
        if (!isIndexed) return null;
        var radius = Math.Max(FirstRadius, request.After is { Keys: [{ IsNumber: true } last, ..] } ? last.AsNumber * 1.1 : 0);
        var examined = 0L;
        for (; radius < LastRadius; radius *= 3)
        {
            var within = new ComparisonExpression(Comparison.LessOrEqual, distance, new LiteralExpression(PropertyValue.From(radius), 0), 0);
            var terms = new TwinTerms([.. ConditionPaths.Conjuncts(query.Query.Where), within], query.TermsOf(0).Ids, hasParameters: true);
            _scan.Begin(terms, request, long.MaxValue / 2, cancellation);
            var rows = Top(query, request, epoch);
            _writer.Clear();
            examined += rows.Examined;
            if (rows.Status != TwinStatus.Ok || examined >= request.RowBudget) return null;
            if (rows.Rows.Length == request.Limit && rows.Next is null) return rows with { Examined = examined };
        }
        return null;
    }

    private ShardRows Group(CompiledQuery query, long epoch)
    {
        var groups = new GroupSink(query.Query);
        while (_scan.Next())
        {
            for (var rest = _scan.Mask; rest != 0; rest &= rest - 1) groups.Add(new TwinReader(_scan.Table, _scan.Start + BitOperations.TrailingZeroCount(rest)));
            if (groups.IsFull) return TooManyGroups(_scan.Examined);
        }
        if (_scan.Stop == ScanStop.Time) return OutOfTime(_scan.Examined);
        return new ShardRows(TwinStatus.Ok, [], _scan.Examined) { Groups = groups.Take(), Next = _scan.Stop == ScanStop.Budget ? _scan.PositionAfter(epoch) : null };
    }

    // What each source of twins would examine here, and for EXPLAIN how.
    private ShardRows Estimate(CompiledQuery query, ShardQuery request)
    {
        var estimates = QueryPlan.Estimate(_state, query, request);
        return new ShardRows(TwinStatus.Ok, [], 0) { Estimates = estimates, Plan = query.Query.IsExplain ? QueryPlan.Write(_state, query, request) : default };
    }

    internal static ShardRows TooManyGroups(long examined) =>
        Refuse(TwinStatus.TooMuch, new Problem("QueryTooCostly", $"The query makes more than {QueryLimits.Groups} groups; {examined} rows were examined. Group by fewer or coarser properties.", "query")) with { Examined = examined };

    internal static ShardRows OutOfTime(long examined) =>
        Refuse(TwinStatus.TooMuch, new Problem("QueryTooCostly", $"The query ran out of time after {examined} rows; narrow its condition.", "query")) with { Examined = examined };

    internal static ShardRows Refuse(TwinStatus status, Problem problem) => new(status, [], 0, problem);
}
