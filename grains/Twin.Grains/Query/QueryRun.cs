using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>One page under way: the ways to gather it. Rows of one source come from the shards as they are; patterns go through <see cref="PatternAnswer"/>.</summary>
internal sealed class QueryRun(ShardCaller caller, ulong hash, int limit) : IDisposable
{
    private readonly TwinQuery _query = caller.Query;
    private readonly List<ReadOnlyMemory<byte>> _rows = [];

    /// <summary>The pattern's part; null for rows of one source, and before <see cref="PlanAsync"/>.</summary>
    public PatternAnswer? Pattern { get; private set; }

    public void Dispose() => Pattern?.Dispose();

    /// <summary>Plans a pattern, once, as the page before did when there was one. False when that failed.</summary>
    public async ValueTask<bool> PlanAsync(ContinuationToken? token)
    {
        if (_query.Hops.Count == 0 || Pattern is not null) return true;
        Pattern = new PatternAnswer(caller, limit);
        return await Pattern.PlanAsync(token).ConfigureAwait(false);
    }

    /// <summary>The page after <paramref name="token"/>, or the first; <paramref name="firstShard"/> is where a first one begins to read.</summary>
    public async ValueTask<RowPage> AnswerAsync(ContinuationToken? token, int firstShard)
    {
        if (!await PlanAsync(token).ConfigureAwait(false)) return caller.Failure!;
        return _query switch
        {
            { Selection: SelectionKind.Count } => await CountAsync().ConfigureAwait(false),
            { Selection: SelectionKind.Groups } => await GroupAsync(token).ConfigureAwait(false),
            { Order.Count: > 0 } => await OrderAsync(token).ConfigureAwait(false),
            _ => await ScanAsync(token ?? new ContinuationToken(hash, 0, firstShard, 0, null, null)).ConfigureAwait(false),
        };
    }

    // Shards one after the other until the page is full; no order.
    private async ValueTask<RowPage> ScanAsync(ContinuationToken start)
    {
        if (Pattern is not null) return await Pattern.PageAsync(start).ConfigureAwait(false);
        var position = start.Position;
        var owners = OwnersOf();
        for (var done = start.ShardsDone; done < caller.ShardCount; done++)
        {
            var shard = (start.FirstShard + done) % caller.ShardCount;
            if (owners is not null && !owners.Contains(shard)) continue;
            do
            {
                if (_rows.Count >= limit) return Page(start with { RowsGiven = start.RowsGiven + _rows.Count, ShardsDone = done, Position = position });
                if (await caller.AskAsync(shard, caller.Slice(limit - _rows.Count) with { Position = position }).ConfigureAwait(false) is not { } answer) return caller.Failure!;
                position = answer.Next;
                _rows.AddRange(answer.Rows);
            }
            while (position is not null);
        }
        return new RowPage(TwinStatus.Ok, _rows, null);
    }

    // Sums over all shards.
    private async ValueTask<RowPage> CountAsync()
    {
        long? total;
        if (Pattern is not null) total = await Pattern.CountAsync().ConfigureAwait(false);
        else
        {
            var counts = new long[caller.ShardCount];
            await EachSliceAsync(1, null, (shard, answer) => counts[shard] += answer.Count).ConfigureAwait(false);
            total = counts.Sum();
        }
        if (caller.Failure is not null) return caller.Failure;
        return new RowPage(TwinStatus.Ok, [RowJson.Write(json => json.WriteNumber(_query.CountName, total!.Value))], null);
    }

    // The first rows of every shard, merged; the next page begins after the last row's place.
    private async ValueTask<RowPage> OrderAsync(ContinuationToken? start)
    {
        if (limit == 0) return new RowPage(TwinStatus.Ok, [], null);
        OrderedRows? merged;
        if (Pattern is not null) merged = await Pattern.OrderAsync(start?.After).ConfigureAwait(false);
        else
        {
            merged = new OrderedRows(_query.Order, limit);
            await EachSliceAsync(limit, start?.After, (_, answer) =>
            {
                lock (merged) merged.Add(answer);
            }).ConfigureAwait(false);
        }
        if (caller.Failure is not null) return caller.Failure;
        merged!.CopyTo(_rows);
        if (_rows.Count < limit || merged.Last is not { } last) return new RowPage(TwinStatus.Ok, _rows, null);
        return Page(new ContinuationToken(hash, (start?.RowsGiven ?? 0) + _rows.Count, 0, 0, null, last));
    }

