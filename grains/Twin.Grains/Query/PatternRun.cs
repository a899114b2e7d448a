using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>
/// Runs a pattern from its start twins, hop by hop, depth first in batches: links of a batch of rows are gathered, the twins at
/// their other ends are visited once each at their shards, which keep or drop them, read what is asked and find the next links.
/// Rows come in a fixed order (start twins in scan or id order, then by link), so a page ends at any row and the next begins
/// after it; a page does at most one start twin's earlier links again. At most a batch of rows waits at each hop.
/// </summary>
internal sealed class PatternRun(ShardCaller caller, MatchPlan plan, PatternPlace? resume, Func<PatternRow, bool> take, int firstBatch = 256)
{
    private readonly long[] _visited = new long[plan.Steps.Count + 1];
    private readonly long[] _kept = new long[plan.Steps.Count + 1];
    private int _batch = firstBatch;

    /// <summary>Twins visited at the start and after each step.</summary>
    public IReadOnlyList<long> Visited => _visited;

    /// <summary>Rows bound at the start and after each step.</summary>
    public IReadOnlyList<long> Kept => _kept;

    /// <summary>From a shard's twins that hold the start's terms. False when it stopped: full, or failed.</summary>
    public async Task<bool> ScanAsync(int shard, ShardPosition? position)
    {
        if (position is not null && resume is not null && !await StartAsync([resume.TwinId], position).ConfigureAwait(false)) return false;
        do
        {
            var request = caller.Slice(_batch) with { Position = position, Pattern = new PatternSlice(plan.Start, plan.Start, ExpansionAfter(0, plan.Start), null) };
            if (await caller.AskAsync(shard, request).ConfigureAwait(false) is not { } answer) return false;
            _visited[0] += answer.Visited.Length;
            var rows = answer.Visited.Select(v => Begin(v, v.Next)).Where(Holds).ToList();
            if (!await ExtendAsync(0, rows).ConfigureAwait(false)) return false;
            position = answer.Next;
        }
        while (position is not null);
        return true;
    }

    /// <summary>From all shards' twins that hold the start's terms, asked for at once and taken in order of their ids: for few starts. False when it stopped: full, or failed.</summary>
    public async Task<bool> GatherAsync()
    {
        var starts = new List<VisitedTwin>();
        await caller.EachShardAsync(async shard =>
        {
            ShardPosition? position = null;
            do
            {
                var request = caller.Slice(caller.Bounds.JoinBatch) with { Position = position, Pattern = new PatternSlice(plan.Start, plan.Start, ExpansionAfter(0, plan.Start), null) };
                if (await caller.AskAsync(shard, request).ConfigureAwait(false) is not { } answer) return;
                lock (starts) starts.AddRange(answer.Visited);
                position = caller.Join(answer.Visited.Length) ? answer.Next : null;
            }
            while (position is not null);
        }).ConfigureAwait(false);
        if (caller.Failure is not null) return false;
        _visited[0] += starts.Count;
        starts.Sort((a, b) => string.CompareOrdinal(a.TwinId, b.TwinId));
        var rows = starts.Where(s => resume is null || string.CompareOrdinal(s.TwinId, resume.TwinId) >= 0).Select(s => Begin(s, null)).Where(Holds).ToList();
        return await ExtendAsync(0, rows).ConfigureAwait(false);
    }

    /// <summary>From twins named by id, in that order. False when it stopped: full, or failed.</summary>
    public async Task<bool> StartAsync(IReadOnlyList<string> ids, ShardPosition? next = null)
    {
        for (var at = 0; at < ids.Count;)
        {
            var visits = ids.Skip(at).Take(_batch).Select(id => new TwinVisit(id, [], id == resume?.TwinId && resume.Path.Length > 0 && plan.Steps[0].Hop.IsSingle ? resume.Path[0] : null)).ToArray();
            if (await VisitAsync(visits, plan.Start, ExpansionAfter(0, plan.Start)).ConfigureAwait(false) is not { } answers) return false;
            at += visits.Length;
            _visited[0] += answers.Length;
            var rows = answers.Where(a => a.IsKept).Select(a => Begin(a, next)).Where(Holds).ToList();
            if (!await ExtendAsync(0, rows).ConfigureAwait(false)) return false;
        }
        return true;
    }

