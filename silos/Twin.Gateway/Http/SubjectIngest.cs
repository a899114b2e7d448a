using Twin.Grains;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary>Samples of a caller who may not write everything: past the pipeline, which joins samples of many callers, straight to the owners, who decide about each.</summary>
internal static class SubjectIngest
{
    public static async Task<IngestOutcome> RunAsync(ITwinStore store, ArraySegment<Sample> samples, WallTime arrival, CancellationToken cancellationToken)
    {
        var groups = Enumerable.Range(0, samples.Count).GroupBy(i => ShardMap.ShardOf(samples[i].TwinId, store.ShardCount)).Select(g => (Shard: g.Key, Places: g.ToArray()));
        var counts = new int[IngestOutcome.FateCount];
        var refusals = new List<SampleRefusal>();
        var last = 0L;
        foreach (var (shard, places) in groups)
        {
            var outcome = await store.IngestAsync(shard, new SampleBatch(Array.ConvertAll(places, i => samples[i]), arrival), cancellationToken).ConfigureAwait(false);
            for (var fate = 0; fate < counts.Length; fate++) counts[fate] += outcome.Counts[fate];
            refusals.AddRange(outcome.Refusals.Select(r => r with { Index = places[r.Index] }));
            last = outcome.Sequence;
        }

        return new IngestOutcome(counts, [.. refusals.OrderBy(r => r.Index).Take(100)], last);
    }
}
