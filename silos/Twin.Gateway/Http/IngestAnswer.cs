using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary>The answer to a batch: every fate counted, the first hundred refusals told. 503 when the store could keep none of what was left.</summary>
internal static class IngestAnswer
{
    private static readonly JsonEncodedText[] Names = [.. Enum.GetNames<SampleFate>().Select(n => JsonEncodedText.Encode(JsonNamingPolicy.CamelCase.ConvertName(n)))];

    public static async Task WriteAsync(HttpContext context, IngestOutcome outcome)
    {
        var unavailable = outcome.Counts[(int)SampleFate.Unavailable];
        if (unavailable > 0 && unavailable == outcome.Counts.Sum())
        {
            await TwinProblems.WriteAsync(context, TwinStatus.Unavailable, new Problem("StoreUnavailable", outcome.Refusals.FirstOrDefault()?.Detail ?? "The store could not keep the samples; send them again.")).ConfigureAwait(false);
            return;
        }

        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer)) Write(writer, outcome);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = buffer.WrittenCount;
        await context.Response.BodyWriter.WriteAsync(buffer.WrittenMemory, context.RequestAborted).ConfigureAwait(false);
    }

    private static void Write(Utf8JsonWriter writer, IngestOutcome outcome)
    {
        writer.WriteStartObject();
        for (var fate = 0; fate < IngestOutcome.FateCount; fate++) writer.WriteNumber(Names[fate], outcome.Counts[fate]);
        writer.WriteStartArray("refusals"u8);
        foreach (var refusal in outcome.Refusals)
        {
            writer.WriteStartObject();
            writer.WriteNumber("index"u8, refusal.Index);
            writer.WriteString("fate"u8, Names[(int)refusal.Fate]);
            writer.WriteString("detail"u8, refusal.Detail);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