    private PatternRow Begin(VisitedTwin start, ShardPosition? next)
    {
        var row = PatternRow.Begin(plan, start, next, start.TwinId == resume?.TwinId);
        if (ExpansionAfter(0, plan.Start) >= 0) (row.Found, row.More) = (start.Found, start.More);
        return row;
    }

    private bool Holds(PatternRow row)
    {
        var reader = new PatternReader(plan, row);
        foreach (var term in plan.CrossTermsAfter(row.Path.Length))
            if (!ConditionEvaluator.Holds(term, reader, caller.Parameters)) return false;
        _kept[row.Path.Length]++;
        return true;
    }

    // The step whose links a visit of a source just bound finds at the same time; -1 when it leaves from elsewhere or takes several hops.
    private int ExpansionAfter(int steps, int source) => steps < plan.Steps.Count && plan.Steps[steps].From == source && plan.Steps[steps].Hop.IsSingle ? steps : -1;

    private async Task<bool> ExtendAsync(int number, List<PatternRow> rows)
    {
        if (rows.Count == 0) return true;
        if (number == plan.Steps.Count)
        {
            foreach (var row in rows)
                if (!row.IsResumed && !take(row)) return false;
            return true;
        }
        var batch = new List<Candidate>();
        for (int at = 0, next = 0; at < rows.Count;)
        {
            var row = rows[at];
            if (row.Found is null && !await FindAsync(number, rows, at).ConfigureAwait(false)) return false;
            for (; next < row.Found!.Length && batch.Count < _batch; next++)
            {
                var order = row.IsResumed ? FoundLink.Compare(row.Found[next], resume!.Path[number]) : 1;
                if (order >= 0) batch.Add(new Candidate(row, row.Found[next], order == 0));
            }
            if (next == row.Found.Length)
            {
                next = 0;
                if (row.More is null) at++;
                else row.Found = null; // the rest is asked for
            }
            if (batch.Count < _batch && at < rows.Count) continue;
            if (batch.Count > 0 && !await FollowAsync(number, batch).ConfigureAwait(false)) return false;
            batch.Clear();
        }
        return true;
    }

    // Visits the twins that some links lead to, once each, and goes on with the rows that stay.
    private async Task<bool> FollowAsync(int number, List<Candidate> batch)
    {
        var step = plan.Steps[number];
        var places = new Dictionary<string, int>(batch.Count, StringComparer.Ordinal);
        var twins = new List<string>();
        var links = new List<List<FoundLink>?>();
        var linkPlaces = new int[batch.Count];
        for (var i = 0; i < batch.Count; i++)
        {
            var link = batch[i].Link;
            if (!places.TryGetValue(link.TwinId, out var place))
            {
                places.Add(link.TwinId, place = twins.Count);
                twins.Add(link.TwinId);
                links.Add(null);
            }
            if (link.Values is not null) continue;
            var asked = links[place] ??= [];
            linkPlaces[i] = asked.Count;
            asked.Add(link with { TwinId = batch[i].Row.Twins[step.From] });
        }
        var visits = new TwinVisit[twins.Count];
        for (var i = 0; i < visits.Length; i++) visits[i] = new TwinVisit(twins[i], links[i]?.ToArray() ?? []);
        var expansion = ExpansionAfter(number + 1, step.To);
        if (await VisitAsync(visits, step.To, expansion).ConfigureAwait(false) is not { } answers) return false;
        _visited[number + 1] += answers.Length;
        var rows = new List<PatternRow>(batch.Count);
        for (var i = 0; i < batch.Count; i++)
        {
            var (row, link, isResumed) = batch[i];
            var twin = answers[places[link.TwinId]];
            if (!twin.IsKept || (link.Values ?? twin.Links[linkPlaces[i]]) is not { } linkValues) continue;
            var extended = row.Extend(step, link, twin, linkValues, isResumed);
            if (!Holds(extended)) continue;
            if (expansion >= 0) (extended.Found, extended.More) = (twin.Found, twin.More);
            rows.Add(extended);
        }
        _batch = Math.Min(caller.Bounds.JoinBatch, _batch * 4); // whatever is dropped on the way: ask for more at once
        return caller.Join(batch.Count) && await ExtendAsync(number + 1, rows).ConfigureAwait(false);
    }

