using System.Buffers;
using System.Text.Json;

namespace Twin.Graph.Query;

/// <summary>What EXPLAIN answers for one shard: per model table how it would be read, its compiled condition and how many rows are expected.</summary>
internal static class QueryPlan
{
    public static ReadOnlyMemory<byte> Write(ShardState state, CompiledQuery query, ShardQuery request)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(bytes);
        json.WriteStartObject();
        json.WriteNumber("shard", state.Shard);
        json.WriteStartArray("tables");
        var wanted = query.Query.Selection == SelectionKind.Count || query.Query.Order.Count > 0 || query.LinkSource >= 0 ? long.MaxValue / 2 : request.Limit;
        foreach (var table in state.Tables)
        {
            var filter = query.FilterFor(table, request.Parameters);
            var access = TwinScan.ExplainAccess(table, filter, query, wanted, out var estimate);
            json.WriteStartObject();
            json.WriteString("model", table.Model.Id);
            json.WriteNumber("twins", table.Count);
            json.WriteString("access", access);
            json.WriteNumber("estimate", estimate);
            json.WriteString("condition", filter.Explain());
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (query.Join is { } plan)
        {
            json.WriteStartObject("join");
            json.WriteString("relationship", plan.Join.Relationship);
            json.WriteNumber("sourceTerms", plan.SourceTerms.Count);
            json.WriteNumber("relationshipTerms", plan.LinkTerms.Count);
            json.WriteNumber("targetTerms", plan.TargetTerms.Count);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.Flush();
        return bytes.WrittenSpan.ToArray();
    }
}
