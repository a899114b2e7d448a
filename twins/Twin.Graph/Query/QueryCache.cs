using System.Diagnostics.Metrics;

namespace Twin.Graph.Query;

/// <summary>Parsed queries by text, the least recently used dropped when full. Not thread-safe. Counted in <c>twin_query_plans_total{result}</c>.</summary>
internal sealed class QueryCache(int capacity)
{
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> Plans = Meter.CreateCounter<long>("twin_query_plans_total", description: "Query texts by what the plan cache did: hit, miss, refused.");
    private static readonly KeyValuePair<string, object?> Hit = new("result", "hit");
    private static readonly KeyValuePair<string, object?> Miss = new("result", "miss");
    private static readonly KeyValuePair<string, object?> Refused = new("result", "refused");

    private readonly Dictionary<string, LinkedListNode<CompiledQuery>> _byText = new(StringComparer.Ordinal);
    private readonly LinkedList<CompiledQuery> _byUse = new();

    public bool TryGet(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out CompiledQuery? query, out Problem? problem)
    {
        problem = null;
        if (_byText.TryGetValue(text, out var node))
        {
            Plans.Add(1, Hit);
            if (node != _byUse.First)
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
            }
            query = node.Value;
            return true;
        }
        query = null;
        if (!QueryParser.TryParse(text, out var parsed, out problem))
        {
            Plans.Add(1, Refused);
            return false;
        }
        Plans.Add(1, Miss);
        query = new CompiledQuery(parsed);
        if (_byText.Count >= capacity)
        {
            _byText.Remove(_byUse.Last!.Value.Query.Text);
            _byUse.RemoveLast();
        }
        _byText.Add(text, _byUse.AddFirst(query));
        return true;
    }
}
