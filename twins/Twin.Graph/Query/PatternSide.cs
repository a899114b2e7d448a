using System.Numerics;

namespace Twin.Graph.Query;

/// <summary>
/// A shard's part in a pattern: finds start twins, or takes the twins others led to, keeps those that hold their source's terms,
/// reads what the rest of the query asks of them and finds the links to follow next. Hot.
/// </summary>
internal sealed class PatternSide(ShardState state, CompiledQuery query, TwinScan scan, RowWriter writer)
{
    private const int LinksPerTwin = 1_000; // a twin with more is asked again from where it stopped
    private const int LinksPerAnswer = 20_000;

    private readonly List<VisitedTwin> _visited = [];
    private readonly List<FoundLink> _found = [];
    private PropertyValue[] _parameters = [];
    private MatchPlan _plan = null!;
    private MatchStep? _step; // whose links are found
    private MatchStep? _arrival; // that led to the twins visited
    private int _visit;
    private long _examined;
    private long _rowBudget;
    private int _linksFound;
    private int _looked; // at the present twin's links

    public ShardRows Run(ShardQuery request, PatternSlice slice, long epoch, CancellationToken cancellation)
    {
        if (query.PlanFrom(slice.Start) is not { } plan || slice.Expand >= plan.Steps.Count || slice.Visit >= query.Query.Sources.Count)
            return ShardQueryEngine.Refuse(TwinStatus.Invalid, new Problem("QueryInvalid", "The pattern slice does not fit the query.", "pattern"));
        (_plan, _parameters, _rowBudget, _visit) = (plan, request.Parameters, request.RowBudget, slice.Visit);
        _step = slice.Expand < 0 ? null : plan.Steps[slice.Expand];
        foreach (var step in plan.Steps)
            if (step.To == slice.Visit) _arrival = step;
        if (slice.Visits is null) return Scan(request, epoch, cancellation);
        scan.BeginBudget(request, cancellation);
        foreach (var visit in slice.Visits)
        {
            if (_visited.Count > 0 && (IsFull || scan.MustStop())) break;
            _examined++;
            _visited.Add(Visit(visit));
            scan.Examined = _examined;
        }
        return scan.Stop == ScanStop.Time ? ShardQueryEngine.OutOfTime(_examined) : new ShardRows(TwinStatus.Ok, [], _examined) { Visited = [.. _visited] };
    }

    private bool IsFull => _linksFound >= LinksPerAnswer || _examined >= _rowBudget;

    private ShardRows Scan(ShardQuery request, long epoch, CancellationToken cancellation)
    {
        scan.Begin(query.TermsOf(_plan.Start), request, request.Limit, cancellation);
        ShardPosition? next = null;
        while (next is null && scan.Next())
        {
            _examined = scan.Examined;
            for (var rest = scan.Mask; rest != 0; rest &= rest - 1)
            {
                var row = scan.Start + BitOperations.TrailingZeroCount(rest);
                if (_visited.Count > 0 && (_visited.Count == request.Limit || _linksFound >= LinksPerAnswer))
                {
                    next = new ShardPosition(epoch, scan.Table.Number, row);
                    break;
                }
                _visited.Add(Keep(scan.Table, row, [], null) with { Next = new ShardPosition(epoch, scan.Table.Number, row + 1) });
            }
            scan.Examined = _examined;
        }
        if (scan.Stop == ScanStop.Time) return ShardQueryEngine.OutOfTime(_examined);
        if (next is null && scan.Stop == ScanStop.Budget) next = scan.PositionAfter(epoch);
        return new ShardRows(TwinStatus.Ok, [], scan.Examined) { Visited = [.. _visited], Next = next };
    }

    private VisitedTwin Visit(TwinVisit visit)
    {
        if (!state.TryLocate(visit.TwinId, out var table, out var row) || !table.Exists(row)) return new VisitedTwin(visit.TwinId, false, [], [], [], null);
        if (_visit >= 0 && !query.TermsOf(_visit).FilterFor(table, _parameters).Passes(row)) return new VisitedTwin(visit.TwinId, false, [], [], [], null);
        return Keep(table, row, visit.Links, visit.From);
    }

    private VisitedTwin Keep(ModelTable table, int row, FoundLink[] asked, FoundLink? from)
    {
        var values = _visit < 0 ? [] : Read(_plan.ReadsOf(_visit), table, row, null);
        var links = asked.Length == 0 ? [] : new PropertyValue[]?[asked.Length];
        for (var i = 0; i < links.Length; i++) links[i] = ReadLink(table, row, asked[i]);
        FoundLink? more = null;
        _found.Clear();
        _looked = 0;
        if (_step is not null) more = Find(_step, table, row, from);
        _linksFound += _found.Count;
        return new VisitedTwin(table.IdOf(row), true, values, links, _found.Count == 0 ? [] : [.. _found], more);
    }

