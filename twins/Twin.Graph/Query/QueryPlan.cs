using System.Buffers;
using System.Text.Json;

namespace Twin.Graph.Query;

/// <summary>What EXPLAIN answers for one shard: for the source a query begins with, per model table how it would be read, its compiled condition and how many rows are expected.</summary>
internal static class QueryPlan
{
    /// <summary>Twins that would be examined for each source; 0 for relationships of a pattern.</summary>
    public static long[] Estimate(ShardState state, CompiledQuery query, ShardQuery request)
    {
        var estimates = new long[query.Query.Sources.Count];
        for (var source = 0; source < estimates.Length; source++)
        {
            if (source > 0 && query.Query.Sources[source].Kind != SourceKind.Twins) continue;
            var terms = query.TermsOf(source);
            foreach (var table in state.Tables)
            {
                TwinScan.ExplainAccess(table, terms.FilterFor(table, request.Parameters), terms, long.MaxValue / 2, out var estimate);
                estimates[source] += estimate;
            }
        }
        return estimates;
    }

    public static ReadOnlyMemory<byte> Write(ShardState state, CompiledQuery query, ShardQuery request)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(bytes);
        json.WriteStartObject();
        json.WriteNumber("shard", state.Shard);
        json.WriteStartArray("tables");
        var terms = query.TermsOf(request.Pattern?.Start ?? 0);
        var wanted = query.Query.Selection is SelectionKind.Count or SelectionKind.Groups || query.Query.Order.Count > 0 || query.LinkSource >= 0 ? long.MaxValue / 2 : request.Limit;
        foreach (var table in state.Tables)
        {
            var filter = terms.FilterFor(table, request.Parameters);
            var access = TwinScan.ExplainAccess(table, filter, terms, wanted, out var estimate);
            json.WriteStartObject();
            json.WriteString("model", table.Model.Id);
            json.WriteNumber("twins", table.Count);
            json.WriteString("access", access);
            json.WriteNumber("estimate", estimate);
            json.WriteString("condition", filter.Explain());
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return bytes.WrittenSpan.ToArray();
    }
}
