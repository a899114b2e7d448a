using System.Numerics;

namespace Twin.Graph.Query;

/// <summary>
/// Runs bounded slices of queries over one shard's state. A slice examines at most its row budget and answers with rows and
/// the position to go on from, so a long query never holds the shard for long. Plans are cached by text, the least recently
/// used dropped. One a state, same thread; reads must not overlap writes. Hot: nothing is allocated per row examined.
/// </summary>
public sealed class ShardQueryEngine : IDisposable
{
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
        if (request.Targets is { } targets) return new JoinSide(_state, query, _writer).Run(request, targets, cancellationToken);
        if (query.Query.IsExplain) return Explain(query, request);
        var isCount = query.Query.Selection == SelectionKind.Count;
        var isOrdered = query.Query.Order.Count > 0;
        _scan.Begin(query, request, isCount || isOrdered || query.LinkSource >= 0 ? long.MaxValue / 2 : request.Limit, cancellationToken);
        if (query.LinkSource >= 0) return new LinkSide(query, _scan, _writer).Run(request, epoch);
        if (isCount) return Count(epoch);
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
                _writer.Write(query.Query, _scan.Table, row, null, -1);
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
        while (_scan.Next())
        {
            for (var rest = _scan.Mask; rest != 0; rest &= rest - 1)
            {
                var row = _scan.Start + BitOperations.TrailingZeroCount(rest);
                for (var i = 0; i < keys.Length; i++) keys[i] = TwinPaths.Read(_scan.Table, row, order[i].Path);
                if (request.After is { } after && OrderKeys.Compare(order, keys, _scan.Table.IdOf(row), "", after.Keys, after.TwinId, after.LinkId) <= 0) continue;
                top.Offer(keys, _scan.Table, row, null);
            }
        }
        if (_scan.Stop == ScanStop.Time) return OutOfTime(_scan.Examined);
        var places = top.WriteTo(_writer, query);
        return new ShardRows(TwinStatus.Ok, _writer.TakeRows(), _scan.Examined) { Places = places, Next = _scan.Stop == ScanStop.Budget ? _scan.PositionAfter(epoch) : null };
    }

    private ShardRows Explain(CompiledQuery query, ShardQuery request) =>
        new(TwinStatus.Ok, [], 0) { Plan = QueryPlan.Write(_state, query, request) };

    internal static ShardRows OutOfTime(long examined) =>
        Refuse(TwinStatus.TooMuch, new Problem("QueryTooCostly", $"The query ran out of time after {examined} rows; narrow its condition.", "query")) with { Examined = examined };

    internal static ShardRows Refuse(TwinStatus status, Problem problem) => new(status, [], 0, problem);
}