    // A relationship from here that was found at its target; null when it is not what was found any more.
    private PropertyValue[]? ReadLink(ModelTable table, int row, FoundLink asked)
    {
        _examined++;
        if (table.OutgoingOf(row).Find(Relationship.Key(asked.LinkId)) is not { } link) return null;
        if (_visit < 0) return link.TargetId == asked.TwinId && table.ViewOf(row)?.ShowsRelationship(link.Name) != false ? [] : null; // only whether it may be walked
        if (_arrival is not { } step) return null;
        if (link.TargetId != asked.TwinId || !IsNamed(step.Hop.Names, link.Name) || !LinkSide.Passes(_plan.TermsOf(step.Hop.Link), table, row, link, _parameters)) return null;
        return Read(_plan.ReadsOf(step.Hop.Link), table, row, link);
    }

    private PropertyValue[] Read(IReadOnlyList<SourceRead> reads, ModelTable table, int row, Relationship? link)
    {
        if (reads.Count == 0) return [];
        var values = new PropertyValue[reads.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = reads[i].Read switch
            {
                PathExpression path when reads[i].IsForOutput => writer.ReadForOutput(path, table, row, link),
                PathExpression path => link is null ? TwinPaths.Read(table, row, path) : LinkPaths.Read(table, row, link, path),
                var ofModel => PropertyValue.From(ConditionEvaluator.Holds(ofModel, new TwinReader(table, row), _parameters)),
            };
        return values;
    }

    // Fills _found; the first link not looked at, or null.
    private FoundLink? Find(MatchStep step, ModelTable table, int row, FoundLink? from)
    {
        if (step.Direction != HopDirection.In && from is not { IsIncoming: true } && FindOut(step, table, row, from?.LinkId) is { } more) return more;
        return step.Direction == HopDirection.Out ? null : FindIn(step, table, row, from is { IsIncoming: true } ? from : null);
    }

    private FoundLink? FindOut(MatchStep step, ModelTable table, int row, string? from)
    {
        var links = table.OutgoingOf(row);
        if (from is null)
        {
            foreach (var link in links)
                if (!TakeOut(step, table, row, link)) return new FoundLink(link.TargetId, link.Id, false, null);
            return null;
        }
        foreach (var link in links.From(Relationship.Key(from)))
            if (!TakeOut(step, table, row, link)) return new FoundLink(link.TargetId, link.Id, false, null);
        return null;
    }

    // False when there is no room for another.
    private bool TakeOut(MatchStep step, ModelTable table, int row, Relationship link)
    {
        if (!HasRoom()) return false;
        if (!IsNamed(step.Hop.Names, link.Name)) return true;
        if (!step.ReadsLink)
        {
            if (table.ViewOf(row)?.ShowsRelationship(link.Name) != false) _found.Add(new FoundLink(link.TargetId, link.Id, false, []));
        }
        else if (LinkSide.Passes(_plan.TermsOf(step.Hop.Link), table, row, link, _parameters))
            _found.Add(new FoundLink(link.TargetId, link.Id, false, Read(_plan.ReadsOf(step.Hop.Link), table, row, link)));
        return true;
    }

    private FoundLink? FindIn(MatchStep step, ModelTable table, int row, FoundLink? from)
    {
        var links = table.IncomingOf(row);
        if (from is null)
        {
            foreach (var link in links)
                if (!TakeIn(step, table, row, link)) return new FoundLink(link.SourceId, link.RelationshipId, true, null);
            return null;
        }
        foreach (var link in links.From(IncomingLink.Key(from.Value.TwinId, from.Value.LinkId)))
            if (!TakeIn(step, table, row, link)) return new FoundLink(link.SourceId, link.RelationshipId, true, null);
        return null;
    }

    private bool TakeIn(MatchStep step, ModelTable table, int row, IncomingLink link)
    {
        if (!HasRoom()) return false;
        if (!IsNamed(step.Hop.Names, link.Name)) return true;
        if (step.Direction == HopDirection.Either && link.SourceId == table.IdOf(row)) return true; // found as outgoing
        _found.Add(new FoundLink(link.SourceId, link.RelationshipId, true, step.ReadsLink || table.Seen is not null ? null : [])); // its source says whether it may be seen
        return true;
    }

    // Counts a link looked at. The first always fits, so that every visit gets on.
    private bool HasRoom()
    {
        if (_found.Count >= LinksPerTwin || (_examined >= _rowBudget && _looked > 0)) return false;
        _looked++;
        _examined++;
        return true;
    }

    private static bool IsNamed(IReadOnlyList<string> names, string name)
    {
        for (var i = 0; i < names.Count; i++)
            if (names[i] == name) return true;
        return names.Count == 0;
    }
}
