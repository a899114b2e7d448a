using System.Text.Json;
using MessagePack;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Reads the body of a batch of many twins (<see cref="PayloadFormat.JsonMany"/>, <see cref="PayloadFormat.MessagePackMany"/>) for
/// doors that answer with counts. Shares the pipeline's decoders; strings that come again are not allocated again.
/// Thread-safe. Hot.
/// </summary>
public sealed class SampleReader(int mostSamples = 200_000)
{
    private readonly NameTables _names = new(1 << 18);

    /// <summary>Samples of one body. Give it back when the outcome is there.</summary>
    public sealed class Batch : IDisposable
    {
        private readonly Flight _flight;

        internal Batch(Flight flight) => _flight = flight;

        /// <summary>The samples; valid until disposed.</summary>
        public ArraySegment<Sample> Samples => _flight.Segment;

        /// <inheritdoc/>
        public void Dispose()
        {
            _flight.ReleaseSamples();
            _flight.ReleaseFates();
        }
    }

    /// <summary>Reads a body; false with a problem that names the byte when it is malformed or has too many samples.</summary>
    public bool TryRead(PayloadFormat format, ReadOnlyMemory<byte> body, out Batch? batch, out Problem? problem)
    {
        var flight = new Flight();
        flight.Begin(1, Math.Clamp(body.Length / 16, 16, 65_536));
        batch = null;
        problem = null;
        try
        {
            if (format == PayloadFormat.JsonMany) new JsonPayload(_names, mostSamples).ReadMany(body.Span, flight, 0);
            else if (format == PayloadFormat.MessagePackMany) new MessagePackPayload(_names, mostSamples).ReadMany(body, flight, 0);
            else throw new ArgumentOutOfRangeException(nameof(format), format, "Only the formats of many twins have no twin in their address.");
            batch = new Batch(flight);
            return true;
        }
        catch (Exception malformed) when (malformed is PayloadException or JsonException or MessagePackSerializationException or EndOfStreamException or InvalidOperationException)
        {
            flight.ReleaseSamples();
            flight.ReleaseFates();
            problem = new Problem("BatchInvalid", Decode.Describe(malformed), "body");
            return false;
        }
    }
}