    // One row a group, in the asked order, then by the groups' values; the next page begins after the last group's place.
    private async ValueTask<RowPage> GroupAsync(ContinuationToken? start)
    {
        GroupTable? table;
        if (Pattern is not null) table = await Pattern.GroupAsync().ConfigureAwait(false);
        else
        {
            table = new GroupTable(_query);
            await EachSliceAsync(1, null, (_, answer) =>
            {
                lock (table)
                {
                    foreach (var group in answer.Groups) table.Add(group);
                    if (table.Count > QueryLimits.Groups) caller.TooCostly($"The query makes more than {QueryLimits.Groups} groups; {caller.Examined} rows were examined. Group by fewer or coarser properties.");
                }
            }).ConfigureAwait(false);
        }
        if (caller.Failure is not null) return caller.Failure;
        OrderTerm[] order = [.. _query.Order, .. _query.Groups.Select(g => new OrderTerm(g, false))];
        var rows = table!.ToArray()
            .Select(g => (Group: g, Place: new OrderKey([.. order.Select(o => table.ValueOf(g, o.Value))], "", "")))
            .Where(r => start?.After is null || OrderKeys.Compare(order, r.Place, start.After) > 0)
            .Order(Comparer<(GroupRow, OrderKey Place)>.Create((a, b) => OrderKeys.Compare(order, a.Place, b.Place)))
            .Take(limit + 1).ToList();
        foreach (var (group, _) in rows.Take(limit)) _rows.Add(RowJson.Write(json => Write(json, table, group)));
        if (rows.Count <= limit || limit == 0) return new RowPage(TwinStatus.Ok, _rows, null);
        return Page(new ContinuationToken(hash, (start?.RowsGiven ?? 0) + _rows.Count, 0, 0, null, rows[limit - 1].Place));
    }

    private void Write(Utf8JsonWriter json, GroupTable table, GroupRow group)
    {
        foreach (var item in _query.Items)
        {
            var value = table.ValueOf(group, item.Value);
            if (value.Kind == ValueKind.None) continue;
            json.WritePropertyName(item.Name);
            value.WriteJson(json);
        }
    }

    // All slices of all shards, the shards at once.
    private Task EachSliceAsync(int rows, OrderKey? after, Action<int, ShardRows> take)
    {
        var owners = OwnersOf();
        return caller.EachShardAsync(async shard =>
        {
            if (owners is not null && !owners.Contains(shard)) return;
            ShardPosition? position = null;
            do
            {
                if (await caller.AskAsync(shard, caller.Slice(rows) with { Position = position, After = after }).ConfigureAwait(false) is not { } answer) return;
                take(shard, answer);
                position = answer.Next;
            }
            while (position is not null);
        });
    }

    // The shards that own the twins a query names; null when it names none.
    private HashSet<int>? OwnersOf() =>
        ConditionPaths.IdsOf(ConditionPaths.Conjuncts(_query.Where), 0, _query.Sources[0].Kind == SourceKind.Twins ? "$dtId" : "$sourceId")
            ?.Select(e => (e is ParameterExpression parameter ? caller.Parameters[parameter.Slot] : ((LiteralExpression)e).Value).AsText)
            .OfType<string>().Select(id => ShardMap.ShardOf(id, caller.ShardCount)).ToHashSet();

    private RowPage Page(ContinuationToken next) =>
        new(TwinStatus.Ok, _rows, _query.Top is { } top && next.RowsGiven >= top ? null : next.Encode());
}

/// <summary>Rows made by the coordinator, as JSON.</summary>
internal static class RowJson
{
    /// <summary>As the shards write theirs.</summary>
    public static JsonWriterOptions Options { get; } = new() { SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One object.</summary>
    public static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> members)
    {
        var bytes = new ArrayBufferWriter<byte>(64);
        using var json = new Utf8JsonWriter(bytes, Options);
        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
        json.Flush();
        return bytes.WrittenMemory;
    }
}

/// <summary>The first rows of several ordered answers, at most a fixed number. Not thread-safe.</summary>
internal sealed class OrderedRows(IReadOnlyList<OrderTerm> order, int capacity)
{
    private readonly List<(OrderKey Place, ReadOnlyMemory<byte> Row)> _rows = [];
    private OrderKey? _worst; // of the rows kept, once there are enough

    /// <summary>Place of the last row kept; meaningful after <see cref="CopyTo"/>.</summary>
    public OrderKey? Last => _rows.Count == 0 ? null : _rows[^1].Place;

    /// <summary>True when a row of that place may be among the first.</summary>
    public bool Admits(OrderKey place) => _worst is null || OrderKeys.Compare(order, place, _worst) < 0;

    /// <summary>Takes one row.</summary>
    public void Add(OrderKey place, ReadOnlyMemory<byte> row)
    {
        _rows.Add((place, row));
        if (_rows.Count >= capacity * 2L) Trim();
    }

    /// <summary>Takes an answer's rows.</summary>
    public void Add(ShardRows answer)
    {
        for (var i = 0; i < answer.Rows.Length; i++) _rows.Add((answer.Places[i], answer.Rows[i]));
        Trim();
    }

    /// <summary>The rows in order.</summary>
    public void CopyTo(List<ReadOnlyMemory<byte>> rows)
    {
        Trim();
        foreach (var (_, row) in _rows) rows.Add(row);
    }

    private void Trim()
    {
        _rows.Sort((a, b) => OrderKeys.Compare(order, a.Place, b.Place));
        if (_rows.Count < capacity) return;
        _rows.RemoveRange(capacity, _rows.Count - capacity);
        _worst = _rows[^1].Place;
    }
}
