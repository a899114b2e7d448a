using System.Buffers;
using System.Text.Json;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>One page under way: its budget, and the four ways to gather it.</summary>
internal sealed class QueryRun(
    IShardQueries shards, TimeProvider clock, QueryBounds bounds, TwinQuery query, PropertyValue[] parameters, ulong hash, int limit, CancellationToken cancellation)
{
    private readonly long _started = clock.GetTimestamp();
    private readonly List<ReadOnlyMemory<byte>> _rows = [];
    private RowPage? _failure;
    private long _examined;

    /// <summary>Rows and relationships looked at so far.</summary>
    public long Examined => _examined;

    /// <summary>Shards one after the other until the page is full; no order.</summary>
    public async ValueTask<RowPage> ScanAsync(ContinuationToken start)
    {
        var position = start.Position;
        var batch = limit;
        for (var done = start.ShardsDone; done < shards.ShardCount; done++)
        {
            var shard = (start.FirstShard + done) % shards.ShardCount;
            do
            {
                if (_rows.Count >= limit) return Page(start with { RowsGiven = start.RowsGiven + _rows.Count, ShardsDone = done, Position = position });
                var asked = query.Joins.Count == 0 ? limit - _rows.Count : batch;
                if (await AskAsync(shard, Slice(asked) with { Position = position }).ConfigureAwait(false) is not { } answer) return _failure!;
                position = answer.Next;
                if (query.Joins.Count == 0) _rows.AddRange(answer.Rows);
                else
                {
                    if (await JoinAsync(answer.Halves, null).ConfigureAwait(false) is not { } parts) return _failure!;
                    if (TakeInOrder(answer.Halves, parts) is { } cut) position = cut;
                    batch = Math.Min(bounds.JoinBatch, batch * 4); // few targets pass: ask for more halves at once
                }
            }
            while (position is not null);
        }
        return new RowPage(TwinStatus.Ok, _rows, null);
    }

    // Adds joined rows in the order of their halves. When they are more than fit, the position after the last that did.
    private ShardPosition? TakeInOrder(JoinRow[] halves, List<(ShardRows Rows, int[] Halves)> parts)
    {
        var byHalf = new ReadOnlyMemory<byte>[halves.Length];
        foreach (var (rows, origin) in parts)
            for (var i = 0; i < rows.Kept.Length; i++) byHalf[origin[rows.Kept[i]]] = rows.Rows[i];
        var last = -1;
        for (var i = 0; i < byHalf.Length; i++)
        {
            if (byHalf[i].Length == 0) continue;
            if (_rows.Count == limit) return halves[last].Position;
            _rows.Add(byHalf[i]);
            last = i;
        }
        return null;
    }

    /// <summary>Sums over all shards.</summary>
    public async ValueTask<RowPage> CountAsync()
    {
        var counts = new long[shards.ShardCount];
        await EachShardAsync(async shard =>
        {
            ShardPosition? position = null;
            do
            {
                if (await AskAsync(shard, Slice(bounds.JoinBatch) with { Position = position }).ConfigureAwait(false) is not { } answer) return;
                counts[shard] += answer.Count;
                if (await JoinAsync(answer.Halves, null).ConfigureAwait(false) is not { } parts) return;
                foreach (var (part, _) in parts) counts[shard] += part.Count;
                position = answer.Next;
            }
            while (position is not null);
        }).ConfigureAwait(false);
        if (_failure is not null) return _failure;
        var bytes = new ArrayBufferWriter<byte>(32);
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber(query.CountName, counts.Sum());
            json.WriteEndObject();
        }
        return new RowPage(TwinStatus.Ok, [bytes.WrittenMemory], null);
    }

    /// <summary>The first rows of every shard, merged; the next page begins after the last row's place.</summary>
    public async ValueTask<RowPage> OrderAsync(ContinuationToken? start)
    {
        if (limit == 0) return new RowPage(TwinStatus.Ok, [], null);
        var merged = new OrderedRows(query.Order, limit);
        await EachShardAsync(async shard =>
        {
            ShardPosition? position = null;
            do
            {
                var asked = query.Joins.Count == 0 ? limit : bounds.JoinBatch;
                if (await AskAsync(shard, Slice(asked) with { Position = position, After = start?.After }).ConfigureAwait(false) is not { } answer) return;
                if (await JoinAsync(answer.Halves, start?.After).ConfigureAwait(false) is not { } parts) return;
                lock (merged)
                {
                    merged.Add(answer);
                    foreach (var (part, _) in parts) merged.Add(part);
                }
                position = answer.Next;
            }
            while (position is not null);
        }).ConfigureAwait(false);
        if (_failure is not null) return _failure;
        merged.CopyTo(_rows);
        if (_rows.Count < limit || merged.Last is not { } last) return new RowPage(TwinStatus.Ok, _rows, null);
        return Page(new ContinuationToken(hash, (start?.RowsGiven ?? 0) + _rows.Count, 0, 0, null, last));
    }

    /// <summary>Every shard's plan in one row.</summary>
    public async ValueTask<RowPage> ExplainAsync()
    {
        var bytes = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(bytes);
        json.WriteStartObject();
        json.WriteString("query", query.Text);
        json.WriteString("order", query.Order.Count > 0 ? $"bounded heap of {limit} on each shard, merged" : "none");
        json.WriteStartArray("shards");
        for (var shard = 0; shard < shards.ShardCount; shard++)
        {
            if (await AskAsync(shard, Slice(Math.Max(1, limit))).ConfigureAwait(false) is not { } answer) return _failure!;
            json.WriteRawValue(answer.Plan.Span);
        }
        json.WriteEndArray();
        json.WriteEndObject();
        await json.FlushAsync(cancellation).ConfigureAwait(false);
        return new RowPage(TwinStatus.Ok, [bytes.WrittenMemory], null);
    }

    // Sends half rows to their targets' shards; the answers, each with the numbers of the halves it was asked about. Null when failed.
    private async ValueTask<List<(ShardRows Rows, int[] Halves)>?> JoinAsync(JoinRow[] halves, OrderKey? after)
    {
        var answers = new List<(ShardRows, int[])>();
        if (halves.Length == 0) return answers;
        var byShard = new List<int>?[shards.ShardCount];
        for (var i = 0; i < halves.Length; i++) (byShard[ShardMap.ShardOf(halves[i].TargetId, shards.ShardCount)] ??= []).Add(i);
        for (var shard = 0; shard < byShard.Length; shard++)
        {
            if (byShard[shard] is not { } mine) continue;
            var request = Slice(mine.Count) with { Targets = [.. mine.Select(i => halves[i])], After = after };
            if (await AskAsync(shard, request).ConfigureAwait(false) is not { } answer) return null;
            answers.Add((answer, [.. mine]));
        }
        return answers;
    }

    private Task EachShardAsync(Func<int, Task> ask)
    {
        var all = new Task[shards.ShardCount];
        for (var shard = 0; shard < all.Length; shard++) all[shard] = ask(shard);
        return Task.WhenAll(all);
    }

    private ShardQuery Slice(int rows) => new(
        query.Text, parameters, Math.Max(1, rows), Math.Clamp(bounds.MaxRowsExamined - Volatile.Read(ref _examined), 1, bounds.SliceRows), TimeLeft());

    private TimeSpan TimeLeft() => bounds.Time - clock.GetElapsedTime(_started);

    // One slice; null when the page has failed, with the reason in _failure.
    private async ValueTask<ShardRows?> AskAsync(int shard, ShardQuery request)
    {
        cancellation.ThrowIfCancellationRequested();
        if (_failure is not null) return null;
        if (Volatile.Read(ref _examined) >= bounds.MaxRowsExamined)
            return Fail(TwinStatus.TooMuch, new Problem("QueryTooCostly", $"The query examined {_examined} rows; {bounds.MaxRowsExamined} are allowed. Narrow its condition or add an index.", "query"));
        if (request.TimeBudget <= TimeSpan.Zero)
            return Fail(TwinStatus.TooMuch, new Problem("QueryTooCostly", $"The query took more than {bounds.Time.TotalSeconds:0.###} s and examined {_examined} rows. Narrow its condition.", "query"));
        var answer = await shards.QueryAsync(shard, request, cancellation).ConfigureAwait(false);
        Interlocked.Add(ref _examined, answer.Examined);
        return answer.Status == TwinStatus.Ok ? answer : Fail(answer.Status, answer.Problem!);
    }

    private ShardRows? Fail(TwinStatus status, Problem problem)
    {
        _failure ??= new RowPage(status, [], null, problem);
        return null;
    }

    private RowPage Page(ContinuationToken next) =>
        new(TwinStatus.Ok, _rows, query.Top is { } top && next.RowsGiven >= top ? null : next.Encode());
}

/// <summary>The first rows of several ordered answers, at most a fixed number.</summary>
internal sealed class OrderedRows(IReadOnlyList<OrderTerm> order, int capacity)
{
    private readonly List<(OrderKey Place, ReadOnlyMemory<byte> Row)> _rows = [];

    /// <summary>Place of the last row kept.</summary>
    public OrderKey? Last => _rows.Count == 0 ? null : _rows[^1].Place;

    /// <summary>Takes an answer's rows; keeps the first.</summary>
    public void Add(ShardRows answer)
    {
        for (var i = 0; i < answer.Rows.Length; i++) _rows.Add((answer.Places[i], answer.Rows[i]));
        _rows.Sort((a, b) => OrderKeys.Compare(order, a.Place, b.Place));
        if (_rows.Count > capacity) _rows.RemoveRange(capacity, _rows.Count - capacity);
    }

    /// <summary>The rows in order.</summary>
    public void CopyTo(List<ReadOnlyMemory<byte>> rows)
    {
        foreach (var (_, row) in _rows) rows.Add(row);
    }
}
