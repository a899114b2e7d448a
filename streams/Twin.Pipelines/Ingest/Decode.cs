using System.Text;
using System.Text.Json;
using MessagePack;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Stage: payload bytes become samples. A message that cannot be read is Invalid as a whole, with the position; the others
/// of its chunk go on. Never throws.
/// </summary>
internal sealed class Decode(IngestOptions options, NameTables names, IngestMetrics metrics)
{
    private readonly JsonPayload _json = new(names, options.MaxSamplesPerMessage);
    private readonly MessagePackPayload _messagePack = new(names, options.MaxSamplesPerMessage);

    /// <summary>Decodes every chunk of an intake, in place.</summary>
    public ArraySegment<Flight> Run(ArraySegment<Flight> intake)
    {
        foreach (var flight in intake.AsSpan())
        {
            if (flight.Chunk is null) TakeDirect(flight);
            else TakeChunk(flight, flight.Chunk);
        }
        return intake;
    }

    private static void TakeDirect(Flight flight)
    {
        flight.Begin(1, flight.Given.Count);
        var given = flight.Given.AsSpan();
        for (var i = 0; i < given.Length; i++) flight.Add(given[i], i);
    }

    private void TakeChunk(Flight flight, IngestChunk chunk)
    {
        try
        {
            var messages = chunk.Messages;
            flight.Begin(messages.Length, messages.Length);
            for (var i = 0; i < messages.Length; i++) TakeMessage(flight, messages[i], i);
        }
        catch (Exception poison)
        {
            metrics.ChunkPoisoned();
            flight.Truncate(0);
            for (var i = 0; i < flight.MessageCount; i++) flight.Mark(i, SampleFate.Invalid, $"The chunk could not be read: {poison.Message}");
        }
    }

    private void TakeMessage(Flight flight, in IngestMessage message, int index)
    {
        var before = flight.Count;
        try
        {
            switch (message.Format)
            {
                case PayloadFormat.Json: _json.ReadProperties(message.Payload.Span, message.TwinId, flight, index); break;
                case PayloadFormat.MessagePack: _messagePack.ReadProperties(message.Payload, message.TwinId, flight, index); break;
                case PayloadFormat.JsonMany: _json.ReadMany(message.Payload.Span, flight, index); break;
                case PayloadFormat.MessagePackMany: _messagePack.ReadMany(message.Payload, flight, index); break;
                default: throw new PayloadException($"Payload format {(int)message.Format} is not known; 0 to 3 are.");
            }
        }
        catch (Exception malformed)
        {
            flight.Truncate(before);
            flight.Mark(index, SampleFate.Invalid, Describe(malformed));
            metrics.CountSamples(SampleFate.Invalid, 1);
        }
    }

    private static string Describe(Exception malformed) => malformed switch
    {
        PayloadException own => own.Message,
        JsonException json => $"Malformed JSON at line {json.LineNumber + 1}, byte {json.BytePositionInLine + 1}: {FirstSentence(json.Message)}",
        DecoderFallbackException or InvalidOperationException => $"Text is not UTF-8: {FirstSentence(malformed.Message)}",
        EndOfStreamException => "Malformed MessagePack: the payload ends too early.",
        MessagePackSerializationException pack => $"Malformed MessagePack: {FirstSentence(pack.Message)}",
        _ => $"The payload cannot be read: {FirstSentence(malformed.Message)}",
    };

    private static string FirstSentence(string text)
    {
        var end = text.IndexOf(". ", StringComparison.Ordinal);
        return SampleSyntax.Shorten(end < 0 ? text : text[..(end + 1)]);
    }
}
