using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>How a message's payload is written.</summary>
public enum PayloadFormat : byte
{
    /// <summary>
    /// JSON object of property to value (<c>{"temperature":21.5,"$time":"2026-01-01T00:00:00Z"}</c>); <c>$time</c> is optional
    /// (RFC 3339, or Unix milliseconds); or an array of such objects, each with its own time.
    /// </summary>
    Json = 0,
    /// <summary>The same shape in MessagePack: map, or array of maps; <c>$time</c> as timestamp extension or Unix milliseconds.</summary>
    MessagePack = 1,
    /// <summary>
    /// MessagePack or JSON array of samples for many twins: <c>[{"id":"lamp-1","t":1763800000000,"p":{"power":31.0}}, ...]</c>;
    /// the topic names no twin.
    /// </summary>
    JsonMany = 2,
    /// <summary>As <see cref="JsonMany"/>, in MessagePack.</summary>
    MessagePackMany = 3,
}

/// <summary>One message as a door took it from its client. The payload is only valid until the chunk completes.</summary>
/// <param name="TwinId">The twin the topic names; empty for the Many formats.</param>
/// <param name="Format">How to read the payload.</param>
/// <param name="Payload">The bytes.</param>
/// <param name="Tag">The door's own mark (e.g. MQTT packet id), handed back with the fate.</param>
public readonly record struct IngestMessage(string TwinId, PayloadFormat Format, ReadOnlyMemory<byte> Payload, int Tag);

/// <summary>What became of a message: the worst fate of its samples, and the first problem.</summary>
public readonly record struct MessageFate(bool Acknowledge, SampleFate Worst, string? Detail);

/// <summary>
/// The messages a door read from one connection at once; the element that flows through the ingest pipeline. The pipeline
/// calls <see cref="Complete"/> exactly once, after every accepted sample is in its owner's journal.
/// </summary>
public abstract class IngestChunk
{
    /// <summary>The messages, in order of arrival.</summary>
    public abstract ReadOnlySpan<IngestMessage> Messages { get; }

    /// <summary>When the door learned them.</summary>
    public abstract WallTime ArrivalTime { get; }

    /// <summary>Called once by the pipeline, on any thread. One fate a message, in order.</summary>
    public abstract void Complete(ReadOnlySpan<MessageFate> fates);
}

/// <summary>Where doors put chunks. A door awaits the offer before it reads more from that connection: that is the back-pressure.</summary>
public interface IIngestEntrance
{
    /// <summary>Offers a chunk; completes when the pipeline has room for it. Thread-safe.</summary>
    ValueTask OfferAsync(IngestChunk chunk, CancellationToken cancellationToken);

    /// <summary>Already decoded samples (HTTP batches, Sparkplug, recordings), grouped by shard inside; completes when journaled.</summary>
    ValueTask<IngestOutcome> IngestAsync(ArraySegment<Sample> samples, WallTime arrivalTime, CancellationToken cancellationToken);
}
