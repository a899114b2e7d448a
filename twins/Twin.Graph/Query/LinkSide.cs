using System.Numerics;

namespace Twin.Graph.Query;

/// <summary>Rows that are relationships: FROM RELATIONSHIPS. Hot.</summary>
internal sealed class LinkSide(CompiledQuery query, TwinScan scan, RowWriter writer)
{
    private readonly PropertyValue[] _keys = new PropertyValue[query.Query.Order.Count];
    private TopRows? _top;
    private GroupSink? _groups;
    private long _count;
    private int _taken;
    private bool _hasMoved; // a slice must get past at least one relationship, however small its budget

    public ShardRows Run(ShardQuery request, long epoch)
    {
        if (query.Query.Selection == SelectionKind.Groups) _groups = new GroupSink(query.Query);
        else if (query.Query.Order.Count > 0) _top = new TopRows(query.Query.Order, request.Limit);
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
        if (_groups?.IsFull == true) return ShardQueryEngine.TooManyGroups(scan.Examined);
        if (next is null && scan.Stop == ScanStop.Budget) next = scan.PositionAfter(epoch);
        var places = _top?.WriteTo(writer, query, request.Parameters) ?? [];
        return new ShardRows(TwinStatus.Ok, writer.TakeRows(), scan.Examined) { Next = next, Count = _count, Places = places, Groups = _groups?.Take() ?? [] };
    }

    // One twin's relationships; a position when the answer is full or the budget is used up within them.
    private ShardPosition? Walk(int row, string? afterLink, ShardQuery request, long epoch)
    {
        var table = scan.Table;
        string? last = afterLink;
        foreach (var link in table.OutgoingOf(row))
        {
            if (afterLink is not null && string.CompareOrdinal(link.Id, afterLink) <= 0) continue;
            if (_taken == request.Limit || (_hasMoved && last is not null && scan.MustStop()))
                return scan.Stop == ScanStop.Time ? null : new ShardPosition(epoch, table.Number, row, last);
            last = link.Id;
            _hasMoved = true;
            scan.Examined++;
            if (Passes(query.LinkTerms, table, row, link, request.Parameters)) Take(table, row, link, request);
        }
        return null;
    }

    /// <summary>Whether a relationship holds terms over it.</summary>
    public static bool Passes(IReadOnlyList<Expression> terms, ModelTable table, int row, Relationship link, PropertyValue[] parameters)
    {
        if (table.ViewOf(row)?.ShowsRelationship(link.Name) == false) return false;
        var reader = new LinkReader(table, row, link);
        for (var i = 0; i < terms.Count; i++)
            if (!ConditionEvaluator.Holds(terms[i], reader, parameters)) return false;
        return true;
    }

    private void Take(ModelTable table, int row, Relationship link, ShardQuery request)
    {
        if (query.Query.Selection == SelectionKind.Count) _count++;
        else if (_groups is not null) _groups.Add(new LinkReader(table, row, link));
        else if (_top is null)
        {
            _taken++;
            writer.Write(query.Query, request.Parameters, table, row, link);
        }
        else
        {
            var order = query.Query.Order;
            var reader = new LinkReader(table, row, link);
            for (var i = 0; i < _keys.Length; i++) _keys[i] = ConditionEvaluator.EvaluateKey(order[i].Value, reader, request.Parameters);
            if (request.After is { } after && OrderKeys.Compare(order, _keys, table.IdOf(row), link.Id, after.Keys, after.TwinId, after.LinkId) <= 0) return;
            _top.Offer(_keys, table, row, link);
        }
    }
}

/// <summary>Feeds rows to a group table.</summary>
internal sealed class GroupSink(TwinQuery query)
{
    private readonly GroupTable _table = new(query);
    private readonly PropertyValue[] _keys = new PropertyValue[query.Groups.Count];
    private PropertyValue[]? _arguments;

    /// <summary>There are more groups than allowed.</summary>
    public bool IsFull => _table.Count > QueryLimits.Groups;

    public void Add<TReader>(in TReader reader) where TReader : IPathReader
    {
        if (IsFull) return;
        _arguments ??= new PropertyValue[_table.Aggregates.Count];
        for (var i = 0; i < _keys.Length; i++) _keys[i] = reader.Read(query.Groups[i]);
        for (var i = 0; i < _arguments.Length; i++) _arguments[i] = _table.Aggregates[i].Argument is { } path ? reader.Read(path) : default;
        _table.Add(_keys, _arguments);
    }

    public GroupRow[] Take() => _table.ToArray();
}
