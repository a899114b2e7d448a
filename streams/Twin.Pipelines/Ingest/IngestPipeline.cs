using Akka;
using Akka.Streams;
using Akka.Streams.Dsl;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// The ingest pipeline as a value: decode, stamp, group by shard, apply, settle. It runs when a host materialises it.
/// <code>
/// inlet -> decode -> stamp -> group -> apply -> settle
///                               ^------------------'   settled groups free their shard
/// </code>
/// All stages are fused into one actor; elements are intakes (many chunks) and groups (many samples), never samples.
/// </summary>
internal static class IngestPipeline
{
    /// <summary>Builds the graph. Its task ends when the inlet has completed and all is settled, or fails with the stream.</summary>
    public static RunnableGraph<Task> Build(Inlet inlet, Decode decode, Stamp stamp, Group group, Apply apply, Settle settle)
    {
        var samples = Source.FromGraph(new Inlet.Stage(inlet)).Select(decode.Run).Select(stamp.Run);
        var calls = Flow.FromGraph(apply).Select(settle.Run);
        return RunnableGraph.FromGraph(GraphDsl.Create(group, (builder, gather) =>
        {
            builder.From(builder.Add(samples)).To(gather.In0);
            builder.From(gather.Out).Via(builder.Add(calls)).To(gather.In1);
            return ClosedShape.Instance;
        }));
    }
}
