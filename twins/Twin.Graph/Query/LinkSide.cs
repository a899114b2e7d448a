using System.Numerics;

namespace Twin.Graph.Query;

/// <summary>Rows that are relationships: FROM RELATIONSHIPS, and the source half of a JOIN. Hot.</summary>
internal sealed class LinkSide(CompiledQuery query, TwinScan scan, RowWriter writer)
{
    private readonly List<(ModelTable Table, int Row, Relationship Link)> _halves = [];
    private readonly PropertyValue[] _keys = new PropertyValue[query.Query.Order.Count];
    private TopRows? _top;
    private long _count;
    private int _taken;
    private bool _hasMoved; // a slice must get past at least one relationship, however small its budget

    public ShardRows Run(ShardQuery request, long epoch)
    {
        if (query.Join is null && query.Query.Order.Count > 0) _top = new TopRows(query.Query.Order, request.Limit);
        ShardPosition? next = null;
        var resume = request.Position;
        while (next is null && scan.Next())
        {
            for (var rest = scan.Mask; rest != 0 && next is null; rest &= rest - 1)
            {
                var row = scan.Start + BitOperations.TrailingZeroCount(rest);
                var isResumed = resume is { LinkId: not null } && resume.Table == scan.Table.Number && resume.Row == row;
                next = Walk(row, isResumed ? resume!.LinkId : null, request, epoch);
            }
        }
        if (scan.Stop == ScanStop.Time) return ShardQueryEngine.OutOfTime(scan.Examined);
        if (next is null && scan.Stop == ScanStop.Budget) next = scan.PositionAfter(epoch);
        var places = _top?.WriteTo(writer, query) ?? [];
        var rows = writer.TakeRows();
        var answer = new ShardRows(TwinStatus.Ok, query.Join is null ? rows : [], scan.Examined) { Next = next, Count = _count, Places = places };
        return query.Join is null ? answer : answer with { Halves = Halves(rows, epoch) };
    }

    // One twin's relationships; a position when the answer is full or the budget is used up within them.
    private ShardPosition? Walk(int row, string? afterLink, ShardQuery request, long epoch)
    {
        var table = scan.Table;
        string? last = afterLink;
        foreach (var link in table.OutgoingOf(row))
        {
            if (afterLink is not null && string.CompareOrdinal(link.Id, afterLink) <= 0) continue;
            if (query.Join is { } plan && link.Name != plan.Join.Relationship) continue;
            if (_taken == request.Limit || (_hasMoved && last is not null && scan.MustStop()))
                return scan.Stop == ScanStop.Time ? null : new ShardPosition(epoch, table.Number, row, last);
            last = link.Id;
            _hasMoved = true;
            scan.Examined++;
            if (Passes(table, row, link, request.Parameters)) Take(table, row, link, request);
        }
        return null;
    }

    private bool Passes(ModelTable table, int row, Relationship link, PropertyValue[] parameters)
    {
        var reader = new LinkReader(table, row, link, query.LinkSource);
        for (var i = 0; i < query.LinkTerms.Count; i++)
            if (!ConditionEvaluator.Holds(query.LinkTerms[i], reader, parameters)) return false;
        return true;
    }

    private void Take(ModelTable table, int row, Relationship link, ShardQuery request)
    {
        if (query.Join is not null)
        {
            _taken++;
            _halves.Add((table, row, link));
            writer.WriteFragment(query.Query, table, row, link, query.LinkSource, query.Join.Join.From);
        }
        else if (query.Query.Selection == SelectionKind.Count) _count++;
        else if (_top is null)
        {
            _taken++;
            writer.Write(query.Query, table, row, link, query.LinkSource);
        }
        else
        {
            var order = query.Query.Order;
            for (var i = 0; i < _keys.Length; i++) _keys[i] = LinkPaths.Read(link, table.IdOf(row), order[i].Path);
            if (request.After is { } after && OrderKeys.Compare(order, _keys, table.IdOf(row), link.Id, after.Keys, after.TwinId, after.LinkId) <= 0) return;
            _top.Offer(_keys, table, row, link);
        }
    }

    private JoinRow[] Halves(ReadOnlyMemory<byte>[] fragments, long epoch)
    {
        var plan = query.Join!;
        var halves = new JoinRow[_halves.Count];
        for (var i = 0; i < halves.Length; i++)
        {
            var (table, row, link) = _halves[i];
            var reader = new LinkReader(table, row, link, query.LinkSource);
            var bindings = plan.Bindings.Count == 0 ? [] : new PropertyValue[plan.Bindings.Count];
            for (var b = 0; b < bindings.Length; b++) bindings[b] = reader.Read(plan.Bindings[b]);
            halves[i] = new JoinRow(link.TargetId, bindings, new OrderKey([], table.IdOf(row), link.Id), new ShardPosition(epoch, table.Number, row, link.Id), fragments[i][1..^1]);
        }
        return halves;
    }
}

/// <summary>The target half of a JOIN: finds the targets, decides what is left of the condition, completes the rows.</summary>
internal sealed class JoinSide(ShardState state, CompiledQuery query, RowWriter writer)
{
    public ShardRows Run(ShardQuery request, JoinRow[] halves, CancellationToken cancellation)
    {
        if (query.Join is not { } plan)
            return ShardQueryEngine.Refuse(TwinStatus.Invalid, new Problem("QueryInvalid", "Targets came with a query that has no JOIN.", "targets"));
        var kept = new List<int>(halves.Length);
        var places = new List<OrderKey>();
        for (var number = 0; number < halves.Length; number++)
        {
            var half = halves[number];
            cancellation.ThrowIfCancellationRequested();
            if (!state.TryLocate(half.TargetId, out var table, out var row)) continue;
            var reader = new JoinReader(table, row, plan, half.Bindings, state.Models);
            if (!Passes(plan, reader, request.Parameters)) continue;
            var order = query.Query.Order;
            if (order.Count > 0)
            {
                var keys = new PropertyValue[order.Count];
                for (var i = 0; i < keys.Length; i++) keys[i] = reader.Read(order[i].Path);
                var place = half.Place with { Keys = keys };
                if (request.After is { } after && OrderKeys.Compare(order, place, after) <= 0) continue;
                places.Add(place);
            }
            kept.Add(number);
            if (query.Query.Selection != SelectionKind.Count) writer.WriteFragment(query.Query, table, row, null, -2, plan.Join.Target);
        }
        var fragments = writer.TakeRows();
        var rows = new ReadOnlyMemory<byte>[fragments.Length];
        for (var i = 0; i < rows.Length; i++) rows[i] = Compose(halves[kept[i]].Fragment.Span, fragments[i].Span[1..^1]);
        return new ShardRows(TwinStatus.Ok, rows, halves.Length) { Count = kept.Count, Kept = [.. kept], Places = [.. places] };
    }

    private static bool Passes(JoinPlan plan, in JoinReader reader, PropertyValue[] parameters)
    {
        foreach (var term in plan.TargetTerms)
            if (!ConditionEvaluator.Holds(term, reader, parameters)) return false;
        return true;
    }

    private static byte[] Compose(ReadOnlySpan<byte> source, ReadOnlySpan<byte> target)
    {
        var comma = source.Length > 0 && target.Length > 0 ? 1 : 0;
        var row = new byte[source.Length + target.Length + comma + 2];
        row[0] = (byte)'{';
        source.CopyTo(row.AsSpan(1));
        if (comma == 1) row[source.Length + 1] = (byte)',';
        target.CopyTo(row.AsSpan(1 + source.Length + comma));
        row[^1] = (byte)'}';
        return row;
    }
}