    // Finds the next links of some rows, from the given one on, that have none yet.
    private async Task<bool> FindAsync(int number, List<PatternRow> rows, int at)
    {
        var step = plan.Steps[number];
        if (rows[at].More is { } || (rows[at].IsResumed && step.Hop.IsSingle))
        {
            var row = rows[at];
            var from = row.More ?? resume!.Path[number];
            if (await VisitAsync([new TwinVisit(row.Twins[step.From], [], from)], -1, number).ConfigureAwait(false) is not { } one) return false;
            (row.Found, row.More) = (one[0].Found, one[0].More);
            return true;
        }
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var end = at;
        for (; end < rows.Count && places.Count < _batch; end++)
            if (rows[end].Found is null) places.TryAdd(rows[end].Twins[step.From], places.Count);
        var twins = places.Keys.ToArray();
        var reached = step.Hop.IsSingle ? null : await new ReachRun(caller, VisitAsync, step, number).RunAsync(twins).ConfigureAwait(false);
        var answers = step.Hop.IsSingle ? await VisitAsync([.. twins.Select(t => new TwinVisit(t, []))], -1, number).ConfigureAwait(false) : null;
        if (reached is null && answers is null) return false;
        for (var i = at; i < end; i++)
        {
            var row = rows[i];
            if (row.Found is not null) continue;
            var place = places[row.Twins[step.From]];
            (row.Found, row.More) = reached is not null ? (reached[place], null) : (answers![place].Found, answers[place].More);
        }
        return true;
    }

    // Asks each twin's shard, all shards at once, again for what a budget cut off; answers in order of the visits. Null when failed.
    private async Task<VisitedTwin[]?> VisitAsync(TwinVisit[] visits, int source, int expansion)
    {
        var answers = new VisitedTwin[visits.Length];
        var byShard = new List<int>?[caller.ShardCount];
        for (var i = 0; i < visits.Length; i++) (byShard[ShardMap.ShardOf(visits[i].TwinId, caller.ShardCount)] ??= []).Add(i);
        await caller.EachShardAsync(async shard =>
        {
            if (byShard[shard] is not { } mine) return;
            for (var done = 0; done < mine.Count;)
            {
                var left = mine.Skip(done).Select(i => visits[i]).ToArray();
                if (await caller.AskAsync(shard, caller.Slice(left.Length) with { Pattern = new PatternSlice(plan.Start, source, expansion, left) }).ConfigureAwait(false) is not { } answer) return;
                foreach (var visited in answer.Visited) answers[mine[done++]] = visited;
            }
        }).ConfigureAwait(false);
        return caller.Failure is null ? answers : null;
    }

    private readonly record struct Candidate(PatternRow Row, FoundLink Link, bool IsResumed);
}

/// <summary>
/// The twins that walks of a range of lengths reach, for several origins at once, level by level: each twin's neighbours are
/// asked for once, a cycle ends with the range, and a twin reached within the range is not walked through again later.
/// </summary>
internal sealed class ReachRun(ShardCaller caller, Func<TwinVisit[], int, int, Task<VisitedTwin[]?>> visitAsync, MatchStep step, int number)
{
    private readonly Dictionary<string, string[]> _neighbours = new(StringComparer.Ordinal);

