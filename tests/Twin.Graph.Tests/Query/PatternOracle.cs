using System.Text;
using System.Text.Json;

namespace Twin.Graph.Tests.Query;

/// <summary>A random pattern as text, and the obvious evaluation: nested loops over all documents, walks by sets. Knows nothing of plans, shards or indexes.</summary>
internal sealed class PatternOracle
{
    private static readonly string[] Names = ["near", "near", "in", "contains"];
    private static readonly string[] Letters = ["A", "B", "C", "D", "E", "F"];

    private readonly List<Hop> _hops = [];
    private readonly OracleCondition _condition;
    private readonly bool _isMatch;

    private sealed record Hop(int From, int To, string[] Names, char Direction, int Least, int Most, string? Link);

    public PatternOracle(Random random, Func<string> anyId)
    {
        _isMatch = random.Next(3) > 0;
        var count = random.Next(1, 4);
        for (var i = 0; i < count; i++) _hops.Add(_isMatch ? ChainHop(random, i) : new Hop(random.Next(i + 1), i + 1, [Names[random.Next(4)]], '>', 1, 1, random.Next(3) == 0 ? "R" + i : null));
        Aliases = [.. Letters.Take(count + 1)];
        Links = [.. _hops.Select(h => h.Link).OfType<string>()];
        var condition = new QueryOracle(random, Aliases, Links.Length > 0 ? Links[random.Next(Links.Length)] : null, anyId).Condition(random.Next(4));
        if (random.Next(2) == 0)
        {
            var (alias, id) = (Aliases[random.Next(Aliases.Length)], anyId());
            var inner = condition;
            condition = new OracleCondition($"{alias}.$dtId = '{id}' AND ({inner.Text})", row => row[alias].GetProperty("$dtId").GetString() == id && inner.Holds(row));
        }
        _condition = condition;
    }

    public string[] Aliases { get; }

    public string[] Links { get; }

    /// <summary>From FROM on.</summary>
    public string Text
    {
        get
        {
            var text = new StringBuilder("FROM DIGITALTWINS ");
            text.Append(_isMatch ? "MATCH (A)" : "A");
            foreach (var hop in _hops)
            {
                if (!_isMatch) text.Append($" JOIN {Letters[hop.To]} RELATED {Letters[hop.From]}.{hop.Names[0]} {hop.Link}");
                else
                {
                    var names = hop.Names.Length > 0 ? ":" + string.Join('|', hop.Names) : "";
                    var range = hop is { Least: 1, Most: 1 } ? "" : hop.Least == hop.Most ? $"*{hop.Least}" : hop.Least == 1 ? $"*..{hop.Most}" : $"*{hop.Least}..{hop.Most}";
                    text.Append($"{(hop.Direction == '<' ? "<-" : "-")}[{hop.Link}{names}{range}]{(hop.Direction == '>' ? "->" : "-")}({Letters[hop.To]})");
                }
            }
            return text.Append(" WHERE ").Append(_condition.Text).ToString();
        }
    }

    /// <summary>All rows, as documents by alias; null when there are more than <paramref name="most"/> on the way.</summary>
    public List<Dictionary<string, JsonElement>>? Rows(IReadOnlyDictionary<string, JsonElement> twins, List<JsonElement> links, int most)
    {
        var rows = twins.Values.Select(t => new Dictionary<string, JsonElement> { ["A"] = t }).ToList();
        foreach (var hop in _hops)
        {
            var next = new List<Dictionary<string, JsonElement>>();
            foreach (var row in rows)
            {
                var from = Id(row[Letters[hop.From]]);
                foreach (var (end, link) in hop is { Least: 1, Most: 1 } ? Step(hop, from, links) : Walk(hop, from, links).Select(e => (e, default(JsonElement))))
                {
                    var bound = new Dictionary<string, JsonElement>(row) { [Letters[hop.To]] = twins[end] };
                    if (hop.Link is not null) bound[hop.Link] = link;
                    next.Add(bound);
                }
                if (next.Count > most) return null;
            }
            rows = next;
        }
        return [.. rows.Where(r => _condition.Holds(r))];
    }

    private static Hop ChainHop(Random random, int at)
    {
        var least = random.Next(4) == 0 ? random.Next(1, 4) : 1;
        var most = least > 1 || random.Next(3) == 0 ? random.Next(least, 5) : 1;
        var names = Enumerable.Range(0, random.Next(3)).Select(_ => Names[random.Next(4)]).Distinct().ToArray();
        return new Hop(at, at + 1, names, "<>-"[random.Next(3)], least, most, least == 1 && most == 1 && random.Next(2) == 0 ? "R" + at : null);
    }

    private static IEnumerable<(string End, JsonElement Link)> Step(Hop hop, string from, List<JsonElement> links)
    {
        foreach (var link in links)
        {
            if (hop.Names.Length > 0 && !hop.Names.Contains(link.GetProperty("$relationshipName").GetString())) continue;
            string source = link.GetProperty("$sourceId").GetString()!, target = link.GetProperty("$targetId").GetString()!;
            if (hop.Direction != '<' && source == from) yield return (target, link);
            if (hop.Direction != '>' && target == from && (hop.Direction == '<' || source != target)) yield return (source, link);
        }
    }

    private static HashSet<string> Walk(Hop hop, string from, List<JsonElement> links)
    {
        var ends = new HashSet<string>();
        var level = new HashSet<string> { from };
        for (var length = 1; length <= hop.Most; length++)
        {
            level = [.. level.SelectMany(t => Step(hop, t, links)).Select(s => s.End)];
            if (length >= hop.Least) ends.UnionWith(level);
        }
        return ends;
    }

    private static string Id(JsonElement twin) => twin.GetProperty("$dtId").GetString()!;
}
