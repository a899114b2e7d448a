using System.Text.Json;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>What EXPLAIN answers: the start and its access on each shard with estimates, the steps of a pattern, and with ANALYZE what a run of the first page examined.</summary>
internal sealed class QueryExplanation(ShardCaller caller, QueryRun run, int limit)
{
    public async ValueTask<RowPage> AnswerAsync()
    {
        var query = caller.Query;
        if (!await run.PlanAsync(null).ConfigureAwait(false)) return caller.Failure!;
        var pattern = run.Pattern;
        var plans = new ReadOnlyMemory<byte>[caller.ShardCount];
        if (await caller.EstimateAsync(pattern?.Plan.Start ?? 0, limit, plans).ConfigureAwait(false) is not { } estimates) return caller.Failure!;
        var result = query.IsAnalyze ? await run.AnswerAsync(null, 0).ConfigureAwait(false) : null;
        var row = RowJson.Write(json =>
        {
            json.WriteString("query", query.Text);
            json.WriteString("order", query.Order.Count > 0 ? $"bounded heap of {limit} on each shard, merged" : "none");
            json.WriteStartObject("start");
            var start = pattern?.Plan.Start ?? 0;
            json.WriteString("source", query.Sources[start].Alias ?? $"#{start}");
            json.WriteString("by", pattern?.StartBy ?? "shards below");
            json.WriteNumber("estimate", pattern?.Ids?.Count ?? estimates[start]);
            if (pattern?.Run is { } done) WriteCounts(json, done, 0);
            json.WriteEndObject();
            if (pattern is not null) WriteSteps(json, pattern);
            json.WriteStartArray("shards");
            foreach (var plan in plans) json.WriteRawValue(plan.Span);
            json.WriteEndArray();
            if (result is not null) WriteRun(json, result);
        });
        return new RowPage(TwinStatus.Ok, [row], null);
    }

    private static void WriteSteps(Utf8JsonWriter json, PatternAnswer pattern)
    {
        var plan = pattern.Plan;
        json.WriteStartArray("steps");
        for (var i = 0; i < plan.Steps.Count; i++)
        {
            var step = plan.Steps[i];
            json.WriteStartObject();
            json.WriteString("from", plan.Query.Sources[step.From].Alias ?? $"#{step.From}");
            json.WriteString("to", plan.Query.Sources[step.To].Alias ?? $"#{step.To}");
            json.WriteString("direction", step.Direction switch { HopDirection.Out => "out", HopDirection.In => "in", _ => "either" });
            json.WriteString("relationships", step.Hop.Names.Count == 0 ? "any" : string.Join('|', step.Hop.Names));
            json.WriteString("hops", step.Hop.Least == step.Hop.Most ? $"{step.Hop.Least}" : $"{step.Hop.Least}..{step.Hop.Most}");
            json.WriteNumber("twinTerms", plan.TermsOf(step.To).Count);
            json.WriteNumber("relationshipTerms", plan.TermsOf(step.Hop.Link).Count);
            json.WriteNumber("crossTerms", plan.CrossTermsAfter(i + 1).Count);
            if (pattern.Estimates is { } estimates) json.WriteNumber("twinsOfTarget", estimates[step.To]);
            if (pattern.Run is { } run) WriteCounts(json, run, i + 1);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteCounts(Utf8JsonWriter json, PatternRun run, int steps)
    {
        json.WriteNumber("visited", run.Visited[steps]);
        json.WriteNumber("kept", run.Kept[steps]);
    }

    private void WriteRun(Utf8JsonWriter json, RowPage result)
    {
        json.WriteStartObject("run");
        json.WriteString("status", result.Status.ToString());
        json.WriteNumber("rows", result.Rows.Count);
        json.WriteNumber("examined", caller.Examined);
        json.WriteNumber("slices", caller.Calls);
        json.WriteBoolean("hasMore", result.Continuation is not null);
        if (result.Problem is { } problem) json.WriteString("problem", problem.Detail);
        json.WriteEndObject();
    }
}