    /// <summary>Ends by origin, each once, in order of their ids; null when failed.</summary>
    public async Task<FoundLink[][]?> RunAsync(string[] origins)
    {
        var frontiers = origins.Select(o => new HashSet<string>([o], StringComparer.Ordinal)).ToArray();
        var ends = origins.Select(_ => new HashSet<string>(StringComparer.Ordinal)).ToArray();
        for (var level = 1; level <= step.Hop.Most; level++)
        {
            if (!await LoadAsync(frontiers).ConfigureAwait(false)) return null;
            for (var i = 0; i < origins.Length; i++)
            {
                var next = new HashSet<string>(StringComparer.Ordinal);
                foreach (var twin in frontiers[i])
                {
                    if (!caller.Join(_neighbours[twin].Length)) return null;
                    next.UnionWith(_neighbours[twin]);
                }
                if (level >= step.Hop.Least)
                {
                    next.ExceptWith(ends[i]);
                    ends[i].UnionWith(next);
                }
                frontiers[i] = next;
            }
        }
        return [.. ends.Select(e => e.Order(StringComparer.Ordinal).Select(id => new FoundLink(id, "", true, [])).ToArray())];
    }

    private async Task<bool> LoadAsync(HashSet<string>[] frontiers)
    {
        var asked = frontiers.SelectMany(f => f).Where(t => !_neighbours.ContainsKey(t)).Distinct(StringComparer.Ordinal).Select(t => new TwinVisit(t, [])).ToList();
        var found = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        while (asked.Count > 0)
        {
            var batch = asked.Take(caller.Bounds.JoinBatch).ToArray();
            asked.RemoveRange(0, batch.Length);
            if (await visitAsync(batch, -1, number).ConfigureAwait(false) is not { } answers) return false;
            var hidden = await HiddenAsync(answers).ConfigureAwait(false);
            if (hidden is null) return false;
            foreach (var answer in answers)
            {
                if (!found.TryGetValue(answer.TwinId, out var neighbours)) found.Add(answer.TwinId, neighbours = new HashSet<string>(StringComparer.Ordinal));
                foreach (var link in answer.Found) if (link.Values is not null || !hidden.Contains((answer.TwinId, link.TwinId, link.LinkId))) neighbours.Add(link.TwinId);
                if (!caller.Join(answer.Found.Length)) return false;
                if (answer.More is { } more) asked.Add(new TwinVisit(answer.TwinId, [], more));
            }
        }
        foreach (var (twin, neighbours) in found) _neighbours.Add(twin, [.. neighbours]);
        return true;
    }

    // Relationships found at their targets, for a subject that may not see all: their sources say whether they may be walked. Null when failed.
    private async Task<HashSet<(string Target, string Source, string Link)>?> HiddenAsync(VisitedTwin[] answers)
    {
        var asked = new Dictionary<string, List<FoundLink>>(StringComparer.Ordinal);
        foreach (var answer in answers)
            foreach (var link in answer.Found)
            {
                if (link.Values is not null) continue;
                if (!asked.TryGetValue(link.TwinId, out var links)) asked.Add(link.TwinId, links = []);
                links.Add(link with { TwinId = answer.TwinId });
            }

        var hidden = new HashSet<(string, string, string)>();
        foreach (var batch in asked.Chunk(caller.Bounds.JoinBatch))
        {
            if (await visitAsync([.. batch.Select(a => new TwinVisit(a.Key, [.. a.Value]))], -1, -1).ConfigureAwait(false) is not { } sources) return null;
            for (var i = 0; i < batch.Length; i++)
                for (var j = 0; j < batch[i].Value.Count; j++)
                    if (!sources[i].IsKept || sources[i].Links[j] is null) hidden.Add((batch[i].Value[j].TwinId, batch[i].Key, batch[i].Value[j].LinkId));
        }

        return hidden;
    }
}
